//! The wire contracts as data: `tests/contracts/<dialect>/*.json`, one runner for all dialects,
//! one real server. A mounted route without a case fails, and so does a route that answers a
//! caller without a key.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking"
)]

mod mnemoverse;
mod runner;
#[path = "../support/mod.rs"]
mod support;

use runner::Suite;
use support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn every_mnemoverse_case_holds() {
    let server = TestServer::start().await;
    let suite = Suite::load("mnemoverse", mnemoverse::check_answer);
    let report = suite.run(&server).await;
    report.assert_no_failures();
    report.assert_covers(hebbd::api::dialects::mnemoverse::ROUTES);
    report.assert_covers_checklist(mnemoverse::CHECKLIST);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operations_case_holds() {
    let server = TestServer::start().await;
    let suite = Suite::load("ops", |_| Ok(()));
    let report = suite.run(&server).await;
    report.assert_no_failures();
    report.assert_covers(hebbd::api::ops::ROUTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mnemoverse_route_but_the_public_ones_refuses_a_caller_without_a_key() {
    let server = TestServer::start().await;
    mnemoverse::check_routes_without_a_key(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixty_first_call_of_a_free_plan_is_refused_with_a_pause() {
    let server = TestServer::start().await;
    mnemoverse::check_the_rate_limit(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn minted_keys_have_the_form_clients_accept() {
    let server = TestServer::start().await;
    mnemoverse::check_the_form_of_keys(&server).await;
}

#[test]
fn the_mnemoverse_route_table_is_the_documented_one() {
    let mounted: Vec<String> = hebbd::api::dialects::mnemoverse::ROUTES
        .iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(mounted, mnemoverse::DOCUMENTED_ROUTES);
}
