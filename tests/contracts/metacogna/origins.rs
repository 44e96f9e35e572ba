//! Pages of other origins: which may send the cookie, and that refusals carry the headers too.

use hebbd::types::Bound;
use reqwest::Method;

use super::caller::{Caller, answer};
use crate::scene::Scene;

const START: &str = "2026-05-08T10:00:00Z";
const APP: &str = "https://app.example.org";

#[tokio::test(flavor = "multi_thread")]
async fn listed_origins_may_send_the_cookie_and_others_may_not() {
    let scene = Scene::with(START, |config| {
        config.metacogna.cors_origins = vec![APP.to_owned()];
    });
    let nobody = Caller::nobody(&scene.server);
    for (method, target) in [
        (Method::GET, "/"),
        (Method::OPTIONS, "/api/chat"),
        (Method::POST, "/api/signup"),
        (Method::GET, "/api/nothing"),
    ] {
        for (origin, allowed, credentials) in
            [(APP, APP, Some("true")), ("https://evil.example", "*", None)]
        {
            let request = nobody.request(method.clone(), target).header("Origin", origin);
            let answer = answer(request, target).await;
            assert_eq!(answer.header("access-control-allow-origin"), Some(allowed), "{target}");
            assert_eq!(answer.header("access-control-allow-credentials"), credentials, "{target}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{target}");
        }
    }
}

/// The limit by address stands outside of everything but these headers.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_calls_too_often_may_read_so() {
    let scene = Scene::with(START, |config| {
        config.server.requests_per_ip_per_minute = Bound(Some(1));
    });
    let nobody = Caller::nobody(&scene.server);
    answer(nobody.request(Method::GET, "/api/health"), "/api/health").await.with_status(200);
    answer(nobody.request(Method::GET, "/api/health"), "/api/health").await.with_status(429);
}
