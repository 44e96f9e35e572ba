//! A bounded table of counters, one per key. Every request of a key is counted by one counter
//! under one lock, so the edge is exact; a counter that forgetting would not change is removed
//! in passing, a few at a time, so no request ever pays for a whole table.
//!
//! When the table is full of counters in use, further keys share one more, the overflow. The
//! alternatives are to admit them uncounted, to evict counters in use (both let whoever can make
//! up keys go past every limit) and to refuse them outright. The overflow slides, whatever the
//! kind of the table, and a key that gets its own counter while the overflow counts anything
//! begins charged with all of that, since part of it may be the key's own. So a full table can
//! refuse a key too early, for up to a window after it has room again, and never admits one more
//! than its limit.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::{Moment, Rate, RateExceeded, RateStatus, SlidingWindow, UNLIMITED, Window};
use crate::types::Clock;

/// More of them than threads, so that two requests seldom meet at one lock.
const SHARDS_MAX: usize = 64;
/// Below this a part of the table is not worth a lock of its own.
const KEYS_PER_SHARD_MIN: usize = 64;
/// Counters looked at by each request. More than the one it may add, so the table drains.
const SWEPT_PER_REQUEST: usize = 4;
/// Counters looked at by a request of a new key that finds the table full.
const SWEPT_WHEN_FULL: usize = 16;

/// A limit that holds for each key by itself: at most so many requests in a window, which
/// slides or is fixed as `W` says.
///
/// Memory: for each key in use the key twice, what `W` needs, and some 50 bytes of the table; never
/// more than `keys_max` of them. A call takes the lock of a part of the table (that of a key
/// without a counter one more, for the table) and costs `O(1)` beside what `W` costs; a table that
/// grows is rehashed part by part.
pub struct KeyedLimiter<K, W> {
    clock: Arc<dyn Clock>,
    window: Duration,
    /// 0 for no limit.
    requests_max: AtomicU32,
    keys_max: usize,
    /// Counters in all shards and room reserved for more; never above `keys_max`.
    keys: AtomicUsize,
    /// Keyed by chance: callers choose the keys, and must not choose their places.
    hasher: RandomState,
    shards: Box<[Mutex<Shard<K, W>>]>,
    /// Whose turn it is to be swept, modulo the number of shards.
    sweep_turn: AtomicUsize,
    /// Locked after a shard, never before one.
    overflow: Mutex<SlidingWindow>,
}

impl<K: Hash + Eq + Clone, W: Window> KeyedLimiter<K, W> {
    /// Admits `requests_max` requests of one key in one `window`; `None` admits everything and
    /// counts nothing. Of more than `keys_max` keys in use, those that came last share one
    /// allowance; with 0 all do.
    #[must_use]
    pub fn new(
        requests_max: Option<NonZeroU32>,
        window: Duration,
        keys_max: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shards = (keys_max / KEYS_PER_SHARD_MIN).clamp(1, SHARDS_MAX);
        Self {
            clock,
            window,
            requests_max: AtomicU32::new(requests_max.map_or(0, NonZeroU32::get)),
            keys_max,
            keys: AtomicUsize::new(0),
            hasher: RandomState::new(),
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            sweep_turn: AtomicUsize::new(0),
            overflow: Mutex::default(),
        }
    }

    /// Changes the limit of every key from the next request on. What was counted stays counted;
    /// while there is no limit nothing is.
    pub fn set_limit(&self, requests_max: Option<NonZeroU32>) {
        self.requests_max.store(requests_max.map_or(0, NonZeroU32::get), Ordering::Relaxed);
    }

    /// Counts one request of `key`.
    ///
    /// # Errors
    /// When the key's allowance is used up; the refusal itself costs nothing.
    pub fn take(&self, key: &K) -> Result<RateStatus, RateExceeded> {
        let requests_max = NonZeroU32::new(self.requests_max.load(Ordering::Relaxed));
        let Some(requests_max) = requests_max else {
            let reset_at = self.clock.now().plus(self.window);
            return Ok(RateStatus { limit: UNLIMITED, remaining: UNLIMITED, reset_at });
        };
        let rate = Rate::new(requests_max, self.window);
        let mut shard = self.shard_of(key);
        // Read under the lock, so that the times of one counter are in order.
        let now = Moment::of(&*self.clock);
        let taken = match shard.find_mut(key) {
            Some(window) => window.take(rate, now),
            None => self.take_of_new_key(&mut shard, key, rate, now),
        };
        drop(shard);
        self.sweep_next(rate, now);
        taken
    }

    /// Counters in the table, in use or not yet removed; at most `keys_max`.
    #[must_use]
    pub fn keys_count(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// The shard of the key is locked throughout, so no other request of the key comes between
    /// the overflow and the key's own counter; the overflow too, so that a key is not charged
    /// with what the overflow counted after there was room for the key.
    fn take_of_new_key(
        &self,
        shard: &mut Shard<K, W>,
        key: &K,
        rate: Rate,
        now: Moment,
    ) -> Result<RateStatus, RateExceeded> {
        let mut overflow = lock(&self.overflow);
        let has_room = self.reserve() || {
            self.release(shard.sweep(SWEPT_WHEN_FULL, rate, now));
            self.reserve()
        };
        if !has_room {
            return overflow.take(rate, now);
        }
        let mut window = W::charged(overflow.counted(rate, now), rate, now);
        match window.take(rate, now) {
            Ok(status) => {
                shard.insert(key.clone(), window);
                Ok(status)
            }
            Err(_) => {
                // The overflow is used up, and knows best when it is not.
                self.release(1);
                overflow.take(rate, now)
            }
        }
    }

    fn shard_of(&self, key: &K) -> MutexGuard<'_, Shard<K, W>> {
        lock(self.shard_at(self.hasher.hash_one(key)))
    }

    #[allow(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "a remainder is smaller than the length, which is at least one"
    )]
    fn shard_at(&self, number: u64) -> &Mutex<Shard<K, W>> {
        &self.shards[(number % self.shards.len() as u64) as usize]
    }

    /// Looks at a few counters of the shard whose turn it is, unless somebody is using it.
    fn sweep_next(&self, rate: Rate, now: Moment) {
        let turn = self.sweep_turn.fetch_add(1, Ordering::Relaxed);
        let mut shard = match self.shard_at(turn as u64).try_lock() {
            Ok(shard) => shard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.release(shard.sweep(SWEPT_PER_REQUEST, rate, now));
    }

    fn reserve(&self) -> bool {
        let one_more = |keys: usize| (keys < self.keys_max).then_some(keys + 1);
        self.keys.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn release(&self, keys: usize) {
        self.keys.fetch_sub(keys, Ordering::Relaxed);
    }
}

/// A part of the table: the counters side by side, so that a sweep can stop anywhere and go on
/// later, and where each key's is.
struct Shard<K, W> {
    positions: HashMap<K, usize>,
    counters: Vec<(K, W)>,
    /// Where the next sweep begins.
    cursor: usize,
}

impl<K, W> Default for Shard<K, W> {
    fn default() -> Self {
        Self { positions: HashMap::new(), counters: Vec::new(), cursor: 0 }
    }
}

impl<K: Hash + Eq + Clone, W: Window> Shard<K, W> {
    fn find_mut(&mut self, key: &K) -> Option<&mut W> {
        let position = *self.positions.get(key)?;
        self.counters.get_mut(position).map(|(_, window)| window)
    }

    fn insert(&mut self, key: K, window: W) {
        self.positions.insert(key.clone(), self.counters.len());
        self.counters.push((key, window));
    }

    /// Looks at `counters` counters at most; returns how many of them were removed.
    fn sweep(&mut self, counters: usize, rate: Rate, now: Moment) -> usize {
        let mut removed = 0;
        for _ in 0..counters.min(self.counters.len()) {
            if self.cursor >= self.counters.len() {
                self.cursor = 0;
            }
            match self.counters.get(self.cursor) {
                Some((_, window)) if window.is_idle(rate, now) => {
                    self.remove_at_cursor();
                    removed += 1;
                }
                _ => self.cursor += 1,
            }
        }
        removed
    }

    /// The last counter takes its place.
    fn remove_at_cursor(&mut self) {
        let (key, _) = self.counters.swap_remove(self.cursor);
        self.positions.remove(&key);
        if let Some((moved, _)) = self.counters.get(self.cursor)
            && let Some(position) = self.positions.get_mut(moved)
        {
            *position = self.cursor;
        }
    }
}

/// Nothing panics while it holds a lock here but a key's own `Hash` or `Eq`, before any change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
