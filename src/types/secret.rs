//! Secrets of the configuration: texts that no debug output shows.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

/// Reads a setting that may be absent, straight into a wrapper.
///
/// # Errors
/// When it is no text.
pub fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}
