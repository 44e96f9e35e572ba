//! Files: sending one, and what is known of each.

use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use futures_util::StreamExt;

use super::super::access::Secret;
use super::super::convert;
use super::super::error::ApiError;
use super::super::fields::{Body, Query};
use super::super::ids::{self, Prefix};
use super::super::paging::List;
use super::super::wire::reply;
use super::{Reply, allowed, found, kept};
use crate::api::extract::{Form, FormRules, PathSegment, UploadSink, receive_form, sends_form};
use crate::api::state::ApiState;
use crate::service::{Scope, UploadedFile};
use crate::types::Deadline;

const FILE_PARTS: &[&str] = &["file"];

/// Its own time: a file may arrive slowly.
pub(in super::super) async fn create_file(
    caller: Secret,
    state: Data<ApiState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Reply {
    let deadline = Deadline::after(state.metorial.settings.upload_timeout());
    let (form, file) = receive(&state, &request, payload, deadline).await?;
    let sent = form.files().first();
    let texts = form.texts().filter(|(name, _)| !FILE_PARTS.contains(name));
    let name = sent.map(|sent| ("file", sent.name.as_str()));
    let body = Body::of_texts(texts.chain(name), &state.metorial.settings)?;
    let media_type = sent.and_then(|sent| sent.media_type.as_deref());
    let new = body.read(|fields| convert::new_file(fields, media_type))?;
    let file = file.ok_or_else(ApiError::internal)?;
    let scope = Scope { deadline, ..caller.scope };
    let file = state.metorial.platform.add_file(scope, new, file).await?;
    Ok(reply(&convert::file_body(allowed(file)?, caller.version)))
}

/// The form with its file, if it has one. An empty body is a form without anything.
async fn receive(
    state: &ApiState,
    request: &HttpRequest,
    mut payload: web::Payload,
    deadline: Deadline,
) -> Result<(Form, Option<UploadedFile>), ApiError> {
    if !sends_form(request) {
        return match payload.next().await {
            None => Ok((Form::default(), None)),
            Some(_) => Err(ApiError::needs_file_form()),
        };
    }
    let file_bytes_max = state.metorial.settings.file_bytes_max;
    let rules = FormRules { file_parts: FILE_PARTS, files_max: 1, file_bytes_max };
    let mut sink = UploadSink::new(&state.documents);
    let form = receive_form(request, payload, rules, deadline, &mut sink).await?;
    Ok((form, sink.into_files().into_iter().next()))
}

pub(in super::super) async fn list_files(
    caller: Secret,
    query: Query,
    state: Data<ApiState>,
) -> Reply {
    let (filter, page) = query.read(convert::file_list)?;
    let files = state.metorial.platform.files(caller.scope, filter, page).await?;
    let show = |file| convert::file_body(file, caller.version);
    Ok(reply(&List::of(allowed(files)?, show)))
}

pub(in super::super) async fn file(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::File, &segment)?;
    let file = state.metorial.platform.file(caller.scope, id).await?;
    let file = found(file, Prefix::File, &segment)?;
    Ok(reply(&convert::file_body(file, caller.version)))
}

pub(in super::super) async fn change_file(
    caller: Secret,
    body: Body,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let title = body.read(convert::new_title)?;
    let id = ids::addressed(Prefix::File, &segment)?;
    let file = state.metorial.platform.change_file(caller.scope, id, title).await?;
    Ok(reply(&convert::file_body(kept(file, &segment)?, caller.version)))
}

pub(in super::super) async fn delete_file(
    caller: Secret,
    state: Data<ApiState>,
    segment: PathSegment,
) -> Reply {
    let id = ids::addressed(Prefix::File, &segment)?;
    let file = state.metorial.platform.delete_file(caller.scope, id).await?;
    let file = found(file, Prefix::File, &segment)?;
    Ok(reply(&convert::deleted_file_body(file, caller.version)))
}
