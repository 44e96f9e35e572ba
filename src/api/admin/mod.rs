//! The operator's API under `/admin/v1`: its routes and its token. It speaks of the directory,
//! of tenants as a whole and of shards, and cannot read what a tenant remembers. The token is
//! its own: a tenant's key opens nothing here, and the token opens nothing elsewhere.

mod error;
mod handlers;
mod wire;

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, ResponseError, web};

use self::error::AdminError;
use super::routing::{self, Access, Endpoint, delete, get, post};
use crate::control::keys::KeyHash;
use crate::service::AdminService;
use crate::types::Clock;

const PREFIX: &str = "/admin/v1";

const ENDPOINTS: &[Endpoint] = &[
    get("/admin/v1/server", || web::route().to(handlers::server)),
    get("/admin/v1/organizations", || web::route().to(handlers::organizations)),
    post("/admin/v1/organizations", || web::route().to(handlers::create_organization)),
    get("/admin/v1/projects", || web::route().to(handlers::projects)),
    post("/admin/v1/projects", || web::route().to(handlers::create_project)),
    get("/admin/v1/tenants", || web::route().to(handlers::tenants)),
    post("/admin/v1/tenants", || web::route().to(handlers::create_tenant)),
    get("/admin/v1/tenants/{tenant}", || web::route().to(handlers::tenant)),
    delete("/admin/v1/tenants/{tenant}", || web::route().to(handlers::delete_tenant)),
    post("/admin/v1/tenants/{tenant}/plan", || web::route().to(handlers::set_plan)),
    post("/admin/v1/tenants/{tenant}/move", || web::route().to(handlers::move_tenant)),
    get("/admin/v1/keys", || web::route().to(handlers::keys)),
    post("/admin/v1/keys", || web::route().to(handlers::create_key)),
    get("/admin/v1/keys/{key}", || web::route().to(handlers::key)),
    post("/admin/v1/keys/{key}/revoke", || web::route().to(handlers::revoke_key)),
    post("/admin/v1/keys/{key}/rotate", || web::route().to(handlers::rotate_key)),
    get("/admin/v1/users", || web::route().to(handlers::users)),
    post("/admin/v1/users", || web::route().to(handlers::create_user)),
    get("/admin/v1/users/{user}", || web::route().to(handlers::user)),
    delete("/admin/v1/users/{user}", || web::route().to(handlers::delete_user)),
    post("/admin/v1/users/{user}/password", || web::route().to(handlers::set_password)),
    get("/admin/v1/tenants/{tenant}/jobs", || web::route().to(handlers::jobs)),
    post("/admin/v1/tenants/{tenant}/jobs/{job}/retry", || web::route().to(handlers::retry_job)),
    delete("/admin/v1/tenants/{tenant}/jobs/{job}", || web::route().to(handlers::discard_job)),
    get("/admin/v1/tenants/{tenant}/webhooks", || web::route().to(handlers::webhooks)),
    get("/admin/v1/tenants/{tenant}/webhooks/dead", || web::route().to(handlers::dead_messages)),
    delete("/admin/v1/tenants/{tenant}/webhooks/{webhook}", || {
        web::route().to(handlers::remove_webhook)
    }),
    post("/admin/v1/tenants/{tenant}/webhooks/dead/{message}/retry", || {
        web::route().to(handlers::retry_message)
    }),
    get("/admin/v1/signing-keys", || web::route().to(handlers::signing_keys)),
    post("/admin/v1/signing-keys/rotate", || web::route().to(handlers::rotate_signing_key)),
    post("/admin/v1/secrets/forget", || web::route().to(handlers::forget_secrets)),
    get("/admin/v1/plans", || web::route().to(handlers::plans)),
    get("/admin/v1/shards", || web::route().to(handlers::shards)),
    get("/admin/v1/shards/{shard}", || web::route().to(handlers::shard)),
    get("/admin/v1/quarantine", || web::route().to(handlers::quarantine)),
    post("/admin/v1/quarantine/{tenant}/release", || web::route().to(handlers::release)),
];

/// Method and path of every route mounted here.
pub const ROUTES: &[(&str, &str)] = &routing::route_table::<{ ENDPOINTS.len() }>(ENDPOINTS);

/// What the operator's handlers may reach.
#[derive(Clone)]
pub struct AdminState {
    pub service: AdminService,
    /// Of the token that opens this API.
    pub token: KeyHash,
    pub clock: Arc<dyn Clock>,
    pub version: String,
}

/// Mounts the API. Everything under the prefix belongs to it, unknown paths included, and nothing
/// of it answers without the token.
pub fn configure(config: &mut web::ServiceConfig) {
    let render = error::render_failure;
    let scope = web::scope(PREFIX)
        .configure(|config| routing::mount(config, PREFIX, ENDPOINTS, Access::Key, render))
        .default_service(routing::no_such_path(render))
        .wrap(from_fn(authenticate));
    config.service(scope);
}

/// Lets nobody through who does not present the token.
async fn authenticate<B: MessageBody + 'static>(
    state: web::Data<AdminState>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let header = request.headers().get(header::AUTHORIZATION);
    let presented = header
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| KeyHash::of(token.trim()));
    if presented.is_some_and(|presented| presented.matches(&state.token)) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let refusal = AdminError::unauthenticated(header.is_some()).error_response();
    Ok(request.into_response(refusal))
}
