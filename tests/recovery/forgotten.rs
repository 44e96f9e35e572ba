//! `kill -9` while a user is forgotten. What was acknowledged stays forgotten; of what was not, some
//! may be left, which is whole, and goes when it is asked for again. Nobody else loses anything.

use rand::RngExt;
use serde_json::{Value, json};

use crate::app::App;
use crate::facts::{Town, document};
use crate::seed::seeded;

const KILLS: usize = 9;
const DOCUMENTS: usize = 3;
const SENTENCES: usize = 150;
const USER: &str = "gone";
const OTHER: &str = "stays";

/// What is known of somebody else, but for what reading changes.
fn other(app: &mut App) -> [Value; 3] {
    ["context", "categories", "entities"].map(|what| app.about(what, OTHER).ok())
}

/// How many facts there are of the user, as the tenant's other API has them.
fn atoms(town: &Town) -> u64 {
    let exported = town.server().client().export();
    let domain = format!("subject:{USER}");
    exported.iter().filter(|atom| atom["domain"] == domain).count() as u64
}

#[test]
fn a_forgetting_that_a_kill_interrupts_is_done_or_can_be_done_again() {
    let mut rng = seeded("kills while a user is forgotten");
    let mut town = Town::open(&[]);
    let (mut in_part, mut unanswered) = (0, 0);
    let stays = town.app.take("/v1/memorize", &document(OTHER, "Tother", 20));
    town.app.completed(&stays);
    let before = other(&mut town.app);
    for round in 0..KILLS {
        let mut taken = Vec::new();
        for number in 0..DOCUMENTS {
            let token = format!("T{round}x{number}");
            let body = document(USER, &token, SENTENCES);
            taken.push(town.app.take("/v1/memorize", &body));
        }
        taken.iter().for_each(|resource| drop(town.app.completed(resource)));
        let facts = town.app.fact_count(USER);
        let mut forgetful = town.app.at(&town.server().base_url);
        let forgetting = std::thread::spawn(move || {
            let body = json!({"userId": USER, "confirm": true});
            forgetful.try_post("/v1/forget", &body)
        });
        town.pass(rng.random_range(0..200));
        town.kill();
        let answer = forgetting.join().unwrap();
        town.start();

        let left = town.app.fact_count(USER);
        assert_eq!(atoms(&town), left, "a fact without its record, or the other way round");
        let known = taken.iter().filter(|it| town.app.status(it).status == 200).count();
        match answer {
            Ok(answer) => {
                assert_eq!(answer.ok()["deleted"]["items"], facts);
                assert_eq!((left, known), (0, 0), "what was forgotten came back");
            }
            Err(_) => {
                unanswered += 1;
                assert!(known == 0 || (known, left) == (DOCUMENTS, facts), "{known}, {left}");
                in_part += usize::from(left > 0 && left < facts);
                assert_eq!(town.app.forget(USER, None)["items"], left);
            }
        }
        assert_eq!((atoms(&town), town.app.fact_count(USER)), (0, 0));
        assert_eq!(town.app.about("entities", USER).ok()["total"], 0);
        assert_eq!(other(&mut town.app), before);
        assert_eq!(town.app.status(&stays).status, 200);
    }
    println!("{unanswered} of {KILLS} were not answered, {in_part} were done in part");
    assert!(unanswered > 0, "no kill came before the answer");
    town.stop();
}
