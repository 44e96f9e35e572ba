//! Shared rooms and the vault, of which this server has none. Lists are empty, so that a client
//! that looks for rooms after an empty read goes on; everything else says so. Only for callers
//! with a key, like every route.

use super::super::error::ApiError;
use super::super::wire;
use super::{Reply, reply};
use crate::api::extract::Caller;

pub(in super::super) async fn rooms(_caller: Caller) -> Reply {
    reply::<[(); 0]>(&[])
}

pub(in super::super) async fn secrets(_caller: Caller) -> Reply {
    reply(&wire::SecretsResponse { secrets: [] })
}

pub(in super::super) async fn no_rooms(_caller: Caller) -> Reply {
    Err(ApiError::no_rooms())
}

pub(in super::super) async fn no_vault(_caller: Caller) -> Reply {
    Err(ApiError::no_vault())
}
