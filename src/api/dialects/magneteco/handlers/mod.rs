//! One function per route: extract, convert, call the service, convert, reply.

mod configuration;
mod deliveries;
mod entities;
mod forgetting;
mod health;
pub(super) mod older;
mod reading;
mod retrieving;
mod sources;
mod writing;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::error::ApiError;
use crate::service::compute;

pub(super) use configuration::{domain_config, register_webhook, set_domain_config};
pub(super) use deliveries::receive_webhook;
pub(super) use entities::{entities, entity};
pub(super) use forgetting::forget;
pub(super) use health::{bare_health, health};
pub(super) use reading::{categories, context};
pub(super) use retrieving::retrieve;
pub(super) use sources::{configure_source, remove_source, show_source};
pub(super) use writing::{memorize, record_event, resource_status};

type Reply = Result<HttpResponse, ApiError>;

fn reply<T: Serialize>(status: StatusCode, body: &T) -> Reply {
    Ok(HttpResponse::build(status).json(body))
}

/// Reads a body, a long one on the blocking pool.
async fn parse<T: Send + 'static>(
    text: String,
    parse: impl FnOnce(&str) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    compute(text.len(), move || parse(&text)).await?
}
