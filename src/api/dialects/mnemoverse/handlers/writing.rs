//! Writes, alone and in batches.

use actix_web::web::Data;

use super::super::convert;
use super::super::error::ApiError;
use super::{Body, Reply, reply};
use crate::api::extract::{Caller, IdempotencyKey, RequestDeadline};
use crate::api::state::ApiState;

pub(in super::super) async fn write(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let atom = convert::write_request(body.text())?;
    if convert::is_room(&atom.domain) {
        return Err(ApiError::no_such_room(None));
    }
    let outcome = state.memory.write(caller.scope(deadline), atom).await?;
    reply(&convert::write_response(&outcome))
}

/// Refused as a whole when one item is addressed to a room, as when one item is invalid.
pub(in super::super) async fn write_batch(
    state: Data<ApiState>,
    caller: Caller,
    deadline: RequestDeadline,
    idempotency_key: IdempotencyKey<ApiError>,
    body: Body,
) -> Reply {
    let atoms = convert::write_batch_request(body.text())?;
    if let Some(at) = atoms.iter().position(|atom| convert::is_room(&atom.domain)) {
        return Err(ApiError::no_such_room(Some(at)));
    }
    let scope = caller.scope(deadline);
    let outcomes = state.memory.write_batch(scope, atoms, idempotency_key.into_key()).await?;
    reply(&convert::write_batch_response(&outcomes))
}
