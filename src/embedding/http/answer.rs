//! What an endpoint's answer must look like: `{"data": [{"index": 0, "embedding": [...]}]}`, one
//! entry per text in any order. Everything else in it is ignored.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::embedding::Embedding;
use crate::embedding::error::AnswerProblem;
use crate::types::QuantizedVector;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// Some servers leave it out and answer in order; then all of them do.
    index: Option<usize>,
    embedding: Vec<Component>,
}

/// A value of a vector. NaN stands for everything that servers put in the place of a number they
/// could not write in JSON (`null`, `"NaN"`).
struct Component(f32);

/// Reads `body` into one embedding per text, in the order of the texts.
///
/// # Errors
/// What is wrong with it; positions only, never content.
pub(super) fn parse(
    body: &[u8],
    text_count: usize,
    dimensions: usize,
) -> Result<Vec<Embedding>, AnswerProblem> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        AnswerProblem::NotEmbeddings { line: error.line(), column: error.column() }
    })?;
    if answer.data.len() != text_count {
        return Err(AnswerProblem::Count { expected: text_count, actual: answer.data.len() });
    }
    let in_order = answer.data.iter().all(|entry| entry.index.is_none());
    let mut embeddings: Vec<Option<Embedding>> = vec![None; text_count];
    for (position, entry) in answer.data.into_iter().enumerate() {
        let index = if in_order { Some(position) } else { entry.index };
        let place = index.and_then(|index| embeddings.get_mut(index));
        let Some(place @ None) = place else {
            return Err(AnswerProblem::Indexes);
        };
        *place = Some(direction(&entry.embedding, dimensions)?);
    }
    // As many entries as places and no place twice: every place is taken.
    Ok(embeddings.into_iter().map(Option::flatten).collect())
}

fn direction(values: &[Component], dimensions: usize) -> Result<Embedding, AnswerProblem> {
    if values.len() != dimensions {
        return Err(AnswerProblem::Dimensions { expected: dimensions, actual: values.len() });
    }
    let values: Vec<f32> = values.iter().map(|component| component.0).collect();
    QuantizedVector::quantize(&values).map_err(|_| AnswerProblem::NotFinite)
}

impl<'de> Deserialize<'de> for Component {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ComponentVisitor)
    }
}

struct ComponentVisitor;

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "f32 is what a vector keeps; what overflows becomes infinite and is refused"
)]
impl Visitor<'_> for ComponentVisitor {
    type Value = Component;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Component, E> {
        Ok(Component(value as f32))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Component, E> {
        Ok(Component(value as f32))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Component, E> {
        Ok(Component(value as f32))
    }

    fn visit_unit<E>(self) -> Result<Component, E> {
        Ok(Component(f32::NAN))
    }

    fn visit_str<E>(self, _value: &str) -> Result<Component, E> {
        Ok(Component(f32::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(body: &str, expected: &AnswerProblem) {
        assert_eq!(parse(body.as_bytes(), 2, 2).as_ref(), Err(expected), "{body}");
    }

    #[test]
    fn entries_go_where_their_index_says() {
        let body = r#"{"data":[{"index":1,"embedding":[0,-2]},{"index":0,"embedding":[0.5,0.0]}]}"#;
        let embeddings = parse(body.as_bytes(), 2, 2).expect("parses");
        let signs: Vec<_> =
            embeddings.iter().flatten().map(|vector| vector.values.as_slice()).collect();
        assert_eq!(signs, [&[127, 0], &[0, -127]]);
    }

    #[test]
    fn entries_without_indexes_are_in_order() {
        let body = r#"{"data":[{"embedding":[1,0]},{"embedding":[0,1]}],"model":"m"}"#;
        let embeddings = parse(body.as_bytes(), 2, 2).expect("parses");
        assert_eq!(embeddings[1].as_ref().map(|vector| vector.values[1]), Some(127));
    }

    #[test]
    fn a_zero_vector_has_no_direction() {
        let body = r#"{"data":[{"index":0,"embedding":[0,0]},{"index":1,"embedding":[0,1]}]}"#;
        assert_eq!(parse(body.as_bytes(), 2, 2).expect("parses")[0], None);
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let with = |first: &str, second: &str| format!(r#"{{"data":[{first},{second}]}}"#);
        let good = r#"{"index":0,"embedding":[1,0]}"#;
        check_refused(
            r#"{"data":[{"index":0,"embedding":[1,0]}]}"#,
            &AnswerProblem::Count { expected: 2, actual: 1 },
        );
        check_refused(&with(good, good), &AnswerProblem::Indexes);
        check_refused(&with(good, r#"{"index":2,"embedding":[1,0]}"#), &AnswerProblem::Indexes);
        check_refused(&with(good, r#"{"embedding":[1,0]}"#), &AnswerProblem::Indexes);
        check_refused(
            &with(good, r#"{"index":1,"embedding":[1,0,0]}"#),
            &AnswerProblem::Dimensions { expected: 2, actual: 3 },
        );
        for value in ["null", "\"NaN\"", "1e300", "-1e39"] {
            let bad = format!(r#"{{"index":1,"embedding":[1,{value}]}}"#);
            check_refused(&with(good, &bad), &AnswerProblem::NotFinite);
        }
        for body in ["", "<html>", "[]", r#"{"data":[{"index":0,"embedding":[NaN,1]}]}"#] {
            let refused = parse(body.as_bytes(), 2, 2);
            assert!(matches!(refused, Err(AnswerProblem::NotEmbeddings { .. })), "{body}");
        }
    }
}
