//! Remembering fragments of a conversation, in slices: those that are new are stored, charged for
//! and enqueued for enrichment, all of it in one batch.

use super::store::Pending;
use super::{Tenant, TenantError, TokenAllowance};
use crate::engine::atom::{Enrichment, WriteDecision};
use crate::engine::prepared::PreparedAtom;
use crate::engine::recollection::Ingested;
use crate::types::{TokenDirection, Tokens};

/// Fragments planned in one slice: about half a millisecond in a domain of 10,000 atoms.
const SLICE: usize = 4;

/// A fragment ready to be stored.
#[derive(Debug, Clone)]
pub struct PreparedFragment {
    pub atom: PreparedAtom,
    /// Metered tokens, charged if it is new.
    pub tokens: u64,
}

/// Fragments on their way into memory.
#[must_use = "fragments that are planned and not committed poison the tenant"]
pub struct IngestionRun {
    pending: Pending,
    rest: std::vec::IntoIter<PreparedFragment>,
    ingested: Ingested,
}

impl Tenant {
    /// Begins to remember fragments, and charges `tokens_besides` for what is not kept.
    ///
    /// # Errors
    /// [`TenantError::TokenLimit`] when nothing is left of the day's tokens,
    /// [`TenantError::AtomLimit`] when the new ones do not all fit, [`TenantError::JobLimit`].
    /// Nothing has changed then.
    pub fn begin_ingestion(
        &mut self,
        fragments: Vec<PreparedFragment>,
        tokens_besides: u64,
        atoms_max: Option<u64>,
        allowance: &TokenAllowance,
    ) -> Result<IngestionRun, TenantError> {
        self.check_usable()?;
        self.check_tokens(&[TokenDirection::Input], allowance)?;
        let new: Vec<_> = fragments.iter().filter(|fragment| !self.knows(&fragment.atom)).collect();
        // One that is there twice counts twice: near the limit that is no great loss.
        let atom_count = self.atoms.len() + new.len();
        if let Some(limit) = atoms_max.filter(|max| !new.is_empty() && atom_count as u64 > *max) {
            return Err(TenantError::AtomLimit { limit });
        }
        let is_enriched =
            |fragment: &&PreparedFragment| fragment.atom.new.enrichment != Enrichment::None;
        let mut pending = self.begin(None);
        if new.iter().any(is_enriched) {
            self.enqueue_enrichment(&mut pending)?;
        }
        let tokens = Tokens { input: tokens_besides, output: 0 };
        let ingested = Ingested { are_new: Vec::with_capacity(fragments.len()), tokens };
        Ok(IngestionRun { pending, rest: fragments.into_iter(), ingested })
    }

    /// Plans the next fragments; says whether there are more.
    ///
    /// # Errors
    /// When a structure refuses one; the tenant is poisoned then.
    pub fn ingest_slice(&mut self, run: &mut IngestionRun) -> Result<bool, TenantError> {
        for PreparedFragment { atom, tokens } in run.rest.by_ref().take(SLICE) {
            let may_wait = atom.new.enrichment == Enrichment::DeriveAndReveal;
            let outcome = self.store(&mut run.pending, atom)?;
            let is_new = outcome.decision == WriteDecision::Stored;
            // Sent again to be recalled at once.
            if let Some(known) = outcome.atom_id.filter(|_| !is_new && !may_wait) {
                self.reveal(&mut run.pending, known)?;
            }
            let charged = if is_new { tokens } else { 0 };
            run.ingested.tokens.input = run.ingested.tokens.input.saturating_add(charged);
            run.ingested.are_new.push(is_new);
        }
        Ok(!run.rest.as_slice().is_empty())
    }

    /// Charges for what was planned. What it returns goes to [`Tenant::seal`] or
    /// [`Tenant::commit`].
    ///
    /// # Errors
    /// As [`Tenant::spend_tokens`].
    pub fn finish_ingestion(
        &mut self,
        mut run: IngestionRun,
    ) -> Result<(Pending, Ingested), TenantError> {
        self.spend_tokens(&mut run.pending, run.ingested.tokens)?;
        Ok((run.pending, run.ingested))
    }

    fn knows(&self, atom: &PreparedAtom) -> bool {
        let external_ref = atom.new.external_ref.as_deref();
        external_ref.is_some_and(|external_ref| self.knows_external_ref(external_ref))
    }
}
