//! Signing up, tokens, and the keys that verify them.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use secrecy::ExposeSecret;

use super::super::access::{Authorized, PublicBody};
use super::super::error::ApiError;
use super::super::tokens::{self, Grant};
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::client_ip::client_ip;
use crate::api::state::ApiState;
use crate::control::keys::{self, Dialect, KeyKind};
use crate::service::{NewAccount, ServiceError, warm_up_tokens};

pub(in super::super) async fn sign_up(
    state: Data<ApiState>,
    request: HttpRequest,
    body: PublicBody,
) -> Reply {
    let convert::Newcomer { org_id, key_name } = convert::sign_up_request(&body.0)?;
    let settings = &state.tex.settings;
    if !settings.signup {
        return Err(ApiError::forbidden("Signing up is disabled on this server"));
    }
    let client = client_ip(request.peer_addr(), request.headers(), &state.trusted_proxies);
    if let Err(exceeded) = state.tex.signup_limit.take(client) {
        let message = "Too many organizations were made from this address";
        return Err(ApiError::wait(message, Some(exceeded.retry_after)));
    }
    // Nothing is bound to it: tokens speak as their key.
    let user_id = keys::draw_name("user_").map_err(ServiceError::from)?;
    let account = NewAccount {
        handle: org_id,
        plan: settings.signup_plan.clone(),
        key_kind: KeyKind::Tex,
        key_name,
        tenants_max: settings.organizations_max,
    };
    let (tenant, key) = state.accounts.sign_up(account).await?;
    warm_up_tokens();
    reply(
        StatusCode::CREATED,
        &wire::SignUpResponse {
            org_id: &tenant.public_handle(),
            user_id: &user_id,
            api_key: key.secret.expose_secret(),
            key: convert::api_key(&key.info, state.clock.now()),
        },
    )
}

pub(in super::super) async fn exchange(state: Data<ApiState>, body: PublicBody) -> Reply {
    let convert::Exchange { api_key, user, session } = convert::exchange_request(&body.0)?;
    let principal = state
        .memory
        .authenticate(Dialect::Tex, &api_key)
        .map_err(|_error| ApiError::invalid_api_key())?;
    if user.is_some() && !tokens::may_impersonate(&principal.scopes) {
        return Err(ApiError::forbidden("user_id override not permitted"));
    }
    let tenant = state.accounts.find_tenant(principal.tenant);
    let tenant = tenant.ok_or_else(ApiError::invalid_api_key)?;
    let grant = Grant::of(&tenant, principal.key, &principal.scopes).speaking_for(user, session);
    warm_up_tokens();
    reply(StatusCode::OK, &tokens::issue(&state, grant, ApiError::invalid_api_key).await?)
}

pub(in super::super) async fn refresh(state: Data<ApiState>, body: PublicBody) -> Reply {
    let token = convert::refresh_request(&body.0)?;
    let grant = tokens::refreshed(&state, &token).await?;
    reply(StatusCode::OK, &tokens::issue(&state, grant, ApiError::invalid_refresh_token).await?)
}

/// For development: tokens for whoever knows an organization's name.
pub(in super::super) async fn login(state: Data<ApiState>, body: PublicBody) -> Reply {
    if !state.tex.settings.debug_login {
        return Err(ApiError::forbidden("Login is disabled on this server"));
    }
    let convert::Login { org_id, user, session } = convert::login_request(&body.0)?;
    let tenant = state.accounts.find_tenant_by_handle(&org_id);
    let tenant = tenant.ok_or_else(|| ApiError::not_found("Unknown organization"))?;
    let now = state.clock.now();
    let keys = state.accounts.keys_of(tenant.id, KeyKind::Tex);
    let key = keys.iter().find(|key| !key.has_ended(now));
    let key = key.ok_or_else(|| ApiError::forbidden("The organization has no API key"))?;
    let grant = Grant::of(&tenant, key.id, &key.scopes).speaking_for(user, session);
    reply(StatusCode::OK, &tokens::issue(&state, grant, ApiError::invalid_api_key).await?)
}

pub(in super::super) async fn verify(caller: Authorized) -> Reply {
    let identity = &caller.0;
    let act = identity.actor.as_deref().map(|sub| wire::Act { sub });
    let tenant = wire::VerifiedTenant {
        org_id: &identity.org,
        user_id: &identity.user,
        session_id: identity.session.as_deref(),
        roles: identity.roles(),
        act,
    };
    reply(StatusCode::OK, &wire::VerifyResponse { valid: true, tenant })
}

pub(in super::super) async fn jwks(state: Data<ApiState>) -> Reply {
    let ring = state.accounts.signing().await?;
    reply(StatusCode::OK, &ring.public_keys(state.clock.now()))
}
