//! Actors: the same in both versions.

use serde::Serialize;

use super::{OwnObject, Time};

#[derive(Debug, Serialize)]
pub(in super::super) struct ActorBody {
    /// `actor`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) name: String,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) metadata: OwnObject,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}
