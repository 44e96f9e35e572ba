//! Taking documents: a file in a form, or a text in JSON. The call answers when the document can be
//! searched.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data};

use super::super::access::{LoggedIn, receive_json};
use super::super::error::ApiError;
use super::super::uploads::upload_text;
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::{BodyRule, FormRules, UploadSink, receive_form, sends_form};
use crate::api::state::ApiState;
use crate::service::{FailureCause, IndexingState, Scope, UploadedFile};
use crate::types::Deadline;

const FILE_PARTS: &[&str] = &["file"];

pub(in super::super) async fn ingest(
    state: Data<ApiState>,
    request: HttpRequest,
    caller: LoggedIn,
    payload: web::Payload,
) -> Reply {
    let deadline = Deadline::after(state.metacogna.settings.ingest_timeout());
    let (ingest, file) = match sends_form(&request) {
        true => receive_file(&state, &request, payload, deadline).await?,
        false => receive_text(&state, &request, payload.into_inner()).await?,
    };
    let person = caller.acting_for(&state, Some(&ingest.user_id))?;
    let scope = person.scope(deadline);
    let new = ingest.into_document(|| state.documents.new_id());
    let added = state.documents.add(scope, new, file).await?;
    let user_id = person.user.id.to_string();
    answer(&state, scope, &added.id, &user_id).await.map_err(|error| error.about(&added.id))
}

/// What became of the document, once that is known.
async fn answer(state: &ApiState, scope: Scope, id: &str, user_id: &str) -> Reply {
    let document = state.documents.indexed(scope, id).await?;
    match (&document.indexing.state, convert::reason_of(&document)) {
        (IndexingState::GivenUp | IndexingState::Failed { cause: FailureCause::Server, .. }, _) => {
            Err(ApiError::internal())
        }
        (IndexingState::Failed { reason, cause: FailureCause::Plan }, _) => {
            Err(ApiError::over_plan(reason.clone()))
        }
        (_, Some(reason)) => Err(ApiError::bad_request(reason.to_owned())),
        (_, None) => reply(
            StatusCode::OK,
            &wire::IngestResponse {
                success: true,
                document_id: id,
                r2_key: convert::r2_key(user_id, id, &document.file_name),
                chunks: document.chunk_count(),
                graph_nodes: document.indexing.entity_count,
                status: "indexed",
            },
        ),
    }
}

async fn receive_file(
    state: &ApiState,
    request: &HttpRequest,
    payload: web::Payload,
    deadline: Deadline,
) -> Result<(convert::Ingest, UploadedFile), ApiError> {
    let file_bytes_max = state.metacogna.settings.file_bytes_max;
    let rules = FormRules { file_parts: FILE_PARTS, files_max: 1, file_bytes_max };
    let mut sink = UploadSink::new(&state.documents);
    let form = receive_form(request, payload, rules, deadline, &mut sink).await?;
    let ingest = convert::ingest_form(&form)?;
    let file = sink.into_files().into_iter().next();
    Ok((ingest, file.ok_or_else(|| ApiError::missing_field("file"))?))
}

async fn receive_text(
    state: &ApiState,
    request: &HttpRequest,
    mut payload: Payload,
) -> Result<(convert::Ingest, UploadedFile), ApiError> {
    let text = receive_json(request, &mut payload, BodyRule::anything(request)).await?;
    let (ingest, content) = convert::ingest_request(&text)?;
    let bytes_max = state.metacogna.settings.file_bytes_max;
    if content.len() as u64 > bytes_max {
        return Err(ApiError::too_large(format!("the content exceeds {bytes_max} bytes")));
    }
    Ok((ingest, upload_text(&state.documents, content).await?))
}
