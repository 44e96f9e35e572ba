//! How often an app may do what: so many times in a window of a minute that begins with the first.
//! Every request of an app that is known and allowed counts, one that turns out to be malformed
//! too; one that is refused for its number does not. Invariant: every answer to a counted or
//! refused request says what the limit is, how much is left and when the window ends.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::access::{App, permission, state_of};
use super::error::ApiError;
use super::settings::MagnetecoSettings;
use crate::api::extract::{BodyRule, receive_body};
use crate::api::middleware::rate_headers::note_rate;
use crate::control::quotas::{FixedWindow, KeyedLimiter, RateExceeded, RateStatus};
use crate::types::{Bound, Clock, TenantId};

/// The window of every limit.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// Apps counted at one time; those beyond share one allowance.
pub(super) const COUNTED_APPS_MAX: usize = 100_000;

/// The largest body: a mebibyte of content, each byte of which may be written as six, with its
/// metadata and what it is wrapped in.
pub(super) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

type AppLimiter = KeyedLimiter<TenantId, FixedWindow>;

/// Who delivers, as its path says.
pub(super) type SourceName = &'static str;

/// The counters of all apps, each kind of request by itself.
pub(super) struct RateLimits {
    memorize: AppLimiter,
    retrieve: AppLimiter,
    events: AppLimiter,
    reads: AppLimiter,
    forget: AppLimiter,
    config: AppLimiter,
    deliveries: KeyedLimiter<(TenantId, SourceName), FixedWindow>,
}

impl RateLimits {
    pub(super) fn new(settings: &MagnetecoSettings, clock: &Arc<dyn Clock>) -> Self {
        let limiter = |limit: Bound<u32>| {
            let limit = limit.0.and_then(NonZeroU32::new);
            KeyedLimiter::new(limit, WINDOW, COUNTED_APPS_MAX, Arc::clone(clock))
        };
        Self {
            memorize: limiter(settings.memorize_per_minute),
            retrieve: limiter(settings.retrieve_per_minute),
            events: limiter(settings.events_per_minute),
            reads: limiter(settings.reads_per_minute),
            forget: limiter(settings.forget_per_minute),
            config: limiter(settings.config_per_minute),
            deliveries: KeyedLimiter::new(
                settings.webhooks_per_minute.0.and_then(NonZeroU32::new),
                WINDOW,
                COUNTED_APPS_MAX,
                Arc::clone(clock),
            ),
        }
    }

    /// Counts a delivery of a source to an app, once it is known for which it is.
    pub(super) fn take_delivery(
        &self,
        app: TenantId,
        source: SourceName,
    ) -> Result<RateStatus, RateExceeded> {
        self.deliveries.take(&(app, source))
    }
}

/// A kind of request: who may send it, and by what it is counted.
pub(super) trait Operation: 'static {
    /// One of them is enough; none is needed where there are none.
    const PERMISSIONS: &'static [&'static str];

    fn limiter(limits: &RateLimits) -> &AppLimiter;
}

macro_rules! operation {
    ($(#[$about:meta])* $name:ident, $permissions:expr, $limiter:ident) => {
        $(#[$about])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl Operation for $name {
            const PERMISSIONS: &'static [&'static str] = $permissions;

            fn limiter(limits: &RateLimits) -> &AppLimiter {
                &limits.$limiter
            }
        }
    };
}

operation!(
    /// `POST /memorize`.
    Memorize,
    &[permission::MEMORIZE],
    memorize
);
operation!(
    /// `POST /retrieve`.
    Retrieve,
    &[permission::RETRIEVE],
    retrieve
);
operation!(
    /// `POST /events`.
    Events,
    &[permission::EVENTS],
    events
);
operation!(
    /// A `GET` of what is remembered.
    Read,
    &[permission::RETRIEVE],
    reads
);
operation!(
    /// A `GET` of how far a resource has come, for whoever may have made one.
    Follow,
    &[permission::MEMORIZE, permission::EVENTS, permission::WEBHOOKS, permission::RETRIEVE],
    reads
);
operation!(
    /// A `GET` for any key.
    Ask,
    &[],
    reads
);
operation!(
    /// `POST /forget`.
    Forget,
    &[permission::FORGET],
    forget
);
operation!(
    /// A change of what the app is.
    Configure,
    &[permission::CONFIG],
    config
);
operation!(
    /// A `GET` of what the app is.
    ReadConfig,
    &[permission::CONFIG],
    reads
);

/// A counted request of an app that may send it.
#[derive(Debug)]
pub(super) struct Call<O> {
    pub(super) app: App,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> Call<O> {
    /// The contract's order: key, permission, number.
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let state = state_of(request)?;
        let app = App::of(request, state)?;
        app.check_permission(O::PERMISSIONS)?;
        let principal = app.principal();
        state
            .memory
            .admit(principal.tenant, &principal.plan)
            .map_err(|exceeded| refused(request, &exceeded))?;
        note(request, O::limiter(&state.magneteco.limits).take(&principal.tenant))?;
        Ok(Self { app, operation: PhantomData })
    }
}

impl<O: Operation> FromRequest for Call<O> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        std::future::ready(Self::of(request))
    }
}

/// The same, and the text it sent, of whatever media type. Of a stranger's body, and of a refused
/// one, nothing is received.
#[derive(Debug)]
pub(super) struct CallBody<O> {
    pub(super) app: App,
    pub(super) text: String,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> FromRequest for CallBody<O> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let call = Call::<O>::of(request);
        let mut rule = BodyRule::anything(request);
        rule.bytes_max = rule.bytes_max.min(BODY_BYTES_MAX);
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let app = call?.app;
            let text = receive_body(&request, &mut payload, rule).await?;
            Ok(Self { app, text, operation: PhantomData })
        })
    }
}

/// Leaves word of a counted request for its answer's headers.
///
/// # Errors
/// 429 where it was refused.
pub(super) fn note(
    request: &HttpRequest,
    taken: Result<RateStatus, RateExceeded>,
) -> Result<(), ApiError> {
    match taken {
        Ok(status) => {
            note_rate(request, status);
            Ok(())
        }
        Err(exceeded) => Err(refused(request, &exceeded)),
    }
}

fn refused(request: &HttpRequest, exceeded: &RateExceeded) -> ApiError {
    note_rate(request, exceeded.status);
    ApiError::rate_limited(exceeded)
}

/// The end of the window is in whole seconds, rounded down, so that it never lies more than a
/// window ahead. `Retry-After` is for those who wait for it.
pub(super) fn show_rate(headers: &mut HeaderMap, status: &RateStatus) {
    headers.insert(LIMIT, HeaderValue::from(status.limit));
    headers.insert(REMAINING, HeaderValue::from(status.remaining));
    headers.insert(RESET, HeaderValue::from(status.reset_at.as_secs()));
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::types::{ManualClock, Timestamp};

    const START_S: i64 = 1_800_000_000;

    fn limits() -> (RateLimits, Arc<ManualClock>) {
        let start = Timestamp::from_micros(START_S * 1_000_000);
        let clock = Arc::new(ManualClock::starting_at(start));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        (RateLimits::new(&MagnetecoSettings::default(), &shared), clock)
    }

    fn app(number: u8) -> TenantId {
        TenantId(Uuid::from_bytes([number; 16]))
    }

    fn take<O: Operation>(limits: &RateLimits, app: TenantId) -> Result<RateStatus, RateExceeded> {
        O::limiter(limits).take(&app)
    }

    /// What the headers say.
    fn shown(status: &RateStatus) -> [i64; 3] {
        let mut headers = HeaderMap::new();
        show_rate(&mut headers, status);
        [LIMIT, REMAINING, RESET]
            .map(|name| headers.get(name).unwrap().to_str().unwrap().parse().unwrap())
    }

    #[test]
    fn a_hundred_memorize_in_a_window_and_others_are_not_affected() {
        let (limits, clock) = limits();
        let reset = START_S + 60;
        for remaining in (0..100).rev() {
            let status = take::<Memorize>(&limits, app(1)).unwrap();
            assert_eq!(shown(&status), [100, remaining, reset]);
            clock.advance(Duration::from_millis(100));
        }
        let refused = take::<Memorize>(&limits, app(1)).unwrap_err();
        assert_eq!(shown(&refused.status), [100, 0, reset]);
        assert_eq!(refused.retry_after, Duration::from_secs(50));
        assert!(take::<Memorize>(&limits, app(2)).is_ok());
        assert!(take::<Retrieve>(&limits, app(1)).is_ok());
        clock.advance(Duration::from_secs(50));
        assert_eq!(take::<Memorize>(&limits, app(1)).unwrap().remaining, 99);
    }

    #[test]
    fn every_kind_has_the_documented_limit_and_all_reads_share_one() {
        let (limits, _clock) = limits();
        let mut app_no = 0;
        let mut limit_of = |take: fn(&RateLimits, TenantId) -> Result<RateStatus, RateExceeded>| {
            app_no += 1;
            take(&limits, app(app_no)).unwrap().limit
        };
        assert_eq!(limit_of(take::<Memorize>), 100);
        assert_eq!(limit_of(take::<Retrieve>), 200);
        assert_eq!(limit_of(take::<Events>), 500);
        assert_eq!(limit_of(take::<Forget>), 100);
        assert_eq!(limit_of(take::<Configure>), 100);
        for (take, remaining) in [
            (take::<Read> as fn(&RateLimits, TenantId) -> _, 499),
            (take::<Follow>, 498),
            (take::<Ask>, 497),
            (take::<ReadConfig>, 496),
        ] {
            let status: RateStatus = take(&limits, app(200)).unwrap();
            assert_eq!((status.limit, status.remaining), (500, remaining));
        }
    }

    #[test]
    fn a_thousand_deliveries_of_each_source_to_each_app_are_taken() {
        let (limits, clock) = limits();
        for remaining in (0..1_000).rev() {
            let status = limits.take_delivery(app(1), "stripe").unwrap();
            assert_eq!((status.limit, status.remaining), (1_000, remaining));
        }
        assert!(limits.take_delivery(app(1), "stripe").is_err());
        assert!(limits.take_delivery(app(1), "github").is_ok());
        assert!(limits.take_delivery(app(2), "stripe").is_ok());
        clock.advance(WINDOW);
        assert!(limits.take_delivery(app(1), "stripe").is_ok());
    }

    #[test]
    fn of_requests_at_once_exactly_so_many_are_let_through() {
        let (limits, _clock) = limits();
        let barrier = std::sync::Barrier::new(8);
        let admitted: usize = std::thread::scope(|scope| {
            let take = || {
                barrier.wait();
                (0..20).filter(|_| take::<Memorize>(&limits, app(1)).is_ok()).count()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(admitted, 100);
    }

    #[test]
    fn the_end_of_a_window_is_in_whole_seconds_and_never_more_than_a_window_ahead() {
        for (reset_us, shown_s) in [(0, 0), (1, 0), (999_999, 0), (1_000_000, 1)] {
            let reset_at = Timestamp::from_micros(START_S * 1_000_000 + reset_us);
            let status = RateStatus { limit: 1, remaining: 0, reset_at };
            assert_eq!(shown(&status)[2], START_S + shown_s);
        }
    }
}
