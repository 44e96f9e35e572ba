//! Where an endpoint is and how to talk to it. Sends nothing itself.

use std::path::Path;

use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use secrecy::SecretString;

/// What is wrong with an endpoint's address as an operator wrote it; `None` when it can be used.
#[must_use]
pub fn address_problem(address: &str) -> Option<&'static str> {
    match Url::parse(address) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            let is_bare = url.username().is_empty() && url.password().is_none();
            (!is_bare).then_some("must not hold a user or password; use api_key")
        }
        _ => Some("must be an http or https address"),
    }
}

/// `base` itself when its path ends in `/route`, else `base/route`. `None` when it is no address.
#[must_use]
pub fn route(base: &str, route: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    if !url.path().trim_end_matches('/').ends_with(&format!("/{route}")) {
        url.path_segments_mut().ok()?.pop_if_empty().extend(route.split('/'));
    }
    Some(url)
}

/// Scheme, host, port and path, fit for messages: a query may hold a key.
#[must_use]
pub fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

/// A client for one endpoint. It follows no redirect.
///
/// # Errors
/// When the address is https and no root certificates were found on this machine.
pub fn client(url: &Url) -> Result<Client, reqwest::Error> {
    // Another part of the process may have installed one before; either serves.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // A redirect would carry the texts, and perhaps the key, to a place nobody configured.
    let mut builder = Client::builder().redirect(Policy::none());
    if url.scheme() == "http" {
        // Do not look for root certificates that a container may lack and nothing needs.
        builder = builder.tls_certs_only([]);
    }
    if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// The trimmed content of a key file.
///
/// # Errors
/// Why there is none: the file cannot be read, or is empty.
pub fn read_key(path: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        key => Ok(SecretString::from(key)),
    }
}

/// Whether a text can be sent as a bearer token.
#[must_use]
pub fn is_key(text: &str) -> bool {
    !text.is_empty() && HeaderValue::from_str(text).is_ok()
}

/// Why there was no answer, in a few words without an address.
#[must_use]
pub fn broken_by(error: &reqwest::Error) -> &'static str {
    match error {
        _ if error.is_timeout() => "timed out",
        _ if error.is_dns() => "its name does not resolve",
        _ if error.is_connect() => "refused, or its TLS certificate is not trusted",
        _ => "the connection broke",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_route(base: &str, expected: &str) {
        assert_eq!(route(base, "chat/completions").expect("parses").as_str(), expected);
    }

    #[test]
    fn the_route_is_appended_to_a_base_and_left_alone_otherwise() {
        check_route("http://h:1/v1", "http://h:1/v1/chat/completions");
        check_route("http://h:1/v1/", "http://h:1/v1/chat/completions");
        check_route("http://h", "http://h/chat/completions");
        check_route("https://h/v1/chat/completions", "https://h/v1/chat/completions");
        check_route("https://h/v1/chat/completions/", "https://h/v1/chat/completions/");
        check_route("https://h/x?api-version=1", "https://h/x/chat/completions?api-version=1");
        assert_eq!(route("h", "embeddings"), None);
    }

    #[test]
    fn an_address_in_a_message_has_no_query() {
        let url = route("https://h/v1?key=sesame#part", "embeddings").expect("parses");
        assert_eq!(shown(&url), "https://h/v1/embeddings");
    }

    #[test]
    fn only_web_addresses_without_credentials_can_be_used() {
        for address in ["http://localhost:11434/v1", "https://h"] {
            assert_eq!(address_problem(address), None, "{address}");
        }
        for address in ["", "h", "ftp://h", "http://user@h/v1", "http://:word@h/v1", "http:///"] {
            assert!(address_problem(address).is_some(), "{address}");
        }
    }

    #[test]
    fn a_key_is_one_line_of_visible_characters() {
        assert!(is_key("sk-123"));
        for text in ["", "a\nb", "a\0b"] {
            assert!(!is_key(text), "{text:?}");
        }
    }
}
