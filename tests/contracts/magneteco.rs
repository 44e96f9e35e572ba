//! What holds for every answer of the magneteco dialect, whatever the case, and what no case can
//! say: permissions, windows of time, what becomes of contents and events in the background, many
//! pages, forgetting, webhooks.

mod answers;
mod caller;
mod checklist;
mod forgetting;
mod incoming;
mod older_client;
mod outgoing;
mod permissions;
mod reading;
mod remembering;
mod windows;

use std::path::Path;
use std::sync::Arc;

use hebbd::api::dialects::magneteco::ROUTES;
use hebbd::types::{Bound, SystemClock};

pub(crate) use self::answers::check_answer;
use crate::support::TestServer;

/// A new route shows here, and needs cases.
const DOCUMENTED_ROUTES: &[&str] = &[
    "POST /v1/memorize",
    "GET /v1/memorize/{resource}/status",
    "POST /v1/events",
    "POST /v1/retrieve",
    "GET /v1/context/{app}/{user}",
    "GET /v1/categories/{app}/{user}",
    "GET /v1/entities/{app}/{user}",
    "GET /v1/entities/{app}/{user}/{entity}",
    "POST /v1/forget",
    "POST /v1/config/webhooks",
    "POST /v1/webhooks/{source}",
    "GET /v1/config/webhook-sources/{source}",
    "PUT /v1/config/webhook-sources/{source}",
    "DELETE /v1/config/webhook-sources/{source}",
    "GET /v1/health",
    "POST /v1/api/memorize",
    "GET /v1/api/memorize/{resource}/status",
    "POST /v1/api/events",
    "POST /v1/api/retrieve",
    "GET /v1/api/retrieve/categories",
    "GET /v1/api/apps/{app}/domain-config",
    "PUT /v1/api/apps/{app}/domain-config",
    "POST /api/memorize",
    "GET /api/memorize/{resource}/status",
    "POST /api/events",
    "POST /api/retrieve",
    "GET /api/retrieve/categories",
    "GET /api/apps/{app}/domain-config",
    "PUT /api/apps/{app}/domain-config",
    "GET /health",
];

/// A server for tests that look often at what becomes of something.
fn server_without_limits(data_dir: &Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        let settings = &mut config.magneteco;
        settings.memorize_per_minute = Bound(None);
        settings.retrieve_per_minute = Bound(None);
        settings.events_per_minute = Bound(None);
        settings.reads_per_minute = Bound(None);
        settings.forget_per_minute = Bound(None);
        settings.config_per_minute = Bound(None);
    })
}

#[test]
fn the_route_table_is_the_documented_one() {
    let mounted: Vec<String> =
        ROUTES.iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(mounted, DOCUMENTED_ROUTES);
}
