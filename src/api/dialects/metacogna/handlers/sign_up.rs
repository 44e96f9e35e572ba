//! Signing somebody up, which admins do.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};

use super::super::access::Admin;
use super::super::error::ApiError;
use super::super::{convert, wire};
use super::{Reply, reply};
use crate::api::extract::{Dropped, FormRules, RequestDeadline, receive_form};
use crate::api::state::ApiState;
use crate::types::ErrorKind;

/// Files sent with a sign-up, and the parts they are sent as.
const FILES_MAX: usize = 10;
const FILE_PARTS: &[&str] = &["files[]", "files"];

/// Nothing is made unless everything about the request is good: the credential is looked at first,
/// then the form is received, and only then the person is made.
pub(in super::super) async fn sign_up(
    state: Data<ApiState>,
    request: HttpRequest,
    deadline: RequestDeadline,
    _admin: Admin,
    payload: Payload,
) -> Reply {
    let metacogna = &state.metacogna;
    let people = &metacogna.people;
    let file_bytes_max = metacogna.settings.file_bytes_max;
    let rules = FormRules { file_parts: FILE_PARTS, files_max: FILES_MAX, file_bytes_max };
    let form = receive_form(&request, payload, rules, deadline.0, &mut Dropped).await?;
    let person = convert::sign_up_form(&form, &metacogna.settings.plan)?;
    let username = person.username.clone();
    if people.is_taken(&username) {
        return Err(ApiError::email_taken());
    }
    let person = people.sign_up(person, deadline.0).await;
    let person = person.map_err(|error| match error.kind() {
        // Somebody else was faster.
        ErrorKind::Conflict if people.is_taken(&username) => ApiError::email_taken(),
        _ => error.into(),
    })?;
    reply(
        StatusCode::CREATED,
        &wire::SignUpResponse {
            success: true,
            user_id: person.user.id.to_string(),
            goals_summary: person.user.goals.as_deref().unwrap_or_default(),
            files_uploaded: 0,
            files: &[],
        },
    )
}
