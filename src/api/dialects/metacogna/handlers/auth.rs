//! Logging in and out.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret;

use super::super::access::{PublicBody, count_login, presented_tokens, secret_of};
use super::super::error::ApiError;
use super::super::{convert, cookie, wire};
use super::Reply;
use crate::api::extract::RequestDeadline;
use crate::api::extract::client_ip::came_over_tls;
use crate::api::state::ApiState;
use crate::types::ErrorKind;

pub(in super::super) async fn log_in(
    state: Data<ApiState>,
    request: HttpRequest,
    deadline: RequestDeadline,
    body: PublicBody,
) -> Reply {
    let convert::Login { username, password } = convert::login_request(&body.0)?;
    count_login(&request, &state)?;
    let secret = secret_of(&password).ok_or_else(ApiError::invalid_credentials)?;
    let lifetime = Duration::from_secs(cookie::SESSION_LIFETIME_S);
    let people = &state.metacogna.people;
    let session = people.log_in(&username, secret, lifetime, deadline.0).await;
    let session = session.map_err(|error| match error.kind() {
        ErrorKind::Unauthenticated => ApiError::invalid_credentials(),
        _ => error.into(),
    })?;
    let token = session.token.expose_secret();
    let user = convert::user_body(&session.user);
    let set_cookie = cookie::set(token, is_secure(&request, &state));
    Ok(HttpResponse::Ok()
        .insert_header((header::SET_COOKIE, set_cookie))
        .json(wire::LoginResponse { success: true, user, token }))
}

/// Ends the session that is presented, if there is one, and takes the cookie back from anybody.
pub(in super::super) async fn log_out(state: Data<ApiState>, request: HttpRequest) -> Reply {
    for token in presented_tokens(&request) {
        if state.metacogna.people.find_by_session(token).is_some() {
            state.metacogna.people.log_out(token.to_owned()).await?;
        }
    }
    let clear_cookie = cookie::clear(is_secure(&request, &state));
    Ok(HttpResponse::Ok()
        .insert_header((header::SET_COOKIE, clear_cookie))
        .json(wire::SuccessResponse { success: true }))
}

fn is_secure(request: &HttpRequest, state: &ApiState) -> bool {
    let came_over_tls =
        || came_over_tls(request.peer_addr(), request.headers(), &state.trusted_proxies);
    state.metacogna.settings.force_secure_cookie || came_over_tls()
}
