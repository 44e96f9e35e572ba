//! One function per route: extract, convert, call the service, convert, reply.

mod about;
mod auth;
mod chat;
mod documents;
mod ingest;
mod search;
mod sign_up;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::error::ApiError;

pub(super) use about::{about, health};
pub(super) use auth::{log_in, log_out};
pub(super) use chat::chat;
pub(super) use documents::{
    delete as delete_document, list as list_documents, purge_errors, reindex,
    status as document_status,
};
pub(super) use ingest::ingest;
pub(super) use search::{graph, search, search_by_body};
pub(super) use sign_up::sign_up;

type Reply = Result<HttpResponse, ApiError>;

fn reply<T: Serialize>(status: StatusCode, body: &T) -> Reply {
    Ok(HttpResponse::build(status).json(body))
}
