//! Documents that are known: listed, watched, indexed anew, removed.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::super::access::LoggedIn;
use super::super::error::ApiError;
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::{PathSegment, RequestDeadline};
use crate::api::state::ApiState;
use crate::api::validation::Parameters;
use crate::service::Person;
use crate::types::Deadline;

/// Whose documents a request is about.
fn person_asked(
    state: &ApiState,
    request: &HttpRequest,
    caller: &LoggedIn,
) -> Result<Person, ApiError> {
    caller.acting_for(state, Parameters::of(request.query_string()).find("userId"))
}

pub(in super::super) async fn list(
    state: Data<ApiState>,
    request: HttpRequest,
    caller: LoggedIn,
    deadline: RequestDeadline,
) -> Reply {
    let person = person_asked(&state, &request, &caller)?;
    let documents = state.documents.list(person.scope(deadline.0)).await?;
    let user_id = person.user.id.to_string();
    let documents: Vec<_> =
        documents.iter().map(|document| convert::document_body(document, &user_id)).collect();
    let count = documents.len();
    reply(StatusCode::OK, &wire::DocumentsResponse { documents, count })
}

pub(in super::super) async fn status(
    state: Data<ApiState>,
    request: HttpRequest,
    caller: LoggedIn,
    deadline: RequestDeadline,
) -> Reply {
    let person = person_asked(&state, &request, &caller)?;
    let path = request.path();
    let segment = PathSegment::of_path(path.strip_suffix("/status").unwrap_or(path));
    let id = segment.text().unwrap_or_default();
    let found = state.documents.find(person.scope(deadline.0), id).await?;
    let document = found.ok_or_else(ApiError::no_tracking)?;
    let user_id = person.user.id.to_string();
    let status = convert::tracking(&document, &user_id);
    reply(StatusCode::OK, &wire::StatusResponse { status })
}

pub(in super::super) async fn delete(
    state: Data<ApiState>,
    request: HttpRequest,
    caller: LoggedIn,
    deadline: RequestDeadline,
    id: PathSegment,
) -> Reply {
    let person = person_asked(&state, &request, &caller)?;
    let document_id = id.text().unwrap_or_default();
    if document_id.is_empty() {
        return Err(ApiError::bad_request("Missing document ID"));
    }
    if !state.documents.remove(person.scope(deadline.0), document_id).await? {
        return Err(ApiError::not_found("Document not found"));
    }
    let message = "Document deleted successfully";
    reply(StatusCode::OK, &wire::DeleteResponse { success: true, message, document_id })
}

/// The caller's own documents, whoever asks. As many may take their time.
pub(in super::super) async fn reindex(state: Data<ApiState>, caller: LoggedIn) -> Reply {
    let deadline = Deadline::after(state.metacogna.settings.ingest_timeout());
    let count = state.documents.reindex_all(caller.person.scope(deadline)).await?;
    let response =
        wire::ReindexResponse { success: true, documents_reindexed: count, reindexed: count };
    reply(StatusCode::OK, &response)
}

/// The caller's own documents, whoever asks. As many may take their time.
pub(in super::super) async fn purge_errors(state: Data<ApiState>, caller: LoggedIn) -> Reply {
    let deadline = Deadline::after(state.metacogna.settings.ingest_timeout());
    let count = state.documents.purge_failed(caller.person.scope(deadline)).await?;
    let response = wire::PurgeResponse { success: true, documents_purged: count, deleted: count };
    reply(StatusCode::OK, &response)
}
