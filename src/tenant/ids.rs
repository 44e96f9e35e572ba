//! Atom ids: UUID version 7 whose upper random bits carry the atom number, so that ids sort as
//! atoms were created, and an id still says where it stood after its atom is gone.

use rand::Rng;
use uuid::{Builder, Uuid};

use crate::types::{AtomId, AtomNo, Timestamp};

/// Bits of an id that hold the atom number: 4.4 trillion atoms a tenant.
const NUMBER_BITS: u32 = 42;

pub(super) fn make(created_at: Timestamp, no: AtomNo, rng: &mut impl Rng) -> AtomId {
    let millis = u64::try_from(created_at.as_millis()).unwrap_or(0);
    let number = no.0 & ((1 << NUMBER_BITS) - 1);
    // Version 7 has 12 random bits before the variant and 62 after it (RFC 9562, section 5.7).
    let high = (number >> 30) & 0xfff;
    let low = ((number & 0x3fff_ffff) << 32) | u64::from(rng.next_u32());
    let mut random = [0_u8; 10];
    let bits = (u128::from(high) << 64) | u128::from(low);
    for (to, from) in random.iter_mut().zip(bits.to_be_bytes().iter().skip(6)) {
        *to = *from;
    }
    AtomId(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// The atom number inside an id made by [`make`]; any number for another id.
pub(super) fn number_in(id: AtomId) -> AtomNo {
    let bits = Uuid::as_u128(&id.0);
    let high = u64::try_from((bits >> 64) & 0xfff).unwrap_or(0);
    let low = u64::try_from((bits >> 32) & 0x3fff_ffff).unwrap_or(0);
    AtomNo((high << 30) | low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    proptest! {
        #[test]
        fn ids_sort_as_created_and_remember_their_number(
            seed: u64, micros in 0_i64..4_000_000_000_000_000, step in 0_i64..10_000_000,
            no in 0_u64..(1 << 41),
        ) {
            let mut rng = SmallRng::seed_from_u64(seed);
            let first = make(Timestamp::from_micros(micros), AtomNo(no), &mut rng);
            let second = make(Timestamp::from_micros(micros + step), AtomNo(no + 1), &mut rng);
            prop_assert!(first < second);
            prop_assert_eq!(number_in(first), AtomNo(no));
            prop_assert_eq!(first.0.get_version_num(), 7);
            prop_assert_eq!(first.0.get_variant(), uuid::Variant::RFC4122);
        }
    }
}
