//! Signing up, exchanging keys for tokens, and keys.

use super::super::wire::{
    ApiKey, ExchangeRequest, KeyRequest, LoginRequest, RefreshRequest, SignUpRequest,
};
use super::fields::{Fields, NOT_EMPTY, parse_body, read_text};
use super::problems::{Complaint, Problems};
use super::times::without_zone;
use crate::api::validation::{Raw, Step, unless_null};
use crate::control::keys::KeyInfo;
use crate::types::Timestamp;
use crate::types::limits::{HANDLE_CHARS_MAX, KEY_SCOPES_MAX, SCOPE_CHARS_MAX};
use serde_json::json;

/// Characters in the name of a key, of a user and of a session, as the contract has them.
const KEY_NAME_CHARS_MAX: usize = 64;
const SUBJECT_CHARS_MAX: usize = 256;

/// Who wants to sign up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Newcomer {
    /// `None` for one that is drawn.
    pub(crate) org_id: Option<String>,
    /// Of the first key; empty for none.
    pub(crate) key_name: String,
}

pub(crate) fn sign_up_request(body: &str) -> Result<Newcomer, Problems> {
    let request: SignUpRequest<'_> = parse_body(body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::of_body(&mut problems, body);
    let org_id = unless_null(request.org_id).and_then(|raw| {
        let text = fields.text("org_id", raw, 1..=HANDLE_CHARS_MAX)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let checked = match text.bytes().all(is_plain) {
            true => Ok(text),
            false => Err(mismatch("^[A-Za-z0-9_-]+$")),
        };
        fields.checked(&[Step::Name("org_id")], raw, checked)
    });
    let key_name = key_name(&mut fields, request.name);
    problems.or_value(Newcomer { org_id, key_name })
}

fn mismatch(pattern: &str) -> Complaint {
    let msg = format!("String should match pattern '{pattern}'");
    Complaint::new("string_pattern_mismatch", msg).with(json!({"pattern": pattern}))
}

/// Empty for none.
fn key_name(fields: &mut Fields<'_, '_>, raw: Raw<'_>) -> String {
    let name = unless_null(raw).and_then(|raw| {
        let text = fields.text("name", raw, 0..=KEY_NAME_CHARS_MAX)?;
        let checked = match text.chars().any(char::is_control) {
            false => Ok(text),
            true => Err(Complaint::new(
                "value_error",
                "Value error, a name has no control characters such as line ends",
            )),
        };
        fields.checked(&[Step::Name("name")], raw, checked)
    });
    name.unwrap_or_default()
}

/// A key to be exchanged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) api_key: String,
    /// For whom the token shall speak; `None` for the key itself.
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
}

pub(crate) fn exchange_request(body: &str) -> Result<Exchange, Problems> {
    let request: ExchangeRequest<'_> = parse_body(body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::of_body(&mut problems, body);
    let api_key = required_text(&mut fields, "api_key", request.api_key, 0..=usize::MAX);
    let user = subject(&mut fields, "user_id", request.user_id);
    let session = subject(&mut fields, "session_id", request.session_id);
    problems.or_value(Exchange { api_key, user, session })
}

/// The token to be refreshed, which may be anything.
pub(crate) fn refresh_request(body: &str) -> Result<String, Problems> {
    let request: RefreshRequest<'_> = parse_body(body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::of_body(&mut problems, body);
    let token = required_text(&mut fields, "refresh_token", request.refresh_token, 0..=usize::MAX);
    problems.or_value(token)
}

/// Who claims to be whom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) org_id: String,
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
}

pub(crate) fn login_request(body: &str) -> Result<Login, Problems> {
    let request: LoginRequest<'_> = parse_body(body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::of_body(&mut problems, body);
    let org_id = required_text(&mut fields, "org_id", request.org_id, NOT_EMPTY);
    let user = subject(&mut fields, "user_id", request.user_id);
    let session = subject(&mut fields, "session_id", request.session_id);
    problems.or_value(Login { org_id, user, session })
}

fn required_text(
    fields: &mut Fields<'_, '_>,
    name: &'static str,
    raw: Raw<'_>,
    chars: std::ops::RangeInclusive<usize>,
) -> String {
    let raw = fields.required(name, raw);
    raw.and_then(|raw| fields.text(name, raw, chars)).unwrap_or_default()
}

fn subject(fields: &mut Fields<'_, '_>, name: &'static str, raw: Raw<'_>) -> Option<String> {
    unless_null(raw).and_then(|raw| fields.text(name, raw, 1..=SUBJECT_CHARS_MAX))
}

/// A key to be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyWish {
    /// Empty for none.
    pub(crate) name: String,
    /// `None` for all.
    pub(crate) scopes: Option<Vec<String>>,
}

pub(crate) fn key_request(body: &str) -> Result<KeyWish, Problems> {
    let request: KeyRequest<'_> = parse_body(body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::of_body(&mut problems, body);
    let name = key_name(&mut fields, request.name);
    let scopes = unless_null(request.scopes).and_then(|raw| {
        let entries = fields.some("scopes", raw)?;
        if entries.len() > KEY_SCOPES_MAX {
            let msg = format!(
                "List should have at most {KEY_SCOPES_MAX} items after validation, not {}",
                entries.len()
            );
            fields.refuse(&[Step::Name("scopes")], Complaint::new("too_long", msg), raw.get());
            return None;
        }
        let scopes = entries.into_iter().enumerate().map(|(index, raw)| {
            let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b',';
            let checked = read_text(raw, 1..=SCOPE_CHARS_MAX).and_then(|text| {
                match text.bytes().all(is_plain) {
                    true => Ok(text),
                    false => Err(mismatch("^[!-+\\--~]+$")),
                }
            });
            fields.checked(&[Step::Name("scopes"), Step::Index(index)], raw, checked)
        });
        scopes.collect::<Option<Vec<String>>>()
    });
    problems.or_value(KeyWish { name, scopes })
}

/// What is shown of a key at `now`.
pub(crate) fn api_key(info: &KeyInfo, now: Timestamp) -> ApiKey {
    let present = |text: &String| (!text.is_empty()).then(|| text.clone());
    ApiKey {
        id: info.id.0,
        prefix: info.kind.prefix(),
        display_id: present(&info.shown.head),
        name: present(&info.name),
        scopes: info.scopes.as_slice().to_vec(),
        is_active: !info.has_ended(now),
        created_at: without_zone(info.created_at),
        last_used_at: info.last_used_at.map(without_zone),
        revoked_at: info.revoked_at.map(without_zone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(problems: &Problems) -> String {
        serde_json::to_string(problems).unwrap()
    }

    #[test]
    fn whoever_signs_up_may_choose_a_plain_name() {
        let nobody = Newcomer { org_id: None, key_name: String::new() };
        for body in ["{}", r#"{"org_id":null,"name":null,"email":"x"}"#] {
            assert_eq!(sign_up_request(body).unwrap(), nobody, "{body}");
        }
        let most = "a".repeat(64);
        let named = sign_up_request(&format!(r#"{{"org_id":"{most}","name":"{most}"}}"#)).unwrap();
        assert_eq!(named, Newcomer { org_id: Some(most.clone()), key_name: most.clone() });
        for (body, place, kind) in [
            (format!(r#"{{"org_id":"{most}a"}}"#), "org_id", "string_too_long"),
            (r#"{"org_id":"a b"}"#.to_owned(), "org_id", "string_pattern_mismatch"),
            (r#"{"org_id":""}"#.to_owned(), "org_id", "string_too_short"),
            (r#"{"org_id":7}"#.to_owned(), "org_id", "string_type"),
            (format!(r#"{{"name":"{most}a"}}"#), "name", "string_too_long"),
            (r#"{"name":"a\nb"}"#.to_owned(), "name", "value_error"),
            ("[]".to_owned(), "body", "model_attributes_type"),
        ] {
            let problems = text_of(&sign_up_request(&body).unwrap_err());
            assert!(problems.contains(place) && problems.contains(kind), "{body}: {problems}");
        }
    }

    #[test]
    fn a_key_is_required_and_users_and_sessions_are_bounded() {
        let exchange = exchange_request(r#"{"api_key":"","user_id":null}"#).unwrap();
        assert_eq!(
            exchange,
            Exchange { api_key: String::new(), user: None, session: None },
            "whether a key is good is not a matter of form"
        );
        for (body, place) in [
            ("{}".to_owned(), "api_key"),
            (r#"{"api_key":7}"#.to_owned(), "api_key"),
            (r#"{"api_key":"x","user_id":""}"#.to_owned(), "user_id"),
            (format!(r#"{{"api_key":"x","session_id":"{}"}}"#, "s".repeat(257)), "session_id"),
        ] {
            let problems = text_of(&exchange_request(&body).unwrap_err());
            assert!(problems.contains(&format!("[\"body\",\"{place}\"]")), "{problems}");
        }
        assert_eq!(refresh_request(r#"{"refresh_token":"garbage"}"#).unwrap(), "garbage");
        assert!(refresh_request("{}").is_err() && login_request("{}").is_err());
    }

    #[test]
    fn scopes_are_any_plain_words_but_not_none() {
        let all = KeyWish { name: String::new(), scopes: None };
        assert_eq!(key_request("{}").unwrap(), all);
        let some = key_request(r#"{"name":"ci","scopes":["read","write:any"]}"#).unwrap();
        assert_eq!(some.scopes.unwrap(), ["read", "write:any"]);
        for (body, place) in [
            (r#"{"scopes":[]}"#, r#"["body","scopes"]"#),
            (r#"{"scopes":"read"}"#, r#"["body","scopes"]"#),
            (r#"{"scopes":["read",""]}"#, r#"["body","scopes",1]"#),
            (r#"{"scopes":["a b"]}"#, r#"["body","scopes",0]"#),
            (r#"{"scopes":["a,b"]}"#, r#"["body","scopes",0]"#),
        ] {
            let problems = text_of(&key_request(body).unwrap_err());
            assert!(problems.contains(place), "{body}: {problems}");
        }
        let many = format!("{{\"scopes\":[{}]}}", ["\"a\""; KEY_SCOPES_MAX + 1].join(","));
        assert!(text_of(&key_request(&many).unwrap_err()).contains("too_long"));
    }
}
