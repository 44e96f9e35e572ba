//! Access and refresh tokens as anybody may look at them: three parts, claims in clear, and a
//! signature that the published key verifies.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hebbd::control::signing_keys::FormerTokens;
use serde_json::{Value, json};

use super::caller::{Caller, organization, user_of};
use crate::support::TestServer;

/// The header and the claims of a token.
fn parts(token: &str) -> (Value, Value) {
    let parts: Vec<_> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (read(parts[0]), read(parts[1]))
}

fn lifetime_s(claims: &Value) -> i64 {
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}

/// Checklist line 7.
#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_says_in_clear_for_whom_it_was_issued() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let (header, claims) = parts(&organization.token);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    assert!(header["kid"].is_string(), "{header}");
    assert_eq!(claims["org_id"], organization.handle);
    assert_eq!(claims["user_id"], user_of(organization.key_id));
    assert_eq!((&claims["roles"], &claims["type"]), (&json!(["*"]), &json!("access")));
    assert_eq!(lifetime_s(&claims), 86_400);
    assert!(claims["iat"].is_i64() && claims["exp"].is_i64(), "{claims}");
    for absent in ["session_id", "act"] {
        assert!(claims.get(absent).is_none(), "{claims}");
    }

    let caller = Caller::with(&server, &organization.token);
    let scopes = json!(["read", "tenant:write:any_user"]);
    let made = caller.post("/me/api-keys", json!({"scopes": scopes})).await.with_status(201);
    let body = json!({"api_key": made["api_key"], "user_id": "alice", "session_id": "s 1"});
    let tokens = caller.post("/auth/token-exchange", body).await.with_status(200);
    let own = format!("apikey_{}", &made["key"]["id"].as_str().unwrap()[..8]);
    let (_, claims) = parts(tokens["access_token"].as_str().unwrap());
    assert_eq!(claims["roles"], scopes);
    assert_eq!((&claims["user_id"], &claims["session_id"]), (&json!("alice"), &json!("s 1")));
    assert_eq!(claims["act"], json!({"sub": own}));
    assert_eq!(claims["org_id"], organization.handle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_of_the_same_shape_and_lives_a_week() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let (header, claims) = parts(&organization.refresh);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    assert_eq!(claims["type"], "refresh");
    assert_eq!(lifetime_s(&claims), 604_800);
}

/// The published keys that may have signed a token.
async fn published_keys(caller: &Caller, token: &str) -> Vec<Value> {
    let set = caller.get("/.well-known/jwks.json").await.with_status(200);
    let (header, _) = parts(token);
    let keys = set["keys"].as_array().unwrap().iter();
    keys.filter(|key| key["kid"] == header["kid"]).cloned().collect()
}

/// Verifies as somebody who knows nothing but the published key.
fn verifies(key: &Value, token: &str) -> bool {
    let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let public = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    public.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature).is_ok()
}

/// Checklist line 8.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_verify_with_the_published_key_and_changed_ones_do_not() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let nobody = Caller::nobody(&server);
    let renewed = nobody.refresh(&organization.refresh).await.with_status(200);
    let renewed = renewed["access_token"].as_str().unwrap();
    for token in [organization.token.as_str(), renewed, &organization.refresh] {
        let keys = published_keys(&nobody, token).await;
        assert_eq!(keys.len(), 1, "one key has the token's id");
        assert!(verifies(&keys[0], token), "{token}");
        let (head, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let claims = URL_SAFE_NO_PAD.encode(r#"{"org_id":"another"}"#);
        assert!(!verifies(&keys[0], &format!("{head}.{claims}.{signature}")));
    }
}

/// A token that was signed before the key changed verifies for as long as it lives.
#[tokio::test(flavor = "multi_thread")]
async fn former_keys_stay_published_while_their_tokens_live() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let nobody = Caller::nobody(&server);
    server.directory.rotate_signing_key(FormerTokens::Keep).unwrap();
    let renewed = nobody.refresh(&organization.refresh).await.with_status(200);
    let renewed = renewed["access_token"].as_str().unwrap();
    assert_ne!(parts(renewed).0["kid"], parts(&organization.token).0["kid"]);
    for token in [organization.token.as_str(), renewed] {
        let keys = published_keys(&nobody, token).await;
        assert!(keys.len() == 1 && verifies(&keys[0], token), "{token}");
        Caller::with(&server, token).get("/auth/verify").await.with_status(200);
    }
}

/// All the scopes a key can have, beside the longest names: tokens grow with them.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_tokens_work_like_any() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let caller = Caller::with(&server, &organization.token);
    let mut scopes: Vec<String> =
        (10..73).map(|number| format!("{number}{}", "s".repeat(98))).collect();
    scopes.push("agent".to_owned());
    let made = caller.post("/me/api-keys", json!({"scopes": scopes})).await.with_status(201);
    let (user, session) = ("\u{1f980}".repeat(256), "\u{1f980}".repeat(256));
    let body = json!({"api_key": made["api_key"], "user_id": user, "session_id": session});
    let tokens = caller.post("/auth/token-exchange", body).await.with_status(200);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let renewed = caller.refresh(refresh).await.with_status(200);
    for tokens in [tokens, renewed] {
        let caller = Caller::with(&server, tokens["access_token"].as_str().unwrap());
        let verified = caller.get("/auth/verify").await.with_status(200);
        let tenant = &verified["tenant"];
        assert_eq!((&tenant["user_id"], &tenant["session_id"]), (&json!(user), &json!(session)));
        assert_eq!(tenant["roles"], json!(scopes));
    }
}
