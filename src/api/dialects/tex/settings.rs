//! What an operator may tune about the Tex dialect, and the ranges that make sense.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::api::middleware::ip_limit::IpLimit;
use crate::control::plans::TEX_FREE;
use crate::types::limits::SIGNED_TOKEN_LIFETIME_MAX_S;
use crate::types::{Bound, Clock};

const SIGNUP_WINDOW: Duration = Duration::from_secs(3_600);
const SIGNUPS_PER_IP_MAX: u32 = 10_000_000;
const ORGANIZATIONS_MAX: usize = 1_000_000_000;

/// The Tex dialect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TexSettings {
    /// Whether anybody may make an organization.
    pub signup: bool,
    /// The plan of those who did. A configured one.
    pub signup_plan: String,
    /// Organizations made from one client address in any hour, 1 to 10,000,000. An IPv6 client
    /// counts as its /64.
    pub signups_per_ip_per_hour: Bound<u32>,
    /// Tenants of the server, however they were made, from which on nobody signs up. 1 to 10^9.
    pub organizations_max: usize,
    /// How long an access token is good. 1 to a week.
    pub access_token_lifetime_s: u64,
    /// How long a refresh token is good. 1 to a week.
    pub refresh_token_lifetime_s: u64,
    /// Whether tokens are given for the mere name of an organization.
    pub debug_login: bool,
}

impl Default for TexSettings {
    fn default() -> Self {
        Self {
            signup: true,
            signup_plan: TEX_FREE.to_owned(),
            signups_per_ip_per_hour: Bound(Some(100)),
            organizations_max: 100_000,
            access_token_lifetime_s: 24 * 3_600,
            refresh_token_lifetime_s: 7 * 24 * 3_600,
            debug_login: false,
        }
    }
}

impl TexSettings {
    /// The limit on signing up, with nothing counted yet.
    pub(super) fn signup_limit(&self, ips_max: usize, clock: Arc<dyn Clock>) -> IpLimit {
        let per_ip = self.signups_per_ip_per_hour.0.and_then(NonZeroU32::new);
        IpLimit::new(per_ip, SIGNUP_WINDOW, ips_max, clock)
    }

    /// Everything that is wrong with these settings, one sentence each, beginning with the key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let per_ip = self.signups_per_ip_per_hour.0;
        if let Some(per_ip) = per_ip.filter(|n| !(1..=SIGNUPS_PER_IP_MAX).contains(n)) {
            problems.push(format!(
                "signups_per_ip_per_hour is {per_ip}; it must lie in 1..={SIGNUPS_PER_IP_MAX}, or \
                 be \"unlimited\""
            ));
        }
        if !(1..=ORGANIZATIONS_MAX).contains(&self.organizations_max) {
            problems.push(format!(
                "organizations_max is {}; it must lie in 1..={ORGANIZATIONS_MAX}",
                self.organizations_max
            ));
        }
        for (key, lifetime_s) in [
            ("access_token_lifetime_s", self.access_token_lifetime_s),
            ("refresh_token_lifetime_s", self.refresh_token_lifetime_s),
        ] {
            if !(1..=SIGNED_TOKEN_LIFETIME_MAX_S).contains(&lifetime_s) {
                problems.push(format!(
                    "{key} is {lifetime_s}; it must lie in 1..={SIGNED_TOKEN_LIFETIME_MAX_S}"
                ));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problems_and_every_problem_names_its_key() {
        assert_eq!(TexSettings::default().problems(), Vec::<String>::new());
        let settings = TexSettings {
            signups_per_ip_per_hour: Bound(Some(0)),
            organizations_max: 0,
            access_token_lifetime_s: 0,
            refresh_token_lifetime_s: SIGNED_TOKEN_LIFETIME_MAX_S + 1,
            ..TexSettings::default()
        };
        let problems = settings.problems();
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.contains(" is ")), "{problems:?}");
    }
}
