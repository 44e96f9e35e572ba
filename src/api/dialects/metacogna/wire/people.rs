//! What the server says of itself, logging in and signing up.

use serde::Serialize;

use crate::api::validation::request;

/// The answer to `GET /`.
#[derive(Debug, Serialize)]
pub(in super::super) struct AboutResponse {
    pub(in super::super) service: &'static str,
    pub(in super::super) version: &'static str,
    pub(in super::super) status: &'static str,
    pub(in super::super) endpoints: AboutEndpoints,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct AboutEndpoints {
    pub(in super::super) health: &'static str,
    pub(in super::super) auth: &'static str,
    pub(in super::super) signup: &'static str,
    pub(in super::super) ingest: &'static str,
    pub(in super::super) search: &'static str,
    pub(in super::super) graph: &'static str,
    pub(in super::super) chat: &'static str,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct HealthResponse {
    pub(in super::super) status: &'static str,
    /// In milliseconds.
    pub(in super::super) timestamp: i64,
    pub(in super::super) service: &'static str,
}

request! {
    /// `POST /api/auth/login`.
    LoginRequest {
        username,
        password,
        #[serde(rename = "passwordHash")]
        password_hash,
    }
}

#[derive(Debug, Serialize)]
pub(in super::super) struct LoginResponse<'a> {
    pub(in super::super) success: bool,
    pub(in super::super) user: UserBody<'a>,
    pub(in super::super) token: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct UserBody<'a> {
    pub(in super::super) id: String,
    pub(in super::super) username: &'a str,
    pub(in super::super) email: Option<&'a str>,
    pub(in super::super) name: Option<&'a str>,
    pub(in super::super) goals: Option<&'a str>,
    pub(in super::super) is_admin: bool,
    /// In milliseconds.
    pub(in super::super) last_login: Option<i64>,
    pub(in super::super) preferences: Preferences,
}

/// An empty object: this server keeps none.
#[derive(Debug, Serialize)]
pub(in super::super) struct Preferences {}

#[derive(Debug, Serialize)]
pub(in super::super) struct SuccessResponse {
    pub(in super::super) success: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct SignUpResponse<'a> {
    pub(in super::super) success: bool,
    pub(in super::super) user_id: String,
    pub(in super::super) goals_summary: &'a str,
    pub(in super::super) files_uploaded: usize,
    pub(in super::super) files: &'a [UploadedFile],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct UploadedFile {
    pub(in super::super) id: String,
    pub(in super::super) filename: String,
    pub(in super::super) r2_key: String,
    /// In milliseconds.
    pub(in super::super) uploaded_at: i64,
    /// In bytes.
    pub(in super::super) size: u64,
    pub(in super::super) content_type: &'static str,
}
