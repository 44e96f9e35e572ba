//! Whose memory a body speaks of: a user and a session of the token's organization. The pair is one
//! domain of the tenant, and part of what identifies a fragment.

use super::super::wire::ScopeObject;
use super::fields::{Fields, NOT_EMPTY};
use crate::api::validation::{Raw, Step, unless_null};

/// The session of whoever names none.
const SESSION_DEFAULT: &str = "default-session";

/// Characters of a domain's name beyond which it is a hash. Leaves room for the suffix that facts
/// derived from a domain have in theirs.
const DOMAIN_CHARS_MAX: usize = 90;

/// Whom a token speaks for where a body does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Speaker {
    pub(crate) user: String,
    pub(crate) session: Option<String>,
    /// Whether a body may name another user.
    pub(crate) may_name_users: bool,
}

/// One partition of the tenant's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conversation {
    pub(super) user: String,
    pub(super) session: String,
}

/// What a body's `scope` says, completed by the token. The organization in it is looked at, as the
/// contract wants it to be there, and then ignored: the token's counts.
pub(super) fn conversation(
    fields: &mut Fields<'_, '_>,
    scope: Raw<'_>,
    speaker: &Speaker,
) -> Option<Conversation> {
    let raw = fields.required("scope", scope)?;
    let scope: ScopeObject<'_> = fields.object(&[Step::Name("scope")], raw)?;
    let mut fields = fields.within(&[Step::Name("scope")], raw);
    // An explicit null means the token's; the first release of the client sends that.
    if let Some(org_id) = unless_null(fields.required("org_id", scope.org_id)) {
        fields.text("org_id", org_id, NOT_EMPTY);
    }
    let mut named = |name, raw| {
        unless_null(raw)
            .and_then(|raw| fields.text(name, raw, 0..=usize::MAX))
            .filter(|text| !text.is_empty())
    };
    let user = named("user_id", scope.user_id).filter(|_| speaker.may_name_users);
    let session = named("session_id", scope.session_id).or_else(|| speaker.session.clone());
    Some(Conversation {
        user: user.unwrap_or_else(|| speaker.user.clone()),
        session: session.unwrap_or_else(|| SESSION_DEFAULT.to_owned()),
    })
}

impl Conversation {
    /// The domain it is kept in: readable while short, so that operators can tell domains apart.
    pub(super) fn domain(&self) -> String {
        let readable = format!("tex:{}/{}", escaped(&self.user), escaped(&self.session));
        if readable.len() <= DOMAIN_CHARS_MAX {
            return readable;
        }
        // An escaped name has no `#`.
        format!("tex:#{}", hash_of(&[&self.user, &self.session]))
    }

    /// What identifies a turn: who said what when, in this conversation.
    pub(super) fn turn_id(&self, role: &str, text: &str, timestamp: &str) -> String {
        hash_of(&["turn", &self.user, &self.session, role, text, timestamp])
    }

    /// What identifies an observation: its text, in this conversation.
    pub(super) fn observation_id(&self, text: &str) -> String {
        hash_of(&["observation", &self.user, &self.session, text])
    }
}

/// 64 hexadecimal digits that stand for exactly these texts: each goes in behind its length, so no
/// two lists run together.
pub(super) fn hash_of(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Every byte that is no plain one as `%` and two digits.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._@+=-".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::problems::Problems;
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    fn of(user: &str, session: &str) -> Conversation {
        Conversation { user: user.to_owned(), session: session.to_owned() }
    }

    fn read(scope: &str, speaker: &Speaker) -> Result<Conversation, String> {
        let raw = RawValue::from_string(scope.to_owned()).unwrap();
        let mut problems = Problems::default();
        let mut fields = Fields::of_body(&mut problems, "{}");
        let read = conversation(&mut fields, Some(&raw), speaker);
        problems
            .or_value(read.unwrap_or_else(|| of("", "")))
            .map_err(|problems| serde_json::to_string(&problems).unwrap())
    }

    #[test]
    fn what_a_scope_leaves_out_the_token_says() {
        let mut speaker =
            Speaker { user: "apikey_1".to_owned(), session: None, may_name_users: true };
        for (scope, user, session) in [
            (r#"{"org_id":"x"}"#, "apikey_1", "default-session"),
            (r#"{"org_id":null,"user_id":null,"session_id":null}"#, "apikey_1", "default-session"),
            (r#"{"org_id":"x","user_id":"","session_id":""}"#, "apikey_1", "default-session"),
            (r#"{"org_id":"x","user_id":"u","session_id":"s","team":7}"#, "u", "s"),
        ] {
            assert_eq!(read(scope, &speaker), Ok(of(user, session)), "{scope}");
        }
        speaker.session = Some("own".to_owned());
        speaker.may_name_users = false;
        let named = r#"{"org_id":"x","user_id":"u"}"#;
        assert_eq!(read(named, &speaker), Ok(of("apikey_1", "own")));
    }

    #[test]
    fn a_scope_is_an_object_with_an_organization() {
        let speaker = Speaker { user: "u".to_owned(), session: None, may_name_users: true };
        for (scope, place, kind) in [
            ("{}", r#"["body","scope","org_id"]"#, "missing"),
            (r#"{"org_id":""}"#, r#"["body","scope","org_id"]"#, "string_too_short"),
            (r#"{"org_id":7}"#, r#"["body","scope","org_id"]"#, "string_type"),
            (r#""team:x""#, r#"["body","scope"]"#, "model_attributes_type"),
            ("null", r#"["body","scope"]"#, "model_attributes_type"),
            (r#"{"org_id":"x","user_id":7}"#, r#"["body","scope","user_id"]"#, "string_type"),
        ] {
            let problems = read(scope, &speaker).unwrap_err();
            assert!(problems.contains(place) && problems.contains(kind), "{scope}: {problems}");
        }
    }

    #[test]
    fn a_domain_is_readable_while_it_is_short() {
        assert_eq!(of("ann@example.com", "s_1").domain(), "tex:ann@example.com/s_1");
        assert_eq!(of("a b", "c/d~é").domain(), "tex:a%20b/c%2Fd%7E%C3%A9");
        let long = of(&"u".repeat(80), "session").domain();
        assert!(long.starts_with("tex:#") && long.len() == 69, "{long}");
    }

    #[test]
    fn ids_tell_texts_roles_times_users_and_sessions_apart() {
        let one = of("u", "s");
        let id = one.turn_id("user", "hi", "2026");
        assert_eq!(id.len(), 64);
        assert_eq!(id, one.turn_id("user", "hi", "2026"));
        for other in [
            one.turn_id("user", "hi2", "026"),
            one.turn_id("userh", "i", "2026"),
            of("us", "").turn_id("user", "hi", "2026"),
            of("", "us").turn_id("user", "hi", "2026"),
            one.observation_id("hi"),
        ] {
            assert_ne!(other, id);
        }
    }

    proptest! {
        #[test]
        fn no_two_conversations_share_a_domain(
            names in proptest::collection::vec("[a/%#~:é ]{0,30}", 4..=4),
        ) {
            let (one, other) = (of(&names[0], &names[1]), of(&names[2], &names[3]));
            prop_assert_eq!(one == other, one.domain() == other.domain());
            for domain in [one.domain(), other.domain()] {
                prop_assert!(domain.len() <= DOMAIN_CHARS_MAX);
                prop_assert!(domain.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'~'));
            }
        }
    }
}
