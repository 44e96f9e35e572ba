//! The Tex memory API at the root: conversations, tokens that are signed, and metering. Its route
//! table and what its handlers share. Every path that no other API of the server owns is its too:
//! unknown ones are answered in its words.

mod access;
mod convert;
mod error;
mod handlers;
mod settings;
mod tokens;
mod wire;

use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web;

pub use settings::TexSettings;

use crate::api::middleware::ip_limit::{IpLimit, ip_limit};
use crate::api::routing::{self, Access, Endpoint, delete, get, post, public, public_post};
use crate::types::Clock;

const ENDPOINTS: &[Endpoint] = &[
    public_post("/signup", || web::route().to(handlers::sign_up)),
    public_post("/auth/token-exchange", || web::route().to(handlers::exchange)),
    public_post("/auth/refresh", || web::route().to(handlers::refresh)),
    public_post("/auth/login", || web::route().to(handlers::login)),
    public("/.well-known/jwks.json", || web::route().to(handlers::jwks)),
    get("/auth/verify", || web::route().to(handlers::verify)),
    get("/me", || web::route().to(handlers::me)),
    get("/me/api-keys", || web::route().to(handlers::keys)),
    post("/me/api-keys", || web::route().to(handlers::create_key)),
    delete("/me/api-keys/{id}", || web::route().to(handlers::revoke_key)),
    post("/ingestion/memory", || web::route().to(handlers::ingest)),
    post("/recall", || web::route().to(handlers::recall)),
    get("/usage/today", || web::route().to(handlers::today)),
    get("/usage/summary", || web::route().to(handlers::summary)),
];

/// Method and path of every route mounted here.
pub const ROUTES: &[(&str, &str)] = &routing::route_table::<{ ENDPOINTS.len() }>(ENDPOINTS);

/// Those of [`ROUTES`] that need no token.
pub const PUBLIC_PATHS: &[&str] =
    &["/signup", "/auth/token-exchange", "/auth/refresh", "/auth/login", "/.well-known/jwks.json"];

/// What the dialect's handlers share besides the services.
pub struct TexState {
    pub(super) settings: TexSettings,
    /// How often one client address may sign up.
    pub(super) signup_limit: IpLimit,
}

impl TexState {
    /// Keeps count of `ips_max` addresses that sign up; further ones share one allowance.
    #[must_use]
    pub fn new(settings: TexSettings, ips_max: usize, clock: Arc<dyn Clock>) -> Self {
        let signup_limit = settings.signup_limit(ips_max, clock);
        Self { settings, signup_limit }
    }
}

/// Mounts the dialect, which must come after every other: it takes all paths that are left.
pub fn configure(config: &mut web::ServiceConfig) {
    let render = error::render_failure;
    let scope = web::scope("")
        .configure(|config| routing::mount(config, "", ENDPOINTS, Access::Public, render))
        // The handlers look at the token themselves: a body that is no JSON is told first.
        .configure(|config| routing::mount(config, "", ENDPOINTS, Access::Key, render))
        .default_service(routing::no_such_path(render))
        .wrap(from_fn(move |state, request, next| ip_limit(render, state, request, next)));
    config.service(scope);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_public_paths_need_no_token() {
        let public: Vec<&str> = ENDPOINTS
            .iter()
            .filter(|endpoint| endpoint.access == Access::Public)
            .map(|endpoint| endpoint.path)
            .collect();
        assert_eq!(public, PUBLIC_PATHS);
    }
}
