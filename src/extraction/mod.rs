//! Files to plain text. Owns one file per format, the child process in which formats are read that
//! are hard to read safely, and their settings; the only code that names the crates which parse
//! them. Knows nothing of documents, tenants or HTTP.
//!
//! Invariants: what comes out is UTF-8 without control characters but line breaks and tabs and no
//! longer than the settings allow; whatever a file holds, the process that asked keeps running,
//! with its memory; no error holds anything of a file.

mod charset;
mod child;
mod csv;
mod docx;
mod docx_part;
mod error;
mod extractor;
mod html;
mod json;
mod pdf;
mod pdf_lines;
mod pdf_paragraphs;
mod plain_text;
mod settings;

pub use child::{ChildLimits, run_child};
pub use error::ExtractionError;
pub use extractor::Extractor;
pub use settings::ExtractionSettings;

use crate::types::FileKind;

/// Reads the text of a file in this process and on this thread.
fn text_of(kind: FileKind, bytes: Vec<u8>, bytes_max: usize) -> Result<String, ExtractionError> {
    match kind {
        FileKind::Text | FileKind::Markdown => {
            plain_text::cleaned(&charset::decode(&bytes), bytes_max)
        }
        FileKind::Html => html::text_of(&bytes, bytes_max),
        FileKind::Pdf => pdf::text_of(bytes, bytes_max),
        FileKind::Docx => docx::text_of(&bytes, bytes_max),
        FileKind::Csv => csv::text_of(&bytes, bytes_max),
        FileKind::Json => json::text_of(&bytes, bytes_max),
    }
}
