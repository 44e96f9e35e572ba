//! The moment by which an answer is worth something. Carried from the edge to the actor, so that
//! no wait anywhere is without an end.

use std::time::Duration;

use tokio::time::Instant;

/// An absolute point of tokio's clock, so a paused test clock moves it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }

    /// Zero once the deadline has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
