//! Lists walked page by page, in both orders and directions, with pages of any size, while records
//! come and go: each page is the one the definition says, and each record is on one page.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

use super::caller::{Caller, ids_of};
use super::server_without_limits;
use crate::seed::seeded;
use crate::support::TestServer;

const WALKS: usize = 40;
const RECORDS_MAX: usize = 45;

/// Something whose records can be made and deleted.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Sessions,
    /// Half of whom bring an id, in no order.
    Actors,
    Agents,
    Threads,
    Links,
}

const KINDS: [Kind; 5] = [Kind::Sessions, Kind::Actors, Kind::Agents, Kind::Threads, Kind::Links];

/// A list, and what must be in it.
struct Model {
    owner: Caller,
    kind: Kind,
    /// What links lead to.
    file: String,
    /// Every record that ever was, as it was made, and whether it is there.
    records: Vec<(String, bool)>,
    is_ascending: bool,
    /// Where in `records` an id is.
    places: BTreeMap<String, usize>,
}

impl Model {
    async fn new(server: &TestServer, rng: &mut SmallRng) -> Self {
        let owner = Caller::of_production(server);
        let file = owner.upload("a.txt", "x").await;
        let kind = KINDS[rng.random_range(0..KINDS.len())];
        let is_ascending = rng.random_bool(0.5);
        let (records, places) = (Vec::new(), BTreeMap::new());
        let mut model = Self { owner, kind, file, records, is_ascending, places };
        for _ in 0..rng.random_range(0..RECORDS_MAX) {
            model.add(rng).await;
        }
        model
    }

    fn list(&self) -> &'static str {
        match self.kind {
            Kind::Sessions => "/sessions",
            Kind::Actors => "/actors",
            Kind::Agents => "/agents",
            Kind::Threads => "/threads",
            Kind::Links => "/file-links",
        }
    }

    async fn add(&mut self, rng: &mut SmallRng) {
        let body = match self.kind {
            Kind::Sessions | Kind::Threads => json!({"metadata": {}}),
            Kind::Agents => json!({"name": "Guide"}),
            Kind::Links => json!({"file_id": self.file}),
            Kind::Actors if rng.random_bool(0.5) => json!({"type": "user", "name": "Ann"}),
            Kind::Actors => {
                let id = format!("{:08x}@example.com", rng.random::<u32>());
                json!({"type": "user", "name": "Ann", "id": id})
            }
        };
        let id = self.owner.create(self.list(), body).await;
        self.places.insert(id.clone(), self.records.len());
        self.records.push((id, true));
    }

    async fn delete(&mut self, place: usize) {
        let (id, is_there) = &self.records[place];
        let answer = self.owner.delete(&format!("{}/{id}", self.list())).await;
        assert_eq!(answer.status, if *is_there { 200 } else { 404 }, "{answer:?}");
        self.records[place].1 = false;
    }

    /// The list as it is shown.
    fn shown(&self) -> Vec<usize> {
        let mut shown: Vec<usize> =
            (0..self.records.len()).filter(|place| self.records[*place].1).collect();
        if !self.is_ascending {
            shown.reverse();
        }
        shown
    }

    /// What a page must be.
    fn expected(&self, cursor: Option<(&str, usize)>, limit: usize) -> (Vec<usize>, bool, bool) {
        let shown = self.shown();
        let lies_before = |one: usize, other: usize| (one < other) == self.is_ascending;
        let (from, to) = match cursor {
            None => (0, limit),
            Some(("after", place)) => {
                let from = shown.iter().filter(|it| **it == place || lies_before(**it, place));
                let from = from.count();
                (from, from + limit)
            }
            Some((_, place)) => {
                let before = |it: &&usize| **it != place && lies_before(**it, place);
                let to = shown.iter().filter(before).count();
                (to.saturating_sub(limit), to)
            }
        };
        let to = to.min(shown.len());
        (shown[from..to].to_vec(), from > 0, to < shown.len())
    }

    /// Asks for a page, checks it and answers its places.
    async fn page(&self, cursor: Option<(&str, usize)>, limit: usize) -> Vec<usize> {
        let order = if self.is_ascending { "asc" } else { "desc" };
        let mut target = format!("{}?limit={limit}&order={order}", self.list());
        if let Some((word, place)) = cursor {
            target.push_str(&format!("&{word}={}", self.records[place].0));
        }
        let page = self.owner.get(&target).await.with_status(200);
        let places: Vec<usize> = ids_of(&page).iter().map(|id| self.places[id]).collect();
        let flag = |name: &str| page["pagination"][name].as_bool().unwrap();
        let seen = (places, flag("has_more_before"), flag("has_more_after"));
        assert_eq!(seen, self.expected(cursor, limit), "{:?}: {target}", self.kind);
        seen.0
    }

    /// Deletes what was seen or not, often the record one would go on from, and adds some.
    async fn change(&mut self, rng: &mut SmallRng, seen: &[usize], cursor: usize) {
        match rng.random_range(0..6) {
            0 => self.delete(cursor).await,
            1 => self.delete(seen[rng.random_range(0..seen.len())]).await,
            2 => self.delete(rng.random_range(0..self.records.len())).await,
            3 => self.add(rng).await,
            _ => {}
        }
    }
}

/// Checklist line 32.
#[tokio::test(flavor = "multi_thread")]
async fn walks_meet_every_record_once_while_records_come_and_go() {
    let mut rng = seeded("walks over pages");
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    for _ in 0..WALKS {
        let mut model = Model::new(&server, &mut rng).await;
        let limit = match rng.random_range(0..3) {
            0 => rng.random_range(1..=100),
            1 => rng.random_range(1..=12),
            _ => rng.random_range(1..=3),
        };
        let is_forwards = rng.random_bool(0.5);
        let mut cursor = None;
        if !is_forwards {
            // Backwards one begins before the last.
            model.add(&mut rng).await;
            let last = if model.is_ascending { model.records.len() - 1 } else { 0 };
            cursor = Some(("before", last));
        }
        let at_first = model.shown();
        let mut seen = Vec::new();
        loop {
            let page = model.page(cursor, limit).await;
            let Some(next) = (if is_forwards { page.last() } else { page.first() }) else { break };
            cursor = Some((if is_forwards { "after" } else { "before" }, *next));
            seen.extend(&page);
            model.change(&mut rng, &seen, *next).await;
        }
        let mut unique = seen.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), seen.len(), "a record is on two pages");
        // What was there all the time was met, but for the record that one began before.
        let begun = (!is_forwards).then(|| at_first[at_first.len() - 1]);
        for place in model.shown().into_iter().filter(|place| at_first.contains(place)) {
            assert!(seen.contains(&place) || begun == Some(place), "one was missed");
        }
    }
}

/// Every list there is, with pages of every size.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_make_the_whole_of_every_list() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let owner = Caller::of_production(&server);
    let thread = owner.create("/threads", json!({})).await;
    let session = owner.create("/sessions", json!({"thread_id": thread})).await;
    let file = owner.upload("a.txt", "x").await;
    for number in 0..7 {
        let text = format!("Message {number}");
        owner.say(&session, &text).await;
        owner.upload(&format!("{number}.txt"), "x").await;
        owner.create("/file-links", json!({"file_id": file})).await;
        owner.create("/agents", json!({"name": text})).await;
        owner.create("/actors", json!({"name": text, "type": "tool"})).await;
        owner.create("/threads", json!({})).await;
        owner.create("/sessions", json!({})).await;
    }
    for list in [
        "/sessions".to_owned(),
        "/session-messages".to_owned(),
        "/session-events".to_owned(),
        format!("/sessions/{session}/messages"),
        format!("/sessions/{session}/events"),
        format!("/threads/{thread}/messages"),
        "/threads".to_owned(),
        "/actors".to_owned(),
        "/agents".to_owned(),
        "/files".to_owned(),
        "/file-links".to_owned(),
        format!("/files/{file}/links"),
    ] {
        let all = ids_of(&owner.get(&format!("{list}?limit=100")).await.with_status(200));
        assert!(all.len() >= 7, "{list}: {all:?}");
        for limit in (1..=all.len() + 1).step_by(2) {
            for order in ["asc", "desc"] {
                let mut expected = all.clone();
                if order == "desc" {
                    expected.reverse();
                }
                let base = format!("{list}?limit={limit}&order={order}");
                assert_eq!(walk(&owner, &base, "after", None).await, expected, "{base}");
                let last = expected.pop();
                assert_eq!(walk(&owner, &base, "before", last).await, expected, "{base}");
            }
        }
    }
}

/// All ids of a list, page by page from a place on.
async fn walk(owner: &Caller, base: &str, word: &str, from: Option<String>) -> Vec<String> {
    let goes_on = |page: &Value| page["pagination"][format!("has_more_{word}")] == true;
    let mut found: Vec<String> = Vec::new();
    let mut cursor = from;
    loop {
        let from = cursor.take().map(|id| format!("&{word}={id}")).unwrap_or_default();
        let page = owner.get(&format!("{base}{from}")).await.with_status(200);
        let ids = ids_of(&page);
        match word {
            "after" => found.extend(ids),
            _ => found = [ids, found].concat(),
        }
        if !goes_on(&page) {
            return found;
        }
        cursor = if word == "after" { found.last().cloned() } else { found.first().cloned() };
    }
}

/// Checklist lines 28 and 31, against the order in which sessions were made.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_is_the_oldest_twenty_or_the_newest() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let owner = Caller::of_production(&server);
    let mut made = Vec::new();
    for _ in 0..25 {
        made.push(owner.create("/sessions", json!({})).await);
    }
    // A change moves nothing.
    owner.patch(&format!("/sessions/{}", made[3]), json!({"name": "x"})).await.with_status(200);
    owner.say(&made[4], "Hello").await;
    assert_eq!(ids_of(&owner.get("/sessions").await.with_status(200)), made[..20]);
    made.reverse();
    let newest = owner.get("/sessions?order=desc").await.with_status(200);
    assert_eq!(ids_of(&newest), made[..20]);
}
