//! How often a user may chat and search: so many times in a window of a minute that begins with the
//! first. Every request of a caller who is known counts, one that turns out to be malformed too; one
//! that is refused for its number does not, nor does one without a session. Invariant: every answer
//! to a counted or refused request says how many are left and when the window ends.

use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::access::{LoggedIn, receive_json};
use super::error::ApiError;
use super::settings::MetacognaSettings;
use crate::api::extract::BodyRule;
use crate::api::middleware::rate_headers::note_rate;
use crate::api::state::ApiState;
use crate::control::quotas::{FixedWindow, KeyedLimiter, RateStatus};
use crate::types::limits::USERS_MAX;
use crate::types::{Bound, Clock, UserId};

const WINDOW: Duration = Duration::from_secs(60);

const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The counters of all users, each kind of request by itself.
pub(super) struct RateLimits {
    chat: KeyedLimiter<UserId, FixedWindow>,
    search: KeyedLimiter<UserId, FixedWindow>,
}

impl RateLimits {
    pub(super) fn new(settings: &MetacognaSettings, clock: &Arc<dyn Clock>) -> Self {
        let limiter = |limit: Bound<u32>| {
            let limit = limit.0.and_then(NonZeroU32::new);
            // No more users than that exist, so none shares a counter with another.
            KeyedLimiter::new(limit, WINDOW, USERS_MAX, Arc::clone(clock))
        };
        Self {
            chat: limiter(settings.chat_per_minute),
            search: limiter(settings.search_per_minute),
        }
    }

    /// Counts one request; what is left of the allowance, and whether it is refused.
    fn take<O: Operation>(&self, user: UserId) -> (RateStatus, Result<(), ApiError>) {
        match O::limiter(self).take(&user) {
            Ok(status) => (status, Ok(())),
            Err(exceeded) => (exceeded.status, Err(ApiError::rate_limited(&exceeded, O::TOO_MANY))),
        }
    }
}

/// A kind of request that is counted.
pub(super) trait Operation: 'static {
    /// What a refusal says.
    const TOO_MANY: &'static str;

    fn limiter(limits: &RateLimits) -> &KeyedLimiter<UserId, FixedWindow>;
}

/// `POST /api/chat`.
#[derive(Debug)]
pub(super) struct Chat;

impl Operation for Chat {
    const TOO_MANY: &'static str = "Too many chat requests. Please try again later.";

    fn limiter(limits: &RateLimits) -> &KeyedLimiter<UserId, FixedWindow> {
        &limits.chat
    }
}

/// `GET` and `POST /api/search`, counted together.
#[derive(Debug)]
pub(super) struct Search;

impl Operation for Search {
    const TOO_MANY: &'static str = "Too many search requests. Please try again later.";

    fn limiter(limits: &RateLimits) -> &KeyedLimiter<UserId, FixedWindow> {
        &limits.search
    }
}

/// A caller with a good session whose request of this kind is counted.
#[derive(Debug)]
pub(super) struct Counted<O> {
    pub(super) caller: LoggedIn,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> Counted<O> {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let caller = LoggedIn::of(request)?;
        let state = request.app_data::<Data<ApiState>>().ok_or_else(ApiError::internal)?;
        let (status, outcome) = state.metacogna.limits.take::<O>(caller.person.user.id);
        note_rate(request, status);
        outcome.map(|()| Self { caller, operation: PhantomData })
    }
}

impl<O: Operation> FromRequest for Counted<O> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        std::future::ready(Self::of(request))
    }
}

/// The same, and the JSON it sent. Of a stranger's body, and of a refused one, nothing is received.
#[derive(Debug)]
pub(super) struct CountedBody<O> {
    pub(super) caller: LoggedIn,
    pub(super) json: String,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> FromRequest for CountedBody<O> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let counted = Counted::<O>::of(request);
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = counted?.caller;
            let rule = BodyRule::anything(&request);
            let json = receive_json(&request, &mut payload, rule).await?;
            Ok(Self { caller, json, operation: PhantomData })
        })
    }
}

pub(super) fn show_rate(headers: &mut HeaderMap, status: &RateStatus) {
    headers.insert(REMAINING, HeaderValue::from(status.remaining));
    headers.insert(RESET, HeaderValue::from(status.reset_at.as_millis()));
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use uuid::Uuid;

    use super::*;
    use crate::types::{ManualClock, Timestamp};

    const START_MS: i64 = 1_800_000_000_000;

    fn limits() -> (RateLimits, Arc<ManualClock>) {
        let start = Timestamp::from_micros(START_MS * 1_000);
        let clock = Arc::new(ManualClock::starting_at(start));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        (RateLimits::new(&MetacognaSettings::default(), &shared), clock)
    }

    fn user(number: u8) -> UserId {
        UserId(Uuid::from_bytes([number; 16]))
    }

    /// What the headers say.
    fn shown(status: &RateStatus) -> [i64; 2] {
        let mut headers = HeaderMap::new();
        show_rate(&mut headers, status);
        [REMAINING, RESET].map(|name| headers.get(name).unwrap().to_str().unwrap().parse().unwrap())
    }

    #[test]
    fn ten_chats_of_a_window_count_down_and_the_eleventh_is_refused_until_it_ends() {
        let (limits, clock) = limits();
        let reset = START_MS + 60_000;
        for remaining in (0..10).rev() {
            let (status, outcome) = limits.take::<Chat>(user(1));
            assert!(outcome.is_ok());
            assert_eq!(shown(&status), [remaining, reset]);
            clock.advance(Duration::from_millis(500));
        }
        for _ in 0..3 {
            let (status, outcome) = limits.take::<Chat>(user(1));
            assert_eq!(outcome.unwrap_err().status_code().as_u16(), 429);
            assert_eq!(shown(&status), [0, reset]);
        }
        assert!(limits.take::<Chat>(user(2)).1.is_ok());
        assert!(limits.take::<Search>(user(1)).1.is_ok());
        clock.advance(Duration::from_millis(54_999));
        assert!(limits.take::<Chat>(user(1)).1.is_err());
        clock.advance(Duration::from_millis(1));
        assert!(limits.take::<Chat>(user(1)).1.is_ok());
    }

    #[test]
    fn of_requests_at_once_exactly_so_many_are_let_through() {
        let (limits, _clock) = limits();
        let barrier = std::sync::Barrier::new(30);
        let admitted = |is_chat: bool| {
            std::thread::scope(|scope| {
                let take = || {
                    barrier.wait();
                    match is_chat {
                        true => limits.take::<Chat>(user(1)).1.is_ok(),
                        false => limits.take::<Search>(user(1)).1.is_ok(),
                    }
                };
                let threads: Vec<_> = (0..30).map(|_| scope.spawn(take)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).filter(|is| *is).count()
            })
        };
        assert_eq!((admitted(true), admitted(false)), (10, 20));
    }

    #[test]
    fn a_refusal_says_what_there_was_too_much_of() {
        assert_eq!(Chat::TOO_MANY, "Too many chat requests. Please try again later.");
        assert_eq!(Search::TOO_MANY, "Too many search requests. Please try again later.");
    }
}
