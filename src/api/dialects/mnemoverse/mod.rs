//! The Mnemoverse memory API under `/api/v1`: its route table, its credentials and its rate
//! headers. `docs/dialects/mnemoverse.md` names the version and every deviation.

mod convert;
mod credentials;
mod error;
mod export;
mod handlers;
mod wire;

use actix_web::middleware::from_fn;
use actix_web::web;

use self::credentials::Mnemoverse;
use crate::api::middleware::authentication::authenticate;
use crate::api::middleware::ip_limit::ip_limit;
use crate::api::routing::{self, Access, Endpoint, delete, get, post, public};

const PREFIX: &str = "/api/v1";

/// A literal path must stand before a pattern that also matches it.
const ENDPOINTS: &[Endpoint] = &[
    public("/api/v1/health", || web::route().to(handlers::health)),
    public("/api/v1/health/ready", || web::route().to(handlers::health_ready)),
    post("/api/v1/memory/write", || web::route().to(handlers::write)),
    post("/api/v1/memory/write-batch", || web::route().to(handlers::write_batch)),
    post("/api/v1/memory/write_batch", || web::route().to(handlers::write_batch)),
    post("/api/v1/memory/read", || web::route().to(handlers::read)),
    post("/api/v1/memory/read-batch", || web::route().to(handlers::read_batch)),
    post("/api/v1/memory/query", || web::route().to(handlers::query)),
    post("/api/v1/memory/recent", || web::route().to(handlers::recent)),
    post("/api/v1/memory/graph", || web::route().to(handlers::graph)),
    post("/api/v1/memory/feedback", || web::route().to(handlers::feedback)),
    post("/api/v1/memory/consolidate", || web::route().to(handlers::consolidate)),
    get("/api/v1/memory/stats", || web::route().to(handlers::stats)),
    get("/api/v1/memory/domains", || web::route().to(handlers::domains)),
    get("/api/v1/memory/export", || web::route().to(handlers::export)),
    delete("/api/v1/memory/domain/{domain}", || web::route().to(handlers::delete_domain)),
    delete("/api/v1/memory/reset", || web::route().to(handlers::reset)),
    post("/api/v1/memory/atoms/by-external-ref", || {
        web::route().to(handlers::get_atom_by_external_ref)
    }),
    get("/api/v1/memory/atoms/{atom_id}", || web::route().to(handlers::get_atom)),
    delete("/api/v1/memory/atoms/{atom_id}", || web::route().to(handlers::delete_atom)),
    get("/api/v1/memory/atoms/{atom_id}/chain", || web::route().to(handlers::get_chain)),
    get("/api/v1/memory/rooms", || web::route().to(handlers::rooms)),
    post("/api/v1/memory/rooms", || web::route().to(handlers::no_rooms)),
    post("/api/v1/memory/rooms/join", || web::route().to(handlers::no_rooms)),
    get("/api/v1/memory/rooms/{room_id}/invites", || web::route().to(handlers::no_rooms)),
    post("/api/v1/memory/rooms/{room_id}/invites", || web::route().to(handlers::no_rooms)),
    get("/api/v1/vault/secrets", || web::route().to(handlers::secrets)),
    post("/api/v1/vault/secrets", || web::route().to(handlers::no_vault)),
    get("/api/v1/vault/secrets/by-alias/{alias}", || web::route().to(handlers::no_vault)),
];

/// Method and path of every route mounted here.
pub const ROUTES: &[(&str, &str)] = &routing::route_table::<{ ENDPOINTS.len() }>(ENDPOINTS);

/// Those of [`ROUTES`] that need no key.
pub const PUBLIC_PATHS: &[&str] = &["/api/v1/health", "/api/v1/health/ready"];

/// Mounts the dialect. Everything under the prefix belongs to it, unknown paths included: only
/// the two health routes answer without a key.
pub fn configure(config: &mut web::ServiceConfig) {
    let render = error::render_failure;
    let behind_a_key = web::scope("")
        .configure(|config| routing::mount(config, PREFIX, ENDPOINTS, Access::Key, render))
        .default_service(routing::no_such_path(render))
        .wrap(from_fn(authenticate::<Mnemoverse, _>));
    let scope = web::scope(PREFIX)
        .configure(|config| routing::mount(config, PREFIX, ENDPOINTS, Access::Public, render))
        .service(behind_a_key)
        .wrap(from_fn(move |state, request, next| ip_limit(render, state, request, next)));
    config.service(scope);
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
}
