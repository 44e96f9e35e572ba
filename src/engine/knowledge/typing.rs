//! What kind of thing a name stands for: votes from the words it is made of and from those around
//! it, summed over the document.

use std::ops::Range;

use super::EntityType;
use super::vocabulary::{
    MORE_GIVEN_NAMES, MORE_PLACES, ORGANIZATION_BEGINNINGS, ORGANIZATION_ENDINGS, TECHNOLOGY_NOUNS,
    TITLES, is_organization, is_technology,
};
use crate::engine::facts::{EntityKind, Token};

/// Verbs that people do, and so does whoever stands behind "by" after them.
const MAKING: [&str; 18] = [
    "introduced",
    "developed",
    "founded",
    "invented",
    "wrote",
    "written",
    "created",
    "designed",
    "directed",
    "discovered",
    "composed",
    "painted",
    "led",
    "joined",
    "married",
    "proposed",
    "authored",
    "gegründet",
];

/// How much speaks for each type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Votes([u32; EntityType::ALL.len()]);

impl Votes {
    pub(super) fn add(&mut self, entity_type: EntityType, weight: u32) {
        for (count, candidate) in self.0.iter_mut().zip(EntityType::ALL) {
            if candidate == entity_type {
                *count += weight;
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// The type with the most votes, the first of several; a concept without any. What an acronym
    /// stands for comes before its being one.
    pub(super) fn winner(&self) -> EntityType {
        let mut best = (0, EntityType::Concept);
        let mut is_acronym = false;
        for (count, entity_type) in self.0.iter().zip(EntityType::ALL) {
            if entity_type == EntityType::Acronym {
                is_acronym = *count > 0;
            } else if *count > best.0 {
                best = (*count, entity_type);
            }
        }
        if best.1 == EntityType::Concept && is_acronym { EntityType::Acronym } else { best.1 }
    }
}

/// What the rules for conversations make of a name.
pub(super) fn of_kind(kind: EntityKind) -> Votes {
    let mut votes = Votes::default();
    match kind {
        EntityKind::Person => votes.add(EntityType::Person, 2),
        EntityKind::Place => votes.add(EntityType::Place, 2),
        EntityKind::Organisation => votes.add(EntityType::Organization, 2),
        EntityKind::Other => {}
    }
    votes
}

pub(super) fn by_own_words(name: &str) -> Votes {
    let mut votes = Votes::default();
    let folded = name.to_lowercase();
    let words: Vec<&str> = folded.split(' ').collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return votes };
    if MORE_GIVEN_NAMES.holds(first) || TITLES.holds(first) {
        votes.add(EntityType::Person, 3);
    }
    if is_organization(name) || last.rsplit('-').next().is_some_and(|e| e == "institut") {
        votes.add(EntityType::Organization, 4);
    }
    if MORE_PLACES.holds(&folded) {
        votes.add(EntityType::Place, 3);
    }
    if words.len() < 2 {
        return votes;
    }
    if ORGANIZATION_ENDINGS.holds(last)
        || words.iter().any(|word| ORGANIZATION_BEGINNINGS.holds(word))
    {
        votes.add(EntityType::Organization, 4);
    }
    if name.split(' ').any(is_technology) {
        votes.add(EntityType::Technology, 1);
    }
    if TECHNOLOGY_NOUNS.holds(last) {
        votes.add(EntityType::Technology, 2);
    }
    votes
}

/// What the words next to a name say.
pub(super) fn around(tokens: &[Token<'_>], range: &Range<usize>) -> Votes {
    let mut votes = Votes::default();
    let lower = |at: Option<usize>| {
        at.and_then(|at| tokens.get(at)).map_or("", |token| token.lower.as_str())
    };
    let goes_on = range.end.checked_sub(1).and_then(|at| tokens.get(at));
    let goes_on = goes_on.is_some_and(|token| token.tail.is_empty());
    if goes_on && TECHNOLOGY_NOUNS.holds(lower(Some(range.end))) {
        votes.add(EntityType::Technology, 2);
    }
    let is_full_name = range.len() == 2 || range.len() == 3;
    let before = lower(range.start.checked_sub(1));
    let second = lower(range.start.checked_sub(2));
    if is_full_name
        && ((goes_on && MAKING.contains(&lower(Some(range.end))))
            || (matches!(before, "by" | "von") && MAKING.contains(&second)))
    {
        votes.add(EntityType::Person, 1);
    }
    votes
}
