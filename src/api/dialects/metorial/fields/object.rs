//! An object whose members are read by name.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::form::{Entry, FormNode};
use super::kinds::{Kind, list, time};
use super::place::{Place, Wrong};
use crate::service::TimeRange;
use crate::types::Timestamp;

/// One value as it was sent.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Value<'a> {
    /// Text without surrounding white space.
    Json(&'a RawValue),
    Form(&'a FormNode),
    /// An entry of a list in a form.
    FormText(&'a str),
}

impl<'a> Value<'a> {
    pub(super) fn is_null(self) -> bool {
        matches!(self, Self::Json(raw) if raw.get() == "null")
    }

    /// What an error calls it.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::FormText(_) => "string",
            Self::Form(node) => node.kind(),
            Self::Json(raw) => match raw.get().bytes().next() {
                Some(b'"') => "string",
                Some(b'{') => "object",
                Some(b'[') => "array",
                Some(b't' | b'f') => "boolean",
                Some(b'n') => "null",
                _ => "number",
            },
        }
    }

    pub(super) fn members(self) -> Option<Members<'a>> {
        match self {
            Self::Json(raw) if raw.get().starts_with('{') => {
                serde_json::from_str(raw.get()).ok().map(Members::Json)
            }
            Self::Form(node) if node.is_object() => Some(Members::Form(node)),
            Self::Json(_) | Self::Form(_) | Self::FormText(_) => None,
        }
    }

    pub(super) fn entries(self) -> Option<Vec<Value<'a>>> {
        match self {
            Self::Json(raw) => {
                let entries = raw
                    .get()
                    .starts_with('[')
                    .then(|| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok())??;
                Some(entries.into_iter().map(Value::Json).collect())
            }
            Self::Form(node) => {
                let entries = node.entries()?.into_iter().map(|entry| match entry {
                    Entry::Text(text) => Value::FormText(text),
                    Entry::Node(node) => Value::Form(node),
                });
                Some(entries.collect())
            }
            Self::FormText(_) => None,
        }
    }
}

#[derive(Debug)]
pub(super) enum Members<'a> {
    /// Of a name that stands there twice, the last.
    Json(BTreeMap<String, &'a RawValue>),
    Root(&'a BTreeMap<String, Box<RawValue>>),
    Form(&'a FormNode),
}

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Json(members) => members.get(name).copied().map(Value::Json),
            Self::Root(members) => members.get(name).map(|raw| Value::Json(raw)),
            Self::Form(node) => node.get(name).map(Value::Form),
        }
    }
}

/// What a converter reads.
#[derive(Debug)]
pub(in super::super) struct Object<'a> {
    place: &'a Place<'a>,
    members: Members<'a>,
}

impl<'a> Object<'a> {
    pub(super) fn new(place: &'a Place<'a>, members: Members<'a>) -> Self {
        Self { place, members }
    }

    fn get(&self, name: &str) -> Option<Value<'a>> {
        self.members.get(name)
    }

    /// Whether the member is there, be it null.
    pub(in super::super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn read<K: Kind>(&self, name: &str, kind: &K, value: Value<'_>) -> Option<K::Output> {
        kind.read(value, &self.place.inner(name))
    }

    /// A member that must be there. `None` only where something is wrong.
    pub(in super::super) fn required<K: Kind>(&self, name: &str, kind: &K) -> Option<K::Output> {
        match self.get(name) {
            Some(value) => self.read(name, kind, value),
            None => {
                let wrong = Wrong::Type { expected: kind.expected(), received: "undefined" };
                self.place.inner(name).add(wrong);
                None
            }
        }
    }

    /// A member that may be left out, for which null says the same.
    pub(in super::super) fn optional<K: Kind>(&self, name: &str, kind: &K) -> Option<K::Output> {
        let value = self.get(name).filter(|value| !value.is_null())?;
        self.read(name, kind, value)
    }

    /// A member that may be left out, but not be null.
    pub(in super::super) fn present<K: Kind>(&self, name: &str, kind: &K) -> Option<K::Output> {
        self.read(name, kind, self.get(name)?)
    }

    /// A member that may be left out, and for which null means something else: `Some(None)`.
    #[allow(clippy::option_option, reason = "absent, null, and a value are three things")]
    pub(in super::super) fn nullable<K: Kind>(
        &self,
        name: &str,
        kind: &K,
    ) -> Option<Option<K::Output>> {
        let value = self.get(name)?;
        if value.is_null() {
            return Some(None);
        }
        self.read(name, kind, value).map(Some)
    }

    /// The values that a list is filtered by: one, or several as a list.
    pub(in super::super) fn filter<K: Kind>(&self, name: &str, kind: &K) -> Option<Vec<K::Output>> {
        self.present(name, &list(kind, usize::MAX))
    }

    /// A member that must not be there, since its being ignored would mislead.
    pub(in super::super) fn refuse(&self, name: &str, why: &'static str) {
        if self.has(name) {
            self.place.inner(name).add(Wrong::Literal(why.into()));
        }
    }

    /// A list that must have no entries, if it is there.
    pub(in super::super) fn refuse_entries(&self, name: &str, why: &'static str) {
        let Some(value) = self.get(name).filter(|value| !value.is_null()) else { return };
        let place = self.place.inner(name);
        match value.entries() {
            Some(entries) if entries.is_empty() => {}
            Some(_) => place.add(Wrong::Literal(why.into())),
            None => place.add(Wrong::Type { expected: "array", received: value.kind() }),
        }
    }

    /// Strict bounds of a time, as `name[gt]` and `name[lt]`. Times are shown in whole milliseconds, so
    /// they are compared as they are shown.
    pub(in super::super) fn time_range(&self, name: &str) -> TimeRange {
        let Some(value) = self.get(name) else { return TimeRange::default() };
        let place = self.place.inner(name);
        let Some(members) = value.members() else {
            place.add(Wrong::Type { expected: "object", received: value.kind() });
            return TimeRange::default();
        };
        let bound = |name: &'static str| {
            let value = members.get(name)?;
            time_at(value, &place.inner(name))
        };
        let millisecond = |time: Timestamp| time.as_micros().div_euclid(1_000);
        let (after, before) = (bound("gt"), bound("lt"));
        TimeRange {
            // The last moment that is shown as this.
            after: after.map(|time| from_micros(millisecond(time), 999)),
            // The first that is shown as this or later.
            before: before.map(|time| match time.as_micros().rem_euclid(1_000) {
                0 => time,
                _ => from_micros(millisecond(time).saturating_add(1), 0),
            }),
        }
    }

    /// Notes that the place a page is asked for from is none.
    pub(in super::super) fn refuse_cursor(&self) {
        self.place.findings().refuse_cursor();
    }
}

fn from_micros(milliseconds: i64, rest: i64) -> Timestamp {
    Timestamp::from_micros(milliseconds.saturating_mul(1_000).saturating_add(rest))
}

fn time_at(value: Value<'_>, place: &Place<'_>) -> Option<Timestamp> {
    time().read(value, place)
}
