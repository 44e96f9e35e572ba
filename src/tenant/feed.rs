//! The newest atoms, page by page, and the graph as it is shown.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::domain::{Domain, Row};
use super::standing::Visibility;
use super::{Place, Tenant, TenantError};
use crate::engine::atom::{FeedPage, FeedQuery, GraphQuery, GraphView};
use crate::types::AtomNo;

impl Tenant {
    /// Atoms that reads may return, newest first. Atom numbers order atoms by creation, so a
    /// page continues exactly where the last one ended, whatever was written or deleted since.
    /// Costs O(domains + rows walked over).
    ///
    /// # Errors
    /// When storage cannot be read.
    pub fn recent(&self, query: &FeedQuery) -> Result<FeedPage, TenantError> {
        self.check_usable()?;
        let numbers: Vec<u32> = match &query.domain {
            None => self.domains.keys().copied().collect(),
            Some(name) => self.domain_numbers.get(name).copied().into_iter().collect(),
        };
        // The newest row of each domain that is left, and where it is.
        let mut heads: BinaryHeap<(AtomNo, Reverse<u32>, u32)> = BinaryHeap::new();
        for number in numbers {
            let Some(domain) = self.domains.get(&number) else { continue };
            let before = query.before.unwrap_or(AtomNo(u64::MAX));
            let end = domain.rows.partition_point(|row| row.no < before);
            heads.extend(head_before(domain, number, end, query));
        }
        let mut page = FeedPage { atoms: Vec::new(), next_before: None };
        while let Some((no, Reverse(domain_no), row)) = heads.pop() {
            if page.atoms.len() == query.limit {
                page.next_before = page.atoms.last().map(|atom| atom.no);
                break;
            }
            debug_assert!(query.before.is_none_or(|before| no < before));
            page.atoms.push(self.load(Place { domain_no, row })?);
            if let Some(domain) = self.domains.get(&domain_no) {
                heads.extend(head_before(domain, domain_no, row as usize, query));
            }
        }
        Ok(page)
    }

    #[must_use]
    pub fn view_graph(&self, query: &GraphQuery) -> GraphView {
        self.graph.view(query)
    }
}

/// The newest row before row `end` that belongs to the feed.
fn head_before(
    domain: &Domain,
    domain_no: u32,
    end: usize,
    query: &FeedQuery,
) -> Option<(AtomNo, Reverse<u32>, u32)> {
    let rows = domain.rows.get(..end)?;
    let (row, found) = rows
        .iter()
        .enumerate()
        .rev()
        .take_while(|(_, row)| query.window.since.is_none_or(|since| row.created_at >= since))
        .filter_map(|(at, row)| Some((u32::try_from(at).ok()?, row)))
        .find(|(at, row)| domain.memory.is_live(*at) && belongs(row, query))?;
    Some((found.no, Reverse(domain_no), row))
}

fn belongs(row: &Row, query: &FeedQuery) -> bool {
    let is_shown = match row.visibility {
        Visibility::Shown => true,
        Visibility::Superseded => query.include_history,
        Visibility::Consolidated | Visibility::Staged => false,
    };
    is_shown && query.window.contains(row.created_at)
}
