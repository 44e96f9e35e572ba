//! API keys: what kinds there are, what they look like and what they may do. Random bits behind
//! the dialect's prefix, as many as its form has room for; stored only as BLAKE3, shown once.

use std::fmt;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::TryRng;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::ControlError;
use super::environments::Environment;
use super::plans::Plan;
use crate::types::limits::{KEY_SCOPES_MAX, SCOPE_CHARS_MAX};
use crate::types::{KeyId, OrganizationId, TenantId, Timestamp};

/// Letters and digits of the secret of a link to a file: 256 bits.
const LINK_SECRET_CHARS: usize = 43;

/// The API a key speaks. A key of one dialect is unknown to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    Mnemoverse,
    Tex,
    Metacogna,
    Magneteco,
    Metorial,
}

impl Dialect {
    pub const ALL: [Self; 5] =
        [Self::Mnemoverse, Self::Tex, Self::Metacogna, Self::Magneteco, Self::Metorial];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mnemoverse => "mnemoverse",
            Self::Tex => "tex",
            Self::Metacogna => "metacogna",
            Self::Magneteco => "magneteco",
            Self::Metorial => "metorial",
        }
    }

    /// The inverse of [`Dialect::as_str`].
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == name)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A form of key. The metacogna dialect has none: its users log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    Mnemoverse,
    Tex,
    Magneteco,
    MetorialSecret,
    MetorialPublishable,
    /// Acts for an organization, not for a tenant.
    MetorialManagement,
}

impl KeyKind {
    pub const ALL: [Self; 6] = [
        Self::Mnemoverse,
        Self::Tex,
        Self::Magneteco,
        Self::MetorialSecret,
        Self::MetorialPublishable,
        Self::MetorialManagement,
    ];

    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Mnemoverse => Dialect::Mnemoverse,
            Self::Tex => Dialect::Tex,
            Self::Magneteco => Dialect::Magneteco,
            Self::MetorialSecret | Self::MetorialPublishable | Self::MetorialManagement => {
                Dialect::Metorial
            }
        }
    }

    /// Its name among the kinds of its dialect.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mnemoverse | Self::Tex | Self::Magneteco | Self::MetorialSecret => "secret",
            Self::MetorialPublishable => "publishable",
            Self::MetorialManagement => "management",
        }
    }

    /// The kind of that name; an empty name means the dialect's first.
    #[must_use]
    pub fn find(dialect: Dialect, name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .filter(|kind| kind.dialect() == dialect)
            .find(|kind| name.is_empty() || kind.as_str() == name)
    }

    /// What its secrets begin with.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Mnemoverse => "mk_live_",
            Self::Tex => "tex_live_",
            Self::Magneteco => "mag_",
            Self::MetorialSecret => "metorial_sk_",
            Self::MetorialPublishable => "metorial_pk_",
            Self::MetorialManagement => "metorial_lk_",
        }
    }

    /// Whether its owner is an organization rather than a tenant.
    #[must_use]
    pub fn is_for_organizations(self) -> bool {
        self == Self::MetorialManagement
    }

    /// Whether its dialect shows the first eight characters of an id as the name of the key within
    /// its owner.
    pub(super) fn has_telling_ids(self) -> bool {
        self == Self::Tex
    }

    /// Characters of the random part that may be shown: at its beginning and at its end. The
    /// mnemoverse form has 128 random bits, so less of it is shown.
    fn shown_chars(self) -> (usize, usize) {
        match self {
            Self::Tex => (8, 0),
            _ => (4, 4),
        }
    }

    /// What a new key may do unless its order says otherwise.
    fn default_scopes(self) -> Scopes {
        static EVERYTHING: LazyLock<Scopes> = LazyLock::new(|| Scopes::of(&["*"]));
        // Everything an application does; `config` changes what the application is.
        static MAGNETECO: LazyLock<Scopes> =
            LazyLock::new(|| Scopes::of(&["memorize", "retrieve", "events", "webhooks", "forget"]));
        match self {
            Self::Magneteco => MAGNETECO.clone(),
            _ => EVERYTHING.clone(),
        }
    }
}

/// What a key may do, in the words of its dialect; `*` is everything. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Arc<[String]>);

impl Scopes {
    fn of(scopes: &[&str]) -> Self {
        Self(scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    /// Those asked for, or what a new key of the kind may do.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for too many, an empty one, or one with blanks or control
    /// characters.
    pub(super) fn for_key(kind: KeyKind, asked: Option<Vec<String>>) -> Result<Self, ControlError> {
        let Some(scopes) = asked else { return Ok(kind.default_scopes()) };
        let invalid = |problem: String| ControlError::Invalid { field: "scopes", problem };
        if scopes.is_empty() || scopes.len() > KEY_SCOPES_MAX {
            return Err(invalid(format!("must be 1 to {KEY_SCOPES_MAX}; leave them out for all")));
        }
        let well_formed = |scope: &String| {
            (1..=SCOPE_CHARS_MAX).contains(&scope.len())
                && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
        };
        if !scopes.iter().all(well_formed) {
            return Err(invalid(format!(
                "must each be 1 to {SCOPE_CHARS_MAX} visible ASCII characters without a comma"
            )));
        }
        Ok(Self(scopes.into()))
    }

    /// Those that a token carries which was signed when its key had them.
    #[must_use]
    pub fn of_token(scopes: Vec<String>) -> Self {
        Self(scopes.into())
    }

    /// Those stored, sharing the memory of what most keys have.
    pub(super) fn stored(kind: KeyKind, stored: Option<Vec<String>>) -> Self {
        stored.map_or_else(|| kind.default_scopes(), |scopes| Self(scopes.into()))
    }

    /// For storage: `None` for those a new key of the kind has.
    pub(super) fn to_store(&self, kind: KeyKind) -> Option<Vec<String>> {
        (*self != kind.default_scopes()).then(|| self.0.to_vec())
    }

    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    #[must_use]
    pub fn allow(&self, scope: &str) -> bool {
        self.0.iter().any(|allowed| allowed == "*" || allowed == scope)
    }
}

/// Whom a key acts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    Tenant(TenantId),
    Organization(OrganizationId),
}

impl fmt::Display for KeyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(id) => write!(f, "tenant {id}"),
            Self::Organization(id) => write!(f, "organization {id}"),
        }
    }
}

/// Who a request acts for.
#[derive(Debug, Clone)]
pub struct Principal {
    pub tenant: TenantId,
    pub key: KeyId,
    pub kind: KeyKind,
    pub scopes: Scopes,
    pub plan: Arc<Plan>,
    pub environment: Environment,
}

/// Who a request about an organization acts for.
#[derive(Debug, Clone)]
pub struct OrganizationPrincipal {
    pub organization: OrganizationId,
    pub key: KeyId,
    pub scopes: Scopes,
}

/// Who a presented secret acts for.
#[derive(Debug, Clone)]
pub(super) enum Presented {
    Tenant(Principal),
    Organization(OrganizationPrincipal),
}

/// BLAKE3 of a whole key, prefix included. All that is ever stored of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(*blake3::hash(secret.as_bytes()).as_bytes())
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct KeyOrder {
    pub owner: KeyOwner,
    pub kind: KeyKind,
    /// A label for people; may be empty.
    pub name: String,
    /// More about it, for people.
    pub description: Option<String>,
    /// `None` for what a new key of the kind may do.
    pub scopes: Option<Vec<String>>,
    /// `None` for a key that is good until it is revoked.
    pub expires_at: Option<Timestamp>,
}

impl KeyOrder {
    /// A key of a tenant that may do what such keys do, until it is revoked.
    #[must_use]
    pub fn for_tenant(tenant: TenantId, kind: KeyKind, name: &str) -> Self {
        let (owner, name) = (KeyOwner::Tenant(tenant), name.to_owned());
        Self { owner, kind, name, description: None, scopes: None, expires_at: None }
    }
}

/// What is to be said of a key from now on; `None` for what stays as it is.
#[derive(Debug, Clone, Default)]
pub struct KeyUpdate {
    /// May be empty.
    pub name: Option<String>,
    /// `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// `Some(None)` for a key that is good until it is revoked.
    pub expires_at: Option<Option<Timestamp>>,
}

/// What is known of a key besides its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    pub id: KeyId,
    pub owner: KeyOwner,
    pub kind: KeyKind,
    /// The operator's label; may be empty.
    pub name: String,
    /// More about it, for people.
    pub description: Option<Arc<str>>,
    pub scopes: Scopes,
    pub created_at: Timestamp,
    /// When anything was last changed about it, its secret included; its use does not count.
    pub updated_at: Timestamp,
    /// When a request last presented it. May lag after a crash.
    pub last_used_at: Option<Timestamp>,
    /// `None` until it is revoked.
    pub revoked_at: Option<Timestamp>,
    /// `None` for a key that is good until it is revoked.
    pub expires_at: Option<Timestamp>,
    pub shown: ShownPart,
}

impl KeyInfo {
    /// Whether it was revoked or has expired.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.has_expired(now)
    }

    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Where it stands among others, oldest first; ids alone do not tell.
    #[must_use]
    pub fn position(&self) -> (Timestamp, KeyId) {
        (self.created_at, self.id)
    }
}

/// The characters of a secret's random part by which people tell keys apart. Empty for keys made
/// before they were kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShownPart {
    pub head: String,
    pub tail: String,
}

impl ShownPart {
    pub(super) fn of(kind: KeyKind, secret: &SecretString) -> Self {
        let random = secret.expose_secret().strip_prefix(kind.prefix()).unwrap_or_default();
        let (head, tail) = kind.shown_chars();
        let tail = random.get(random.len().saturating_sub(tail)..).unwrap_or_default();
        let head = random.get(..head).unwrap_or_default();
        Self { head: head.to_owned(), tail: tail.to_owned() }
    }

    /// Such as `metorial_sk_aB3d...x9Zq`.
    #[must_use]
    pub fn redacted(&self, kind: KeyKind) -> String {
        format!("{}{}...{}", kind.prefix(), self.head, self.tail)
    }
}

/// A key just made: the only moment at which the secret can be read.
#[derive(Debug)]
pub struct NewKey {
    pub info: KeyInfo,
    pub secret: SecretString,
}

/// Draws a fresh secret of the kind's form from the operating system.
///
/// # Errors
/// [`ControlError::Randomness`].
pub(super) fn draw_secret(kind: KeyKind) -> Result<SecretString, ControlError> {
    let mut text = String::from(kind.prefix());
    match kind {
        // Its clients check for 32 hexadecimal digits: 128 bits.
        KeyKind::Mnemoverse => push_hex(&mut text, &draw::<16>()?),
        KeyKind::Magneteco => push_hex(&mut text, &draw::<32>()?),
        KeyKind::Tex => BASE64_URL_SAFE_NO_PAD.encode_string(draw::<32>()?, &mut text),
        KeyKind::MetorialSecret | KeyKind::MetorialPublishable | KeyKind::MetorialManagement => {
            push_base62(&mut text, 60)?;
        }
    }
    Ok(SecretString::from(text))
}

/// A token for the admin API, 256 bits.
///
/// # Errors
/// [`ControlError::Randomness`].
pub fn draw_admin_token() -> Result<SecretString, ControlError> {
    let mut text = String::from("hebbd_admin_");
    push_hex(&mut text, &draw::<32>()?);
    Ok(SecretString::from(text))
}

/// A name that nobody has or guesses: the prefix and 16 letters and digits, 95 bits.
///
/// # Errors
/// [`ControlError::Randomness`].
pub fn draw_name(prefix: &str) -> Result<String, ControlError> {
    let mut text = String::from(prefix);
    push_base62(&mut text, 16)?;
    Ok(text)
}

/// What makes the address of a link to a file unguessable.
///
/// # Errors
/// [`ControlError::Randomness`].
pub fn draw_link_secret() -> Result<String, ControlError> {
    let mut text = String::new();
    push_base62(&mut text, LINK_SECRET_CHARS)?;
    Ok(text)
}

/// Random bytes from the operating system.
///
/// # Errors
/// [`ControlError::Randomness`].
pub(super) fn draw<const N: usize>() -> Result<[u8; N], ControlError> {
    let mut bytes = [0_u8; N];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| ControlError::Randomness)?;
    Ok(bytes)
}

/// Appends lower-case hexadecimal digits.
pub(super) fn push_hex(text: &mut String, bytes: &[u8]) {
    text.extend(bytes.iter().flat_map(|byte| {
        [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'))
    }));
}

/// So many characters, each of the 62 equally likely: bytes past the largest multiple of 62 are
/// drawn again.
fn push_base62(text: &mut String, count: usize) -> Result<(), ControlError> {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const EVEN: u8 = 248;
    let wanted = text.len() + count;
    while text.len() < wanted {
        for byte in draw::<64>()? {
            if byte < EVEN && text.len() < wanted {
                let digit = DIGITS.get(usize::from(byte % 62)).copied().unwrap_or(b'0');
                text.push(char::from(digit));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_the_form_their_clients_check() {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let alphanumeric = |byte: u8| byte.is_ascii_alphanumeric();
        type Form = (KeyKind, usize, fn(u8) -> bool);
        let forms: [Form; 6] = [
            (KeyKind::Mnemoverse, 32, hex),
            (KeyKind::Tex, 43, url_safe),
            (KeyKind::Magneteco, 64, hex),
            (KeyKind::MetorialSecret, 60, alphanumeric),
            (KeyKind::MetorialPublishable, 60, alphanumeric),
            (KeyKind::MetorialManagement, 60, alphanumeric),
        ];
        for (kind, length, form) in forms {
            let secret = draw_secret(kind).unwrap();
            let random = secret.expose_secret().strip_prefix(kind.prefix()).unwrap();
            assert_eq!(random.len(), length, "{kind:?}");
            assert!(random.bytes().all(form), "{kind:?}");
            assert_ne!(secret.expose_secret(), draw_secret(kind).unwrap().expose_secret());
            assert_eq!(KeyKind::find(kind.dialect(), kind.as_str()), Some(kind));
            let shown = ShownPart::of(kind, &secret);
            assert!(random.starts_with(&shown.head) && random.ends_with(&shown.tail), "{kind:?}");
            assert_eq!(shown.head.len() + shown.tail.len(), 8, "{kind:?}");
        }
    }

    #[test]
    fn a_key_never_shows_in_debug_output() {
        let secret = draw_secret(KeyKind::Tex).unwrap();
        let shown = format!("{secret:?} {:?}", KeyHash::of(secret.expose_secret()));
        assert!(!shown.contains(secret.expose_secret()));
    }

    #[test]
    fn a_star_allows_everything_and_other_scopes_themselves() {
        let all = Scopes::for_key(KeyKind::Tex, None).unwrap();
        let some = Scopes::for_key(KeyKind::Magneteco, None).unwrap();
        assert!(all.allow("anything"));
        assert!(some.allow("forget") && !some.allow("config"));
        for bad in [vec![], vec![String::new()], vec!["a b".to_owned()], vec!["x".repeat(101)]] {
            assert!(Scopes::for_key(KeyKind::Tex, Some(bad.clone())).is_err(), "{bad:?}");
        }
    }
}
