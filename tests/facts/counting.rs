//! Of requests that come at once exactly as many are taken as there may be in a window, and each is
//! told what is left.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use hebbd::types::{Clock, ManualClock, Timestamp};
use serde_json::json;

use crate::app::{App, question, said};
use crate::client::Answer;
use crate::support::TestServer;

const THREADS: usize = 15;
const CALLS_EACH: usize = 10;
const LIMIT: usize = 100;

fn number(answer: &Answer, name: &str) -> i64 {
    let value = answer.header(name).unwrap_or_else(|| panic!("no {name}: {answer:?}"));
    value.parse().unwrap_or_else(|_| panic!("{name}: {answer:?}"))
}

/// All answers to calls of many threads that begin together.
fn call_at_once(app: &App, base_url: &str) -> Vec<Answer> {
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..THREADS)
            .map(|caller| {
                let (mut app, barrier) = (app.at(base_url), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    // Both clients of an app are counted together.
                    let path = ["/v1/memorize", "/api/memorize"][caller % 2];
                    let call = |number| {
                        let user = format!("user {caller}");
                        app.post(path, &said(&user, &format!("I own boat {number}.")))
                    };
                    (0..CALLS_EACH).map(call).collect::<Vec<_>>()
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    })
}

#[test]
fn of_contents_at_once_exactly_a_hundred_are_taken_in_a_window() {
    let data_dir = tempfile::tempdir().unwrap();
    let begun = Timestamp::parse("2026-05-08T10:00:00.25Z").unwrap();
    let clock = Arc::new(ManualClock::starting_at(begun));
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let server = TestServer::start_with(data_dir.path(), shared, |_| {});
    let mut app = App::of(&server, server.new_tenant("local"));
    let mut other = App::of(&server, server.new_tenant("local"));
    let ends_at_s = begun.as_secs() + 60;
    for window in 0..2 {
        let answers = call_at_once(&app, &server.base_url);
        let (taken, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 202);
        assert_eq!((taken.len(), refused.len()), (LIMIT, THREADS * CALLS_EACH - LIMIT));
        for answer in &answers {
            assert_eq!(number(answer, "x-ratelimit-limit"), LIMIT as i64);
            assert_eq!(number(answer, "x-ratelimit-reset"), ends_at_s + 60 * window);
        }
        let left: BTreeSet<i64> =
            taken.iter().map(|answer| number(answer, "x-ratelimit-remaining")).collect();
        assert_eq!(left, (0..LIMIT as i64).collect(), "each is told another number");
        for answer in &refused {
            assert_eq!(answer.status, 429, "{answer:?}");
            assert_eq!(number(answer, "x-ratelimit-remaining"), 0);
            assert_eq!(number(answer, "retry-after"), 60);
            let error = json!({"code": "RATE_LIMITED", "message": "Too many requests"});
            assert_eq!(answer.json(), json!({ "error": error }));
        }
        // Neither another app nor another kind of request has a part in it.
        assert_eq!(other.post("/v1/memorize", &said("u", "I own a boat.")).status, 202);
        assert_eq!(app.post("/v1/retrieve", &question("u", "boat")).status, 200);
        clock.advance(Duration::from_secs(60));
    }
    let known = (0..THREADS).map(|caller| app.forget(&format!("user {caller}"), None));
    let taken: u64 = known.map(|deleted| deleted["resources"].as_u64().unwrap()).sum();
    assert_eq!(taken, 2 * LIMIT as u64, "what was refused was not kept");
}
