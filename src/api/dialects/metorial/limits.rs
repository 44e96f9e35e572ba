//! How often a client address and a key may call. Both windows slide. Invariant: a request that a
//! limiter refuses is not counted by it, and one that is admitted is counted once, whatever comes of
//! it.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::settings::MetorialSettings;
use crate::api::extract::client_ip::grouped;
use crate::control::quotas::{KeyedLimiter, RateExceeded, RateStatus, SlidingWindow};
use crate::types::{Bound, Clock, KeyId};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// By what a key is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allotment {
    Development,
    Production,
    Management,
}

type KeyLimiter = KeyedLimiter<KeyId, SlidingWindow>;

/// The counters of all addresses and keys.
pub(super) struct RateLimits {
    addresses: KeyedLimiter<IpAddr, SlidingWindow>,
    ipv6_prefix_bits: u8,
    development: KeyLimiter,
    production: KeyLimiter,
    management: KeyLimiter,
}

impl RateLimits {
    /// Keeps count of `ips_max` addresses; further ones share one allowance.
    pub(super) fn new(settings: &MetorialSettings, ips_max: usize, clock: &Arc<dyn Clock>) -> Self {
        let limit = |limit: Bound<u32>| limit.0.and_then(NonZeroU32::new);
        let key_window = Duration::from_secs(settings.key_window_s);
        let of_keys = |requests_max| {
            let keys_max = settings.counted_keys_max;
            KeyedLimiter::new(limit(requests_max), key_window, keys_max, Arc::clone(clock))
        };
        let ip_window = Duration::from_secs(settings.ip_window_s);
        let ip_requests_max = limit(settings.ip_requests_max);
        Self {
            addresses: KeyedLimiter::new(ip_requests_max, ip_window, ips_max, Arc::clone(clock)),
            ipv6_prefix_bits: settings.ipv6_prefix_bits,
            development: of_keys(settings.development_requests_max),
            production: of_keys(settings.production_requests_max),
            management: of_keys(settings.management_requests_max),
        }
    }

    /// Counts one request of a client address.
    pub(super) fn take_of_address(&self, client: IpAddr) -> Result<RateStatus, RateExceeded> {
        self.addresses.take(&grouped(client, self.ipv6_prefix_bits))
    }

    /// Counts one request of a key.
    pub(super) fn take_of_key(
        &self,
        allotment: Allotment,
        key: KeyId,
    ) -> Result<RateStatus, RateExceeded> {
        let limiter = match allotment {
            Allotment::Development => &self.development,
            Allotment::Production => &self.production,
            Allotment::Management => &self.management,
        };
        limiter.take(&key)
    }
}

/// The reset is in whole seconds, rounded up, so that whoever waits for it has waited long enough.
pub(super) fn show_rate(headers: &mut HeaderMap, status: &RateStatus) {
    const SECOND_US: i64 = 1_000_000;
    let reset_us = status.reset_at.as_micros();
    let reset_s = reset_us.div_euclid(SECOND_US) + i64::from(reset_us.rem_euclid(SECOND_US) > 0);
    headers.insert(LIMIT, HeaderValue::from(status.limit));
    headers.insert(REMAINING, HeaderValue::from(status.remaining));
    headers.insert(RESET, HeaderValue::from(reset_s));
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::types::{ManualClock, Timestamp};

    const START_S: i64 = 1_800_000_000;

    fn limits(settings: &MetorialSettings) -> (RateLimits, Arc<ManualClock>) {
        let start = Timestamp::from_micros(START_S * 1_000_000);
        let clock = Arc::new(ManualClock::starting_at(start));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        (RateLimits::new(settings, 100, &shared), clock)
    }

    fn key(number: u8) -> KeyId {
        KeyId(Uuid::from_bytes([number; 16]))
    }

    /// What the headers say.
    fn shown(status: &RateStatus) -> [i64; 3] {
        let mut headers = HeaderMap::new();
        show_rate(&mut headers, status);
        [LIMIT, REMAINING, RESET]
            .map(|name| headers.get(name).unwrap().to_str().unwrap().parse().unwrap())
    }

    #[test]
    fn each_allotment_has_the_documented_limit_and_window() {
        let (limits, clock) = limits(&MetorialSettings::default());
        for (allotment, requests_max) in [
            (Allotment::Development, 100),
            (Allotment::Production, 5_000),
            (Allotment::Management, 5_000),
        ] {
            let began = clock.now();
            let reset_s = began.as_secs() + 600;
            for left in (0..requests_max).rev() {
                let status = limits.take_of_key(allotment, key(1)).unwrap();
                assert_eq!(shown(&status), [requests_max, left, reset_s]);
            }
            clock.advance(Duration::from_secs(200));
            let refused = limits.take_of_key(allotment, key(1)).unwrap_err();
            assert_eq!(shown(&refused.status), [requests_max, 0, reset_s]);
            assert_eq!(refused.retry_after, Duration::from_secs(400));
            assert!(limits.take_of_key(allotment, key(2)).is_ok(), "another key");
            clock.advance(refused.retry_after);
            assert!(limits.take_of_key(allotment, key(1)).is_ok());
        }
    }

    #[test]
    fn an_address_may_call_a_thousand_times_in_ten_seconds() {
        let (limits, clock) = limits(&MetorialSettings::default());
        let client: IpAddr = "198.51.100.1".parse().unwrap();
        for left in (0..1_000).rev() {
            let status = limits.take_of_address(client).unwrap();
            assert_eq!(shown(&status), [1_000, left, START_S + 10]);
        }
        let refused = limits.take_of_address(client).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(10));
        assert!(limits.take_of_address("198.51.100.2".parse().unwrap()).is_ok());
        clock.advance(Duration::from_secs(10));
        assert!(limits.take_of_address(client).is_ok());
    }

    #[test]
    fn an_ipv6_client_is_counted_by_the_bits_that_are_set() {
        for (ipv6_prefix_bits, is_counted_together) in [(64, true), (128, false)] {
            let settings = MetorialSettings {
                ip_requests_max: Bound(Some(1)),
                ipv6_prefix_bits,
                ..MetorialSettings::default()
            };
            let (limits, _clock) = limits(&settings);
            assert!(limits.take_of_address("2001:db8::1".parse().unwrap()).is_ok());
            let neighbour = limits.take_of_address("2001:db8::2".parse().unwrap());
            assert_eq!(neighbour.is_err(), is_counted_together, "{ipv6_prefix_bits}");
        }
    }

    #[test]
    fn the_reset_is_rounded_up_to_whole_seconds() {
        for (reset_us, shown_s) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            let reset_at = Timestamp::from_micros(START_S * 1_000_000 + reset_us);
            let status = RateStatus { limit: 1, remaining: 0, reset_at };
            assert_eq!(shown(&status)[2], START_S + shown_s);
        }
    }
}
