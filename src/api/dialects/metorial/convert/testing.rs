//! What tests of converters share.

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use serde_json::Value;
use uuid::Uuid;

use super::super::error::ApiError;
use super::super::fields::{Body, Object, Query};
use crate::types::{RecordId, Timestamp};

pub(super) fn id() -> RecordId {
    RecordId(Uuid::now_v7())
}

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// What a body is read as, whichever way it is written.
pub(super) fn read<T>(body: &Value, read: impl FnOnce(&Object<'_>) -> Option<T>) -> T {
    Body::of_json(&body.to_string()).read(read).unwrap()
}

pub(super) fn read_form<T>(body: &str, read: impl FnOnce(&Object<'_>) -> Option<T>) -> T {
    Body::of_form(body).read(read).unwrap()
}

pub(super) fn read_query<T>(query: &str, read: impl FnOnce(&Object<'_>) -> Option<T>) -> T {
    Query::of_text(query).read(read).unwrap()
}

/// What is wrong with a body: the status, and for 422 each field with its code.
pub(super) fn wrong<T>(body: &Value, read: impl FnOnce(&Object<'_>) -> Option<T>) -> String {
    told(Body::of_json(&body.to_string()).read(read))
}

pub(super) fn wrong_form<T>(body: &str, read: impl FnOnce(&Object<'_>) -> Option<T>) -> String {
    told(Body::of_form(body).read(read))
}

pub(super) fn wrong_query<T>(query: &str, read: impl FnOnce(&Object<'_>) -> Option<T>) -> String {
    told(Query::of_text(query).read(read))
}

fn told<T>(read: Result<T, ApiError>) -> String {
    let Err(error) = read else { return "nothing".to_owned() };
    let response = error.error_response();
    let status = response.status().as_u16();
    let bytes = response.into_body().try_into_bytes().ok().unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    let mut told = vec![status.to_string()];
    for error in body["errors"].as_array().into_iter().flatten() {
        let path: Vec<&str> =
            error["path"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
        told.push(format!("{}:{}", path.join("."), error["code"].as_str().unwrap()));
    }
    if status == 404 {
        told.push(body["entity"].as_str().unwrap().to_owned());
    }
    told.join(" ")
}
