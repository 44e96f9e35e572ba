//! What teaches and tidies the memory.

use actix_web::web::Data;

use super::super::error::ApiError;
use super::super::{convert, wire};
use super::{Body, Reply, reply};
use crate::api::extract::{Caller, OptionalJsonBody, RequestDeadline};
use crate::api::state::ApiState;

pub(in super::super) async fn feedback(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let started_us = state.clock.monotonic_micros();
    let feedback = convert::feedback_request(body.text())?;
    let outcome = state.memory.feedback(caller.scope(deadline), feedback).await?;
    reply(&convert::feedback_response(&outcome, elapsed_us(&state, started_us)))
}

pub(in super::super) async fn consolidate(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: OptionalJsonBody<ApiError>,
) -> Reply {
    let started_us = state.clock.monotonic_micros();
    let wish = convert::consolidate_request(body.text())?;
    let (scope, domain) = (caller.scope(deadline), wish.domain.clone());
    if wish.undo {
        let restored = state.memory.undo_consolidation(scope, domain).await?;
        let duration_ms = convert::milliseconds(elapsed_us(&state, started_us));
        let domain = &wish.domain;
        return reply(&wire::UndoConsolidationResponse { domain, restored, duration_ms });
    }
    let report = state.memory.consolidate(scope, domain).await?;
    let elapsed_us = elapsed_us(&state, started_us);
    reply(&convert::consolidate_response(&wish.domain, &report, elapsed_us))
}

fn elapsed_us(state: &ApiState, started_us: u64) -> u64 {
    state.clock.monotonic_micros().saturating_sub(started_us)
}
