//! Sessions, their messages and events.

use futures_util::future::FutureExt;

use super::{Changing, change, look};
use crate::actors::tenant::data::{
    Event, EventFilter, FoundMessage, Kept, Message, MessageFilter, MessageQuery, NewAtom,
    NewMessage, NewSession, Page, PreparedAtom, RecordPage, SESSIONS_DOMAIN, Session,
    SessionChange, SessionFilter,
};
use crate::actors::tenant::retrieve::QueryAllowance;
use crate::actors::tenant::{Answer, Done, TenantCell, TenantCommand, apply_all};
use crate::tenant::{Pending, Tenant, message_search};
use crate::types::{QueryEmbedding, RecordId};

/// How many times as many atoms are looked at where some turn out to be no messages.
const MORE_EACH_TIME: usize = 8;

pub fn create_session(new: NewSession) -> impl TenantCommand<Reply = Kept<Session>> {
    change(|tenant, pending| tenant.create_session(pending, new))
}

pub fn find_session(id: RecordId) -> impl TenantCommand<Reply = Option<Session>> {
    look(move |tenant| tenant.find_session(id))
}

pub fn change_session(
    id: RecordId,
    change: SessionChange,
) -> impl TenantCommand<Reply = Kept<Session>> {
    super::change(move |tenant, pending| tenant.change_session(pending, id, change))
}

pub fn list_sessions(
    filter: SessionFilter,
    page: RecordPage,
) -> impl TenantCommand<Reply = Kept<Page<Session>>> {
    look(move |tenant| tenant.sessions(&filter, page))
}

/// The atom that a message becomes, before its text is looked at.
#[must_use]
pub fn atom_of(new: &NewMessage) -> NewAtom {
    NewAtom {
        metadata: new.atom_metadata.clone(),
        session: Some(new.session.to_string()),
        occurred_at: new.created_at,
        is_certain: true,
        ..NewAtom::of(&new.text, SESSIONS_DOMAIN)
    }
}

/// Keeps a message; `atom` is what became of [`atom_of`]. The tenant may hold so many atoms.
pub fn add_message(
    new: NewMessage,
    atom: PreparedAtom,
    atoms_max: Option<u64>,
) -> impl TenantCommand<Reply = Kept<Message>> {
    let plan = |tenant: &mut Tenant, pending: &mut Pending| tenant.add_message(pending, new, atom);
    Changing { atoms_max, plan }
}

pub fn find_message(
    id: RecordId,
    within: Option<RecordId>,
) -> impl TenantCommand<Reply = Kept<Message>> {
    look(move |tenant| tenant.find_session_message(id, within))
}

pub fn list_messages(
    filter: MessageFilter,
    page: RecordPage,
) -> impl TenantCommand<Reply = Kept<Page<Message>>> {
    look(move |tenant| tenant.messages(&filter, page))
}

pub fn find_event(
    id: RecordId,
    within: Option<RecordId>,
) -> impl TenantCommand<Reply = Kept<Event>> {
    look(move |tenant| Ok(tenant.find_event(id, within)))
}

pub fn list_events(
    filter: EventFilter,
    page: RecordPage,
) -> impl TenantCommand<Reply = Kept<Page<Event>>> {
    look(move |tenant| Ok(tenant.events(&filter, page)))
}

/// Deletes a session with its messages, in slices: a crash on the way leaves some of them, and the
/// session. Replies with what it was, or `None` for an unknown one.
#[derive(Debug)]
pub struct DeleteSession {
    pub id: RecordId,
}

impl TenantCommand for DeleteSession {
    type Reply = Option<Session>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let planned = tenant.borrow().plan_session_deletion(self.id)?;
            let Some(mut deletion) = planned else {
                // The deletion that removed it may still await its flush.
                return Ok(Done { reply: None, ticket: tenant.borrow().ticket() });
            };
            loop {
                let mut pending = tenant.borrow().begin(None);
                let has_more =
                    tenant.borrow_mut().delete_session_slice(&mut pending, &mut deletion)?;
                apply_all(&tenant, pending).await?;
                if !has_more {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let session = tenant.borrow_mut().finish_session_deletion(deletion)?;
            Ok(Done { reply: Some(session), ticket: tenant.borrow().ticket() })
        }
        .boxed_local()
    }
}

/// Asks the messages, best first. Counts as a read of each.
#[derive(Debug)]
pub struct SearchMessages {
    pub query: MessageQuery,
    pub embedding: QueryEmbedding,
    /// `None`: not counted.
    pub spend: Option<QueryAllowance>,
}

impl TenantCommand for SearchMessages {
    type Reply = Vec<FoundMessage>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            if let Some(spend) = self.spend {
                tenant.borrow_mut().spend_queries(spend.queries, spend.per_day)?;
            }
            let mut query = message_search(&self.query);
            loop {
                let mut ranking = tenant.borrow_mut().rank(&query, &self.embedding)?;
                while tenant.borrow_mut().read_slice(&query, &mut ranking)? {
                    tokio::task::yield_now().await;
                }
                let found = tenant.borrow_mut().finish_retrieval(&query, ranking);
                let is_all = found.items.len() < query.top_k;
                let mut messages = tenant.borrow().messages_among(found)?;
                if is_all || messages.len() >= self.query.top_k {
                    messages.truncate(self.query.top_k);
                    return Ok(Done::read(messages));
                }
                // What a caller put among the messages must not keep them from being found.
                query.top_k = query.top_k.saturating_mul(MORE_EACH_TIME);
            }
        }
        .boxed_local()
    }
}
