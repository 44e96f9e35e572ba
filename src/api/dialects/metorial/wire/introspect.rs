//! Which editions of the API there are.

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(in super::super) struct ApiVersions {
    pub(in super::super) object: &'static str,
    pub(in super::super) versions: Vec<ApiVersion>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ApiVersion {
    pub(in super::super) version: &'static str,
    pub(in super::super) display_version: &'static str,
    pub(in super::super) is_current: bool,
}
