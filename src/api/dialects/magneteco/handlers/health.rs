//! Whether the server is there and can work.

use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::error::ApiError;
use super::super::limits::{Ask, Call};
use super::super::wire::{Dependencies, HealthResponse, Time};
use super::{Reply, reply};
use crate::api::state::ApiState;

/// For clients, with a key.
pub(in super::super) async fn health(state: Data<ApiState>, _call: Call<Ask>) -> Reply {
    answer(&state)
}

/// For probes and for whoever comes across it: a key is not looked at. It is the whole server's, so
/// the older client and the other APIs' that name `/health` can all read it.
pub(in super::super) async fn bare_health(state: Data<ApiState>) -> Reply {
    answer(&state)
}

/// Without storage nothing works; without the embedder what is known can still be listed.
fn answer(state: &ApiState) -> Reply {
    let readiness = state.memory.readiness();
    if !(readiness.storage && readiness.engine) {
        return Err(ApiError::unavailable());
    }
    let word = |is_up| if is_up { "up" } else { "down" };
    let response = HealthResponse {
        status: if readiness.is_ready() { "healthy" } else { "degraded" },
        version: &state.version,
        timestamp: Time(state.clock.now()),
        dependencies: Dependencies {
            storage: word(readiness.storage),
            engine: word(readiness.engine),
            embedding: word(readiness.embedding),
        },
    };
    reply(StatusCode::OK, &response)
}
