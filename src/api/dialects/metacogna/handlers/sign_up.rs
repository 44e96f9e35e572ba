//! Signing somebody up, which admins do.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};

use super::super::access::Admin;
use super::super::error::ApiError;
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::{Form, FormFile, FormRules, UploadSink, receive_form};
use crate::api::state::ApiState;
use crate::service::{Document, Metadata, NewDocument, Scope, UploadedFile};
use crate::types::{Deadline, ErrorKind};

/// Files sent with a sign-up, and the parts they are sent as.
const FILES_MAX: usize = 10;
const FILE_PARTS: &[&str] = &["files[]", "files"];

/// Nothing is made unless everything about the request is good: the credential is looked at first,
/// then the form is received, and only then the person is made.
pub(in super::super) async fn sign_up(
    state: Data<ApiState>,
    request: HttpRequest,
    _admin: Admin,
    payload: Payload,
) -> Reply {
    let metacogna = &state.metacogna;
    let people = &metacogna.people;
    let deadline = Deadline::after(metacogna.settings.ingest_timeout());
    let file_bytes_max = metacogna.settings.file_bytes_max;
    let rules = FormRules { file_parts: FILE_PARTS, files_max: FILES_MAX, file_bytes_max };
    let mut sink = UploadSink::new(&state.documents);
    let form = receive_form(&request, payload, rules, deadline, &mut sink).await?;
    let person = convert::sign_up_form(&form, &metacogna.settings.plan)?;
    let username = person.username.clone();
    if people.is_taken(&username) {
        return Err(ApiError::email_taken());
    }
    let documents = documents_of(&state, &form)?;
    let person = people.sign_up(person, deadline).await;
    let person = person.map_err(|error| match error.kind() {
        // Somebody else was faster.
        ErrorKind::Conflict if people.is_taken(&username) => ApiError::email_taken(),
        _ => error.into(),
    })?;
    let added = add_all(&state, person.scope(deadline), documents, sink.into_files()).await;
    let added = match added {
        Ok(added) => added,
        Err(error) => {
            people.undo_sign_up(&person).await?;
            return Err(error);
        }
    };
    let user_id = person.user.id.to_string();
    let files: Vec<_> =
        added.iter().map(|document| convert::uploaded_file(document, &user_id)).collect();
    reply(
        StatusCode::CREATED,
        &wire::SignUpResponse {
            success: true,
            user_id,
            goals_summary: person.user.goals.as_deref().unwrap_or_default(),
            files_uploaded: files.len(),
            files: &files,
        },
    )
}

/// Takes the files, which are indexed in the background.
async fn add_all(
    state: &ApiState,
    scope: Scope,
    documents: Vec<NewDocument>,
    files: Vec<UploadedFile>,
) -> Result<Vec<Arc<Document>>, ApiError> {
    let mut added = Vec::with_capacity(documents.len());
    for (document, file) in documents.into_iter().zip(files) {
        added.push(state.documents.add(scope, document, file).await?);
    }
    Ok(added)
}

/// The files as documents, in the order they came in. None is kept before all of them are good.
fn documents_of(state: &ApiState, form: &Form) -> Result<Vec<NewDocument>, ApiError> {
    let document = |file: &FormFile| {
        let (file_name, kind) = convert::file_of(&file.name)?;
        let (id, title) = (state.documents.new_id(), file_name.clone());
        Ok(NewDocument { id, title, file_name, kind, metadata: Metadata::default() })
    };
    form.files().iter().map(document).collect()
}
