//! From text to terms: words, stems, and what the form of a text says about it. The analysis of
//! an atom is stored beside it, so a change here raises [`ANALYZER_VERSION`] and every tenant's
//! entries are analysed again when it is next opened.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};

use super::lexicon;

/// Version of everything that decides an [`Analysis`] or the print of a wording.
///
/// 2: within a text punctuation belongs to its wording.
pub const ANALYZER_VERSION: u32 = 2;

/// Letters of a speaker's label at most; a longer one is ordinary text with a colon.
const LABEL_CHARS_MAX: usize = 60;
const LABEL_WORDS_MAX: usize = 4;
/// Characters of a leading `[date]` at most.
const DATE_CHARS_MAX: usize = 80;

/// Bytes of a body whose words are indexed, some 45,000 words: what a tenant's thread can take in
/// within a few milliseconds. Words that come later are stored and not found.
pub const ANALYZED_BYTES_MAX: usize = 256 * 1024;

/// The beginning of a text, at most so many bytes, cut between two characters.
#[must_use]
pub fn looked_at(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

/// A text of one line, at most so many characters: cut between two words and marked as cut.
#[must_use]
pub(super) fn cut_at_word(text: &str, chars_max: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(chars_max) else { return text.to_owned() };
    // Room for the mark; where even that is missing, nothing is left of the text either.
    let room = text.char_indices().nth(chars_max.saturating_sub(1)).map_or(end, |(at, _)| at);
    let head = text.get(..room).unwrap_or_default();
    let is_word_end = text.get(room..).is_some_and(|rest| rest.starts_with(char::is_whitespace));
    let whole = if is_word_end { Some(head.len()) } else { head.rfind(char::is_whitespace) };
    // A word that fills most of the room is cut itself.
    let kept = whole.filter(|at| at * 2 > head.len()).unwrap_or(head.len());
    let kept =
        head.get(..kept).unwrap_or_default().trim_end_matches(|c: char| !c.is_alphanumeric());
    if chars_max == 0 { String::new() } else { format!("{kept}…") }
}

/// A stable 64-bit hash of a term: FNV-1a (Fowler, Noll, Vo) with the finaliser of `MurmurHash3`,
/// since it is stored. The lowest bit is always zero; [`Term`] keeps a flag there.
#[must_use]
pub fn hash_term(term: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in term.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash ^ (hash >> 33)) & !1
}

/// One word of a text: the hash of its stem, and whether it is a stop word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Term(u64);

impl Term {
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        Self(hash_term(&stem(word)) | u64::from(lexicon::is_stop(word)))
    }

    #[must_use]
    pub fn hash(self) -> u64 {
        self.0 & !1
    }

    #[must_use]
    pub fn is_stop(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The stem under which the forms of an English word are one term. A word with letters beyond
/// ASCII is its own stem.
#[must_use]
pub fn stem(word: &str) -> Cow<'_, str> {
    thread_local! {
        static STEMMER: Stemmer = Stemmer::create(Algorithm::English);
    }
    if !word.is_ascii() {
        return Cow::Borrowed(word);
    }
    STEMMER.with(|stemmer| match stemmer.stem(lexicon::base_form(word)) {
        Cow::Borrowed(stem) => Cow::Owned(stem.to_owned()),
        owned @ Cow::Owned(_) => owned,
    })
}

/// Calls `take` with each word of a text in lower case: runs of letters and digits, apostrophes
/// inside kept, a final possessive `'s` dropped. Letters of scripts written without spaces are
/// words of their own; adjacent pairs then stand for the words they form.
pub fn for_each_word(text: &str, mut take: impl FnMut(&str)) {
    let mut word = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_alphanumeric() {
            word.push(letter.to_ascii_lowercase());
        } else if is_apostrophe(letter) && !word.is_empty() {
            if letters.peek().is_some_and(|next| next.is_alphanumeric()) {
                word.push('\'');
            } else {
                finish(&mut word, &mut take);
            }
        } else if is_unspaced(letter) {
            finish(&mut word, &mut take);
            word.push(letter);
            finish(&mut word, &mut take);
        } else if letter.is_alphanumeric() || (is_mark(letter) && !word.is_empty()) {
            word.extend(letter.to_lowercase());
        } else {
            finish(&mut word, &mut take);
        }
    }
    finish(&mut word, &mut take);
}

fn finish(word: &mut String, take: &mut impl FnMut(&str)) {
    if word.len() > 2 && word.ends_with("'s") {
        word.truncate(word.len() - 2);
    }
    if !word.is_empty() {
        take(word);
        word.clear();
    }
}

fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | 'ʼ')
}

/// Combining marks belong to the letter before them.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}')
}

/// Scripts written without spaces between words: Han, Kana, Thai, Lao, Khmer, Myanmar.
pub(super) fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}'
        | '\u{e01}'..='\u{e4e}' | '\u{e80}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}')
}

/// The words of a text, in order.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for_each_word(text, |word| found.push(word.to_owned()));
    found
}

/// A text taken apart as chat logs write it: `[date] Speaker: body`. Both parts before the body
/// are optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// Who speaks, or what else the writer put before a colon.
    pub label: Option<&'a str>,
    pub body: &'a str,
}

/// Splits a leading `[date]` and a leading `Label:` off. A bracket that holds no date stays part
/// of the body, and so does everything after it.
#[must_use]
pub fn split_head(text: &str) -> Head<'_> {
    let text = text.trim();
    let mut rest = text;
    if let Some((inside, after)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        if inside.chars().count() > DATE_CHARS_MAX || !looks_like_date(inside) {
            return Head { label: None, body: text };
        }
        rest = after.trim_start();
    }
    let label = rest.split_once(':').filter(|(label, body)| {
        is_label(label) && body.starts_with(char::is_whitespace) && !body.trim().is_empty()
    });
    match label {
        Some((label, body)) => Head { label: Some(label), body: body.trim_start() },
        // A text that is nothing but a date is its own body.
        None if rest.is_empty() => Head { label: None, body: text },
        None => Head { label: None, body: rest },
    }
}

/// Four digits in a row, or digits with a separator between or after them.
fn looks_like_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let four_digits = bytes.windows(4).any(|window| window.iter().all(u8::is_ascii_digit));
    let separated = bytes.windows(3).any(|window| {
        matches!(window, [a, b':' | b'/' | b'.' | b'-', c] if a.is_ascii_digit() && c.is_ascii_digit())
    });
    four_digits || separated
}

fn is_label(label: &str) -> bool {
    let begins_with_letter = label.chars().next().is_some_and(char::is_alphabetic);
    let allowed = |letter: char| {
        letter.is_alphanumeric() || is_apostrophe(letter) || matches!(letter, ' ' | '.' | '-' | '_')
    };
    begins_with_letter
        && label.chars().count() <= LABEL_CHARS_MAX
        && label.split(' ').count() <= LABEL_WORDS_MAX
        && !label.contains("  ")
        && label.chars().all(allowed)
}

/// Whether a body asks: its last sign, before a trailing `[note]`, is a question mark.
fn ends_with_question(body: &str) -> bool {
    let mut text = body.trim_end();
    if text.ends_with(']')
        && let Some(open) = text.rfind('[')
    {
        text = text.get(..open).unwrap_or(text).trim_end();
    }
    text.ends_with(['?', '？', '؟'])
}

/// What is kept of a text for finding it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Analysis {
    /// Lower-case words of the label, separated by spaces; empty without one.
    pub label: String,
    /// The body's words in order.
    pub terms: Vec<Term>,
    pub is_question: bool,
    /// The body places something in time ("yesterday", "last week", a month).
    pub is_temporal: bool,
}

const FLAG_QUESTION: u8 = 1;
const FLAG_TEMPORAL: u8 = 2;

impl Analysis {
    /// Analyses a text, as far as [`looked_at`]. About 10 us for 300 characters.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let head = split_head(text);
        let mut analysis = Self { is_question: ends_with_question(head.body), ..Self::default() };
        for_each_word(looked_at(head.body, ANALYZED_BYTES_MAX), |word| {
            analysis.terms.push(Term::of_word(word));
            analysis.is_temporal |= lexicon::is_temporal(word);
        });
        if let Some(label) = head.label {
            analysis.label = words(label).join(" ");
        }
        analysis
    }

    /// Flags, the label's length in two bytes, the label, then eight bytes a term.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = u16::try_from(self.label.len()).unwrap_or(0);
        let label = if length == 0 { "" } else { self.label.as_str() };
        let mut bytes = Vec::with_capacity(3 + label.len() + 8 * self.terms.len());
        bytes.push(
            u8::from(self.is_question) * FLAG_QUESTION + u8::from(self.is_temporal) * FLAG_TEMPORAL,
        );
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(label.as_bytes());
        bytes.extend(self.terms.iter().flat_map(|term| term.0.to_le_bytes()));
        bytes
    }

    /// The inverse of [`Analysis::to_bytes`]; `None` for other bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (flags, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (label, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let (terms, []) = rest.as_chunks::<8>() else { return None };
        Some(Self {
            label: String::from_utf8(label.to_vec()).ok()?,
            terms: terms.iter().map(|bytes| Term(u64::from_le_bytes(*bytes))).collect(),
            is_question: flags & FLAG_QUESTION != 0,
            is_temporal: flags & FLAG_TEMPORAL != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_lower_case_runs_of_letters_and_digits_in_any_script() {
        let check = |text: &str, expected: &[&str]| assert_eq!(words(text), expected, "{text}");
        check("We don't deploy Anna’s v1.5!", &["we", "don't", "deploy", "anna", "v1", "5"]);
        check("ÜBER Straße", &["über", "straße"]);
        check("Кошка спит", &["кошка", "спит"]);
        check("我在北京 2024", &["我", "在", "北", "京", "2024"]);
        check("rock 'n' roll '90s", &["rock", "n", "roll", "90s"]);
        check("cafe\u{301}", &["cafe\u{301}"]);
        check("… — !?", &[]);
    }

    #[test]
    fn a_chat_log_line_comes_apart_and_other_text_does_not() {
        let check =
            |text, label, body| assert_eq!(split_head(text), Head { label, body }, "{text}");
        check("[1:56 pm on 8 May, 2023] Anna: Hi!", Some("Anna"), "Hi!");
        check("Dr. Anna Lee: Hi!", Some("Dr. Anna Lee"), "Hi!");
        check("[2024-01-31] moved", None, "moved");
        check("[idea] Bob: x", None, "[idea] Bob: x");
        check("see https://example.org", None, "see https://example.org");
        check("at 10:30 we met", None, "at 10:30 we met");
        check("one two three four five: six", None, "one two three four five: six");
        check("Anna:", None, "Anna:");
        check("[2024-01-31]", None, "[2024-01-31]");
        check("", None, "");
    }

    #[test]
    fn questions_and_times_are_recognised() {
        let analysis = Analysis::of("Anna: Did you run yesterday? [image: a dog]");
        assert!(analysis.is_question && analysis.is_temporal);
        assert_eq!(analysis.label, "anna");
        let analysis = Analysis::of("We run.");
        assert!(!analysis.is_question && !analysis.is_temporal && analysis.label.is_empty());
    }

    #[test]
    fn the_forms_of_a_word_are_one_term() {
        for (one, other) in [("deploys", "deploying"), ("went", "goes"), ("children", "child")] {
            assert_eq!(Term::of_word(one).hash(), Term::of_word(other).hash(), "{one} {other}");
        }
        assert!(Term::of_word("the").is_stop() && !Term::of_word("deploy").is_stop());
        // Stored: a change of this value is a change of the format.
        assert_eq!(hash_term("deploy"), 0x713e2d537e5f5b0e);
    }

    proptest! {
        #[test]
        fn any_text_can_be_analysed_and_its_analysis_stored(text: String) {
            let analysis = Analysis::of(&text);
            prop_assert_eq!(Analysis::from_bytes(&analysis.to_bytes()), Some(analysis));
        }

        #[test]
        fn any_bytes_can_be_refused(bytes: Vec<u8>) {
            let _ = Analysis::from_bytes(&bytes);
        }
    }
}
