//! How a record becomes bytes: one version byte, then MessagePack of the record's fields in
//! order. A record type names its version; bytes of another one are refused.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why bytes are not the record they should be. Never holds the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    #[error("the value is empty")]
    Empty,
    #[error("the value has format version {found}, this build reads {expected}")]
    Version { found: u8, expected: u8 },
    #[error("the value is malformed: {0}")]
    Malformed(String),
    #[error("the record cannot be encoded: {0}")]
    Unencodable(String),
}

/// A type that is stored as a value.
pub trait Record: Serialize + DeserializeOwned {
    /// Changes whenever the fields do; `docs/storage-format.md` lists every version.
    const VERSION: u8;
}

/// # Errors
/// Only when the type cannot be serialised, which is a defect of the type.
pub fn encode<R: Record>(record: &R) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(R::VERSION);
    rmp_serde::encode::write(&mut bytes, record)
        .map_err(|error| CodecError::Unencodable(error.to_string()))?;
    Ok(bytes)
}

/// # Errors
/// When the version is another one or the bytes are not a record of this type.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, CodecError> {
    let (version, body) = bytes.split_first().ok_or(CodecError::Empty)?;
    if *version != R::VERSION {
        return Err(CodecError::Version { found: *version, expected: R::VERSION });
    }
    rmp_serde::from_slice(body).map_err(|error| CodecError::Malformed(error.to_string()))
}
