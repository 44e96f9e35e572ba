//! A form with files, received piece by piece: texts are kept, and each file goes into a sink of the
//! caller's as it arrives, so that no file is ever held in memory here. Everything has a bound: each
//! text, each file, how many there are of both, the whole body and the time. What the sink holds of a
//! form that fails is its owner's to throw away.

use std::cell::Cell;
use std::rc::Rc;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{self, ContentDisposition, DispositionParam};
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};
use thiserror::Error;

use crate::service::ServiceError;
use crate::types::Deadline;

/// Texts of one form, those that nobody asked for included.
const TEXTS_MAX: usize = 32;
/// Bytes of one text: room for metadata of the largest size, escaped.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a form besides its files: texts, boundaries and headers.
const OVERHEAD_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// What a form may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) struct FormRules {
    /// The parts whose files are wanted. Files of others are received and dropped; they count.
    pub(in crate::api) file_parts: &'static [&'static str],
    pub(in crate::api) files_max: usize,
    /// Of one file.
    pub(in crate::api) file_bytes_max: u64,
}

impl FormRules {
    fn body_bytes_max(&self) -> u64 {
        self.file_bytes_max.saturating_mul(self.files_max as u64).saturating_add(OVERHEAD_BYTES_MAX)
    }
}

/// Where the bytes of a form's files go, one file after the other.
pub(in crate::api) trait FileSink {
    /// A file begins. The name is what the client calls it, and may be anything but empty.
    async fn begin(&mut self, part: &str, file_name: &str) -> Result<(), ServiceError>;

    /// The next piece of it; never empty, at most 64 KiB.
    async fn write(&mut self, piece: Bytes) -> Result<(), ServiceError>;

    /// It is whole.
    async fn finish(&mut self) -> Result<(), ServiceError>;
}

/// A form that was received to its end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::api) struct Form {
    texts: Vec<(String, String)>,
    /// The wanted ones, as they came.
    files: Vec<FormFile>,
}

/// What a form says of a file besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) struct FormFile {
    pub(in crate::api) part: String,
    pub(in crate::api) name: String,
    /// What its sender says it is, as it was written.
    pub(in crate::api) media_type: Option<Vec<u8>>,
    pub(in crate::api) size_bytes: u64,
}

impl Form {
    /// The text of this part; of several the first.
    pub(in crate::api) fn text(&self, part: &str) -> Option<&str> {
        self.texts.iter().find(|(name, _)| name == part).map(|(_, text)| text.as_str())
    }

    /// All texts with the names of their parts, as they came.
    pub(in crate::api) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The wanted files, in the order in which the sink got them.
    pub(in crate::api) fn files(&self) -> &[FormFile] {
        &self.files
    }
}

/// Why a form was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::api) enum FormError {
    #[error("send the body as Content-Type: multipart/form-data with a boundary")]
    MediaType,
    #[error("send the body without a content encoding")]
    ContentEncoding,
    #[error("the body is not a well-formed multipart form")]
    Malformed,
    #[error("a text of the form is not valid UTF-8")]
    NotUtf8,
    #[error("the form has more than {TEXTS_MAX} texts")]
    TooManyTexts,
    #[error("the form has more than {files_max} files")]
    TooManyFiles { files_max: usize },
    #[error("a text of the form exceeds {TEXT_BYTES_MAX} bytes")]
    TextTooLarge,
    #[error("a file of the form exceeds {bytes_max} bytes")]
    FileTooLarge { bytes_max: u64 },
    #[error("the form exceeds {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error("the form did not arrive in time")]
    TimedOut,
    #[error("the form could not be received to its end")]
    Interrupted,
    #[error(transparent)]
    Sink(ServiceError),
}

/// Whether the body says that it is a form with files.
pub(in crate::api) fn sends_form(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let essence = content_type
        .and_then(|value| value.as_bytes().split(|byte| *byte == b';').next())
        .unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data")
}

/// Receives a form until `deadline`. Its files are in `sink`, each of them whole, when it succeeds.
///
/// # Errors
/// At the first thing that is wrong; the rest of the body is not received then.
pub(in crate::api) async fn receive_form<S: FileSink>(
    request: &HttpRequest,
    payload: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
    rules: FormRules,
    deadline: Deadline,
    sink: &mut S,
) -> Result<Form, FormError> {
    if !sends_form(request) {
        return Err(FormError::MediaType);
    }
    let headers = request.headers();
    let encoding = headers.get(header::CONTENT_ENCODING).map(header::HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(FormError::ContentEncoding);
    }
    let bytes_max = rules.body_bytes_max();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > bytes_max) {
        return Err(FormError::TooLarge { bytes_max });
    }
    let is_too_large = Rc::new(Cell::new(false));
    let bounded = bounded(payload, bytes_max, Rc::clone(&is_too_large));
    let receiving = receive(Multipart::new(headers, bounded), rules, sink);
    let received = tokio::time::timeout_at(deadline.instant(), receiving).await;
    match received.map_err(|_elapsed| FormError::TimedOut)? {
        Err(_) if is_too_large.get() => Err(FormError::TooLarge { bytes_max }),
        received => received,
    }
}

/// The same stream, which fails and says so once it has given more than `bytes_max` bytes.
fn bounded(
    payload: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
    bytes_max: u64,
    is_too_large: Rc<Cell<bool>>,
) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
    let mut received = 0_u64;
    payload.map(move |piece| {
        let piece = piece?;
        received = received.saturating_add(piece.len() as u64);
        if received > bytes_max {
            is_too_large.set(true);
            return Err(PayloadError::Overflow);
        }
        Ok(piece)
    })
}

async fn receive<S: FileSink>(
    mut parts: Multipart,
    rules: FormRules,
    sink: &mut S,
) -> Result<Form, FormError> {
    let mut form = Form::default();
    let (mut texts, mut files) = (0, 0);
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(broken)?;
        let disposition = part.content_disposition().ok_or(FormError::Malformed)?;
        let name = disposition.get_name().ok_or(FormError::Malformed)?.to_owned();
        let Some(file_name) = file_name(disposition) else {
            texts += 1;
            if texts > TEXTS_MAX {
                return Err(FormError::TooManyTexts);
            }
            form.texts.push((name, receive_text(&mut part).await?));
            continue;
        };
        // A file input that was left empty sends a part without a name and without content.
        let is_wanted = rules.file_parts.contains(&name.as_str()) && !file_name.is_empty();
        if !file_name.is_empty() {
            files += 1;
        }
        if files > rules.files_max {
            return Err(FormError::TooManyFiles { files_max: rules.files_max });
        }
        if is_wanted {
            sink.begin(&name, &file_name).await.map_err(FormError::Sink)?;
        }
        let sink = is_wanted.then_some(&mut *sink);
        let media_type = part.headers().get(header::CONTENT_TYPE);
        let media_type = media_type.map(|value| value.as_bytes().to_owned());
        let size_bytes = receive_file(&mut part, rules.file_bytes_max, sink).await?;
        if is_wanted {
            form.files.push(FormFile { part: name, name: file_name, media_type, size_bytes });
        }
    }
    Ok(form)
}

async fn receive_text(part: &mut Field) -> Result<String, FormError> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.next().await {
        let piece = piece.map_err(broken)?;
        if bytes.len() + piece.len() > TEXT_BYTES_MAX {
            return Err(FormError::TextTooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_cause| FormError::NotUtf8)
}

/// Its size in bytes. Without a sink it is dropped.
async fn receive_file<S: FileSink>(
    part: &mut Field,
    bytes_max: u64,
    mut sink: Option<&mut S>,
) -> Result<u64, FormError> {
    let mut size_bytes = 0_u64;
    while let Some(piece) = part.next().await {
        let piece = piece.map_err(broken)?;
        size_bytes = size_bytes.saturating_add(piece.len() as u64);
        if size_bytes > bytes_max {
            return Err(FormError::FileTooLarge { bytes_max });
        }
        if let Some(sink) = sink.as_deref_mut().filter(|_| !piece.is_empty()) {
            sink.write(piece).await.map_err(FormError::Sink)?;
        }
    }
    if let Some(sink) = sink {
        sink.finish().await.map_err(FormError::Sink)?;
    }
    Ok(size_bytes)
}

/// The name of a part that is a file: the form of RFC 5987, which some clients send beside a plain
/// one, wins where it is text.
fn file_name(disposition: &ContentDisposition) -> Option<String> {
    let extended = disposition.parameters.iter().find_map(DispositionParam::as_filename_ext);
    let extended = extended.and_then(|name| String::from_utf8(name.value.clone()).ok());
    extended.or_else(|| disposition.get_filename().map(str::to_owned))
}

fn broken(cause: MultipartError) -> FormError {
    match cause {
        MultipartError::Payload(PayloadError::Overflow) => FormError::Malformed,
        MultipartError::Payload(_) => FormError::Interrupted,
        _ => FormError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::test::TestRequest;
    use futures_util::stream;

    use super::*;
    use crate::types::ErrorKind;

    const RULES: FormRules =
        FormRules { file_parts: &["files[]", "files"], files_max: 2, file_bytes_max: 100_000 };

    /// What each file's beginning, pieces and end were.
    #[derive(Default)]
    struct InMemory {
        begun: Vec<(String, String)>,
        contents: Vec<Vec<u8>>,
        finished: usize,
        pieces: usize,
        fails: bool,
    }

    impl FileSink for InMemory {
        async fn begin(&mut self, part: &str, file_name: &str) -> Result<(), ServiceError> {
            assert_eq!(self.finished, self.begun.len(), "the one before is not finished");
            self.begun.push((part.to_owned(), file_name.to_owned()));
            self.contents.push(Vec::new());
            Ok(())
        }

        async fn write(&mut self, piece: Bytes) -> Result<(), ServiceError> {
            assert!((1..=65_536).contains(&piece.len()), "{}", piece.len());
            if self.fails {
                return Err(ServiceError::new(ErrorKind::Unavailable, "the disk is full"));
            }
            self.contents.last_mut().unwrap().extend_from_slice(&piece);
            self.pieces += 1;
            Ok(())
        }

        async fn finish(&mut self) -> Result<(), ServiceError> {
            self.finished += 1;
            Ok(())
        }
    }

    fn part(head: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    fn text(name: &str, content: &str) -> String {
        part(&format!("name=\"{name}\""), content)
    }

    fn file(name: &str, file_name: &str, content: &str) -> String {
        part(&format!("name=\"{name}\"; filename=\"{file_name}\""), content)
    }

    async fn receive_into(
        sink: &mut InMemory,
        body: &[u8],
        piece_bytes: usize,
    ) -> Result<Form, FormError> {
        let request = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=b"))
            .to_http_request();
        let pieces: Vec<_> =
            body.chunks(piece_bytes).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let deadline = Deadline::after(Duration::from_secs(60));
        receive_form(&request, stream::iter(pieces), RULES, deadline, sink).await
    }

    async fn received(parts: &[String]) -> Result<Form, FormError> {
        let body = format!("{}--b--\r\n", parts.concat());
        receive_into(&mut InMemory::default(), body.as_bytes(), 50_000).await
    }

    #[actix_web::test]
    async fn texts_are_kept_and_files_go_to_the_sink_however_the_body_is_cut() {
        let long = "line\r\n--\r\n--a\r\n".repeat(5_000);
        let parts = [
            text("name", "Al\u{ef}ce"),
            file("files[]", "a.md", &long),
            text("name", "later"),
            file("avatar", "me.png", "dropped"),
            file("files", "\u{fc}.txt", ""),
            text("goals", ""),
        ];
        let body = format!("a preamble\r\n{}--b--\r\nand more", parts.concat());
        for piece_bytes in [1, 7, 1_000, 1_000_000] {
            let mut sink = InMemory::default();
            let mut rules_hold = receive_into(&mut sink, body.as_bytes(), piece_bytes).await;
            // The avatar counts as a file.
            assert_eq!(rules_hold, Err(FormError::TooManyFiles { files_max: 2 }));
            let body = body.replace("; filename=\"me.png\"", "");
            sink = InMemory::default();
            rules_hold = receive_into(&mut sink, body.as_bytes(), piece_bytes).await;
            let form = rules_hold.unwrap();
            assert_eq!(form.text("name"), Some("Al\u{ef}ce"));
            assert_eq!((form.text("goals"), form.text("no such")), (Some(""), None));
            let file = |part: &str, name: &str, size_bytes| FormFile {
                part: part.to_owned(),
                name: name.to_owned(),
                media_type: None,
                size_bytes,
            };
            assert_eq!(form.texts().count(), 4);
            let size = long.len() as u64;
            assert_eq!(
                form.files(),
                [file("files[]", "a.md", size), file("files", "\u{fc}.txt", 0)]
            );
            assert_eq!(sink.contents, [long.as_bytes().to_vec(), Vec::new()]);
            assert_eq!((sink.finished, sink.begun.len()), (2, 2));
            assert!(sink.pieces > 1, "a file came in one piece");
        }
    }

    #[actix_web::test]
    async fn what_a_file_is_said_to_be_is_kept_as_it_was_written() {
        let typed = |typed| format!("name=\"files\"; filename=\"a\"\r\nContent-Type: {typed}");
        for said in ["text/plain", "Text/HTML; charset=utf-8", "nonsense"] {
            let form = received(&[part(&typed(said), "x")]).await.unwrap();
            assert_eq!(form.files()[0].media_type.as_deref(), Some(said.as_bytes()), "{said}");
        }
        let form = received(&[file("files", "a", "x")]).await.unwrap();
        assert_eq!(form.files()[0].media_type, None);
    }

    #[actix_web::test]
    async fn names_of_files_come_in_two_forms() {
        for (head, name) in [
            ("filename=\"a b.md\"", "a b.md"),
            ("filename=\"x.md\"; filename*=UTF-8''%E2%82%AC.md", "\u{20ac}.md"),
            ("filename*=UTF-8''a%2Fb.md", "a/b.md"),
        ] {
            let form = received(&[part(&format!("name=\"files\"; {head}"), "x")]).await.unwrap();
            assert_eq!(form.files()[0].name, name);
        }
        let left_empty = received(&[file("files", "", "")]).await.unwrap();
        assert_eq!(left_empty.files(), []);
    }

    #[actix_web::test]
    async fn everything_has_a_bound() {
        let content = "x".repeat(100_001);
        let many = |count: usize| vec![text("t", "x"); count];
        let cases = [
            (vec![file("files", "a", &content)], FormError::FileTooLarge { bytes_max: 100_000 }),
            (vec![file("else", "a", &content)], FormError::FileTooLarge { bytes_max: 100_000 }),
            (vec![file("files", "a", "x"); 3], FormError::TooManyFiles { files_max: 2 }),
            (many(TEXTS_MAX + 1), FormError::TooManyTexts),
            (vec![text("t", &"x".repeat(TEXT_BYTES_MAX + 1))], FormError::TextTooLarge),
        ];
        for (parts, expected) in cases {
            assert_eq!(received(&parts).await.unwrap_err(), expected);
        }
        assert!(received(&many(TEXTS_MAX)).await.is_ok());
        assert!(received(&[file("files", "a", &content[1..])]).await.is_ok());
        // Nothing but a preamble that does not end.
        let bytes_max = RULES.body_bytes_max();
        let endless = "x\r\n".repeat(usize::try_from(bytes_max).unwrap() / 3 + 1);
        let refused = receive_into(&mut InMemory::default(), endless.as_bytes(), 60_000).await;
        assert_eq!(refused.unwrap_err(), FormError::TooLarge { bytes_max });
        // A head that does not end is given up long before.
        let head = format!("--b\r\nContent-Disposition: {}", "x".repeat(200_000));
        let refused = receive_into(&mut InMemory::default(), head.as_bytes(), 60_000).await;
        assert_eq!(refused.unwrap_err(), FormError::Malformed);
    }

    #[actix_web::test]
    async fn what_is_no_whole_form_is_refused() {
        let mut cut_off = text("name", "x");
        cut_off.truncate(cut_off.len() - 3);
        for body in ["", "--b", "no form", "--b\r\nX: y\r\n\r\nx\r\n--b--\r\n", &cut_off] {
            let refused = receive_into(&mut InMemory::default(), body.as_bytes(), 10).await;
            assert_eq!(refused.unwrap_err(), FormError::Malformed, "{body:?}");
        }
        let body = [text("name", "x").as_bytes(), b"--b--\r\n"].concat();
        let not_utf8 = body.iter().map(|byte| if *byte == b'x' { 0xFF } else { *byte });
        let not_utf8: Vec<u8> = not_utf8.collect();
        let refused = receive_into(&mut InMemory::default(), &not_utf8, 10).await;
        assert_eq!(refused.unwrap_err(), FormError::NotUtf8);
        for (name, value, expected) in [
            (header::CONTENT_TYPE, "application/json", FormError::MediaType),
            (header::CONTENT_TYPE, "multipart/mixed; boundary=b", FormError::MediaType),
            (header::CONTENT_TYPE, "multipart/form-data", FormError::Malformed),
            (header::CONTENT_ENCODING, "gzip", FormError::ContentEncoding),
            (
                header::CONTENT_LENGTH,
                "999999999999",
                FormError::TooLarge { bytes_max: RULES.body_bytes_max() },
            ),
        ] {
            let request = TestRequest::post()
                .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=b"))
                .insert_header((name, value))
                .to_http_request();
            let deadline = Deadline::after(Duration::from_secs(60));
            let nothing = stream::iter(Vec::<Result<Bytes, PayloadError>>::new());
            let mut sink = InMemory::default();
            let refused = receive_form(&request, nothing, RULES, deadline, &mut sink).await;
            assert_eq!(refused.unwrap_err(), expected, "{value}");
        }
    }

    #[actix_web::test]
    async fn a_form_that_never_ends_is_given_up_and_a_failing_sink_ends_it() {
        let request = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=b"))
            .to_http_request();
        let begun = file("files", "a", "x");
        let pieces = stream::iter([Ok(Bytes::from(begun.clone()))]).chain(stream::pending());
        let deadline = Deadline::after(Duration::ZERO);
        let mut sink = InMemory::default();
        let refused = receive_form(&request, pieces, RULES, deadline, &mut sink).await;
        assert_eq!(refused.unwrap_err(), FormError::TimedOut);
        let mut full = InMemory { fails: true, ..InMemory::default() };
        let body = format!("{begun}--b--\r\n");
        let refused = receive_into(&mut full, body.as_bytes(), 1_000).await.unwrap_err();
        assert!(
            matches!(refused, FormError::Sink(error) if error.kind() == ErrorKind::Unavailable)
        );
    }
}
