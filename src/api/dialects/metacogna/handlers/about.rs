//! What the server says of itself to anybody.

use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::wire;
use super::{Reply, reply};
use crate::api::state::ApiState;

/// The published object, whatever else this server serves.
pub(in super::super) async fn about() -> Reply {
    reply(
        StatusCode::OK,
        &wire::AboutResponse {
            service: "metacogna-api",
            version: "1.0.0",
            status: "ok",
            endpoints: wire::AboutEndpoints {
                health: "/api/health",
                auth: "/api/auth/login",
                signup: "/api/signup (admin-only)",
                ingest: "/api/ingest",
                search: "/api/search",
                graph: "/api/graph",
                chat: "/api/chat",
            },
        },
    )
}

pub(in super::super) async fn health(state: Data<ApiState>) -> Reply {
    let timestamp = state.clock.now().as_millis();
    let response = wire::HealthResponse { status: "ok", timestamp, service: "metacogna" };
    reply(StatusCode::OK, &response)
}
