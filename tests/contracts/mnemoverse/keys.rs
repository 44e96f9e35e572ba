//! Keys as they are minted and revoked.

use secrecy::ExposeSecret;
use serde_json::json;

use super::caller::Caller;
use crate::support::TestServer;

/// Checklist line 8: no client or person refuses a key of this form.
#[tokio::test(flavor = "multi_thread")]
async fn minted_keys_have_the_form_clients_accept() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let digits = key.strip_prefix("mk_live_").unwrap_or_else(|| panic!("a key without prefix"));
    assert_eq!(digits.len(), 32, "a key has 32 digits");
    assert!(digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
}

/// Checklist line 5. The tenant's other key goes on working.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_and_named_as_revoked() {
    let server = TestServer::start().await;
    let tenant = server.new_tenant("local");
    let (lost, kept) = (server.new_key(tenant), server.new_key(tenant));
    let lost_caller = Caller::new(&server, lost.secret.expose_secret().to_owned());
    let kept_caller = Caller::new(&server, kept.secret.expose_secret().to_owned());
    lost_caller.post("memory/write", json!({"content": "Written before"})).await.ok();

    server.directory.revoke_key(lost.info.id).unwrap();
    for refused in [
        lost_caller.get("memory/stats").await,
        lost_caller.post("memory/write", json!({"content": "Written after"})).await,
        lost_caller.delete("memory/domain/general").await,
    ] {
        let error = refused.refused(401, "UNAUTHORIZED");
        assert_eq!(error["retryable"], false);
        assert_eq!(error["details"]["reason"], "revoked_key");
        assert!(error["message"].as_str().unwrap().contains("API key"), "{error}");
    }
    assert_eq!(kept_caller.get("memory/stats").await.ok()["total_atoms"], 1);
}
