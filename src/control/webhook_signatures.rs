//! Signatures of webhooks that come in: what a delivery's headers prove of its raw bytes, by the
//! schemes that providers publish. Knows secrets only as arguments, and nothing of who has them.
//!
//! Invariants: signatures are compared in constant time, each of a delivery that carries several;
//! a proof that is malformed, or made too long before or after now, never reaches a secret.

use aws_lc_rs::hmac;
use subtle::{Choice, ConstantTimeEq};

use crate::types::Timestamp;

/// Seconds that a signed time may lie before or after ours: what Stripe's and Slack's own
/// libraries accept of the past, here of a clock that is ahead too.
const TOLERANCE_S: u64 = 300;
/// Digits of a signed time in seconds. Enough for 30,000 years.
const SECONDS_DIGITS_MAX: usize = 12;
/// Signatures of one delivery. While a secret is replaced there are two.
const SIGNATURES_MAX: usize = 8;
const SIGNATURE_BYTES: usize = 32;

/// What is signed, and how the signature is written. All are HMAC-SHA256 in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureScheme {
    /// `t=<seconds>,v1=<digits>` over the time, a dot and the body, with one or more `v1`. Others,
    /// such as `v0` of test events, prove nothing.
    Stripe,
    /// `v0=<digits>` over `v0`, the time that a header of its own gives, and the body, with colons
    /// between.
    Slack,
    /// `sha256=<digits>` over the body alone: GitHub's. It says nothing of when it was made.
    Body,
}

/// A proof that is well formed and not stale. Whose secret made it remains to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookProof {
    /// One of them must be right.
    signatures: Vec<[u8; SIGNATURE_BYTES]>,
    /// Signed before the body.
    preamble: Vec<u8>,
}

impl WebhookProof {
    /// Reads the signature's header and, for schemes that have one, the header of the time.
    /// `None` when either is missing, malformed, or of another time than `now`.
    #[must_use]
    pub fn parse(
        scheme: SignatureScheme,
        signature: &str,
        timestamp: Option<&str>,
        now: Timestamp,
    ) -> Option<Self> {
        match scheme {
            SignatureScheme::Stripe => Self::parse_stripe(signature, now),
            SignatureScheme::Slack => {
                let signatures = vec![signature_in(signature.trim().strip_prefix("v0=")?)?];
                let seconds = fresh(timestamp?.trim(), now)?;
                Some(Self { signatures, preamble: format!("v0:{seconds}:").into_bytes() })
            }
            SignatureScheme::Body => {
                let signatures = vec![signature_in(signature.trim().strip_prefix("sha256=")?)?];
                Some(Self { signatures, preamble: Vec::new() })
            }
        }
    }

    fn parse_stripe(header: &str, now: Timestamp) -> Option<Self> {
        let mut seconds = None;
        let mut signatures = Vec::new();
        for part in header.split(',') {
            match part.trim().split_once('=')? {
                // Of two times only one could be the signed one.
                ("t", _) if seconds.is_some() => return None,
                ("t", value) => seconds = Some(fresh(value, now)?),
                ("v1", _) if signatures.len() == SIGNATURES_MAX => return None,
                ("v1", value) => signatures.push(signature_in(value)?),
                _ => {}
            }
        }
        let preamble = format!("{}.", seconds?).into_bytes();
        (!signatures.is_empty()).then_some(Self { signatures, preamble })
    }

    /// Tells a delivery from others where it has no id of its own: with a scheme that signs the body
    /// alone the same for the same body. `None` with others, where a repetition is signed anew.
    #[must_use]
    pub fn delivery_id(&self) -> Option<String> {
        let signature = self.signatures.first().filter(|_| self.preamble.is_empty())?;
        Some(blake3::Hash::from_bytes(*signature).to_hex().to_string())
    }

    /// Whether this secret made the proof for exactly these bytes. Costs one HMAC over the body.
    #[must_use]
    pub fn is_made_with(&self, secret: &[u8], body: &[u8]) -> bool {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
        context.update(&self.preamble);
        context.update(body);
        let expected = context.sign();
        let mut is_right = Choice::from(0);
        for signature in &self.signatures {
            is_right |= signature.as_slice().ct_eq(expected.as_ref());
        }
        is_right.into()
    }
}

/// The digits of a time in seconds, if it is near to now.
fn fresh(digits: &str, now: Timestamp) -> Option<&str> {
    let is_number = (1..=SECONDS_DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let seconds: i64 = digits.parse().ok()?;
    (seconds.abs_diff(now.as_secs()) <= TOLERANCE_S).then_some(digits)
}

/// The bytes behind 64 hexadecimal digits of either case.
fn signature_in(digits: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let digits: &[u8; SIGNATURE_BYTES * 2] = digits.as_bytes().try_into().ok()?;
    let mut signature = [0; SIGNATURE_BYTES];
    for (byte, pair) in signature.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let digit = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(digit).ok()?;
        }
    }
    Some(signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made with Stripe's own library for Python, which verifies it too.
    const STRIPE_SECRET: &[u8] = b"whsec_test_0123456789abcdef";
    const STRIPE_BODY: &[u8] = br#"{"id":"evt_1NG8Du2eZvKYlo2CUI79vXWy","object":"event","created":1686089970,"type":"invoice.paid","data":{"object":{"customer":"cus_9s6XKzkNRiz8i3"}}}"#;
    const STRIPE_TIME: i64 = 1_686_089_971;
    const STRIPE_SIGNATURE: &str =
        "e3f990f05270475d352d21780b072e06d4d43c920c2ad6548ed6c9581c4c2f62";

    /// From GitHub's page on validating deliveries.
    const GITHUB_SECRET: &[u8] = b"It's a Secret to Everybody";
    const GITHUB_BODY: &[u8] = b"Hello, World!";
    const GITHUB_SIGNATURE: &str =
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    /// From Slack's page on verifying requests.
    const SLACK_SECRET: &[u8] = b"8f742231b10e8888abcd99yyyzzz85a5";
    const SLACK_BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SLACK_TIME: i64 = 1_531_420_618;
    const SLACK_SIGNATURE: &str =
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn stripe(header: &str, seconds: i64) -> Option<WebhookProof> {
        WebhookProof::parse(SignatureScheme::Stripe, header, None, at(seconds))
    }

    fn slack(signature: &str, timestamp: Option<&str>, seconds: i64) -> Option<WebhookProof> {
        WebhookProof::parse(SignatureScheme::Slack, signature, timestamp, at(seconds))
    }

    fn body(signature: &str) -> Option<WebhookProof> {
        WebhookProof::parse(SignatureScheme::Body, signature, None, at(0))
    }

    #[test]
    fn the_published_examples_of_github_and_slack_verify() {
        let github = body(GITHUB_SIGNATURE).unwrap();
        assert!(github.is_made_with(GITHUB_SECRET, GITHUB_BODY));
        let slack = slack(SLACK_SIGNATURE, Some("1531420618"), SLACK_TIME + 5).unwrap();
        assert!(slack.is_made_with(SLACK_SECRET, SLACK_BODY));
    }

    #[test]
    fn what_stripe_s_library_signed_verifies_among_other_signatures_too() {
        let (sig, zeros) = (STRIPE_SIGNATURE, "0".repeat(64));
        for header in [
            format!("t={STRIPE_TIME},v1={sig}"),
            format!("t={STRIPE_TIME},v1={},v0=whatever", sig.to_uppercase()),
            format!("t={STRIPE_TIME},v1={zeros},v1={sig}"),
            format!("v1={sig}, v1={zeros}, t={STRIPE_TIME}"),
        ] {
            let proof = stripe(&header, STRIPE_TIME).unwrap();
            assert!(proof.is_made_with(STRIPE_SECRET, STRIPE_BODY), "{header}");
        }
        for header in
            [format!("t={STRIPE_TIME},v1={zeros}"), format!("t={STRIPE_TIME},v1={zeros},v0={sig}")]
        {
            let proof = stripe(&header, STRIPE_TIME).unwrap();
            assert!(!proof.is_made_with(STRIPE_SECRET, STRIPE_BODY), "{header}");
        }
    }

    #[test]
    fn a_proof_of_the_body_alone_tells_deliveries_apart() {
        let upper = GITHUB_SIGNATURE.to_uppercase().replace("SHA256", "sha256");
        let id = body(GITHUB_SIGNATURE).unwrap().delivery_id();
        assert_eq!(id.as_deref(), GITHUB_SIGNATURE.strip_prefix("sha256="));
        assert_eq!(body(&upper).unwrap().delivery_id(), id);
        assert_eq!(
            slack(SLACK_SIGNATURE, Some("1531420618"), SLACK_TIME).unwrap().delivery_id(),
            None
        );
        let header = format!("t={STRIPE_TIME},v1={STRIPE_SIGNATURE}");
        assert_eq!(stripe(&header, STRIPE_TIME).unwrap().delivery_id(), None);
    }

    #[test]
    fn another_secret_body_or_time_does_not_verify() {
        let github = body(GITHUB_SIGNATURE).unwrap();
        assert!(!github.is_made_with(b"It's a Secret to Somebody", GITHUB_BODY));
        assert!(!github.is_made_with(GITHUB_SECRET, b"Hello, World"));
        let header = format!("t={},v1={STRIPE_SIGNATURE}", STRIPE_TIME + 1);
        let later = stripe(&header, STRIPE_TIME).unwrap();
        assert!(!later.is_made_with(STRIPE_SECRET, STRIPE_BODY));
        let later = slack(SLACK_SIGNATURE, Some("1531420619"), SLACK_TIME).unwrap();
        assert!(!later.is_made_with(SLACK_SECRET, SLACK_BODY));
        let mut tampered = STRIPE_BODY.to_vec();
        *tampered.last_mut().unwrap() = b' ';
        let header = format!("t={STRIPE_TIME},v1={STRIPE_SIGNATURE}");
        assert!(!stripe(&header, STRIPE_TIME).unwrap().is_made_with(STRIPE_SECRET, &tampered));
    }

    #[test]
    fn every_changed_digit_of_a_signature_is_noticed() {
        for place in 0..64 {
            let mut digits = STRIPE_SIGNATURE.as_bytes().to_vec();
            digits[place] = if digits[place] == b'0' { b'1' } else { b'0' };
            let header = format!("t={STRIPE_TIME},v1={}", String::from_utf8(digits).unwrap());
            let proof = stripe(&header, STRIPE_TIME).unwrap();
            assert!(!proof.is_made_with(STRIPE_SECRET, STRIPE_BODY), "{header}");
        }
    }

    #[test]
    fn five_minutes_before_and_after_are_tolerated_and_not_a_second_more() {
        let header = format!("t={STRIPE_TIME},v1={STRIPE_SIGNATURE}");
        let time = SLACK_TIME.to_string();
        for (away, is_fresh) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)]
        {
            assert_eq!(stripe(&header, STRIPE_TIME + away).is_some(), is_fresh, "{away}");
            let proof = slack(SLACK_SIGNATURE, Some(&time), SLACK_TIME + away);
            assert_eq!(proof.is_some(), is_fresh, "{away}");
        }
        assert!(stripe(&header, STRIPE_TIME + 600).is_none(), "ten minutes old");
    }

    #[test]
    fn a_malformed_proof_is_none() {
        let sig = STRIPE_SIGNATURE;
        let many = format!("v1={sig},").repeat(SIGNATURES_MAX + 1);
        for header in [
            String::new(),
            format!("v1={sig}"),
            format!("t={STRIPE_TIME}"),
            format!("t={STRIPE_TIME},v0={sig}"),
            format!("t={STRIPE_TIME},v1={}", &sig[1..]),
            format!("t={STRIPE_TIME},v1={}g", &sig[1..]),
            format!("t={STRIPE_TIME},v1=\u{e9}{}", &sig[2..]),
            format!("t=+{STRIPE_TIME},v1={sig}"),
            format!("t=,v1={sig}"),
            format!("t={STRIPE_TIME},t={STRIPE_TIME},v1={sig}"),
            format!("t={},v1={sig}", "9".repeat(40)),
            format!("{many}t={STRIPE_TIME}"),
            format!("t={STRIPE_TIME};v1={sig}"),
            format!("sha256={sig}"),
        ] {
            assert_eq!(stripe(&header, STRIPE_TIME), None, "{header}");
        }
        for signature in ["", "sha256=", sig, &format!("sha1={sig}"), &format!("v0={sig}")] {
            assert_eq!(body(signature), None, "{signature}");
        }
        let time = SLACK_TIME.to_string();
        for (signature, timestamp) in [
            (SLACK_SIGNATURE, None),
            (SLACK_SIGNATURE, Some("")),
            (SLACK_SIGNATURE, Some("1531420618.0")),
            (SLACK_SIGNATURE, Some("-1531420618")),
            (&SLACK_SIGNATURE[3..], Some(time.as_str())),
            ("", Some(time.as_str())),
        ] {
            assert_eq!(slack(signature, timestamp, SLACK_TIME), None, "{signature} {timestamp:?}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(header: String, timestamp: Option<String>, now: i64) {
            let now = Timestamp::from_micros(now);
            for scheme in [SignatureScheme::Stripe, SignatureScheme::Slack, SignatureScheme::Body] {
                if let Some(proof) = WebhookProof::parse(scheme, &header, timestamp.as_deref(), now) {
                    prop_assert!(!proof.is_made_with(b"secret", b"body"));
                }
            }
        }
    }
}
