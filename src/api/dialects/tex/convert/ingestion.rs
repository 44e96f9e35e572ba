//! Turns to be remembered, with the observations that came with them.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::wire::{IngestionOptions, IngestionRequest, Kind, TurnRequest};
use super::conversation::{Conversation, Speaker, conversation};
use super::fields::{Fields, NOT_EMPTY, parse_body};
use super::observation::observations;
use super::problems::{Complaint, Problems};
use super::remembered::{Remembered, head_of_content, head_of_hit, reference_of};
use super::times::parse_turn_time;
use crate::api::validation::{BadMetadata, Raw, Step, parse_metadata, unless_null};
use crate::service::{
    Enrichment, Ingestion, NewAtom, NewFragment, begins_with_label, count_tokens,
    count_tokens_behind,
};
use crate::types::Timestamp;

/// Characters of a role and of a timestamp. They are free text, but they are kept beside the turn
/// and shown before it.
const ROLE_CHARS_MAX: usize = 1_000;
const TIMESTAMP_CHARS_MAX: usize = 1_000;

/// A body that fits the schema. Nothing of it has been hashed or counted yet.
#[derive(Debug)]
pub(crate) struct Turns {
    conversation: Conversation,
    turns: Vec<Turn>,
    /// Whether the turns can be recalled at once, and whether they are to be enriched.
    write: (bool, bool),
    /// The caller's own, as compact JSON.
    metadata: Option<Box<RawValue>>,
}

/// Turns, ready for the service.
#[derive(Debug)]
pub(crate) struct Remembering {
    pub(crate) ingestion: Ingestion,
    /// Of what can be recalled at once: each turn's followed by those of its observations.
    pub(crate) fragment_ids: Vec<String>,
}

#[derive(Debug)]
struct Turn {
    role: String,
    text: String,
    timestamp: String,
    observations: Vec<String>,
}

/// What all fragments of a body have in common.
struct Writing<'a> {
    conversation: &'a Conversation,
    domain: String,
    enrichment: Enrichment,
}

/// The body of an ingestion.
pub(crate) fn ingestion_request(body: &str, speaker: &Speaker) -> Result<Turns, Problems> {
    let request: IngestionRequest<'_> = parse_body(body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::of_body(&mut problems, body);
    let conversation = conversation(&mut fields, request.scope, speaker);
    let turns = fields
        .required("turns", request.turns)
        .and_then(|raw| fields.some("turns", raw))
        .unwrap_or_default();
    let turns: Vec<Turn> = turns
        .into_iter()
        .enumerate()
        .filter_map(|(index, raw)| turn(&mut fields, index, raw))
        .collect();
    let write = options(&mut fields, request.options);
    let metadata = metadata(&mut fields, request.metadata);
    let Some(conversation) = conversation else { return Err(problems) };
    problems.or_value(Turns { conversation, turns, write, metadata })
}

impl Turns {
    /// Costs what hashing and counting the texts costs.
    pub(crate) fn into_remembering(self) -> Remembering {
        let (is_active, is_passive) = self.write;
        let enrichment = match (is_active, is_passive) {
            (true, true) => Enrichment::Derive,
            (true, false) => Enrichment::None,
            (false, true) => Enrichment::DeriveAndReveal,
            (false, false) => return self.kept_nowhere(),
        };
        let (conversation, domain) = (&self.conversation, self.conversation.domain());
        let writing = Writing { conversation, domain, enrichment };
        // With the first turn only: many turns of a body would each have a copy.
        let metadata = std::iter::once(self.metadata.as_deref()).chain(std::iter::repeat(None));
        let turns = self.turns.iter().zip(metadata);
        let fragments = turns.flat_map(|(turn, metadata)| writing.fragments_of(turn, metadata));
        let (mut fragment_ids, fragments): (Vec<_>, Vec<_>) = fragments.unzip();
        if !is_active {
            fragment_ids.clear();
        }
        Remembering { ingestion: Ingestion { fragments, tokens_besides: 0 }, fragment_ids }
    }

    /// The tokens are charged all the same.
    fn kept_nowhere(&self) -> Remembering {
        let texts =
            self.turns.iter().flat_map(|turn| [&turn.text].into_iter().chain(&turn.observations));
        let tokens_besides = texts.map(|text| count_tokens(text)).sum();
        let ingestion = Ingestion { fragments: Vec::new(), tokens_besides };
        Remembering { ingestion, fragment_ids: Vec::new() }
    }
}

/// The session an atom belongs to for the engine, which lifts neighbours of one session together:
/// what was said on one day. See `docs/decisions/0022-deep-recall.md` for what other rules give.
fn engine_session(said_at: Option<Timestamp>) -> Option<String> {
    let (year, month, day) = said_at?.date();
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

impl Writing<'_> {
    /// A turn and its observations, each with its id.
    fn fragments_of(
        &self,
        turn: &Turn,
        metadata: Option<&RawValue>,
    ) -> impl Iterator<Item = (String, NewFragment)> {
        let Turn { role, text, timestamp, observations } = turn;
        let said_at = parse_turn_time(timestamp);
        let id = self.conversation.turn_id(role, text, timestamp);
        let (tokens, tokens_of_hit) = count_tokens_behind(&head_of_hit(timestamp, role), text);
        let names_speaker = begins_with_label(text);
        let remembered = Remembered {
            kind: Kind::Turn,
            role: Some(Cow::Borrowed(role)),
            timestamp: Some(Cow::Borrowed(timestamp)),
            names_speaker,
            tokens: tokens_of_hit,
            metadata,
        };
        let shown_role = (!names_speaker).then_some(role.as_str());
        let content = format!("{}{text}", head_of_content(timestamp, shown_role));
        let atom = self.atom(&id, &content, said_at, remembered);
        let turn = (id, NewFragment { atom, tokens });
        std::iter::once(turn).chain(observations.iter().map(move |text| {
            let id = self.conversation.observation_id(text);
            let tokens = count_tokens(text);
            let remembered = Remembered::observation(tokens);
            let atom = self.atom(&id, text, said_at, remembered);
            (id, NewFragment { atom, tokens })
        }))
    }

    fn atom(
        &self,
        id: &str,
        content: &str,
        said_at: Option<Timestamp>,
        remembered: Remembered<'_>,
    ) -> NewAtom {
        NewAtom {
            is_certain: true,
            enrichment: self.enrichment,
            external_ref: Some(reference_of(id)),
            session: engine_session(said_at),
            occurred_at: said_at,
            metadata: remembered.into_metadata(),
            ..NewAtom::of(content, &self.domain)
        }
    }
}

fn turn(fields: &mut Fields<'_, '_>, index: usize, raw: &RawValue) -> Option<Turn> {
    let steps = [Step::Name("turns"), Step::Index(index)];
    let turn: TurnRequest<'_> = fields.object(&steps, raw)?;
    let mut fields = fields.within(&steps, raw);
    let mut text = |name, raw, chars| {
        let raw = fields.required(name, raw)?;
        fields.text(name, raw, chars)
    };
    let role = text("role", turn.role, 1..=ROLE_CHARS_MAX);
    let said = text("text", turn.text, NOT_EMPTY);
    let timestamp = text("timestamp", turn.timestamp, 1..=TIMESTAMP_CHARS_MAX);
    let observations = observations(&mut fields, turn.observations);
    Some(Turn { role: role?, text: said?, timestamp: timestamp?, observations })
}

/// Whether the turns can be recalled at once, and whether they are to be enriched.
fn options(fields: &mut Fields<'_, '_>, raw: Raw<'_>) -> (bool, bool) {
    const STEPS: [Step; 1] = [Step::Name("options")];
    let Some(raw) = unless_null(raw) else { return (true, true) };
    let options: IngestionOptions<'_> = fields.object(&STEPS, raw).unwrap_or_default();
    let mut fields = fields.within(&STEPS, raw);
    let mut flag =
        |name, raw| unless_null(raw).and_then(|raw| fields.boolean(name, raw)).unwrap_or(true);
    (flag("write_active", options.write_active), flag("write_passive", options.write_passive))
}

/// The caller's own metadata as compact JSON.
fn metadata(fields: &mut Fields<'_, '_>, raw: Raw<'_>) -> Option<Box<RawValue>> {
    let raw = unless_null(raw)?;
    let checked = parse_metadata(raw).map_err(|cause| match cause {
        BadMetadata::OtherType => Complaint::new("dict_type", "Input should be a valid dictionary"),
        other => Complaint::new("value_error", format!("Value error, metadata {other}")),
    });
    let checked = fields.checked(&[Step::Name("metadata")], raw, checked)?;
    RawValue::from_string(checked.json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-05-08T14:00:00Z";

    fn speaker() -> Speaker {
        Speaker { user: "apikey_1".to_owned(), session: None, may_name_users: true }
    }

    fn read(turns: &str, more: &str) -> Result<Remembering, String> {
        let body = format!("{{\"scope\":{{\"org_id\":\"x\"}},\"turns\":{turns}{more}}}");
        ingestion_request(&body, &speaker())
            .map(Turns::into_remembering)
            .map_err(|problems| serde_json::to_string(&problems).unwrap())
    }

    fn turn_of(role: &str, text: &str, more: &str) -> String {
        format!("{{\"role\":\"{role}\",\"text\":\"{text}\",\"timestamp\":\"{TIME}\"{more}}}")
    }

    #[test]
    fn a_turn_becomes_a_fragment_that_the_engine_can_date() {
        let turn = turn_of("user", "I'm allergic to shellfish", "");
        let read = read(&format!("[{turn}]"), ",\"metadata\":{ \"a\": 1.50 }").unwrap();
        let [fragment] = &read.ingestion.fragments[..] else { panic!("{read:?}") };
        let atom = &fragment.atom;
        assert_eq!(atom.content, format!("[{TIME}] user: I'm allergic to shellfish"));
        assert_eq!(atom.domain, "tex:apikey_1/default-session");
        assert_eq!(atom.occurred_at, Timestamp::parse(TIME));
        assert_eq!(atom.session.as_deref(), Some("2026-05-08"));
        assert_eq!(
            atom.metadata.as_json(),
            format!(
                "{{\"tex\":{{\"kind\":\"turn\",\"role\":\"user\",\"timestamp\":\"{TIME}\",\
                 \"tokens\":27,\"metadata\":{{\"a\":1.50}}}}}}"
            )
        );
        assert_eq!(fragment.tokens, 6);
        assert_eq!((atom.is_certain, atom.enrichment), (true, Enrichment::Derive));
        let id = &read.fragment_ids[0];
        assert_eq!(atom.external_ref.as_deref(), Some(format!("tex:{id}").as_str()));
    }

    #[test]
    fn a_text_that_names_its_speaker_has_no_role_before_it() {
        let turn = turn_of("user", "Caroline: hi", "");
        let read = read(&format!("[{turn}]"), "").unwrap();
        let atom = &read.ingestion.fragments[0].atom;
        assert_eq!(atom.content, format!("[{TIME}] Caroline: hi"));
        assert!(atom.metadata.as_json().contains("\"names_speaker\":true"), "{atom:?}");
    }

    #[test]
    fn observations_follow_their_turn() {
        let first = turn_of("user", "hi", ",\"observations\":[\"is polite\",{\"value\":\"new\"}]");
        let turns = format!("[{first},{}]", turn_of("assistant", "hello", ""));
        let read = read(&turns, "").unwrap();
        let contents: Vec<_> =
            read.ingestion.fragments.iter().map(|it| it.atom.content.as_str()).collect();
        let hi = format!("[{TIME}] user: hi");
        let hello = format!("[{TIME}] assistant: hello");
        assert_eq!(contents, [hi.as_str(), "is polite", "new", hello.as_str()]);
        assert_eq!(read.fragment_ids.len(), 4);
        assert!(read.ingestion.fragments.iter().all(|it| it.atom.occurred_at.is_some()));
    }

    #[test]
    fn options_say_what_is_kept_where() {
        let turns = format!("[{}]", turn_of("user", "hello", ""));
        for (active, passive, enrichment, ids) in [
            ("true", "true", Some(Enrichment::Derive), 1),
            ("true", "false", Some(Enrichment::None), 1),
            ("false", "true", Some(Enrichment::DeriveAndReveal), 0),
            ("false", "false", None, 0),
        ] {
            let options =
                format!(",\"options\":{{\"write_active\":{active},\"write_passive\":{passive}}}");
            let read = read(&turns, &options).unwrap();
            let seen = read.ingestion.fragments.first().map(|it| it.atom.enrichment);
            assert_eq!((seen, read.fragment_ids.len()), (enrichment, ids), "{options}");
            let tokens: u64 = read.ingestion.fragments.iter().map(|it| it.tokens).sum();
            assert_eq!(tokens + read.ingestion.tokens_besides, 1, "{options}");
        }
        for absent in [",\"options\":null", ",\"options\":{\"write_active\":null}", ""] {
            assert_eq!(read(&turns, absent).unwrap().fragment_ids.len(), 1, "{absent}");
        }
    }

    #[test]
    fn every_problem_has_its_place() {
        let good = turn_of("user", "hi", "");
        for (turns, more, place, kind) in [
            ("[]", "", "[\"body\",\"turns\"]", "too_short"),
            ("null", "", "[\"body\",\"turns\"]", "list_type"),
            ("[7]", "", "[\"body\",\"turns\",0]", "model_attributes_type"),
            ("[{}]", "", "[\"body\",\"turns\",0,\"role\"]", "missing"),
            ("[{}]", "", "[\"body\",\"turns\",0,\"text\"]", "missing"),
            ("[{}]", "", "[\"body\",\"turns\",0,\"timestamp\"]", "missing"),
            (&format!("[{good},{}]", turn_of("", "hi", "")), "", "1,\"role\"]", "string_too_short"),
            (&format!("[{}]", turn_of("user", "", "")), "", "0,\"text\"]", "string_too_short"),
            (&format!("[{good}]"), ",\"metadata\":7", "[\"body\",\"metadata\"]", "dict_type"),
            (&format!("[{good}]"), ",\"options\":[]", "\"options\"]", "model_attributes_type"),
            (
                &format!("[{good}]"),
                ",\"options\":{\"write_active\":\"x\"}",
                "\"write_active\"]",
                "bool_parsing",
            ),
        ] {
            let problems = read(turns, more).unwrap_err();
            assert!(
                problems.contains(place) && problems.contains(kind),
                "{turns}{more}: {problems}"
            );
        }
        let long = format!(",\"metadata\":{{\"a\":\"{}\"}}", "x".repeat(70_000));
        let problems = read(&format!("[{good}]"), &long).unwrap_err();
        assert!(problems.contains("value_error") && problems.len() < 1_000, "{problems}");
        let problems = ingestion_request("{}", &speaker()).unwrap_err();
        let problems = serde_json::to_value(&problems).unwrap();
        assert_eq!(problems.as_array().map(Vec::len), Some(2), "{problems}");
    }

    #[test]
    fn a_time_that_cannot_be_read_is_kept_as_it_is() {
        let turn = "{\"role\":\"user\",\"text\":\"hi\",\"timestamp\":\"soon\"}";
        let read = read(&format!("[{turn}]"), "").unwrap();
        let atom = &read.ingestion.fragments[0].atom;
        assert_eq!((atom.occurred_at, atom.content.as_str()), (None, "[soon] user: hi"));
    }
}
