//! How often one client address may call. Stands before authentication, so that trying out keys
//! costs as much as using one, and counts whatever a dialect is asked, its public routes and
//! unknown paths included. The routes of operators do not pass here.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::api::extract::client_ip::{client_ip, limited_as};
use crate::api::failure::{Failure, RenderFailure};
use crate::api::state::ApiState;
use crate::control::quotas::{KeyedLimiter, RateExceeded, RateStatus, SlidingWindow};
use crate::types::Clock;

/// The allowances of all addresses for something; one for the whole process.
pub struct IpLimit(KeyedLimiter<IpAddr, SlidingWindow>);

impl IpLimit {
    /// Admits `requests_max` requests of an address in any `window`, all with `None`. Keeps count
    /// of `ips_max` addresses; further ones share one allowance.
    pub fn new(
        requests_max: Option<NonZeroU32>,
        window: Duration,
        ips_max: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(KeyedLimiter::new(requests_max, window, ips_max, clock))
    }

    /// Changes the limit from the next request on; what was counted stays counted.
    pub fn set(&self, requests_max: Option<NonZeroU32>) {
        self.0.set_limit(requests_max);
    }

    /// Counts one request of a client.
    ///
    /// # Errors
    /// When its allowance is used up; the refusal itself costs nothing.
    pub fn take(&self, client: IpAddr) -> Result<RateStatus, RateExceeded> {
        self.0.take(&limited_as(client))
    }
}

/// The middleware, for the scope of one dialect, around its authentication.
///
/// # Errors
/// Those of the inner service.
pub(in crate::api) async fn ip_limit<B: MessageBody + 'static>(
    render: RenderFailure,
    state: web::Data<ApiState>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let client = client_ip(request.peer_addr(), request.headers(), &state.trusted_proxies);
    match state.ip_limit.take(client) {
        Ok(_) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(RateExceeded { retry_after, .. }) => {
            Ok(request.into_response(render(&Failure::TooManyRequests { retry_after })))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ManualClock, Timestamp};

    #[test]
    fn a_limit_changed_at_run_time_keeps_what_was_counted() {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(0)));
        let window = Duration::from_secs(60);
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let ip_limit = IpLimit::new(NonZeroU32::new(3), window, 10, shared);
        let client: IpAddr = "198.51.100.1".parse().unwrap();
        assert!(ip_limit.take(client).is_ok() && ip_limit.take(client).is_ok());
        ip_limit.set(NonZeroU32::new(2));
        assert!(ip_limit.take(client).is_err());
        ip_limit.set(None);
        assert!((0..100).all(|_| ip_limit.take(client).is_ok()));
        ip_limit.set(NonZeroU32::new(4));
        assert_eq!(ip_limit.take(client).unwrap().remaining, 1);
        clock.advance(window);
        assert_eq!(ip_limit.take(client).unwrap().remaining, 3);
    }
}
