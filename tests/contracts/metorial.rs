//! What holds for every answer of the metorial dialect, whatever the case, and what no case can say:
//! windows of requests, what each kind of key may do, walks over pages, ids made in haste, keys and
//! links that expire, and how the released clients go about it.

mod answers;
mod caller;
mod checklist;
mod clients;
mod expiry;
mod haste;
mod permissions;
mod shapes;
mod uploads;
mod walking;
mod windows;

use std::path::Path;
use std::sync::Arc;

use hebbd::api::dialects::metorial::ROUTES;
use hebbd::types::{Bound, SystemClock};

pub(crate) use self::answers::check_answer;
use crate::support::TestServer;

/// A new route shows here, and needs cases. What stands in braces is named as the server likes.
const DOCUMENTED_ROUTES: &[&str] = &[
    "GET /sessions",
    "POST /sessions",
    "GET /sessions/{}",
    "PATCH /sessions/{}",
    "DELETE /sessions/{}",
    "GET /sessions/{}/messages",
    "POST /sessions/{}/messages",
    "GET /sessions/{}/messages/{}",
    "GET /sessions/{}/events",
    "GET /sessions/{}/events/{}",
    "GET /session-messages",
    "POST /session-messages/search",
    "GET /session-messages/{}",
    "GET /session-events",
    "GET /session-events/{}",
    "GET /actors",
    "POST /actors",
    "GET /actors/{}",
    "PATCH /actors/{}",
    "DELETE /actors/{}",
    "GET /agents",
    "POST /agents",
    "GET /agents/{}",
    "PATCH /agents/{}",
    "DELETE /agents/{}",
    "GET /files",
    "POST /files",
    "GET /files/{}",
    "PATCH /files/{}",
    "DELETE /files/{}",
    "GET /files/{}/links",
    "POST /files/{}/links",
    "GET /files/{}/links/{}",
    "PATCH /files/{}/links/{}",
    "DELETE /files/{}/links/{}",
    "GET /file-links",
    "POST /file-links",
    "GET /file-links/{}",
    "PATCH /file-links/{}",
    "DELETE /file-links/{}",
    "GET /files/retrieve/{}/{}",
    "GET /threads",
    "POST /threads",
    "GET /threads/{}",
    "PATCH /threads/{}",
    "DELETE /threads/{}",
    "GET /threads/{}/messages",
    "GET /instance",
    "GET /token",
    "GET /organization/projects",
    "POST /organization/projects",
    "GET /organization/projects/{}",
    "POST /organization/projects/{}",
    "PATCH /organization/projects/{}",
    "DELETE /organization/projects/{}",
    "GET /organization/instances",
    "POST /organization/instances",
    "GET /organization/instances/{}",
    "POST /organization/instances/{}",
    "PATCH /organization/instances/{}",
    "DELETE /organization/instances/{}",
    "GET /instances",
    "GET /instances/{}",
    "GET /organization/api-keys",
    "POST /organization/api-keys",
    "GET /organization/api-keys/{}",
    "POST /organization/api-keys/{}",
    "PATCH /organization/api-keys/{}",
    "DELETE /organization/api-keys/{}",
    "POST /organization/api-keys/{}/rotate",
    "GET /metorial/introspect/versions",
];

/// Addresses may send what they like, and keys as much as no test does.
pub(crate) fn server_without_limits(data_dir: &Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        config.metorial.ip_requests_max = Bound(None);
    })
}

/// A path with nothing in its braces.
fn unnamed(path: &str) -> String {
    let segments = path.split('/');
    let unnamed = segments.map(|one| if one.starts_with('{') { "{}" } else { one });
    unnamed.collect::<Vec<_>>().join("/")
}

#[test]
fn the_route_table_is_the_documented_one() {
    let mut mounted: Vec<String> =
        ROUTES.iter().map(|(method, path)| format!("{method} {}", unnamed(path))).collect();
    let mut documented = DOCUMENTED_ROUTES.to_vec();
    mounted.sort();
    documented.sort_unstable();
    assert_eq!(mounted, documented);
}
