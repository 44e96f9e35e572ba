//! The vault: encrypts small secrets that must be read again (webhook secrets, signing keys)
//! before they are stored, under a key that lies in a file beside the stores. A copy of the
//! stores alone, as in a backup or a support bundle, then shows none of them.
//!
//! Invariants: a ciphertext opens only as the record it was sealed for; only under the key file
//! it was sealed with, and another one is named as the reason; the key is never shown, not even
//! by `Debug`.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use rand::TryRng;
use secrecy::zeroize::Zeroizing;
use secrecy::{SecretSlice, zeroize::Zeroize};
use thiserror::Error;

use crate::storage::private_file;
use crate::types::ErrorKind;

/// First byte of what [`Vault::seal`] makes: AES-256-GCM-SIV with the layout below.
const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const FINGERPRINT_BYTES: usize = 8;
/// Version, fingerprint, nonce; ciphertext and tag follow.
const HEADER_BYTES: usize = 1 + FINGERPRINT_BYTES + NONCE_LEN;
/// More than any key file has: what is read of a file that is none.
const FILE_BYTES_MAX: u64 = 1_024;
/// Of BLAKE3's key derivation, so that the fingerprint says nothing about the key.
const FINGERPRINT_CONTEXT: &str = "hebbd 2026-11-22 vault key fingerprint";

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VaultError {
    #[error(
        "the key file {path} is missing, and this data directory's secrets were encrypted with it; \
         restore it from where it was backed up"
    )]
    MissingKeyFile { path: String },
    #[error(
        "the key file {path} can be used by others than its owner (mode {mode:03o}); \
         run: chmod 600 {path}"
    )]
    ExposedKeyFile { path: String, mode: u32 },
    #[error("the key file {path} is not one line of {} hexadecimal digits", KEY_BYTES * 2)]
    MalformedKeyFile { path: String },
    #[error("the key file {path} cannot be used: {detail}")]
    KeyFile { path: String, detail: String },
    #[error(
        "this data directory's secrets were encrypted with another key file: theirs is {theirs}, \
         this one is {ours}"
    )]
    AnotherKey { theirs: Fingerprint, ours: Fingerprint },
    #[error("an encrypted secret is damaged, or belongs to another record")]
    Damaged,
    #[error("the operating system has no randomness to give")]
    Randomness,
}

impl VaultError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingKeyFile { .. }
            | Self::ExposedKeyFile { .. }
            | Self::MalformedKeyFile { .. }
            | Self::KeyFile { .. }
            | Self::AnotherKey { .. } => ErrorKind::Unavailable,
            Self::Damaged => ErrorKind::Corrupted,
            Self::Randomness => ErrorKind::Internal,
        }
    }
}

/// Which key file. Says nothing about the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The record a secret is sealed for. Its parts are bound into the ciphertext, not stored in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordName<'a> {
    /// What kind of secret, a constant of the module that keeps it.
    pub kind: &'static str,
    /// Which one: bytes that no other record of the kind has.
    pub id: &'a [u8],
}

/// Holds the key. Shared by reference; sealing and opening take no lock.
pub struct Vault {
    key: RandomizedNonceKey,
    fingerprint: Fingerprint,
}

impl Vault {
    /// Reads the key file, or makes one if there is none and `allow_create` says that nothing
    /// depends on a lost one: pass whether the stores hold no sealed secret yet. The caller holds
    /// the data directory's lock, so nobody else makes one at the same time. A new file is
    /// durable on return.
    ///
    /// # Errors
    /// For a file that is missing and may not be made, that others than its owner can read or
    /// write, or that is not one line of 64 hexadecimal digits.
    pub fn open_or_create(path: &Path, allow_create: bool) -> Result<Self, VaultError> {
        let shown = || path.display().to_string();
        let failed =
            |error: io::Error| VaultError::KeyFile { path: shown(), detail: error.to_string() };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !allow_create {
                    return Err(VaultError::MissingKeyFile { path: shown() });
                }
                let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
                rand::rngs::SysRng
                    .try_fill_bytes(key.as_mut())
                    .map_err(|_| VaultError::Randomness)?;
                let line = Zeroizing::new(hex(key.as_ref()) + "\n");
                private_file::write(path, line.as_bytes()).map_err(failed)?;
                return Self::with_key(&key);
            }
            Err(error) => return Err(failed(error)),
        };
        // Of the open file, not of the path: nobody can exchange it in between.
        let mode = private_file::others_mode(&file).map_err(failed)?;
        if mode != 0 {
            return Err(VaultError::ExposedKeyFile { path: shown(), mode });
        }
        let mut line = Zeroizing::new(Vec::with_capacity(KEY_BYTES * 2 + 2));
        file.take(FILE_BYTES_MAX).read_to_end(&mut line).map_err(failed)?;
        let key = key_in(&line).ok_or_else(|| VaultError::MalformedKeyFile { path: shown() })?;
        Self::with_key(&key)
    }

    fn with_key(key: &[u8; KEY_BYTES]) -> Result<Self, VaultError> {
        let mut derived = blake3::derive_key(FINGERPRINT_CONTEXT, key);
        let mut fingerprint = Fingerprint([0; FINGERPRINT_BYTES]);
        for (one, other) in fingerprint.0.iter_mut().zip(derived) {
            *one = other;
        }
        derived.zeroize();
        // Fails only for a key of another length, or without memory.
        let key =
            RandomizedNonceKey::new(&AES_256_GCM_SIV, key).map_err(|_| VaultError::Damaged)?;
        Ok(Self { key, fingerprint })
    }

    /// Which key file this is.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Encrypts a secret for one record, 37 bytes longer than the secret. Sealing the same secret
    /// twice gives different bytes. Nonces are random, which this mode allows for any number of
    /// secrets a directory may hold: even a repeated one shows no more than that two secrets of
    /// one record were equal (RFC 8452).
    ///
    /// # Errors
    /// When the system's randomness fails.
    pub fn seal(&self, record: RecordName<'_>, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut body = Vec::with_capacity(secret.len() + AES_256_GCM_SIV.tag_len());
        body.extend_from_slice(secret);
        let context = self.context(record);
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(context), &mut body)
            .map_err(|_| VaultError::Randomness)?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + body.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.fingerprint.0);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// The secret in what [`Vault::seal`] made for the same record.
    ///
    /// # Errors
    /// [`VaultError::AnotherKey`] when it was sealed under another key file, and
    /// [`VaultError::Damaged`] for other bytes or another record.
    pub fn open(
        &self,
        record: RecordName<'_>,
        sealed: &[u8],
    ) -> Result<SecretSlice<u8>, VaultError> {
        self.check(sealed)?;
        let (header, body) = sealed.split_at_checked(HEADER_BYTES).ok_or(VaultError::Damaged)?;
        let nonce = header.last_chunk::<NONCE_LEN>().ok_or(VaultError::Damaged)?;
        let mut body = Zeroizing::new(body.to_vec());
        let context = self.context(record);
        let secret = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut body)
            .map_err(|_| VaultError::Damaged)?;
        Ok(SecretSlice::from(secret.to_vec()))
    }

    /// Whether a sealed secret is one of this key file, without opening it: lets a start refuse
    /// the wrong file before anything depends on it.
    ///
    /// # Errors
    /// [`VaultError::AnotherKey`], or [`VaultError::Damaged`] for what was never sealed.
    pub fn check(&self, sealed: &[u8]) -> Result<(), VaultError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(VaultError::Damaged)?;
        let theirs = rest.first_chunk().copied().map(Fingerprint).ok_or(VaultError::Damaged)?;
        if theirs != self.fingerprint {
            return Err(VaultError::AnotherKey { theirs, ours: self.fingerprint });
        }
        Ok(())
    }

    /// What a ciphertext is bound to besides the key: layout, kind and id. The length keeps
    /// `("ab", "c")` and `("a", "bc")` apart.
    fn context(&self, record: RecordName<'_>) -> Vec<u8> {
        let mut context = vec![VERSION];
        context.extend_from_slice(&self.fingerprint.0);
        context.extend_from_slice(&(record.kind.len() as u64).to_le_bytes());
        context.extend_from_slice(record.kind.as_bytes());
        context.extend_from_slice(record.id);
        context
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.fingerprint)
    }
}

fn hex(bytes: &[u8]) -> String {
    // Never grows, so no piece of a key stays behind in memory that was given back.
    let mut text = String::with_capacity(bytes.len() * 2 + 1);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text
}

/// The key in one line of digits of either case, with or without a line break.
fn key_in(line: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let digits: &[u8; KEY_BYTES * 2] = line.try_into().ok()?;
    let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let digit = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(digit).ok()?;
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn vault(byte: u8) -> Vault {
        Vault::with_key(&[byte; KEY_BYTES]).unwrap()
    }

    fn name(id: &[u8]) -> RecordName<'_> {
        RecordName { kind: "test", id }
    }

    proptest! {
        #[test]
        fn opening_inverts_sealing_for_the_same_record_only(
            secret: Vec<u8>, id: Vec<u8>, other: Vec<u8>,
        ) {
            let vault = vault(7);
            let sealed = vault.seal(name(&id), &secret).unwrap();
            prop_assert_eq!(sealed.len(), secret.len() + 37);
            let opened = vault.open(name(&id), &sealed).unwrap();
            prop_assert_eq!(opened.expose_secret(), &secret);
            if other != id {
                let opened = vault.open(name(&other), &sealed);
                prop_assert!(matches!(opened, Err(VaultError::Damaged)));
            }
        }

        #[test]
        fn opening_any_bytes_is_an_error_and_never_a_panic(bytes: Vec<u8>) {
            prop_assert!(vault(7).open(name(b"a"), &bytes).is_err());
        }
    }

    #[test]
    fn kind_and_id_are_not_just_strung_together() {
        let vault = vault(7);
        let sealed = vault.seal(RecordName { kind: "ab", id: b"c" }, b"secret").unwrap();
        let swapped = vault.open(RecordName { kind: "a", id: b"bc" }, &sealed);
        assert!(matches!(swapped, Err(VaultError::Damaged)));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let vault = vault(7);
        let sealed = vault.seal(name(b"a"), b"secret").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(vault.open(name(b"a"), &damaged).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(vault.open(name(b"a"), &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn another_key_is_named_as_such() {
        let (one, other) = (vault(1), vault(2));
        let sealed = one.seal(name(b"a"), b"secret").unwrap();
        let error = other.open(name(b"a"), &sealed).unwrap_err();
        assert_eq!(
            error,
            VaultError::AnotherKey { theirs: one.fingerprint(), ours: other.fingerprint() }
        );
        assert!(error.to_string().contains("were encrypted with another key file"));
        assert_eq!(other.check(&sealed), Err(error));
        assert_eq!(one.check(&sealed), Ok(()));
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let vault = vault(7);
        let seal = || vault.seal(name(b"a"), b"secret").unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn a_new_key_file_is_private_and_opens_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.key");
        let made = Vault::open_or_create(&path, true).unwrap();
        let sealed = made.seal(name(b"a"), b"secret").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!((text.len(), text.lines().count()), (65, 1));
        let again = Vault::open_or_create(&path, false).unwrap();
        assert_eq!(again.open(name(b"a"), &sealed).unwrap().expose_secret(), b"secret");
        assert!(!format!("{again:?}").contains(text.trim()));

        let elsewhere = directory.path().join("other.key");
        let other = Vault::open_or_create(&elsewhere, true).unwrap();
        assert_ne!(other.fingerprint(), made.fingerprint());
    }

    #[test]
    fn a_lost_key_file_is_not_replaced_when_secrets_depend_on_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.key");
        let error = Vault::open_or_create(&path, false).unwrap_err();
        assert!(matches!(&error, VaultError::MissingKeyFile { .. }), "{error}");
        assert!(!path.exists());
        let nowhere = directory.path().join("missing").join("secrets.key");
        let error = Vault::open_or_create(&nowhere, true).unwrap_err();
        assert!(matches!(&error, VaultError::KeyFile { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_can_read_or_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.key");
        Vault::open_or_create(&path, true).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Vault::open_or_create(&path, false).unwrap_err();
            let others = mode & 0o077;
            assert!(matches!(&error, VaultError::ExposedKeyFile { mode, .. } if *mode == others));
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(Vault::open_or_create(&path, false).is_ok());
    }

    #[test]
    fn a_malformed_key_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.key");
        let good = "0123456789abcdefABCDEF0123456789".repeat(2);
        for text in
            ["", "\n", &good[1..], &format!("{good}0"), &format!("# {good}"), &"g".repeat(64)]
        {
            private_file::write(&path, text.as_bytes()).unwrap();
            let error = Vault::open_or_create(&path, true).unwrap_err();
            assert!(matches!(&error, VaultError::MalformedKeyFile { .. }), "{text:?}: {error}");
        }
        for text in [good.clone(), format!("{good}\n"), format!("{good}\r\n")] {
            private_file::write(&path, text.as_bytes()).unwrap();
            assert!(Vault::open_or_create(&path, false).is_ok(), "{text:?}");
        }
    }
}
