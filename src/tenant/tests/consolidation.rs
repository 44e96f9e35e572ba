//! Consolidation of real near-duplicates, planned by the engine and applied by the tenant.

use super::{Bench, atom, query};
use crate::engine::atom::{AtomKind, ConsolidationReport};
use crate::engine::notices::NoticeKind;
use crate::engine::prepared::PreparedAtom;
use crate::storage::Store;
use crate::types::{AtomId, QuantizedVector, WebhookId};

/// Directions that lie near each other for texts of one group, as an embedder's would.
fn direction(group: f32, member: f32) -> QuantizedVector {
    let vector: Vec<f32> = (0..super::DIMENSIONS)
        .map(|at| {
            let at = at as f32;
            (group * 7.3 + at * (1.0 + group)).sin() + 0.03 * (member * 1.7 + at).cos()
        })
        .collect();
    QuantizedVector::quantize(&vector).unwrap().unwrap()
}

/// Twenty reports of one kind and three facts of their own.
fn bench() -> (Bench, Vec<AtomId>) {
    let mut bench = Bench::new();
    let mut pending = bench.tenant.begin(None);
    let mut ids = Vec::new();
    for number in 0..20_u8 {
        let content = format!("The nightly build number {number} finished without errors");
        let mut new = atom(&content, "ci");
        new.concepts = vec!["build".to_owned(), format!("run {number}")];
        let direction = direction(1.0, f32::from(number));
        let outcome =
            bench.tenant.store(&mut pending, PreparedAtom::new(new, Some(direction))).unwrap();
        ids.push(outcome.atom_id.unwrap());
    }
    for (group, content) in
        [(2.0, "Anna likes tea"), (3.0, "Ben moved to Oslo"), (4.0, "The lease ends in March")]
    {
        let new = atom(content, "ci");
        let outcome = bench
            .tenant
            .store(&mut pending, PreparedAtom::new(new, Some(direction(group, 0.0))))
            .unwrap();
        ids.push(outcome.atom_id.unwrap());
    }
    bench.tenant.commit(pending).unwrap();
    (bench, ids)
}

fn consolidate(bench: &mut Bench) -> Option<ConsolidationReport> {
    let (snapshot, _) = bench.tenant.snapshot_for_consolidation("ci").unwrap();
    let mut snapshot = snapshot?;
    loop {
        let ids = snapshot.ids_without_words(7);
        if ids.is_empty() {
            break;
        }
        let contents = bench.tenant.contents_of(&ids).unwrap();
        snapshot.take_contents(contents);
    }
    let plan = snapshot.plan(&|| true).unwrap();
    let mut work = bench.tenant.begin_consolidation(plan);
    while bench.tenant.apply_consolidation_slice(&mut work).unwrap() {}
    Some(work.into_report())
}

#[test]
fn near_duplicates_are_merged_and_nothing_is_lost() {
    let (mut bench, ids) = bench();
    let report = consolidate(&mut bench).unwrap();
    assert_eq!((report.atoms_before, report.atoms_after), (23, 4));
    assert_eq!(report.prototypes_created, 1);
    for reopened in [false, true] {
        if reopened {
            bench.store.flush().unwrap();
            bench.reopen();
        }
        let stats = bench.tenant.stats();
        assert_eq!((stats.total_atoms, stats.prototypes), (23, 1));
        let atoms: Vec<_> =
            ids.iter().map(|id| bench.tenant.find_atom(*id).unwrap().unwrap()).collect();
        let prototype = atoms.iter().find(|atom| atom.kind == AtomKind::Prototype).unwrap();
        let merged = atoms.iter().filter(|atom| atom.consolidated_into == Some(prototype.id));
        assert_eq!(merged.count(), 19);
        assert!(prototype.concepts.len() > 10, "it is about what its members are about");
        assert_eq!(bench.tenant.export_page(None, 100).unwrap().len(), 23);
        let asked = bench.ask(&query("The nightly build number 3 finished without errors"));
        assert_eq!(asked.first().map(|(id, _)| *id), Some(prototype.id));
        assert_eq!(asked.iter().filter(|(id, _)| ids[..20].contains(id)).count(), 1);
    }
    assert_eq!(consolidate(&mut bench), None, "nothing was written since");
}

#[test]
fn a_second_run_over_changed_data_only_adds_what_is_new() {
    let (mut bench, _) = bench();
    consolidate(&mut bench).unwrap();
    let mut pending = bench.tenant.begin(None);
    let new = atom("The nightly build number 77 finished without errors", "ci");
    bench.tenant.store(&mut pending, PreparedAtom::new(new, Some(direction(1.0, 77.0)))).unwrap();
    bench.tenant.commit(pending).unwrap();
    let report = consolidate(&mut bench).unwrap();
    assert_eq!((report.atoms_before, report.atoms_after), (5, 4));
    assert_eq!(report.prototypes_created, 0, "the prototype there is takes it in");
}

#[test]
fn undoing_brings_every_member_back() {
    let (mut bench, ids) = bench();
    consolidate(&mut bench).unwrap();
    let mut restored = 0;
    while let Some(members) = bench.tenant.undo_consolidation_slice("ci").unwrap() {
        restored += members;
    }
    assert_eq!(restored, 19);
    bench.reopen();
    for id in ids {
        let atom = bench.tenant.find_atom(id).unwrap().unwrap();
        assert_eq!((atom.kind, atom.consolidated_into), (AtomKind::Episode, None));
    }
    assert_eq!(consolidate(&mut bench).unwrap().atoms_after, 4, "and it can be done again");
}

#[test]
fn deleting_a_prototype_frees_its_members() {
    let (mut bench, ids) = bench();
    consolidate(&mut bench).unwrap();
    let is_prototype =
        |id: &&AtomId| bench.tenant.find_atom(**id).unwrap().unwrap().kind == AtomKind::Prototype;
    let prototype = *ids.iter().find(is_prototype).unwrap();
    bench.tenant.delete_atom(prototype).unwrap();
    for reopened in [false, true] {
        if reopened {
            bench.reopen();
        }
        let asked = bench.ask(&query("nightly build finished without errors"));
        assert!(asked.len() >= 10 && asked.iter().all(|(id, _)| *id != prototype));
    }
}

#[test]
fn a_webhook_is_told_of_a_run_what_its_report_says_and_only_once() {
    let (mut bench, _) = bench();
    let mut pending = bench.tenant.begin(None);
    let id = WebhookId(uuid::Uuid::from_u128(7));
    let events = vec![NoticeKind::MaintenanceCompleted];
    bench.tenant.register_webhook(&mut pending, id, "http://a/", events).unwrap();
    bench.tenant.commit(pending).unwrap();
    let (snapshot, _) = bench.tenant.snapshot_for_consolidation("ci").unwrap();
    let mut snapshot = snapshot.unwrap();
    let contents = bench.tenant.contents_of(&snapshot.ids_without_words(100)).unwrap();
    snapshot.take_contents(contents);
    let plan = snapshot.plan(&|| true).unwrap();
    let mut work = bench.tenant.begin_consolidation(plan).telling_as("tanda".into());
    while bench.tenant.apply_consolidation_slice(&mut work).unwrap() {}
    let report = work.into_report();
    bench.store.flush().unwrap();
    bench.reopen();
    let delivery = bench.tenant.begin_delivery(id).unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_str(&delivery.body).unwrap();
    let expected = serde_json::json!({
        "domain": "ci",
        "atomsBefore": report.atoms_before,
        "atomsAfter": report.atoms_after,
        "prototypesCreated": report.prototypes_created,
        "singletonsProtected": report.singletons_protected,
    });
    assert_eq!((&body["appId"], &body["data"]), (&"tanda".into(), &expected));
    assert_eq!((report.atoms_before, report.atoms_after), (23, 4));
    assert!(consolidate(&mut bench).is_none());
    assert_eq!(bench.tenant.webhooks()[0].waiting, 1);
}
