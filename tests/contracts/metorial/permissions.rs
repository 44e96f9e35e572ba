//! What each kind of key may do, on every route there is.

use hebbd::api::dialects::metorial::ROUTES;
use reqwest::Method;
use serde_json::json;

use super::caller::Caller;
use super::{server_without_limits, unnamed};
use crate::runner::{Answer, client};
use crate::support::environment::{Environment, MADE_UP};

const KINDS: [&str; 4] = ["nobody", "publishable", "secret", "management"];

/// Whether a kind of key may use a route, before anything is known of what it asks for.
fn is_let_in(kind: &str, method: &str, path: &str) -> bool {
    let is_public_read = method == "GET"
        && matches!(unnamed(path).as_str(), "/agents" | "/agents/{}" | "/instance" | "/token");
    let is_management = path.starts_with("/organization/") || path.starts_with("/instances");
    match kind {
        "nobody" => is_keyless(path),
        "publishable" => is_public_read || is_keyless(path),
        "secret" => !is_management,
        // It is let in to be told that it has no environment.
        _ => is_management || matches!(path, "/token" | "/instance") || is_keyless(path),
    }
}

fn is_keyless(path: &str) -> bool {
    path.starts_with("/files/retrieve/") || path.starts_with("/metorial/introspect/")
}

/// A path that leads to a route and to nothing that is there.
fn made_up(path: &str) -> String {
    let last = path.split('/').map(|one| if one.starts_with('{') { MADE_UP } else { one });
    last.collect::<Vec<_>>().join("/")
}

/// Checklist line 8, and the table of what keys may do.
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_key_is_let_in_where_it_may_and_nowhere_else() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let environment = Environment::new(&server, false);
    let callers = [
        Caller::nobody(&server),
        Caller::with(&server, &environment.public_key),
        Caller::with(&server, &environment.key),
        Caller::manager(&server),
    ];
    for (method, path) in ROUTES {
        for (kind, caller) in KINDS.into_iter().zip(&callers) {
            for answer in all_kinds_of_bodies(caller, method, &made_up(path)).await {
                let is_refused = matches!(answer.status, 401 | 403);
                let expected = !is_let_in(kind, method, path);
                assert_eq!(is_refused, expected, "{kind}: {method} {path}: {answer:?}");
                if is_refused {
                    let (status, code) = match kind {
                        "nobody" => (401, "unauthorized"),
                        _ => (403, "forbidden"),
                    };
                    let body = answer.with_status(status);
                    assert_eq!(body["code"], code);
                    assert_eq!(body.get("errors"), None, "it tells what is wrong: {body}");
                }
            }
        }
    }
}

/// Nothing, what is no JSON, what no handler takes, and what is of no known type.
async fn all_kinds_of_bodies(caller: &Caller, method: &str, path: &str) -> Vec<Answer> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut answers = vec![caller.send(method.clone(), path, None).await];
    if method == Method::GET || method == Method::DELETE {
        return answers;
    }
    for (media_type, body) in
        [("application/json", "{"), ("application/json", "[7]"), ("text/plain", "x")]
    {
        let request = caller.request(method.clone(), path);
        let request = request.header("Content-Type", media_type).body(body);
        answers.push(caller.answer(request, path).await);
    }
    answers
}

/// Whatever other memory routes the server has, what anybody may know lets nobody in there.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_but_a_secret_one_reads_memory_by_other_routes() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let environment = Environment::new(&server, false);
    let secret = Caller::with(&server, &environment.key);
    let session = secret.create("/sessions", json!({})).await;
    secret.say(&session, "The roof of the barn leaks.").await;
    for key in [environment.public_key, Environment::management_key(&server)] {
        for (method, path) in [
            (Method::POST, "/api/v1/memory/read"),
            (Method::GET, "/api/v1/memory/export"),
            (Method::POST, "/recall"),
            (Method::POST, "/v1/retrieve"),
            (Method::POST, "/api/retrieve"),
            (Method::POST, "/api/search"),
            (Method::POST, "/session-messages/search"),
        ] {
            let url = format!("{}{path}", server.base_url);
            let request = client().request(method, url).bearer_auth(&key);
            let request =
                request.header("X-Api-Key", &key).header("Content-Type", "application/json");
            let answer = request.body(r#"{"query": "roof", "q": "roof"}"#).send().await.unwrap();
            let status = answer.status().as_u16();
            assert!(matches!(status, 401 | 403 | 404), "{path}: {status}");
            assert!(!answer.text().await.unwrap().contains("barn"), "{path}");
        }
    }
}
