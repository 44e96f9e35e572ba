//! What a document keeps coming back to without naming it: terms of two or three words, and single
//! words that stand out. In a language whose words are not known only long ones count.

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use super::candidates::Candidates;
use super::spelling::{bare, is_common, label};
use super::statistics::{Language, Statistics};
use super::vocabulary::{FOREIGN_STOP, FOREIGN_TIMES, GENERAL, Words};
use super::{Document, EntityType, fold_name};
use crate::engine::facts::{Token, is_adverb, is_finite_third, is_verb_form};
use crate::engine::text::{Term as Stem, hash_term, stem};
use crate::engine::{lexicon, synonyms};

/// Terms of one document.
const TERMS_MAX: usize = 15;
/// With fewer entities than this, what a document says once may be a term.
const ENTITIES_FEW: usize = 3;
/// Such terms at most.
const SINGLE_TERMS_MAX: usize = 5;
/// Words of a term.
const TERM_WORDS_MAX: usize = 3;
/// Content words side by side; more are titles and tables.
const RUN_WORDS_MAX: usize = 5;

static BEFORE_NOUN: Words = Words::of(
    "the a an of each every this its one per in for by with on from into no any their our that",
);

/// Endings of words that are seldom nouns.
const ADJECTIVE_ENDINGS: [&str; 7] = ["ed", "able", "ible", "ful", "less", "ous", "ical"];

/// The stems of a term's words as hashes, filled up with zeros.
type Key = [u64; TERM_WORDS_MAX];

/// A run of content words and how often the document has it.
#[derive(Default)]
struct Term {
    spellings: Vec<Spelling>,
    count: u32,
    words: usize,
    /// Behind a word that announces a noun.
    after_article: u32,
    /// Part of a longer term that passed.
    covered: u32,
    last_sentence: usize,
    sentences: u32,
    /// Sentence and word where it was first seen.
    first: (usize, usize),
}

/// One way of writing a term, and where it was first seen.
struct Spelling {
    hash: u64,
    count: u32,
    sentence: usize,
    start: usize,
    keeps_case: bool,
}

/// Adds the terms of a document to its names.
pub(super) fn add(document: &Document<'_>, statistics: &Statistics, found: &mut Candidates) {
    let terms = Collector { document, statistics, words: FxHashMap::default() }.collect(found);
    let mut scored: Vec<(f64, (usize, usize), &Key)> = Vec::new();
    for (key, term) in &terms {
        if let Some(score) = score(document, term, statistics) {
            scored.push((score, term.first, key));
        }
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(b.2)));
    let mut used: FxHashSet<u64> = FxHashSet::default();
    let mut added = 0;
    for (_, _, key) in scored {
        // "knowledge graph" leaves no room for "graph".
        let parts = key.iter().copied().filter(|part| *part != 0);
        if added >= TERMS_MAX || parts.clone().any(|part| used.contains(&part)) {
            continue;
        }
        if let Some(term) = terms.get(key)
            && take(document, term, found)
        {
            used.extend(parts);
            added += 1;
        }
    }
    if found.list.len() < ENTITIES_FEW {
        let worth = |term: &&Term| term.words > 1 || (term.after_article > 0 && term.count > 1);
        let mut single: Vec<(&Key, &Term)> = terms.iter().filter(|(_, term)| worth(term)).collect();
        single.sort_by_key(|(key, term)| (Reverse((term.count, term.words)), term.first, **key));
        let mut used: FxHashSet<u64> = FxHashSet::default();
        for (key, term) in single {
            let parts = key.iter().copied().filter(|part| *part != 0);
            if found.list.len() >= SINGLE_TERMS_MAX {
                break;
            }
            if !parts.clone().any(|part| used.contains(&part)) && take(document, term, found) {
                used.extend(parts);
            }
        }
    }
}

fn take(document: &Document<'_>, term: &Term, found: &mut Candidates) -> bool {
    let mut names: Vec<(u32, String)> = Vec::new();
    for spelling in &term.spellings {
        names.extend(spelling.name(document, term.words).map(|name| (spelling.count, name)));
    }
    names.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let Some((_, spelling)) = names.first() else { return false };
    // Documents meet in the singular.
    let name = singular(spelling).unwrap_or_else(|| spelling.clone());
    let folded = fold_name(&name);
    if found.holds(&folded) {
        return false;
    }
    let Some(candidate) = found.at(&name) else { return false };
    candidate.is_term = true;
    candidate.sure = term.count;
    candidate.votes.add(EntityType::Concept, 1);
    let others = names.iter().map(|(_, spelling)| fold_name(spelling));
    candidate.aliases = others.filter(|other| *other != folded).collect();
    true
}

impl Spelling {
    fn name(&self, document: &Document<'_>, words: usize) -> Option<String> {
        let name = label(document.tokens.get(self.sentence)?, self.start..self.start + words)?;
        Some(if self.keeps_case { name } else { name.to_lowercase() })
    }
}

/// The singular of an English plural in lower case; None for what may be none.
fn singular(term: &str) -> Option<String> {
    let last = term.rsplit(' ').next().filter(|last| last.is_ascii() && last.len() > 3)?;
    let before = term.strip_suffix(last)?;
    let one = match last {
        "series" | "species" | "news" | "means" | "analytics" | "physics" => return None,
        last if ["ss", "us", "is", "as", "os"].iter().any(|ending| last.ends_with(ending)) => {
            return None;
        }
        last => match last.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => {
                let stem = last.strip_suffix('s')?;
                let hisses = ["che", "she", "xe", "sse", "ze"].iter().any(|e| stem.ends_with(e));
                let is_cut = hisses && synonyms::of_word(stem).is_empty();
                if is_cut { stem.trim_end_matches('e').to_owned() } else { stem.to_owned() }
            }
        },
    };
    // A word that only looks like a plural has another stem.
    (stem(last) == stem(&one)).then(|| format!("{before}{one}"))
}

/// How much a term stands out; None for what does not.
fn score(document: &Document<'_>, term: &Term, statistics: &Statistics) -> Option<f64> {
    let count = f64::from(term.count);
    if term.words > 1 {
        let needed = if statistics.is_short { 2 } else { 3 };
        let weight = if term.words == 2 { 5.0 } else { 6.0 };
        return (term.sentences >= needed).then_some(count * weight);
    }
    let alone = term.count.saturating_sub(term.covered);
    let needed = if statistics.is_short { 3 } else { 5 };
    let is_noun =
        statistics.language != Language::English || term.after_article * 5 >= term.count * 2;
    if term.sentences < needed || alone * 2 < term.count || !is_noun {
        return None;
    }
    let folded = term.spellings.first()?.name(document, 1)?.to_lowercase();
    let rarity = match statistics.language {
        Language::English if !is_common(&folded) => 2.0,
        Language::English => 1.0,
        _ if folded.chars().count() < 6 => return None,
        _ => 1.0,
    };
    Some(count * rarity)
}

struct Collector<'a> {
    document: &'a Document<'a>,
    statistics: &'a Statistics,
    /// What is known of words in lower case.
    words: FxHashMap<&'a str, Word>,
}

/// What a word may be to a term.
#[derive(Clone, Copy)]
struct Word {
    /// The stem as a hash.
    stem: u64,
    /// It may be part of one.
    is_content: bool,
    /// It may be one, begin a longer one, or end a longer one.
    alone: bool,
    begins: bool,
    ends: bool,
    /// Written with a capital where no sentence begins: a name, and named elsewhere.
    is_name: bool,
}

impl<'a> Collector<'a> {
    /// The terms of one to three words in all runs of content words.
    fn collect(mut self, names: &Candidates) -> FxHashMap<Key, Term> {
        let mut terms: FxHashMap<Key, Term> = FxHashMap::default();
        let document = self.document;
        let mut run: Vec<Word> = Vec::new();
        for (number, tokens) in document.tokens.iter().enumerate() {
            for (at, token) in tokens.iter().enumerate() {
                let word = self.word(bare(&token.lower), names);
                let goes_on = self.may_be_part(token, word);
                if goes_on && (run.is_empty() || token.lead.is_empty()) {
                    run.push(word);
                }
                if !goes_on || !token.tail.is_empty() || at + 1 == tokens.len() {
                    let end = if goes_on { at + 1 } else { at };
                    self.count_run(number, end, &run, &mut terms);
                    run.clear();
                }
            }
        }
        cover(&mut terms, if self.statistics.is_short { 2 } else { 3 });
        terms
    }

    fn may_be_part(&self, token: &Token<'_>, word: Word) -> bool {
        let by_case = match self.statistics.language {
            // Nouns have capitals, and nothing else does but the first word.
            Language::German => token.is_capitalised(),
            _ => !(word.is_name && token.is_capitalised()),
        };
        word.is_content && by_case && token.lead.is_empty()
    }

    fn word(&mut self, word: &'a str, names: &Candidates) -> Word {
        let statistics = self.statistics;
        *self.words.entry(word).or_insert_with(|| {
            let is_content = is_content(word, statistics.language);
            let is_adjective = ADJECTIVE_ENDINGS.iter().any(|ending| word.ends_with(ending));
            let is_third = is_finite_third(word);
            let is_gerund = word.ends_with("ing");
            let count = statistics.count(word);
            Word {
                stem: if is_content { Stem::of_word(word).hash() } else { 0 },
                is_content,
                alone: !(is_adjective || is_third || is_gerund || is_verb_form(word)),
                begins: !(is_third || is_gerund && is_verb_form(word)),
                ends: !is_adjective && (word.ends_with('s') || !is_third),
                is_name: names.holds(word) || count.inside > count.lower,
            }
        })
    }

    /// Counts the terms in a run of content words that ends before a word of a sentence.
    fn count_run(
        &self,
        sentence: usize,
        end: usize,
        run: &[Word],
        terms: &mut FxHashMap<Key, Term>,
    ) {
        let Some(tokens) = self.document.tokens.get(sentence) else { return };
        if run.is_empty() || run.len() > RUN_WORDS_MAX {
            return;
        }
        let first = end - run.len();
        let before = first.checked_sub(1).and_then(|at| tokens.get(at));
        let is_announced = before.is_some_and(|token| BEFORE_NOUN.holds(&token.lower));
        for length in 1..=TERM_WORDS_MAX.min(run.len()) {
            for (at, words) in run.windows(length).enumerate() {
                let is_term = match words {
                    [word] => word.alone,
                    [begin, .., end] => begin.begins && end.ends,
                    [] => false,
                };
                if !is_term {
                    continue;
                }
                let mut key = [0; TERM_WORDS_MAX];
                key.iter_mut().zip(words).for_each(|(part, word)| *part = word.stem);
                let start = first + at;
                let written = tokens.get(start..start + length).unwrap_or_default();
                let term = terms.entry(key).or_default();
                term.words = length;
                term.after_article += u32::from(is_announced || at > 0);
                term.add(self.spelling(written, sentence, start));
            }
        }
    }

    fn spelling(&self, written: &[Token<'_>], sentence: usize, start: usize) -> Spelling {
        // In German a noun is written with a capital, elsewhere it begins a sentence.
        let keeps_case = self.statistics.language == Language::German
            || written.iter().any(|token| has_inner_capital(&token.word));
        let hash = written.iter().fold(0_u64, |hash, token| {
            let word = if keeps_case { &*token.word } else { token.lower.as_str() };
            hash.rotate_left(5) ^ hash_term(bare(word))
        });
        Spelling { hash, count: 1, sentence, start, keeps_case }
    }
}

impl Term {
    fn add(&mut self, seen: Spelling) {
        if self.count == 0 {
            self.first = (seen.sentence, seen.start);
        }
        if self.count == 0 || self.last_sentence != seen.sentence {
            self.sentences += 1;
        }
        self.count += 1;
        self.last_sentence = seen.sentence;
        match self.spellings.iter_mut().find(|spelling| spelling.hash == seen.hash) {
            Some(spelling) => spelling.count += 1,
            None => self.spellings.push(seen),
        }
    }
}

/// How often each word stands in a longer term that is repeated.
fn cover(terms: &mut FxHashMap<Key, Term>, sentences: u32) {
    let repeated = |term: &&Term| term.words > 1 && term.sentences >= sentences;
    let longer: Vec<(Key, u32)> = terms
        .iter()
        .filter(|(_, term)| repeated(term))
        .map(|(key, term)| (*key, term.count))
        .collect();
    for (parts, count) in longer {
        for part in parts.into_iter().filter(|part| *part != 0) {
            let mut single = [0; TERM_WORDS_MAX];
            if let Some(first) = single.first_mut() {
                *first = part;
            }
            if let Some(term) = terms.get_mut(&single) {
                term.covered += count;
            }
        }
    }
}

fn has_inner_capital(word: &str) -> bool {
    word.chars().skip(1).any(char::is_uppercase)
}

/// A word that may be part of a term.
fn is_content(word: &str, language: Language) -> bool {
    let letters = word.chars().count();
    if letters < 3
        || !word.chars().all(|letter| letter.is_alphabetic() || letter == '-')
        || lexicon::is_stop(word)
        || lexicon::is_temporal(word)
        || GENERAL.holds(word)
        || is_adverb(word)
        || FOREIGN_TIMES.holds(word)
    {
        return false;
    }
    match language {
        Language::English => !word.strip_suffix('s').is_some_and(|one| GENERAL.holds(one)),
        Language::German => !FOREIGN_STOP.holds(word),
        Language::Other => letters > 3 && !FOREIGN_STOP.holds(word),
    }
}
