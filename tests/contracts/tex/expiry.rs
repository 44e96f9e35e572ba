//! Tokens end when they say so, to the second, and a refresh goes on where they end.

use std::time::Duration;

use super::caller::{Caller, organization};
use super::product_routes;
use crate::scene::Scene;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

const START: &str = "2026-05-08T10:00:00Z";

/// Checklist lines 10 and 13.
#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_ends_after_a_day_on_every_product_route() {
    let scene = Scene::at(START);
    let organization = organization(&scene.server, "tex-free").await;
    let caller = Caller::with(&scene.server, &organization.token);
    scene.clock.advance(DAY - SECOND);
    caller.get("/auth/verify").await.with_status(200);
    let renewed = caller.refresh(&organization.refresh).await.with_status(200);
    caller.get("/me").await.with_status(200);

    scene.clock.advance(SECOND);
    for (method, path) in product_routes() {
        let answer = caller.send(method.clone(), &path, &[], Some("{}".to_owned())).await;
        assert_eq!(answer.with_status(401)["message"], "Token has expired", "{method} {path}");
    }
    let renewed = Caller::with(&scene.server, renewed["access_token"].as_str().unwrap());
    renewed.get("/me").await.with_status(200);
    scene.clock.advance(DAY - SECOND);
    renewed.get("/me").await.with_status(401);
}

/// Checklist line 11. A refresh does not end the token it was made with.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_ends_after_a_week_and_each_refresh_gives_another() {
    let scene = Scene::at(START);
    let organization = organization(&scene.server, "tex-free").await;
    let nobody = Caller::nobody(&scene.server);
    scene.clock.advance(DAY);
    let renewed = nobody.refresh(&organization.refresh).await.with_status(200);
    let next = renewed["refresh_token"].as_str().unwrap();
    assert_ne!(next, organization.refresh);

    scene.clock.advance(6 * DAY - SECOND);
    nobody.refresh(&organization.refresh).await.with_status(200);
    scene.clock.advance(SECOND);
    nobody.refresh(&organization.refresh).await.with_status(401);

    let renewed = nobody.refresh(next).await.with_status(200);
    let caller = Caller::with(&scene.server, renewed["access_token"].as_str().unwrap());
    caller.get("/auth/verify").await.with_status(200);
    scene.clock.advance(DAY);
    nobody.refresh(next).await.with_status(401);
    nobody.exchange(&organization.api_key).await.with_status(200);
}
