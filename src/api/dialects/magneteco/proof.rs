//! Where a delivery's headers have its proof, and what else they say of it.

use actix_web::http::header::HeaderMap;

use super::convert::Envelope;
use crate::control::webhook_signatures::{SignatureScheme, WebhookProof};
use crate::control::webhook_sources::WebhookProvider;
use crate::types::Timestamp;

const SLACK_TIME: &str = "X-Slack-Request-Timestamp";
const GITHUB_EVENT: &str = "X-GitHub-Event";
const GITHUB_DELIVERY: &str = "X-GitHub-Delivery";

fn scheme(provider: WebhookProvider) -> SignatureScheme {
    match provider {
        WebhookProvider::Stripe => SignatureScheme::Stripe,
        WebhookProvider::Slack => SignatureScheme::Slack,
        WebhookProvider::GitHub | WebhookProvider::NetSuite | WebhookProvider::Salesforce => {
            SignatureScheme::Body
        }
    }
}

fn signature_header(provider: WebhookProvider) -> &'static str {
    match provider {
        WebhookProvider::Stripe => "Stripe-Signature",
        WebhookProvider::GitHub => "X-Hub-Signature-256",
        WebhookProvider::Slack => "X-Slack-Signature",
        WebhookProvider::NetSuite | WebhookProvider::Salesforce => "X-Webhook-Signature",
    }
}

/// Whether deliveries may come with a key in place of a signature.
pub(super) fn may_bring_a_key(provider: WebhookProvider) -> bool {
    matches!(provider, WebhookProvider::NetSuite | WebhookProvider::Salesforce)
}

/// Whether a delivery claims to be signed, well or not.
pub(super) fn is_signed(provider: WebhookProvider, headers: &HeaderMap) -> bool {
    headers.contains_key(signature_header(provider))
}

/// The proof, if it is well formed and of this time.
pub(super) fn proof_in(
    provider: WebhookProvider,
    headers: &HeaderMap,
    now: Timestamp,
) -> Option<WebhookProof> {
    let signature = text_of(headers, signature_header(provider))?;
    WebhookProof::parse(scheme(provider), signature, text_of(headers, SLACK_TIME), now)
}

/// What the headers say of a delivery beside its proof. GitHub alone puts anything there.
pub(super) fn envelope_in(provider: WebhookProvider, headers: &HeaderMap) -> Envelope {
    if provider != WebhookProvider::GitHub {
        return Envelope::default();
    }
    Envelope {
        event_type: text_of(headers, GITHUB_EVENT).map(str::to_owned),
        id: text_of(headers, GITHUB_DELIVERY).map(str::to_owned),
        print: None,
        is_form: text_of(headers, "Content-Type").is_some_and(is_form),
    }
}

fn is_form(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The only header of that name; `None` where there are several, of which a proxy in front may
/// have looked at another.
fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn headers(pairs: &[(&str, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::try_from(value).unwrap());
        }
        headers
    }

    #[test]
    fn each_provider_s_proof_is_read_from_its_own_headers() {
        let now = Timestamp::from_micros(1_000_000_000);
        let stripe = ("stripe-signature", format!("t=1000,v1={SIGNATURE}"));
        let slack = ("x-slack-signature", format!("v0={SIGNATURE}"));
        let slack_time = ("x-slack-request-timestamp", "1000".to_owned());
        let github = ("x-hub-signature-256", format!("sha256={SIGNATURE}"));
        let webhook = ("x-webhook-signature", format!("sha256={SIGNATURE}"));
        let all = [stripe, slack, slack_time, github.clone(), webhook.clone()];
        for provider in WebhookProvider::ALL {
            let found = |pairs: &[(&str, String)]| {
                let headers = headers(pairs);
                assert_eq!(is_signed(provider, &headers), pairs.len() == all.len());
                proof_in(provider, &headers, now).is_some()
            };
            assert!(found(&all), "{provider}");
            assert!(!found(&[]), "{provider}");
        }
        let twice = headers(&[github.clone(), github.clone()]);
        assert!(proof_in(WebhookProvider::GitHub, &twice, now).is_none());
        assert!(proof_in(WebhookProvider::GitHub, &headers(&[webhook]), now).is_none());
        assert!(proof_in(WebhookProvider::Salesforce, &headers(&[github]), now).is_none());
    }

    #[test]
    fn github_says_in_the_headers_what_others_say_in_the_body() {
        let all = headers(&[
            ("x-github-event", "pull_request".to_owned()),
            ("x-github-delivery", "72d3-guid".to_owned()),
            ("content-type", "Application/x-www-form-urlencoded; charset=utf-8".to_owned()),
        ]);
        let envelope = envelope_in(WebhookProvider::GitHub, &all);
        assert_eq!(envelope.event_type.as_deref(), Some("pull_request"));
        assert_eq!(envelope.id.as_deref(), Some("72d3-guid"));
        assert!(envelope.is_form);
        let envelope = envelope_in(WebhookProvider::Salesforce, &all);
        assert!(envelope.event_type.is_none() && envelope.id.is_none() && !envelope.is_form);
        let json = headers(&[("content-type", "application/json".to_owned())]);
        assert!(!envelope_in(WebhookProvider::GitHub, &json).is_form);
    }

    #[test]
    fn only_those_without_a_published_scheme_may_bring_a_key() {
        let may: Vec<_> =
            WebhookProvider::ALL.into_iter().filter(|one| may_bring_a_key(*one)).collect();
        assert_eq!(may, [WebhookProvider::NetSuite, WebhookProvider::Salesforce]);
    }
}
