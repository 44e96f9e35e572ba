//! The questions of a run in their parts, and what their answers are worth. Pure. Everything is
//! scored by atom id, so that a turn and the prototype that stands for it can be told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::Half;
use crate::cli::eval::data::{Conversation, Question};
use crate::cli::eval::metrics::{self, Means};
use crate::cli::eval::setup::{Written, domain_of};

/// One value for each part of the questions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Parts<T> {
    /// Questions that get feedback.
    pub(super) asked: T,
    /// Questions that never do.
    pub(super) held_out: T,
    /// Other wordings of asked questions; they get none themselves.
    pub(super) paraphrases: T,
}

/// One question, put to one domain.
#[derive(Debug, PartialEq)]
pub(super) struct Ask<'a> {
    pub(super) domain: String,
    pub(super) text: &'a str,
    /// Atom ids of the evidence; the turn's own name where the turn was refused, which no answer
    /// can have and which so counts as missed. Never empty.
    pub(super) gold: BTreeSet<String>,
    /// The evidence that can get feedback: the atom ids among `gold`.
    pub(super) gold_atoms: Vec<String>,
}

/// What came back for one question.
pub(super) struct Answer<'a> {
    pub(super) gold: &'a BTreeSet<String>,
    /// Atom ids, best first.
    pub(super) found: Vec<String>,
}

impl<T> Parts<T> {
    /// With the names that reports use.
    pub(super) fn named(&self) -> [(&'static str, &T); 3] {
        let Self { asked, held_out, paraphrases } = self;
        [("asked", asked), ("held-out", held_out), ("paraphrases", paraphrases)]
    }
}

/// Splits the questions of all conversations, at most `limit` of each. Positions run through the
/// whole file, so that halves differ by one question at most.
pub(super) fn split<'a>(
    conversations: &'a [Conversation],
    prefix: &str,
    limit: usize,
    half: Half,
    written: &Written,
) -> Parts<Vec<Ask<'a>>> {
    let mut parts: Parts<Vec<Ask<'a>>> = Parts::default();
    let questions = conversations.iter().flat_map(|conversation| {
        let domain = domain_of(prefix, conversation);
        conversation.questions.iter().take(limit).map(move |question| (domain.clone(), question))
    });
    for (position, (domain, question)) in questions.enumerate() {
        let ask = |text| ask_of(text, question, &domain, written);
        if is_asked(position, half) {
            parts.asked.push(ask(&question.text));
            parts.paraphrases.extend(question.paraphrases.iter().map(|text| ask(text)));
        } else {
            parts.held_out.push(ask(&question.text));
        }
    }
    parts
}

/// Positions count from 0.
fn is_asked(position: usize, half: Half) -> bool {
    (position % 2 == 1) == (half == Half::Odd)
}

fn ask_of<'a>(text: &'a str, question: &Question, domain: &str, written: &Written) -> Ask<'a> {
    let atom_id = |turn: &String| written.find_id(domain, turn).map(str::to_owned);
    Ask {
        domain: domain.to_owned(),
        text,
        gold: question.gold.iter().map(|turn| atom_id(turn).unwrap_or(turn.clone())).collect(),
        gold_atoms: question.gold.iter().filter_map(atom_id).collect(),
    }
}

/// Scores all answers. `stands_for` maps an atom to the one that counts in its place; two pieces of
/// evidence behind one prototype then count as one.
pub(super) fn means(
    answers: &Parts<Vec<Answer<'_>>>,
    stands_for: &BTreeMap<String, String>,
) -> Parts<Option<Means>> {
    let score = |answer: &Answer<'_>| {
        let found: Vec<Option<&str>> = answer.found.iter().map(|id| Some(id.as_str())).collect();
        let gold = answer.gold.iter().map(|id| stands_for.get(id).unwrap_or(id).clone());
        metrics::score(&found, &gold.collect())
    };
    let mean = |answers: &[Answer<'_>]| metrics::means(answers.iter().map(score));
    Parts {
        asked: mean(&answers.asked),
        held_out: mean(&answers.held_out),
        paraphrases: mean(&answers.paraphrases),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(name: &str, questions: &[(&str, &[&str])]) -> Conversation {
        let question = |(text, paraphrases): &(&str, &[&str])| Question {
            text: (*text).to_owned(),
            category: 4,
            gold: BTreeSet::from(["D1:1".to_owned()]),
            paraphrases: paraphrases.iter().map(|text| (*text).to_owned()).collect(),
        };
        Conversation {
            name: name.to_owned(),
            turns: Vec::new(),
            questions: questions.iter().map(question).collect(),
        }
    }

    fn conversations() -> Vec<Conversation> {
        vec![
            conversation(
                "a",
                &[("a0", &[]), ("a1", &["a1 again", "a1 anew"]), ("a2", &["a2 again"])],
            ),
            conversation("b", &[("b3", &[]), ("b4", &[])]),
        ]
    }

    #[track_caller]
    fn check_split(half: Half, limit: usize, expected: [&[&str]; 3]) {
        let conversations = conversations();
        let parts = split(&conversations, "p", limit, half, &Written::default());
        for ((name, asks), expected) in parts.named().into_iter().zip(expected) {
            let texts: Vec<&str> = asks.iter().map(|ask| ask.text).collect();
            assert_eq!(texts, expected, "{name}");
        }
    }

    #[test]
    fn every_second_question_is_asked_across_conversations() {
        check_split(
            Half::Odd,
            usize::MAX,
            [&["a1", "b3"], &["a0", "a2", "b4"], &["a1 again", "a1 anew"]],
        );
        check_split(Half::Even, usize::MAX, [&["a0", "a2", "b4"], &["a1", "b3"], &["a2 again"]]);
        check_split(Half::Odd, 1, [&["b3"], &["a0"], &[]]);
    }

    #[test]
    fn a_question_knows_its_domain_and_evidence_that_was_refused_stays_gold() {
        let conversations = conversations();
        let parts = split(&conversations, "p", usize::MAX, Half::Odd, &Written::default());
        let ask = parts.asked.last().expect("one");
        assert_eq!(ask.domain, "p:b");
        assert_eq!(ask.gold, BTreeSet::from(["D1:1".to_owned()]));
        assert_eq!(ask.gold_atoms, Vec::<String>::new());
    }

    #[test]
    fn a_prototype_counts_for_its_members_only_when_asked_to() {
        let gold = BTreeSet::from(["member".to_owned(), "other".to_owned()]);
        let found = vec!["prototype".to_owned()];
        let answers = Parts { asked: vec![Answer { gold: &gold, found }], ..Parts::default() };
        let recall =
            |stands_for| means(&answers, &stands_for).asked.map(|means| means.recall_at_10);
        assert_eq!(recall(BTreeMap::new()), Some(0.0));
        let stands_for = BTreeMap::from([("member".to_owned(), "prototype".to_owned())]);
        assert_eq!(recall(stands_for), Some(0.5));
        assert_eq!(means(&answers, &BTreeMap::new()).held_out, None);
    }
}
