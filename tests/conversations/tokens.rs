//! A day's tokens are exact, however many calls come at once: whoever finds anything left is
//! served whole, the next one is refused, and what is refused costs nothing.

use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use hebbd::types::{Clock, ManualClock, Timestamp};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::support::TestServer;
use crate::{Caller, turn};

const CALLERS: usize = 64;
const PLANS: &str = "[small-in]\ntokens_in_per_day = 20\n[small-out]\ntokens_out_per_day = 100\n";

fn start(data_dir: &Path, clock: &Arc<ManualClock>) -> TestServer {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    TestServer::start_with(data_dir, clock, |config| {
        config.plans = toml::from_str(PLANS).unwrap();
    })
}

fn evening() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(Timestamp::parse("2026-03-31T22:00:00Z").unwrap()))
}

fn all_at_once(
    server: &TestServer,
    caller: &Caller,
    call: impl Fn(&mut Caller, usize) -> Answer + Send + Sync,
) -> Vec<Answer> {
    let (together, call) = (Barrier::new(CALLERS), &call);
    let together = &together;
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let mut caller = caller.again(server);
                scope.spawn(move || {
                    // Connected before the start.
                    assert_eq!(caller.get("/livez").status, 200);
                    together.wait();
                    call(&mut caller, number)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

fn ingest(caller: &mut Caller, number: usize) -> Answer {
    let turns = [turn("hello", &format!("2026-03-31T10:{:02}:{:02}Z", number / 60, number % 60))];
    let scope = json!({"org_id": "x", "user_id": "ana", "session_id": "s"});
    caller.post("/ingestion/memory", &json!({"scope": scope, "turns": turns}))
}

fn recall(caller: &mut Caller, q: &str) -> Answer {
    let scope = json!({"org_id": "x", "user_id": "ana", "session_id": "s"});
    caller.post("/recall", &json!({"scope": scope, "q": q, "top_k": 1}))
}

fn statuses(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn assert_refused(answer: &Answer, kind: &str, used: u64, limit: u64) {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.header("retry-after"), None);
    let details = &answer.json()["details"];
    let told = (&details["error"], &details["kind"], &details["used"], &details["limit"]);
    assert_eq!(told, (&json!("quota_exceeded"), &json!(kind), &json!(used), &json!(limit)));
}

#[test]
fn tokens_in_are_exact_under_sixty_four_calls_at_once() {
    let (data_dir, clock) = (tempfile::tempdir().unwrap(), evening());
    let server = start(data_dir.path(), &clock);
    let mut caller = Caller::of(&server, server.new_tenant("small-in"));
    let answers = all_at_once(&server, &caller, ingest);
    assert_eq!((statuses(&answers, 202), statuses(&answers, 429)), (20, 44));
    assert_eq!(caller.used(), [20, 0]);
    for refused in answers.iter().filter(|answer| answer.status == 429) {
        assert_refused(refused, "tokens_in_daily", 20, 20);
    }
    assert_refused(&recall(&mut caller, "hello"), "tokens_in_daily", 20, 20);
    assert_eq!(caller.used(), [20, 0], "a refusal costs nothing");
    // What was refused was not stored either; what was answered was.
    clock.advance(Duration::from_secs(3 * 3_600));
    let answers = all_at_once(&server, &caller, ingest);
    let new: u64 = answers
        .iter()
        .map(|answer| answer.json()["usage"]["tokens_in"].as_u64().unwrap_or(0))
        .sum();
    assert_eq!(new, 20, "of 44 that are new, as many as the new day allows");
    assert_eq!(caller.used(), [20, 0]);
}

#[test]
fn tokens_out_are_exact_and_the_call_that_goes_beyond_is_served_whole() {
    let (data_dir, clock) = (tempfile::tempdir().unwrap(), evening());
    let server = start(data_dir.path(), &clock);
    let mut caller = Caller::of(&server, server.new_tenant("small-out"));
    assert_eq!(ingest(&mut caller, 0).status, 202);
    let one = recall(&mut caller, "hello").ok()["usage"]["tokens_out"].as_u64().unwrap();
    assert!(one > 0);
    let answers = all_at_once(&server, &caller, |caller, _| recall(caller, "hello"));
    // Served while less than all was used before.
    let in_all = 100_u64.div_ceil(one);
    let served = statuses(&answers, 200) as u64;
    assert_eq!(served + 1, in_all, "each answer takes {one}");
    assert_eq!(caller.used(), [1 + in_all, in_all * one]);
    for refused in answers.iter().filter(|answer| answer.status == 429) {
        assert_refused(refused, "tokens_out_daily", in_all * one, 100);
    }
    assert_eq!(ingest(&mut caller, 1).status, 202, "remembering still works");
    assert_eq!(caller.get("/me").status, 200);
    let used = caller.used();
    drop(caller);
    // Neither a restart nor a month's end loses or gives anything.
    server.stop();
    let server = start(data_dir.path(), &clock);
    let tenant = server.registry.known_tenants()[0];
    let mut caller = Caller::of(&server, tenant);
    assert_eq!(caller.used(), used);
    clock.advance(Duration::from_secs(3 * 3_600));
    assert_eq!(caller.used(), [0, 0]);
    assert_eq!(recall(&mut caller, "hello").status, 200);
    let of_month = |caller: &mut Caller, month: &str| -> Value {
        caller.get(&format!("/usage/summary?month={month}")).ok()
    };
    let march = of_month(&mut caller, "2026-03");
    assert_eq!([&march["tokens_in"], &march["tokens_out"]], [&json!(used[0]), &json!(used[1])]);
    let april = of_month(&mut caller, "2026-04");
    assert_eq!([&april["tokens_in"], &april["tokens_out"]], [&json!(1), &json!(one)]);
}

#[test]
fn sixty_four_calls_at_once_add_exactly_sixty_four_times() {
    let (data_dir, clock) = (tempfile::tempdir().unwrap(), evening());
    let server = start(data_dir.path(), &clock);
    let tenants = [server.new_tenant("local"), server.new_tenant("local")];
    let mut callers = tenants.map(|tenant| Caller::of(&server, tenant));
    for caller in &callers {
        assert_eq!(statuses(&all_at_once(&server, caller, ingest), 202), CALLERS);
    }
    let answers = all_at_once(&server, &callers[0], |caller, _| recall(caller, "hello"));
    let out: u64 =
        answers.iter().map(|answer| answer.ok()["usage"]["tokens_out"].as_u64().unwrap()).sum();
    assert_eq!(callers[0].used(), [2 * CALLERS as u64, out]);
    assert_eq!(callers[1].used(), [CALLERS as u64, 0], "another organization's is its own");
}
