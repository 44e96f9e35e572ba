//! The text of a Word document (DOCX): the body, then footnotes and endnotes. Owns the walk over
//! the parts of the archive; what a part says is the business of `docx_part`. Invariant: no more
//! is inflated than [`INFLATED_BYTES_MAX`], whatever the archive claims.

use std::io::{BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;
use zip::result::ZipError;

use super::ExtractionError;
use super::docx_part;
use super::plain_text::PlainText;

/// Over all parts that are read. A document of 1,000 pages has some 20 MB of XML.
const INFLATED_BYTES_MAX: u64 = 256 << 20;
const ENTRIES_MAX: usize = 20_000;
/// What Word makes of a document with a password, and what it made before 2007.
const OLE_MAGIC: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// The stream that holds the document in the former, as such containers spell names.
const ENCRYPTED_STREAM: &str = "EncryptedPackage";
const MAIN_PART: &str = "word/document.xml";

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Reads the text of a document.
///
/// # Errors
/// [`ExtractionError::Encrypted`], [`ExtractionError::Malformed`], [`ExtractionError::NoText`] and
/// [`ExtractionError::TooMuchText`], the last also for an archive that unpacks to too much.
pub(super) fn text_of(bytes: &[u8], bytes_max: usize) -> Result<String, ExtractionError> {
    if bytes.starts_with(&OLE_MAGIC) {
        let name: Vec<u8> = ENCRYPTED_STREAM.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_encrypted = bytes.windows(name.len()).any(|window| window == name);
        let error = ExtractionError::Malformed;
        return Err(if is_encrypted { ExtractionError::Encrypted } else { error });
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error_of(&error))?;
    if archive.len() > ENTRIES_MAX {
        return Err(ExtractionError::Malformed);
    }
    let mut budget = INFLATED_BYTES_MAX;
    let main = main_part(&mut archive, &mut budget)?;
    let mut text = PlainText::new(bytes_max);
    read_part(&mut archive, &main, &mut budget, &mut text)?;
    let folder = main.rsplit_once('/').map_or("", |(folder, _)| folder);
    for notes in ["footnotes.xml", "endnotes.xml"] {
        let notes = format!("{folder}/{notes}");
        if archive.index_for_name(&notes).is_some() {
            text.end_paragraph();
            read_part(&mut archive, &notes, &mut budget, &mut text)?;
        }
    }
    let text = text.finish()?;
    if text.is_empty() { Err(ExtractionError::NoText) } else { Ok(text) }
}

/// The part that the package names as its document.
fn main_part(archive: &mut Archive<'_>, budget: &mut u64) -> Result<String, ExtractionError> {
    if archive.index_for_name(MAIN_PART).is_some() {
        return Ok(MAIN_PART.to_owned());
    }
    let mut main = None;
    walk(archive, "_rels/.rels", budget, &mut |event| {
        if let Event::Start(element) | Event::Empty(element) = event {
            let attribute = |name: &str| {
                let found = element.try_get_attribute(name).ok().flatten()?;
                Some(String::from(found.value.as_ref()))
            };
            let kind = attribute("Type").unwrap_or_default();
            if kind.ends_with("/officeDocument") {
                main = attribute("Target").map(|target| target.trim_start_matches('/').to_owned());
            }
        }
        main.is_none()
    })?;
    main.ok_or(ExtractionError::Malformed)
}

fn read_part(
    archive: &mut Archive<'_>,
    name: &str,
    budget: &mut u64,
    text: &mut PlainText,
) -> Result<(), ExtractionError> {
    let mut part = docx_part::Walk::new(text);
    walk(archive, name, budget, &mut |event| part.event(event))
}

/// Gives the events of a part to `each` until it answers false.
fn walk(
    archive: &mut Archive<'_>,
    name: &str,
    budget: &mut u64,
    each: &mut dyn FnMut(&Event<'_>) -> bool,
) -> Result<(), ExtractionError> {
    let part = archive.by_name(name).map_err(|error| error_of(&error))?;
    let mut reader = Reader::from_reader(BufReader::new(part.take(*budget)));
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    reader.config_mut().allow_dangling_amp = true;
    let mut buffer = Vec::new();
    let walked = loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) => break Ok(()),
            Ok(event) if each(&event) => {}
            Ok(_) => break Ok(()),
            Err(_) => break Err(ExtractionError::Malformed),
        }
    };
    *budget = reader.into_inner().into_inner().limit();
    // What was cut off is malformed only because it was cut off.
    if *budget == 0 { Err(ExtractionError::TooMuchText) } else { walked }
}

fn error_of(error: &ZipError) -> ExtractionError {
    let encrypted = ZipError::PASSWORD_REQUIRED;
    match error {
        ZipError::UnsupportedArchive(what) if *what == encrypted => ExtractionError::Encrypted,
        _ => ExtractionError::Malformed,
    }
}
