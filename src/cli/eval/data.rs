//! Reads a LoCoMo-shaped file: a list of samples, each with a `conversation` of numbered sessions
//! and `qa` questions with evidence. Pure. The form of a turn's text, its time and the rule for
//! the gold turns are those of the published measurements; changing one makes figures incomparable.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::DateTime;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::types::limits::CONTENT_CHARS_MAX;

/// The category of questions that have no answer in their conversation.
pub(super) const ADVERSARIAL: i64 = 5;

/// The file is not of the expected shape.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum DataError {
    #[error("not JSON: {0}")]
    NotJson(String),
    #[error("{field}: expected {expected}")]
    Field { field: String, expected: &'static str },
}

/// One conversation: what is stored in one domain, and what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conversation {
    pub(super) name: String,
    /// In order of time.
    pub(super) turns: Vec<Turn>,
    pub(super) questions: Vec<Question>,
}

/// One utterance; becomes one atom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Turn {
    /// The data set's name of the turn, e.g. `D3:14`.
    pub(super) dia_id: String,
    /// `session-<number>`.
    pub(super) session_id: String,
    /// When the session was, as the data set writes it: `1:56 pm on 8 May, 2023`.
    pub(super) session_date: String,
    /// The session's time plus one second per turn, `2023-05-08T13:56:00Z`.
    pub(super) occurred_at: String,
    pub(super) speaker: String,
    /// What was said, with an image's caption. Empty when there is neither.
    pub(super) text: String,
    /// `[<date>] <speaker>: <text>`, cut at the longest content allowed.
    pub(super) content: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub(super) text: String,
    /// 1 multi-hop, 2 temporal, 3 open domain, 4 single-hop, 5 adversarial.
    pub(super) category: i64,
    /// The `dia_id`s of the evidence; never empty.
    pub(super) gold: BTreeSet<String>,
    /// The same question in other words. LoCoMo itself has none.
    pub(super) paraphrases: Vec<String>,
}

/// Empty for a category that LoCoMo does not have.
pub(super) fn category_name(category: i64) -> &'static str {
    match category {
        1 => "multi-hop",
        2 => "temporal",
        3 => "open domain",
        4 => "single-hop",
        ADVERSARIAL => "adversarial",
        _ => "",
    }
}

/// Reads the whole file.
///
/// # Errors
/// [`DataError`] naming the first field of another shape.
pub(super) fn parse(text: &str) -> Result<Vec<Conversation>, DataError> {
    let file: Value =
        serde_json::from_str(text).map_err(|error| DataError::NotJson(error.to_string()))?;
    let samples = as_list(&file, "the file")?;
    samples.iter().enumerate().map(|(i, sample)| parse_sample(sample, &format!("[{i}]"))).collect()
}

fn parse_sample(sample: &Value, at: &str) -> Result<Conversation, DataError> {
    let sample = as_object(sample, at)?;
    let name = string_in(sample, at, "sample_id")?;
    let turns = parse_turns(sample.get("conversation").unwrap_or(&Value::Null), at)?;
    let known: BTreeSet<&str> = turns.iter().map(|turn| turn.dia_id.as_str()).collect();
    let mut questions = Vec::new();
    let qa_at = format!("{at}.qa");
    let entries = as_list(sample.get("qa").unwrap_or(&Value::Null), &qa_at)?;
    for (i, entry) in entries.iter().enumerate() {
        questions.extend(parse_question(entry, &known, &format!("{qa_at}[{i}]"))?);
    }
    Ok(Conversation { name: name.to_owned(), turns, questions })
}

fn parse_turns(conversation: &Value, at: &str) -> Result<Vec<Turn>, DataError> {
    let at = format!("{at}.conversation");
    let conversation = as_object(conversation, &at)?;
    let mut turns = Vec::new();
    for number in 1.. {
        let date_key = format!("session_{number}_date_time");
        if !conversation.contains_key(&date_key) {
            break;
        }
        let date = string_in(conversation, &at, &date_key)?;
        let start = parse_date(date).ok_or_else(|| DataError::Field {
            field: format!("{at}.{date_key}"),
            expected: "a time such as \"1:56 pm on 8 May, 2023\"",
        })?;
        let session_at = format!("{at}.session_{number}");
        let Some(session) = conversation.get(&format!("session_{number}")) else {
            continue;
        };
        for (position, turn) in as_list(session, &session_at)?.iter().enumerate() {
            let turn_at = format!("{session_at}[{position}]");
            let turn = as_object(turn, &turn_at)?;
            let dia_id = string_in(turn, &turn_at, "dia_id")?;
            let speaker = string_in(turn, &turn_at, "speaker")?;
            let text = text_of(turn, &turn_at)?;
            turns.push(Turn {
                dia_id: dia_id.to_owned(),
                session_id: format!("session-{number}"),
                session_date: date.to_owned(),
                occurred_at: seconds_later(start, position),
                speaker: speaker.to_owned(),
                content: content_of(date, speaker, &text),
                text: text.trim_start().to_owned(),
            });
        }
    }
    Ok(turns)
}

fn text_of(turn: &Map<String, Value>, at: &str) -> Result<String, DataError> {
    let text = if turn.contains_key("text") { string_in(turn, at, "text")? } else { "" };
    let caption = turn.get("blip_caption").and_then(Value::as_str).unwrap_or_default();
    let image = if caption.is_empty() { String::new() } else { format!(" [image: {caption}]") };
    Ok(format!("{text}{image}"))
}

fn content_of(date: &str, speaker: &str, text: &str) -> String {
    format!("[{date}] {speaker}: {text}").chars().take(CONTENT_CHARS_MAX).collect()
}

/// `None` when no evidence names a turn that exists: such a question cannot be scored.
fn parse_question(
    entry: &Value,
    known: &BTreeSet<&str>,
    at: &str,
) -> Result<Option<Question>, DataError> {
    let entry = as_object(entry, at)?;
    let mut gold = BTreeSet::new();
    for text in strings_in(entry, at, "evidence")? {
        gold.extend(turn_names(text).filter(|name| known.contains(name)).map(str::to_owned));
    }
    if gold.is_empty() {
        return Ok(None);
    }
    let category = entry.get("category").and_then(Value::as_i64).ok_or_else(|| {
        DataError::Field { field: format!("{at}.category"), expected: "an integer" }
    })?;
    let text = string_in(entry, at, "question")?.to_owned();
    let paraphrases = parse_paraphrases(entry, at)?;
    Ok(Some(Question { text, category, gold, paraphrases }))
}

/// `paraphrase`, one text, and `paraphrases`, a list of them; a file may have either, both or
/// neither.
fn parse_paraphrases(entry: &Map<String, Value>, at: &str) -> Result<Vec<String>, DataError> {
    let mut paraphrases = Vec::new();
    if entry.get("paraphrase").is_some_and(|value| !value.is_null()) {
        paraphrases.push(string_in(entry, at, "paraphrase")?.to_owned());
    }
    paraphrases.extend(strings_in(entry, at, "paraphrases")?.into_iter().map(str::to_owned));
    Ok(paraphrases)
}

/// Every `D<digits>:<digits>` in `text`, as the data set joins several in one string.
fn turn_names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('D').filter_map(|(start, _)| {
        let name = text.get(start..)?;
        let session_len = digits_len(name.get(1..)?);
        let rest = name.get(1 + session_len..)?.strip_prefix(':')?;
        let turn_len = digits_len(rest);
        (session_len > 0 && turn_len > 0).then(|| name.get(..session_len + turn_len + 2))?
    })
}

fn digits_len(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn parse_date(text: &str) -> Option<DateTime> {
    DateTime::strptime("%I:%M %p on %d %B %Y", text.replace(',', "")).ok()
}

fn seconds_later(start: DateTime, seconds: usize) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    start.saturating_add(seconds.seconds()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn as_list<'a>(value: &'a Value, at: &str) -> Result<&'a [Value], DataError> {
    let list = value.as_array().map(Vec::as_slice);
    list.ok_or_else(|| DataError::Field { field: at.to_owned(), expected: "a list" })
}

fn as_object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, DataError> {
    let object = value.as_object();
    object.ok_or_else(|| DataError::Field { field: at.to_owned(), expected: "an object" })
}

fn string_in<'a>(
    object: &'a Map<String, Value>,
    at: &str,
    key: &str,
) -> Result<&'a str, DataError> {
    let text = object.get(key).and_then(Value::as_str);
    text.ok_or_else(|| DataError::Field { field: format!("{at}.{key}"), expected: "a string" })
}

/// Nothing when the list is absent or null.
fn strings_in<'a>(
    object: &'a Map<String, Value>,
    at: &str,
    key: &str,
) -> Result<Vec<&'a str>, DataError> {
    let at = format!("{at}.{key}");
    let list = match object.get(key) {
        None | Some(Value::Null) => &[],
        Some(list) => as_list(list, &at)?,
    };
    let mut texts = Vec::with_capacity(list.len());
    for (i, text) in list.iter().enumerate() {
        texts.push(text.as_str().ok_or_else(|| DataError::Field {
            field: format!("{at}[{i}]"),
            expected: "a string",
        })?);
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Value {
        json!([{
            "sample_id": "made-1",
            "conversation": {
                "speaker_a": "Ana", "speaker_b": "Bo",
                "session_1_date_time": "9:05 am on 3 March, 2021",
                "session_1": [
                    {"speaker": "Ana", "dia_id": "D1:1", "text": "I painted the shed."},
                    {"speaker": "Bo", "dia_id": "D1:2", "blip_caption": "a blue shed"}
                ],
                "session_2_date_time": "12:30 pm on 31 December, 2021",
                "session_2": [{"speaker": "Bo", "dia_id": "D2:1", "text": "Hello", "blip_caption": ""}],
                "session_4_date_time": "1:00 pm on 1 January, 2022",
                "session_4": [{"speaker": "Bo", "dia_id": "D4:1", "text": "after a gap"}]
            },
            "qa": [
                {"question": "What did Ana paint?", "category": 4, "evidence": ["D1:1"]},
                {"question": "Two in one?", "category": 1, "evidence": ["D1:1; D2:1", "D9:9"]},
                {"question": "None known?", "category": 3, "evidence": ["D9:9"]},
                {"question": "No evidence?", "category": 5}
            ]
        }])
    }

    #[test]
    fn turns_carry_date_speaker_and_caption_and_end_at_the_first_gap() {
        let conversations = parse(&sample().to_string()).expect("parses");
        let turns = &conversations[0].turns;
        let contents: Vec<&str> = turns.iter().map(|turn| turn.content.as_str()).collect();
        assert_eq!(
            contents,
            [
                "[9:05 am on 3 March, 2021] Ana: I painted the shed.",
                "[9:05 am on 3 March, 2021] Bo:  [image: a blue shed]",
                "[12:30 pm on 31 December, 2021] Bo: Hello",
            ]
        );
        let said: Vec<(&str, &str)> =
            turns.iter().map(|turn| (turn.speaker.as_str(), turn.text.as_str())).collect();
        assert_eq!(
            said,
            [("Ana", "I painted the shed."), ("Bo", "[image: a blue shed]"), ("Bo", "Hello")]
        );
        assert_eq!(turns[1].occurred_at, "2021-03-03T09:05:01Z");
        assert_eq!(turns[2].occurred_at, "2021-12-31T12:30:00Z");
        assert_eq!(turns[2].session_id, "session-2");
        assert_eq!(turns[2].session_date, "12:30 pm on 31 December, 2021");
    }

    #[test]
    fn only_questions_with_known_evidence_are_kept() {
        let conversations = parse(&sample().to_string()).expect("parses");
        let questions = &conversations[0].questions;
        assert_eq!(questions.len(), 2);
        assert_eq!(questions[1].gold, BTreeSet::from(["D1:1".to_owned(), "D2:1".to_owned()]));
        assert_eq!(questions[1].category, 1);
    }

    #[test]
    fn paraphrases_are_one_text_or_a_list_or_both() {
        let paraphrases = |fields: Value| {
            let mut file = sample();
            file[0]["qa"][0].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            parse(&file.to_string()).expect("parses")[0].questions[0].paraphrases.clone()
        };
        assert_eq!(paraphrases(json!({})), Vec::<String>::new());
        assert_eq!(paraphrases(json!({"paraphrase": null, "paraphrases": null})).len(), 0);
        assert_eq!(paraphrases(json!({"paraphrase": "One?"})), ["One?"]);
        assert_eq!(paraphrases(json!({"paraphrases": ["One?", "Two?"]})), ["One?", "Two?"]);
        let both = json!({"paraphrase": "One?", "paraphrases": ["Two?"]});
        assert_eq!(paraphrases(both), ["One?", "Two?"]);
    }

    #[test]
    fn turn_names_are_found_wherever_they_stand() {
        let names = |text| turn_names(text).collect::<Vec<_>>();
        assert_eq!(names("D8:6; D9:17,xD1:2:3"), ["D8:6", "D9:17", "D1:2"]);
        assert_eq!(names("D:1 D1: DD7 D D1 :2 é"), Vec::<&str>::new());
    }

    #[test]
    fn midnight_and_noon_are_told_apart() {
        let hour = |text| parse_date(text).expect("parses").hour();
        assert_eq!(hour("12:01 am on 1 May, 2023"), 0);
        assert_eq!(hour("12:01 pm on 1 May, 2023"), 12);
        assert_eq!(parse_date("13:00 pm on 1 May, 2023"), None);
    }

    #[track_caller]
    fn check_error(change: impl FnOnce(&mut Value), expected: &str) {
        let mut sample = sample();
        change(&mut sample);
        let error = parse(&sample.to_string()).expect_err("fails").to_string();
        assert_eq!(error, expected);
    }

    #[test]
    fn a_field_of_another_shape_is_named() {
        check_error(|file| file[0]["sample_id"] = json!(1), "[0].sample_id: expected a string");
        check_error(
            |file| file[0]["conversation"]["session_1"][1] = json!({"speaker": "Bo"}),
            "[0].conversation.session_1[1].dia_id: expected a string",
        );
        check_error(
            |file| file[0]["conversation"]["session_2_date_time"] = json!("yesterday"),
            "[0].conversation.session_2_date_time: expected a time such as \"1:56 pm on 8 May, 2023\"",
        );
        check_error(
            |file| file[0]["qa"][0]["category"] = json!("4"),
            "[0].qa[0].category: expected an integer",
        );
        check_error(
            |file| file[0]["qa"][0]["evidence"] = json!(["D1:1", 2]),
            "[0].qa[0].evidence[1]: expected a string",
        );
        check_error(
            |file| file[0]["qa"][0]["paraphrase"] = json!(["One?"]),
            "[0].qa[0].paraphrase: expected a string",
        );
        check_error(
            |file| file[0]["qa"][0]["paraphrases"] = json!("One?"),
            "[0].qa[0].paraphrases: expected a list",
        );
        assert!(parse("{}").expect_err("fails").to_string().starts_with("the file"));
        assert!(parse("[").expect_err("fails").to_string().starts_with("not JSON"));
    }
}
