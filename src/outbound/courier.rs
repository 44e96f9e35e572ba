//! Sends bodies to addresses that callers of this server chose, and that must not become a way into
//! the operator's own network. An address is looked at three times: when it is told, when it is
//! used, and when its name was resolved for the very connection. Invariant: without the operator's
//! consent no connection is opened to an address that [`is_public`] denies, whatever a name server
//! says, and no redirect is followed anywhere.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url};
use thiserror::Error;
use tokio::time::timeout;

use super::addresses::is_public;
use super::endpoint::broken_by;
use crate::types::limits::WEBHOOK_URL_BYTES_MAX;

/// How long it is tried to resolve a name that is only looked at.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Connections that are kept for the next message, and for how long.
const IDLE_MAX: usize = 1;
const IDLE_FOR: Duration = Duration::from_secs(15);

/// How names become addresses.
pub type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync + 'static>;

/// Why an address is no place to send anything to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TargetProblem {
    #[error("it must be an http or https address with a host")]
    NotWeb,
    #[error("it has more than {WEBHOOK_URL_BYTES_MAX} bytes")]
    TooLong,
    #[error("it must not hold a user or password")]
    HasCredentials,
    #[error("it is in a private or local network, which the operator of this server must allow")]
    Private,
}

/// Why a body was not taken. Never holds an address or anything that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PostError {
    #[error("{0}")]
    Target(#[from] TargetProblem),
    #[error("it answered with status {0}")]
    Refused(u16),
    #[error("no answer within {0} ms")]
    TimedOut(u64),
    #[error("{0}")]
    Broken(&'static str),
}

/// How a courier works.
#[derive(Debug, Clone, Copy)]
pub struct CourierSettings {
    /// Whether the operator consents to addresses in private and local networks.
    pub allow_private: bool,
    /// From connecting to the last header of the answer.
    pub timeout: Duration,
    pub user_agent: &'static str,
}

/// See the module.
pub struct Courier {
    /// Does not need root certificates, which a container may lack.
    plain: Client,
    /// `None` where there are none.
    secure: Option<Client>,
    settings: CourierSettings,
    lookup: Lookup,
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Courier {
    /// A courier that resolves names as this machine does.
    ///
    /// # Errors
    /// When not even a client for http can be made.
    pub fn new(settings: CourierSettings) -> Result<Self, reqwest::Error> {
        Self::with_lookup(settings, Arc::new(|name| resolve_here(name).boxed()))
    }

    /// A courier that resolves names in the given way.
    ///
    /// # Errors
    /// As [`Courier::new`].
    pub fn with_lookup(settings: CourierSettings, lookup: Lookup) -> Result<Self, reqwest::Error> {
        // Another part of the process may have installed one before; either serves.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let builder = || {
            let guard = Guard { allow_private: settings.allow_private, lookup: lookup.clone() };
            client_builder(&settings).dns_resolver(Arc::new(guard))
        };
        let plain = builder().tls_certs_only([]).build()?;
        Ok(Self { plain, secure: builder().build().ok(), settings, lookup })
    }

    /// Whether an address may be sent to, and how it is written then. A name that cannot be resolved
    /// now may: it is looked at again with each connection.
    ///
    /// # Errors
    /// [`TargetProblem`].
    pub async fn check(&self, address: &str) -> Result<String, TargetProblem> {
        let url = self.parse(address)?;
        if self.settings.allow_private || host_address(&url).is_some() {
            return Ok(url.into());
        }
        let name = url.host_str().unwrap_or_default().to_owned();
        let found = timeout(LOOK_MAX, (self.lookup)(name)).await;
        let addresses = found.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
        match addresses.into_iter().all(is_public) {
            true => Ok(url.into()),
            false => Err(TargetProblem::Private),
        }
    }

    /// Posts a JSON body with further headers. Success is an answer of 2xx in time; its body is not
    /// read.
    ///
    /// # Errors
    /// [`PostError`]; whether the body arrived is not known then.
    pub async fn post(
        &self,
        address: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<(), PostError> {
        let url = self.parse(address)?;
        let client = match (url.scheme(), &self.secure) {
            ("http", _) => &self.plain,
            (_, Some(secure)) => secure,
            (_, None) => return Err(PostError::Broken("this server has no root certificates")),
        };
        let mut all = HeaderMap::new();
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        all.insert(USER_AGENT, HeaderValue::from_static(self.settings.user_agent));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| PostError::Broken("a header cannot be written"))?;
            all.insert(HeaderName::from_static(name), value);
        }
        let sent = client.post(url).headers(all).body(body).send();
        let limit = self.settings.timeout;
        let answer = match timeout(limit, sent).await {
            Err(_) => {
                let waited_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                return Err(PostError::TimedOut(waited_ms));
            }
            Ok(Err(error)) => return Err(failure_of(&error)),
            Ok(Ok(answer)) => answer,
        };
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(PostError::Refused(status.as_u16())),
        }
    }

    fn parse(&self, address: &str) -> Result<Url, TargetProblem> {
        if address.len() > WEBHOOK_URL_BYTES_MAX {
            return Err(TargetProblem::TooLong);
        }
        let mut url = Url::parse(address).map_err(|_| TargetProblem::NotWeb)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(TargetProblem::NotWeb);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetProblem::HasCredentials);
        }
        url.set_fragment(None);
        // A client asks no resolver for an address that is written out.
        let is_denied = match host_address(&url) {
            Some(address) => !is_public(address),
            None => is_this_machine(url.host_str().unwrap_or_default()),
        };
        if is_denied && !self.settings.allow_private {
            return Err(TargetProblem::Private);
        }
        Ok(url)
    }
}

/// Of every client of this module. It asks no proxy: that would resolve names by itself.
fn client_builder(settings: &CourierSettings) -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(settings.timeout)
        .pool_max_idle_per_host(IDLE_MAX)
        .pool_idle_timeout(IDLE_FOR)
}

/// The host of an address that names none: the parser brings every spelling of an IPv4 address into
/// one form.
fn host_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Names that mean the machine itself wherever they are resolved (RFC 6761, section 6.3). The parser
/// has made them lower-case.
fn is_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

async fn resolve_here(name: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Said when a name leads to no address that may be used.
#[derive(Debug, Error)]
#[error("every address of this name is in a private or local network")]
struct OnlyPrivate;

/// Resolves names for connections, and hands out only what may be connected to.
struct Guard {
    allow_private: bool,
    lookup: Lookup,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow_private, found) = (self.allow_private, (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let mut addresses = found.await?;
            if !allow_private {
                let had_any = !addresses.is_empty();
                addresses.retain(|address| is_public(*address));
                if had_any && addresses.is_empty() {
                    return Err(OnlyPrivate.into());
                }
            }
            // The connector puts in the port.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            let addresses: Addrs = Box::new(addresses);
            Ok(addresses)
        })
    }
}

fn failure_of(error: &reqwest::Error) -> PostError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<OnlyPrivate>() {
            return PostError::Target(TargetProblem::Private);
        }
        cause = error.source();
    }
    PostError::Broken(broken_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn settings(allow_private: bool) -> CourierSettings {
        let timeout = Duration::from_millis(500);
        CourierSettings { allow_private, timeout, user_agent: "test" }
    }

    /// Each lookup of any name gives the next answer, the last one again and again.
    fn answering(answers: &[&[&str]]) -> Lookup {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers: Vec<Vec<IpAddr>> = answers.iter().map(parse).collect();
        let asked = AtomicUsize::new(0);
        Arc::new(move |_| {
            let at = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let answer = answers[at].clone();
            async move { Ok(answer) }.boxed()
        })
    }

    fn courier(allow_private: bool, answers: &[&[&str]]) -> Courier {
        Courier::with_lookup(settings(allow_private), answering(answers)).unwrap()
    }

    /// A server on this machine that keeps what it was sent and always gives the same answer; an
    /// empty one means none.
    async fn server(answer: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = [0; 4_096];
                let read = stream.read(&mut bytes).await.unwrap();
                kept.lock().unwrap().push(String::from_utf8_lossy(&bytes[..read]).into_owned());
                if answer.is_empty() {
                    // Kept open, so that it is the time that ends it.
                    std::mem::forget(stream);
                } else {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        (port, heard)
    }

    const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";

    #[tokio::test]
    async fn only_web_addresses_of_the_internet_are_taken_without_consent() {
        use TargetProblem::*;
        let courier = courier(false, &[&["93.184.215.14"]]);
        for address in ["http://example.com/a?b=c", "https://example.com:8443/", "http://1.1.1.1/"]
        {
            assert_eq!(courier.check(address).await, Ok(address.to_owned()));
        }
        assert_eq!(courier.check("HTTP://Example.com/#x").await.unwrap(), "http://example.com/");
        let long = format!("http://example.com/{}", "x".repeat(WEBHOOK_URL_BYTES_MAX));
        for (address, problem) in [
            ("", NotWeb),
            ("example.com", NotWeb),
            ("ftp://example.com", NotWeb),
            ("file:///etc/passwd", NotWeb),
            ("http://", NotWeb),
            ("http://user@example.com/", HasCredentials),
            ("http://:word@example.com/", HasCredentials),
            (long.as_str(), TooLong),
            ("http://127.0.0.1/", Private),
            ("http://127.1/", Private),
            ("http://2130706433/", Private),
            ("http://0x7f.0.0.1/", Private),
            ("http://0177.0.0.1/", Private),
            ("http://127.0.0.1./", Private),
            ("http://[::1]:8080/", Private),
            ("http://[::ffff:10.0.0.1]/", Private),
            ("http://169.254.169.254/latest/meta-data", Private),
            ("http://0/", Private),
            ("http://LocalHost/", Private),
            ("http://localhost./", Private),
            ("http://a.localhost:80/", Private),
        ] {
            assert_eq!(courier.check(address).await, Err(problem), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_with_any_private_address_is_not_taken_and_one_without_addresses_is() {
        for private in [&["10.1.2.3"][..], &["1.1.1.1", "::1"]] {
            let found = courier(false, &[private]).check("http://hooks.example/").await;
            assert_eq!(found, Err(TargetProblem::Private), "{private:?}");
            assert!(courier(true, &[private]).check("http://hooks.example/").await.is_ok());
        }
        assert!(courier(false, &[&[]]).check("http://hooks.example/").await.is_ok());
    }

    #[tokio::test]
    async fn a_name_that_moves_into_the_private_network_is_not_connected_to() {
        let (port, heard) = server(OK).await;
        let address = format!("http://hooks.example:{port}/");
        let rebinding: &[&[&str]] = &[&["93.184.215.14"], &["127.0.0.1"]];
        let guarded = courier(false, rebinding);
        assert!(guarded.check(&address).await.is_ok(), "at first it looks public");
        let posted = guarded.post(&address, &[], "{}".to_owned()).await;
        assert_eq!(posted, Err(PostError::Target(TargetProblem::Private)));
        assert!(heard.lock().unwrap().is_empty());
        let trusting = courier(true, &[&["127.0.0.1"]]);
        assert_eq!(trusting.post(&address, &[], "{}".to_owned()).await, Ok(()));
        assert_eq!(heard.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_address_that_is_written_out_is_looked_at_when_it_is_used_too() {
        let (port, heard) = server(OK).await;
        let address = format!("http://127.0.0.1:{port}/");
        let posted = courier(false, &[&[]]).post(&address, &[], "{}".to_owned()).await;
        assert_eq!(posted, Err(PostError::Target(TargetProblem::Private)));
        assert!(heard.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn headers_and_body_arrive_as_they_were_given() {
        let (port, heard) = server(OK).await;
        let address = format!("http://localhost:{port}/hook?x=1");
        let headers = [("x-delivery", "7".to_owned())];
        let courier = courier(true, &[&["127.0.0.1"]]);
        courier.post(&address, &headers, r#"{"a":"ü"}"#.to_owned()).await.unwrap();
        let heard = heard.lock().unwrap().remove(0);
        assert!(heard.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{heard}");
        for line in ["content-type: application/json", "user-agent: test", "x-delivery: 7"] {
            assert!(heard.contains(&format!("{line}\r\n")), "{heard}");
        }
        assert!(heard.ends_with("\r\n\r\n{\"a\":\"ü\"}"), "{heard}");
    }

    #[tokio::test]
    async fn anything_but_a_success_in_time_is_a_failure_and_no_redirect_is_followed() {
        let (elsewhere, heard_elsewhere) = server(OK).await;
        let redirect: &'static str = Box::leak(
            format!("HTTP/1.1 307 Temporary\r\nlocation: http://127.0.0.1:{elsewhere}/\r\n\r\n")
                .into_boxed_str(),
        );
        let cases: [(&'static str, PostError); 4] = [
            ("HTTP/1.1 500 Sorry\r\n\r\n", PostError::Refused(500)),
            ("HTTP/1.1 404 Gone\r\n\r\n", PostError::Refused(404)),
            (redirect, PostError::Refused(307)),
            ("", PostError::TimedOut(500)),
        ];
        for (answer, expected) in cases {
            let (port, _) = server(answer).await;
            let courier = courier(true, &[&["127.0.0.1"]]);
            let address = format!("http://127.0.0.1:{port}/");
            assert_eq!(courier.post(&address, &[], "{}".to_owned()).await, Err(expected));
        }
        assert!(heard_elsewhere.lock().unwrap().is_empty());
    }
}
