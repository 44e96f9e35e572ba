//! A consolidation that is broken off leaves every atom in reads or behind a prototype that is,
//! and the next run ends it.

use std::collections::{BTreeMap, BTreeSet};

use hebbd::engine::prepared::PreparedAtom;
use hebbd::storage::{MemoryStore, Store};
use hebbd::tenant::{ConsolidationWork, Tenant};
use hebbd::types::AtomId;
use rand::RngExt;
use serde_json::{Value, json};

use crate::client::Client;
use crate::plain_tenant::{identity, new_atom, open, vector_of};
use crate::process::ServerProcess;
use crate::seed::seeded;

/// Fewer in a build without optimisation: time grows with the square of all rows.
const GROUPS: usize = if cfg!(debug_assertions) { 5 } else { 30 };
const GROUP_SIZE: usize = if cfg!(debug_assertions) { 50 } else { 110 };
const KILLS: usize = 3;

/// How many ways there are to say what one group says.
pub(crate) const WORDINGS: usize = 4 * 4 * 4 * 4;

/// What the reports of a group are about.
const SUBJECTS: [[&str; 3]; 30] = [
    ["backup", "orders", "Frankfurt"],
    ["inspection", "bridges", "Kyoto"],
    ["harvest", "apples", "Bolzano"],
    ["rehearsal", "choir", "Leipzig"],
    ["delivery", "bread", "Marseille"],
    ["training", "goalkeepers", "Porto"],
    ["vaccination", "cattle", "Galway"],
    ["auction", "paintings", "London"],
    ["survey", "glaciers", "Reykjavik"],
    ["lecture", "astronomy", "Padua"],
    ["repair", "elevators", "Chicago"],
    ["census", "penguins", "Ushuaia"],
    ["tasting", "wine", "Bordeaux"],
    ["excavation", "temples", "Athens"],
    ["recycling", "batteries", "Oslo"],
    ["screening", "documentaries", "Cannes"],
    ["migration", "servers", "Dublin"],
    ["sermon", "pilgrims", "Santiago"],
    ["regatta", "sailors", "Kiel"],
    ["translation", "poems", "Prague"],
    ["patrol", "rangers", "Nairobi"],
    ["irrigation", "rice", "Hanoi"],
    ["surgery", "horses", "Lexington"],
    ["parade", "drummers", "Rio"],
    ["assembly", "violins", "Cremona"],
    ["lottery", "students", "Seoul"],
    ["restoration", "carpets", "Isfahan"],
    ["fumigation", "libraries", "Alexandria"],
    ["ballot", "miners", "Katowice"],
    ["ferry", "commuters", "Istanbul"],
];

/// The same within a group, but for words that mean little.
pub(crate) fn report(group: usize, wording: usize) -> String {
    let word = |at: u32| ["the", "our", "this", "a"][wording / 4_usize.pow(at) % 4];
    let [what, whom, place] = SUBJECTS[group];
    format!(
        "{} {what} for {} {whom} at {} site in {place} ended without {} alarm",
        word(0),
        word(1),
        word(2),
        word(3)
    )
}

/// Of each group, how many atoms are behind a prototype; which must be of the group.
fn merged(export: &[Value]) -> BTreeMap<u64, usize> {
    let by_id: BTreeMap<&str, &Value> =
        export.iter().map(|atom| (atom["id"].as_str().unwrap(), atom)).collect();
    let mut merged = BTreeMap::new();
    for atom in export {
        let group = atom["metadata"]["group"].as_u64().unwrap();
        let count = merged.entry(group).or_insert(0);
        if let Some(into) = atom["consolidated_into"].as_str() {
            let prototype = by_id.get(into).unwrap_or_else(|| panic!("no prototype of {atom}"));
            assert_eq!(prototype["metadata"]["group"], group, "{prototype}");
            assert_eq!(prototype["atom_type"], "prototype", "{prototype}");
            assert_eq!(prototype["consolidated_into"], Value::Null, "{prototype}");
            *count += 1;
        }
    }
    merged
}

fn consolidate(client: &mut Client, undo: bool) -> Value {
    client.post("/api/v1/memory/consolidate", &json!({ "undo": undo })).ok()
}

/// The time to the kill is counted in answers of another route, so that it fits any machine.
#[test]
fn a_consolidation_that_is_killed_hides_nothing_and_the_next_run_ends_it() {
    let mut rng = seeded("killed consolidation");
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = ServerProcess::start(data_dir.path(), &[]);
    for group in 0..GROUPS {
        let item = |number| json!({"content": report(group, number), "metadata": {"group": group}});
        let items: Vec<Value> = (0..GROUP_SIZE).map(item).collect();
        assert_eq!(server.client().write_batch(&items)["stored_count"], GROUP_SIZE);
    }
    let answers = count_until_done(&server, usize::MAX);
    let whole = merged(&server.client().export());
    assert_eq!(whole.values().sum::<usize>(), GROUPS * (GROUP_SIZE - 1), "{whole:?}");

    let mut broken_off = 0;
    for kill in 0..KILLS {
        let restored = consolidate(&mut server.client(), true)["restored"].clone();
        assert_eq!(restored, GROUPS * (GROUP_SIZE - 1));
        // Clusters are put away at the end of a run. The first kill is right after the answer.
        let kill_after = match kill {
            0 => usize::MAX,
            _ => rng.random_range(answers * 3 / 4..=answers + answers / 8),
        };
        let told = count_until_done(&server, kill_after);
        server.kill();
        server = ServerProcess::start(data_dir.path(), &[]);
        let mut client = server.client();
        let export = client.export();
        assert_eq!(export.len(), GROUPS * GROUP_SIZE, "every original is there");
        // Every member's prototype is there, of its group and in reads.
        let begun = merged(&export);
        if told < kill_after {
            assert_eq!(begun, whole, "a run that was answered is stored");
        }
        broken_off += usize::from(told >= kill_after);
        consolidate(&mut client, false);
        assert_eq!(merged(&client.export()), whole, "the next run ends it");
        let again = consolidate(&mut client, false);
        assert_eq!(
            (&again["atoms_before"], &again["atoms_after"]),
            (&json!(GROUPS), &json!(GROUPS))
        );
        assert_eq!(again["prototypes_created"], 0, "{again}");
        for atom in export.iter().step_by(97) {
            let found = client.atom(atom["id"].as_str().unwrap()).expect("readable by its id");
            assert_eq!(found["content"], atom["content"]);
        }
    }
    println!("{broken_off} of {KILLS} kills came before the answer, {answers} answers a run");
    server.stop();
}

/// Starts a consolidation and counts other answers until it is done, or until there were so many.
fn count_until_done(server: &ServerProcess, most: usize) -> usize {
    let mut client = server.client();
    let run = std::thread::spawn(move || {
        let body = json!({});
        // The connection breaks when the server is killed.
        if let Ok(answer) = client.send("POST", "/api/v1/memory/consolidate", Some(&body)) {
            answer.ok();
        }
    });
    let mut other = server.client();
    let mut answers = 0;
    while answers < most && !run.is_finished() {
        assert_eq!(other.get("/livez").status, 200);
        answers += 1;
    }
    answers
}

const PLAIN_GROUPS: usize = 9;
const PLAIN_SIZE: usize = 25;

struct Plain {
    store: MemoryStore,
    index_dir: tempfile::TempDir,
    tenant: Tenant,
}

impl Plain {
    fn filled() -> Self {
        let store = MemoryStore::default();
        let index_dir = tempfile::tempdir().unwrap();
        let mut tenant = open(&store, index_dir.path(), identity()).unwrap();
        let mut pending = tenant.begin(None);
        for number in 0..PLAIN_SIZE {
            for group in 0..PLAIN_GROUPS {
                let vector = vector_of(&report(group, 0));
                tenant
                    .store(
                        &mut pending,
                        PreparedAtom::new(new_atom(&report(group, number)), Some(vector)),
                    )
                    .unwrap();
            }
        }
        tenant.commit(pending).unwrap();
        Self { store, index_dir, tenant }
    }

    /// `None` when nothing changed since the last run.
    fn begin(&self) -> Option<ConsolidationWork> {
        let mut snapshot = self.tenant.snapshot_for_consolidation("general").unwrap().0?;
        let ids = snapshot.ids_without_words(usize::MAX);
        snapshot.take_contents(self.tenant.contents_of(&ids).unwrap());
        Some(self.tenant.begin_consolidation(snapshot.plan(&|| true).unwrap()))
    }

    /// The power fails when what was applied until now is durable.
    fn power_cut(self) -> Self {
        self.store.flush().unwrap();
        let store = self.store.after_power_cut();
        let tenant = open(&store, self.index_dir.path(), identity()).unwrap();
        Self { store, index_dir: self.index_dir, tenant }
    }

    /// How many atoms are behind each prototype.
    fn merged(&self) -> BTreeMap<AtomId, usize> {
        let mut merged = BTreeMap::new();
        let export = self.tenant.export_page(None, usize::MAX).unwrap();
        assert_eq!(export.len(), PLAIN_GROUPS * PLAIN_SIZE, "every original is there");
        let shown: BTreeSet<AtomId> = export
            .iter()
            .filter(|atom| atom.consolidated_into.is_none() && atom.superseded_by.is_none())
            .map(|atom| atom.id)
            .collect();
        for prototype in export.iter().filter_map(|atom| atom.consolidated_into) {
            assert!(shown.contains(&prototype), "{prototype:?} is not in reads");
            *merged.entry(prototype).or_insert(0) += 1;
        }
        merged
    }
}

fn is_whole(merged: &BTreeMap<AtomId, usize>) -> bool {
    merged.len() == PLAIN_GROUPS && merged.values().all(|count| *count == PLAIN_SIZE - 1)
}

/// Broken off after each number of slices that a run has.
#[test]
fn after_any_slice_of_a_consolidation_nothing_is_hidden_and_the_next_run_ends_it() {
    let mut slices = 0;
    loop {
        let mut plain = Plain::filled();
        let mut work = plain.begin().unwrap();
        let mut is_done = false;
        for _ in 0..slices {
            is_done = !plain.tenant.apply_consolidation_slice(&mut work).unwrap();
        }
        plain = plain.power_cut();
        let merged = plain.merged();
        assert!(!is_done || is_whole(&merged), "{merged:?}");
        if let Some(mut work) = plain.begin() {
            assert!(!is_done, "there is nothing to do after a whole run");
            while plain.tenant.apply_consolidation_slice(&mut work).unwrap() {}
        }
        assert!(is_whole(&plain.merged()), "after {slices} slices and another run");
        assert!(plain.begin().is_none(), "a further run has nothing to do");
        assert!(is_whole(&plain.power_cut().merged()), "after {slices} slices and a power cut");
        if is_done {
            break;
        }
        slices += 1;
    }
    assert!(slices > 2, "a run has several slices, not {slices}");
}
