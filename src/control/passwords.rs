//! Passwords: argon2id hashes as PHC strings, and nothing else of a password is ever kept.
//!
//! Every function that hashes takes tens of milliseconds and [`PasswordCost::memory_kib`] of
//! memory: call it on the blocking pool, behind a bound on how many run at once, never on an
//! async thread. An unknown user must cost what a known one costs: see [`Passwords::verify`].

use std::fmt;

use argon2::password_hash::phc;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::digest;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::keys::{self, Dialect, push_hex};
use crate::types::ErrorKind;
use crate::types::limits::PASSWORD_BYTES_MAX;

/// Bytes of a salt and of a hash: the recommendation of the PHC string format, and argon2's
/// default.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PasswordError {
    #[error("the password is empty")]
    Empty,
    #[error("the password has {bytes} bytes; at most {PASSWORD_BYTES_MAX} are allowed")]
    TooLong { bytes: usize },
    #[error("the password cost is out of range: {0}")]
    Cost(String),
    #[error("a stored password hash cannot be read")]
    MalformedHash,
    #[error("the password could not be hashed: {0}")]
    Hashing(String),
    #[error("the operating system has no randomness to give")]
    Randomness,
}

impl PasswordError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Empty | Self::TooLong { .. } | Self::Cost(_) => ErrorKind::InvalidInput,
            Self::MalformedHash => ErrorKind::Corrupted,
            Self::Hashing(_) | Self::Randomness => ErrorKind::Internal,
        }
    }
}

/// What one hash costs. The default is the OWASP Password Storage Cheat Sheet's for argon2id:
/// 19 MiB, two passes, one lane
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory of one hash in KiB, at least 8 per lane.
    pub memory_kib: u32,
    /// Passes over the memory, at least 1.
    pub passes: u32,
    /// Lanes, at least 1; they are worked off one after the other.
    pub lanes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1_024, passes: 2, lanes: 1 }
    }
}

/// An argon2id hash with its salt and cost, as a PHC string. Whoever has it can try passwords, so
/// `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash as it was stored. [`Passwords::verify`] judges it.
    #[must_use]
    pub fn from_stored(phc_string: String) -> Self {
        Self(phc_string)
    }

    /// The PHC string, for storing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What a password turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The wrong password, or no such user.
    Wrong,
    Right {
        /// The hash was made with another cost than today's: hash the password again and keep
        /// that.
        rehash: bool,
    },
}

/// What a client of the dialect sends as a user's password. The metacogna dialect's clients send
/// the lower-case hexadecimal SHA-256 of user name and password without anything between them; it
/// is worth as much as the password and is hashed like one.
#[must_use]
pub fn login_secret(dialect: Dialect, username: &str, clear: &SecretString) -> SecretString {
    if dialect != Dialect::Metacogna {
        return clear.clone();
    }
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(username.as_bytes());
    context.update(clear.expose_secret().as_bytes());
    let mut text = String::new();
    push_hex(&mut text, context.finish().as_ref());
    SecretString::from(text)
}

/// Hashes and verifies with one cost.
pub struct Passwords {
    argon2: Argon2<'static>,
    /// A hash of today's cost that no password has: what unknown users are verified against.
    nobody: phc::PasswordHash,
}

impl Passwords {
    /// # Errors
    /// For a cost that argon2 cannot have, or when the system's randomness fails.
    pub fn new(cost: PasswordCost) -> Result<Self, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES))
            .map_err(|error| PasswordError::Cost(error.to_string()))?;
        let hashing = |error: HashError| PasswordError::Hashing(error.to_string());
        // Drawn, not computed: a start costs nothing, and verifying against it costs the same.
        let (salt, hash) = (draw::<SALT_BYTES>()?, draw::<HASH_BYTES>()?);
        let nobody = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: phc::ParamsString::try_from(&params).map_err(hashing)?,
            salt: Some(phc::Salt::new(&salt).map_err(|error| hashing(error.into()))?),
            hash: Some(phc::Output::new(&hash).map_err(|error| hashing(error.into()))?),
        };
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), nobody })
    }

    /// Hashes a new password under a fresh salt. Blocks for tens of milliseconds.
    ///
    /// # Errors
    /// For an empty password, one of more than [`PASSWORD_BYTES_MAX`] bytes, or when the system's
    /// randomness fails. What else a password must be is the business of who asks for it.
    pub fn hash(&self, password: &SecretString) -> Result<PasswordHash, PasswordError> {
        let password = password.expose_secret().as_bytes();
        if password.is_empty() {
            return Err(PasswordError::Empty);
        }
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::TooLong { bytes: password.len() });
        }
        let hash = self
            .argon2
            .hash_password_with_salt(password, &draw::<SALT_BYTES>()?)
            .map_err(|error| PasswordError::Hashing(error.to_string()))?;
        Ok(PasswordHash(hash.to_string()))
    }

    /// Whether `password` is the one that `stored` was made of. Blocks for tens of milliseconds.
    ///
    /// `None`, for a user that is not there or has no password, takes as long as a wrong password
    /// for a hash of today's cost. An empty or overlong password is wrong at once, whoever it is
    /// for, so its time says nothing about who exists.
    ///
    /// # Errors
    /// When the stored hash cannot be read.
    pub fn verify(
        &self,
        stored: Option<&PasswordHash>,
        password: &SecretString,
    ) -> Result<Verdict, PasswordError> {
        let password = password.expose_secret().as_bytes();
        if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
            return Ok(Verdict::Wrong);
        }
        let parsed = match stored {
            Some(stored) => Some(parse(stored)?),
            None => None,
        };
        // Compares in constant time; takes algorithm and cost from the hash.
        match self.argon2.verify_password(password, parsed.as_ref().unwrap_or(&self.nobody)) {
            Ok(()) => match parsed {
                Some(parsed) => Ok(Verdict::Right { rehash: !self.is_of_todays_cost(&parsed) }),
                None => Ok(Verdict::Wrong),
            },
            Err(HashError::PasswordInvalid) => Ok(Verdict::Wrong),
            Err(_) if stored.is_some() => Err(PasswordError::MalformedHash),
            Err(error) => Err(PasswordError::Hashing(error.to_string())),
        }
    }

    /// Whether the hash was made with another cost than today's.
    ///
    /// # Errors
    /// When the stored hash cannot be read.
    pub fn needs_rehash(&self, stored: &PasswordHash) -> Result<bool, PasswordError> {
        Ok(!self.is_of_todays_cost(&parse(stored)?))
    }

    fn is_of_todays_cost(&self, hash: &phc::PasswordHash) -> bool {
        let length = |hash: &phc::PasswordHash| hash.hash.as_ref().map(phc::Output::len);
        hash.algorithm == self.nobody.algorithm
            && hash.version == self.nobody.version
            && hash.params == self.nobody.params
            && length(hash) == length(&self.nobody)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({})", self.nobody.params)
    }
}

fn parse(stored: &PasswordHash) -> Result<phc::PasswordHash, PasswordError> {
    let hash = phc::PasswordHash::new(&stored.0).map_err(|_| PasswordError::MalformedHash)?;
    // A PHC string may lack either; such a one would be verified without any work.
    let is_whole = hash.salt.is_some() && hash.hash.is_some();
    is_whole.then_some(hash).ok_or(PasswordError::MalformedHash)
}

fn draw<const N: usize>() -> Result<[u8; N], PasswordError> {
    keys::draw().map_err(|_| PasswordError::Randomness)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Clock, SystemClock};

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn clients_of_metacogna_send_a_hash_of_name_and_password() {
        for (username, clear, sent) in [
            (
                "testuser",
                "TestPass123!",
                "6d8938eb64eead19ea0179d000a15d0ef635dc180c715df36385fc07e0740fbb",
            ),
            (
                "admin",
                "AdminPass123!",
                "83f7bb760078346b67080a800131f0e1ee86cfe331c13fd34a14303248ecd6f0",
            ),
        ] {
            let clear = SecretString::from(clear);
            let secret = login_secret(Dialect::Metacogna, username, &clear);
            assert_eq!(secret.expose_secret(), sent);
            let secret = login_secret(Dialect::Tex, username, &clear);
            assert_eq!(secret.expose_secret(), clear.expose_secret());
        }
    }

    #[test]
    fn the_right_password_is_right_and_every_other_one_is_wrong() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let hash = passwords.hash(&secret("correct horse")).unwrap();
        let check = |text: &str| passwords.verify(Some(&hash), &secret(text)).unwrap();
        assert_eq!(check("correct horse"), Verdict::Right { rehash: false });
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        for wrong in ["correct horse ", "Correct horse", "", "x", &long] {
            assert_eq!(check(wrong), Verdict::Wrong, "{wrong:?}");
        }
        let again = passwords.hash(&secret("correct horse")).unwrap();
        assert_ne!(hash, again, "each hash has a salt of its own");
    }

    #[test]
    fn the_default_cost_is_the_one_of_owasp_and_is_written_into_the_hash() {
        let passwords = Passwords::new(PasswordCost::default()).unwrap();
        let hash = passwords.hash(&secret("correct horse")).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(
            passwords.verify(Some(&hash), &secret("correct horse")),
            Ok(Verdict::Right { rehash: false })
        );
    }

    #[test]
    fn a_hash_of_another_cost_still_verifies_and_asks_to_be_made_again() {
        let old = Passwords::new(CHEAP).unwrap().hash(&secret("pw")).unwrap();
        let passwords = Passwords::new(PasswordCost { passes: 2, ..CHEAP }).unwrap();
        assert_eq!(
            passwords.verify(Some(&old), &secret("pw")),
            Ok(Verdict::Right { rehash: true })
        );
        assert_eq!(passwords.verify(Some(&old), &secret("no")), Ok(Verdict::Wrong));
        assert_eq!(passwords.needs_rehash(&old), Ok(true));
        let new = passwords.hash(&secret("pw")).unwrap();
        assert_eq!(passwords.needs_rehash(&new), Ok(false));
    }

    #[test]
    fn an_unknown_user_costs_as_much_as_a_wrong_password() {
        // Large enough that the work outweighs what surrounds it. Taken in turns, since the
        // allocator gets faster with the first ones, and by the least, since a busy machine only
        // adds; the busier, the more rounds it takes until both were undisturbed once.
        let cost = PasswordCost { memory_kib: 4_096, passes: 1, lanes: 1 };
        let passwords = Passwords::new(cost).unwrap();
        let hash = passwords.hash(&secret("right")).unwrap();
        let mut least_us = [u64::MAX; 2];
        for _ in 0..200 {
            for (stored, least_us) in [Some(&hash), None].into_iter().zip(&mut least_us) {
                let start = SystemClock.monotonic_micros();
                let verdict = passwords.verify(stored, &secret("wrong")).unwrap();
                assert_eq!(verdict, Verdict::Wrong);
                *least_us = (*least_us).min(SystemClock.monotonic_micros() - start);
            }
            let [known, unknown] = least_us;
            if unknown < known * 2 && known < unknown * 2 {
                return;
            }
        }
        panic!("{least_us:?} us for a known and for an unknown user");
    }

    #[test]
    fn passwords_and_costs_out_of_range_are_refused() {
        let passwords = Passwords::new(CHEAP).unwrap();
        assert_eq!(passwords.hash(&secret("")), Err(PasswordError::Empty));
        let long = "é".repeat(PASSWORD_BYTES_MAX / 2);
        assert!(passwords.hash(&secret(&long)).is_ok());
        let error = passwords.hash(&secret(&format!("{long}x"))).unwrap_err();
        assert_eq!(error, PasswordError::TooLong { bytes: PASSWORD_BYTES_MAX + 1 });
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        for cost in [
            PasswordCost { memory_kib: 7, ..CHEAP },
            PasswordCost { passes: 0, ..CHEAP },
            PasswordCost { lanes: 0, ..CHEAP },
        ] {
            assert!(matches!(Passwords::new(cost), Err(PasswordError::Cost(_))), "{cost:?}");
        }
    }

    #[test]
    fn a_damaged_hash_is_an_error_and_never_a_right_password() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let hash = passwords.hash(&secret("pw")).unwrap();
        let without_hash = hash.as_str().rsplit_once('$').unwrap().0;
        let other_algorithm = hash.as_str().replace("argon2id", "scrypt");
        for damaged in ["", "pw", without_hash, &other_algorithm, "$argon2id$v=19$m=8,t=1,p=1"] {
            let stored = PasswordHash::from_stored(damaged.to_owned());
            let verified = passwords.verify(Some(&stored), &secret("pw"));
            assert_eq!(verified, Err(PasswordError::MalformedHash), "{damaged:?}");
        }
    }

    #[test]
    fn neither_hash_nor_salt_shows_in_debug_output() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let hash = passwords.hash(&secret("pw")).unwrap();
        let shown = format!("{hash:?} {passwords:?}");
        assert_eq!(shown, "PasswordHash(..) Passwords(m=8,t=1,p=1)");
    }
}
