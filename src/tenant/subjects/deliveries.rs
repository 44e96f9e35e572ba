//! Deliveries that were taken, so that the same one sent again is not taken twice. They are known by
//! prints alone, and outlive what they brought: a delivery of a forgotten subject that comes again
//! brings nothing back.

use std::collections::BTreeSet;
use std::time::Duration;

use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::engine::fingerprint::Fingerprint;
use crate::storage::keys::{self, Kind};
use crate::storage::records::{DeliveryRecord, Id};
use crate::storage::{AtomicBatch, encode};
use crate::tenant::open::damaged;
use crate::tenant::store::Pending;
use crate::tenant::{Tenant, TenantError};
use crate::types::Timestamp;

/// How long a delivery is known: longer than any provider goes on sending one.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Deliveries known at once; the oldest make room.
const KEPT_MAX: usize = 50_000;

/// Removed with one that comes.
const REMOVED_AT_ONCE: usize = 8;

#[derive(Debug, Default)]
pub(in crate::tenant) struct Deliveries {
    taken: FxHashMap<Fingerprint, (Uuid, Timestamp)>,
    by_age: BTreeSet<(Timestamp, [u8; 16])>,
}

impl Deliveries {
    fn insert(&mut self, print: Fingerprint, resource: Uuid, taken_at: Timestamp) {
        self.taken.insert(print, (resource, taken_at));
        self.by_age.insert((taken_at, print.0));
    }

    fn remove(&mut self, taken_at: Timestamp, print: [u8; 16]) {
        self.taken.remove(&Fingerprint(print));
        self.by_age.remove(&(taken_at, print));
    }

    /// The oldest of those that are too old, or too many.
    fn outdated(&self, now: Timestamp) -> Vec<(Timestamp, [u8; 16])> {
        let surplus = self.taken.len().saturating_sub(KEPT_MAX);
        let oldest = self.by_age.iter().enumerate();
        let outdated =
            oldest.take_while(|(at, (taken_at, _))| *at < surplus || taken_at.plus(KEPT_FOR) < now);
        outdated.map(|(_, known)| *known).take(REMOVED_AT_ONCE).collect()
    }
}

/// What a delivery of a source is known by.
fn print_of(source: &str, delivery: &str) -> Fingerprint {
    Fingerprint::of_opaque(&format!("{}:{source}:{delivery}", source.len()))
}

impl Tenant {
    /// What became of a delivery that was taken before.
    pub(super) fn taken_delivery(&self, source: &str, delivery: &str) -> Option<Uuid> {
        let taken = self.subjects.deliveries.taken.get(&print_of(source, delivery));
        taken.map(|(resource, _)| *resource)
    }

    pub(super) fn take_delivery(
        &mut self,
        pending: &mut Pending,
        (source, delivery): (&str, &str),
        resource: Uuid,
    ) -> Result<(), TenantError> {
        let now = self.clock.now();
        let print = print_of(source, delivery);
        let record =
            DeliveryRecord { resource: Id(*resource.as_bytes()), taken_at_us: now.as_micros() };
        pending.batch.put(self.delivery_key(&print.0), encode(&record)?);
        self.subjects.deliveries.insert(print, resource, now);
        self.drop_old_deliveries(&mut pending.batch, now);
        Ok(())
    }

    fn drop_old_deliveries(&mut self, batch: &mut AtomicBatch, now: Timestamp) {
        for (taken_at, print) in self.subjects.deliveries.outdated(now) {
            batch.delete(self.delivery_key(&print));
            self.subjects.deliveries.remove(taken_at, print);
        }
    }

    fn delivery_key(&self, print: &[u8; 16]) -> Vec<u8> {
        keys::by_print(self.no, Kind::Delivery, print)
    }

    pub(super) fn load_deliveries(&mut self) -> Result<(), TenantError> {
        let mut deliveries = Deliveries::default();
        self.visit(Kind::Delivery, |key, record: DeliveryRecord| {
            let print = keys::print_in(key).ok_or_else(|| damaged("a delivery's key"))?;
            let taken_at = Timestamp::from_micros(record.taken_at_us);
            deliveries.insert(Fingerprint(print), Uuid::from_bytes(record.resource.0), taken_at);
            Ok(())
        })?;
        self.subjects.deliveries = deliveries;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_deliveries_make_room() {
        let mut deliveries = Deliveries::default();
        let at = |index: usize| Timestamp::from_micros(i64::try_from(index).unwrap());
        for index in 0..KEPT_MAX + 3 {
            deliveries.insert(print_of("stripe", &index.to_string()), Uuid::nil(), at(index));
        }
        let outdated: Vec<_> = deliveries.outdated(at(0)).into_iter().map(|(at, _)| at).collect();
        assert_eq!(outdated, [at(0), at(1), at(2)]);
        let later = at(KEPT_MAX).plus(KEPT_FOR);
        assert_eq!(deliveries.outdated(later).len(), REMOVED_AT_ONCE);
    }

    #[test]
    fn a_source_s_deliveries_are_its_own() {
        assert_ne!(print_of("a", "b:c"), print_of("a:b", "c"));
    }
}
