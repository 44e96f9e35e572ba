//! A clock on which almost no time passes, and no two looks at it see the same.

use std::sync::atomic::{AtomicI64, Ordering};

use hebbd::types::{Clock, Timestamp};

/// Each look at it takes a microsecond: what is made one after the other has times in that order.
pub(crate) struct TickingClock {
    micros: AtomicI64,
}

impl TickingClock {
    pub(crate) fn starting_at(start: &str) -> Self {
        Self { micros: AtomicI64::new(Timestamp::parse(start).unwrap().as_micros()) }
    }
}

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.fetch_add(1, Ordering::SeqCst))
    }

    fn monotonic_micros(&self) -> u64 {
        self.micros.load(Ordering::SeqCst) as u64
    }
}
