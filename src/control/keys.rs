//! API keys: 256 random bits where the dialect's form has room for them, stored only as BLAKE3,
//! shown once.

use std::fmt;
use std::sync::Arc;

use rand::TryRng;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::plans::Plan;
use crate::types::{KeyId, TenantId, Timestamp};

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
    /// Every dialect a key can be made for today.
    pub const WITH_KEYS: &'static [Self] = &[Self::Mnemoverse];

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
        [Self::Mnemoverse, Self::Tex, Self::Metacogna, Self::Magneteco, Self::Metorial]
            .into_iter()
            .find(|dialect| dialect.as_str() == name)
    }

    /// What its keys begin with.
    fn key_prefix(self) -> &'static str {
        match self {
            Self::Mnemoverse => "mk_live_",
            Self::Tex => "tex_",
            Self::Metacogna => "mc_",
            Self::Magneteco => "mag_",
            Self::Metorial => "metorial_sk_",
        }
    }

    /// Random bytes of its keys. The mnemoverse form is fixed by its clients: 32 hexadecimal
    /// digits, 128 bits.
    fn key_bytes(self) -> usize {
        match self {
            Self::Mnemoverse => 16,
            Self::Tex | Self::Metacogna | Self::Magneteco | Self::Metorial => 32,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who a request acts for.
#[derive(Debug, Clone)]
pub struct Principal {
    pub tenant: TenantId,
    pub key: KeyId,
    pub dialect: Dialect,
    pub plan: Arc<Plan>,
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

/// What is known of a key besides its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    pub id: KeyId,
    pub tenant: TenantId,
    pub dialect: Dialect,
    /// The operator's label.
    pub name: String,
    pub created_at: Timestamp,
    /// `None` while the key is good.
    pub revoked_at: Option<Timestamp>,
}

/// A key just made: the only moment at which the secret can be read.
#[derive(Debug)]
pub struct NewKey {
    pub info: KeyInfo,
    pub secret: SecretString,
}

/// Draws a fresh secret of the dialect's form from the operating system.
///
/// # Errors
/// When the operating system has no randomness to give.
pub(super) fn draw_secret(dialect: Dialect) -> Result<SecretString, rand::rngs::SysError> {
    let mut bytes = [0_u8; 32];
    let bytes = bytes.get_mut(..dialect.key_bytes()).unwrap_or_default();
    rand::rngs::SysRng.try_fill_bytes(bytes)?;
    let mut text = String::from(dialect.key_prefix());
    for byte in bytes.iter() {
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(SecretString::from(text))
}

/// The hash under which a secret is looked up.
#[must_use]
pub(super) fn hash_of(secret: &SecretString) -> KeyHash {
    KeyHash::of(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnemoverse_keys_have_the_form_its_clients_check() {
        let secret = draw_secret(Dialect::Mnemoverse).unwrap();
        let digits = secret.expose_secret().strip_prefix("mk_live_").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        let other = draw_secret(Dialect::Mnemoverse).unwrap();
        assert_ne!(secret.expose_secret(), other.expose_secret());
    }

    #[test]
    fn a_key_never_shows_in_debug_output() {
        let secret = draw_secret(Dialect::Tex).unwrap();
        let shown = format!("{secret:?} {:?}", hash_of(&secret));
        assert!(!shown.contains(secret.expose_secret()));
    }
}
