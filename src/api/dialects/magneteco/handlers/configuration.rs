//! What an app is: whom it tells what happens, and what matters to it.

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::super::convert;
use super::super::error::{ApiError, issue};
use super::super::limits::{Call, CallBody, Configure, ReadConfig};
use super::{Reply, parse, reply};
use crate::api::extract::RequestDeadline;
use crate::api::state::ApiState;
use crate::service::OntologyRefusal;
use crate::types::ErrorKind;

/// A second registration of the same address replaces the first.
pub(in super::super) async fn register_webhook(
    state: Data<ApiState>,
    CallBody { app, text, .. }: CallBody<Configure>,
    deadline: RequestDeadline,
) -> Reply {
    let target = parse(text, convert::webhook_request).await?;
    app.check_named(target.app_id.as_deref())?;
    let registered = state.webhooks.register(app.scope(deadline), target.new).await;
    let webhook = registered.map_err(|error| match error.kind() {
        // All else was checked: it leads to where the server must not go.
        ErrorKind::InvalidInput => ApiError::field("url", issue::VALUE),
        _ => error.into(),
    })?;
    reply(StatusCode::CREATED, &convert::webhook_response(app.id(), webhook))
}

pub(in super::super) async fn domain_config(
    state: Data<ApiState>,
    request: HttpRequest,
    Call { app, .. }: Call<ReadConfig>,
    deadline: RequestDeadline,
) -> Reply {
    app.check_in_path(&convert::app_in(request.uri().path()))?;
    let json = state.magneteco.facts.ontology(app.scope(deadline)).await?;
    stored(json.ok_or_else(ApiError::not_found)?)
}

/// The object replaces the one before as a whole. What it says of memory is judged last, by whoever
/// keeps it, so that nothing of another app is judged at all.
pub(in super::super) async fn set_domain_config(
    state: Data<ApiState>,
    request: HttpRequest,
    CallBody { app, text, .. }: CallBody<Configure>,
    deadline: RequestDeadline,
) -> Reply {
    let (named, json) = parse(text, convert::domain_config_request).await?;
    app.check_in_path(&convert::app_in(request.uri().path()))?;
    app.check_named(named.as_deref())?;
    let set = state.magneteco.facts.set_ontology(app.scope(deadline), json.clone()).await;
    set.map_err(|refusal| match refusal {
        OntologyRefusal::Problem(problem) => ApiError::field(problem.field, problem.issue),
        OntologyRefusal::Service(error) => error.into(),
    })?;
    stored(json)
}

/// A stored object, to the letter.
fn stored(json: String) -> Reply {
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}
