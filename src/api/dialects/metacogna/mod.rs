//! The MetaCogna API: documents, search, a graph of knowledge and chat for people who log in. Its
//! route table, the rules of its origins, and what its handlers share. It owns the root and every
//! path under `/api` that no dialect before it has. `docs/dialects/metacogna.md` names the version
//! and every deviation.

mod access;
mod convert;
mod cookie;
mod cors;
mod error;
mod handlers;
mod limits;
mod personas;
mod settings;
mod uploads;
mod wire;

use std::sync::Arc;

use actix_web::guard::fn_guard;
use actix_web::middleware::from_fn;
use actix_web::web;

pub use settings::MetacognaSettings;

use self::limits::RateLimits;
use crate::api::middleware::ip_limit::{IpLimit, ip_limit};
use crate::api::middleware::rate_headers::add_rate_headers;
use crate::api::routing::{self, Access, Endpoint, delete, get, post, public, public_post};
use crate::service::PeopleService;
use crate::types::Clock;

/// A literal path must stand before a pattern that also matches it.
const ENDPOINTS: &[Endpoint] = &[
    public("/", || web::route().to(handlers::about)),
    public("/api/health", || web::route().to(handlers::health)),
    public_post("/api/auth/login", || web::route().to(handlers::log_in)),
    public_post("/api/auth/logout", || web::route().to(handlers::log_out)),
    // The handler looks at the credential itself: it may be another than a session.
    post("/api/signup", || web::route().to(handlers::sign_up)),
    post("/api/ingest", || web::route().to(handlers::ingest)),
    get("/api/documents", || web::route().to(handlers::list_documents)),
    post("/api/documents/reindex", || web::route().to(handlers::reindex)),
    delete("/api/documents/purge-errors", || web::route().to(handlers::purge_errors)),
    delete("/api/documents/{id}", || web::route().to(handlers::delete_document)),
    get("/api/documents/{id}/status", || web::route().to(handlers::document_status)),
    get("/api/search", || web::route().to(handlers::search)),
    post("/api/search", || web::route().to(handlers::search_by_body)),
    get("/api/graph", || web::route().to(handlers::graph)),
    post("/api/chat", || web::route().to(handlers::chat)),
];

/// Method and path of every route mounted here.
pub const ROUTES: &[(&str, &str)] = &routing::route_table::<{ ENDPOINTS.len() }>(ENDPOINTS);

/// Those of [`ROUTES`] that need no credential.
pub const PUBLIC_PATHS: &[&str] = &["/", "/api/health", "/api/auth/login", "/api/auth/logout"];

/// What the dialect's handlers share besides the services of all dialects.
pub struct MetacognaState {
    settings: MetacognaSettings,
    people: PeopleService,
    limits: RateLimits,
    /// How often one client address may present a password.
    login_limit: IpLimit,
}

impl MetacognaState {
    /// Keeps count of `ips_max` addresses that log in; further ones share one allowance.
    #[must_use]
    pub fn new(
        settings: MetacognaSettings,
        people: PeopleService,
        ips_max: usize,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let login_limit = settings.login_limit(ips_max, Arc::clone(clock));
        let limits = RateLimits::new(&settings, clock);
        Self { settings, people, limits, login_limit }
    }
}

/// Mounts the dialect. Other dialects with paths under `/api` come before it.
pub fn configure(config: &mut web::ServiceConfig) {
    let render = error::render_failure;
    let scope = web::scope("")
        .guard(fn_guard(|request| is_ours(request.head().uri.path())))
        .configure(|config| routing::mount(config, "", ENDPOINTS, Access::Public, render))
        // The handlers look at the credential themselves, as arguments of theirs.
        .configure(|config| routing::mount(config, "", ENDPOINTS, Access::Key, render))
        .default_service(routing::no_such_path(render))
        .wrap(from_fn(|request, next| add_rate_headers(limits::show_rate, request, next)))
        .wrap(from_fn(cors::answer_preflight))
        .wrap(from_fn(move |state, request, next| ip_limit(render, state, request, next)))
        .wrap(from_fn(cors::add_cors_headers));
    config.service(scope);
}

fn is_ours(path: &str) -> bool {
    path == "/" || path == "/api" || path.starts_with("/api/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_public_paths_need_no_credential() {
        let public: Vec<&str> = ENDPOINTS
            .iter()
            .filter(|endpoint| endpoint.access == Access::Public)
            .map(|endpoint| endpoint.path)
            .collect();
        assert_eq!(public, PUBLIC_PATHS);
    }

    #[test]
    fn the_root_and_what_is_under_api_are_ours_and_nothing_else() {
        for path in ["/", "/api", "/api/", "/api/health", "/api/x/y"] {
            assert!(is_ours(path), "{path}");
        }
        for path in ["", "/apis", "/ap", "/recall", "/x/api/health"] {
            assert!(!is_ours(path), "{path}");
        }
    }
}
