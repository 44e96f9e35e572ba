//! Everything that is wrong with a request, so that a caller can mend it in one go.

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

/// Problems in the order they were found, written as an array. `P` is how a dialect shows one.
#[derive(Debug)]
pub(crate) struct Problems<P> {
    listed: Vec<P>,
    unlisted_count: usize,
}

impl<P> Default for Problems<P> {
    fn default() -> Self {
        Self { listed: Vec::new(), unlisted_count: 0 }
    }
}

impl<P> Problems<P> {
    pub(crate) fn of(problem: P) -> Self {
        Self { listed: vec![problem], unlisted_count: 0 }
    }

    /// Adds one; beyond the first hundred they are only counted, and not even made.
    pub(crate) fn add(&mut self, problem: impl FnOnce() -> P) {
        if self.listed.len() < LISTED_MAX {
            self.listed.push(problem());
        } else {
            self.unlisted_count += 1;
        }
    }

    /// How many there are beside those that are listed.
    pub(crate) fn unlisted_count(&self) -> usize {
        self.unlisted_count
    }

    /// The value if nothing was wrong with it.
    pub(crate) fn or_value<T>(self, value: T) -> Result<T, Self> {
        if self.listed.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl<P: Serialize> Serialize for Problems<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.listed.len()))?;
        for problem in &self.listed {
            list.serialize_element(problem)?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_are_listed_and_the_others_counted() {
        let mut problems = Problems::default();
        for number in 0..120 {
            problems.add(|| number);
        }
        assert_eq!(problems.unlisted_count(), 20);
        let listed: Vec<i32> =
            serde_json::from_str(&serde_json::to_string(&problems).unwrap()).unwrap();
        assert_eq!(listed, (0..100).collect::<Vec<_>>());
        assert!(problems.or_value(()).is_err());
        assert!(Problems::<()>::default().or_value(7).is_ok_and(|value| value == 7));
    }
}
