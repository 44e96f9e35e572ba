//! A caller's own JSON object: kept as the text it was sent as, within bounds.

use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::api::json_text;
use crate::types::limits::METADATA_BYTES_MAX;

/// Levels of arrays and objects in metadata, its own object included.
const LEVELS_MAX: usize = 64;

/// Metadata that may be kept.
#[derive(Debug)]
pub(crate) struct CheckedMetadata {
    /// Compact, otherwise as it was sent.
    pub(crate) json: String,
    /// For looking at what means something.
    pub(crate) tree: Value,
}

/// Why metadata is not taken; each continues a sentence that begins with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum BadMetadata {
    #[error("must be a JSON object; leave it out for none")]
    OtherType,
    #[error("must have at most {bytes_max} bytes as compact JSON, not {size}")]
    TooLong { size: usize, bytes_max: usize },
    #[error("must not nest deeper than {LEVELS_MAX} levels")]
    TooDeep,
    /// What raw text may still hold.
    #[error("holds a number out of range or an escape that is no character")]
    Unreadable,
}

pub(crate) fn parse_metadata(raw: &RawValue) -> Result<CheckedMetadata, BadMetadata> {
    parse_object_within(raw, METADATA_BYTES_MAX)
}

/// The same for an object of so many bytes as compact JSON.
pub(crate) fn parse_object_within(
    raw: &RawValue,
    bytes_max: usize,
) -> Result<CheckedMetadata, BadMetadata> {
    if !raw.get().starts_with('{') {
        return Err(BadMetadata::OtherType);
    }
    let json = json_text::minify(raw.get());
    if json.len() > bytes_max {
        return Err(BadMetadata::TooLong { size: json.len(), bytes_max });
    }
    if json_text::nests_deeper_than(json.as_bytes(), LEVELS_MAX) {
        return Err(BadMetadata::TooDeep);
    }
    let tree = serde_json::from_str(&json).map_err(|_cause| BadMetadata::Unreadable)?;
    Ok(CheckedMetadata { json, tree })
}
