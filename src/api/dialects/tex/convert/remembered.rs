//! What is kept beside a fragment's text, so that a hit can be shown as it was sent: the member
//! `tex` of the atom's metadata, and the form of the atom's content and reference.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::wire::Kind;
use super::conversation::hash_of;
use crate::service::{Atom, Metadata};

/// What the reference of an atom begins with that this dialect wrote; its fragment's id follows.
const REFERENCE: &str = "tex:";

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    tex: Remembered<'a>,
}

/// What is kept of one fragment.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Remembered<'a> {
    pub(super) kind: Kind,
    /// Of turns: who said it, and when in the sender's words.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<Cow<'a, str>>,
    /// The text says itself who speaks, so the content does not say the role before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) names_speaker: bool,
    /// Metered tokens of the text of its hit.
    pub(super) tokens: u64,
    /// The caller's own, which is not returned.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<&'a RawValue>,
}

impl Remembered<'_> {
    pub(super) fn observation(tokens: u64) -> Self {
        let (role, timestamp, metadata) = (None, None, None);
        let (kind, names_speaker) = (Kind::Observation, false);
        Self { kind, role, timestamp, names_speaker, tokens, metadata }
    }

    pub(super) fn into_metadata(self) -> Metadata {
        let json = serde_json::to_string(&Envelope { tex: self });
        // Texts, a number and checked JSON can always be written.
        json.map(Metadata::from_checked).unwrap_or_default()
    }
}

/// The reference of the atom that keeps a fragment.
pub(super) fn reference_of(fragment_id: &str) -> String {
    format!("{REFERENCE}{fragment_id}")
}

/// What the content of the atom that keeps a turn has before the text: date and speaker as the
/// engine looks for them. `role` is `None` where the text names its speaker.
pub(super) fn head_of_content(timestamp: &str, role: Option<&str>) -> String {
    match role {
        Some(role) => format!("[{timestamp}] {role}: "),
        None => format!("[{timestamp}] "),
    }
}

/// What the text of a turn's hit begins with.
pub(super) fn head_of_hit(timestamp: &str, role: &str) -> String {
    format!("[Date: {timestamp}] [{role}] ")
}

/// An atom as a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fragment<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) kind: Kind,
    /// As a hit shows it.
    pub(super) text: Cow<'a, str>,
    /// As it was said.
    pub(super) said: &'a str,
    /// Metered tokens of `text`, if they were counted before.
    pub(super) tokens: Option<u64>,
}

/// What an atom keeps. One that this dialect did not write, such as a fact that was derived, is an
/// observation that says its content.
pub(super) fn fragment_of(atom: &Atom) -> Fragment<'_> {
    let content = atom.content.as_str();
    let Some(id) = atom.external_ref.as_deref().and_then(|text| text.strip_prefix(REFERENCE))
    else {
        let id = hash_of(&["atom", &atom.id.to_string()]).into();
        let (kind, text) = (Kind::Observation, content.into());
        return Fragment { id, kind, text, said: content, tokens: None };
    };
    let of_content = |tokens| {
        let (id, text) = (id.into(), content.into());
        Fragment { id, kind: Kind::Observation, text, said: content, tokens }
    };
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(atom.metadata.as_json()) else {
        return of_content(None);
    };
    let Remembered { kind, role, timestamp, names_speaker, tokens, .. } = envelope.tex;
    let said = match (kind, &role, &timestamp) {
        (Kind::Turn, Some(role), Some(timestamp)) => {
            let shown_role = (!names_speaker).then_some(&**role);
            let said = content.strip_prefix(head_of_content(timestamp, shown_role).as_str());
            said.map(|said| (said, format!("{}{said}", head_of_hit(timestamp, role))))
        }
        _ => None,
    };
    match said {
        Some((said, text)) => {
            let (id, text, tokens) = (id.into(), text.into(), Some(tokens));
            Fragment { id, kind: Kind::Turn, text, said, tokens }
        }
        None => of_content((kind == Kind::Observation).then_some(tokens)),
    }
}
