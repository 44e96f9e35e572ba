//! Ids as they are written: the prefix of their kind and 22 letters and digits, which spell a UUID of
//! version 7: nine digits in base 36 for its milliseconds and thirteen in base 62 for the rest. So
//! ids of one kind sort, byte by byte, as their UUIDs do, which is as they were created.

use uuid::Uuid;

use crate::api::extract::PathSegment;
use crate::types::RecordId;

use super::error::ApiError;

/// Characters behind the prefix.
pub(super) const BODY_CHARS: usize = TIME_DIGITS + REST_DIGITS;

const TIME_DIGITS: usize = 9;
const REST_DIGITS: usize = 13;
const TIME_BASE: u128 = 36;
const REST_BASE: u128 = 62;
/// In the order of their bytes. The first 36 of the lower-case spelling are those of base 36.
const DIGITS_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DIGITS_36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The kinds of things that have ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Prefix {
    Session,
    Message,
    MessageGroup,
    Content,
    Attachment,
    Event,
    Actor,
    Agent,
    Thread,
    File,
    FileLink,
    Organization,
    Project,
    Instance,
    ApiKey,
    MachineAccess,
    Request,
}

impl Prefix {
    #[cfg(test)]
    pub(super) const ALL: [Self; 17] = [
        Self::Session,
        Self::Message,
        Self::MessageGroup,
        Self::Content,
        Self::Attachment,
        Self::Event,
        Self::Actor,
        Self::Agent,
        Self::Thread,
        Self::File,
        Self::FileLink,
        Self::Organization,
        Self::Project,
        Self::Instance,
        Self::ApiKey,
        Self::MachineAccess,
        Self::Request,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "ses_",
            Self::Message => "msg_",
            Self::MessageGroup => "mgrp_",
            Self::Content => "cnt_",
            Self::Attachment => "att_",
            Self::Event => "sev_",
            Self::Actor => "act_",
            Self::Agent => "agent_",
            Self::Thread => "thread_",
            Self::File => "file_",
            Self::FileLink => "flk_",
            Self::Organization => "org_",
            Self::Project => "prj_",
            Self::Instance => "ins_",
            Self::ApiKey => "apk_",
            Self::MachineAccess => "mac_",
            Self::Request => "req_",
        }
    }

    /// What a missing one is called.
    pub(super) const fn entity(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Message | Self::Content | Self::MessageGroup => "session.message",
            Self::Attachment => "attachment",
            Self::Event => "session.event",
            Self::Actor => "actor",
            Self::Agent => "agent",
            Self::Thread => "thread",
            Self::File => "file",
            Self::FileLink => "file.file_link",
            Self::Organization => "organization",
            Self::Project => "organization.project",
            Self::Instance => "organization.instance",
            Self::ApiKey => "machine_access.api_key",
            Self::MachineAccess => "machine_access",
            Self::Request => "request",
        }
    }
}

/// Spells an id. One whose time lies beyond the year 5188 does not fit, and is longer.
pub(super) fn wire(prefix: Prefix, id: Uuid) -> String {
    format!("{}{}", prefix.as_str(), body(id))
}

/// As [`wire`], without the prefix.
pub(super) fn body(id: Uuid) -> String {
    let bits = id.as_u128();
    let milliseconds = bits >> 80;
    // Without the four bits of the version and the two of the variant.
    let rest = ((bits >> 64 & 0xfff) << 62) | (bits & (u128::from(u64::MAX) >> 2));
    let mut text = digits(milliseconds, DIGITS_36, TIME_DIGITS);
    text.push_str(&digits(rest, DIGITS_62, REST_DIGITS));
    text
}

/// The inverse of [`wire`]; `None` for whatever it does not write.
pub(super) fn parse(prefix: Prefix, text: &str) -> Option<Uuid> {
    parse_body(text.strip_prefix(prefix.as_str())?)
}

/// The inverse of [`body`].
pub(super) fn parse_body(text: &str) -> Option<Uuid> {
    if text.len() != BODY_CHARS {
        return None;
    }
    let (time, rest) = text.as_bytes().split_at_checked(TIME_DIGITS)?;
    let milliseconds = number(time, DIGITS_36, TIME_BASE)?;
    let rest = number(rest, DIGITS_62, REST_BASE)?;
    if milliseconds >> 48 != 0 || rest >> 74 != 0 {
        return None;
    }
    let version = 7 << 76;
    let variant = 0b10 << 62;
    let low = rest & (u128::from(u64::MAX) >> 2);
    Some(Uuid::from_u128(milliseconds << 80 | version | (rest >> 62) << 64 | variant | low))
}

pub(super) fn record(prefix: Prefix, text: &str) -> Option<RecordId> {
    parse(prefix, text).map(RecordId)
}

/// The record that a segment of the path names.
///
/// # Errors
/// 404 for what is no id of that kind.
pub(super) fn addressed(prefix: Prefix, segment: &PathSegment) -> Result<RecordId, ApiError> {
    let found = segment.text().and_then(|text| record(prefix, text));
    found.ok_or_else(|| ApiError::not_found(prefix.entity(), Some(&segment.shown())))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a remainder is smaller than the number of digits"
)]
fn digits(mut number: u128, digits: &[u8], count: usize) -> String {
    let base = digits.len() as u128;
    let mut backwards = Vec::with_capacity(count);
    while number > 0 || backwards.len() < count {
        let digit = digits.get((number % base) as usize).copied().unwrap_or(b'0');
        backwards.push(char::from(digit));
        number /= base;
    }
    backwards.into_iter().rev().collect()
}

fn number(text: &[u8], digits: &[u8], base: u128) -> Option<u128> {
    text.iter().try_fold(0, |number: u128, byte| {
        let digit = digits.iter().position(|digit| digit == byte)?;
        Some(number * base + digit as u128)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// What nine digits can say.
    const MILLISECONDS_MAX: u64 = 36_u64.pow(9);

    fn uuids() -> impl Strategy<Value = Uuid> {
        (0..MILLISECONDS_MAX, any::<[u8; 10]>()).prop_map(|(milliseconds, rest)| {
            uuid::Builder::from_unix_timestamp_millis(milliseconds, &rest).into_uuid()
        })
    }

    proptest! {
        #[test]
        fn an_id_is_read_as_it_was_written(id in uuids()) {
            for prefix in Prefix::ALL {
                let text = wire(prefix, id);
                prop_assert_eq!(text.len(), prefix.as_str().len() + BODY_CHARS);
                prop_assert_eq!(parse(prefix, &text), Some(id));
            }
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "[0-3][0-9a-z]{8}[0-5][0-9A-Za-z]{12}") {
            if let Some(id) = parse_body(&text) {
                prop_assert_eq!(id.get_version_num(), 7);
                prop_assert_eq!(body(id), text);
            }
        }

        #[test]
        fn the_order_of_bytes_is_that_of_the_uuids(one in uuids(), other in uuids()) {
            let (first, second) = (wire(Prefix::File, one), wire(Prefix::File, other));
            prop_assert_eq!(first.cmp(&second), one.cmp(&other));
        }
    }

    #[test]
    fn the_smallest_and_the_largest_have_all_their_digits() {
        let smallest = Uuid::from_u128(7 << 76 | 0b10 << 62);
        assert_eq!(wire(Prefix::Session, smallest), "ses_0000000000000000000000");
        let milliseconds = u128::from(MILLISECONDS_MAX - 1) << 80;
        let random = !(0xf << 76 | 0b11 << 62) & (u128::MAX >> 48);
        let largest = Uuid::from_u128(smallest.as_u128() | milliseconds | random);
        let text = wire(Prefix::Session, largest);
        assert!(text.starts_with("ses_zzzzzzzzz"), "{text}");
        assert_eq!(parse(Prefix::Session, &text), Some(largest));
    }

    #[test]
    fn anything_else_is_no_id() {
        let good = wire(Prefix::Session, Uuid::now_v7());
        assert!(parse(Prefix::Session, &good).is_some());
        let body = good.strip_prefix("ses_").unwrap().to_owned();
        for bad in [
            "",
            "ses_",
            "ses_abc",
            &body,
            &format!("SES_{body}"),
            &format!("file_{body}"),
            &format!("{good}0"),
            &format!(" {good}"),
            &good[..good.len() - 1],
            &format!("ses_{}", body.to_uppercase()),
            "ses_zzzzzzzzzzzzzzzzzzzzzz",
            "ses_000000000000000000000\u{e9}",
            "ses_00000000-0000000000000",
        ] {
            assert_eq!(parse(Prefix::Session, bad), None, "{bad}");
        }
    }

    #[test]
    fn no_two_kinds_have_one_prefix() {
        let prefixes: HashSet<&str> = Prefix::ALL.iter().map(|prefix| prefix.as_str()).collect();
        assert_eq!(prefixes.len(), Prefix::ALL.len());
    }
}
