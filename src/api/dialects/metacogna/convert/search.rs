//! Searches: what is asked, and what is found.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::error::ApiError;
use super::super::wire::{SearchRequest, SearchResult};
use super::{Fields, parse_body};
use crate::api::validation::{Parameters, Raw, unless_null};
use crate::service::{Document, FoundChunk};
use crate::types::limits::TOP_K_MAX;

/// Results where no number is asked for.
const TOP_K_DEFAULT: usize = 5;

#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Search {
    pub(in super::super) query: String,
    pub(in super::super) top_k: usize,
    /// Results below it are left out; 0 leaves out none.
    pub(in super::super) threshold: f32,
    pub(in super::super) user_id: Option<String>,
}

/// A search in the query of an address.
pub(in super::super) fn search_parameters(query: &str) -> Result<Search, ApiError> {
    let parameters = Parameters::of(query);
    let number = |name: &'static str| {
        let text = parameters.find(name);
        let parsed = text.map(|text| text.trim().parse::<f64>());
        parsed.transpose().map_err(|_cause| ApiError::invalid_parameter(name))
    };
    let asked = parameters.find("query").filter(|text| !text.trim().is_empty());
    let top_k = match number("topK")? {
        Some(number) => Some(("topK", number)),
        None => number("limit")?.map(|number| ("limit", number)),
    };
    Ok(Search {
        query: asked.ok_or_else(|| ApiError::missing_parameter("query"))?.to_owned(),
        top_k: checked_top_k(top_k).map_err(ApiError::invalid_parameter)?,
        threshold: checked_threshold(number("threshold")?)
            .ok_or_else(|| ApiError::invalid_parameter("threshold"))?,
        user_id: parameters.find("userId").map(str::to_owned),
    })
}

/// The same in a body of JSON.
pub(in super::super) fn search_request(body: &str) -> Result<Search, ApiError> {
    let request: SearchRequest<'_> = parse_body(body)?;
    let query = Fields::required_text("query", request.query)?;
    Ok(Search {
        query,
        top_k: top_k(("topK", request.top_k), ("limit", request.limit))?,
        threshold: checked_threshold(number("threshold", request.threshold)?)
            .ok_or_else(|| ApiError::invalid_field("threshold"))?,
        user_id: Fields::text("userId", request.user_id)?,
    })
}

/// How many results a body asks for, under either name.
pub(in super::super) fn top_k(
    first: (&'static str, Raw<'_>),
    other: (&'static str, Raw<'_>),
) -> Result<usize, ApiError> {
    let named = if unless_null(first.1).is_some() { first } else { other };
    let number = number(named.0, named.1)?.map(|number| (named.0, number));
    checked_top_k(number).map_err(ApiError::invalid_field)
}

/// A number of a body that may be left out.
pub(in super::super) fn number(name: &str, raw: Raw<'_>) -> Result<Option<f64>, ApiError> {
    let parse = |raw: &RawValue| {
        serde_json::from_str::<f64>(raw.get()).map_err(|_cause| ApiError::invalid_field(name))
    };
    unless_null(raw).map(parse).transpose()
}

/// Whole and at least 1; what is above the most there is means the most. The error is the name.
fn checked_top_k(asked: Option<(&'static str, f64)>) -> Result<usize, &'static str> {
    let Some((name, number)) = asked else { return Ok(TOP_K_DEFAULT) };
    if number.fract() != 0.0 || !number.is_finite() || number < 1.0 {
        return Err(name);
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 1 to TOP_K_MAX"
    )]
    Ok(number.min(TOP_K_MAX as f64) as usize)
}

fn checked_threshold(asked: Option<f64>) -> Option<f32> {
    let threshold = asked.unwrap_or(0.0);
    #[allow(clippy::cast_possible_truncation, reason = "it lies in [0, 1]")]
    (0.0..=1.0).contains(&threshold).then_some(threshold as f32)
}

pub(in super::super) fn search_result(chunk: FoundChunk) -> SearchResult {
    SearchResult {
        id: chunk_id(&chunk),
        document_id: chunk.document.id.clone(),
        metadata: chunk_metadata(&chunk.document, chunk.index, &chunk.text),
        score: chunk.relevance,
        content: chunk.text.clone(),
        text: chunk.text,
    }
}

pub(in super::super) fn chunk_id(chunk: &FoundChunk) -> String {
    format!("{}-{}", chunk.document.id, chunk.index)
}

/// The document's own metadata, under the names that mean something here.
pub(in super::super) fn chunk_metadata(
    document: &Document,
    index: u32,
    text: &str,
) -> Map<String, Value> {
    let own = document.metadata.as_json();
    let mut members: Map<String, Value> = serde_json::from_str(own).unwrap_or_default();
    for (name, value) in [
        ("documentTitle", json!(document.title)),
        ("chunkIndex", json!(index)),
        ("docId", json!(document.id)),
        ("title", json!(document.title)),
        ("content", json!(text)),
    ] {
        members.insert(name.to_owned(), value);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_the_same_in_an_address_and_in_a_body() {
        for (parameters, body, expected) in [
            ("query=a%20b", r#"{"query":"a b"}"#, Ok((5, 0.0))),
            ("query=a&topK=2", r#"{"query":"a","topK":2}"#, Ok((2, 0.0))),
            ("query=a&limit=2", r#"{"query":"a","limit":2}"#, Ok((2, 0.0))),
            ("query=a&topK=3&limit=2", r#"{"query":"a","topK":3,"limit":2}"#, Ok((3, 0.0))),
            ("query=a&topK=1000", r#"{"query":"a","topK":1000}"#, Ok((100, 0.0))),
            ("query=a&topK=2.0", r#"{"query":"a","topK":2.0}"#, Ok((2, 0.0))),
            ("query=a&threshold=0.5", r#"{"query":"a","threshold":0.5}"#, Ok((5, 0.5))),
            ("topK=2", r#"{"topK":2}"#, Err("query")),
            ("query=%20", r#"{"query":" "}"#, Err("query")),
            ("query=a&topK=0", r#"{"query":"a","topK":0}"#, Err("topK")),
            ("query=a&topK=-1", r#"{"query":"a","topK":-1}"#, Err("topK")),
            ("query=a&topK=1.5", r#"{"query":"a","topK":1.5}"#, Err("topK")),
            ("query=a&topK=x", r#"{"query":"a","topK":"x"}"#, Err("topK")),
            ("query=a&limit=0", r#"{"query":"a","limit":0}"#, Err("limit")),
            ("query=a&topK=NaN", r#"{"query":"a","topK":{}}"#, Err("topK")),
            ("query=a&threshold=2", r#"{"query":"a","threshold":2}"#, Err("threshold")),
            ("query=a&threshold=nan", r#"{"query":"a","threshold":"x"}"#, Err("threshold")),
        ] {
            for asked in [search_parameters(parameters), search_request(body)] {
                let asked = asked.map(|search| (search.top_k, search.threshold));
                match expected {
                    Ok(expected) => assert_eq!(asked.unwrap(), expected, "{parameters}"),
                    Err(name) => {
                        let error = asked.unwrap_err().to_string();
                        assert!(error.ends_with(&format!(": {name}")), "{parameters}: {error}");
                    }
                }
            }
        }
    }
}
