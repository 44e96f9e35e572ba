//! One problem of a request in the shape of FastAPI, with the wording of Pydantic. Clients rely on
//! `loc` and `msg` only.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::validation::{self, Step};

/// Bytes of the offending value that an answer repeats; a larger one shows as null.
const INPUT_BYTES_MAX: usize = 1_000;

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
        let input = (input.len() <= INPUT_BYTES_MAX)
            .then(|| RawValue::from_string(input.trim().to_owned()).ok())
            .flatten();
        Problem { kind, loc, msg, input, ctx }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_what_was_sent_unless_it_is_long() {
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
        assert_eq!(show(&format!("\"{}\"", "x".repeat(999)))["input"], Value::Null);
    }
}
