//! Access and refresh tokens: what they claim, how they are made and what is made of one that is
//! presented. An access token stands by itself until it expires, whatever becomes of its key; a
//! refresh token is good while the directory knows it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::convert::Speaker;
use super::error::ApiError;
use super::wire::TokensResponse;
use crate::api::extract::Caller;
use crate::api::state::ApiState;
use crate::control::keys::{KeyKind, Principal, Scopes};
use crate::control::signing::{SigningError, SigningRing, TokenError};
use crate::control::tenants::Tenant;
use crate::service::compute;
use crate::types::{ErrorKind, KeyId, RefreshTokenId, TenantId, Timestamp};

/// Any of these lets a key's tokens speak for users it names.
const IMPERSONATING: [&str; 5] =
    ["impersonate_user", "tenant:write:any_user", "agent", "service", "system"];

/// Two signatures, a millisecond each: worth the blocking pool, like that many bytes of text.
const SIGNING_SIZE: usize = usize::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TokenKind {
    Access,
    Refresh,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    org_id: String,
    user_id: String,
    roles: Vec<String>,
    #[serde(rename = "type")]
    kind: TokenKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// Only of tokens for a named user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
    /// Our own: the tenant behind `org_id`, whose name another could take after its deletion.
    tid: Uuid,
    /// Our own: the key the token was born from.
    key: Uuid,
    /// Of refresh tokens: what the directory knows it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<Uuid>,
}

/// Who really acts for the user that a token names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Actor {
    sub: String,
}

/// Who is calling.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) caller: Caller,
    pub(super) org: String,
    pub(super) user: String,
    pub(super) session: Option<String>,
    /// The key that acts for `user`, where that is a named user.
    pub(super) actor: Option<String>,
}

impl Identity {
    pub(super) fn roles(&self) -> &[String] {
        self.caller.0.scopes.as_slice()
    }

    pub(super) fn tenant(&self) -> TenantId {
        self.caller.0.tenant
    }

    /// Whom it speaks for where a body does not say.
    pub(super) fn speaker(&self) -> Speaker {
        Speaker {
            user: self.user.clone(),
            session: self.session.clone(),
            may_name_users: self.actor.is_none() && may_impersonate(&self.caller.0.scopes),
        }
    }

    /// Refuses whoever speaks for a named user: such tokens manage nothing.
    pub(super) fn check_may_manage_keys(&self) -> Result<(), ApiError> {
        match self.actor {
            None => Ok(()),
            Some(_) => Err(ApiError::forbidden("Tokens for a named user cannot manage API keys")),
        }
    }
}

/// What tokens are made for.
pub(super) struct Grant {
    pub(super) tenant: TenantId,
    pub(super) org: String,
    pub(super) key: KeyId,
    pub(super) roles: Vec<String>,
    /// `None` for the key itself.
    pub(super) user: Option<String>,
    pub(super) session: Option<String>,
}

impl Grant {
    /// For a key itself.
    pub(super) fn of(tenant: &Tenant, key: KeyId, scopes: &Scopes) -> Self {
        Self {
            tenant: tenant.id,
            org: tenant.public_handle(),
            key,
            roles: scopes.as_slice().to_vec(),
            user: None,
            session: None,
        }
    }

    pub(super) fn speaking_for(self, user: Option<String>, session: Option<String>) -> Self {
        Self { user, session, ..self }
    }

    fn claims(self) -> Claims {
        let own = own_identity(self.key);
        let user_id = self.user.unwrap_or_else(|| own.clone());
        let act = (user_id != own).then_some(Actor { sub: own });
        Claims {
            org_id: self.org,
            user_id,
            roles: self.roles,
            kind: TokenKind::Access,
            session_id: self.session,
            act,
            tid: self.tenant.0,
            key: self.key.0,
            jti: None,
        }
    }
}

/// As whom a key speaks.
fn own_identity(key: KeyId) -> String {
    let id = key.0.simple().to_string();
    format!("apikey_{}", id.get(..8).unwrap_or_default())
}

/// Whether a key may have its tokens speak for users it names.
pub(super) fn may_impersonate(scopes: &Scopes) -> bool {
    IMPERSONATING.iter().any(|scope| scopes.allow(scope))
}

/// An access token and a refresh token. The latter is durable on return. `refused` is the answer
/// when the key has ended meanwhile.
pub(super) async fn issue(
    state: &ApiState,
    grant: Grant,
    refused: fn() -> ApiError,
) -> Result<TokensResponse, ApiError> {
    let settings = &state.tex.settings;
    let ring = state.accounts.signing().await?;
    let access = grant.claims();
    let (key, user, session) =
        (KeyId(access.key), access.user_id.clone(), access.session_id.clone());
    let lifetime = Duration::from_secs(settings.refresh_token_lifetime_s);
    let kept = state.accounts.create_refresh_token(key, user, session, lifetime).await;
    let kept = kept.map_err(|error| match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::NotFound => refused(),
        _ => error.into(),
    })?;
    let refresh = Claims { kind: TokenKind::Refresh, jti: Some(kept.id.0), ..access.clone() };
    let (now, lifetime_s) = (state.clock.now(), settings.access_token_lifetime_s);
    let signed = compute(SIGNING_SIZE, move || {
        let access = ring.sign(&access, now, Duration::from_secs(lifetime_s))?;
        Ok::<_, SigningError>((access, ring.sign(&refresh, now, lifetime)?))
    });
    let (access_token, refresh_token) = signed.await?.map_err(|error| {
        tracing::error!(error = %error, "a token could not be signed");
        ApiError::internal()
    })?;
    let expires_in = lifetime_s;
    Ok(TokensResponse { access_token, refresh_token, token_type: "bearer", expires_in })
}

/// Who presents this access token.
pub(super) async fn authenticate(state: &ApiState, token: &str) -> Result<Identity, ApiError> {
    let ring = state.accounts.signing().await?;
    let claims = access_claims(&ring, token, state.clock.now())?;
    let tenant = state.accounts.find_tenant(TenantId(claims.tid));
    let tenant = tenant.ok_or_else(ApiError::invalid_token)?;
    let principal = Principal {
        tenant: tenant.id,
        key: KeyId(claims.key),
        kind: KeyKind::Tex,
        scopes: Scopes::of_token(claims.roles),
        plan: Arc::clone(&tenant.plan),
        environment: tenant.environment,
    };
    Ok(Identity {
        caller: Caller(principal),
        org: tenant.public_handle(),
        user: claims.user_id,
        session: claims.session_id,
        actor: claims.act.map(|actor| actor.sub),
    })
}

fn access_claims(ring: &SigningRing, token: &str, now: Timestamp) -> Result<Claims, ApiError> {
    match ring.verify::<Claims>(token, now) {
        Ok(verified) if verified.claims.kind == TokenKind::Access => Ok(verified.claims),
        Err(TokenError::Expired) => Err(ApiError::expired_token()),
        Ok(_) | Err(_) => Err(ApiError::invalid_token()),
    }
}

/// What new tokens are made for when this refresh token is presented: the same user and session,
/// with what its key may do now.
pub(super) async fn refreshed(state: &ApiState, token: &str) -> Result<Grant, ApiError> {
    let ring = state.accounts.signing().await?;
    let verified = ring.verify::<Claims>(token, state.clock.now());
    let claims = verified.map_err(|_| ApiError::invalid_refresh_token())?.claims;
    let id = claims.jti.filter(|_| claims.kind == TokenKind::Refresh);
    let kept = id.and_then(|id| state.accounts.find_refresh_token(RefreshTokenId(id)));
    let kept = kept.ok_or_else(ApiError::invalid_refresh_token)?;
    let key = state.accounts.get_key(kept.key);
    let tenant = state.accounts.find_tenant(kept.tenant);
    let (Ok(key), Some(tenant)) = (key, tenant) else {
        return Err(ApiError::invalid_refresh_token());
    };
    Ok(Grant::of(&tenant, key.id, &key.scopes).speaking_for(Some(kept.subject), kept.session))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::signing::SigningKey;
    use crate::types::limits::SIGNED_TOKEN_BYTES_MAX;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> Timestamp {
        Timestamp::parse("2026-05-08T10:00:00Z").unwrap()
    }

    fn ring() -> SigningRing {
        SigningRing::new(SigningKey::generate(now()).unwrap(), 7 * DAY)
    }

    fn grant() -> Grant {
        Grant {
            tenant: TenantId(Uuid::from_u128(1)),
            org: "org_x".to_owned(),
            key: KeyId(Uuid::parse_str("a1247653-9646-4f32-b04f-72d2c0f5355b").unwrap()),
            roles: vec!["*".to_owned()],
            user: None,
            session: None,
        }
    }

    fn json_of(claims: &Claims) -> String {
        serde_json::to_string(claims).unwrap()
    }

    #[test]
    fn a_token_speaks_as_its_key_unless_a_user_was_named() {
        let own = grant().claims();
        assert_eq!(
            json_of(&own),
            "{\"org_id\":\"org_x\",\"user_id\":\"apikey_a1247653\",\"roles\":[\"*\"],\
             \"type\":\"access\",\"tid\":\"00000000-0000-0000-0000-000000000001\",\
             \"key\":\"a1247653-9646-4f32-b04f-72d2c0f5355b\"}"
        );
        let session = Some("s".to_owned());
        let named = grant().speaking_for(Some("ann".to_owned()), session.clone()).claims();
        assert_eq!((named.user_id.as_str(), named.session_id), ("ann", session));
        assert_eq!(named.act.unwrap().sub, "apikey_a1247653");
        let itself = grant().speaking_for(Some("apikey_a1247653".to_owned()), None).claims();
        assert_eq!(itself, own);
    }

    #[test]
    fn only_a_good_access_token_opens_anything() {
        let ring = ring();
        let access = grant().claims();
        let refresh = Claims { kind: TokenKind::Refresh, ..access.clone() };
        let sign = |claims: &Claims| ring.sign(claims, now(), DAY).unwrap();
        let refusal = |token: &str, at: Timestamp| {
            access_claims(&ring, token, at).map(|_| ()).map_err(|error| error.to_string())
        };
        let token = sign(&access);
        let tomorrow = now().plus(DAY);
        assert_eq!(refusal(&token, now()), Ok(()));
        assert_eq!(refusal(&token, tomorrow), Err("Token has expired".to_owned()));
        let invalid = Err("Invalid token".to_owned());
        assert_eq!(refusal(&sign(&refresh), now()), invalid);
        for bad in ["", "a.b.c", "tex_live_0123456789012345678901234567890123456789012"] {
            assert_eq!(refusal(bad, now()), invalid, "{bad}");
        }
        let forged = self::ring().sign(&access, now(), DAY).unwrap();
        assert_eq!(refusal(&forged, now()), invalid);
        let cut = token.get(..token.len() - 4).unwrap();
        assert_eq!(refusal(cut, now()), invalid);
    }

    #[test]
    fn the_longest_token_that_can_be_issued_verifies() {
        let ring = ring();
        // Two bytes of JSON for each character of a scope, six for one of a name.
        let roles = vec!["\"".repeat(100); 64];
        let name = Some("\u{1}".repeat(256));
        let grant = Grant { roles, ..grant() };
        let claims = grant.speaking_for(name.clone(), name).claims();
        let claims = Claims { jti: Some(Uuid::nil()), ..claims };
        let token = ring.sign(&claims, now(), DAY).unwrap();
        assert!(token.len() <= SIGNED_TOKEN_BYTES_MAX, "{}", token.len());
        assert!(access_claims(&ring, &token, now()).is_ok());
    }

    #[test]
    fn impersonating_takes_a_scope_for_it() {
        let may = |scope: &str| may_impersonate(&Scopes::of_token(vec![scope.to_owned()]));
        for scope in ["*", "impersonate_user", "tenant:write:any_user", "agent", "service"] {
            assert!(may(scope), "{scope}");
        }
        for scope in ["read", "user", "agents", ""] {
            assert!(!may(scope), "{scope}");
        }
    }
}
