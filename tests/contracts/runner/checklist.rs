//! Which case or test shows each line of a contract's conformance checklist: one table for each
//! dialect. A line without proof fails, and so does a proof that is not there any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::Suite;

/// What shows that a line holds.
pub(crate) enum Proof {
    /// A case in a data file, by its name. It names the line in turn.
    Case(&'static str),
    /// A test function and its file.
    Test(&'static str, &'static str),
    /// The dialect's `check_answer` checks it with every answer of every case.
    EveryAnswer,
}

/// Each line with its proofs, in order.
pub(crate) type Checklist = [(u32, &'static [Proof])];

/// Each line is there, from the first to the last, with a proof.
pub(crate) fn assert_complete(checklist: &Checklist, last: u32) {
    let listed: Vec<u32> = checklist.iter().map(|(line, _)| *line).collect();
    assert_eq!(listed, (1..=last).collect::<Vec<_>>(), "each line once, in order");
    let without: Vec<u32> =
        checklist.iter().filter(|(_, proofs)| proofs.is_empty()).map(|(line, _)| *line).collect();
    assert!(without.is_empty(), "nothing shows the lines {without:?}");
}

/// The cases name the lines they are listed for, and no others.
pub(crate) fn assert_cases_agree(checklist: &Checklist, suite: &Suite) {
    let mut listed: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for (line, proofs) in checklist {
        for proof in *proofs {
            if let Proof::Case(name) = proof {
                listed.entry(*line).or_default().insert(name);
            }
        }
    }
    let named = suite.checklist();
    for (line, _) in checklist {
        assert_eq!(listed.get(line), named.get(line), "the cases of line {line}");
    }
    let is_listed = |line: &u32| checklist.iter().any(|(listed, _)| listed == line);
    assert!(named.keys().all(is_listed), "{:?}", named.keys());
}

/// The listed functions are there, and are tests.
pub(crate) fn assert_tests_exist(checklist: &Checklist) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (line, proofs) in checklist {
        for proof in *proofs {
            if let Proof::Test(file, name) = proof {
                let text = fs::read_to_string(root.join(file)).unwrap();
                let is_test = text.split("#[tokio::test").skip(1).any(|test| {
                    let head = test.split('{').next().unwrap_or_default();
                    head.contains(&format!("async fn {name}()"))
                });
                assert!(is_test, "line {line}: {file} has no test {name}");
            }
        }
    }
}
