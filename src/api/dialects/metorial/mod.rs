//! The Metorial API at the root: environments and their keys, and what applications keep in them
//! beside memories. Its route table and what its handlers share. Whoever presents one of its keys is
//! answered here also on paths that nobody has. `docs/dialects/metorial.md` names the versions and
//! every deviation.

mod access;
mod convert;
mod cors;
mod error;
mod fields;
mod gate;
mod handlers;
mod ids;
mod limits;
mod links;
mod paging;
mod settings;
mod version;
mod wire;

use std::sync::Arc;

use actix_web::dev::RequestHead;
use actix_web::guard::fn_guard;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web;
use uuid::Uuid;

pub use settings::MetorialSettings;

use self::ids::Prefix;
use self::limits::RateLimits;
use crate::api::extract::bearer_token;
use crate::api::routing::{self, Access, Endpoint, delete, get, patch, post, public};
use crate::service::{ManagementService, PlatformService};
use crate::types::Clock;

/// A literal path must stand before a pattern that also matches it.
const ENDPOINTS: &[Endpoint] = &[
    public("/metorial/introspect/versions", || web::route().to(handlers::versions)),
    public("/files/retrieve/{link_id}/{secret}", || web::route().to(handlers::retrieve)),
    get("/sessions", || web::route().to(handlers::list_sessions)),
    post("/sessions", || web::route().to(handlers::create_session)),
    get("/sessions/{session_id}", || web::route().to(handlers::session)),
    patch("/sessions/{session_id}", || web::route().to(handlers::change_session)),
    delete("/sessions/{session_id}", || web::route().to(handlers::delete_session)),
    get("/sessions/{session_id}/messages", || web::route().to(handlers::list_messages_of_session)),
    post("/sessions/{session_id}/messages", || web::route().to(handlers::add_message)),
    get("/sessions/{session_id}/messages/{message_id}", || {
        web::route().to(handlers::message_of_session)
    }),
    get("/sessions/{session_id}/events", || web::route().to(handlers::list_events_of_session)),
    get("/sessions/{session_id}/events/{event_id}", || web::route().to(handlers::event_of_session)),
    get("/session-messages", || web::route().to(handlers::list_messages)),
    post("/session-messages/search", || web::route().to(handlers::search_messages)),
    get("/session-messages/{message_id}", || web::route().to(handlers::message)),
    get("/session-events", || web::route().to(handlers::list_events)),
    get("/session-events/{event_id}", || web::route().to(handlers::event)),
    get("/actors", || web::route().to(handlers::list_actors)),
    post("/actors", || web::route().to(handlers::create_actor)),
    get("/actors/{actor_id}", || web::route().to(handlers::actor)),
    patch("/actors/{actor_id}", || web::route().to(handlers::change_actor)),
    delete("/actors/{actor_id}", || web::route().to(handlers::delete_actor)),
    get("/files", || web::route().to(handlers::list_files)),
    post("/files", || web::route().to(handlers::create_file)),
    get("/files/{file_id}", || web::route().to(handlers::file)),
    patch("/files/{file_id}", || web::route().to(handlers::change_file)),
    delete("/files/{file_id}", || web::route().to(handlers::delete_file)),
    get("/files/{file_id}/links", || web::route().to(handlers::list_links_of_file)),
    post("/files/{file_id}/links", || web::route().to(handlers::create_link_of_file)),
    get("/files/{file_id}/links/{link_id}", || web::route().to(handlers::link_of_file)),
    patch("/files/{file_id}/links/{link_id}", || web::route().to(handlers::change_link_of_file)),
    delete("/files/{file_id}/links/{link_id}", || web::route().to(handlers::delete_link_of_file)),
    get("/file-links", || web::route().to(handlers::list_links)),
    post("/file-links", || web::route().to(handlers::create_link)),
    get("/file-links/{link_id}", || web::route().to(handlers::link)),
    patch("/file-links/{link_id}", || web::route().to(handlers::change_link)),
    delete("/file-links/{link_id}", || web::route().to(handlers::delete_link)),
    get("/agents", || web::route().to(handlers::list_agents)),
    post("/agents", || web::route().to(handlers::create_agent)),
    get("/agents/{agent_id}", || web::route().to(handlers::agent)),
    patch("/agents/{agent_id}", || web::route().to(handlers::change_agent)),
    delete("/agents/{agent_id}", || web::route().to(handlers::delete_agent)),
    get("/threads", || web::route().to(handlers::list_threads)),
    post("/threads", || web::route().to(handlers::create_thread)),
    get("/threads/{thread_id}", || web::route().to(handlers::thread)),
    patch("/threads/{thread_id}", || web::route().to(handlers::change_thread)),
    delete("/threads/{thread_id}", || web::route().to(handlers::delete_thread)),
    get("/threads/{thread_id}/messages", || web::route().to(handlers::list_messages_of_thread)),
    get("/instance", || web::route().to(handlers::instance)),
    get("/token", || web::route().to(handlers::token)),
    get("/instances", || web::route().to(handlers::list_instances)),
    get("/instances/{instance_id}", || web::route().to(handlers::one_instance)),
    get("/organization/projects", || web::route().to(handlers::list_projects)),
    post("/organization/projects", || web::route().to(handlers::create_project)),
    get("/organization/projects/{project_id}", || web::route().to(handlers::project)),
    post("/organization/projects/{project_id}", || web::route().to(handlers::change_project)),
    patch("/organization/projects/{project_id}", || web::route().to(handlers::change_project)),
    delete("/organization/projects/{project_id}", || web::route().to(handlers::delete_project)),
    get("/organization/instances", || web::route().to(handlers::list_instances)),
    post("/organization/instances", || web::route().to(handlers::create_instance)),
    get("/organization/instances/{instance_id}", || web::route().to(handlers::one_instance)),
    post("/organization/instances/{instance_id}", || web::route().to(handlers::change_instance)),
    patch("/organization/instances/{instance_id}", || web::route().to(handlers::change_instance)),
    delete("/organization/instances/{instance_id}", || web::route().to(handlers::delete_instance)),
    get("/organization/api-keys", || web::route().to(handlers::list_keys)),
    post("/organization/api-keys", || web::route().to(handlers::create_key)),
    get("/organization/api-keys/{key_id}", || web::route().to(handlers::key)),
    post("/organization/api-keys/{key_id}", || web::route().to(handlers::change_key)),
    patch("/organization/api-keys/{key_id}", || web::route().to(handlers::change_key)),
    delete("/organization/api-keys/{key_id}", || web::route().to(handlers::revoke_key)),
    post("/organization/api-keys/{key_id}/rotate", || web::route().to(handlers::rotate_key)),
];

/// The first segments of all paths of [`ENDPOINTS`]; whatever begins with them is ours.
const SEGMENTS: [&str; 12] = [
    "sessions",
    "session-messages",
    "session-events",
    "files",
    "file-links",
    "agents",
    "actors",
    "threads",
    "instance",
    "instances",
    "organization",
    "token",
];

/// As [`SEGMENTS`], for what is said of the API itself.
const ABOUT: &str = "metorial";

/// First segments of paths that other APIs of the server have, whoever asks.
const OTHERS: [&str; 14] = [
    "",
    ".well-known",
    "admin",
    "api",
    "auth",
    "health",
    "ingestion",
    "livez",
    "me",
    "metrics",
    "readyz",
    "recall",
    "signup",
    "usage",
];

/// What all keys of the dialect begin with.
const KEY_PREFIX: &str = "metorial_";

/// Method and path of every route mounted here.
pub const ROUTES: &[(&str, &str)] = &routing::route_table::<{ ENDPOINTS.len() }>(ENDPOINTS);

/// Those of [`ROUTES`] that need no key.
pub const PUBLIC_PATHS: &[&str] =
    &["/metorial/introspect/versions", "/files/retrieve/{link_id}/{secret}"];

/// What the dialect's handlers share besides the services of all dialects.
pub struct MetorialState {
    settings: MetorialSettings,
    limits: RateLimits,
    platform: PlatformService,
    management: ManagementService,
}

impl MetorialState {
    /// Keeps count of `ips_max` addresses; further ones share one allowance.
    #[must_use]
    pub fn new(
        settings: MetorialSettings,
        platform: PlatformService,
        management: ManagementService,
        ips_max: usize,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let limits = RateLimits::new(&settings, ips_max, clock);
        Self { settings, limits, platform, management }
    }
}

/// Whether a request is this dialect's: by its path, or where no other API has the path by its key or
/// as a preflight.
/// `base` is where the paths of the one begin whose place is configured.
#[must_use]
pub fn owns(head: &RequestHead, base: &str) -> bool {
    // Doubled slashes are merged later.
    let path = head.uri.path().trim_start_matches('/');
    let first = path.split('/').next().unwrap_or_default();
    if SEGMENTS.contains(&first) || first == ABOUT {
        return true;
    }
    let is_of_others = || {
        let base = base.trim_start_matches('/');
        let below = path.strip_prefix(base);
        OTHERS.contains(&first)
            || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // A preflight bears no key.
    let is_preflight = head.method == Method::OPTIONS;
    let has_our_key =
        || bearer_token(head.headers()).is_some_and(|token| token.starts_with(KEY_PREFIX));
    (is_preflight || has_our_key()) && !is_of_others()
}

/// Such as `req_0mb2x8k1qQ7dEuM3sVfZ9a`: what every request of the dialect is called.
#[must_use]
pub fn draw_request_id() -> String {
    ids::wire(Prefix::Request, Uuid::now_v7())
}

/// Mounts the dialect before the one that takes all paths that are left.
pub fn configure(config: &mut web::ServiceConfig, base: &str) {
    let render = error::render_failure;
    let base = base.to_owned();
    let scope = web::scope("")
        .guard(fn_guard(move |request| owns(request.head(), &base)))
        .configure(|config| routing::mount(config, "", ENDPOINTS, Access::Public, render))
        .configure(|config| routing::mount(config, "", ENDPOINTS, Access::Key, render))
        .default_service(routing::no_such_path(render))
        .wrap(from_fn(gate::gate));
    config.service(scope);
}

/// Whether a path is one of those that need no key.
fn is_public(path: &str) -> bool {
    PUBLIC_PATHS.iter().any(|pattern| fits(pattern, path))
}

/// Whether a path is one of a pattern, in which a segment in braces stands for any.
fn fits(pattern: &str, path: &str) -> bool {
    let is_any = |segment: &str| segment.starts_with('{');
    let fits = |(pattern, segment): (&str, &str)| match is_any(pattern) {
        true => !segment.is_empty(),
        false => pattern == segment,
    };
    pattern.split('/').count() == path.split('/').count()
        && pattern.split('/').zip(path.split('/')).all(fits)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn exactly_the_public_paths_need_no_key() {
        let public: Vec<&str> = ENDPOINTS
            .iter()
            .filter(|endpoint| endpoint.access == Access::Public)
            .map(|endpoint| endpoint.path)
            .collect();
        assert_eq!(public, PUBLIC_PATHS);
        for (path, needs_none) in [
            ("/metorial/introspect/versions", true),
            ("/files/retrieve/flk_1/x", true),
            ("/files/retrieve/flk_1/", false),
            ("/files/retrieve/flk_1", false),
            ("/files/retrieve/flk_1/x/y", false),
            ("/files/file_1/links/flk_1", false),
            ("/metorial/introspect", false),
            ("/files", false),
        ] {
            assert_eq!(is_public(path), needs_none, "{path}");
        }
    }

    fn owns(path: &str, token: Option<&str>) -> bool {
        let mut request = TestRequest::with_uri(path);
        if let Some(token) = token {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        super::owns(request.to_http_request().head(), "/memory/v1")
    }

    #[test]
    fn its_paths_are_its_own_whoever_asks() {
        for path in ["/sessions", "/sessions/x/messages", "//agents", "/token", "/metorial/x"] {
            assert!(owns(path, None), "{path}");
            assert!(owns(path, Some("tex_live_x")), "{path}");
        }
        for (_, path) in ROUTES {
            assert!(owns(path, None), "{path}");
        }
    }

    #[test]
    fn its_keys_are_answered_wherever_no_other_api_is() {
        for path in ["/servers", "/sessionss", "/v2", "/memory", "/memory/v1x"] {
            assert!(owns(path, Some("metorial_sk_x")), "{path}");
            assert!(owns(path, Some("metorial_uk_x")), "{path}");
            assert!(!owns(path, None), "{path}");
            assert!(!owns(path, Some("tex_live_x")), "{path}");
        }
        for path in ["/", "/recall", "/me/api-keys", "/api/x", "/memory/v1", "/memory/v1/x"] {
            assert!(!owns(path, Some("metorial_sk_x")), "{path}");
        }
    }

    #[test]
    fn preflights_are_answered_wherever_no_other_api_is() {
        for (path, expected) in [("/servers", true), ("/sessions", true), ("/recall", false)] {
            let request = TestRequest::with_uri(path).method(Method::OPTIONS).to_http_request();
            assert_eq!(super::owns(request.head(), "/v1"), expected, "{path}");
        }
    }
}
