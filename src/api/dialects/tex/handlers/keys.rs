//! The organization's keys.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use secrecy::ExposeSecret;

use super::super::access::{Authorized, AuthorizedBody};
use super::super::error::ApiError;
use super::super::tokens::Identity;
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::state::ApiState;
use crate::control::keys::{KeyKind, KeyOrder};
use crate::types::{ErrorKind, KeyId};

pub(in super::super) async fn me(state: Data<ApiState>, caller: Authorized) -> Reply {
    let identity = &caller.0;
    let api_keys = match identity.actor {
        None => listed(&state, identity, false),
        Some(_) => Vec::new(),
    };
    let (org_id, user_id) = (&identity.org, &identity.user);
    reply(StatusCode::OK, &wire::MeResponse { org_id, user_id, api_keys })
}

pub(in super::super) async fn keys(
    state: Data<ApiState>,
    request: HttpRequest,
    caller: Authorized,
) -> Reply {
    let include_revoked = convert::include_revoked(request.query_string())?;
    caller.0.check_may_manage_keys()?;
    reply(StatusCode::OK, &listed(&state, &caller.0, include_revoked))
}

pub(in super::super) async fn create_key(state: Data<ApiState>, body: AuthorizedBody) -> Reply {
    let convert::KeyWish { name, scopes } = convert::key_request(&body.json)?;
    body.identity.check_may_manage_keys()?;
    let order = KeyOrder::for_tenant(body.identity.tenant(), KeyKind::Tex, &name);
    let key = state.accounts.create_key(KeyOrder { scopes, ..order }).await?;
    reply(
        StatusCode::CREATED,
        &wire::CreatedKey {
            api_key: key.secret.expose_secret(),
            key: convert::api_key(&key.info, state.clock.now()),
        },
    )
}

/// Revoking twice is as good as once.
pub(in super::super) async fn revoke_key(
    state: Data<ApiState>,
    caller: Authorized,
    id: Path<String>,
) -> Reply {
    caller.0.check_may_manage_keys()?;
    let unknown = || ApiError::not_found("API key not found");
    let id = parse_id(&id).ok_or_else(unknown)?;
    let revoked = state.accounts.revoke_key(caller.0.tenant(), KeyKind::Tex, id).await;
    match revoked {
        Ok(_) => Ok(HttpResponse::NoContent().finish()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}

/// An id as keys show it, in either case.
fn parse_id(text: &str) -> Option<KeyId> {
    let id: KeyId = text.parse().ok()?;
    id.to_string().eq_ignore_ascii_case(text).then_some(id)
}

/// Newest first.
fn listed(state: &ApiState, identity: &Identity, include_ended: bool) -> Vec<wire::ApiKey> {
    let now = state.clock.now();
    let keys = state.accounts.keys_of(identity.tenant(), KeyKind::Tex);
    let shown = keys.iter().filter(|key| include_ended || !key.has_ended(now));
    shown.map(|key| convert::api_key(key, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_its_id_as_it_is_shown() {
        let id = "a1247653-9646-4f32-b04f-72d2c0f5355b";
        assert!(parse_id(id).is_some() && parse_id(&id.to_uppercase()).is_some());
        for bad in [
            "a12476539646 4f32b04f72d2c0f5355b",
            &id.replace('-', ""),
            &format!("{{{id}}}"),
            &format!("urn:uuid:{id}"),
            "LfbRIlFW",
            "",
        ] {
            assert_eq!(parse_id(bad), None, "{bad}");
        }
    }
}
