//! Writes, alone and in batches, and the lookup by external reference.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::wire::{BatchItem, ExternalRefRequest, Raw, WriteBatchRequest};
use super::fields::{Fields, parse_object};
use super::problems::{Problem, Problems, Step};
use crate::api::validation::{BadMetadata, CheckedMetadata, parse_metadata, unless_null};
use crate::service::{Metadata, NewAtom};
use crate::types::{AtomId, Timestamp, limits};

pub(super) const DOMAIN_DEFAULT: &str = "general";
/// What the address of a shared room begins with.
const ROOM_PREFIX: &str = "xroom:";

/// The body of a single write.
pub(crate) fn write_request(body: &str) -> Result<NewAtom, Problems> {
    let item: BatchItem<'_> =
        parse_object(body).map_err(|(kind, msg)| Problems::of_body(kind, format!("body {msg}")))?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    let mut atom = new_atom(&mut fields, &item);
    atom.supersedes = supersedes(&mut fields, item.supersedes);
    problems.or_value(atom)
}

/// The body of a batch: all of its items, or every problem of every item.
pub(crate) fn write_batch_request(body: &str) -> Result<Vec<NewAtom>, Problems> {
    let request: WriteBatchRequest<'_> =
        parse_object(body).map_err(|(kind, msg)| Problems::of_body(kind, format!("body {msg}")))?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    let items = fields
        .required("items", request.items)
        .and_then(|raw| fields.list("items", raw, 1..=limits::WRITE_BATCH_MAX))
        .unwrap_or_default();
    let mut atoms = Vec::with_capacity(items.len());
    for (index, raw) in items.into_iter().enumerate() {
        let place = vec![Step::Name("body"), Step::Name("items"), Step::Index(index)];
        match parse_object::<BatchItem<'_>>(raw.get()) {
            Ok(item) => {
                let mut fields = Fields::at(&mut problems, place);
                if item.supersedes.is_some() {
                    let msg = "is not allowed in a batch; write this item on its own";
                    fields.refuse("supersedes", "extra_forbidden", msg);
                }
                atoms.push(new_atom(&mut fields, &item));
            }
            Err((kind, msg)) => {
                problems.add(|| Problem::new(place, kind, format!("items[{index}] {msg}")));
            }
        }
    }
    problems.or_value(atoms)
}

/// The external reference to look up.
pub(crate) fn external_ref_request(body: &str) -> Result<String, Problems> {
    let request: ExternalRefRequest<'_> =
        parse_object(body).map_err(|(kind, msg)| Problems::of_body(kind, format!("body {msg}")))?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    let external_ref = fields
        .required("external_ref", request.external_ref)
        .and_then(|raw| fields.text("external_ref", raw, 1..=limits::EXTERNAL_REF_CHARS_MAX))
        .unwrap_or_default();
    problems.or_value(external_ref)
}

/// Reads every field, noting problems; the atom is meaningless when there are any.
/// Whether the domain is the address of a shared room, which no server of ours has.
pub(crate) fn is_room(domain: &str) -> bool {
    domain.starts_with(ROOM_PREFIX)
}

/// Distinct ids in the order they were named; repeated ones do not count.
fn supersedes(fields: &mut Fields<'_>, raw: Raw<'_>) -> Vec<AtomId> {
    let ids = unless_null(raw).and_then(|raw| fields.ids("supersedes", raw, 0..=usize::MAX));
    let mut distinct = Vec::new();
    let mut seen = HashSet::new();
    distinct.extend(ids.into_iter().flatten().filter(|id| seen.insert(*id)));
    let (count, most) = (distinct.len(), limits::SUPERSEDES_MAX);
    if count > most {
        let msg = format!("must name at most {most} different atoms, not {count}");
        fields.refuse("supersedes", "too_long", &msg);
    }
    distinct
}

fn new_atom(fields: &mut Fields<'_>, item: &BatchItem<'_>) -> NewAtom {
    let content = fields
        .required("content", item.content)
        .and_then(|raw| fields.text("content", raw, 1..=limits::CONTENT_CHARS_MAX));
    let concepts = item.concepts.and_then(|raw| {
        let chars = 1..=limits::CONCEPT_CHARS_MAX;
        fields.texts("concepts", raw, limits::ATOM_CONCEPTS_MAX, chars)
    });
    let domain = match item.domain {
        Some(raw) => fields.text("domain", raw, 1..=limits::DOMAIN_CHARS_MAX),
        None => Some(DOMAIN_DEFAULT.to_owned()),
    };
    let external_ref = unless_null(item.external_ref)
        .and_then(|raw| fields.text("external_ref", raw, 1..=limits::EXTERNAL_REF_CHARS_MAX));
    // A client sends an empty fingerprint for none.
    let fingerprint = unless_null(item.fingerprint)
        .and_then(|raw| fields.text("fingerprint", raw, 0..=limits::FINGERPRINT_CHARS_MAX))
        .filter(|fingerprint| !fingerprint.is_empty());
    let metadata = item.metadata.and_then(|raw| metadata(fields, raw)).unwrap_or_default();
    NewAtom {
        concepts: concepts.unwrap_or_default(),
        external_ref,
        fingerprint,
        session: metadata.session,
        occurred_at: metadata.occurred_at,
        metadata: metadata.text,
        ..NewAtom::of(&content.unwrap_or_default(), &domain.unwrap_or_default())
    }
}

/// Metadata with the two members that mean something to retrieval.
#[derive(Default)]
struct OwnMetadata {
    text: Metadata,
    /// `session_id`, when it is a string that is not empty.
    session: Option<String>,
    /// `occurred_at`, when it is a string that is a time.
    occurred_at: Option<Timestamp>,
}

fn metadata(fields: &mut Fields<'_>, raw: &RawValue) -> Option<OwnMetadata> {
    if raw.get() == "{}" {
        return Some(OwnMetadata::default());
    }
    let CheckedMetadata { json, tree } = parse_metadata(raw)
        .map_err(|cause| {
            let kind = match cause {
                BadMetadata::OtherType | BadMetadata::Unreadable => "dict_type",
                BadMetadata::TooLong { .. } => "too_long",
                BadMetadata::TooDeep => "recursion_loop",
            };
            fields.refuse("metadata", kind, &cause.to_string());
        })
        .ok()?;
    let text_of = |name: &str| tree.get(name).and_then(Value::as_str);
    Some(OwnMetadata {
        session: text_of("session_id").filter(|id| !id.is_empty()).map(str::to_owned),
        occurred_at: text_of("occurred_at").and_then(Timestamp::parse),
        text: Metadata::from_checked(json),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(body: &str) -> String {
        serde_json::to_string(&write_request(body).unwrap_err()).unwrap()
    }

    #[test]
    fn metadata_keeps_its_text_and_gives_session_and_time() {
        let body = "{\"content\":\"x\",\"metadata\":{ \"z\": 1.50, \"session_id\": \"s\", \
                    \"occurred_at\": \"2026-01-31T09:15:00Z\"}}";
        let atom = write_request(body).unwrap();
        assert_eq!(
            atom.metadata.as_json(),
            "{\"z\":1.50,\"session_id\":\"s\",\"occurred_at\":\"2026-01-31T09:15:00Z\"}"
        );
        assert_eq!(atom.session.as_deref(), Some("s"));
        assert_eq!(atom.occurred_at, Timestamp::parse("2026-01-31T09:15:00Z"));
        assert_eq!(atom.domain, "general");
    }

    #[test]
    fn what_a_write_supersedes_is_distinct_in_the_order_named_and_bounded() {
        let id = |number: usize| format!("\"0190a000-0000-7000-8000-{number:012}\"");
        let body = |ids: &[String]| {
            write_request(&format!("{{\"content\":\"x\",\"supersedes\":[{}]}}", ids.join(",")))
        };
        let atom = body(&[id(2), id(1), id(2)]).unwrap();
        let named: Vec<String> = atom.supersedes.iter().map(|id| format!("\"{id}\"")).collect();
        assert_eq!(named, [id(2), id(1)]);
        let most: Vec<String> = (0..limits::SUPERSEDES_MAX).chain(0..5).map(id).collect();
        assert_eq!(body(&most).unwrap().supersedes.len(), limits::SUPERSEDES_MAX);
        let more: Vec<String> = (0..=limits::SUPERSEDES_MAX).map(id).collect();
        assert!(body(&more).is_err());
        assert!(
            problems_of("{\"content\":\"x\",\"supersedes\":[7]}").contains("\"supersedes\",0]")
        );
    }

    #[test]
    fn a_time_that_cannot_be_read_is_ignored() {
        let body = "{\"content\":\"x\",\"metadata\":{\"occurred_at\":\"soon\",\"session_id\":7}}";
        let atom = write_request(body).unwrap();
        assert_eq!((atom.occurred_at, atom.session), (None, None));
    }

    #[test]
    fn every_problem_of_a_body_is_listed_with_its_place() {
        let text = problems_of("{\"concepts\":[1,\"\"],\"domain\":null,\"metadata\":[]}");
        for place in [
            "[\"body\",\"content\"]",
            "[\"body\",\"concepts\",0]",
            "[\"body\",\"concepts\",1]",
            "[\"body\",\"domain\"]",
            "[\"body\",\"metadata\"]",
        ] {
            assert!(text.contains(place), "{place} in {text}");
        }
    }

    #[test]
    fn a_body_that_is_no_object_and_a_doubled_field_are_problems_of_the_body() {
        for body in
            ["", "[\"x\"]", "null", "{\"content\":", "{\"content\":\"a\",\"content\":\"b\"}"]
        {
            let text = problems_of(body);
            assert!(text.contains("\"loc\":[\"body\"]"), "{body}: {text}");
        }
    }

    #[test]
    fn metadata_with_a_lone_surrogate_or_an_endless_number_is_refused() {
        for metadata in ["{\"a\":\"\\ud800\"}", "{\"a\":1e999}"] {
            let text = problems_of(&format!("{{\"content\":\"x\",\"metadata\":{metadata}}}"));
            assert!(text.contains("[\"body\",\"metadata\"]"), "{metadata}: {text}");
        }
    }
}
