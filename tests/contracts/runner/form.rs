//! Bodies of `multipart/form-data`, written as the list of their parts: a text, or a file with a name
//! and content. Texts, names and contents may hold saved values, texts and contents generators too.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::template::{Names, expand};

const BOUNDARY: &str = "----the-boundary-of-a-test";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// What a part that is no file holds.
    pub(crate) text: Option<Value>,
    /// A file's name.
    pub(crate) file: Option<String>,
    /// A file's content; empty without.
    pub(crate) content: Option<Value>,
    /// The same for what is no text.
    pub(crate) base64: Option<String>,
    /// The same from a file in `tests/fixtures/documents`.
    pub(crate) fixture: Option<String>,
    #[serde(rename = "type")]
    pub(crate) media_type: Option<String>,
    /// Send it so often; `${i}` counts from 0.
    pub(crate) times: Option<usize>,
}

/// The media type and the body.
pub(crate) fn encode(parts: &[Part], names: &Names) -> Result<(String, Vec<u8>), String> {
    let mut body = Vec::new();
    for part in parts {
        for index in 0..part.times.unwrap_or(1) {
            let mut names = names.clone();
            names.insert("i", index.to_string());
            add(part, &names, &mut body)?;
        }
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    Ok((format!("multipart/form-data; boundary={BOUNDARY}"), body))
}

fn add(part: &Part, names: &Names, body: &mut Vec<u8>) -> Result<(), String> {
    let mut head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"",
        names.fill(&part.name)?
    );
    if let Some(file) = &part.file {
        head.push_str(&format!("; filename=\"{}\"", names.fill(file)?));
    }
    if let Some(media_type) = &part.media_type {
        head.push_str(&format!("\r\nContent-Type: {media_type}"));
    }
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(b"\r\n\r\n");
    body.extend_from_slice(&content(part, names)?);
    body.extend_from_slice(b"\r\n");
    Ok(())
}

fn content(part: &Part, names: &Names) -> Result<Vec<u8>, String> {
    if let Some(fixture) = &part.fixture {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents");
        return fs::read(path.join(fixture)).map_err(|cause| format!("no {fixture}: {cause}"));
    }
    if let Some(base64) = &part.base64 {
        return BASE64_STANDARD.decode(base64).map_err(|cause| format!("no base64: {cause}"));
    }
    let text = part.text.as_ref().or(part.content.as_ref()).cloned().unwrap_or_else(|| "".into());
    let text = expand(&text, names)?;
    // What is no text stands for itself as JSON, such as metadata.
    Ok(text.as_str().map_or_else(|| text.to_string(), str::to_owned).into_bytes())
}
