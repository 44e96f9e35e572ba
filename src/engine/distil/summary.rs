//! A summary taken from facts as they are: nothing is said that no fact says.

use std::collections::HashSet;

use crate::engine::fingerprint::Fingerprint;
use crate::engine::resources::ImportanceLevel;
use crate::engine::text::cut_at_word;

/// Stands before what matters more than the rest.
const FLAG: &str = "Important: ";

/// Facts that do not fit and are passed over before no further one is tried: the best facts are
/// the summary, not the shortest.
const MISSES_MAX: usize = 50;

/// The best facts that fit into so many characters, in the order given, each as one sentence. Those
/// that matter much are flagged. A fact is only cut, between words where possible, when not even
/// one fits whole. Linear in the facts' length; empty without facts.
#[must_use]
pub fn summarise(facts: &[(String, ImportanceLevel)], chars_max: usize) -> String {
    let mut summary = String::new();
    let mut left = chars_max;
    let mut misses = 0;
    let mut seen = HashSet::new();
    for (fact, level) in facts {
        if misses >= MISSES_MAX || left < 2 {
            break;
        }
        let sentence = sentence_of(fact, *level);
        if sentence.is_empty() || !seen.insert(Fingerprint::of_wording(fact)) {
            continue;
        }
        let gap = usize::from(!summary.is_empty());
        let chars = sentence.chars().count() + gap;
        if chars > left {
            misses += 1;
            continue;
        }
        if gap == 1 {
            summary.push(' ');
        }
        summary.push_str(&sentence);
        left -= chars;
    }
    if !summary.is_empty() {
        return summary;
    }
    let first = facts.iter().map(|(fact, level)| sentence_of(fact, *level));
    let first = first.into_iter().find(|sentence| !sentence.is_empty()).unwrap_or_default();
    cut_at_word(&first, chars_max)
}

/// A fact on one line, closed, and flagged where it matters much. Empty for a blank one.
fn sentence_of(fact: &str, level: ImportanceLevel) -> String {
    let line = fact.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return line;
    }
    let flag = if level >= ImportanceLevel::High { FLAG } else { "" };
    let is_closed = line.ends_with(['.', '!', '?', '…', '"', '”', ')', '。', '！', '？', '।']);
    format!("{flag}{line}{}", if is_closed { "" } else { "." })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(facts: &[(&str, ImportanceLevel)], chars_max: usize, expected: &str) {
        let facts: Vec<_> =
            facts.iter().map(|(text, level)| ((*text).to_owned(), *level)).collect();
        assert_eq!(summarise(&facts, chars_max), expected);
    }

    #[test]
    fn facts_become_sentences_and_what_matters_is_flagged() {
        let facts = [
            ("Anna likes tea", ImportanceLevel::Medium),
            ("The contract ends.", ImportanceLevel::High),
            ("anna likes tea", ImportanceLevel::Medium),
            ("Never call before 9!", ImportanceLevel::Critical),
        ];
        check(
            &facts,
            500,
            "Anna likes tea. Important: The contract ends. Important: Never call before 9!",
        );
    }

    #[test]
    fn what_does_not_fit_makes_room_for_what_does() {
        let medium = ImportanceLevel::Medium;
        let facts = [("One two.", medium), ("Three four five six.", medium), ("Seven.", medium)];
        check(&facts, 16, "One two. Seven.");
        check(&facts, 8, "One two.");
        check(&facts[1..2], 12, "Three four…");
        check(&facts, 1, "…");
        check(&facts, 0, "");
        check(&[], 100, "");
    }

    proptest! {
        #[test]
        fn a_summary_is_never_longer_than_allowed_and_never_empty_without_need(
            facts in proptest::collection::vec(".{0,60}", 0..12),
            chars_max in 0_usize..120,
        ) {
            let facts: Vec<_> =
                facts.into_iter().map(|fact| (fact, ImportanceLevel::High)).collect();
            let summary = summarise(&facts, chars_max);
            prop_assert!(summary.chars().count() <= chars_max);
            let has_fact = facts.iter().any(|(fact, _)| !fact.trim().is_empty());
            prop_assert_eq!(summary.is_empty(), chars_max == 0 || !has_fact);
        }
    }
}
