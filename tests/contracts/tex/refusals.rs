//! What is no access token opens no product route.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::json;

use super::caller::{Caller, organization};
use super::product_routes;
use crate::runner::Answer;
use crate::support::TestServer;

async fn ask(nobody: &Caller, route: &(Method, String), authorization: Option<&str>) -> Answer {
    let headers: Vec<_> = authorization.map(|it| ("Authorization", it)).into_iter().collect();
    nobody.send(route.0.clone(), &route.1, &headers, Some("{}".to_owned())).await
}

/// Checklist line 13, but for expired tokens.
#[tokio::test(flavor = "multi_thread")]
async fn every_product_route_refuses_a_caller_without_a_token() {
    let server = TestServer::start().await;
    let nobody = Caller::nobody(&server);
    for route in product_routes() {
        let error = ask(&nobody, &route, None).await.with_status(401);
        assert_eq!(error["message"], "Not authenticated", "{route:?}");
        for none in [Some("Basic YTpi"), Some("Bearer"), Some("Bearer "), Some("")] {
            ask(&nobody, &route, none).await.with_status(401);
        }
    }
}

/// Checklist lines 12 and 13.
#[tokio::test(flavor = "multi_thread")]
async fn every_product_route_refuses_what_is_no_access_token_of_ours() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let parts: Vec<_> = organization.token.split('.').collect();
    let (head, claims, signature) = (parts[0], parts[1], parts[2]);
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let read = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let write = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let other_claims = write(&read(claims).replace(&organization.handle, "another-org"));
    assert_ne!(other_claims, claims);
    let headed = |algorithm: &str| write(&read(head).replace("RS256", algorithm));
    let wrong = [
        organization.refresh.clone(),
        organization.api_key.clone(),
        format!("{head}.{claims}.{first}{}", &signature[1..]),
        format!("{head}.{other_claims}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        format!("{}.", organization.token),
        format!("{}.{claims}.", headed("none")),
        format!("{}.{claims}.{signature}", headed("HS256")),
        "garbage".to_owned(),
        "..".to_owned(),
        "x".repeat(40_000),
    ];
    let nobody = Caller::nobody(&server);
    for route in product_routes() {
        for token in &wrong {
            let answer = ask(&nobody, &route, Some(&format!("Bearer {token}"))).await;
            let error = answer.with_status(401);
            assert_eq!(error["message"], "Invalid token", "{route:?} with {token}");
        }
    }
    // None of that has spoilt anything.
    let bearer = format!("bearer {}", organization.token);
    let me = (Method::GET, "/me".to_owned());
    ask(&nobody, &me, Some(&bearer)).await.with_status(200);
}

/// Checklist line 22: revoking a key ends what it can be exchanged for, and no token there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_revoked_key_works_on_every_product_route() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let caller = Caller::with(&server, &organization.token);
    caller.delete(&format!("/me/api-keys/{}", organization.key_id)).await.with_status(204);
    for (method, path) in product_routes() {
        let answer = caller.send(method.clone(), &path, &[], Some("{}".to_owned())).await;
        assert_ne!(answer.status, 401, "{method} {path}: {answer:?}");
    }
    let nobody = Caller::nobody(&server);
    let refused = nobody.exchange(&organization.api_key).await.with_status(401);
    assert_eq!(refused["message"], "Invalid API key");
    nobody.refresh(&organization.refresh).await.with_status(401);
    // A token of another key of the organization is not touched.
    let made = caller.post("/me/api-keys", json!({})).await.with_status(201);
    nobody.exchange(made["api_key"].as_str().unwrap()).await.with_status(200);
}
