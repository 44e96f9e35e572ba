//! One function per route. The first argument is the caller ([`Secret`], [`Reader`], [`Manager`] or
//! [`AnyKey`]), which refuses those who may not ask before anything of a body is read; behind it come
//! [`Body`] or [`Query`], which is read before the path is looked at, since a field that is wrong is
//! told before a record that is not there.
//!
//! [`Secret`]: super::access::Secret
//! [`Reader`]: super::access::Reader
//! [`Manager`]: super::access::Manager
//! [`AnyKey`]: super::access::AnyKey
//! [`Body`]: super::fields::Body
//! [`Query`]: super::fields::Query

mod about;
mod actors;
mod agents;
mod download;
mod events;
mod files;
mod introspect;
mod keys;
mod links;
mod management;
mod messages;
mod sessions;
mod threads;

use actix_web::{HttpRequest, HttpResponse};
use uuid::Uuid;

use super::error::ApiError;
use super::ids::{self, Prefix};
use super::links::LinkUrls;
use crate::api::extract::PathSegment;
use crate::api::state::ApiState;
use crate::service::{Collection, FileLink, Kept, Refusal};
use crate::types::{RecordId, TenantId};

pub(super) use about::{instance, token};
pub(super) use actors::{actor, change_actor, create_actor, delete_actor, list_actors};
pub(super) use agents::{agent, change_agent, create_agent, delete_agent, list_agents};
pub(super) use download::retrieve;
pub(super) use events::{event, event_of_session, list_events, list_events_of_session};
pub(super) use files::{change_file, create_file, delete_file, file, list_files};
pub(super) use introspect::versions;
pub(super) use keys::{change_key, create_key, key, list_keys, revoke_key, rotate_key};
pub(super) use links::{
    change_link, change_link_of_file, create_link, create_link_of_file, delete_link,
    delete_link_of_file, link, link_of_file, list_links, list_links_of_file,
};
pub(super) use management::{
    change_instance, change_project, create_instance, create_project, delete_instance,
    delete_project, list_instances, list_projects, one_instance, project,
};
pub(super) use messages::{
    add_message, list_messages, list_messages_of_session, message, message_of_session,
    search_messages,
};
pub(super) use sessions::{change_session, create_session, delete_session, list_sessions, session};
pub(super) use threads::{
    change_thread, create_thread, delete_thread, list_messages_of_thread, list_threads, thread,
};

type Reply = Result<HttpResponse, ApiError>;

/// What came of a request that addressed no record.
fn allowed<T>(kept: Kept<T>) -> Result<T, ApiError> {
    kept.map_err(|refusal| ApiError::refused(refusal, None))
}

/// What came of a request for the record that a segment names, or for what is listed of it.
fn kept<T>(kept: Kept<T>, addressed: &PathSegment) -> Result<T, ApiError> {
    kept.map_err(|refusal| ApiError::refused(refusal, Some(&addressed.shown())))
}

/// As [`kept`], for a record of the session, or of the file, that `outer` names.
fn kept_within<T>(kept: Kept<T>, outer: &PathSegment, inner: &PathSegment) -> Result<T, ApiError> {
    kept.map_err(|refusal| {
        let is_outer = matches!(refusal, Refusal::NoSuch(Collection::Sessions | Collection::Files));
        let missing = if is_outer { outer } else { inner };
        ApiError::refused(refusal, Some(&missing.shown()))
    })
}

/// A record that was looked for under a segment.
fn found<T>(found: Option<T>, prefix: Prefix, addressed: &PathSegment) -> Result<T, ApiError> {
    found.ok_or_else(|| ApiError::not_found(prefix.entity(), Some(&addressed.shown())))
}

/// What a segment names of a record that may not be there itself, which is told before this is.
fn inner(prefix: Prefix, segment: &PathSegment) -> RecordId {
    /// Not of version 7, so nobody's.
    const NOTHING: RecordId = RecordId(Uuid::nil());
    segment.text().and_then(|text| ids::record(prefix, text)).unwrap_or(NOTHING)
}

/// Tells where links of a tenant lead.
fn link_urls(
    request: &HttpRequest,
    state: &ApiState,
    tenant: TenantId,
) -> impl Fn(&FileLink) -> Option<String> + use<> {
    let settings = &state.metorial.settings;
    let urls = LinkUrls::of(request, &state.trusted_proxies, settings, tenant);
    move |link| urls.url(link)
}
