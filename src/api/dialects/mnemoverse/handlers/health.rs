//! Whether the server is there and can work: the two routes without a key.

use actix_web::web::Data;

use super::super::wire;
use super::{Reply, reply};
use crate::api::state::ApiState;

pub(in super::super) async fn health(state: Data<ApiState>) -> Reply {
    reply(&wire::HealthResponse { status: "ok", database: false, version: &state.version })
}

/// 200 whatever the checks say: the contract's word.
pub(in super::super) async fn health_ready(state: Data<ApiState>) -> Reply {
    let readiness = state.memory.readiness();
    reply(&wire::ReadyResponse {
        ready: readiness.is_ready(),
        checks: wire::ReadyChecks {
            database: readiness.storage,
            engine: readiness.engine,
            embedding: readiness.embedding,
        },
        version: &state.version,
    })
}
