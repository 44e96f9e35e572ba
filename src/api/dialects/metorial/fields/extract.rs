//! Bodies and queries as arguments of handlers. Stand behind the caller in a handler's arguments:
//! then nothing of a body is received from whoever may not send it.

use std::collections::BTreeMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use serde_json::value::RawValue;

use super::super::error::{ApiError, Entity, reason};
use super::super::settings::MetorialSettings;
use super::form::{FormNode, NoForm};
use super::object::{Members, Object};
use super::place::{Findings, Place, Wrong};
use crate::api::extract::{BodyRule, body_text, receive_bytes};
use crate::api::state::ApiState;
use crate::service::compute;

/// The largest body: a text of the greatest length that can be configured, each character of which
/// may be written as twelve bytes, with its metadata and what it is wrapped in.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What was sent.
#[derive(Debug)]
enum Sent {
    /// Of a name that stands there twice, the last.
    Json(BTreeMap<String, Box<RawValue>>),
    /// JSON of this type.
    OtherJson(&'static str),
    Form(FormNode),
}

/// What was sent, where, and what holds for all texts in it.
#[derive(Debug)]
pub(super) struct Fields {
    sent: Sent,
    entity: Entity,
    text_chars_max: usize,
}

impl Fields {
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Object<'_>) -> Option<T>,
    ) -> Result<T, ApiError> {
        let findings = Findings::new(self.entity, self.text_chars_max);
        let root = Place::of_root(&findings);
        let members = match &self.sent {
            Sent::Json(members) => Some(Members::Root(members)),
            Sent::Form(node) => Some(Members::Form(node)),
            Sent::OtherJson(received) => {
                root.add(Wrong::Type { expected: "object", received });
                None
            }
        };
        let value = members.and_then(|members| read(&Object::new(&root, members)));
        findings.into_result()?;
        // A reader that finds nothing wrong has read something.
        value.ok_or_else(ApiError::internal)
    }
}

#[cfg(test)]
impl Fields {
    pub(super) fn of_json(text: &str, text_chars_max: usize) -> Result<Self, ApiError> {
        Ok(Self { sent: parse_json(text)?, entity: Entity::Body, text_chars_max })
    }

    pub(super) fn of_form(text: &str, text_chars_max: usize) -> Result<Self, ApiError> {
        let sent = parse_form(text.as_bytes(), reason::INVALID_FORM_BODY)?;
        Ok(Self { sent, entity: Entity::Body, text_chars_max })
    }
}

/// The body of a request, in JSON or as a form; empty if there is none.
#[derive(Debug)]
pub(in super::super) struct Body(Fields);

impl Body {
    /// The texts of a form with files, with the names of their parts.
    ///
    /// # Errors
    /// 400 for names that nest too deep.
    pub(in super::super) fn of_texts<'a>(
        texts: impl Iterator<Item = (&'a str, &'a str)>,
        settings: &MetorialSettings,
    ) -> Result<Self, ApiError> {
        let node =
            FormNode::of_pairs(texts).map_err(|cause| no_form(reason::INVALID_FORM_BODY, cause))?;
        let text_chars_max = settings.text_chars_max;
        Ok(Self(Fields { sent: Sent::Form(node), entity: Entity::Body, text_chars_max }))
    }

    /// # Errors
    /// 422 with everything that is wrong with the fields, 404 for a reference to what cannot be there.
    pub(in super::super) fn read<T>(
        &self,
        read: impl FnOnce(&Object<'_>) -> Option<T>,
    ) -> Result<T, ApiError> {
        self.0.read(read)
    }
}

impl FromRequest for Body {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut rule = BodyRule::anything(request);
        rule.bytes_max = rule.bytes_max.min(BODY_BYTES_MAX);
        let encoding = Encoding::of(request.headers());
        let receiving = receive_bytes(request, payload, rule);
        let text_chars_max = text_chars_max(request);
        Box::pin(async move {
            let bytes = receiving.await?;
            let bytes_count = bytes.len();
            let sent = match encoding {
                _ if bytes.is_empty() => Sent::Json(BTreeMap::new()),
                Encoding::Json => {
                    let text = body_text(bytes)?;
                    compute(bytes_count, move || parse_json(&text)).await??
                }
                Encoding::Form => {
                    let parse = move || parse_form(&bytes, reason::INVALID_FORM_BODY);
                    compute(bytes_count, parse).await??
                }
                Encoding::Other => return Err(ApiError::unsupported_type()),
            };
            Ok(Self(Fields { sent, entity: Entity::Body, text_chars_max: text_chars_max? }))
        })
    }
}

/// The query of a request.
#[derive(Debug)]
pub(in super::super) struct Query(Fields);

impl Query {
    /// # Errors
    /// 400 for a place that a list does not have, 422 with everything that is wrong with the fields.
    pub(in super::super) fn read<T>(
        &self,
        read: impl FnOnce(&Object<'_>) -> Option<T>,
    ) -> Result<T, ApiError> {
        self.0.read(read)
    }

    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let sent = parse_form(request.query_string().as_bytes(), reason::INVALID_QUERY)?;
        let text_chars_max = text_chars_max(request)?;
        Ok(Self(Fields { sent, entity: Entity::Query, text_chars_max }))
    }
}

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Json,
    Form,
    Other,
}

impl Encoding {
    /// Whatever the parameters.
    fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
        let essence = value.and_then(|value| value.split(|byte| *byte == b';').next());
        let is = |name: &[u8]| essence.is_some_and(|it| it.trim_ascii().eq_ignore_ascii_case(name));
        if is(b"application/json") {
            Self::Json
        } else if is(b"application/x-www-form-urlencoded") {
            Self::Form
        } else {
            Self::Other
        }
    }
}

fn parse_json(text: &str) -> Result<Sent, ApiError> {
    let no_json =
        |_cause| ApiError::bad_request(reason::INVALID_JSON_BODY, "The body is not valid JSON");
    let raw: &RawValue = serde_json::from_str(text).map_err(no_json)?;
    match raw.get().bytes().next() {
        Some(b'{') => Ok(Sent::Json(serde_json::from_str(raw.get()).map_err(no_json)?)),
        _ => Ok(Sent::OtherJson(super::object::Value::Json(raw).kind())),
    }
}

fn parse_form(text: &[u8], reason: &'static str) -> Result<Sent, ApiError> {
    FormNode::parse(text).map(Sent::Form).map_err(|cause| no_form(reason, cause))
}

fn no_form(reason: &'static str, cause: NoForm) -> ApiError {
    ApiError::bad_request(reason, cause.message())
}

fn text_chars_max(request: &HttpRequest) -> Result<usize, ApiError> {
    let state = request.app_data::<Data<ApiState>>().ok_or_else(ApiError::internal)?;
    Ok(state.metorial.settings.text_chars_max)
}

#[cfg(test)]
impl Fields {
    /// Texts of 1,000 characters at most.
    fn of(sent: Sent, entity: Entity) -> Self {
        Self { sent, entity, text_chars_max: 1_000 }
    }
}

#[cfg(test)]
impl Body {
    pub(in super::super) fn of_json(text: &str) -> Self {
        Self(Fields::of(parse_json(text).unwrap(), Entity::Body))
    }

    pub(in super::super) fn of_form(text: &str) -> Self {
        Self(Fields::of(Sent::Form(FormNode::parse(text.as_bytes()).unwrap()), Entity::Body))
    }
}

#[cfg(test)]
impl Query {
    pub(in super::super) fn of_text(text: &str) -> Self {
        Self(Fields::of(Sent::Form(FormNode::parse(text.as_bytes()).unwrap()), Entity::Query))
    }
}
