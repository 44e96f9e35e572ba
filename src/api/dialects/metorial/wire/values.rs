//! What bodies are made of: objects of the caller's own, and members that say nothing.

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::service::Metadata;

/// A member that means nothing on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(in super::super) struct Null;

/// A list that is always empty.
pub(in super::super) type Never = [Null; 0];

/// An object of the caller's own, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct OwnObject(pub(in super::super) Metadata);

impl Serialize for OwnObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(self.0.as_json()).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_come_back_as_they_were_written() {
        let own = OwnObject(Metadata::from_checked(r#"{"b":1.0,"a":1e400}"#.to_owned()));
        assert_eq!(serde_json::to_string(&own).unwrap(), r#"{"b":1.0,"a":1e400}"#);
        assert_eq!(serde_json::to_string(&OwnObject(Metadata::default())).unwrap(), "{}");
    }

    #[test]
    fn what_says_nothing_is_null_or_empty() {
        assert_eq!(serde_json::to_string(&Null).unwrap(), "null");
        assert_eq!(serde_json::to_string::<Never>(&[]).unwrap(), "[]");
    }
}
