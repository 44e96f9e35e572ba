//! The limit by address as callers meet it: whom it counts, whom a forged header deceives (nobody)
//! and what it leaves alone. All connections come from 127.0.0.1, which is a trusted proxy where
//! a test says so.

use super::*;

const LIMIT: u32 = 5;
const STATS: &str = "/api/v1/memory/stats";

/// A server with the limit and a key of a tenant with 40 requests a minute.
struct Limited {
    _data_dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    server: TestServer,
    key: String,
}

impl Limited {
    fn trusting(proxies: &[&str]) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let clock = evening();
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let server = TestServer::start_with(data_dir.path(), shared, |config| {
            config.plans = toml::from_str(PLANS).unwrap();
            config.server.requests_per_ip_per_minute = Bound(Some(LIMIT));
            config.server.trusted_proxies = TrustedProxies::parse(proxies).unwrap();
        });
        let key = server.new_key(server.new_tenant("slow")).secret.expose_secret().to_owned();
        Self { _data_dir: data_dir, clock, server, key }
    }

    fn client(&self) -> Client {
        Client::new(&self.server.base_url, &self.key)
    }

    /// A call that says where it comes from, as a proxy does or a liar.
    fn call_from(&self, forwarded_for: &str) -> Answer {
        let more = format!("X-Forwarded-For: {forwarded_for}\r\n");
        self.client().send_with("GET", STATS, None, &more).unwrap()
    }

    #[track_caller]
    fn use_up(&self, forwarded_for: &str) {
        for _ in 0..LIMIT {
            let answer = self.call_from(forwarded_for);
            assert_eq!(answer.status, 200, "{forwarded_for}: {answer:?}");
        }
        assert_address_refused(&self.call_from(forwarded_for), 60);
    }
}

#[track_caller]
fn assert_address_refused(answer: &Answer, retry_after_s: u64) {
    assert_refused(answer);
    let body = answer.json();
    assert_eq!(body["message"], "Too many requests from this address");
    assert_eq!(body["retryable"], true);
    assert_eq!(body["details"], Value::Null);
    assert_eq!(body["requestId"].as_str(), answer.header("x-request-id"));
    assert_eq!(answer.header("retry-after"), Some(retry_after_s.to_string().as_str()));
    // Those are of a key, and no key was looked at.
    assert_eq!(answer.header("x-ratelimit-limit"), None);
}

#[test]
fn an_address_is_admitted_as_often_as_the_limit_says_in_any_minute() {
    let limited = Limited::trusting(&[]);
    let mut client = limited.client();
    assert_eq!(client.get(STATS).status, 200);
    limited.clock.advance(Duration::from_millis(30_500));
    assert!((1..LIMIT).all(|_| client.get(STATS).status == 200));
    assert_address_refused(&client.get(STATS), 30);
    limited.clock.advance(Duration::from_micros(29_499_999));
    assert_address_refused(&client.get(STATS), 1);
    limited.clock.advance(Duration::from_micros(1));
    assert_eq!(client.get(STATS).status, 200);
    // The minute slides: a new one does not begin full.
    assert_address_refused(&client.get(STATS), 31);
}

#[test]
fn calls_without_a_good_key_count_and_those_of_operators_do_not() {
    let limited = Limited::trusting(&[]);
    let mut client = limited.client();
    for _ in 0..3 * LIMIT {
        for path in ["/livez", "/readyz", "/metrics", "/health"] {
            assert_eq!(client.get(path).status, 200, "{path}");
        }
        assert_eq!(client.post("/livez", &json!({})).status, 405);
    }
    let mut stranger = Client::new(&limited.server.base_url, "mk_live_guess");
    assert_eq!(stranger.get(STATS).status, 401);
    assert_eq!(stranger.get("/api/v1/nothing").status, 401);
    assert_eq!(stranger.get("/api/v1/health").status, 200);
    assert_eq!(client.get("/api/v1/nothing").status, 404);
    assert_eq!(client.post("/api/v1/memory/read", &json!({})).status, 422);
    for path in [STATS, "/api/v1/nothing", "/api/v1/health"] {
        assert_address_refused(&stranger.get(path), 60);
        assert_address_refused(&client.get(path), 60);
    }
    assert_eq!(client.get("/livez").status, 200);
}

/// The tenant's own bucket is asked later, so what the address is refused costs it nothing.
#[test]
fn what_an_address_is_refused_costs_the_tenant_nothing() {
    let limited = Limited::trusting(&["127.0.0.1"]);
    limited.use_up("198.51.100.1");
    let answer = limited.call_from("198.51.100.2");
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("34"));
}

#[test]
fn a_forged_header_helps_nobody_who_is_no_trusted_proxy() {
    for proxies in [&[][..], &["127.0.0.2", "10.0.0.0/8", "::1"]] {
        let limited = Limited::trusting(proxies);
        for number in 0..LIMIT {
            assert_eq!(limited.call_from(&format!("198.51.100.{number}")).status, 200);
        }
        for claimed in ["198.51.100.9", "127.0.0.2", "10.0.0.1", "garbage", ""] {
            assert_address_refused(&limited.call_from(claimed), 60);
        }
        assert_address_refused(&limited.client().get(STATS), 60);
    }
}

#[test]
fn clients_of_a_trusted_proxy_are_limited_one_by_one() {
    let limited = Limited::trusting(&["127.0.0.0/8", "10.0.0.0/8"]);
    limited.use_up("198.51.100.1");
    limited.use_up("198.51.100.2");
    // Whatever a client writes stands left of what the proxy appends.
    for forged in ["203.0.113.9, 198.51.100.1", "10.0.0.1, 198.51.100.1", "x, 198.51.100.1:80"] {
        assert_address_refused(&limited.call_from(forged), 60);
    }
    assert_address_refused(&limited.call_from("198.51.100.1, 10.1.2.3"), 60);
    let lines = "198.51.100.3\r\nX-Forwarded-For: 198.51.100.1";
    assert_address_refused(&limited.call_from(lines), 60);
    assert_eq!(limited.call_from("198.51.100.1, 198.51.100.3").status, 200);
    // The proxy itself is a client too.
    assert_eq!(limited.client().get(STATS).status, 200);
    limited.clock.advance(Duration::from_secs(60));
    assert_eq!(limited.call_from("198.51.100.1").status, 200);
}

#[test]
fn an_ipv6_client_is_limited_by_its_network() {
    let limited = Limited::trusting(&["127.0.0.1"]);
    limited.use_up("2001:db8:1:2::1");
    assert_address_refused(&limited.call_from("[2001:db8:1:2:ffff::9]:443"), 60);
    assert_eq!(limited.call_from("2001:db8:1:3::1").status, 200);
    limited.use_up("::ffff:198.51.100.1");
    assert_address_refused(&limited.call_from("198.51.100.1"), 60);
}

#[test]
fn many_calls_at_once_at_the_edge_of_an_address_admit_exactly_what_is_left() {
    let limited = Limited::trusting(&["127.0.0.1"]);
    for _ in 0..2 {
        assert_eq!(limited.call_from("198.51.100.1").status, 200);
        assert_eq!(limited.call_from("198.51.100.1").status, 200);
        let together = Barrier::new(CALLERS);
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        limited.call_from("198.51.100.1")
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        assert_eq!(admitted(&answers), 3);
        limited.clock.advance(Duration::from_secs(60));
    }
}
