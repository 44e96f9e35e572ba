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
    #[error("must have at most {METADATA_BYTES_MAX} bytes as compact JSON, not {size}")]
    TooLong { size: usize },
    #[error("must not nest deeper than {LEVELS_MAX} levels")]
    TooDeep,
    /// What raw text may still hold.
    #[error("holds a number out of range or an escape that is no character")]
    Unreadable,
}

pub(crate) fn parse_metadata(raw: &RawValue) -> Result<CheckedMetadata, BadMetadata> {
    if !raw.get().starts_with('{') {
        return Err(BadMetadata::OtherType);
    }
    let json = json_text::minify(raw.get());
    if json.len() > METADATA_BYTES_MAX {
        return Err(BadMetadata::TooLong { size: json.len() });
    }
    if json_text::nests_deeper_than(json.as_bytes(), LEVELS_MAX) {
        return Err(BadMetadata::TooDeep);
    }
    let tree = serde_json::from_str(&json).map_err(|_cause| BadMetadata::Unreadable)?;
    Ok(CheckedMetadata { json, tree })
}
