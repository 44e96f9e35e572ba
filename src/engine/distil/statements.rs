//! Sentences that give something one value: "Anna's email is ...", "the budget of Acme is 5000",
//! "she works for Acme". They give the named thing a property and, where there can only be one
//! value at a time and nothing speaks against it, a slot.

use super::names::{NameNo, Names, Reading};
use super::values::{
    ENDING, LIMITING, Shape, VALUE_WORDS_MAX, Value, canonical, fits, is_plural, shape_of, value,
};
use crate::engine::facts::{Token, WordList, is_adverb, is_place};
use crate::engine::lexicon;

/// Words of an attribute's name at most.
const ATTRIBUTE_WORDS_MAX: usize = 3;
/// Adverbs between a subject and its verb at most.
const ADVERBS_MAX: usize = 2;

/// Whose attribute it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Named(NameNo),
    /// Whoever speaks of themselves and has no name.
    Speaker,
}

/// One value of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) holder: Holder,
    /// In lower-case words.
    pub(super) attribute: String,
    /// As written.
    pub(super) value: String,
    /// Another value would contradict it.
    pub(super) is_exclusive: bool,
}

/// Words after which a sentence does not say what is the case now.
static NOT_NOW: WordList = WordList::of(
    "not never no cannot longer used was were had would could might may should \
    will wish hope want wants plan plans planning going if unless maybe perhaps probably possibly \
    once formerly previously almost nearly pretend imagine suppose dream dreams either neither \
    both some another other ago when",
);

/// What a sentence states.
pub(super) fn statements(reading: &Reading<'_>, names: &Names<'_>) -> Vec<Statement> {
    if reading.is_question() {
        return Vec::new();
    }
    let is_now = reading.holds_now();
    let mut found = Vec::new();
    for (holder, start, end) in reading.holders() {
        let context = Context { reading, names, holder };
        let owns = context.owns(start, end);
        let statement = if owns {
            context.possession(end)
        } else {
            let of = context.possession_of(start, end);
            of.or_else(|| context.whereabouts(end)).or_else(|| context.has(end))
        };
        let Some(mut statement) = statement else { continue };
        statement.is_exclusive &= is_now;
        let is_known = |it: &Statement| it.holder == holder && it.attribute == statement.attribute;
        if !found.iter().any(is_known) {
            found.push(statement);
        }
    }
    found.extend(labelled(reading, names));
    if !found.iter().any(|it| it.attribute == "email") {
        found.extend(address(reading));
    }
    found
}

/// The address in a sentence that names nobody else: "Reach Jane at jane@acme.com".
fn address(reading: &Reading<'_>) -> Option<Statement> {
    let first = reading.sightings.first()?.name;
    let mut addresses = reading.tokens.iter().filter(|it| fits(Shape::Email, &it.word));
    let address = addresses.next()?;
    let is_clear = addresses.next().is_none()
        && reading.sightings.iter().all(|sighting| sighting.name == first);
    is_clear.then(|| Statement {
        holder: Holder::Named(first),
        attribute: "email".to_owned(),
        value: address.word.to_string(),
        is_exclusive: false,
    })
}

struct Context<'c, 'p, 'o> {
    reading: &'c Reading<'p>,
    names: &'c Names<'o>,
    holder: Holder,
}

impl<'p> Context<'_, 'p, '_> {
    fn token(&self, at: usize) -> Option<&Token<'p>> {
        self.reading.tokens.get(at)
    }

    fn lower(&self, at: usize) -> &str {
        self.token(at).map_or("", |token| token.lower.as_str())
    }

    /// Whether the holder stands in the possessive: "Anna's", "my".
    fn owns(&self, start: usize, end: usize) -> bool {
        let last = self.lower(end.saturating_sub(1));
        last.ends_with("'s") || matches!(self.lower(start), "my" | "our")
    }

    /// "'s email is ...": from behind the owner.
    fn possession(&self, at: usize) -> Option<Statement> {
        let (attribute, verb) = self.attribute(at)?;
        (self.lower(verb) == "is").then_some(())?;
        self.state(attribute, verb + 1)
    }

    /// "the budget of Acme is ...".
    fn possession_of(&self, start: usize, end: usize) -> Option<Statement> {
        let mut of = start.checked_sub(1)?;
        if self.lower(of) == "the" {
            of = of.checked_sub(1)?;
        }
        if !matches!(self.lower(of), "of" | "for") || self.lower(end) != "is" {
            return None;
        }
        let first = (of.saturating_sub(ATTRIBUTE_WORDS_MAX)..of)
            .rev()
            .find(|at| matches!(self.lower(*at), "the" | "a" | "an"))
            .map_or_else(|| of.saturating_sub(1), |at| at + 1);
        let attribute = self.words(first, of)?;
        self.state(attribute, end + 1)
    }

    /// "Acme has a budget of ...".
    fn has(&self, at: usize) -> Option<Statement> {
        let verb = self.verb(at)?;
        if !matches!(self.lower(verb), "has" | "have") {
            return None;
        }
        let article = matches!(self.lower(verb + 1), "a" | "an" | "the");
        let first = verb + 1 + usize::from(article);
        let of = (first + 1..=first + ATTRIBUTE_WORDS_MAX).find(|at| self.lower(*at) == "of")?;
        let attribute = self.words(first, of)?;
        self.state(attribute, of + 1)
    }

    /// Where somebody lives or works, and how old they are.
    fn whereabouts(&self, at: usize) -> Option<Statement> {
        let verb = self.verb(at)?;
        let (attribute, value) = match (self.lower(verb), self.lower(verb + 1)) {
            ("live" | "lives" | "reside" | "resides" | "living", "in") => ("location", verb + 2),
            ("based" | "located" | "headquartered", "in" | "at") => ("location", verb + 2),
            ("moved" | "relocated", "to") => ("location", verb + 2),
            ("moved" | "relocated", "back") if self.lower(verb + 2) == "to" => {
                ("location", verb + 3)
            }
            ("work" | "works" | "working", "for" | "at") => ("employer", verb + 2),
            ("employed", "by" | "at") => ("employer", verb + 2),
            (number, "years") if self.lower(verb + 2) == "old" => {
                let age = number.parse::<u8>().ok()?.to_string();
                let attribute = "age".to_owned();
                return Some(Statement {
                    holder: self.holder,
                    attribute,
                    value: age,
                    is_exclusive: true,
                });
            }
            _ => return None,
        };
        let found = self.name(value)?;
        // "works for Acme in Berlin" limits nothing.
        let is_limited = found.limit.is_some_and(|limit| {
            !matches!((attribute, limit), ("employer", "in" | "on" | "from") | ("location", "from"))
        });
        // "moved to Linux": what is no place is not lived in.
        let is_moved = matches!(self.lower(verb), "moved" | "relocated");
        let sighted = self.reading.sightings.iter().find(|it| it.tokens.start == value);
        let entity_type = sighted.map_or("", |sighting| self.names.entity_type(sighting.name));
        let is_doubtful =
            is_moved && entity_type != "Place" && !is_place(&found.text.to_lowercase());
        let has_year = self.reading.tokens.iter().any(|token| is_year(&token.lower));
        Some(Statement {
            holder: self.holder,
            attribute: attribute.to_owned(),
            value: found.text,
            is_exclusive: !is_limited && !is_doubtful && !has_year,
        })
    }

    /// The word that carries the meaning of the verb at `at`, behind auxiliaries and adverbs.
    fn verb(&self, mut at: usize) -> Option<usize> {
        let before = at.checked_sub(1).and_then(|at| self.token(at))?;
        if !before.tail.is_empty() {
            return None;
        }
        let mut skipped = 0;
        while let Some(token) = self.token(at) {
            let is_auxiliary = token.is(&["is", "am", "are", "has", "have", "been", "'ve"])
                && !(token.is(&["has", "have"])
                    && matches!(self.lower(at + 1), "a" | "an" | "the"));
            let is_adverb = is_adverb(&token.lower) || token.is(&["now", "currently"]);
            if !is_auxiliary && !is_adverb {
                return Some(at);
            }
            skipped += 1;
            if skipped > ADVERBS_MAX {
                return None;
            }
            at += 1;
        }
        None
    }

    /// The words of an attribute from `at` on and where they end.
    fn attribute(&self, at: usize) -> Option<(String, usize)> {
        let end = (at + 1..=at + ATTRIBUTE_WORDS_MAX).find(|end| self.lower(*end) == "is")?;
        Some((self.words(at, end)?, end))
    }

    fn words(&self, start: usize, end: usize) -> Option<String> {
        let tokens = self.reading.tokens.get(start..end)?;
        let is_plain = |token: &Token<'_>| {
            token.tail.is_empty() && token.lead.is_empty() && !lexicon::is_stop(&token.lower)
        };
        if tokens.is_empty() || !tokens.iter().all(is_plain) {
            return None;
        }
        let words: Vec<&str> = tokens.iter().map(|token| token.lower.as_str()).collect();
        Some(words.join(" "))
    }

    /// An attribute with the value at `at`, when it is one that has values.
    fn state(&self, attribute: String, at: usize) -> Option<Statement> {
        let written = attribute;
        let attribute = canonical(&written);
        let configured = match self.holder {
            Holder::Named(name) => {
                let as_written = self.names.property(name, &written);
                as_written.or_else(|| self.names.property(name, &attribute))
            }
            Holder::Speaker => None,
        };
        let shape = shape_of(&attribute);
        // What an app wants known of a thing may have any value, several when it is a plural.
        let is_single = shape.is_some() || !is_plural(&attribute);
        let shape = match (shape, configured) {
            (Some(shape), _) => shape,
            (None, Some(_)) => Shape::Word,
            (None, None) => return None,
        };
        let value = if shape == Shape::Name { self.name(at)? } else { value(self.tokens(), at)? };
        if !fits(shape, &value.text) {
            return None;
        }
        Some(Statement {
            holder: self.holder,
            attribute: configured.map_or(attribute, str::to_owned),
            is_exclusive: is_single && value.limit.is_none(),
            value: value.text,
        })
    }

    /// The name that begins at a token: one that is known, a run of capitalised words, or a place
    /// in any case.
    fn name(&self, mut at: usize) -> Option<Value> {
        if self.lower(at) == "the" {
            at += 1;
        }
        let known = self.reading.sightings.iter().find(|it| it.tokens.start == at);
        let place = [2, 1].into_iter().map(|words| at + words).find(|end| {
            let words = self.tokens().get(at..*end).unwrap_or_default();
            let words: Vec<&str> = words.iter().map(|token| token.lower.as_str()).collect();
            is_place(&words.join(" "))
        });
        let capitals = || {
            let run = self.tokens().get(at..).unwrap_or_default();
            let pause = run.iter().position(|token| !token.tail.is_empty());
            let words = run.iter().position(|token| !token.is_capitalised());
            let length = words.unwrap_or(run.len()).min(pause.map_or(run.len(), |at| at + 1));
            at + length
        };
        let end = known.map(|it| it.tokens.end).or(place).unwrap_or_else(capitals);
        let words = self.tokens().get(at..end).filter(|words| !words.is_empty())?;
        // "Acme's competitor" is not Acme.
        if words.len() > VALUE_WORDS_MAX || words.last()?.lower.ends_with("'s") {
            return None;
        }
        let text = words.iter().map(|token| &*token.word).collect::<Vec<_>>().join(" ");
        let pauses = words.last().is_some_and(|token| !token.tail.is_empty());
        let next = self.lower(end);
        let is_free = pauses
            || next.is_empty()
            || ENDING.holds(next)
            || lexicon::is_temporal(next)
            || is_adverb(next);
        let listed = LIMITING.split_whitespace().find(|word| *word == next);
        // "the Berlin office" is not Berlin either.
        let limit = if is_free { None } else { Some(listed.unwrap_or("")) };
        Some(Value { text, limit })
    }

    fn tokens(&self) -> &[Token<'p>] {
        &self.reading.tokens
    }
}

/// "budget: 5000" of the only thing named that has a budget.
fn labelled(reading: &Reading<'_>, names: &Names<'_>) -> Vec<Statement> {
    let mut found = Vec::new();
    for (at, token) in reading.tokens.iter().enumerate() {
        if token.tail != ":" {
            continue;
        }
        let last = token.lower.rsplit('.').next().unwrap_or_default();
        let words = (0..ATTRIBUTE_WORDS_MAX).rev().find_map(|before| {
            let start = at.checked_sub(before)?;
            let mut words: Vec<&str> = reading
                .tokens
                .get(start..at)?
                .iter()
                .map(|token| if token.tail.is_empty() { token.lower.as_str() } else { "" })
                .collect();
            words.push(last);
            let words = super::event::in_words(&words.join(" ")).to_lowercase();
            let mut owners: Vec<NameNo> = Vec::new();
            for sighting in &reading.sightings {
                let is_owner = names.property(sighting.name, &words).is_some();
                if is_owner && !owners.contains(&sighting.name) {
                    owners.push(sighting.name);
                }
            }
            if let [owner] = owners.as_slice() { Some((*owner, words)) } else { None }
        });
        let Some((owner, words)) = words else { continue };
        let Some(value) = value(&reading.tokens, at + 1) else { continue };
        let attribute = names.property(owner, &words).unwrap_or(&words).to_owned();
        let holder = Holder::Named(owner);
        let is_known = |it: &Statement| it.holder == holder && it.attribute == attribute;
        if !found.iter().any(is_known) {
            // What is merely listed may be of a time gone by.
            found.push(Statement { holder, attribute, value: value.text, is_exclusive: false });
        }
    }
    found
}

fn is_year(word: &str) -> bool {
    word.len() == 4
        && word.bytes().all(|byte| byte.is_ascii_digit())
        && (word.starts_with("19") || word.starts_with("20"))
}

impl Reading<'_> {
    pub(super) fn is_question(&self) -> bool {
        self.tokens.last().is_some_and(|token| token.tail.contains(['?', '？', '؟']))
    }

    /// Whether a sentence says what is the case, now and for certain.
    pub(super) fn holds_now(&self) -> bool {
        !self.tokens.iter().any(|token| NOT_NOW.holds(&token.lower) || token.lower.ends_with("n't"))
    }

    /// Whoever may hold an attribute, and the tokens that stand for them.
    fn holders(&self) -> Vec<(Holder, usize, usize)> {
        let mut holders: Vec<(Holder, usize, usize)> = self
            .sightings
            .iter()
            .map(|it| (Holder::Named(it.name), it.tokens.start, it.tokens.end))
            .collect();
        let speaker = self.speaker.map_or(Holder::Speaker, Holder::Named);
        for (at, token) in self.tokens.iter().enumerate() {
            if token.is(&["i", "my", "we", "our"]) && self.has_speaker {
                holders.push((speaker, at, at + 1));
            }
            // "The user lives in ...": the one whose memory it is.
            if token.is(&["user", "user's"]) && at <= 1 {
                holders.push((Holder::Speaker, at, at + 1));
            }
        }
        holders.sort_by_key(|(_, start, _)| *start);
        holders
    }
}
