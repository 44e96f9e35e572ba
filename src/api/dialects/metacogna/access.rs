//! What handlers take as arguments: a caller with a good session, an admin, a body of JSON. The
//! credential comes first: of a stranger's body nothing is received, except where none is needed.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use futures_util::future::LocalBoxFuture;
use secrecy::SecretString;
use serde::de::IgnoredAny;

use super::cookie;
use super::error::ApiError;
use crate::api::extract::client_ip::client_ip;
use crate::api::extract::{BodyRule, RequestDeadline, bearer_token, receive_body};
use crate::api::middleware::access_log::ActingTenant;
use crate::api::state::ApiState;
use crate::service::{Person, compute};
use crate::types::UserId;

/// The largest body of a caller who has shown no credential.
const STRANGERS_BYTES_MAX: usize = 64 * 1024;

/// Hexadecimal digits of what stands for a password.
const SECRET_DIGITS: usize = 64;

/// Base64 with its usual letters; clients differ on the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A caller with a good session, who may call now.
#[derive(Debug)]
pub(super) struct LoggedIn {
    pub(super) person: Person,
}

impl LoggedIn {
    /// Looks for a session and takes the request from the tenant's allowance. Leaves word for the
    /// log.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let state = state_of(request)?;
        let person = sessions(request, state).next().ok_or_else(ApiError::no_session)?;
        admit(request, state, &person)?;
        Ok(Self { person })
    }

    /// On whose data a request acts that may name a user: the caller, or for an admin anybody.
    pub(super) fn acting_for(
        &self,
        state: &ApiState,
        user_id: Option<&str>,
    ) -> Result<Person, ApiError> {
        let own = self.person.user.id.to_string();
        match user_id.filter(|named| !named.trim().is_empty()) {
            None => Ok(self.person.clone()),
            Some(named) if named == own => Ok(self.person.clone()),
            Some(_) if !self.person.user.is_admin => Err(ApiError::forbidden()),
            Some(named) => {
                let found = parse_id(named).and_then(|id| state.metacogna.people.find(id));
                found.ok_or_else(|| ApiError::not_found("User not found"))
            }
        }
    }
}

impl FromRequest for LoggedIn {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// The JSON of somebody who needs no credential. It may hold one, so it is never shown.
pub(super) struct PublicBody(pub(super) String);

impl FromRequest for PublicBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut rule = BodyRule::anything(&request);
            rule.bytes_max = rule.bytes_max.min(STRANGERS_BYTES_MAX);
            Ok(Self(receive_json(&request, &mut payload, rule).await?))
        })
    }
}

/// Somebody who may sign up others, by a session or by a token made of their id and secret.
#[derive(Debug)]
pub(super) struct Admin;

impl FromRequest for Admin {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = state_of(&request)?;
            let mut sessions = sessions(&request, state).peekable();
            let is_somebody = sessions.peek().is_some();
            let by_session = sessions.find(|person| person.user.is_admin);
            let admin = match (by_session, bearer_token(request.headers())) {
                (Some(admin), _) => Some(admin),
                (None, Some(token)) => find_by_admin_token(&request, state, token).await?,
                (None, None) if is_somebody => None,
                (None, None) => return Err(ApiError::no_admin_credential()),
            };
            let admin = admin.filter(|person| person.user.is_admin);
            admit(&request, state, &admin.ok_or_else(ApiError::not_an_admin)?)?;
            Ok(Self)
        })
    }
}

/// A body that is JSON of whatever type.
pub(super) async fn receive_json(
    request: &HttpRequest,
    payload: &mut Payload,
    rule: BodyRule,
) -> Result<String, ApiError> {
    let text = receive_body(request, payload, rule).await?;
    let checked = compute(text.len(), move || {
        let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        is_json.then_some(text)
    });
    checked.await?.ok_or_else(ApiError::no_json)
}

/// Every token the caller may have a session by: of the two places one may be left over from before.
pub(super) fn presented_tokens(request: &HttpRequest) -> impl Iterator<Item = &str> {
    bearer_token(request.headers()).into_iter().chain(cookie::find_all(request.headers()))
}

/// What stands for a password, in the form it is compared in; `None` for what cannot be right.
pub(super) fn secret_of(presented: &str) -> Option<SecretString> {
    let is_secret =
        presented.len() == SECRET_DIGITS && presented.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_secret.then(|| SecretString::from(presented.to_ascii_lowercase()))
}

/// Takes one password from the allowance of the caller's address.
pub(super) fn count_login(request: &HttpRequest, state: &ApiState) -> Result<(), ApiError> {
    let client = client_ip(request.peer_addr(), request.headers(), &state.trusted_proxies);
    let message = "Too many login attempts. Please try again later.";
    let taken = state.metacogna.login_limit.take(client);
    taken.map(drop).map_err(|exceeded| ApiError::rate_limited(&exceeded, message))
}

fn state_of(request: &HttpRequest) -> Result<&ApiState, ApiError> {
    let state = request.app_data::<Data<ApiState>>();
    state.map(Data::get_ref).ok_or_else(ApiError::internal)
}

/// Whoever has a good session by what is presented.
fn sessions<'a>(
    request: &'a HttpRequest,
    state: &'a ApiState,
) -> impl Iterator<Item = Person> + 'a {
    presented_tokens(request).filter_map(|token| state.metacogna.people.find_by_session(token))
}

fn admit(request: &HttpRequest, state: &ApiState, person: &Person) -> Result<(), ApiError> {
    let admitted = state.memory.admit(person.tenant, &person.plan);
    request.extensions_mut().insert(ActingTenant(person.tenant));
    let message = "Too many requests. Please try again later.";
    admitted.map(drop).map_err(|exceeded| ApiError::rate_limited(&exceeded, message))
}

/// Costs a hashed password only where the token has the form of one.
async fn find_by_admin_token(
    request: &HttpRequest,
    state: &ApiState,
    token: &str,
) -> Result<Option<Person>, ApiError> {
    let Some((id, secret)) = parse_admin_token(token) else { return Ok(None) };
    count_login(request, state)?;
    let deadline = RequestDeadline::of(request);
    Ok(state.metacogna.people.find_by_secret(id, secret, deadline.0).await?)
}

/// The base64 of an id, a colon and the secret.
fn parse_admin_token(token: &str) -> Option<(UserId, SecretString)> {
    let text = String::from_utf8(BASE64.decode(token).ok()?).ok()?;
    // A secret holds no colon, so a second one makes it a wrong one.
    let (id, secret) = text.split_once(':')?;
    Some((parse_id(id)?, secret_of(secret)?))
}

/// An id as this server writes it.
fn parse_id(text: &str) -> Option<UserId> {
    let id: UserId = text.parse().ok()?;
    (id.to_string() == text).then_some(id)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const ID: &str = "a1247653-9646-4f32-b04f-72d2c0f5355b";
    const SECRET: &str = "83f7bb760078346b67080a800131f0e1ee86cfe331c13fd34a14303248ecd6f0";

    #[test]
    fn a_secret_is_64_hexadecimal_digits_in_either_case() {
        let upper = SECRET.to_uppercase();
        for good in [SECRET, &upper] {
            assert_eq!(secret_of(good).unwrap().expose_secret(), SECRET);
        }
        for bad in
            ["", "AdminPass123!", &SECRET[1..], &format!("{SECRET}0"), &SECRET.replace('8', "g")]
        {
            assert!(secret_of(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_admin_token_is_the_base64_of_an_id_and_a_secret() {
        let encode = |text: String| BASE64.encode(text);
        let token = encode(format!("{ID}:{SECRET}"));
        for good in [token.as_str(), token.trim_end_matches('=')] {
            let (id, secret) = parse_admin_token(good).unwrap();
            assert_eq!((id.to_string().as_str(), secret.expose_secret()), (ID, SECRET));
        }
        for bad in [
            String::new(),
            "!not base64!".to_owned(),
            encode(ID.to_owned()),
            encode(format!("{ID}{SECRET}")),
            encode(format!("{ID}:{SECRET}:")),
            encode(format!("{ID}::{SECRET}")),
            encode(format!("admin:{SECRET}")),
            encode(format!("{}:{SECRET}", ID.to_uppercase())),
            encode(format!("{ID}:short")),
            BASE64.encode([0xFF, 0xFE]),
        ] {
            assert!(parse_admin_token(&bad).is_none(), "{bad}");
        }
    }
}
