//! What holds for every answer of the tex dialect, whatever the case, and what no case can say:
//! tokens and their ends, midnight, many calls at once, and the tables that leave nothing out.

mod answers;
mod caller;
mod checklist;
mod clients;
mod enrichment;
mod envelope;
mod expiry;
mod keys;
mod oversized;
mod quotas;
mod recall_answers;
mod recalling;
mod refusals;
mod settings;
mod sharing;
mod signed_tokens;
mod signing_up;
mod usage;

use std::path::Path;
use std::sync::Arc;

use hebbd::api::dialects::tex::{PUBLIC_PATHS, ROUTES};
use reqwest::Method;

pub(crate) use self::answers::check_answer;
use crate::support::TestServer;
use crate::ticking::TickingClock;

/// A new route shows here, and needs cases. `GET /health` serves every dialect and is not ours.
const DOCUMENTED_ROUTES: &[&str] = &[
    "POST /signup",
    "POST /auth/token-exchange",
    "POST /auth/refresh",
    "POST /auth/login",
    "GET /.well-known/jwks.json",
    "GET /auth/verify",
    "GET /me",
    "GET /me/api-keys",
    "POST /me/api-keys",
    "DELETE /me/api-keys/{id}",
    "POST /ingestion/memory",
    "POST /recall",
    "GET /usage/today",
    "GET /usage/summary",
];

/// What cases name beside the plans there are: each allows little of one thing.
const PLANS: &str = "\
    [sips-in]\ntokens_in_per_day = 10\n\
    [exactly-six-in]\ntokens_in_per_day = 6\n\
    [sips-out]\ntokens_out_per_day = 20\n\
    [sips-both-ways]\ntokens_in_per_day = 12\ntokens_out_per_day = 20\n\
    [two-a-minute]\nrequests_per_minute = 2\n\
    [one-question]\nqueries_per_day = 1\n\
    [one-atom]\natoms_max = 1\n";

/// Ten in the morning, with almost no time passing: cases know every time there is, and no test runs
/// into midnight.
pub(crate) fn server_for_cases(data_dir: &Path) -> TestServer {
    let clock = Arc::new(TickingClock::starting_at("2026-05-08T10:00:00Z"));
    TestServer::start_with(data_dir, clock, |config| {
        config.plans = toml::from_str(PLANS).unwrap();
    })
}

/// The routes that need an access token, each with a path that names nothing there is.
fn product_routes() -> impl Iterator<Item = (Method, String)> {
    let routes = ROUTES.iter().filter(|(_, pattern)| !PUBLIC_PATHS.contains(pattern));
    routes.map(|(method, pattern)| {
        let path = pattern.replace("{id}", "0190a000-0000-4000-8000-000000000000");
        (method.parse().unwrap(), path)
    })
}

#[test]
fn the_route_table_is_the_documented_one() {
    let mounted: Vec<String> =
        ROUTES.iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(mounted, DOCUMENTED_ROUTES);
}
