//! One function per route: extract, convert, call the service, convert, reply.

mod auth;
mod ingestion;
mod keys;
mod recall;
mod usage;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::error::ApiError;

pub(super) use auth::{exchange, jwks, login, refresh, sign_up, verify};
pub(super) use ingestion::ingest;
pub(super) use keys::{create_key, keys, me, revoke_key};
pub(super) use recall::recall;
pub(super) use usage::{summary, today};

type Reply = Result<HttpResponse, ApiError>;

fn reply<T: Serialize>(status: StatusCode, body: &T) -> Reply {
    Ok(HttpResponse::build(status).json(body))
}
