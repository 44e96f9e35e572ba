//! Consolidates every domain twice. The first time may hide atoms behind prototypes and must lose
//! none; the second must change nothing. Judged by what the server answers and by every atom as it
//! is read by its id.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::questions::Parts;
use crate::cli::eval::client::mnemoverse::{AtomState, ConsolidateAnswer, Mnemoverse};
use crate::cli::eval::metrics::{Means, two};
use crate::cli::eval::setup::{Written, progress_bar};

/// What two consolidations did. Counts are of the first, over all domains.
#[derive(Default)]
pub(super) struct Consolidation {
    pub(super) atoms_before: u64,
    pub(super) atoms_after: u64,
    pub(super) prototypes: u64,
    pub(super) singletons: u64,
    pub(super) elapsed_us: u64,
    /// Atoms that the run wrote, and those of them that cannot be read by id any more.
    pub(super) originals: usize,
    pub(super) lost: Vec<String>,
    /// What the second consolidation did, in words; empty is right.
    pub(super) second_changed: Vec<String>,
    /// Prototypes by the members they stand for. Empty where the server does not tell.
    pub(super) prototypes_by_member: BTreeMap<String, String>,
    /// Measured between: only the evidence itself counts ...
    pub(super) recall: Parts<Option<Means>>,
    /// ... or its prototype in its place.
    pub(super) recall_by_prototypes: Parts<Option<Means>>,
}

/// Consolidates all domains, looks at every atom, and both once more.
///
/// # Errors
/// When the server does not answer, or outside the contract. A fault is no error here:
/// [`Consolidation::find_fault`].
pub(super) async fn run_twice(
    client: &Mnemoverse,
    domains: Vec<String>,
    written: &Written,
) -> anyhow::Result<Consolidation> {
    let mut run = Consolidation::default();
    let bar = progress_bar("merging", domains.len() * 2);
    for domain in &domains {
        let (answer, elapsed_us) = client.consolidate(domain).await?;
        run.add(&answer, elapsed_us);
        bar.inc(1);
    }
    let first = look_at_all(client, written).await?;
    for domain in &domains {
        let (answer, _) = client.consolidate(domain).await?;
        run.second_changed.extend(change_of(domain, &answer));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let second = look_at_all(client, written).await?;
    run.compare(&first, &second);
    Ok(run)
}

async fn look_at_all<'a>(
    client: &Mnemoverse,
    written: &'a Written,
) -> anyhow::Result<BTreeMap<&'a str, Option<AtomState>>> {
    let mut states = BTreeMap::new();
    let bar = progress_bar("checking", written.ids().count());
    for id in written.ids() {
        states.insert(id, client.find_atom(id).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(states)
}

/// In words, if a consolidation did anything.
fn change_of(domain: &str, answer: &ConsolidateAnswer) -> Option<String> {
    let ConsolidateAnswer { atoms_before, atoms_after, prototypes_created, singletons_protected } =
        answer;
    let is_still =
        atoms_before == atoms_after && *prototypes_created == 0 && *singletons_protected == 0;
    (!is_still).then(|| {
        format!(
            "{domain}: {atoms_before} atoms became {atoms_after}, {prototypes_created} prototypes \
             created, {singletons_protected} singletons protected"
        )
    })
}

impl Consolidation {
    fn add(&mut self, answer: &ConsolidateAnswer, elapsed_us: u64) {
        self.atoms_before += answer.atoms_before;
        self.atoms_after += answer.atoms_after;
        self.prototypes += answer.prototypes_created;
        self.singletons += answer.singletons_protected;
        self.elapsed_us += elapsed_us;
    }

    /// Takes in every atom as it was after each consolidation; `None` is one that was not there.
    fn compare(
        &mut self,
        first: &BTreeMap<&str, Option<AtomState>>,
        second: &BTreeMap<&str, Option<AtomState>>,
    ) {
        self.originals = first.len();
        for (id, state) in first {
            let later = second.get(id);
            if let (Some(AtomState { consolidated_into: Some(into), .. }), _) = (state, later) {
                self.prototypes_by_member.insert((*id).to_owned(), into.clone());
            }
            match (state, later) {
                (Some(before), Some(Some(after))) if before == after => {}
                (Some(_), Some(Some(_))) => {
                    self.second_changed.push(format!("atom {id} is another than before"));
                }
                _ => self.lost.push((*id).to_owned()),
            }
        }
    }

    /// Atoms before by atoms after; 1 when there was nothing.
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(super) fn compression_ratio(&self) -> f64 {
        if self.atoms_after == 0 {
            return 1.0;
        }
        self.atoms_before as f64 / self.atoms_after as f64
    }

    #[allow(clippy::cast_precision_loss, reason = "microseconds of hours")]
    pub(super) fn seconds(&self) -> f64 {
        self.elapsed_us as f64 / 1e6
    }

    /// What a consolidation must never do, in a sentence.
    pub(super) fn find_fault(&self) -> Option<String> {
        if let Some(id) = self.lost.first() {
            let (lost, originals) = (self.lost.len(), self.originals);
            return Some(format!(
                "consolidation lost atoms: {lost} of {originals} are not readable by id any more, \
                 for example {id}"
            ));
        }
        let change = self.second_changed.first()?;
        let count = self.second_changed.len();
        Some(format!(
            "a second consolidation is not a no-op: {count} changes, for example {change}"
        ))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "atoms before": self.atoms_before,
            "atoms after": self.atoms_after,
            "compression ratio": two(self.compression_ratio()),
            "prototypes": self.prototypes,
            "singletons": self.singletons,
            "seconds": two(self.seconds()),
            "originals": self.originals,
            "originals lost": self.lost.len(),
            "members of prototypes": self.prototypes_by_member.len(),
            "changes by a second": self.second_changed.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(kind: &str, into: Option<&str>) -> Option<AtomState> {
        let state = json!({"atom_type": kind, "is_protected": false, "consolidated_into": into});
        Some(serde_json::from_value(state).expect("a state"))
    }

    fn compared(second: Option<AtomState>) -> Consolidation {
        let mut run = Consolidation::default();
        let prototype = state("prototype", None);
        let first = BTreeMap::from([("m", state("episode", Some("p"))), ("p", prototype.clone())]);
        run.compare(&first, &BTreeMap::from([("m", second), ("p", prototype)]));
        run
    }

    #[test]
    fn members_are_known_and_nothing_is_wrong_when_nothing_changes() {
        let run = compared(state("episode", Some("p")));
        assert_eq!(run.find_fault(), None);
        assert_eq!(run.originals, 2);
        assert_eq!(run.prototypes_by_member.get("m").map(String::as_str), Some("p"));
    }

    #[test]
    fn a_lost_atom_and_a_change_are_faults() {
        let fault = compared(None).find_fault().expect("a fault");
        assert!(fault.contains("1 of 2 are not readable") && fault.ends_with('m'), "{fault}");
        let fault = compared(state("episode", None)).find_fault().expect("a fault");
        assert!(fault.contains("not a no-op"), "{fault}");
    }

    #[test]
    fn a_second_consolidation_may_count_atoms_and_nothing_else() {
        let answer = |atoms_after, prototypes_created, singletons_protected| ConsolidateAnswer {
            atoms_before: 7,
            atoms_after,
            prototypes_created,
            singletons_protected,
        };
        assert_eq!(change_of("d", &answer(7, 0, 0)), None);
        for changed in [answer(6, 0, 0), answer(7, 1, 0), answer(7, 0, 1)] {
            assert!(change_of("d", &changed).expect("a change").starts_with("d: 7 atoms"));
        }
    }

    #[test]
    fn the_ratio_is_of_all_domains_together() {
        let mut run = Consolidation::default();
        assert_eq!(run.to_json()["compression ratio"], 1.0);
        for (atoms_before, atoms_after) in [(10, 4), (20, 8)] {
            let answer = ConsolidateAnswer {
                atoms_before,
                atoms_after,
                prototypes_created: 1,
                singletons_protected: 0,
            };
            run.add(&answer, 5);
        }
        assert_eq!((run.compression_ratio(), run.prototypes, run.elapsed_us), (2.5, 2, 10));
    }
}
