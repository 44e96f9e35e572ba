//! Looking at atoms and removing them: get, get by external reference, delete, page, count.

use futures_util::future::{FutureExt, ready};

use super::data::{Atom, AtomDeletion, FeedPage, FeedQuery, RevisionChain, TenantStats};
use super::{Answer, Done, TenantCell, TenantCommand};
use crate::tenant::TenantError;
use crate::types::AtomId;

fn read<R: 'static>(result: Result<R, TenantError>) -> Answer<R> {
    ready(result.map(Done::read)).boxed_local()
}

/// One atom, or `None`.
pub struct FindAtom {
    pub id: AtomId,
}

impl TenantCommand for FindAtom {
    type Reply = Option<Atom>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        read(tenant.borrow().find_atom(self.id))
    }
}

/// The atom written with an external reference, or `None`.
pub struct FindByExternalRef {
    pub external_ref: String,
}

impl TenantCommand for FindByExternalRef {
    type Reply = Option<Atom>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        read(tenant.borrow().find_by_external_ref(&self.external_ref))
    }
}

/// Removes an atom from every structure; says whether there was one.
pub struct DeleteAtom {
    pub id: AtomId,
}

impl TenantCommand for DeleteAtom {
    type Reply = AtomDeletion;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        let mut tenant = tenant.borrow_mut();
        let result = tenant.delete_atom(self.id);
        // Also when it was gone already: the delete that removed it may still await its flush.
        ready(result.map(|deleted| Done { reply: deleted, ticket: tenant.ticket() })).boxed_local()
    }
}

/// The newest atoms.
pub struct Recent {
    pub query: FeedQuery,
}

impl TenantCommand for Recent {
    type Reply = FeedPage;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        read(tenant.borrow().recent(&self.query))
    }
}

/// An atom's revisions, or `None` when there is no such atom.
pub struct FindChain {
    pub id: AtomId,
}

impl TenantCommand for FindChain {
    type Reply = Option<RevisionChain>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        read(tenant.borrow().find_chain(self.id))
    }
}

/// Atoms in order of creation, after one of them.
pub struct ExportPage {
    /// `None` begins. An id that is gone continues where it stood.
    pub after: Option<AtomId>,
    pub limit: usize,
}

impl TenantCommand for ExportPage {
    type Reply = Vec<Atom>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        read(tenant.borrow().export_page(self.after, self.limit))
    }
}

/// Counts and means. Costs the number of domains, not of atoms.
pub struct Stats;

impl TenantCommand for Stats {
    type Reply = TenantStats;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        read(Ok(tenant.borrow().stats()))
    }
}
