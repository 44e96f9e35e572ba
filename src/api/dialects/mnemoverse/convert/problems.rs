//! Everything that is wrong with a request, each with its place, so that a caller can mend it in
//! one go. The shape is the one the dialect's clients print.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// Problems listed in one answer; a batch of 500 bad items needs no answer of a megabyte.
const LISTED_MAX: usize = 100;

/// One step of a place: a field's name or an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Step {
    Name(&'static str),
    Index(usize),
    /// A field that no request has, as its sender spells it.
    Unknown(String),
}

#[derive(Debug, Serialize)]
struct Problem {
    loc: Vec<Step>,
    msg: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Problems {
    listed: Vec<Problem>,
    unlisted_count: usize,
}

impl Problems {
    /// One problem of the body as a whole.
    pub(crate) fn of_body(kind: &'static str, msg: String) -> Self {
        let mut problems = Self::default();
        problems.add(vec![Step::Name("body")], kind, msg);
        problems
    }

    /// One problem of a header.
    pub(crate) fn of_header(name: &'static str, kind: &'static str, msg: String) -> Self {
        let mut problems = Self::default();
        problems.add(vec![Step::Name("header"), Step::Name(name)], kind, msg);
        problems
    }

    /// One problem of one field of the body.
    pub(crate) fn of_field(name: &'static str, kind: &'static str, msg: String) -> Self {
        let mut problems = Self::default();
        problems.add(vec![Step::Name("body"), Step::Name(name)], kind, msg);
        problems
    }

    /// One problem of a part of the path.
    pub(crate) fn of_path(name: &'static str, kind: &'static str, msg: String) -> Self {
        let mut problems = Self::default();
        problems.add(vec![Step::Name("path"), Step::Name(name)], kind, msg);
        problems
    }

    pub(crate) fn add(&mut self, loc: Vec<Step>, kind: &'static str, msg: String) {
        if self.listed.len() < LISTED_MAX {
            self.listed.push(Problem { loc, msg, kind });
        } else {
            self.unlisted_count += 1;
        }
    }

    /// The value if nothing was wrong with it.
    pub(crate) fn or_value<T>(self, value: T) -> Result<T, Self> {
        if self.listed.is_empty() { Ok(value) } else { Err(self) }
    }

    /// One line for people.
    pub(crate) fn summary(&self) -> String {
        match self.unlisted_count {
            0 => "Request validation failed".to_owned(),
            more => format!("Request validation failed; {more} further problems are not listed"),
        }
    }
}

impl Serialize for Problems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.listed.len()))?;
        for problem in &self.listed {
            list.serialize_element(problem)?;
        }
        list.end()
    }
}
