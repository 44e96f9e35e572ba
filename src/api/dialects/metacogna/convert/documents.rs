//! Documents: what is taken, and how one that is known is shown.

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::error::ApiError;
use super::super::wire::{DocumentBody, IngestRequest, Tracking, UploadedFile};
use super::{Fields, parse_body};
use crate::api::extract::Form;
use crate::api::validation::{BadMetadata, Raw, parse_metadata, unless_null};
use crate::service::{Document, IndexingState, IndexingStep, Metadata, NewDocument};
use crate::types::limits::DOCUMENT_ID_CHARS_MAX;
use crate::types::{FileKind, Timestamp};

/// Characters of a title and of a file name.
const TITLE_CHARS_MAX: usize = 500;
const FILE_NAME_CHARS_MAX: usize = 200;

/// What a file is called whose name holds nothing else.
const NO_NAME: &str = "document";

/// Ids that no path can name: other routes have them, or clients resolve them before they ask.
const RESERVED_IDS: &[&str] = &["purge-errors", "reindex", ".", ".."];

/// A document to be taken, but for its id where the caller gave none.
#[derive(Debug)]
pub(in super::super) struct Ingest {
    pub(in super::super) user_id: String,
    pub(in super::super) id: Option<String>,
    pub(in super::super) title: String,
    pub(in super::super) file_name: String,
    pub(in super::super) kind: FileKind,
    pub(in super::super) metadata: Metadata,
}

impl Ingest {
    pub(in super::super) fn into_document(self, new_id: impl FnOnce() -> String) -> NewDocument {
        NewDocument {
            id: self.id.unwrap_or_else(new_id),
            title: self.title,
            file_name: self.file_name,
            kind: self.kind,
            metadata: self.metadata,
        }
    }
}

/// A form with one file.
pub(in super::super) fn ingest_form(form: &Form) -> Result<Ingest, ApiError> {
    let user_id = form.text("userId").filter(|text| !text.trim().is_empty());
    let user_id = user_id.ok_or_else(|| ApiError::missing_field("userId"))?.to_owned();
    let file = form.files().first().ok_or_else(|| ApiError::missing_field("file"))?;
    let (file_name, kind) = file_of(&file.name)?;
    let metadata = match form.text("metadata").filter(|text| !text.trim().is_empty()) {
        Some(text) => {
            let raw: &RawValue = serde_json::from_str(text)
                .map_err(|_cause| bad_metadata(BadMetadata::OtherType))?;
            read_metadata(Some(raw))?
        }
        None => OwnMetadata::default(),
    };
    let titles = [form.text("title").map(str::to_owned), metadata.title];
    let title = titles.into_iter().flatten().find(|title| !title.trim().is_empty());
    let title = checked_title(title.unwrap_or_else(|| file_name.clone()))?;
    Ok(Ingest { user_id, id: None, title, file_name, kind, metadata: metadata.stored })
}

/// A text as JSON, and its content.
pub(in super::super) fn ingest_request(body: &str) -> Result<(Ingest, String), ApiError> {
    let request: IngestRequest<'_> = parse_body(body)?;
    let user_id = Fields::required_text("userId", request.user_id)?;
    let content = Fields::text("content", request.content)?;
    let content = content.ok_or_else(|| ApiError::missing_field("content"))?;
    let title = checked_title(Fields::required_text("title", request.title)?)?;
    let id = Fields::text("docId", request.doc_id)?.map(checked_id).transpose()?;
    let metadata = read_metadata(unless_null(request.metadata))?.stored;
    let file_name = safe_name(&title);
    let ingest = Ingest { user_id, id, title, file_name, kind: FileKind::Text, metadata };
    Ok((ingest, content))
}

/// A file's name as it is kept, and what it is by its name.
pub(in super::super) fn file_of(name: &str) -> Result<(String, FileKind), ApiError> {
    let file_name = safe_name(name);
    let Some(kind) = FileKind::of_name(&file_name) else {
        let extension = file_name.rsplit_once('.').map_or("none", |(_, extension)| extension);
        return Err(ApiError::bad_request(format!("Unsupported file type: {extension}")));
    };
    Ok((file_name, kind))
}

/// Without what leads elsewhere: separators of paths and control characters.
fn safe_name(name: &str) -> String {
    let is_kept = |c: &char| !c.is_control() && !matches!(c, '/' | '\\');
    let kept: String = name.trim().chars().filter(is_kept).collect();
    let kept = if kept.is_empty() { NO_NAME.to_owned() } else { kept };
    let Some(surplus) = kept.chars().count().checked_sub(FILE_NAME_CHARS_MAX) else { return kept };
    // The end says what kind of file it is.
    kept.chars().skip(surplus).collect()
}

fn checked_title(title: String) -> Result<String, ApiError> {
    let is_fit = title.chars().count() <= TITLE_CHARS_MAX;
    if is_fit { Ok(title) } else { Err(ApiError::invalid_field("title")) }
}

fn checked_id(id: String) -> Result<String, ApiError> {
    let is_fit = !id.trim().is_empty()
        && id.chars().count() <= DOCUMENT_ID_CHARS_MAX
        && !id.chars().any(char::is_control)
        && !RESERVED_IDS.contains(&id.as_str());
    if is_fit { Ok(id) } else { Err(ApiError::invalid_field("docId")) }
}

#[derive(Default)]
struct OwnMetadata {
    stored: Metadata,
    /// What it says of a title.
    title: Option<String>,
}

fn read_metadata(raw: Raw<'_>) -> Result<OwnMetadata, ApiError> {
    let Some(raw) = raw else { return Ok(OwnMetadata::default()) };
    let checked = parse_metadata(raw).map_err(bad_metadata)?;
    let title = checked.tree.get("title").and_then(Value::as_str).map(str::to_owned);
    Ok(OwnMetadata { stored: Metadata::from_checked(checked.json), title })
}

fn bad_metadata(cause: BadMetadata) -> ApiError {
    ApiError::invalid_metadata(format!("metadata {cause}"))
}

/// Where the original would be in the published service's store.
pub(in super::super) fn r2_key(user_id: &str, id: &str, file_name: &str) -> String {
    format!("users/{user_id}/documents/{id}-{file_name}")
}

/// A file that came with a sign-up.
pub(in super::super) fn uploaded_file(document: &Document, user_id: &str) -> UploadedFile {
    UploadedFile {
        id: document.id.clone(),
        filename: document.file_name.clone(),
        r2_key: r2_key(user_id, &document.id, &document.file_name),
        uploaded_at: document.uploaded_at.as_millis(),
        size: document.size_bytes,
        content_type: document.kind.content_type(),
    }
}

pub(in super::super) fn document_body<'a>(
    document: &'a Document,
    user_id: &'a str,
) -> DocumentBody<'a> {
    DocumentBody {
        id: &document.id,
        user_id,
        title: &document.title,
        r2_key: r2_key(user_id, &document.id, &document.file_name),
        uploaded_at: document.uploaded_at.as_millis(),
        status: match document.indexing.state {
            IndexingState::Processing => "processing",
            IndexingState::Indexed => "indexed",
            IndexingState::Failed { .. } | IndexingState::GivenUp => "error",
        },
        progress: document.indexing.percent,
        chunk_count: document.chunk_count(),
        metadata: shown_metadata(document),
        created_at: document.created_at.as_millis(),
        content: &document.preview,
    }
}

/// The caller's own, to the letter, and why the document could not be indexed.
fn shown_metadata(document: &Document) -> Box<RawValue> {
    let own = document.metadata.as_json();
    let shown = match reason_of(document) {
        None => own.to_owned(),
        Some(reason) => {
            let mut tree: Value = serde_json::from_str(own).unwrap_or_default();
            if !tree.is_object() {
                tree = Value::Object(serde_json::Map::new());
            }
            if let Some(members) = tree.as_object_mut() {
                members.insert("error".to_owned(), Value::from(reason));
            }
            tree.to_string()
        }
    };
    RawValue::from_string(shown).unwrap_or_default()
}

/// Why a document could not be indexed.
pub(in super::super) fn reason_of(document: &Document) -> Option<&str> {
    match &document.indexing.state {
        IndexingState::Failed { reason, .. } => Some(reason),
        IndexingState::GivenUp => Some("it could not be indexed; reindex it to try again"),
        IndexingState::Processing | IndexingState::Indexed => None,
    }
}

pub(in super::super) fn tracking<'a>(document: &'a Document, user_id: &'a str) -> Tracking<'a> {
    let indexing = &document.indexing;
    let (status, current_step) = match (&indexing.state, indexing.step) {
        (IndexingState::Indexed, _) => ("completed", "Completed"),
        (IndexingState::Failed { .. } | IndexingState::GivenUp, step) => ("failed", step_of(step)),
        (IndexingState::Processing, IndexingStep::Queued) => ("queued", "Uploading to R2"),
        (IndexingState::Processing, IndexingStep::Embedding) => ("embedding", "Embedding chunks"),
        (IndexingState::Processing, IndexingStep::Graphing) => {
            ("graphing", "Extracting knowledge graph")
        }
        (IndexingState::Processing, step) => ("processing", step_of(step)),
    };
    Tracking {
        document_id: &document.id,
        user_id,
        status,
        progress: indexing.percent,
        current_step,
        chunks_total: indexing.chunks_total,
        chunks_processed: indexing.chunks_processed,
        started_at: indexing.started_at.as_millis(),
        completed_at: indexing.completed_at.map(Timestamp::as_millis),
        error_message: reason_of(document),
        updated_at: indexing.updated_at.as_millis(),
    }
}

/// The steps in the published words.
fn step_of(step: IndexingStep) -> &'static str {
    match step {
        IndexingStep::Queued => "Uploading to R2",
        IndexingStep::Chunking => "Saving metadata",
        IndexingStep::Embedding => "Embedding chunks",
        IndexingStep::Graphing => "Extracting knowledge graph",
        IndexingStep::Done => "Completed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_leads_nowhere_and_says_what_the_file_is() {
        for (name, kept, kind) in [
            ("notes.md", "notes.md", FileKind::Markdown),
            ("../../etc/passwd.TXT", "....etcpasswd.TXT", FileKind::Text),
            ("C:\\docs\\a\u{0}b.PdF", "C:docsab.PdF", FileKind::Pdf),
        ] {
            assert_eq!(file_of(name).unwrap(), (kept.to_owned(), kind), "{name}");
        }
        let long = format!("{}.pdf", "é".repeat(300));
        let (kept, kind) = file_of(&long).unwrap();
        assert_eq!((kept.chars().count(), kind), (FILE_NAME_CHARS_MAX, FileKind::Pdf));
        for (name, error) in [
            ("virus.exe", "Unsupported file type: exe"),
            ("README", "Unsupported file type: none"),
            ("a.", "Unsupported file type: "),
        ] {
            assert_eq!(file_of(name).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_in_a_request_is_named() {
        for (body, error) in [
            (r#"{"content":"c","title":"t"}"#, "Missing required field: userId"),
            (r#"{"userId":"u","title":"t"}"#, "Missing required field: content"),
            (r#"{"userId":"u","content":""}"#, "Missing required field: title"),
            (r#"{"userId":"u","content":7,"title":"t"}"#, "Invalid value for field: content"),
            (
                r#"{"userId":"u","content":"","title":"t","docId":" "}"#,
                "Invalid value for field: docId",
            ),
            (
                r#"{"userId":"u","content":"","title":"t","docId":"purge-errors"}"#,
                "Invalid value for field: docId",
            ),
            (r#"{"userId":"u","content":"","title":"t","metadata":[]}"#, "Invalid metadata JSON"),
        ] {
            assert_eq!(ingest_request(body).unwrap_err().to_string(), error, "{body}");
        }
        let body =
            r#"{"userId":"u","content":"","title":"a/b","docId":"x/y","metadata":{"n":1.0}}"#;
        let (ingest, content) = ingest_request(body).unwrap();
        assert_eq!((content.as_str(), ingest.file_name.as_str()), ("", "ab"));
        assert_eq!(ingest.metadata.as_json(), r#"{"n":1.0}"#);
        assert_eq!(ingest.into_document(String::new).id, "x/y");
    }
}
