//! What lists are filtered by. An id that nothing can have matches nothing; it is no mistake.

use super::super::fields::{Object, own_id, text};
use super::super::ids::Prefix;
use super::super::paging::page_of;
use super::actor_named;
use crate::service::{ActorRef, RecordFilter, RecordPage};
use crate::types::RecordId;

/// What is asked of a list that takes nothing of its own.
pub(in super::super) fn record_list(
    fields: &Object<'_>,
    prefix: Prefix,
) -> Option<(RecordFilter, RecordPage)> {
    let filter = record_filter(fields, prefix);
    Some((filter, page_of(fields, prefix)?))
}

/// What every list takes.
pub(in super::super) fn record_filter(fields: &Object<'_>, prefix: Prefix) -> RecordFilter {
    RecordFilter {
        ids: ids_in(fields, "id", prefix),
        created: fields.time_range("created_at"),
        updated: fields.time_range("updated_at"),
    }
}

/// The ids of one kind that a list is filtered by.
pub(in super::super) fn ids_in(
    fields: &Object<'_>,
    name: &str,
    prefix: Prefix,
) -> Option<Vec<RecordId>> {
    let ids = fields.filter(name, &own_id(prefix))?;
    Some(ids.into_iter().flatten().collect())
}

/// The actors that a list is filtered by.
pub(super) fn actors_in(fields: &Object<'_>, name: &str) -> Option<Vec<ActorRef>> {
    let names = fields.filter(name, &text())?;
    Some(names.iter().map(|name| actor_named(name)).collect())
}
