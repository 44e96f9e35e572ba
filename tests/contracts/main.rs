//! The wire contracts as data: `tests/contracts/<dialect>/*.json`, one runner for all dialects,
//! one real server. A mounted route without a case fails, and so does a route that answers a
//! caller without a key.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking, and prints its seed"
)]

mod magneteco;
mod metacogna;
mod metorial;
mod mnemoverse;
#[path = "../support/receiver.rs"]
mod receiver;
mod runner;
mod scene;
#[path = "../recovery/seed.rs"]
mod seed;
#[path = "../support/mod.rs"]
mod support;
mod tex;
mod ticking;

use runner::{Callers, Suite};
use support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn every_mnemoverse_case_holds() {
    let server = TestServer::start().await;
    let suite = Suite::load("mnemoverse", mnemoverse::check_answer);
    let report = suite.run(&server).await;
    report.assert_no_failures();
    report.assert_covers(hebbd::api::dialects::mnemoverse::ROUTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tex_case_holds() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = tex::server_for_cases(data_dir.path());
    let suite = Suite::load("tex", tex::check_answer).with(Callers::Tokens);
    let report = suite.run(&server).await;
    report.assert_no_failures();
    report.assert_covers(hebbd::api::dialects::tex::ROUTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_magneteco_case_holds() {
    let server = TestServer::start().await;
    let suite = Suite::load("magneteco", magneteco::check_answer).with(Callers::Apps);
    let report = suite.run(&server).await;
    report.assert_no_failures();
    report.assert_covers(hebbd::api::dialects::magneteco::ROUTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metacogna_case_holds() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = metacogna::server_for_cases(data_dir.path());
    let suite = Suite::load("metacogna", metacogna::check_answer).with(Callers::Sessions);
    let report = suite.run(&server).await;
    report.assert_no_failures();
    report.assert_covers(hebbd::api::dialects::metacogna::ROUTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metorial_case_holds() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = metorial::server_without_limits(data_dir.path());
    let suite = Suite::load("metorial", metorial::check_answer).with(Callers::Environments);
    let report = suite.run(&server).await;
    report.assert_no_failures();
    report.assert_covers(hebbd::api::dialects::metorial::ROUTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operations_case_holds() {
    let server = TestServer::start().await;
    let suite = Suite::load("ops", |_| Ok(()));
    let report = suite.run(&server).await;
    report.assert_no_failures();
    report.assert_covers(hebbd::api::ops::ROUTES);
}
