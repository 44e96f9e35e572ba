//! Signed tokens: RS256 JSON Web Tokens (RFC 7515, 7519), the ring of keys that signs them and
//! the public document that lets others verify them (RFC 7517). Pure: time is an argument, and
//! keeping the ring is the caller's business.
//!
//! Invariants: the newest key signs; a former one verifies for as long as a token it signed may
//! live, and no longer; the algorithm is RS256 whatever a token's header says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretSlice};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::types::limits::SIGNED_TOKEN_BYTES_MAX;
use crate::types::{ErrorKind, Timestamp};

const ALGORITHM: &str = "RS256";

/// Why a token could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SigningError {
    #[error("a signing key could not be generated")]
    Generation,
    #[error("a stored signing key cannot be read")]
    MalformedKey,
    #[error("the ring of signing keys is empty")]
    EmptyRing,
    #[error("claims cannot be written as an object: {0}")]
    Claims(String),
    #[error("a token may live {max_s} s at most, not {lifetime_s} s")]
    TooLong { lifetime_s: u64, max_s: u64 },
    #[error("the token could not be signed")]
    Signature,
}

impl SigningError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::MalformedKey | Self::EmptyRing => ErrorKind::Corrupted,
            Self::Generation | Self::Claims(_) | Self::TooLong { .. } | Self::Signature => {
                ErrorKind::Internal
            }
        }
    }
}

/// Why a token admits nobody. For logs and tests: a caller learns no more than that it is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("the token is not three parts of base64url, the first a header")]
    Malformed,
    #[error("the token is not signed with {ALGORITHM}")]
    Algorithm,
    #[error("the token names no key that verifies today")]
    UnknownKey,
    #[error("the token's signature does not verify")]
    Signature,
    #[error("the token lacks claims, or has them in another form")]
    Claims,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
}

impl TokenError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Unauthenticated
    }
}

/// A key as its owner keeps it, encrypted.
#[derive(Debug, Clone)]
pub struct StoredSigningKey {
    /// The private key: PKCS#8 (RFC 5208) in DER.
    pub pkcs8: SecretSlice<u8>,
    pub created_at: Timestamp,
    /// `None` for the key that signs.
    pub retired_at: Option<Timestamp>,
}

/// One RSA key of 2,048 bits.
#[derive(Clone)]
pub struct SigningKey {
    /// Shared by the rings that hold it.
    keys: Arc<KeyMaterial>,
    created_at: Timestamp,
    retired_at: Option<Timestamp>,
}

struct KeyMaterial {
    thumbprint: [u8; 32],
    /// RFC 7638's thumbprint of the public key in base64url: the token header's `kid`.
    id: String,
    pair: RsaKeyPair,
    public: ParsedPublicKey,
}

impl SigningKey {
    /// Draws a new key. Blocks for tens to hundreds of milliseconds, at times a second: two
    /// primes are searched. For the blocking pool.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn generate(created_at: Timestamp) -> Result<Self, SigningError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| SigningError::Generation)?;
        Self::from_pair(pair, created_at, None)
    }

    /// # Errors
    /// When the bytes are no RSA key.
    pub fn from_stored(stored: &StoredSigningKey) -> Result<Self, SigningError> {
        let pair = RsaKeyPair::from_pkcs8(stored.pkcs8.expose_secret())
            .map_err(|_| SigningError::MalformedKey)?;
        Self::from_pair(pair, stored.created_at, stored.retired_at)
    }

    fn from_pair(
        pair: RsaKeyPair,
        created_at: Timestamp,
        retired_at: Option<Timestamp>,
    ) -> Result<Self, SigningError> {
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
            .map_err(|_| SigningError::MalformedKey)?;
        let (modulus, exponent) = numbers(&pair);
        // RFC 7638, section 3: the required members in the order of their names, no white space.
        let members = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let thumbprint = digest::digest(&digest::SHA256, members.as_bytes());
        let thumbprint: [u8; 32] =
            thumbprint.as_ref().try_into().map_err(|_| SigningError::MalformedKey)?;
        let id = URL_SAFE_NO_PAD.encode(thumbprint);
        let keys = Arc::new(KeyMaterial { thumbprint, id, pair, public });
        Ok(Self { keys, created_at, retired_at })
    }

    /// What to keep of it.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn to_stored(&self) -> Result<StoredSigningKey, SigningError> {
        let der: Pkcs8V1Der<'_> =
            self.keys.pair.as_der().map_err(|_| SigningError::MalformedKey)?;
        Ok(StoredSigningKey {
            pkcs8: SecretSlice::from(der.as_ref().to_vec()),
            created_at: self.created_at,
            retired_at: self.retired_at,
        })
    }

    /// The `kid` of its tokens.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.keys.id
    }

    /// RFC 7638's SHA-256 of the public key, of which the `kid` is the text.
    #[must_use]
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.keys.thumbprint
    }

    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When another one took over; `None` while it signs.
    #[must_use]
    pub fn retired_at(&self) -> Option<Timestamp> {
        self.retired_at
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.keys.id)
    }
}

/// What a token turned out to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken<C> {
    pub claims: C,
    /// `iat`, if it has one.
    pub issued_at: Option<Timestamp>,
    /// `exp`. At this instant the token is no longer valid.
    pub expires_at: Timestamp,
}

/// The keys whose tokens are good. A value: rotating makes another ring, so that it can be kept
/// before anybody sees it. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct SigningRing {
    /// Newest first; the first one signs. Never empty.
    keys: Vec<SigningKey>,
    lifetime_max: Duration,
}

impl SigningRing {
    /// A ring of one key. `lifetime_max` is the longest life of any token it will sign.
    #[must_use]
    pub fn new(key: SigningKey, lifetime_max: Duration) -> Self {
        Self { keys: vec![key], lifetime_max }
    }

    /// The ring of all these keys, in any order.
    ///
    /// # Errors
    /// When there is no key.
    pub fn from_keys(
        mut keys: Vec<SigningKey>,
        lifetime_max: Duration,
    ) -> Result<Self, SigningError> {
        // The clock may have gone back between two rotations, so what signs is decided first.
        keys.sort_by_key(|key| {
            (key.retired_at.is_some(), std::cmp::Reverse((key.retired_at, key.created_at)))
        });
        if keys.is_empty() {
            return Err(SigningError::EmptyRing);
        }
        Ok(Self { keys, lifetime_max })
    }

    /// This ring with a new key that signs from now on. Former keys whose last token has expired
    /// are left out.
    #[must_use]
    pub fn rotated(&self, key: SigningKey, now: Timestamp) -> Self {
        let mut keys = vec![key];
        keys.extend(self.keys.iter().map(|former| {
            let retired_at = Some(former.retired_at.unwrap_or(now));
            SigningKey { retired_at, ..former.clone() }
        }));
        Self { keys, lifetime_max: self.lifetime_max }.pruned(now)
    }

    /// This ring without the former keys whose last token has expired.
    #[must_use]
    pub fn pruned(&self, now: Timestamp) -> Self {
        let keys = self.keys.iter().filter(|key| self.verifies(key, now)).cloned().collect();
        Self { keys, lifetime_max: self.lifetime_max }
    }

    /// This ring with the key that signs and no other: every token of a former key is refused.
    /// For a key that may have leaked; rotate first.
    #[must_use]
    pub fn without_former(&self) -> Self {
        let keys = self.keys.iter().take(1).cloned().collect();
        Self { keys, lifetime_max: self.lifetime_max }
    }

    /// Newest first.
    #[must_use]
    pub fn keys(&self) -> &[SigningKey] {
        &self.keys
    }

    fn verifies(&self, key: &SigningKey, now: Timestamp) -> bool {
        key.retired_at.is_none_or(|retired_at| now < retired_at.plus(self.lifetime_max))
    }

    /// A token with these claims, and with `iat` and `exp` from the two times in whole seconds.
    /// `claims` is a struct or map without those two. Takes about a millisecond.
    ///
    /// # Errors
    /// For claims that are no object, or a lifetime above the ring's.
    pub fn sign(
        &self,
        claims: &impl Serialize,
        issued_at: Timestamp,
        lifetime: Duration,
    ) -> Result<String, SigningError> {
        if lifetime > self.lifetime_max {
            let (lifetime_s, max_s) = (lifetime.as_secs(), self.lifetime_max.as_secs());
            return Err(SigningError::TooLong { lifetime_s, max_s });
        }
        let key = self.keys.first().ok_or(SigningError::EmptyRing)?;
        let header = Header { alg: ALGORITHM, typ: "JWT", kid: key.id() };
        let issued_at_s = issued_at.as_secs();
        let lifetime_s = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims =
            TimedClaims { claims, iat: issued_at_s, exp: issued_at_s.saturating_add(lifetime_s) };
        let mut token = encode_part(&header)?;
        token.push('.');
        token.push_str(&encode_part(&claims)?);
        let mut signature = vec![0; key.keys.pair.public_modulus_len()];
        key.keys
            .pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| SigningError::Signature)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }

    /// What a token says, if a key of this ring signed it and it is valid at `now`, to the
    /// second and without allowance for clocks that differ: it is this server's own clock. Takes
    /// tens of microseconds.
    ///
    /// # Errors
    /// See [`TokenError`]. The signature is judged before the claims, so what they say of a
    /// forged token is never looked at.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<VerifiedToken<C>, TokenError> {
        if token.len() > SIGNED_TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header = decode_part(header).ok_or(TokenError::Malformed)?;
        let header: ReadHeader =
            serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        // RFC 7515, section 4.1.11: an extension that is not understood makes a token invalid.
        if header.crit.is_some() || header.typ.is_some_and(|typ| typ != "JWT") {
            return Err(TokenError::Malformed);
        }
        if header.alg != ALGORITHM {
            return Err(TokenError::Algorithm);
        }
        let kid = header.kid.ok_or(TokenError::UnknownKey)?;
        let key = self.keys.iter().find(|key| key.id() == kid && self.verifies(key, now));
        let key = key.ok_or(TokenError::UnknownKey)?;
        // `payload` may hold no further `.`: base64url has none, so it would not decode.
        let signature = decode_part(signature).ok_or(TokenError::Malformed)?;
        let payload_json = decode_part(payload).ok_or(TokenError::Malformed)?;
        key.keys
            .public
            .verify_sig(signed.as_bytes(), &signature)
            .map_err(|_| TokenError::Signature)?;
        let times: ReadTimes =
            serde_json::from_slice(&payload_json).map_err(|_| TokenError::Claims)?;
        // RFC 7519, sections 4.1.4 and 4.1.5: `exp` is the first instant that is too late, `nbf`
        // the first that is not too early.
        if now.as_secs() >= times.exp {
            return Err(TokenError::Expired);
        }
        if times.nbf.is_some_and(|nbf| now.as_secs() < nbf) {
            return Err(TokenError::NotYetValid);
        }
        let claims = serde_json::from_slice(&payload_json).map_err(|_| TokenError::Claims)?;
        let at = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(1_000_000));
        Ok(VerifiedToken { claims, issued_at: times.iat.map(at), expires_at: at(times.exp) })
    }

    /// The public keys that verify today's tokens, the one that signs first.
    #[must_use]
    pub fn public_keys(&self, now: Timestamp) -> PublicKeySet {
        let keys = self.keys.iter().filter(|key| self.verifies(key, now)).map(|key| {
            let (modulus, exponent) = numbers(&key.keys.pair);
            PublicKey { id: key.id().to_owned(), modulus, exponent }
        });
        PublicKeySet { keys: keys.collect() }
    }
}

/// A JWK Set (RFC 7517) as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicKeySet {
    pub keys: Vec<PublicKey>,
}

/// One RSA public key for verifying signatures, as a JWK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The `kid` of its tokens.
    pub id: String,
    /// Big-endian, without leading zeros, in base64url.
    pub modulus: String,
    /// Big-endian, without leading zeros, in base64url.
    pub exponent: String,
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut members = serializer.serialize_struct("PublicKey", 6)?;
        members.serialize_field("kty", "RSA")?;
        members.serialize_field("use", "sig")?;
        members.serialize_field("alg", ALGORITHM)?;
        members.serialize_field("kid", &self.id)?;
        members.serialize_field("n", &self.modulus)?;
        members.serialize_field("e", &self.exponent)?;
        members.end()
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Serialize)]
struct TimedClaims<'a, C> {
    #[serde(flatten)]
    claims: &'a C,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct ReadHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct ReadTimes {
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
}

/// Modulus and public exponent in base64url.
fn numbers(pair: &RsaKeyPair) -> (String, String) {
    let public = pair.public_key();
    let modulus = public.modulus().big_endian_without_leading_zero();
    let exponent = public.exponent().big_endian_without_leading_zero();
    (URL_SAFE_NO_PAD.encode(modulus), URL_SAFE_NO_PAD.encode(exponent))
}

fn encode_part(part: &impl Serialize) -> Result<String, SigningError> {
    let json = serde_json::to_vec(part).map_err(|error| SigningError::Claims(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// Strict: no padding, no stray bits, so a token has one spelling.
fn decode_part(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::limits::{
        HANDLE_CHARS_MAX, KEY_SCOPES_MAX, SCOPE_CHARS_MAX, TOKEN_SUBJECT_CHARS_MAX,
    };
    use serde_json::{Value, json};
    use std::sync::LazyLock;

    const DAY: Duration = Duration::from_secs(86_400);
    const LIFETIME_MAX: Duration = Duration::from_secs(7 * 86_400);

    /// Generated once: each takes a while.
    static KEYS: LazyLock<[SigningKey; 3]> =
        LazyLock::new(|| [0, 1, 2].map(|day| SigningKey::generate(at_day(day)).unwrap()));

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Claims {
        org_id: String,
        roles: Vec<String>,
    }

    fn at_day(day: u64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000).plus(DAY * u32::try_from(day).unwrap())
    }

    fn seconds_after(start: Timestamp, seconds: u64) -> Timestamp {
        start.plus(Duration::from_secs(seconds))
    }

    fn claims() -> Claims {
        Claims { org_id: "org_1".to_owned(), roles: vec!["*".to_owned()] }
    }

    fn ring() -> SigningRing {
        SigningRing::new(KEYS[0].clone(), LIFETIME_MAX)
    }

    fn refused(ring: &SigningRing, token: &str, now: Timestamp) -> TokenError {
        ring.verify::<Value>(token, now).unwrap_err()
    }

    /// A token of these parts, rightly signed by the ring's newest key.
    fn signed(header: &Value, payload: &[u8]) -> String {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let mut token = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
        let mut signature = vec![0; 256];
        let pair = &KEYS[0].keys.pair;
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .unwrap();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        token
    }

    fn good_header() -> Value {
        json!({"alg": "RS256", "typ": "JWT", "kid": KEYS[0].id()})
    }

    #[test]
    fn a_token_says_what_was_signed_in_the_form_others_read() {
        let ring = ring();
        let token = ring.sign(&claims(), at_day(0), DAY).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let read = |part: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(read(parts[0]), good_header());
        let iat = at_day(0).as_secs();
        let payload = json!({"org_id": "org_1", "roles": ["*"], "iat": iat, "exp": iat + 86_400});
        assert_eq!(read(parts[1]), payload);
        let verified: VerifiedToken<Claims> = ring.verify(&token, at_day(0)).unwrap();
        assert_eq!(verified.claims, claims());
        assert_eq!(verified.issued_at, Some(at_day(0)));
        assert_eq!(verified.expires_at, at_day(1));
    }

    #[test]
    fn a_token_is_valid_up_to_its_last_second() {
        let ring = ring();
        let token = ring.sign(&claims(), at_day(0), DAY).unwrap();
        assert!(ring.verify::<Claims>(&token, seconds_after(at_day(0), 86_399)).is_ok());
        assert_eq!(refused(&ring, &token, seconds_after(at_day(0), 86_400)), TokenError::Expired);
        let payload = json!({"exp": at_day(2).as_secs(), "nbf": at_day(1).as_secs()}).to_string();
        let token = signed(&good_header(), payload.as_bytes());
        assert_eq!(refused(&ring, &token, at_day(0)), TokenError::NotYetValid);
        assert!(ring.verify::<Value>(&token, at_day(1)).is_ok());
    }

    #[test]
    fn a_token_with_all_the_scopes_of_a_key_and_long_names_is_read() {
        let roles: Vec<_> =
            (0..KEY_SCOPES_MAX).map(|at| format!("{at:0>SCOPE_CHARS_MAX$}")).collect();
        // Four bytes a character: the longest there are.
        let name = "\u{1f9e0}".repeat(TOKEN_SUBJECT_CHARS_MAX);
        let claims = json!({"org_id": "x".repeat(HANDLE_CHARS_MAX), "user_id": name,
            "session_id": name, "roles": roles});
        let ring = ring();
        let token = ring.sign(&claims, at_day(0), DAY).unwrap();
        assert!(token.len() > SIGNED_TOKEN_BYTES_MAX / 2, "{}", token.len());
        let verified: VerifiedToken<Value> = ring.verify(&token, at_day(0)).unwrap();
        assert_eq!(verified.claims["session_id"], claims["session_id"]);
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let ring = ring();
        let token = ring.sign(&claims(), at_day(0), DAY).unwrap();
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(ring.verify::<Value>(&forged, at_day(0)).is_err(), "character {at}");
        }
        for forged in ["", ".", "..", "...", "a.b.c", &token[1..], &format!("{token}=")] {
            assert_eq!(refused(&ring, forged, at_day(0)), TokenError::Malformed, "{forged:?}");
        }
        let long = "A".repeat(SIGNED_TOKEN_BYTES_MAX + 1);
        assert_eq!(refused(&ring, &long, at_day(0)), TokenError::Malformed);
    }

    #[test]
    fn the_header_chooses_neither_algorithm_nor_extensions() {
        let ring = ring();
        let payload = json!({"exp": at_day(1).as_secs()}).to_string();
        let check = |header: Value, error: TokenError| {
            let token = signed(&header, payload.as_bytes());
            assert_eq!(refused(&ring, &token, at_day(0)), error, "{header}");
        };
        let kid = KEYS[0].id();
        for alg in ["none", "None", "HS256", "RS512", "PS256", "rs256", ""] {
            check(json!({"alg": alg, "typ": "JWT", "kid": kid}), TokenError::Algorithm);
        }
        check(json!({"typ": "JWT", "kid": kid}), TokenError::Malformed);
        check(json!({"alg": "RS256", "typ": "JWE", "kid": kid}), TokenError::Malformed);
        check(json!({"alg": "RS256", "kid": kid, "crit": ["exp"]}), TokenError::Malformed);
        check(json!({"alg": "RS256"}), TokenError::UnknownKey);
        check(json!({"alg": "RS256", "kid": KEYS[1].id()}), TokenError::UnknownKey);
        check(json!([]), TokenError::Malformed);
        assert!(
            ring.verify::<Value>(&signed(&good_header(), payload.as_bytes()), at_day(0)).is_ok()
        );

        // The public key is no HMAC key here: an unsigned token has no signature to verify.
        let token = signed(&good_header(), payload.as_bytes());
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(refused(&ring, &unsigned, at_day(0)), TokenError::Signature);
    }

    #[test]
    fn claims_of_another_form_are_refused() {
        let ring = ring();
        let check = |payload: &str| {
            let token = signed(&good_header(), payload.as_bytes());
            let error = ring.verify::<Claims>(&token, at_day(0)).unwrap_err();
            assert_eq!(error, TokenError::Claims, "{payload}");
        };
        check("{}");
        check("[]");
        check("not json");
        check(r#"{"org_id":"a","roles":[]}"#);
        check(r#"{"org_id":"a","roles":[],"exp":"9999999999"}"#);
        check(r#"{"org_id":"a","roles":[],"exp":9999999999.5}"#);
        check(r#"{"org_id":"a","roles":[],"exp":9999999999,"exp":9999999998}"#);
        check(r#"{"org_id":7,"roles":[],"exp":9999999999}"#);
        assert_eq!(
            ring.sign(&"text", at_day(0), DAY).unwrap_err().kind(),
            ErrorKind::Internal,
            "claims must be an object"
        );
    }

    #[test]
    fn no_token_outlives_the_time_that_its_key_is_kept() {
        let ring = ring();
        let longest = ring.sign(&claims(), at_day(0), LIFETIME_MAX).unwrap();
        assert!(ring.verify::<Claims>(&longest, seconds_after(at_day(0), 604_799)).is_ok());
        let error = ring.sign(&claims(), at_day(0), LIFETIME_MAX + DAY).unwrap_err();
        assert_eq!(error, SigningError::TooLong { lifetime_s: 691_200, max_s: 604_800 });
    }

    #[test]
    fn after_a_rotation_old_tokens_live_on_and_new_ones_have_the_new_key() {
        let first = ring();
        let old = first.sign(&claims(), at_day(1), LIFETIME_MAX).unwrap();
        let second = first.rotated(KEYS[1].clone(), at_day(1));
        let new = second.sign(&claims(), at_day(1), DAY).unwrap();
        assert!(second.verify::<Claims>(&old, at_day(1)).is_ok());
        assert!(second.verify::<Claims>(&new, at_day(1)).is_ok());
        assert_eq!(refused(&first, &new, at_day(1)), TokenError::UnknownKey);
        assert_eq!(second.public_keys(at_day(1)).keys.len(), 2);
        assert_eq!(second.keys()[1].retired_at(), Some(at_day(1)));

        // Seven days on, the former key's last token is dead, and so is the key.
        assert!(second.verify::<Claims>(&old, seconds_after(at_day(7), 86_399)).is_ok());
        assert_eq!(refused(&second, &old, at_day(8)), TokenError::UnknownKey);
        let third = second.rotated(KEYS[2].clone(), at_day(8));
        let ids: Vec<_> = third.keys().iter().map(SigningKey::id).collect();
        assert_eq!(ids, [KEYS[2].id(), KEYS[1].id()]);
        assert_eq!(third.public_keys(at_day(8)).keys.len(), 2);
        assert_eq!(third.without_former().keys().len(), 1);
    }

    #[test]
    fn a_leaked_key_can_be_dropped_at_once() {
        let leaked = ring().sign(&claims(), at_day(1), DAY).unwrap();
        let ring = ring().rotated(KEYS[1].clone(), at_day(1)).without_former();
        assert_eq!(refused(&ring, &leaked, at_day(1)), TokenError::UnknownKey);
    }

    #[test]
    fn a_stored_ring_is_the_same_ring() {
        let ring = ring().rotated(KEYS[1].clone(), at_day(1)).rotated(KEYS[2].clone(), at_day(2));
        let tokens = [
            super::SigningRing::new(KEYS[0].clone(), LIFETIME_MAX)
                .sign(&claims(), at_day(0), LIFETIME_MAX)
                .unwrap(),
            ring.sign(&claims(), at_day(2), DAY).unwrap(),
        ];
        let mut stored: Vec<_> = ring.keys().iter().map(|key| key.to_stored().unwrap()).collect();
        stored.reverse();
        let keys = stored.iter().map(|key| SigningKey::from_stored(key).unwrap()).collect();
        let again = SigningRing::from_keys(keys, LIFETIME_MAX).unwrap();
        assert_eq!(again.public_keys(at_day(2)), ring.public_keys(at_day(2)));
        for token in &tokens {
            assert!(again.verify::<Claims>(token, at_day(2)).is_ok());
        }
        assert_eq!(
            again.sign(&claims(), at_day(2), DAY),
            ring.sign(&claims(), at_day(2), DAY),
            "this kind of signature is deterministic"
        );
        let malformed = StoredSigningKey { pkcs8: vec![1, 2, 3].into(), ..stored[0].clone() };
        assert_eq!(SigningKey::from_stored(&malformed).unwrap_err(), SigningError::MalformedKey);
        assert!(SigningRing::from_keys(Vec::new(), LIFETIME_MAX).is_err());
    }

    #[test]
    fn the_public_document_verifies_a_token_by_itself_and_shows_nothing_private() {
        let ring = ring();
        let token = ring.sign(&claims(), at_day(0), DAY).unwrap();
        let document = serde_json::to_value(ring.public_keys(at_day(0))).unwrap();
        let key = document["keys"][0].as_object().unwrap();
        let names: Vec<_> = key.keys().map(String::as_str).collect();
        assert_eq!(names.len(), 6, "{names:?}");
        assert_eq!((key["kty"].as_str(), key["use"].as_str()), (Some("RSA"), Some("sig")));
        assert_eq!((key["alg"].as_str(), key["e"].as_str()), (Some("RS256"), Some("AQAB")));
        assert_eq!(key["kid"].as_str(), Some(KEYS[0].id()));
        let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        assert_eq!(number("n").len(), 256);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        aws_lc_rs::signature::RsaPublicKeyComponents { n: number("n"), e: number("e") }
            .verify(
                &RSA_PKCS1_2048_8192_SHA256,
                signed.as_bytes(),
                &URL_SAFE_NO_PAD.decode(signature).unwrap(),
            )
            .unwrap();
    }

    #[test]
    fn keys_never_show_in_debug_output() {
        let stored = KEYS[0].to_stored().unwrap();
        let shown = format!("{:?} {:?}", ring(), stored);
        let bytes = format!("{:?}", stored.pkcs8.expose_secret());
        assert!(shown.contains(KEYS[0].id()) && shown.len() < 400, "{shown}");
        assert!(!shown.contains(&bytes[1..20]));
    }
}
