//! Which of an app's types of things a name belongs to.

use std::ops::Range;
use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use super::event::in_words;
use crate::engine::facts::Token;
use crate::engine::knowledge::EntityType as Kind;
use crate::engine::lexicon;
use crate::engine::ontology::{EntityType, Ontology};
use crate::engine::text::{Term, for_each_word};

/// Words that name a kind of thing, in the name of a type or in its description.
const KIND_WORDS: [(Kind, &str); 4] = [
    (
        Kind::Person,
        "person people human individual user contact employee member stakeholder manager patient \
         student friend colleague approver lead leader developer engineer consultant doctor \
         teacher author speaker owner agent client customer partner attendee candidate character \
         relative participant staff someone somebody who parent child spouse buyer seller",
    ),
    (
        Kind::Organization,
        "organization organisation company business firm corporation client customer vendor \
         supplier partner institution agency team department bank employer manufacturer brand \
         startup enterprise group university school hospital account competitor provider",
    ),
    (
        Kind::Place,
        "place location city country address site venue region town state office area district \
         neighbourhood neighborhood destination warehouse",
    ),
    (
        Kind::Technology,
        "technology tool software system platform language framework library database application \
         app product service programming",
    ),
];

/// General types that a name is given where an app has none for it, best first.
const GENERAL_TYPES: [(Kind, &[&str]); 4] = [
    (Kind::Person, &["Person", "People", "User", "Contact", "Human"]),
    (Kind::Organization, &["Organization", "Organisation", "Company"]),
    (Kind::Place, &["Place", "Location"]),
    (Kind::Technology, &["Technology", "Tool", "Product"]),
];

/// What a name of unknown kind is, in apps that have a word for it.
const CATCH_ALL: [&str; 4] = ["Thing", "Entity", "Concept", "Other"];

/// Words between a name and the type it is said to be of, at most: "is a very good client".
const BETWEEN_WORDS_MAX: usize = 3;

/// The types of things of an ontology, as names are held against them.
#[derive(Debug)]
pub(super) struct Types {
    types: Vec<KnownType>,
    /// There is a type for what is of no known kind.
    has_catch_all: bool,
}

#[derive(Debug)]
struct KnownType {
    name: String,
    /// The name in lower-case words.
    words: Vec<String>,
    kinds: Vec<Kind>,
    /// Stems of its description.
    description: FxHashSet<u64>,
    /// What is worth knowing of such a thing: in lower-case words, and as configured.
    properties: Vec<(String, String)>,
}

impl Types {
    pub(super) fn of(ontology: &Ontology) -> Self {
        let known = |entity_type: &EntityType| {
            let words: Vec<String> =
                in_words(&entity_type.name).split(' ').map(str::to_lowercase).collect();
            let named = kinds_of(words.last().map_or("", String::as_str));
            let mut described: Vec<Kind> = Vec::new();
            let mut description = FxHashSet::default();
            for_each_word(&entity_type.description, |word| {
                let term = Term::of_word(word);
                if !term.is_stop() {
                    description.insert(term.hash());
                }
                // The first telling word of the description.
                if described.is_empty() {
                    described = kinds_of(word);
                }
            });
            // A "Client" may be a person or a company: the description knows.
            let both: Vec<Kind> =
                named.iter().copied().filter(|kind| described.contains(kind)).collect();
            let kinds = match (named.is_empty(), both.is_empty()) {
                (true, _) => described,
                (false, true) => named,
                (false, false) => both,
            };
            let properties = entity_type.key_properties.iter().chain(&entity_type.identifiers);
            KnownType {
                name: entity_type.name.clone(),
                words,
                kinds,
                description,
                properties: properties
                    .map(|name| (in_words(name).to_lowercase(), name.clone()))
                    .collect(),
            }
        };
        let types: Vec<KnownType> = ontology.entity_types.iter().map(known).collect();
        let is_catch_all = |it: &KnownType| CATCH_ALL.contains(&it.name.as_str());
        let has_catch_all = types.is_empty() || types.iter().any(is_catch_all);
        Self { types, has_catch_all }
    }

    /// A type by its name in any case, as it is configured.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let mut types = self.types.iter().map(|known| known.name.as_str());
        types.find(|known| known.eq_ignore_ascii_case(name.trim()))
    }

    /// The type that comes nearest to a claimed one. None where nothing does.
    pub(super) fn like(&self, claimed: &str) -> Option<String> {
        let words = in_words(claimed).to_lowercase();
        let kind = words.rsplit(' ').find_map(|word| kinds_of(word).first().copied());
        self.for_kind(kind.unwrap_or(Kind::Concept), &[])
    }

    /// What is worth knowing of a thing of this type under such a name, as configured.
    pub(super) fn property(&self, entity_type: &str, words: &str) -> Option<&str> {
        let known = self.types.iter().find(|known| known.name == entity_type)?;
        let mut properties = known.properties.iter();
        properties.find(|(known, _)| known == words).map(|(_, name)| name.as_str())
    }

    /// The type that a sentence says a name is of: "our client Acme", "Acme is a client",
    /// "Acme, a client", "Project Apollo".
    pub(super) fn said(&self, tokens: &[Token<'_>], range: &Range<usize>) -> Option<&str> {
        let is_at = |at: Option<usize>, words: &[String]| {
            at.and_then(|at| tokens.get(at..at + words.len())).is_some_and(|window| {
                window.iter().zip(words).all(|(token, word)| is_form(&token.lower, word))
            })
        };
        let found = self.types.iter().find(|known| {
            let words = known.words.as_slice();
            let length = words.len();
            let mut before = range.start;
            if before
                .checked_sub(1)
                .and_then(|at| tokens.get(at))
                .is_some_and(|token| token.is(&["named", "called", "is"]))
            {
                before -= 1;
            }
            let leads = is_at(before.checked_sub(length), words)
                && before.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|token| {
                    token.tail.is_empty() || token.tail == ":" || token.tail == ","
                });
            // "Project Apollo" and "Apollo project".
            let holds = range.len() > length
                && (is_at(Some(range.start), words) || is_at(range.end.checked_sub(length), words));
            leads
                || holds
                || is_at(called(tokens, range.end, words), words)
                || (is_at(Some(range.end), words) && is_whole(tokens, range.end))
        });
        found.map(|known| known.name.as_str())
    }

    /// The type for a name of a kind, told apart by what the sentence shares with descriptions.
    /// None for a name of which nothing is known, where the app has no type for such.
    pub(super) fn for_kind(&self, kind: Kind, tokens: &[Token<'_>]) -> Option<String> {
        let general = GENERAL_TYPES.iter().find(|(known, _)| *known == kind);
        let Some((_, names)) = general else {
            if !self.has_catch_all {
                return None;
            }
            let name = CATCH_ALL.iter().find_map(|name| self.find(name));
            return Some(name.unwrap_or("Thing").to_owned());
        };
        if let Some(name) = names.iter().find_map(|name| self.find(name)) {
            return Some(name.to_owned());
        }
        // Of types that fit as well, the one that can be nothing else, then the first.
        let mut best: Option<(&KnownType, (usize, std::cmp::Reverse<usize>))> = None;
        for known in self.types.iter().filter(|known| known.kinds.contains(&kind)) {
            let shared = tokens.iter().filter(|token| {
                let term = Term::of_word(&token.lower);
                !term.is_stop() && known.description.contains(&term.hash())
            });
            let fit = (shared.count(), std::cmp::Reverse(known.kinds.len()));
            if best.as_ref().is_none_or(|(_, most)| fit > *most) {
                best = Some((known, fit));
            }
        }
        let general = names.first().map(|name| (*name).to_owned());
        best.map(|(known, _)| known.name.clone()).or(general)
    }
}

/// Where the type stands in "X is a good client" and "X, our client".
fn called(tokens: &[Token<'_>], end: usize, words: &[String]) -> Option<usize> {
    let last = end.checked_sub(1).and_then(|at| tokens.get(at))?;
    let is_joined = last.tail.is_empty()
        && tokens.get(end).is_some_and(|token| token.is(&["is", "became", "as", "are"]));
    if !is_joined && last.tail != "," {
        return None;
    }
    let at = end + usize::from(is_joined);
    let article = tokens.get(at)?;
    if !article.is(&["a", "an", "the", "our", "my", "their", "his", "her", "another", "one"]) {
        return None;
    }
    let is_it = |at: usize| {
        tokens.get(at..at + words.len()).is_some_and(|window| {
            window.iter().zip(words).all(|(token, word)| is_form(&token.lower, word))
        })
    };
    // "the manager of the project" is no project.
    for at in at + 1..=at + 1 + BETWEEN_WORDS_MAX {
        if is_it(at) {
            return Some(at);
        }
        let next = tokens.get(at)?;
        if !next.tail.is_empty() || next.is_capitalised() || lexicon::is_stop(&next.lower) {
            return None;
        }
    }
    None
}

/// The kinds a word names; several where it may be either.
fn kinds_of(word: &str) -> Vec<Kind> {
    static WORDS: OnceLock<FxHashMap<&'static str, Vec<Kind>>> = OnceLock::new();
    let words = WORDS.get_or_init(|| {
        let mut words: FxHashMap<&'static str, Vec<Kind>> = FxHashMap::default();
        for (kind, list) in KIND_WORDS {
            for word in list.split_whitespace() {
                words.entry(word).or_default().push(kind);
            }
        }
        words
    });
    let one = word.strip_suffix('s').unwrap_or(word);
    words.get(word).or_else(|| words.get(one)).cloned().unwrap_or_default()
}

/// A word or its plural.
fn is_form(written: &str, word: &str) -> bool {
    written == word || written.strip_suffix('s') == Some(word)
}

/// Whether the name before this word goes on into it without a pause.
fn is_whole(tokens: &[Token<'_>], end: usize) -> bool {
    end.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|token| token.tail.is_empty())
}
