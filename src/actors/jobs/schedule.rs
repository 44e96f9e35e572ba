//! Which tenant's jobs are looked at next: pure, over times it is given. Who asked first comes first
//! and then goes to the end of the line, so one with many jobs does not keep out the others.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::engine::jobs::JobsOverview;
use crate::types::limits::WEBHOOKS_MAX;
use crate::types::{TenantId, Timestamp};

/// Before a tenant that could not be reached is tried again; doubles with each further time.
const UNREACHABLE_PAUSE: Duration = Duration::from_secs(1);
const UNREACHABLE_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Workers that may wait for others at one time, in all and for each tenant, beside those that
/// work. Each costs a task and a connection; further ones are counted as working.
const WAITERS_MAX: usize = 256;
const WAITERS_PER_TENANT: usize = WEBHOOKS_MAX;

/// A place in the line: by time, then by turn.
type Place = (Timestamp, u64);

#[derive(Default)]
struct Known {
    look_at: Option<Place>,
    /// A look became due while no more of its workers were allowed.
    again: bool,
    workers: usize,
    /// Workers that wait for others, not counted in `workers`.
    waiters: usize,
    /// Times in a row that it could not be reached.
    failures: u32,
    waiting: usize,
    dead: usize,
}

pub(super) struct Schedule {
    workers_max: usize,
    workers_per_tenant: usize,
    workers: usize,
    waiters: usize,
    tenants: HashMap<TenantId, Known>,
    looks: BTreeMap<Place, TenantId>,
    next_turn: u64,
}

impl Schedule {
    pub(super) fn new(workers_max: usize, workers_per_tenant: usize) -> Self {
        Self {
            workers_max,
            workers_per_tenant,
            workers: 0,
            waiters: 0,
            tenants: HashMap::new(),
            looks: BTreeMap::new(),
            next_turn: 0,
        }
    }

    /// Makes a tenant due by then, or leaves it due earlier.
    pub(super) fn look_at(&mut self, tenant: TenantId, at: Timestamp) {
        let known = self.tenants.entry(tenant).or_default();
        if known.look_at.is_some_and(|(planned, _)| planned <= at) {
            return;
        }
        let place = (at, self.next_turn);
        self.next_turn += 1;
        if let Some(planned) = known.look_at.replace(place) {
            self.looks.remove(&planned);
        }
        self.looks.insert(place, tenant);
    }

    /// The tenant that a free worker shall go to now.
    pub(super) fn begin_next(&mut self, now: Timestamp) -> Option<TenantId> {
        while self.workers < self.workers_max {
            let (place, tenant) = self.looks.first_key_value().map(|(at, who)| (*at, *who))?;
            if place.0 > now {
                return None;
            }
            self.looks.remove(&place);
            let known = self.tenants.entry(tenant).or_default();
            known.look_at = None;
            if known.workers < self.workers_per_tenant {
                known.workers += 1;
                self.workers += 1;
                return Some(tenant);
            }
            known.again = true;
        }
        None
    }

    /// A worker is back from a tenant.
    pub(super) fn end(&mut self, tenant: TenantId, now: Timestamp) {
        self.workers -= 1;
        let Some(known) = self.tenants.get_mut(&tenant) else { return };
        known.workers -= 1;
        if std::mem::take(&mut known.again) {
            self.look_at(tenant, now);
        }
    }

    /// A worker only waits from now on, so that another may take its place; says whether there is
    /// room for one more of that sort. Its end must be told by [`Schedule::end_waiting`].
    pub(super) fn begin_waiting(&mut self, tenant: TenantId, now: Timestamp) -> bool {
        let waiters = self.tenants.get(&tenant).map_or(0, |known| known.waiters);
        if self.waiters >= WAITERS_MAX || waiters >= WAITERS_PER_TENANT {
            return false;
        }
        self.end(tenant, now);
        self.waiters += 1;
        self.tenants.entry(tenant).or_default().waiters += 1;
        true
    }

    /// A worker that only waited is back from a tenant.
    pub(super) fn end_waiting(&mut self, tenant: TenantId) {
        self.waiters -= 1;
        if let Some(known) = self.tenants.get_mut(&tenant) {
            known.waiters -= 1;
        }
    }

    /// Takes in what a tenant said of its jobs. What has been due for long is due now: the tenant
    /// had its turn.
    pub(super) fn note(&mut self, tenant: TenantId, overview: &JobsOverview, now: Timestamp) {
        let known = self.tenants.entry(tenant).or_default();
        known.failures = 0;
        known.waiting = overview.waiting;
        known.dead = overview.dead;
        if let Some(at) = overview.next_look {
            self.look_at(tenant, at.max(now));
        }
        self.forget_if_idle(tenant);
    }

    /// Counts the dead letters of a tenant that was not looked at yet.
    pub(super) fn note_dead(&mut self, tenant: TenantId, dead: usize) {
        self.tenants.entry(tenant).or_default().dead = dead;
    }

    /// A tenant could not be reached; it is tried again after a growing pause, or at the time it
    /// named. Says whether this is the first time in a row.
    pub(super) fn note_unreachable(
        &mut self,
        tenant: TenantId,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let known = self.tenants.entry(tenant).or_default();
        let doublings = known.failures.min(16);
        known.failures += 1;
        let is_first = known.failures == 1;
        let pause = UNREACHABLE_PAUSE.saturating_mul(1 << doublings).min(UNREACHABLE_PAUSE_MAX);
        self.look_at(tenant, until.unwrap_or_else(|| now.plus(pause)));
        is_first
    }

    /// A tenant that does not exist any more.
    pub(super) fn forget(&mut self, tenant: TenantId) {
        if let Some(known) = self.tenants.get_mut(&tenant) {
            known.waiting = 0;
            known.dead = 0;
            if let Some(planned) = known.look_at.take() {
                self.looks.remove(&planned);
            }
        }
        self.forget_if_idle(tenant);
    }

    fn forget_if_idle(&mut self, tenant: TenantId) {
        let is_idle = |known: &Known| {
            known.workers + known.waiters == 0
                && known.look_at.is_none()
                && known.waiting + known.dead == 0
        };
        if self.tenants.get(&tenant).is_some_and(is_idle) {
            self.tenants.remove(&tenant);
        }
    }

    /// When a look is due, if a worker is free for it.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        let is_free = self.workers < self.workers_max;
        self.looks.keys().next().filter(|_| is_free).map(|(at, _)| *at)
    }

    /// Those that are out, whatever they do.
    pub(super) fn workers(&self) -> usize {
        self.workers + self.waiters
    }

    /// Jobs that wait and that are dead, as far as is known.
    pub(super) fn counts(&self) -> (usize, usize) {
        let add = |(waiting, dead), known: &Known| (waiting + known.waiting, dead + known.dead);
        self.tenants.values().fold((0, 0), add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId(uuid::Uuid::from_u128(number))
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn overview(waiting: usize, next_look: Option<i64>) -> JobsOverview {
        JobsOverview { waiting, next_look: next_look.map(at), ..JobsOverview::default() }
    }

    #[test]
    fn workers_are_bounded_in_all_and_for_each_tenant() {
        let mut schedule = Schedule::new(3, 2);
        let begin = |schedule: &mut Schedule, number| {
            schedule.look_at(tenant(number), at(1));
            schedule.begin_next(at(1))
        };
        assert_eq!(begin(&mut schedule, 1), Some(tenant(1)));
        assert_eq!(begin(&mut schedule, 1), Some(tenant(1)));
        assert_eq!(begin(&mut schedule, 1), None, "two at most for one tenant");
        assert_eq!(begin(&mut schedule, 2), Some(tenant(2)));
        assert_eq!(begin(&mut schedule, 3), None, "three at most in all");
        assert_eq!(schedule.next_look(), None, "no timer helps while nobody is free");
        schedule.end(tenant(1), at(2));
        assert_eq!(schedule.begin_next(at(2)), Some(tenant(3)), "due for longest");
        schedule.end(tenant(2), at(3));
        assert_eq!(schedule.begin_next(at(3)), Some(tenant(1)), "what was due is not forgotten");
    }

    #[test]
    fn a_worker_that_only_waits_leaves_its_place_to_another_while_there_is_room() {
        let mut schedule = Schedule::new(1, 1);
        for waiting in 0..WAITERS_PER_TENANT {
            schedule.look_at(tenant(1), at(1));
            assert_eq!(schedule.begin_next(at(1)), Some(tenant(1)), "{waiting}");
            assert!(schedule.begin_waiting(tenant(1), at(1)));
        }
        schedule.look_at(tenant(1), at(1));
        assert_eq!(schedule.begin_next(at(1)), Some(tenant(1)));
        assert!(!schedule.begin_waiting(tenant(1), at(1)), "no room for one more");
        schedule.look_at(tenant(2), at(1));
        assert_eq!(schedule.begin_next(at(1)), None, "it has the only place");
        schedule.end(tenant(1), at(2));
        assert_eq!(schedule.begin_next(at(2)), Some(tenant(2)));
        assert_eq!(schedule.workers(), WAITERS_PER_TENANT + 1);
        for _ in 0..WAITERS_PER_TENANT {
            schedule.end_waiting(tenant(1));
        }
        schedule.end(tenant(2), at(3));
        assert_eq!(schedule.workers(), 0);
    }

    #[test]
    fn a_tenant_with_old_jobs_takes_its_turn_behind_the_others() {
        let mut schedule = Schedule::new(1, 1);
        schedule.look_at(tenant(1), at(5));
        let mut turns = Vec::new();
        for turn in 0..6 {
            if turn == 1 {
                schedule.look_at(tenant(2), at(5));
            }
            let next = schedule.begin_next(at(5)).unwrap();
            turns.push(next.0.as_u128());
            schedule.end(next, at(5));
            schedule.note(next, &overview(9, Some(1)), at(5));
        }
        assert_eq!(turns, [1, 1, 2, 1, 2, 1]);
    }

    #[test]
    fn a_ring_during_a_look_is_looked_at_after_it() {
        let mut schedule = Schedule::new(1, 1);
        schedule.look_at(tenant(1), at(1));
        assert_eq!(schedule.begin_next(at(1)), Some(tenant(1)));
        schedule.look_at(tenant(1), at(1));
        schedule.end(tenant(1), at(2));
        schedule.note(tenant(1), &overview(0, None), at(2));
        assert_eq!(schedule.begin_next(at(2)), Some(tenant(1)));
    }

    #[test]
    fn the_earlier_look_wins_and_a_tenant_without_jobs_is_forgotten() {
        let mut schedule = Schedule::new(1, 1);
        schedule.look_at(tenant(1), at(50));
        schedule.look_at(tenant(1), at(20));
        schedule.look_at(tenant(1), at(90));
        assert_eq!(schedule.next_look(), Some(at(20)));
        assert_eq!(schedule.begin_next(at(19)), None);
        assert_eq!(schedule.begin_next(at(20)), Some(tenant(1)));
        schedule.end(tenant(1), at(21));
        schedule.note(tenant(1), &overview(2, Some(70)), at(21));
        assert_eq!((schedule.next_look(), schedule.counts()), (Some(at(70)), (2, 0)));
        assert!(schedule.begin_next(at(70)).is_some());
        schedule.end(tenant(1), at(71));
        schedule.note(tenant(1), &overview(0, None), at(71));
        assert!(schedule.tenants.is_empty() && schedule.looks.is_empty());
    }

    #[test]
    fn a_tenant_that_cannot_be_reached_is_tried_after_growing_pauses() {
        let mut schedule = Schedule::new(1, 1);
        let mut now = at(0);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(schedule.note_unreachable(tenant(1), None, now), seconds == 1);
            let due = now.plus(Duration::from_secs(seconds));
            assert_eq!(schedule.next_look(), Some(due));
            assert!(schedule.begin_next(due).is_some());
            schedule.end(tenant(1), due);
            now = due;
        }
    }
}
