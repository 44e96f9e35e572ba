//! Failures that no handler causes. Each dialect gives them its own body, so that a client never
//! meets an answer it cannot parse.

use std::time::Duration;

use actix_web::HttpResponse;

/// What went wrong before or around a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No route has this path, as it was asked for without its query.
    PathNotFound { path: String },
    /// The path exists; `allow` lists its methods, comma-separated.
    MethodNotAllowed { path: String, allow: String },
    /// The caller's address has called too often. Nothing was looked at but the address.
    TooManyRequests { retry_after: Duration },
    /// A handler panicked: a defect on our side.
    HandlerPanicked,
}

/// How one dialect words a [`Failure`].
pub type RenderFailure = fn(&Failure) -> HttpResponse;

/// A pause as `Retry-After` says it: whole seconds, rounded up, at least one.
#[must_use]
pub fn whole_seconds(pause: Duration) -> u64 {
    (pause.as_secs() + u64::from(pause.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_whole_seconds_rounded_up_and_never_zero() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(7)), 7);
        assert_eq!(whole_seconds(Duration::from_millis(7_001)), 8);
    }
}
