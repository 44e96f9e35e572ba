//! One problem of a request in the shape of FastAPI, with the wording of Pydantic. Clients rely on
//! `loc` and `msg` only.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::validation::{self, Step};
use crate::control::keys::KeyKind;

/// Bytes of the offending value that an answer repeats; a larger one shows as null.
const INPUT_BYTES_MAX: usize = 1_000;

/// What signed tokens begin with: `{"` in base64.
const TOKEN_PREFIX: &str = "eyJ";

#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    loc: Vec<Step>,
    msg: Cow<'static, str>,
    input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

pub(crate) type Problems = validation::Problems<Problem>;

/// What is wrong with a value, wherever it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Complaint {
    pub(crate) kind: &'static str,
    pub(crate) msg: Cow<'static, str>,
    /// The bounds that were broken, if any.
    pub(crate) ctx: Option<Value>,
}

impl Complaint {
    pub(crate) fn new(kind: &'static str, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, msg: msg.into(), ctx: None }
    }

    pub(crate) fn with(self, ctx: Value) -> Self {
        Self { ctx: Some(ctx), ..self }
    }

    /// At its place, with the JSON text that is at fault.
    pub(crate) fn at(self, loc: Vec<Step>, input: &str) -> Problem {
        let Self { kind, msg, ctx } = self;
        Problem { kind, loc, msg, input: repeated(input), ctx }
    }
}

/// The JSON text at fault as an answer may repeat it. Not when it is long, when strict readers
/// would stumble over it (a lone surrogate, a number beyond all floats), or when it seems to hold a
/// credential: a mistyped name in an exchange must not put a key into the log of whoever prints the
/// answer.
fn repeated(input: &str) -> Option<Box<RawValue>> {
    let is_secret = [KeyKind::Tex.prefix(), TOKEN_PREFIX].iter().any(|it| input.contains(it));
    if input.len() > INPUT_BYTES_MAX || is_secret {
        return None;
    }
    serde_json::from_str::<Value>(input).ok()?;
    RawValue::from_string(input.trim().to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_what_was_sent_unless_it_is_long_unreadable_or_secret() {
        let show = |input: &str| {
            let complaint = Complaint::new("missing", "Field required");
            serde_json::to_value(complaint.at(vec![Step::Name("body"), Step::Index(0)], input))
                .unwrap()
        };
        assert_eq!(
            show("{\"a\": 1.50}").to_string(),
            "{\"input\":{\"a\":1.5},\"loc\":[\"body\",0],\"msg\":\"Field required\",\
             \"type\":\"missing\"}"
        );
        for kept_back in [
            format!("\"{}\"", "x".repeat(999)),
            "\"\\ud800\"".to_owned(),
            "{\"n\":1e999}".to_owned(),
            format!("{{\"apiKey\":\"tex_live_{}\"}}", "k".repeat(43)),
            "[\"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\"]".to_owned(),
        ] {
            assert_eq!(show(&kept_back)["input"], Value::Null, "{kept_back}");
        }
    }
}
