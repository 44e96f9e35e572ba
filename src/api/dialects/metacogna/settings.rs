//! What an operator may tune about the MetaCogna dialect, and the ranges that make sense.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::api::middleware::ip_limit::IpLimit;
use crate::control::plans::METACOGNA;
use crate::service::people::PASSWORD_CHARS_MIN;
use crate::types::{Bound, Clock};

const LOGIN_WINDOW: Duration = Duration::from_secs(60);
const PER_MINUTE_MAX: u32 = 10_000_000;
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const FILE_BYTES_FLOOR: u64 = 1_024;
const INGEST_TIMEOUT_S: std::ops::RangeInclusive<u64> = 1..=3_600;

/// The MetaCogna dialect.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetacognaSettings {
    /// The plan of those who are signed up. A configured one.
    pub plan: String,
    /// The user name of the first admin, who is made at the start while there is none. `None` for
    /// none. Needs a password.
    pub admin_username: Option<String>,
    /// In clear. Excludes `admin_password_file`.
    #[serde(deserialize_with = "crate::types::secret::optional")]
    pub admin_password: Option<SecretString>,
    /// A file whose trimmed content is the password. Read once, when the admin is made.
    pub admin_password_file: Option<PathBuf>,
    /// Passwords presented from one client address in any minute, 1 to 10,000,000. An IPv6 client
    /// counts as its /64.
    pub logins_per_minute_per_ip: Bound<u32>,
    /// Chats of one user in a minute, 1 to 10,000,000.
    pub chat_per_minute: Bound<u32>,
    /// Searches of one user in a minute, 1 to 10,000,000.
    pub search_per_minute: Bound<u32>,
    /// Bytes of one file that is sent in, 1 KiB to 1 GiB.
    pub file_bytes_max: u64,
    /// How long taking a document may last: its arrival, and its indexing while the caller waits.
    /// 1 to 3,600. What takes longer goes on without the caller.
    pub ingest_timeout_s: u64,
    /// Whether the session's cookie is `Secure` however its login came.
    pub force_secure_cookie: bool,
    /// Origins whose pages may send the cookie, such as `https://app.example.org`.
    pub cors_origins: Vec<String>,
}

impl Default for MetacognaSettings {
    fn default() -> Self {
        Self {
            plan: METACOGNA.to_owned(),
            admin_username: None,
            admin_password: None,
            admin_password_file: None,
            logins_per_minute_per_ip: Bound(Some(60)),
            chat_per_minute: Bound(Some(10)),
            search_per_minute: Bound(Some(20)),
            file_bytes_max: 25 * 1024 * 1024,
            ingest_timeout_s: 300,
            force_secure_cookie: false,
            cors_origins: Vec::new(),
        }
    }
}

impl MetacognaSettings {
    /// The limit on presenting passwords, with nothing counted yet.
    pub(super) fn login_limit(&self, ips_max: usize, clock: Arc<dyn Clock>) -> IpLimit {
        let per_ip = self.logins_per_minute_per_ip.0.and_then(NonZeroU32::new);
        IpLimit::new(per_ip, LOGIN_WINDOW, ips_max, clock)
    }

    pub(super) fn ingest_timeout(&self) -> Duration {
        Duration::from_secs(self.ingest_timeout_s)
    }

    /// Everything that is wrong with these settings, one sentence each, beginning with the key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, limit) in [
            ("logins_per_minute_per_ip", self.logins_per_minute_per_ip),
            ("chat_per_minute", self.chat_per_minute),
            ("search_per_minute", self.search_per_minute),
        ] {
            if let Some(limit) = limit.0.filter(|n| !(1..=PER_MINUTE_MAX).contains(n)) {
                problems.push(format!(
                    "{key} is {limit}; it must lie in 1..={PER_MINUTE_MAX}, or be \"unlimited\""
                ));
            }
        }
        if !(FILE_BYTES_FLOOR..=FILE_BYTES_MAX).contains(&self.file_bytes_max) {
            problems.push(format!(
                "file_bytes_max is {}; it must lie in {FILE_BYTES_FLOOR}..={FILE_BYTES_MAX}",
                self.file_bytes_max
            ));
        }
        if !INGEST_TIMEOUT_S.contains(&self.ingest_timeout_s) {
            let (shortest, longest) = INGEST_TIMEOUT_S.into_inner();
            problems.push(format!(
                "ingest_timeout_s is {}; it must lie in {shortest}..={longest}",
                self.ingest_timeout_s
            ));
        }
        self.admin_problems(&mut problems);
        for origin in &self.cors_origins {
            if !is_origin(origin) {
                problems.push(format!(
                    "cors_origins has {origin:?}; an origin is a scheme, a host and perhaps a port, \
                     such as https://app.example.org"
                ));
            }
        }
        problems
    }

    fn admin_problems(&self, problems: &mut Vec<String>) {
        let has_password = self.admin_password.is_some() || self.admin_password_file.is_some();
        match &self.admin_username {
            Some(name) if name.trim().is_empty() => {
                problems.push("admin_username is empty; give it a name or leave it out".to_owned());
            }
            Some(_) if !has_password => problems.push(
                "admin_username needs a password; set admin_password_file, or admin_password by \
                 the environment"
                    .to_owned(),
            ),
            None if has_password => {
                problems.push("admin_username is missing beside its password; set it".to_owned());
            }
            _ => {}
        }
        let chars = self.admin_password.as_ref().map(|text| text.expose_secret().chars().count());
        if chars.is_some_and(|chars| chars < PASSWORD_CHARS_MIN) {
            problems.push(format!("admin_password has fewer than {PASSWORD_CHARS_MIN} characters"));
        }
        if self.admin_password.is_some() && self.admin_password_file.is_some() {
            let both = "admin_password and admin_password_file exclude each other; set one";
            problems.push(both.to_owned());
        }
    }
}

/// `http://` or `https://`, and something without a path behind it. Browsers send it in lower case
/// and without a slash at its end.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_host =
        |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase() || b".-_:[]".contains(&byte);
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problems_and_every_problem_names_its_key() {
        assert_eq!(MetacognaSettings::default().problems(), Vec::<String>::new());
        let settings = MetacognaSettings {
            logins_per_minute_per_ip: Bound(Some(0)),
            chat_per_minute: Bound(Some(0)),
            search_per_minute: Bound(Some(PER_MINUTE_MAX + 1)),
            file_bytes_max: 1,
            cors_origins: vec!["*".to_owned()],
            ..MetacognaSettings::default()
        };
        let problems = settings.problems();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(
            problems.iter().all(|problem| problem.contains(" is ") || problem.contains(" has "))
        );
    }

    #[test]
    fn an_admin_has_a_name_and_one_password() {
        let of = |name: Option<&str>, password: Option<&str>, file: Option<&str>| {
            let settings = MetacognaSettings {
                admin_username: name.map(str::to_owned),
                admin_password: password.map(SecretString::from),
                admin_password_file: file.map(PathBuf::from),
                ..MetacognaSettings::default()
            };
            settings.problems().len()
        };
        assert_eq!(of(Some("admin"), Some("AdminPass123!"), None), 0);
        assert_eq!(of(Some("admin"), None, Some("/run/secrets/password")), 0);
        for (name, password, file) in [
            (Some("admin"), None, None),
            (None, Some("AdminPass123!"), None),
            (None, None, Some("/run/secrets/password")),
            (Some("admin"), Some("short"), None),
            (Some("  "), Some("AdminPass123!"), None),
            (Some("admin"), Some("AdminPass123!"), Some("/run/secrets/password")),
        ] {
            assert_eq!(of(name, password, file), 1, "{name:?} {file:?}");
        }
    }

    #[test]
    fn an_origin_is_what_browsers_send() {
        for good in ["https://app.example.org", "http://localhost:3000", "http://[::1]:8080"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in ["*", "", "https://", "https://a.org/", "https://A.org", "a.org", "null"] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
