//! The day's counts and the limit on atoms, and replies kept for idempotency keys.

use std::time::Duration;

use super::{Bench, atom};
use crate::engine::atom::WriteDecision;
use crate::engine::prepared::PreparedAtom;
use crate::storage::Store;
use crate::tenant::TenantError;
use crate::types::{Clock, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);

fn bench_at(time: &str) -> Bench {
    let bench = Bench::new();
    let micros = Timestamp::parse(time).unwrap().as_micros() - bench.clock.now().as_micros();
    bench.clock.advance(Duration::from_micros(u64::try_from(micros).unwrap()));
    bench
}

#[test]
fn a_day_s_questions_begin_anew_at_midnight_utc_and_survive_reopening() {
    let mut bench = bench_at("2026-03-01T22:30:00Z");
    for _ in 0..3 {
        bench.tenant.spend_queries(1, 3).unwrap();
    }
    bench.store.flush().unwrap();
    bench.reopen();
    let refused = bench.tenant.spend_queries(1, 3).unwrap_err();
    let midnight = Timestamp::parse("2026-03-02T00:00:00Z").unwrap();
    assert!(
        matches!(refused, TenantError::DailyLimit { used: 3, limit: 3, until } if until == midnight),
        "{refused}"
    );
    bench.clock.advance(HOUR);
    assert!(bench.tenant.spend_queries(1, 3).is_err(), "23:30 is still the same day");
    bench.clock.advance(HOUR);
    bench.tenant.spend_queries(3, 3).unwrap();
    assert!(bench.tenant.spend_queries(1, 3).is_err());
}

#[test]
fn a_tenant_that_was_closed_at_midnight_begins_its_day_when_it_is_used() {
    let mut bench = bench_at("2026-03-01T23:59:00Z");
    bench.tenant.spend_queries(2, 2).unwrap();
    bench.clock.advance(HOUR);
    bench.reopen();
    bench.tenant.spend_queries(2, 2).unwrap();
    assert!(bench.tenant.spend_queries(1, 2).is_err());
}

#[test]
fn beginning_the_day_twice_changes_nothing_and_what_does_not_fit_counts_nothing() {
    let mut bench = bench_at("2026-03-01T23:59:00Z");
    bench.tenant.spend_queries(4, 5).unwrap();
    assert!(bench.tenant.spend_queries(2, 5).is_err());
    bench.tenant.spend_queries(1, 5).unwrap();
    bench.clock.advance(HOUR);
    bench.tenant.begin_day().unwrap();
    bench.tenant.spend_queries(4, 5).unwrap();
    bench.tenant.begin_day().unwrap();
    assert!(bench.tenant.spend_queries(2, 5).is_err());
}

#[test]
fn the_last_atom_that_fits_is_stored_and_the_next_is_not() {
    let mut bench = Bench::new();
    bench.write_one(atom("one", "a"));
    let mut pending = bench.tenant.begin(Some(2));
    let mut decide = |content: &str| {
        let outcome =
            bench.tenant.store(&mut pending, PreparedAtom::new(atom(content, "a"), None))?;
        Ok::<_, TenantError>(outcome.decision)
    };
    assert_eq!(decide("one").unwrap(), WriteDecision::Refused, "a repetition needs no room");
    assert_eq!(decide("two").unwrap(), WriteDecision::Stored);
    assert_eq!(decide("three").unwrap(), WriteDecision::OverLimit);
    bench.tenant.commit(pending).unwrap();
    assert_eq!(bench.tenant.stats().total_atoms, 2);

    let mut pending = bench.tenant.begin(Some(2));
    let refused =
        bench.tenant.store(&mut pending, PreparedAtom::new(atom("three", "a"), None)).unwrap_err();
    assert!(matches!(refused, TenantError::AtomLimit { limit: 2 }), "{refused}");
    assert!(!bench.tenant.is_poisoned(), "a refusal harms nothing");
}

#[test]
fn a_kept_reply_is_given_for_a_day_also_after_reopening() {
    let mut bench = Bench::new();
    let mut pending = bench.tenant.begin(None);
    let outcome =
        bench.tenant.store(&mut pending, PreparedAtom::new(atom("one", "a"), None)).unwrap();
    bench.tenant.keep_reply(&mut pending, "key", std::slice::from_ref(&outcome)).unwrap();
    bench.tenant.commit(pending).unwrap();
    bench.store.flush().unwrap();
    bench.reopen();
    assert_eq!(bench.tenant.kept_reply("key").unwrap(), Some(vec![outcome]));
    assert_eq!(bench.tenant.kept_reply("another").unwrap(), None);
    bench.clock.advance(24 * HOUR);
    assert_eq!(bench.tenant.kept_reply("key").unwrap(), None);
    bench.tenant.begin_day().unwrap();
    assert!(bench.tenant.replies.is_empty());
}
