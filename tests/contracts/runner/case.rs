//! The shape of a case file. Unknown keys are errors, so that a typing mistake in an expectation
//! does not silently expect nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Answer;
use super::form::Part;
use super::matcher::check;
use super::template::{Names, expand};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseFile {
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// A sentence.
    pub(crate) name: String,
    /// Lines of the contract's checklist that the case covers.
    #[serde(default)]
    pub(crate) lines: Vec<u32>,
    /// The plan of the case's tenants instead of the dialect's usual one.
    pub(crate) plan: Option<String>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// `METHOD /path`, or a whole address of the server; `${name}` stands for a saved value.
    pub(crate) send: String,
    /// Whose credential to send: a letter (default `a`) or another name of [`super::Callers`], or
    /// `nobody`.
    #[serde(rename = "as")]
    pub(crate) caller: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// A JSON body, with generators; sent as `application/json`.
    pub(crate) json: Option<Value>,
    /// A body of `multipart/form-data`; see [`super::form`].
    pub(crate) form: Option<Vec<Part>>,
    /// A body to the letter; its media type is the headers' business.
    pub(crate) raw: Option<String>,
    /// Send it so many times, expecting the same each time.
    pub(crate) times: Option<usize>,
    pub(crate) expect: Expect,
    /// Name to JSON pointer into the answer.
    #[serde(default)]
    pub(crate) save: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) status: u16,
    /// Header to matcher; `null` expects it to be missing.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Value>,
    pub(crate) body: Option<Value>,
    /// A matcher for the text of the body.
    pub(crate) text: Option<Value>,
    /// A matcher for the array of the body's lines, each parsed as JSON.
    pub(crate) lines: Option<Value>,
}

impl Step {
    pub(crate) fn caller(&self) -> Option<&str> {
        match self.caller.as_deref() {
            Some("nobody") => None,
            Some(letter) => Some(letter),
            None => Some("a"),
        }
    }

    pub(crate) fn save_from(&self, answer: &Answer, names: &mut Names) -> Result<(), String> {
        for (name, pointer) in &self.save {
            let value = answer.json.as_ref().and_then(|json| json.pointer(pointer));
            match value.ok_or_else(|| format!("nothing at {pointer} to save"))? {
                Value::String(text) => names.insert(name, text.clone()),
                other => names.insert(name, other.to_string()),
            }
        }
        Ok(())
    }
}

impl Expect {
    pub(crate) fn check(&self, answer: &Answer, names: &Names) -> Result<(), String> {
        if answer.status != self.status {
            return Err(format!("status {}, expected {}", answer.status, self.status));
        }
        for (name, wanted) in &self.headers {
            let seen = answer.header(&name.to_ascii_lowercase());
            let seen = seen.map_or(Value::Null, |text| Value::String(text.to_owned()));
            check(&expand(wanted, names)?, &seen, name)?;
        }
        if let Some(wanted) = &self.body {
            let json = answer.json.as_ref().ok_or("the body is not JSON")?;
            check(&expand(wanted, names)?, json, "body")?;
        }
        if let Some(wanted) = &self.text {
            check(&expand(wanted, names)?, &Value::String(answer.text.clone()), "text")?;
        }
        if let Some(wanted) = &self.lines {
            let lines: Result<Vec<Value>, _> =
                answer.text.lines().map(serde_json::from_str).collect();
            let lines = lines.map_err(|cause| format!("a line is not JSON: {cause}"))?;
            check(&expand(wanted, names)?, &Value::Array(lines), "lines")?;
        }
        Ok(())
    }
}
