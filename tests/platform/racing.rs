//! Sessions that are deleted while others write to them, read them and delete them too.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::environment::Environment;
use crate::{mnemoverse, start};

const WRITERS: usize = 3;
const DELETERS: usize = 2;
const ROUNDS: usize = 4;
/// More than go in one step.
const MESSAGES: usize = 150;

/// What is answered to a message: whether it was taken.
fn try_say(caller: &mut Caller, session: &str, number: usize) -> bool {
    let path = format!("/sessions/{session}/messages");
    let body = json!({"type": "user_message", "content": format!("Ship {number} called.")});
    let answer = caller.post(&path, &body);
    match answer.status {
        200 => true,
        404 => {
            assert_eq!(answer.json()["entity"], "session");
            false
        }
        other => panic!("{other}: {answer:?}"),
    }
}

#[test]
fn a_session_that_is_deleted_while_it_is_written_to_leaves_nothing() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let mut caller = Caller::new(&server.base_url, &environment.key);
    let kept = caller.create("/sessions", &json!({}));
    let stays = caller.say(&kept, "The roof of the barn leaks.");
    for _ in 0..ROUNDS {
        let session = caller.create("/sessions", &json!({}));
        let path = format!("/sessions/{session}");
        let (taken, deleted) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let mut caller = caller.at(&server.base_url);
                let (session, taken) = (&session, &taken);
                scope.spawn(move || {
                    while try_say(&mut caller, session, writer) {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let mut reader = caller.at(&server.base_url);
            let mut shown = 0;
            while taken.load(Ordering::Relaxed) < MESSAGES {
                let answer = reader.get(&path).ok();
                let count = answer["usage"]["total_productive_message_count"].as_u64().unwrap();
                assert!(count >= shown, "it had more messages before: {answer}");
                shown = count;
            }
            for _ in 0..DELETERS {
                let mut caller = caller.at(&server.base_url);
                let (path, deleted) = (&path, &deleted);
                scope.spawn(move || {
                    let answer = caller.delete(path);
                    assert!(matches!(answer.status, 200 | 404), "{answer:?}");
                    deleted.fetch_add(usize::from(answer.status == 200), Ordering::Relaxed);
                });
            }
        });
        assert!(deleted.load(Ordering::Relaxed) >= 1, "nobody deleted it");
        assert_eq!(caller.get(&path).status, 404);
        let left = caller.all("/session-messages");
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0]["id"], json!(stays));
    }
    for round in 0..2 {
        let left: Vec<Value> = mnemoverse(&server, environment.tenant).export();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(caller.all("/session-events").len(), 3);
        if round == 0 {
            server.stop();
            server = start(data_dir.path());
            caller = caller.at(&server.base_url);
        }
    }
}
