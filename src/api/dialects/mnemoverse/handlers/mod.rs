//! One function per route: extract, convert, call the service, convert, reply.

mod atoms;
mod health;
mod learning;
mod reading;
mod rooms;
mod tenant;
mod writing;

use actix_web::HttpResponse;
use actix_web::http::header;
use serde::Serialize;

use super::error::ApiError;
use crate::api::extract::JsonBody;

pub(super) use atoms::{delete_atom, export, get_atom, get_atom_by_external_ref, get_chain};
pub(super) use health::{health, health_ready};
pub(super) use learning::{consolidate, feedback};
pub(super) use reading::{graph, query, read, read_batch, recent};
pub(super) use rooms::{no_rooms, no_vault, rooms, secrets};
pub(super) use tenant::{delete_domain, domains, reset, stats};
pub(super) use writing::{write, write_batch};

type Body = JsonBody<ApiError>;
type Reply = Result<HttpResponse, ApiError>;

fn reply<T: Serialize>(body: &T) -> Reply {
    let text = serde_json::to_string(body).map_err(|_cause| ApiError::internal())?;
    Ok(HttpResponse::Ok().insert_header(header::ContentType::json()).body(text))
}
