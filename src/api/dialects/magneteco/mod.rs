//! The Magneteco memory API: facts, categories and entities of an app's users, events, webhooks and
//! forgetting. Its route table and what its handlers share. It owns everything below its base path,
//! the bare `/health`, and under `/api` the paths of its older client. `docs/dialects/magneteco.md`
//! names the version and every deviation.

mod access;
mod convert;
mod error;
mod handlers;
mod limits;
mod proof;
mod settings;
mod wire;

use std::sync::Arc;

use actix_web::guard::fn_guard;
use actix_web::middleware::from_fn;
use actix_web::web;

pub use settings::MagnetecoSettings;

use self::limits::RateLimits;
use crate::api::middleware::ip_limit::ip_limit;
use crate::api::middleware::rate_headers::add_rate_headers;
use crate::api::routing::{self, Access, Endpoint, delete, get, post, public, put};
use crate::service::{FactService, IncomingService};
use crate::types::Clock;

/// What paths in [`ENDPOINTS`] begin with in place of the configured base.
const BASE: &str = "/v1";

/// A literal path must stand before a pattern that also matches it.
const ENDPOINTS: &[Endpoint] = &[
    post("/v1/memorize", || web::route().to(handlers::memorize)),
    get("/v1/memorize/{resource}/status", || web::route().to(handlers::resource_status)),
    post("/v1/events", || web::route().to(handlers::record_event)),
    post("/v1/retrieve", || web::route().to(handlers::retrieve)),
    get("/v1/context/{app}/{user}", || web::route().to(handlers::context)),
    get("/v1/categories/{app}/{user}", || web::route().to(handlers::categories)),
    get("/v1/entities/{app}/{user}", || web::route().to(handlers::entities)),
    get("/v1/entities/{app}/{user}/{entity}", || web::route().to(handlers::entity)),
    post("/v1/forget", || web::route().to(handlers::forget)),
    post("/v1/config/webhooks", || web::route().to(handlers::register_webhook)),
    // The proof may be a signature in place of a key.
    post("/v1/webhooks/{source}", || web::route().to(handlers::receive_webhook)),
    get("/v1/config/webhook-sources/{source}", || web::route().to(handlers::show_source)),
    put("/v1/config/webhook-sources/{source}", || web::route().to(handlers::configure_source)),
    delete("/v1/config/webhook-sources/{source}", || web::route().to(handlers::remove_source)),
    get("/v1/health", || web::route().to(handlers::health)),
    post("/v1/api/memorize", || web::route().to(handlers::older::memorize)),
    get("/v1/api/memorize/{resource}/status", || web::route().to(handlers::resource_status)),
    post("/v1/api/events", || web::route().to(handlers::older::record_event)),
    post("/v1/api/retrieve", || web::route().to(handlers::older::retrieve)),
    get("/v1/api/retrieve/categories", || web::route().to(handlers::older::categories)),
    get("/v1/api/apps/{app}/domain-config", || web::route().to(handlers::domain_config)),
    put("/v1/api/apps/{app}/domain-config", || web::route().to(handlers::set_domain_config)),
    post("/api/memorize", || web::route().to(handlers::older::memorize)),
    get("/api/memorize/{resource}/status", || web::route().to(handlers::resource_status)),
    post("/api/events", || web::route().to(handlers::older::record_event)),
    post("/api/retrieve", || web::route().to(handlers::older::retrieve)),
    get("/api/retrieve/categories", || web::route().to(handlers::older::categories)),
    get("/api/apps/{app}/domain-config", || web::route().to(handlers::domain_config)),
    put("/api/apps/{app}/domain-config", || web::route().to(handlers::set_domain_config)),
    public("/health", || web::route().to(handlers::bare_health)),
];

/// Where the older client's paths begin.
const OLDER: [&str; 4] = ["/api/memorize", "/api/events", "/api/retrieve", "/api/apps"];

/// Method and path of every route mounted here.
pub const ROUTES: &[(&str, &str)] = &routing::route_table::<{ ENDPOINTS.len() }>(ENDPOINTS);

/// Those of [`ROUTES`] that need no key.
pub const PUBLIC_PATHS: &[&str] = &["/health"];

/// What the dialect's handlers share besides the services of all dialects.
pub struct MagnetecoState {
    facts: FactService,
    incoming: IncomingService,
    limits: RateLimits,
    base: String,
}

impl MagnetecoState {
    #[must_use]
    pub fn new(
        settings: &MagnetecoSettings,
        facts: FactService,
        incoming: IncomingService,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let limits = RateLimits::new(settings, clock);
        Self { facts, incoming, limits, base: settings.base.clone() }
    }

    /// What the documented paths begin with.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}

/// Mounts the dialect at `base`. Whoever takes all paths under `/api` that are left comes after it.
pub fn configure(config: &mut web::ServiceConfig, base: &str) {
    let render = error::render_failure;
    // Probes are no clients, so their addresses are not counted.
    routing::mount(config, "", ENDPOINTS, Access::Public, render);
    let under_base = web::scope(base)
        // The handlers look at the key themselves: what comes after it has an order.
        .configure(|config| mount_where(config, BASE, is_under_base))
        .default_service(routing::no_such_path(render))
        .wrap(from_fn(|request, next| add_rate_headers(limits::show_rate, request, next)))
        .wrap(from_fn(move |state, request, next| ip_limit(render, state, request, next)));
    let older = web::scope("")
        .guard(fn_guard(|request| is_older(request.head().uri.path())))
        .configure(|config| mount_where(config, "", is_older))
        .default_service(routing::no_such_path(render))
        .wrap(from_fn(|request, next| add_rate_headers(limits::show_rate, request, next)))
        .wrap(from_fn(move |state, request, next| ip_limit(render, state, request, next)));
    config.service(under_base).service(older);
}

/// Mounts those of the routes with a key whose paths are `wanted`.
fn mount_where(config: &mut web::ServiceConfig, prefix: &str, wanted: fn(&str) -> bool) {
    let endpoints = ENDPOINTS.iter().filter(|endpoint| wanted(endpoint.path));
    routing::mount(config, prefix, endpoints, Access::Key, error::render_failure);
}

fn is_under_base(path: &str) -> bool {
    begins_with(path, BASE)
}

fn is_older(path: &str) -> bool {
    OLDER.iter().any(|first| begins_with(path, first))
}

/// Whether a path is `first` or lies below it.
fn begins_with(path: &str, first: &str) -> bool {
    path.strip_prefix(first).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_public_paths_need_no_key() {
        let public: Vec<&str> = ENDPOINTS
            .iter()
            .filter(|endpoint| endpoint.access == Access::Public)
            .map(|endpoint| endpoint.path)
            .collect();
        assert_eq!(public, PUBLIC_PATHS);
    }

    #[test]
    fn every_route_with_a_key_is_mounted_in_exactly_one_place() {
        for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.access == Access::Key) {
            assert_ne!(is_under_base(endpoint.path), is_older(endpoint.path), "{}", endpoint.path);
        }
    }

    #[test]
    fn of_the_paths_under_api_only_those_of_the_older_client_are_ours() {
        for path in ["/api/memorize", "/api/memorize/x/status", "/api/retrieve/", "/api/apps/a/b"] {
            assert!(is_older(path), "{path}");
        }
        for path in ["/api", "/api/", "/api/memorized", "/api/search", "/api/v1/memory/read"] {
            assert!(!is_older(path), "{path}");
        }
    }
}
