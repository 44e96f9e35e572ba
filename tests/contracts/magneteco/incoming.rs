//! Webhooks that come in: signed as each provider signs, or brought with a key; whose they are, what
//! is refused, and that nothing is kept twice.

use aws_lc_rs::hmac;
use hebbd::control::keys::{KeyKind, KeyOrder};
use hebbd::types::{Bound, Clock, TenantId};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::check_answer;
use crate::runner::{Answer, client};
use crate::scene::Scene;

const START: &str = "2026-05-08T10:00:00Z";
/// A look costs a request, so these are minutes.
const LOOKS_MAX: usize = 100_000;
const SECRET: &str = "whsec_a secret between two machines";

/// A server with an app on it, whose key may do everything.
struct Shop {
    scene: Scene,
    app: App,
}

#[derive(Clone)]
struct App {
    tenant: TenantId,
    handle: String,
    key: String,
}

impl Shop {
    fn open() -> Self {
        Self::with_limit(Bound(None))
    }

    fn with_limit(webhooks_per_minute: Bound<u32>) -> Self {
        let scene = Scene::with(START, |config| {
            config.magneteco.webhooks_per_minute = webhooks_per_minute;
            config.magneteco.reads_per_minute = Bound(None);
        });
        let app = new_app(&scene);
        Self { scene, app }
    }

    async fn send(
        &self,
        key: Option<&str>,
        method: Method,
        target: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> Answer {
        let answer = self.send_unchecked(key, method, target, headers, body).await;
        check_answer(&answer).unwrap_or_else(|why| panic!("{why}: {answer:?}"));
        answer
    }

    async fn send_unchecked(
        &self,
        key: Option<&str>,
        method: Method,
        target: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> Answer {
        let url = format!("{}{target}", self.scene.server.base_url);
        let mut request = client().request(method, url).body(body.to_owned());
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Answer::to(request, target).await.unwrap()
    }

    /// A request with the app's key.
    async fn ask(&self, method: Method, target: &str, body: Value) -> Answer {
        let key = Some(self.app.key.as_str());
        self.send(key, method, target, &[], &body.to_string()).await
    }

    async fn configure(&self, source: &str, body: Value) -> Value {
        let target = format!("/v1/config/webhook-sources/{source}");
        self.ask(Method::PUT, &target, body).await.with_status(200)
    }

    /// Stripe's events of one customer count.
    async fn expect_stripe(&self) -> Value {
        let body = json!({
            "secret": SECRET, "users": {"cus_1": "ada"},
            "events": {"invoice.paid": {"category": "general", "importance": "high"}},
        });
        self.configure("stripe", body).await
    }

    /// A delivery without a key.
    async fn deliver(&self, source: &str, headers: &[(&str, String)], body: &str) -> Answer {
        self.send(None, Method::POST, &format!("/v1/webhooks/{source}"), headers, body).await
    }

    async fn deliver_stripe(&self, body: &str) -> Answer {
        self.deliver("stripe", &[self.stripe_signature(SECRET, body)], body).await
    }

    fn stripe_signature(&self, secret: &str, body: &str) -> (&'static str, String) {
        let time = self.scene.clock.now().as_secs();
        let signature = hmac_of(secret, &format!("{time}.{body}"));
        ("Stripe-Signature", format!("t={time},v1={signature}"))
    }

    /// The id of the event that a delivery became, once it is remembered.
    async fn processed(&self, answer: &Answer) -> String {
        let body = answer.with_status(200);
        assert_eq!(body["status"], "processed", "{body}");
        let id = body["eventId"].as_str().unwrap().to_owned();
        for _ in 0..LOOKS_MAX {
            let target = format!("/v1/memorize/{id}/status");
            let status = self.ask(Method::GET, &target, json!({})).await.with_status(200);
            match status["status"].as_str().unwrap() {
                "completed" => return id,
                "failed" => panic!("{status}"),
                _ => {}
            }
        }
        panic!("{id} is not remembered after {LOOKS_MAX} looks");
    }

    /// How many facts are known of a user.
    async fn fact_count(&self, user: &str) -> u64 {
        let target = format!("/v1/categories/test/{user}");
        let body = self.ask(Method::GET, &target, json!({})).await.with_status(200);
        let categories = body["categories"].as_array().unwrap();
        categories.iter().map(|category| category["itemCount"].as_u64().unwrap()).sum()
    }

    /// How many deliveries and the like were kept of a user, which they are no more.
    async fn forget(&self, user: &str) -> u64 {
        let body = json!({"appId": "test", "userId": user, "confirm": true});
        let answer = self.ask(Method::POST, "/v1/forget", body).await.with_status(200);
        answer["deleted"]["resources"].as_u64().unwrap()
    }
}

fn new_app(scene: &Scene) -> App {
    let tenant = scene.server.new_tenant("local");
    let order = KeyOrder {
        scopes: Some(vec!["*".to_owned()]),
        ..KeyOrder::for_tenant(tenant, KeyKind::Magneteco, "test")
    };
    let key = scene.server.directory.create_key(order).unwrap();
    let key = key.secret.expose_secret().to_owned();
    let handle = scene.server.directory.get_tenant(tenant).unwrap().public_handle();
    App { tenant, handle, key }
}

fn hmac_of(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, text.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn stripe_event(id: &str, event_type: &str, customer: &str) -> String {
    json!({
        "id": id, "object": "event", "created": 1_778_000_000, "type": event_type,
        "data": {"object": {"customer": customer, "plan": "Enterprise", "total": 500}},
    })
    .to_string()
}

fn assert_refused(answer: &Answer) {
    let body = answer.with_status(401);
    assert_eq!(body["error"]["code"], "UNAUTHORIZED");
    assert_eq!(answer.header("x-ratelimit-limit"), None);
}

fn assert_ignored(answer: &Answer) {
    assert_eq!(answer.with_status(200), json!({"status": "ignored"}));
}

/// Checklist lines 43 and 49.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_event_of_a_mapped_customer_is_remembered_once_however_often_it_comes() {
    let shop = Shop::open();
    shop.expect_stripe().await;
    let body = stripe_event("evt_1", "invoice.paid", "cus_1");
    let id = shop.processed(&shop.deliver_stripe(&body).await).await;
    let facts = shop.fact_count("ada").await;
    assert!(facts > 0);
    // Stripe signs each attempt anew.
    shop.scene.clock.advance(std::time::Duration::from_secs(3_600));
    for _ in 0..2 {
        assert_eq!(shop.processed(&shop.deliver_stripe(&body).await).await, id);
    }
    assert_eq!(shop.fact_count("ada").await, facts);
    let other = stripe_event("evt_2", "invoice.paid", "cus_1");
    assert_ne!(shop.processed(&shop.deliver_stripe(&other).await).await, id);
    assert_eq!(shop.forget("ada").await, 2);
    assert_eq!(shop.forget("cus_1").await, 0);
}

/// Checklist line 44.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_missing_or_old_signature_is_refused_and_nothing_is_kept() {
    let shop = Shop::open();
    let body = stripe_event("evt_1", "invoice.paid", "cus_1");
    assert_refused(&shop.deliver_stripe(&body).await);
    shop.expect_stripe().await;
    let (name, good) = shop.stripe_signature(SECRET, &body);
    let last = if good.ends_with('0') { "1" } else { "0" };
    let wrong_digit = format!("{}{last}", &good[..good.len() - 1]);
    assert_refused(&shop.deliver("stripe", &[(name, wrong_digit)], &body).await);
    assert_refused(&shop.deliver("stripe", &[], &body).await);
    assert_refused(&shop.deliver("stripe", &[(name, String::new())], &body).await);
    let other = shop.stripe_signature("whsec_of somebody else", &body);
    assert_refused(&shop.deliver("stripe", &[other], &body).await);
    let tampered = body.replace("500", "900");
    assert_refused(&shop.deliver("stripe", &[(name, good.clone())], &tampered).await);
    assert_refused(&shop.deliver("github", &[(name, good.clone())], &body).await);
    // A key proves nothing where a signature is asked for.
    let key = Some(shop.app.key.as_str());
    let answer = shop.send(key, Method::POST, "/v1/webhooks/stripe", &[], &body).await;
    assert_refused(&answer);
    shop.scene.clock.advance(std::time::Duration::from_secs(600));
    assert_refused(&shop.deliver("stripe", &[(name, good)], &body).await);
    assert_eq!(shop.forget("ada").await, 0);
    shop.processed(&shop.deliver_stripe(&body).await).await;
    assert_eq!(shop.forget("ada").await, 1);
}

/// Checklist line 45.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_mapped_or_of_nobody_is_ignored() {
    let shop = Shop::open();
    shop.expect_stripe().await;
    for (event_type, customer) in
        [("invoice.voided", "cus_1"), ("invoice.paid", "cus_2"), ("invoice.paid", " ")]
    {
        assert_ignored(&shop.deliver_stripe(&stripe_event("evt_1", event_type, customer)).await);
    }
    assert_ignored(&shop.deliver_stripe("{}").await);
    let answer = shop.deliver_stripe("not json").await.with_status(400);
    assert_eq!(answer["error"]["details"], json!({"field": "body", "issue": "Invalid JSON"}));
    for user in ["ada", "cus_1", "cus_2"] {
        assert_eq!(shop.forget(user).await, 0, "{user}");
    }
    // Every event, and whoever it is of.
    let open = json!({"users": {"cus_1": "ada"}, "useUnmappedIds": true, "events": {"*": {}}});
    shop.configure("stripe", open).await;
    let body = stripe_event("evt_1", "invoice.voided", "cus_2");
    shop.processed(&shop.deliver_stripe(&body).await).await;
    assert_eq!((shop.forget("cus_2").await, shop.forget("ada").await), (1, 0));
}

/// Checklist line 46.
#[tokio::test(flavor = "multi_thread")]
async fn github_signs_its_body_and_says_the_rest_in_headers() {
    let shop = Shop::open();
    shop.configure("github", json!({"secret": SECRET, "events": {"pull_request": {}}})).await;
    let body = json!({"action": "opened", "sender": {"login": "octocat"},
                      "pull_request": {"title": "Fix the build"}});
    let body = body.to_string();
    let deliver = async |event: &str, id: &str, media_type: &str, body: &str| {
        let headers = [
            ("X-Hub-Signature-256", format!("sha256={}", hmac_of(SECRET, body))),
            ("X-GitHub-Event", event.to_owned()),
            ("X-GitHub-Delivery", id.to_owned()),
            ("Content-Type", media_type.to_owned()),
        ];
        shop.deliver("github", &headers, body).await
    };
    let json = "application/json";
    let id = shop.processed(&deliver("pull_request", "72d3-1", json, &body).await).await;
    assert_eq!(shop.processed(&deliver("pull_request", "72d3-1", json, &body).await).await, id);
    assert_ignored(&deliver("star", "72d3-2", json, &body).await);
    let form = "payload=%7B%22sender%22%3A%7B%22login%22%3A%22octocat%22%7D%2C%22action%22%3A%22closed%22%7D";
    let media_type = "application/x-www-form-urlencoded";
    let other = shop.processed(&deliver("pull_request", "72d3-3", media_type, form).await).await;
    assert_ne!(other, id);
    assert_eq!(shop.forget("octocat").await, 2);
}

/// Checklist line 46.
#[tokio::test(flavor = "multi_thread")]
async fn slack_signs_body_and_time_and_is_answered_its_challenge() {
    let shop = Shop::open();
    shop.configure("slack", json!({"secret": SECRET, "events": {"message": {}}})).await;
    let signed_at = |time: i64, secret: &str, body: &str| {
        let signature = hmac_of(secret, &format!("v0:{time}:{body}"));
        [
            ("X-Slack-Request-Timestamp", time.to_string()),
            ("X-Slack-Signature", format!("v0={signature}")),
        ]
    };
    let now = shop.scene.clock.now().as_secs();
    let asking = json!({"token": "t", "challenge": "3eZbrw1aB", "type": "url_verification"});
    let asking = asking.to_string();
    let answer = shop.deliver("slack", &signed_at(now, SECRET, &asking), &asking).await;
    assert_eq!(answer.with_status(200), json!({"challenge": "3eZbrw1aB"}));
    assert_refused(&shop.deliver("slack", &signed_at(now, "another", &asking), &asking).await);
    assert_refused(&shop.deliver("slack", &signed_at(now - 301, SECRET, &asking), &asking).await);
    assert_refused(&shop.deliver("slack", &[], &asking).await);
    let body = json!({
        "type": "event_callback", "event_id": "Ev1", "event_time": now - 5,
        "event": {"type": "message", "user": "U1", "text": "The launch moves to Friday"},
    });
    let body = body.to_string();
    let id =
        shop.processed(&shop.deliver("slack", &signed_at(now, SECRET, &body), &body).await).await;
    let again = shop.deliver("slack", &signed_at(now + 60, SECRET, &body), &body).await;
    assert_eq!(shop.processed(&again).await, id);
    assert_eq!(shop.forget("U1").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_without_a_published_scheme_sign_their_body_or_bring_a_key() {
    let shop = Shop::open();
    let body = json!({"eventType": "order_shipped", "userId": "ada", "data": {"order": "A1"}});
    let body = body.to_string();
    for source in ["netsuite", "salesforce"] {
        let target = format!("/v1/webhooks/{source}");
        let key = Some(shop.app.key.as_str());
        // Nothing is expected of it yet.
        assert_ignored(&shop.send(key, Method::POST, &target, &[], &body).await);
        shop.configure(source, json!({"events": {"order_shipped": {}}})).await;
        let with_key = shop.send(key, Method::POST, &target, &[], &body).await;
        shop.processed(&with_key).await;
        assert_refused(&shop.deliver(source, &[], &body).await);
        assert_refused(&shop.send(Some("mag_wrong"), Method::POST, &target, &[], &body).await);
        let signed = [("X-Webhook-Signature", format!("sha256={}", hmac_of(SECRET, &body)))];
        assert_refused(&shop.deliver(source, &signed, &body).await);
        shop.configure(source, json!({"secret": SECRET, "events": {"order_shipped": {}}})).await;
        let id = shop.processed(&shop.deliver(source, &signed, &body).await).await;
        // It has no id of its own, and is known again by its body.
        assert_eq!(shop.processed(&shop.deliver(source, &signed, &body).await).await, id);
        // What is signed badly is refused, whatever key comes with it.
        let wrong = [("X-Webhook-Signature", format!("sha256={}", hmac_of("another", &body)))];
        assert_refused(&shop.send(key, Method::POST, &target, &wrong, &body).await);
        let other_app = format!("{target}?app=another");
        let answer = shop.send(key, Method::POST, &other_app, &[], &body).await;
        assert_eq!(answer.with_status(403)["error"]["code"], "FORBIDDEN");
    }
    assert_eq!(shop.forget("ada").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_for_the_app_whose_secret_signed_it() {
    let shop = Shop::open();
    let other = new_app(&shop.scene);
    let configured = shop.expect_stripe().await;
    let path = format!("/v1/webhooks/stripe?app={}", shop.app.handle);
    assert_eq!(configured["path"], path.as_str());
    let events = json!({"secret": "whsec_other", "events": {"*": {}}});
    let target = "/v1/config/webhook-sources/stripe";
    let set = shop.send(Some(&other.key), Method::PUT, target, &[], &events.to_string()).await;
    set.with_status(200);
    let body = stripe_event("evt_1", "invoice.paid", "cus_1");
    let signed = [shop.stripe_signature("whsec_other", &body)];
    // Both apps are called `test`; one handle is one app.
    for query in ["", "?app=test", &format!("?app={}", other.handle)] {
        let answer = shop.deliver(&format!("stripe{query}"), &signed, &body).await;
        assert_eq!(answer.with_status(200)["status"], "processed", "{query}");
    }
    for query in [format!("?app={}", shop.app.handle), "?app=nobody".to_owned()] {
        assert_refused(&shop.deliver(&format!("stripe{query}"), &signed, &body).await);
    }
    assert_eq!(shop.forget("ada").await + shop.forget("cus_1").await, 0);
    let forget = json!({"appId": "test", "userId": "cus_1", "confirm": true}).to_string();
    let answer = shop.send(Some(&other.key), Method::POST, "/v1/forget", &[], &forget).await;
    assert_eq!(answer.with_status(200)["deleted"]["resources"], 1);
    shop.scene.server.directory.delete_tenant(other.tenant).unwrap();
    assert_refused(&shop.deliver("stripe", &signed, &body).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_shown_without_its_secret_and_ends_when_it_is_removed() {
    let shop = Shop::open();
    let target = "/v1/config/webhook-sources/stripe";
    shop.ask(Method::GET, target, json!({})).await.with_status(404);
    let configured = shop.expect_stripe().await;
    let shown = shop.ask(Method::GET, target, json!({})).await;
    assert_eq!(shown.with_status(200), configured);
    assert!(!shown.text.contains(SECRET) && configured["hasSecret"] == true);
    // The secret stays when it is not sent again.
    let body = json!({"appId": "test", "events": {"invoice.paid": {}}});
    assert_eq!(shop.configure("stripe", body).await["useUnmappedIds"], true);
    let body = stripe_event("evt_1", "invoice.paid", "cus_1");
    shop.processed(&shop.deliver_stripe(&body).await).await;
    shop.ask(Method::DELETE, target, json!({})).await.with_status(200);
    shop.ask(Method::DELETE, target, json!({})).await.with_status(404);
    assert_refused(&shop.deliver_stripe(&body).await);
    let again = shop.ask(Method::PUT, target, json!({"events": {"*": {}}})).await.with_status(400);
    let missing = json!({"field": "secret", "issue": "Required field missing"});
    assert_eq!(again["error"]["details"], missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_of_a_source_are_counted_for_the_app_once_it_is_known() {
    let shop = Shop::with_limit(Bound(Some(1_000)));
    shop.expect_stripe().await;
    shop.configure("github", json!({"secret": SECRET, "events": {"*": {}}})).await;
    let body = stripe_event("evt_1", "invoice.voided", "cus_1");
    for remaining in (0..1_000).rev() {
        let answer = shop.deliver_stripe(&body).await;
        assert_ignored(&answer);
        assert_eq!(answer.header("x-ratelimit-limit"), Some("1000"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(remaining.to_string().as_str()));
        if remaining % 100 == 0 {
            // What is refused costs the app nothing.
            assert_refused(&shop.deliver("stripe", &[], &body).await);
        }
    }
    let answer = shop.deliver_stripe(&body).await;
    assert_eq!(answer.with_status(429)["error"]["code"], "RATE_LIMITED");
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(answer.header("retry-after"), Some("60"));
    let signed = [("X-Hub-Signature-256", format!("sha256={}", hmac_of(SECRET, &body)))];
    assert_ignored(&shop.deliver("github", &signed, &body).await);
    shop.scene.clock.advance(std::time::Duration::from_secs(60));
    assert_ignored(&shop.deliver_stripe(&body).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_has_a_mebibyte_at_most() {
    let shop = Shop::open();
    shop.expect_stripe().await;
    let fill = |bytes: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(bytes - 8));
    assert_ignored(&shop.deliver_stripe(&fill(1_048_576)).await);
    // Nobody's yet, so nobody's limit is told.
    let long = fill(1_048_577);
    let signed = [shop.stripe_signature(SECRET, &long)];
    let target = "/v1/webhooks/stripe";
    let answer = shop.send_unchecked(None, Method::POST, target, &signed, &long).await;
    assert_eq!(answer.header("x-ratelimit-limit"), None);
    let answer = answer.with_status(400);
    assert_eq!(answer["error"]["details"], json!({"field": "body", "issue": "Too long"}));
}
