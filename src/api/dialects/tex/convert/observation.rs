//! Observations that are sent with a turn: sentences, or objects that make one.

use serde_json::value::RawValue;

use super::super::wire::ObjectObservation;
use super::fields::{Fields, read_text};
use crate::api::json_text;
use crate::api::validation::{Raw, Step, is_text, parse_object, parse_text, unless_null};

const NAME: &str = "observations";

/// The sentences of a turn's observations, in order. An empty one says nothing and is left out.
pub(super) fn observations(fields: &mut Fields<'_, '_>, raw: Raw<'_>) -> Vec<String> {
    let entries = unless_null(raw).and_then(|raw| fields.list(NAME, raw)).unwrap_or_default();
    let mut sentences = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let sentence = match sentence_of_object(entry) {
            Some(sentence) => Ok(sentence),
            None => read_text(entry, 0..=usize::MAX),
        };
        let sentence = fields.checked(&[Step::Name(NAME), Step::Index(index)], entry, sentence);
        sentences.extend(sentence.filter(|sentence| !sentence.trim().is_empty()));
    }
    sentences
}

/// `type: predicate value`, as far as they are there; an object with none of them is its own JSON.
fn sentence_of_object(raw: &RawValue) -> Option<String> {
    let object: ObjectObservation<'_> = parse_object(raw.get()).ok()?;
    let word = |raw| unless_null(raw).map(as_words).filter(|text: &String| !text.is_empty());
    let words: Vec<String> =
        [word(object.predicate), word(object.value)].into_iter().flatten().collect();
    if words.is_empty() {
        return Some(json_text::minify(raw.get()));
    }
    let sentence = words.join(" ");
    Some(match word(object.r#type) {
        Some(kind) => format!("{kind}: {sentence}"),
        None => sentence,
    })
}

/// A text as it is, anything else as compact JSON.
fn as_words(raw: &RawValue) -> String {
    match is_text(raw).then(|| parse_text(raw).ok()).flatten() {
        Some(text) => text,
        None => json_text::minify(raw.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::problems::Problems;
    use super::*;

    fn read(json: &str) -> Result<Vec<String>, String> {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        let mut problems = Problems::default();
        let read = observations(&mut Fields::of_body(&mut problems, "{}"), Some(&raw));
        problems.or_value(read).map_err(|problems| serde_json::to_string(&problems).unwrap())
    }

    #[test]
    fn an_observation_is_a_sentence_or_makes_one() {
        for (json, sentence) in [
            (r#""lives in Austin""#, "lives in Austin"),
            (
                r#"{"type":"preference","predicate":"avoids","value":"shellfish"}"#,
                "preference: avoids shellfish",
            ),
            (r#"{"predicate":"is","value":7.50}"#, "is 7.50"),
            (r#"{"value":["a", 1]}"#, r#"["a",1]"#),
            (r#"{"type":"x","predicate":null}"#, r#"{"type":"x","predicate":null}"#),
            (r#"{"fact": "free form"}"#, r#"{"fact":"free form"}"#),
        ] {
            assert_eq!(read(&format!("[{json}]")), Ok(vec![sentence.to_owned()]), "{json}");
        }
        assert_eq!(read("[\"\",\" \",\"x\"]"), Ok(vec!["x".to_owned()]));
        assert_eq!(read("null"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_observation_has_its_place() {
        for json in ["[7]", "[null]", "[[]]", "[true]"] {
            let problems = read(json).unwrap_err();
            assert!(problems.contains(r#"["body","observations",0]"#), "{json}: {problems}");
        }
        assert!(read("7").unwrap_err().contains("list_type"));
    }
}
