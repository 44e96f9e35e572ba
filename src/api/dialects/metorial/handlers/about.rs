//! What the calling key is and acts for.

use actix_web::web::Data;

use super::super::access::{AnyKey, Holder};
use super::super::convert;
use super::super::error::{ApiError, reason};
use super::super::wire::reply;
use super::Reply;
use crate::api::state::ApiState;
use crate::service::management::EnvironmentView;
use crate::types::TenantId;

pub(in super::super) async fn instance(caller: AnyKey, state: Data<ApiState>) -> Reply {
    let Holder::Environment(tenant) = caller.holder else {
        return Err(ApiError::bad_request(
            reason::NO_INSTANCE,
            "A management key belongs to no instance",
        )
        .with_hint("Use a key of an instance, or GET /organization/instances"));
    };
    let view = environment(&state, tenant)?;
    Ok(reply(&convert::instance_body(&view, caller.version)))
}

pub(in super::super) async fn token(caller: AnyKey, state: Data<ApiState>) -> Reply {
    let body = match caller.holder {
        Holder::Environment(tenant) => {
            convert::instance_token(caller.kind, &environment(&state, tenant)?)
        }
        Holder::Organization(id) => {
            let organization = state.metorial.management.find_organization(id);
            convert::management_token(caller.kind, &organization.ok_or_else(gone)?)
        }
    };
    Ok(reply(&body))
}

fn environment(state: &ApiState, tenant: TenantId) -> Result<EnvironmentView, ApiError> {
    state.metorial.management.describe(tenant).ok_or_else(gone)
}

/// For a holder that was deleted while the request was on its way; the key has gone with it.
fn gone() -> ApiError {
    ApiError::unauthorized("The API key is unknown or has ended")
}
