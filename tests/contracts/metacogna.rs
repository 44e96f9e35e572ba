//! What holds for every answer of the metacogna dialect, whatever the case, and what no case can
//! say: sessions and their ends, proxies and origins, documents on their way, windows of time, many
//! calls at once.

mod answers;
mod caller;
mod chatting;
mod checklist;
mod graphing;
mod indexing;
mod logging_in;
mod origins;
mod shapes;
mod signing_up;
mod uploads;
mod windows;

use std::path::Path;
use std::sync::Arc;

use hebbd::api::dialects::metacogna::ROUTES;
use hebbd::config::Config;
use hebbd::types::Bound;
use secrecy::SecretString;

pub(crate) use self::answers::check_answer;
use crate::support::TestServer;
use crate::ticking::TickingClock;

/// A new route shows here, and needs cases.
const DOCUMENTED_ROUTES: &[&str] = &[
    "GET /",
    "GET /api/health",
    "POST /api/auth/login",
    "POST /api/auth/logout",
    "POST /api/signup",
    "POST /api/ingest",
    "GET /api/documents",
    "POST /api/documents/reindex",
    "DELETE /api/documents/purge-errors",
    "DELETE /api/documents/{id}",
    "GET /api/documents/{id}/status",
    "GET /api/search",
    "POST /api/search",
    "GET /api/graph",
    "POST /api/chat",
];

const ADMIN: &str = "admin";
const ADMIN_PASSWORD: &str = "AdminPass123!";
/// What `ADMIN` sends for it.
const ADMIN_HASH: &str = "83f7bb760078346b67080a800131f0e1ee86cfe331c13fd34a14303248ecd6f0";

/// What cases name beside the plans there are.
const PLANS: &str = "[two-a-minute]\nrequests_per_minute = 2\n\
     [one-document]\ndocuments_max = 1\n\
     [hundred-bytes]\ndocument_bytes_max = 100\n";

/// Ten in the morning, with almost no time passing, and an admin of a known name.
pub(crate) fn server_for_cases(data_dir: &Path) -> TestServer {
    let clock = Arc::new(TickingClock::starting_at("2026-05-08T10:00:00Z"));
    TestServer::start_with(data_dir, clock, |config| {
        with_an_admin(config);
        config.plans = toml::from_str(PLANS).unwrap();
        config.metacogna.logins_per_minute_per_ip = Bound(None);
    })
}

fn with_an_admin(config: &mut Config) {
    config.metacogna.admin_username = Some(ADMIN.to_owned());
    config.metacogna.admin_password = Some(SecretString::from(ADMIN_PASSWORD));
}

#[test]
fn the_route_table_is_the_documented_one() {
    let mounted: Vec<String> =
        ROUTES.iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(mounted, DOCUMENTED_ROUTES);
}
