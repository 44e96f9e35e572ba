//! Records of files that applications keep, and of links to them.

use serde::{Deserialize, Serialize};

use super::{Id, Record};

/// A file without its bytes. Key: [`crate::storage::keys::Kind::File`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    pub id: Id,
    pub file_name: String,
    pub size_bytes: u64,
    /// BLAKE3 of its bytes, under which they are kept.
    #[serde(with = "serde_bytes")]
    pub blob: [u8; 32],
    pub media_type: String,
    pub title: Option<String>,
    /// 0 attachment, 1 generic, 2 import, 3 export.
    pub purpose: u8,
    pub created_at_us: i64,
    pub updated_at_us: i64,
}

impl Record for FileRecord {
    const VERSION: u8 = 1;
}

/// A link to a file. Key: [`crate::storage::keys::Kind::FileLink`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLinkRecord {
    pub id: Id,
    pub file: Id,
    pub secret: String,
    pub created_at_us: i64,
    pub updated_at_us: i64,
    pub expires_at_us: Option<i64>,
}

impl Record for FileLinkRecord {
    const VERSION: u8 = 1;
}
