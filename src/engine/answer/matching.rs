//! Which words of a question say what it is about, and whether a sentence holds them.

use std::borrow::Cow;

use rustc_hash::FxHashSet;

use crate::engine::text::{Term, for_each_word, is_unspaced, stem};
use crate::engine::{lexicon, synonyms};

/// Words of questions and answers in other languages that say nothing of their own.
const FOREIGN_STOP: &str = "der die das den dem des ein eine einen einem einer eines und oder aber nicht \
    kein keine ist sind war waren wird werden wurde wurden hat haben ich du er sie es wir ihr auf aus bei \
    mit nach von vom zu zum zur im am ans als wie wenn dass für gegen ohne um durch über unter vor zwischen \
    auch nur noch so man sich was wer wen wem wo wann warum wieso weshalb welche welcher welches woher \
    wohin viel viele kann können muss soll le la les un une des du de et ou mais ne pas est sont être avec \
    pour par dans sur ce cette qui que quoi dont où quand comment pourquoi combien quel quelle el los las \
    uno una unos unas y o no es son con para por sin sobre quién qué cómo cuándo dónde cuál cuánto il lo gli \
    e non è sono di da nel che chi come quando dove perché het een en van niet wat wie waar wanneer и в во \
    не что он на я с со как а то все она так его но да ты к у же вы за бы по её мне было вот от меня ещё нет о \
    из ему когда даже ли если или быть был для это эта этот кто где зачем почему какой какая какие сколько \
    чем такое такой является είναι και το η ο τι ποιος πού πότε";

/// Letters of Chinese and Japanese that say nothing of their own.
const UNSPACED_STOP: &str = "的是在了吗呢吧什么谁哪里我你他她它们和与有不这那怎样如何多少几时候为及或就也都は\
    がのをにでとたですかもれるんな";

/// Weight of a synonym, times how near it is.
const SYNONYM_WEIGHT: f64 = 0.45;
/// Letters that two forms of a word in a language without a stemmer share at least.
const SHARED_LETTERS_MIN: usize = 4;

/// A word, or a pair of letters of a script without spaces, in the form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) stem: String,
    /// A word whose forms the stemmer knows.
    is_english: bool,
}

/// A term of a question.
pub(super) struct QueryTerm {
    pub(super) key: Key,
    /// Stems that mean nearly the same, with how nearly.
    synonyms: Vec<(u64, f64)>,
}

/// The content words of a text in order, repetitions included.
pub(super) fn keys(text: &str) -> Vec<Key> {
    let mut found = Vec::new();
    let mut before: Option<String> = None;
    for_each_word(text, |word| {
        let is_single = word.chars().next().is_some_and(is_unspaced);
        if is_single {
            if UNSPACED_STOP.contains(word) {
                before = None;
                return;
            }
            if let Some(before) = before.take() {
                found.push(Key { stem: format!("{before}{word}"), is_english: false });
            }
            before = Some(word.to_owned());
            return;
        }
        before = None;
        if !is_stop(word) {
            let is_english = word.is_ascii() && !synonyms::of_word(word).is_empty();
            found.push(Key { stem: stem(word).into_owned(), is_english });
        }
    });
    found
}

fn is_stop(word: &str) -> bool {
    use std::sync::OnceLock;
    static FOREIGN: OnceLock<FxHashSet<&'static str>> = OnceLock::new();
    lexicon::is_stop(word)
        || FOREIGN.get_or_init(|| FOREIGN_STOP.split_whitespace().collect()).contains(word)
}

/// The distinct content words of a question.
pub(super) fn query_terms(question: &str) -> Vec<QueryTerm> {
    let mut terms: Vec<QueryTerm> = Vec::new();
    let mut words: Vec<(String, String)> = Vec::new();
    for_each_word(question, |word| words.push((stem(word).into_owned(), word.to_owned())));
    for key in keys(question) {
        if terms.iter().any(|term| term.key == key) {
            continue;
        }
        let word = words.iter().find(|(stem, _)| *stem == key.stem).map_or("", |(_, word)| word);
        let synonyms = synonyms::of_word(word);
        let synonyms = synonyms.iter().map(|(stem, cosine)| (*stem, f64::from(*cosine))).collect();
        terms.push(QueryTerm { key, synonyms });
    }
    terms
}

impl QueryTerm {
    /// How well a sentence's words hold the term, 0 to 1, and whether it is the word itself.
    pub(super) fn held_by(&self, words: &[Word]) -> (f64, bool) {
        let mut best = 0.0_f64;
        for word in words {
            if word.key.stem == self.key.stem || are_forms(&word.key, &self.key) {
                return (1.0, true);
            }
            let near = self.synonyms.iter().find(|(stem, _)| *stem == word.hash);
            best = best.max(near.map_or(0.0, |(_, cosine)| SYNONYM_WEIGHT * cosine));
        }
        (best, false)
    }
}

/// A content word of a sentence.
pub(super) struct Word {
    pub(super) key: Key,
    pub(super) hash: u64,
}

pub(super) fn words_of(text: &str) -> Vec<Word> {
    let word = |key: Key| Word { hash: Term::of_word(&key.stem).hash(), key };
    keys(text).into_iter().map(word).collect()
}

/// Whether two words that no stemmer knows are forms of one: they begin alike and end briefly.
fn are_forms(one: &Key, other: &Key) -> bool {
    let first = one.stem.chars().next();
    if first != other.stem.chars().next() || one.is_english || other.is_english {
        return false;
    }
    if first.is_none_or(|first| is_unspaced(first) || first.is_numeric()) {
        return false;
    }
    let letters = one.stem.chars().zip(other.stem.chars());
    let shared = letters.take_while(|(one, other)| one == other).count();
    let longest = one.stem.chars().count().max(other.stem.chars().count());
    let least = if one.stem.is_ascii() { SHARED_LETTERS_MIN + 1 } else { SHARED_LETTERS_MIN };
    shared >= least && longest - shared <= 2 && shared * 10 >= longest * 6
}

/// What a question is after, beside its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// "what is X", "who is X": X in lower case.
    Definition(String),
    Person,
    Time,
    Number,
    Place,
    Reason,
    Anything,
}

const DEFINITION_OPENERS: [&str; 16] = [
    "what is",
    "what are",
    "what's",
    "who is",
    "who was",
    "who are",
    "define",
    "what does",
    "was ist",
    "was sind",
    "wer ist",
    "wer war",
    "что такое",
    "кто такой",
    "кто такая",
    "qu'est-ce que",
];

pub(super) fn wanted(question: &str) -> Wanted {
    let folded = question.to_lowercase().replace('’', "'");
    let folded = folded.trim().trim_end_matches(|c: char| !c.is_alphanumeric());
    for opener in DEFINITION_OPENERS {
        if let Some(rest) = folded.strip_prefix(opener).and_then(|rest| rest.strip_prefix(' ')) {
            let thing = rest.strip_suffix(" mean").unwrap_or(rest).trim();
            let articles = ["a ", "an ", "the ", "ein ", "eine ", "der ", "die ", "das "];
            let bare = articles.iter().find_map(|article| thing.strip_prefix(article));
            let thing = bare.unwrap_or(thing);
            if thing.split(' ').count() <= 4 {
                return Wanted::Definition(thing.to_owned());
            }
        }
    }
    for ending in ["是什么", "是谁", "とは何ですか", "とは"] {
        if let Some(thing) = folded.strip_suffix(ending) {
            return Wanted::Definition(thing.trim().to_owned());
        }
    }
    let begins = |words: &[&str]| {
        words.iter().any(|word| folded.strip_prefix(word).is_some_and(|r| r.starts_with(' ')))
    };
    let holds = |words: &[&str]| words.iter().any(|word| folded.contains(word));
    if begins(&[
        "how many",
        "how much",
        "how long",
        "how often",
        "how large",
        "how big",
        "how old",
        "how fast",
    ]) || begins(&["wie viele", "wie viel", "wie lange", "сколько", "combien", "cuántos"])
        || holds(&["多少", "几个"])
    {
        return Wanted::Number;
    }
    if begins(&[
        "when",
        "wann",
        "когда",
        "quand",
        "cuándo",
        "since when",
        "what year",
        "in which year",
    ]) || holds(&["什么时候", "何时", "哪年"])
    {
        return Wanted::Time;
    }
    if begins(&["who", "whom", "whose", "wer", "wen", "wem", "кто", "qui", "quién"])
        || holds(&["谁"])
    {
        return Wanted::Person;
    }
    if begins(&["where", "wo", "woher", "wohin", "где", "куда", "où", "dónde"])
        || holds(&["哪里", "在哪"])
    {
        return Wanted::Place;
    }
    if begins(&["why", "warum", "wieso", "weshalb", "почему", "зачем", "pourquoi"])
        || holds(&["为什么"])
    {
        return Wanted::Reason;
    }
    Wanted::Anything
}

/// Whether a sentence defines a thing: it begins with it, and goes on with "is".
pub(super) fn defines(sentence: &str, thing: &str) -> bool {
    let folded = sentence.to_lowercase();
    let plain: Cow<'_, str> = Cow::Owned(folded.replace(['`', '"', '“', '”', '「', '」'], ""));
    let plain = plain.trim_start();
    let articles = ["a ", "an ", "the ", "ein ", "eine ", "der ", "die ", "das "];
    let bare = articles.iter().find_map(|article| plain.strip_prefix(article)).unwrap_or(plain);
    let Some(rest) = bare.strip_prefix(thing).filter(|_| !thing.is_empty()) else { return false };
    let copulas = [
        " is ",
        " are ",
        " was ",
        " were ",
        " ist ",
        " sind ",
        " war ",
        " — ",
        " – ",
        ": ",
        " est ",
        " es ",
        " refers to ",
        " means ",
        ", a ",
        ", an ",
        ", the ",
        "是",
        "とは",
        "は",
        " (",
    ];
    copulas.iter().any(|copula| rest.starts_with(copula))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_of_several_languages_are_no_terms() {
        for question in ["What is it?", "Was ist das?", "Что это такое?", "这是什么", "who are you"]
        {
            assert!(keys(question).is_empty(), "{question}: {:?}", keys(question));
        }
        let terms = |text| keys(text).into_iter().map(|key| key.stem).collect::<Vec<_>>();
        assert_eq!(terms("Who founded the Acme company?"), ["found", "acm", "compani"]);
        assert_eq!(terms("北京的人口"), ["北京", "人口"]);
    }

    #[test]
    fn forms_of_a_word_are_found_in_languages_without_a_stemmer() {
        let check = |one: &str, other: &str, expected: bool| {
            let (first, second) = (keys(one), keys(other));
            assert_eq!(are_forms(&first[0], &second[0]), expected, "{one} {other}");
        };
        check("кошка", "кошки", true);
        check("Datenbanken", "Datenbank", true);
        check("кошка", "кошелёк", false);
        check("story", "store", false);
        check("2024", "2025", false);
    }

    #[test]
    fn what_a_question_is_after_is_told_by_its_opening() {
        assert_eq!(wanted("What is the gate?"), Wanted::Definition("gate".to_owned()));
        assert_eq!(wanted("Was ist eine Datenbank?"), Wanted::Definition("datenbank".to_owned()));
        assert_eq!(wanted("HNSW是什么？"), Wanted::Definition("hnsw".to_owned()));
        assert_eq!(wanted("How many nodes?"), Wanted::Number);
        assert_eq!(wanted("Who founded Acme?"), Wanted::Person);
        assert_eq!(wanted("Wann wurde Acme gegründet?"), Wanted::Time);
        assert_eq!(wanted("Explain it"), Wanted::Anything);
        assert!(defines("The `gate` is a rule.", "gate"));
        assert!(!defines("We open the gate is all.", "gate"));
    }
}
