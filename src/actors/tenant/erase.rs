//! Forgetting many atoms at once: a domain, or everything. Both work in slices, each an atomic
//! batch, so that the shard's other tenants are served meanwhile; a crash on the way leaves whole
//! atoms, and sending the command again removes the rest.

use futures_util::future::FutureExt;
use rustc_hash::FxHashSet;

use super::documents::remove_all as remove_documents;
use super::subjects::forget;
use super::{Answer, Done, TenantCell, TenantCommand, blobs};
use crate::engine::documents::DOCUMENTS_DOMAIN;
use crate::engine::facts::derived_domain;
use crate::tenant::TenantError;
use crate::types::AtomId;

/// Atoms whose facts are looked up in one slice.
const SLICE_SOURCES: usize = 512;

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    pub atoms: u64,
    /// Ids of documents, which are free now.
    pub documents: Vec<String>,
}

/// Removes every atom of a domain.
pub struct DeleteDomain {
    pub name: String,
}

impl TenantCommand for DeleteDomain {
    type Reply = Erased;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let deleted = delete_domain(&tenant, &self.name).await?;
            Ok(Done { reply: deleted, ticket: tenant.borrow().ticket() })
        }
        .boxed_local()
    }
}

/// Removes everything a tenant remembers.
pub struct Reset;

impl TenantCommand for Reset {
    type Reply = Erased;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let (mut atoms, documents) = remove_documents(&tenant).await?;
            let names = tenant.borrow().domain_names();
            for name in names {
                atoms += erase_domain(&tenant, &name).await?;
            }
            while tenant.borrow_mut().forget_learned_slice()? {
                tokio::task::yield_now().await;
            }
            // Those of files; the documents' are gone.
            blobs::remove_all(&tenant).await?;
            let reply = Erased { atoms, documents };
            Ok(Done { reply, ticket: tenant.borrow().ticket() })
        }
        .boxed_local()
    }
}

/// The facts derived from a domain go first: whatever a crash leaves still has its source. With the
/// domain of a subject goes the subject, and with that of documents go those.
async fn delete_domain(tenant: &TenantCell, name: &str) -> Result<Erased, TenantError> {
    let (mut atoms, documents) = match name {
        DOCUMENTS_DOMAIN => remove_documents(tenant).await?,
        _ => (0, Vec::new()),
    };
    let subject = tenant.borrow().subject_in(name);
    if let Some(subject) = subject {
        let forgotten = forget(tenant, &subject, None).await?;
        atoms += forgotten.map_or(0, |forgotten| forgotten.facts as u64);
    }
    erase_facts(tenant, name).await?;
    atoms += erase_domain(tenant, name).await?;
    Ok(Erased { atoms, documents })
}

/// Removes what was derived from a domain. A caller may have atoms of its own in the domain of
/// the facts; they stay.
async fn erase_facts(tenant: &TenantCell, name: &str) -> Result<(), TenantError> {
    let facts_domain = derived_domain(name);
    let neighbours: FxHashSet<AtomId> =
        tenant.borrow().atoms_in(&facts_domain).into_iter().collect();
    if neighbours.is_empty() {
        return Ok(());
    }
    let sources = tenant.borrow().atoms_in(name);
    let mut facts = Vec::new();
    for some in sources.chunks(SLICE_SOURCES) {
        let derived = |source: &AtomId| tenant.borrow().derived_atoms(*source);
        facts.extend(some.iter().flat_map(derived).filter(|fact| neighbours.contains(fact)));
        tokio::task::yield_now().await;
    }
    if facts.len() == neighbours.len() {
        return erase_domain(tenant, &facts_domain).await.map(drop);
    }
    for fact in facts {
        tenant.borrow_mut().delete_atom(fact)?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn erase_domain(tenant: &TenantCell, name: &str) -> Result<u64, TenantError> {
    let Some(mut erasure) = tenant.borrow_mut().plan_domain_erasure(name)? else { return Ok(0) };
    let count = erasure.atom_count();
    while tenant.borrow_mut().erase_slice(&mut erasure)? {
        tokio::task::yield_now().await;
    }
    tenant.borrow_mut().finish_erasure(erasure)?;
    Ok(count)
}
