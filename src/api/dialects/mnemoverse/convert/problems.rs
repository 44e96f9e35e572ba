//! One problem of a request in the shape that the dialect's clients print.

use serde::Serialize;

use crate::api::validation;
pub(crate) use crate::api::validation::Step;

#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    loc: Vec<Step>,
    msg: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl Problem {
    pub(crate) fn new(loc: Vec<Step>, kind: &'static str, msg: String) -> Self {
        Self { loc, msg, kind }
    }
}

pub(crate) type Problems = validation::Problems<Problem>;

impl Problems {
    /// One problem of the body as a whole.
    pub(crate) fn of_body(kind: &'static str, msg: String) -> Self {
        Self::of(Problem::new(vec![Step::Name("body")], kind, msg))
    }

    /// One problem of a header.
    pub(crate) fn of_header(name: &'static str, kind: &'static str, msg: String) -> Self {
        Self::of(Problem::new(vec![Step::Name("header"), Step::Name(name)], kind, msg))
    }

    /// One problem of one field of the body.
    pub(crate) fn of_field(name: &'static str, kind: &'static str, msg: String) -> Self {
        Self::of(Problem::new(vec![Step::Name("body"), Step::Name(name)], kind, msg))
    }

    /// One problem of a part of the path.
    pub(crate) fn of_path(name: &'static str, kind: &'static str, msg: String) -> Self {
        Self::of(Problem::new(vec![Step::Name("path"), Step::Name(name)], kind, msg))
    }

    /// One line for people.
    pub(crate) fn summary(&self) -> String {
        match self.unlisted_count() {
            0 => "Request validation failed".to_owned(),
            more => format!("Request validation failed; {more} further problems are not listed"),
        }
    }
}
