//! What the API says of itself, to anybody.

use actix_web::HttpResponse;

use super::super::version::{self, Version};
use super::super::wire::{ApiVersion, ApiVersions, reply};

pub(in super::super) async fn versions() -> HttpResponse {
    let versions = Version::ALL.map(|version| ApiVersion {
        version: version::alias(version),
        display_version: version.as_str(),
        is_current: version == Version::default(),
    });
    reply(&ApiVersions { object: "metorial.versions", versions: versions.into() })
}
