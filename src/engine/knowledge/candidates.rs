//! What a document may be naming: runs of capitals, known and oddly written technologies, acronyms
//! with what they stand for, and terms in the quotes of scripts that have no capitals. How the
//! whole document writes a word decides whether a capital makes it a name.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::spelling::{
    HEADING_WORDS, acronym, bare, is_acronym, is_common, is_empty, is_odd, is_start, label,
};
use super::statistics::{Language, Statistics};
use super::typing::{self, Votes};
use super::vocabulary::{self, MORE_GIVEN_NAMES, MORE_PLACES, ORGANIZATION_BEGINNINGS};
use super::{Document, EntityType, NAME_CHARS_MAX, fold_name};
use crate::engine::facts::{Token, is_given_name, is_place, name_spans};
use crate::engine::lexicon;

/// Words of an expansion: "Hierarchical Navigable Small World (HNSW)".
const EXPANSION_WORDS_MAX: usize = 8;
/// Characters of a term in quotes.
const QUOTED_CHARS: std::ops::RangeInclusive<usize> = 2..=20;

/// A thing that the document may name, under one folded name.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    /// Spellings with how often each was seen.
    pub(super) spellings: Vec<(String, u32)>,
    pub(super) votes: Votes,
    /// Folded names that mean the same.
    pub(super) aliases: Vec<String>,
    /// A term rather than a name: found in any case of letters.
    pub(super) is_term: bool,
    /// Seen where it can only be a name.
    pub(super) sure: u32,
    pub(super) doubtful: u32,
    /// Sure from how it is written, however seldom.
    pub(super) is_known: bool,
}

/// Candidates by folded name, in the order in which they were found.
#[derive(Default)]
pub(super) struct Candidates {
    numbers: FxHashMap<String, usize>,
    pub(super) list: Vec<(String, Candidate)>,
}

impl Candidates {
    /// The candidate of that name. None for what cannot be a name.
    pub(super) fn at(&mut self, label: &str) -> Option<&mut Candidate> {
        if label.chars().count() > NAME_CHARS_MAX || label.contains(':') {
            return None;
        }
        let folded = fold_name(label);
        if folded.is_empty() {
            return None;
        }
        let number = *self.numbers.entry(folded.clone()).or_insert(self.list.len());
        if number == self.list.len() {
            self.list.push((folded, Candidate::default()));
        }
        let (_, candidate) = self.list.get_mut(number)?;
        match candidate.spellings.iter_mut().find(|(spelling, _)| spelling == label) {
            Some((_, count)) => *count += 1,
            None => candidate.spellings.push((label.to_owned(), 1)),
        }
        Some(candidate)
    }

    fn find(&mut self, label: &str) -> Option<&mut Candidate> {
        let number = *self.numbers.get(&fold_name(label))?;
        self.list.get_mut(number).map(|(_, candidate)| candidate)
    }

    pub(super) fn holds(&self, folded: &str) -> bool {
        self.numbers.contains_key(folded)
    }
}

/// The names of a document that pass, with what they seem to be.
pub(super) fn find(document: &Document<'_>, statistics: &Statistics) -> Candidates {
    let mut found = Candidates::default();
    for (sentence, tokens) in document.lines() {
        let mut finder = Finder {
            found: &mut found,
            statistics,
            tokens,
            is_heading: sentence.is_heading,
            taken: Vec::new(),
        };
        finder.technologies();
        finder.organizations();
        finder.written_oddly();
        finder.acronyms();
        finder.capitalised();
        quoted(&sentence.text, &mut found);
    }
    let is_short = statistics.is_short;
    let passes = |folded: &str, candidate: &Candidate| {
        let seen = candidate.sure + candidate.doubtful;
        candidate.is_known
            || (candidate.sure >= 1 && (is_short || seen >= 2 || folded.contains(' ')))
            || candidate.sure >= 2
            || candidate.doubtful >= 3
    };
    let mut passed = Candidates::default();
    for (folded, candidate) in found.list {
        if passes(&folded, &candidate) {
            passed.numbers.insert(folded.clone(), passed.list.len());
            passed.list.push((folded, candidate));
        }
    }
    passed
}

struct Finder<'a, 'b> {
    found: &'a mut Candidates,
    statistics: &'a Statistics,
    tokens: &'a [Token<'b>],
    is_heading: bool,
    /// Words that are part of a technology's name.
    taken: Vec<Range<usize>>,
}

impl Finder<'_, '_> {
    fn technologies(&mut self) {
        let words_max = vocabulary::technology_words_max();
        let mut at = 0;
        while at < self.tokens.len() {
            let first = self.tokens.get(at).map_or("", |token| bare(&token.lower));
            if !vocabulary::begins_technology(first) {
                at += 1;
                continue;
            }
            let lengths = (1..=words_max).rev();
            let name = lengths
                .filter_map(|length| Some((length, label(self.tokens, at..at + length)?)))
                .find(|(_, name)| vocabulary::is_technology(name));
            let Some((length, name)) = name else {
                at += 1;
                continue;
            };
            // "Go" and "Rust" open sentences that are about something else.
            let is_doubtful = length == 1
                && is_start(self.is_heading, self.tokens, at)
                && is_common(first)
                && self.statistics.count(first).inside == 0;
            if !is_doubtful && let Some(candidate) = self.found.at(&name) {
                candidate.is_known = true;
                candidate.sure += 1;
                candidate.votes.add(EntityType::Technology, 5);
            }
            self.taken.push(at..at + length);
            at += length;
        }
    }

    /// Those known by a single word, unless it only begins a sentence ("Apple pie").
    fn organizations(&mut self) {
        for (at, token) in self.tokens.iter().enumerate() {
            let word = bare(&token.word);
            if !token.is_capitalised() || !vocabulary::is_organization(word) {
                continue;
            }
            let begins = is_start(self.is_heading, self.tokens, at);
            if !(begins && is_common(bare(&token.lower)))
                && let Some(candidate) = self.found.at(word)
            {
                candidate.is_known = true;
                candidate.sure += 1;
                candidate.votes.add(EntityType::Organization, 4);
            }
        }
    }

    /// `CamelCase`, `BM25`, `Node.js`.
    fn written_oddly(&mut self) {
        for (at, token) in self.tokens.iter().enumerate() {
            let word = bare(&token.word);
            if is_odd(word)
                && !self.is_taken(&(at..at + 1))
                && let Some(candidate) = self.found.at(word)
            {
                candidate.sure += 1;
                candidate.votes.add(EntityType::Technology, 1);
            }
        }
    }

    fn acronyms(&mut self) {
        let shouted = self.tokens.iter().filter(|token| is_acronym(&token.word)).count();
        if shouted > 3 && shouted * 2 > self.tokens.len() {
            return;
        }
        for (at, token) in self.tokens.iter().enumerate() {
            let Some(acronym) = acronym(token) else { continue };
            let expansion = self.expansion(acronym, at);
            let is_technology = vocabulary::is_technology(acronym);
            let votes = typing::around(self.tokens, &(at..at + 1));
            let Some(candidate) = self.found.at(acronym) else { continue };
            candidate.votes.merge(votes);
            candidate.votes.add(EntityType::Acronym, 1);
            if let Some((words, name)) = expansion {
                self.taken.push(words);
                candidate.is_known = true;
                candidate.votes.merge(typing::by_own_words(&name));
                let folded = fold_name(&name);
                if !candidate.aliases.contains(&folded) {
                    candidate.aliases.push(folded);
                }
            }
            if !is_technology {
                candidate.sure += 1;
                self.taken.push(at..at + 1);
            }
        }
    }

    /// The words before `(HNSW)` whose first letters it is made of, or those after it in brackets.
    fn expansion(&self, acronym: &str, at: usize) -> Option<(Range<usize>, String)> {
        let token = self.tokens.get(at)?;
        let letters: Vec<char> = acronym.to_lowercase().chars().collect();
        let words = if token.lead.ends_with('(') && token.tail.starts_with(')') {
            let longest = at.saturating_sub(EXPANSION_WORDS_MAX);
            (longest..at).map(|start| start..at).find(|words| self.spells(words, &letters))?
        } else {
            let opens = self.tokens.get(at + 1)?.lead.ends_with('(') && token.tail.is_empty();
            let closes = |end: &usize| {
                self.tokens.get(end - 1).is_some_and(|token| token.tail.starts_with(')'))
            };
            let end = (at + 2..=at + 1 + EXPANSION_WORDS_MAX).find(closes).filter(|_| opens)?;
            Some(at + 1..end).filter(|words| self.spells(words, &letters))?
        };
        let name = label(self.tokens, words.clone())?;
        Some((words, name))
    }

    /// Whether the first letters of words are these, small words left out where they must be.
    fn spells(&self, words: &Range<usize>, letters: &[char]) -> bool {
        let Some(words) = self.tokens.get(words.clone()) else { return false };
        let mut rest = letters;
        for (number, token) in words.iter().enumerate() {
            for part in token.lower.split('-') {
                let first = part.chars().next();
                match rest {
                    [letter, behind @ ..] if Some(*letter) == first => rest = behind,
                    _ if number > 0 && lexicon::is_stop(part) => {}
                    _ => return false,
                }
            }
        }
        rest.is_empty() && words.len() > 1
    }

    fn is_taken(&self, range: &Range<usize>) -> bool {
        self.taken.iter().any(|taken| taken.start < range.end && range.start < taken.end)
    }

    fn capitalised(&mut self) {
        // "Yury Malkov and Dmitry Yashunin": what one is, the next of a list is too.
        let mut person: Option<usize> = None;
        for (range, kind) in name_spans(self.tokens) {
            let Some(range) = self.trimmed(range) else { continue };
            let covers_all =
                |taken: &Range<usize>| taken.start <= range.start && range.end <= taken.end;
            if self.taken.iter().any(covers_all) {
                continue;
            }
            let Some(name) = label(self.tokens, range.clone()) else { continue };
            let mut votes = typing::of_kind(kind);
            votes.merge(typing::by_own_words(&name));
            votes.merge(typing::around(self.tokens, &range));
            let is_listed = person.is_some_and(|end| self.goes_on(end, &range));
            if is_listed && (2..=3).contains(&range.len()) {
                votes.add(EntityType::Person, 1);
            }
            person = (votes.winner() == EntityType::Person).then_some(range.end);
            let is_told = !votes.is_empty();
            let is_counted = is_odd(&name) || vocabulary::is_organization(&name);
            if let (true, Some(candidate)) = (is_counted, self.found.find(&name)) {
                candidate.votes.merge(votes);
                continue;
            }
            let in_heading = self.is_heading && range.start < HEADING_WORDS;
            let is_sure = if range.len() > 1 {
                self.is_run_of_names(&range, is_told) && !in_heading
            } else {
                let word = self.tokens.get(range.start).map_or("", |token| bare(&token.lower));
                let is_listed = is_listed_name(word);
                if !is_listed && !self.statistics.is_used_as_name(word, is_told) {
                    continue;
                }
                is_listed || !is_start(self.is_heading, self.tokens, range.start)
            };
            if let Some(candidate) = self.found.at(&name) {
                candidate.votes.merge(votes);
                if is_sure {
                    candidate.sure += 1;
                } else {
                    candidate.doubtful += 1;
                }
            }
        }
    }

    /// Whether nothing but a comma or an "and" stands between the end of a name and another.
    fn goes_on(&self, end: usize, next: &Range<usize>) -> bool {
        let tail = end.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or("", |t| t.tail);
        match self.tokens.get(end..next.start) {
            Some([]) => tail == ",",
            Some([token]) => token.is(&["and", "und", "и", "&"]),
            _ => false,
        }
    }

    /// A run of capitals without the words at its ends that begin sentences rather than names.
    fn trimmed(&self, mut range: Range<usize>) -> Option<Range<usize>> {
        let lower = |at: usize| self.tokens.get(at).map_or("", |token| bare(&token.lower));
        while range.start < range.end {
            let word = lower(range.start);
            let begins_name = range.len() > 1 && ORGANIZATION_BEGINNINGS.holds(word);
            if begins_name || !(is_empty(word) || self.opens_sentence(&range, word)) {
                break;
            }
            range.start += 1;
        }
        while range.start < range.end && is_empty(lower(range.end - 1)) {
            range.end -= 1;
        }
        (!range.is_empty()).then_some(range)
    }

    fn opens_sentence(&self, range: &Range<usize>, word: &str) -> bool {
        let count = self.statistics.count(word);
        range.len() > 1
            && is_start(self.is_heading, self.tokens, range.start)
            && !is_listed_name(word)
            && (count.lower > count.inside || (is_common(word) && count.inside == 0))
    }

    /// Whether several capitalised words side by side are one name. In German they may be nouns,
    /// and in titles and tables anything.
    fn is_run_of_names(&self, range: &Range<usize>, is_told: bool) -> bool {
        if is_told {
            return true;
        }
        let words = self.tokens.get(range.clone()).unwrap_or_default();
        let lowered = words.iter().filter(|token| {
            let count = self.statistics.count(bare(&token.lower));
            count.lower > count.inside
        });
        let usual = lowered.count();
        // "Cloud Foundry" is no German.
        let is_foreign = || words.iter().all(|token| is_common(bare(&token.lower)));
        usual < words.len() && (self.statistics.language != Language::German || is_foreign())
    }
}

fn is_listed_name(word: &str) -> bool {
    is_given_name(word) || is_place(word) || MORE_GIVEN_NAMES.holds(word) || MORE_PLACES.holds(word)
}

/// Terms in brackets and quotes that only scripts without capitals use.
fn quoted(text: &str, found: &mut Candidates) {
    if text.is_ascii() {
        return;
    }
    for (open, close) in [('《', '》'), ('「', '」'), ('『', '』'), ('“', '”'), ('«', '»')]
    {
        for part in text.split(open).skip(1) {
            let Some((inside, _)) = part.split_once(close) else { continue };
            let has_case = |c: char| c.is_lowercase() || c.is_uppercase();
            let is_term = QUOTED_CHARS.contains(&inside.chars().count())
                && inside.chars().any(char::is_alphabetic)
                && !inside.contains(|c: char| {
                    has_case(c) || matches!(c, '。' | '，' | '！' | '？' | '`')
                });
            if is_term && let Some(candidate) = found.at(inside) {
                candidate.is_term = true;
                candidate.doubtful += 1;
                candidate.votes.add(EntityType::Concept, 1);
                candidate.is_known |= open == '《' || candidate.doubtful >= 2;
            }
        }
    }
}
