//! What one domain knows of its rows besides their vectors: words, order in time, speakers, and
//! the few facts about a text's form that help to rank it. Rows are numbered alike everywhere.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::lexical::LexicalIndex;
use super::text::{Analysis, hash_term};
use super::timeline::Timeline;
use crate::types::Timestamp;

/// Atoms that must carry a label before it counts as a speaker's name. A label met once or twice
/// may be any word before a colon.
const SPEAKER_ATOMS_MIN: u32 = 3;

/// New content words at which a row counts as entirely new to its session, about 32.
const NOVELTY_SCALE: f32 = 3.5;

/// No row.
const NOBODY: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, Default)]
struct Label {
    /// Live atoms that carry it.
    atom_count: u32,
}

#[derive(Debug, Clone, Default)]
pub struct DomainMemory {
    pub(super) lexical: LexicalIndex,
    pub(super) timeline: Timeline,
    // One entry per row each, apart so that ranking reads only what it needs.
    is_live: Vec<bool>,
    /// 1 for a question, else 0.
    questions: Vec<f32>,
    is_temporal: Vec<bool>,
    /// How much the row added to its session when it came, in [0, 1].
    novelty: Vec<f32>,
    /// 0: no label.
    row_labels: Vec<u32>,

    numbers_of_labels: HashMap<String, u32>,
    /// Number 0 is nobody.
    labels: Vec<Label>,
    /// Numbers of the labels that hold a word.
    label_words: FxHashMap<u64, Vec<u32>>,
    /// The row that stands for each row out of search, or [`NOBODY`]; as long as it needs to be.
    representatives: Vec<u32>,
    represented_count: usize,
}

impl DomainMemory {
    /// Adds the next row and returns its number.
    pub fn push(&mut self, analysis: &Analysis, session: Option<&str>, time: Timestamp) -> u32 {
        let row = u32::try_from(self.is_live.len()).unwrap_or(u32::MAX);
        let content = analysis.terms.iter().filter(|term| !term.is_stop()).map(|term| term.hash());
        let fresh = self.timeline.push(session, time, content);
        let label_no = self.label_number(&analysis.label);
        if let Some(label) = self.labels.get_mut(label_no as usize) {
            label.atom_count += 1;
        }
        // A label that is no speaker's name is part of what the text says.
        let label_terms = analysis.label.split_whitespace().map(super::text::Term::of_word);
        let terms: Vec<_> = label_terms.chain(analysis.terms.iter().copied()).collect();
        self.lexical.push(&terms);
        self.row_labels.push(label_no);
        self.is_live.push(true);
        self.questions.push(f32::from(analysis.is_question));
        self.is_temporal.push(analysis.is_temporal);
        self.novelty.push(((fresh as f32).ln_1p() / NOVELTY_SCALE).min(1.0));
        row
    }

    /// Takes a row out. Its number stays used; removing it again does nothing.
    pub fn remove(&mut self, row: u32) {
        let Some(is_live) = self.is_live.get_mut(row as usize).filter(|is_live| **is_live) else {
            return;
        };
        *is_live = false;
        let label_no = self.row_labels.get(row as usize).copied().unwrap_or(0);
        if let Some(label) = self.labels.get_mut(label_no as usize) {
            label.atom_count -= 1;
        }
        self.lexical.remove(row);
        self.timeline.remove(row);
    }

    fn label_number(&mut self, label: &str) -> u32 {
        if self.labels.is_empty() {
            self.labels.push(Label::default());
        }
        if label.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers_of_labels.get(label) {
            return *number;
        }
        let number = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        for word in label.split_whitespace().map(hash_term) {
            self.label_words.entry(word).or_default().push(number);
        }
        self.labels.push(Label { atom_count: 0 });
        self.numbers_of_labels.insert(label.to_owned(), number);
        number
    }

    /// Rows ever pushed, dead ones included.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.is_live.len()
    }

    #[must_use]
    pub fn live_count(&self) -> u32 {
        self.lexical.live_count()
    }

    #[must_use]
    pub fn is_live(&self, row: u32) -> bool {
        self.is_live.get(row as usize).copied().unwrap_or(false)
    }

    /// Lets a row score at least as high as `member`, which it stands for; `None` ends that. O(1),
    /// but for the first of a memory.
    pub fn represent(&mut self, member: u32, by: Option<u32>) {
        let at = member as usize;
        if self.representatives.len() <= at {
            if by.is_none() {
                return;
            }
            self.representatives.resize(self.row_count().max(at + 1), NOBODY);
        }
        let Some(slot) = self.representatives.get_mut(at) else { return };
        self.represented_count -= usize::from(*slot != NOBODY);
        self.represented_count += usize::from(by.is_some());
        *slot = by.unwrap_or(NOBODY);
    }

    /// Rows out of search, each with the row that stands for it.
    pub(super) fn represented(&self) -> impl Iterator<Item = (u32, u32)> {
        let all = if self.represented_count == 0 { &[][..] } else { &self.representatives };
        (0_u32..).zip(all).filter(|(_, by)| **by != NOBODY).map(|(row, by)| (row, *by))
    }

    pub(super) fn is_question(&self, row: u32) -> bool {
        self.questions.get(row as usize).is_some_and(|question| *question > 0.0)
    }

    pub(super) fn is_temporal(&self, row: u32) -> bool {
        self.is_temporal.get(row as usize).copied().unwrap_or(false)
    }

    /// One entry per row: 1 for a question, else 0.
    pub(super) fn questions(&self) -> &[f32] {
        &self.questions
    }

    /// One entry per row: how much it added to its session when it came, in [0, 1].
    pub(super) fn novelty(&self) -> &[f32] {
        &self.novelty
    }

    /// One entry per row: the number of its label, 0 without one.
    pub(super) fn label_numbers(&self) -> &[u32] {
        &self.row_labels
    }

    /// By label number, how each relates to the given words (hashes of whole lower-case words).
    pub(super) fn label_matches(&self, words: &[u64]) -> Vec<LabelMatch> {
        let is_speaker = |label: &Label| label.atom_count >= SPEAKER_ATOMS_MIN;
        let mut matches: Vec<_> = self
            .labels
            .iter()
            .map(|label| match is_speaker(label) {
                true => LabelMatch::OtherSpeaker,
                false => LabelMatch::NotASpeaker,
            })
            .collect();
        for number in words.iter().filter_map(|word| self.label_words.get(word)).flatten() {
            if let Some(matched @ LabelMatch::OtherSpeaker) = matches.get_mut(*number as usize) {
                *matched = LabelMatch::Named;
            }
        }
        matches
    }

    /// Whether a word (hash of the whole lower-case word) is part of a speaker's name.
    #[must_use]
    pub fn names_speaker(&self, word: u64) -> bool {
        let numbers = self.label_words.get(&word).map_or(&[][..], Vec::as_slice);
        let labels = numbers.iter().filter_map(|number| self.labels.get(*number as usize));
        labels.into_iter().any(|label| label.atom_count >= SPEAKER_ATOMS_MIN)
    }
}

/// How a row's label relates to the names in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelMatch {
    NotASpeaker,
    Named,
    OtherSpeaker,
}
