//! What attributes there are that have one value at a time, what their values look like, and
//! where a value ends in a sentence.

use crate::engine::facts::{Token, WordList};
use crate::engine::lexicon;

/// Words of a value at most; a longer one is no value.
pub(super) const VALUE_WORDS_MAX: usize = 8;
/// What values of an attribute look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Begins with a capital letter.
    Name,
    /// Holds a digit, or names a day or month.
    Number,
    Email,
    /// Anything that does not merely praise or blame.
    Word,
}

static NAMES: WordList = WordList::of(
    "name nickname husband wife spouse boss manager ceo cto cfo owner employer \
    hometown nationality headquarters location timezone",
);
static NUMBERS: WordList = WordList::of(
    "age budget salary phone birthday price deadline height weight address \
    rate fee",
);
static WORDS: WordList = WordList::of(
    "status timezone currency language role title occupation profession username \
    gender plan tier",
);

/// Praise and blame: "my boss is great" names no boss.
static JUDGING: WordList = WordList::of(
    "great nice good bad awesome amazing fun funny kind lovely important hard \
    difficult easy stressful boring interesting fine okay ok wonderful terrible awful perfect \
    beautiful weird strange crazy very so really too quite pretty much more less just always \
    still also coming due killing going being getting that what how why where it this there \
    everything nothing something unknown unclear tbd one the same similar different",
);

/// Words that end a value and change nothing about it.
pub(super) static ENDING: WordList =
    WordList::of("and but because so since with though although as which who now currently");
/// Words that end a value and make it hold only in part.
pub(super) const LIMITING: &str = "for at by in on from until till after before when while if or then during \
    of unless except to per";

pub(super) struct Value {
    pub(super) text: String,
    /// The word that limits it.
    pub(super) limit: Option<&'static str>,
}

/// The value that begins at a token: up to a pause or a word that goes on to something else.
pub(super) fn value(tokens: &[Token<'_>], mut at: usize) -> Option<Value> {
    while tokens.get(at).is_some_and(|it| it.is(&["a", "an", "the", "now", "currently"])) {
        at += 1;
    }
    let first = tokens.get(at)?;
    if JUDGING.holds(&first.lower) || first.is(&["not", "no", "never"]) {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    let mut limit = None;
    for token in tokens.get(at..)? {
        let is_time = !words.is_empty() && lexicon::is_temporal(&token.lower);
        if ENDING.holds(&token.lower) || is_time {
            break;
        }
        if let Some(word) = LIMITING.split_whitespace().find(|word| *word == token.lower) {
            limit = Some(word);
            break;
        }
        if words.len() >= VALUE_WORDS_MAX {
            return None;
        }
        let is_last = token.tail.contains([',', ';', '.', '!', '?', ')', ':', '…']);
        let tail = if token.tail.starts_with(['%', '€', '$']) { token.tail } else { "" };
        let tail = tail.trim_end_matches([',', ';', '.', '!', '?', ')', ':', '…']);
        let lead = token.lead.trim_start_matches(['"', '\'', '“', '(', '«']);
        words.push(format!("{lead}{}{tail}", token.word));
        if is_last {
            break;
        }
    }
    let text = words.join(" ");
    let text = text.trim();
    (!text.is_empty()).then(|| Value { text: text.to_owned(), limit })
}

/// One word for what is written in several ways.
pub(super) fn canonical(attribute: &str) -> String {
    let attribute = attribute.replace("favorite", "favourite").replace("color", "colour");
    match attribute.as_str() {
        "email address" | "e-mail" | "mail address" | "e-mail address" => "email".to_owned(),
        "phone number" | "telephone" | "telephone number" | "number" => "phone".to_owned(),
        "time zone" => "timezone".to_owned(),
        "due date" => "deadline".to_owned(),
        "job title" => "title".to_owned(),
        "full name" => "name".to_owned(),
        _ => attribute,
    }
}

pub(super) fn shape_of(attribute: &str) -> Option<Shape> {
    if attribute == "email" {
        return Some(Shape::Email);
    }
    if let Some(noun) = attribute.strip_prefix("favourite ") {
        return (!is_plural(noun)).then_some(Shape::Word);
    }
    let last = attribute.rsplit(' ').next().unwrap_or(attribute);
    if NAMES.holds(attribute) || (attribute.contains(' ') && last == "manager") {
        Some(Shape::Name)
    } else if NUMBERS.holds(attribute) {
        Some(Shape::Number)
    } else if WORDS.holds(attribute) {
        Some(Shape::Word)
    } else {
        None
    }
}

pub(super) fn fits(shape: Shape, value: &str) -> bool {
    let first = value.split(' ').next().unwrap_or_default();
    match shape {
        Shape::Name => value.starts_with(char::is_uppercase),
        Shape::Number => {
            value.chars().any(|letter| letter.is_ascii_digit())
                || value.split(' ').any(|word| {
                    let word = word.to_lowercase();
                    lexicon::month_number(&word).is_some() || word.ends_with("day")
                })
        }
        Shape::Email => first
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && value == first),
        Shape::Word => !first.ends_with("ing") || first.starts_with(char::is_uppercase),
    }
}

pub(super) fn is_plural(noun: &str) -> bool {
    noun.ends_with('s') && !noun.ends_with("ss") && !noun.ends_with("us")
}
