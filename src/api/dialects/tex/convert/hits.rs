//! What was recalled as the dialect's hits, with what they cost and the timeline over them.

use super::super::wire::{Entity, Hit, Hits, Kind};
use super::conversation::hash_of;
use super::remembered::{Fragment, fragment_of};
use super::times::{as_day, as_epoch_ms};
use crate::service::{Recollection, RetrievedAtom, count_tokens};

/// Characters of a text in a timeline; what is cut off shows as an ellipsis.
const EVENT_CHARS_MAX: usize = 300;

/// An answer, and the metered tokens of all its texts.
#[derive(Debug)]
pub(crate) struct Recalled {
    pub(crate) hits: Hits,
    pub(crate) timeline: Option<String>,
    pub(crate) confidence: f32,
    pub(crate) tokens: u64,
}

/// Some microseconds a hit; a timeline some more.
pub(crate) fn recalled(recollection: &Recollection, with_timeline: bool) -> Recalled {
    let Recollection { fragments, facts, entities, confidence } = recollection;
    let found: Vec<_> =
        fragments.iter().chain(facts).map(|found| (found, fragment_of(&found.atom))).collect();
    let (mut turns, mut observations, mut tokens) = (Vec::new(), Vec::new(), 0);
    for (found, fragment) in &found {
        tokens += tokens_of(fragment);
        match fragment.kind {
            Kind::Turn => turns.push(hit(found, fragment)),
            Kind::Observation => observations.push(hit(found, fragment)),
        }
    }
    // Facts were ranked by themselves. Stable: of equals a fragment comes first.
    observations.sort_by(|one: &Hit, other| other.score.total_cmp(&one.score));
    let domain = found.first().map(|(found, _)| found.atom.domain.as_str()).unwrap_or_default();
    let entities: Vec<Entity> = entities
        .iter()
        .map(|entity| Entity {
            id: Some(hash_of(&["entity", domain, &entity.label])),
            label: entity.label.clone(),
            score: rounded(entity.score),
        })
        .collect();
    tokens += entities.iter().map(|entity| count_tokens(&entity.label)).sum::<u64>();
    let timeline = if with_timeline { timeline(found) } else { None };
    tokens += timeline.as_deref().map_or(0, count_tokens);
    let hits = Hits { observations, turns, entities };
    Recalled { hits, timeline, confidence: rounded(*confidence), tokens }
}

/// What is kept with a fragment, where that can be: another dialect may have written the atom. No
/// token is shorter than a byte.
fn tokens_of(fragment: &Fragment<'_>) -> u64 {
    let possible = 1..=fragment.text.len() as u64;
    let kept = fragment.tokens.filter(|tokens| possible.contains(tokens));
    kept.unwrap_or_else(|| count_tokens(&fragment.text))
}

fn hit(found: &RetrievedAtom, fragment: &Fragment<'_>) -> Hit {
    Hit {
        id: fragment.id.to_string(),
        text: fragment.text.to_string(),
        score: rounded(found.relevance),
        kind: fragment.kind,
        timestamp: Some(as_epoch_ms(found.atom.event_time())),
    }
}

/// One line for each hit, in the order of time; `None` for no hits.
fn timeline(mut found: Vec<(&RetrievedAtom, Fragment<'_>)>) -> Option<String> {
    found.sort_by_key(|(found, _)| (found.atom.event_time(), found.atom.no));
    let mut text = String::from("Timeline of relevant events:");
    for (found, fragment) in &found {
        let day = as_day(found.atom.event_time());
        text.push_str(&format!("\n- {day}: {}", one_line(fragment.said)));
    }
    (!found.is_empty()).then_some(text)
}

fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        let separator = if line.is_empty() { "" } else { " " };
        for letter in separator.chars().chain(word.chars()) {
            if chars == EVENT_CHARS_MAX {
                line.push('\u{2026}');
                return line;
            }
            line.push(letter);
            chars += 1;
        }
    }
    line
}

/// Six digits are what single precision has to say.
fn rounded(score: f32) -> f32 {
    (score.clamp(0.0, 1.0) * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Speaker;
    use super::super::ingestion_request;
    use super::*;
    use crate::service::{Atom, AtomKind, RecalledEntity, Source};
    use crate::types::{AtomId, AtomNo, Timestamp};
    use uuid::Uuid;

    fn retrieved(new: &crate::service::NewAtom, no: u64, relevance: f32) -> RetrievedAtom {
        let created_at = Timestamp::parse("2026-05-09T00:00:00Z").unwrap();
        let atom = Atom {
            id: AtomId(Uuid::from_u128(u128::from(no))),
            no: AtomNo(no),
            kind: AtomKind::Episode,
            domain: new.domain.clone(),
            content: new.content.clone(),
            concepts: Vec::new(),
            metadata: new.metadata.clone(),
            external_ref: new.external_ref.clone(),
            fingerprint: None,
            session: None,
            occurred_at: new.occurred_at,
            created_at,
            last_accessed_at: created_at,
            access_count: 0,
            importance: 0.0,
            valence: 0.0,
            outcome_count: 0,
            is_protected: false,
            supersedes: Vec::new(),
            superseded_by: None,
            consolidated_into: None,
        };
        RetrievedAtom { atom, relevance, similarity: relevance, source: Source::Semantic }
    }

    fn recollection(body: &str) -> (Vec<String>, Recollection) {
        let user = "u".to_owned();
        let speaker = Speaker { user, session: None, may_name_users: true };
        let read = ingestion_request(body, &speaker).unwrap().into_remembering();
        let fragments = read.ingestion.fragments.iter().zip(1_u8..).map(|(fragment, no)| {
            retrieved(&fragment.atom, u64::from(no), 0.9 - 0.1 * f32::from(no))
        });
        let fragments = fragments.collect();
        let recollection =
            Recollection { fragments, confidence: 0.123_456, ..Recollection::default() };
        (read.fragment_ids, recollection)
    }

    const BODY: &str = r#"{"scope": {"org_id": "x"}, "turns": [
        {"role": "user", "text": "I'm allergic to shellfish", "timestamp": "2026-05-08T14:00:00Z"},
        {"role": "a: b]", "text": "line\n  two", "timestamp": "2023-05-08", "observations": ["likes lines"]}
    ]}"#;

    #[test]
    fn hits_come_back_as_they_were_sent_and_cost_what_their_texts_cost() {
        let (ids, recollection) = recollection(BODY);
        let recalled = recalled(&recollection, false);
        let [first, second] = &recalled.hits.turns[..] else { panic!("{recalled:?}") };
        assert_eq!(first.text, "[Date: 2026-05-08T14:00:00Z] [user] I'm allergic to shellfish");
        assert_eq!(first.timestamp.as_deref(), Some("1778248800000"));
        assert_eq!(second.text, "[Date: 2023-05-08] [a: b]] line\n  two");
        let observation = &recalled.hits.observations[0];
        assert_eq!(observation.text, "likes lines");
        assert_eq!([&first.id, &second.id, &observation.id], [&ids[0], &ids[1], &ids[2]]);
        assert_eq!((first.score, recalled.confidence), (0.8, 0.123_456));
        let texts = [&first.text, &second.text, &observation.text];
        let tokens: u64 = texts.iter().map(|text| count_tokens(text)).sum();
        assert_eq!((recalled.tokens, recalled.timeline), (tokens, None));
    }

    #[test]
    fn a_count_that_cannot_be_is_counted_again() {
        let (_, mut recollection) = recollection(BODY);
        let counted = recalled(&recollection, false).tokens;
        for tokens in [0, u64::MAX] {
            for found in &mut recollection.fragments {
                let mut kept: serde_json::Value =
                    serde_json::from_str(found.atom.metadata.as_json()).unwrap();
                kept["tex"]["tokens"] = tokens.into();
                found.atom.metadata = crate::service::Metadata::from_checked(kept.to_string());
            }
            assert_eq!(recalled(&recollection, false).tokens, counted);
        }
    }

    #[test]
    fn a_timeline_is_in_the_order_of_time_and_is_paid_for() {
        let (_, recollection) = recollection(BODY);
        let (without, with) = (recalled(&recollection, false), recalled(&recollection, true));
        let timeline = with.timeline.unwrap();
        assert_eq!(
            timeline,
            "Timeline of relevant events:\n- 8 May 2023: line two\n- 8 May 2023: likes lines\n\
             - 8 May 2026: I'm allergic to shellfish"
        );
        assert_eq!(with.tokens, without.tokens + count_tokens(&timeline));
        assert_eq!(recalled(&Recollection::default(), true).timeline, None);
        let long = one_line(&"word ".repeat(100));
        assert_eq!((long.chars().count(), long.ends_with('\u{2026}')), (301, true));
        assert_eq!(one_line(&"x".repeat(300)).chars().count(), 300);
    }

    #[test]
    fn what_another_dialect_wrote_is_an_observation() {
        let new = crate::service::NewAtom::of("[2026] user: plain", "tex:u/default-session");
        let entity = RecalledEntity {
            named_by: AtomId(Uuid::from_u128(1)),
            label: "Acme".to_owned(),
            score: 0.333_333,
        };
        let recollection = Recollection {
            fragments: vec![retrieved(&new, 1, 0.5)],
            facts: vec![retrieved(&crate::service::NewAtom::of("works at Acme", "x"), 2, 0.7)],
            entities: vec![entity],
            confidence: 2.0,
        };
        let recalled = recalled(&recollection, false);
        let texts: Vec<_> =
            recalled.hits.observations.iter().map(|hit| hit.text.as_str()).collect();
        assert_eq!(texts, ["works at Acme", "[2026] user: plain"]);
        assert!(recalled.hits.observations.iter().all(|hit| hit.id.len() == 64));
        assert_eq!((recalled.hits.entities[0].score, recalled.confidence), (0.333_333, 1.0));
        let counted = texts.iter().map(|text| count_tokens(text)).sum::<u64>();
        assert_eq!(recalled.tokens, counted + 2);
    }
}
