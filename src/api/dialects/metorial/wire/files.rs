//! Files and links to them.

use serde::Serialize;

use super::{Null, Time};

#[derive(Debug, Serialize)]
pub(in super::super) struct FileBody {
    /// `file`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    pub(in super::super) status: &'static str,
    pub(in super::super) file_name: String,
    /// In bytes.
    pub(in super::super) file_size: u64,
    pub(in super::super) file_type: String,
    pub(in super::super) title: Option<String>,
    pub(in super::super) purpose: PurposeBody,
    #[serde(flatten)]
    pub(in super::super) newer: Option<NewerFileMembers>,
    pub(in super::super) created_at: Time,
    pub(in super::super) updated_at: Time,
}

/// The first version names a purpose for people too.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in super::super) enum PurposeBody {
    Named { name: &'static str, identifier: &'static str },
    Identifier(&'static str),
}

/// What only the second version has.
#[derive(Debug, Default, Serialize)]
pub(in super::super) struct NewerFileMembers {
    pub(in super::super) created_by: Null,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct FileLinkBody {
    /// `file.file_link`
    pub(in super::super) object: &'static str,
    pub(in super::super) id: String,
    /// Only of one that has just been deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in super::super) status: Option<&'static str>,
    pub(in super::super) file_id: String,
    /// `null` where links are not followed.
    pub(in super::super) url: Option<String>,
    pub(in super::super) created_at: Time,
    pub(in super::super) expires_at: Option<Time>,
}
