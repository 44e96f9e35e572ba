//! Files and links to them, from the wire and back.

use super::super::fields::{Object, choice, reference, text, text_as, time_to_come};
use super::super::ids::Prefix;
use super::super::paging::page_of;
use super::super::version::Version;
use super::super::wire::{FileBody, FileLinkBody, NewerFileMembers, PurposeBody, Time};
use super::{DELETED, ids_in, record_filter, shown};
use crate::service::{
    File, FileFilter, FileLink, FileLinkFilter, FilePurpose, NewFile, RecordPage,
};
use crate::types::{RecordId, Timestamp};

/// Characters in the name of a file, and in its media type.
const FILE_NAME_CHARS_MAX: usize = 255;
const MEDIA_TYPE_CHARS_MAX: usize = 255;

/// What a file is of which nothing is said.
const MEDIA_TYPE_DEFAULT: &str = "application/octet-stream";

const FILE_NAME_RULE: &str =
    "must have a name of 1 to 255 characters, none of them a control character";
const MEDIA_TYPE_RULE: &str = "must have a Content-Type such as text/plain";

const PURPOSES: &[(&str, FilePurpose)] = &[
    ("attachment", FilePurpose::Attachment),
    ("generic", FilePurpose::Generic),
    ("import", FilePurpose::Import),
    ("export", FilePurpose::Export),
];

/// What is said of a file, the texts of its form beside it. `file` holds its name where one came;
/// `media_type` is what its sender says it is.
pub(in super::super) fn new_file(
    fields: &Object<'_>,
    media_type: Option<&[u8]>,
) -> Option<NewFile> {
    fields.refuse("id", "is chosen by the server");
    let file_name = fields.required("file", &text_as(FILE_NAME_RULE, file_name));
    let media_type = fields.optional("file", &text_as(MEDIA_TYPE_RULE, |_| essence(media_type)));
    let title = fields.optional("title", &text());
    let purpose = fields.required("purpose", &choice(PURPOSES));
    Some(NewFile { file_name: file_name?, media_type: media_type?, title, purpose: purpose? })
}

/// Some clients send a whole path.
fn file_name(sent: &str) -> Option<String> {
    let name = sent.rsplit(['/', '\\']).next()?;
    let is_good = !matches!(name.trim(), "" | "." | "..")
        && !name.chars().any(char::is_control)
        && name.chars().count() <= FILE_NAME_CHARS_MAX;
    is_good.then(|| name.to_owned())
}

/// A media type without its parameters; `None` for what is none.
fn essence(said: Option<&[u8]>) -> Option<String> {
    let said = said.map(<[u8]>::trim_ascii).filter(|said| !said.is_empty());
    let Some(said) = said else { return Some(MEDIA_TYPE_DEFAULT.to_owned()) };
    let essence = std::str::from_utf8(said).ok()?.split(';').next()?.trim();
    let (kind, subtype) = essence.split_once('/')?;
    let is_good = essence.len() <= MEDIA_TYPE_CHARS_MAX && is_token(kind) && is_token(subtype);
    is_good.then(|| essence.to_ascii_lowercase())
}

/// As RFC 9110 has it, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_fit)
}

/// The title that a file is to have, if it is to change.
#[allow(clippy::option_option, reason = "absent, null, and a value are three things")]
pub(in super::super) fn new_title(fields: &Object<'_>) -> Option<Option<Option<String>>> {
    Some(fields.nullable("title", &text()))
}

/// What is asked of the list of files.
pub(in super::super) fn file_list(fields: &Object<'_>) -> Option<(FileFilter, RecordPage)> {
    let base = record_filter(fields, Prefix::File);
    let purposes = fields.filter("purpose", &choice(PURPOSES));
    Some((FileFilter { base, purposes }, page_of(fields, Prefix::File)?))
}

/// A file as a version shows it.
pub(in super::super) fn file_body(file: File, version: Version) -> FileBody {
    let identifier = purpose_word(file.purpose);
    let purpose = match version {
        Version::V2025 => PurposeBody::Named { name: purpose_name(file.purpose), identifier },
        Version::V2026 => PurposeBody::Identifier(identifier),
    };
    FileBody {
        object: "file",
        id: shown(Prefix::File, file.id),
        status: "active",
        file_name: file.file_name,
        file_size: file.size_bytes,
        file_type: file.media_type,
        title: file.title,
        purpose,
        newer: (version == Version::V2026).then(NewerFileMembers::default),
        created_at: Time(file.created_at),
        updated_at: Time(file.updated_at),
    }
}

/// One that has just been deleted.
pub(in super::super) fn deleted_file_body(file: File, version: Version) -> FileBody {
    FileBody { status: DELETED, ..file_body(file, version) }
}

fn purpose_word(purpose: FilePurpose) -> &'static str {
    match purpose {
        FilePurpose::Attachment => "attachment",
        FilePurpose::Generic => "generic",
        FilePurpose::Import => "import",
        FilePurpose::Export => "export",
    }
}

fn purpose_name(purpose: FilePurpose) -> &'static str {
    match purpose {
        FilePurpose::Attachment => "Attachment",
        FilePurpose::Generic => "Generic",
        FilePurpose::Import => "Import",
        FilePurpose::Export => "Export",
    }
}

/// When a new link to a file that was addressed ends, if it does.
#[allow(clippy::option_option, reason = "nothing wrong, and no end, are two things")]
pub(in super::super) fn end_of_new_link(
    fields: &Object<'_>,
    now: Timestamp,
) -> Option<Option<Timestamp>> {
    fields.refuse("id", "is chosen by the server");
    Some(fields.optional("expires_at", &time_to_come(now)))
}

/// A new link that says itself which file it is to, and when it ends, if it does.
pub(in super::super) fn new_link(
    fields: &Object<'_>,
    now: Timestamp,
) -> Option<(RecordId, Option<Timestamp>)> {
    let file = fields.required("file_id", &reference(Prefix::File));
    let expires_at = end_of_new_link(fields, now);
    Some((file?, expires_at?))
}

/// The end that a link is to have, if it is to change.
#[allow(clippy::option_option, reason = "absent, null, and a value are three things")]
pub(in super::super) fn new_end(
    fields: &Object<'_>,
    now: Timestamp,
) -> Option<Option<Option<Timestamp>>> {
    Some(fields.nullable("expires_at", &time_to_come(now)))
}

/// What is asked of the list of all links.
pub(in super::super) fn link_list(fields: &Object<'_>) -> Option<(FileLinkFilter, RecordPage)> {
    let filter = FileLinkFilter {
        base: record_filter(fields, Prefix::FileLink),
        within: None,
        files: ids_in(fields, "file_id", Prefix::File),
    };
    Some((filter, page_of(fields, Prefix::FileLink)?))
}

/// A link; `url_of` says where it leads.
pub(in super::super) fn link_body(
    link: FileLink,
    url_of: impl Fn(&FileLink) -> Option<String>,
) -> FileLinkBody {
    FileLinkBody {
        object: "file.file_link",
        id: shown(Prefix::FileLink, link.id),
        status: None,
        file_id: shown(Prefix::File, link.file),
        url: url_of(&link),
        created_at: Time(link.created_at),
        expires_at: link.expires_at.map(Time),
    }
}

/// One that has just been deleted.
pub(in super::super) fn deleted_link_body(
    link: FileLink,
    url_of: impl Fn(&FileLink) -> Option<String>,
) -> FileLinkBody {
    FileLinkBody { status: Some(DELETED), ..link_body(link, url_of) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn names_of_files_lose_their_path_and_hold_nothing_odd() {
        let long = "n".repeat(FILE_NAME_CHARS_MAX);
        for (sent, name) in [
            ("a b.md", Some("a b.md")),
            ("/etc/passwd", Some("passwd")),
            ("C:\\temp\\notes.txt", Some("notes.txt")),
            ("../../\u{20ac}.txt", Some("\u{20ac}.txt")),
            (long.as_str(), Some(long.as_str())),
            ("directory/", None),
            ("..", None),
            (" ", None),
            ("a\r\nb", None),
            ("a\u{0}", None),
            ("a\u{85}", None),
        ] {
            assert_eq!(file_name(sent).as_deref(), name, "{sent:?}");
        }
        assert_eq!(file_name(&"n".repeat(FILE_NAME_CHARS_MAX + 1)), None);
    }

    #[test]
    fn a_media_type_is_a_type_and_a_subtype() {
        for (said, expected) in [
            (None, Some(MEDIA_TYPE_DEFAULT)),
            (Some(""), Some(MEDIA_TYPE_DEFAULT)),
            (Some("text/plain"), Some("text/plain")),
            (Some("Text/HTML; charset=utf-8"), Some("text/html")),
            (Some("image/svg+xml"), Some("image/svg+xml")),
            (
                Some("application/vnd.oasis.opendocument.text"),
                Some("application/vnd.oasis.opendocument.text"),
            ),
            (Some("text"), None),
            (Some("text/"), None),
            (Some("/plain"), None),
            (Some("text/plain/x"), None),
            (Some("te xt/plain"), None),
            (Some("text/pl\u{e4}in"), None),
        ] {
            let essence = essence(said.map(str::as_bytes));
            assert_eq!(essence.as_deref(), expected, "{said:?}");
        }
        assert_eq!(essence(Some(b"text/\xff")), None);
        assert_eq!(essence(Some(format!("text/{}", "x".repeat(300)).as_bytes())), None);
    }

    #[test]
    fn every_purpose_has_a_word_and_the_versions_show_it_as_they_do() {
        for (word, purpose) in PURPOSES {
            assert_eq!(purpose_word(*purpose), *word);
            let at = Timestamp::parse("2026-05-08T10:00:00Z").unwrap();
            let file = File {
                id: RecordId(Uuid::now_v7()),
                file_name: "a.txt".to_owned(),
                size_bytes: 3,
                media_type: "text/plain".to_owned(),
                title: None,
                purpose: *purpose,
                created_at: at,
                updated_at: at,
            };
            let id = shown(Prefix::File, file.id);
            let older = serde_json::to_value(file_body(file.clone(), Version::V2025)).unwrap();
            assert_eq!(
                older,
                json!({
                    "object": "file", "id": id, "status": "active", "file_name": "a.txt",
                    "file_size": 3, "file_type": "text/plain", "title": null,
                    "purpose": { "name": purpose_name(*purpose), "identifier": word },
                    "created_at": "2026-05-08T10:00:00.000Z",
                    "updated_at": "2026-05-08T10:00:00.000Z",
                })
            );
            let newer = serde_json::to_value(deleted_file_body(file, Version::V2026)).unwrap();
            assert_eq!(newer["purpose"], *word);
            assert_eq!(newer["status"], "deleted");
            assert!(newer.as_object().unwrap()["created_by"].is_null());
        }
    }
}
