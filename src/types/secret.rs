//! Secrets on their way in: texts that no debug output shows.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

/// Reads a secret that must be there, straight into a wrapper.
///
/// # Errors
/// When it is no text.
pub fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

/// Reads a setting that may be absent, straight into a wrapper.
///
/// # Errors
/// When it is no text.
pub fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}
