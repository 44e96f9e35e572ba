//! What a reader makes of bodies and queries, and that it makes the same of JSON and of forms.

use actix_web::ResponseError;
use actix_web::body::to_bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::error::ApiError;
use super::super::ids::Prefix;
use super::extract::Fields;
use super::kinds::time;
use super::*;
use crate::service::{Metadata, TimeRange};
use crate::types::Timestamp;

const TEXT_CHARS_MAX: usize = 100;

fn json_fields(text: &str) -> Fields {
    Fields::of_json(text, TEXT_CHARS_MAX).unwrap()
}

fn form_fields(text: &str) -> Fields {
    Fields::of_form(text, TEXT_CHARS_MAX).unwrap()
}

async fn answer(error: &ApiError) -> (u16, Value) {
    let response = error.error_response();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap())
}

/// Codes and paths of all that is wrong.
async fn wrongs(error: &ApiError) -> Vec<(String, Vec<String>)> {
    let (status, body) = answer(error).await;
    assert_eq!(status, 422, "{body}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = body["errors"].as_array().unwrap();
    let path = |error: &Value| error["path"].as_array().unwrap().iter().map(text).collect();
    errors.iter().map(|error| (text(&error["code"]), path(error))).collect()
}

/// What a record of many fields is read as.
#[derive(Debug, PartialEq)]
struct Read {
    name: String,
    note: Option<String>,
    count: Option<i64>,
    share: Option<f64>,
    at: Option<Timestamp>,
    kind: Option<u8>,
    metadata: Option<Metadata>,
    tags: Option<Vec<String>>,
    people: Option<Vec<(String, Option<i64>)>>,
}

const KINDS: &[(&str, u8)] = &[("user", 1), ("tool", 2)];

fn read_record(fields: &Object<'_>) -> Option<Read> {
    let name = fields.required("name", &text_of(1..=20));
    let person = |person: &Object<'_>| {
        let id = person.required("id", &text());
        let age = person.optional("age", &integer(0..=150));
        Some((id?, age))
    };
    let person = text_or_object(text_as("is any text", |id| Some((id.to_owned(), None))), person);
    Some(Read {
        note: fields.optional("note", &text()),
        count: fields.optional("count", &integer(-5..=50)),
        share: fields.optional("share", &number(0..=1)),
        at: fields.optional("at", &time()),
        kind: fields.optional("kind", &choice(KINDS)),
        metadata: fields.optional("metadata", &metadata()),
        tags: fields.optional("tags", &list(text(), 4)),
        people: fields.optional("people", &list(person, 4)),
        name: name?,
    })
}

/// A JSON value as pairs of a form. `is_indexed` says how entries of lists are written.
fn push_pairs(pairs: &mut Vec<String>, name: &str, value: &Value, is_indexed: bool) {
    let escaped = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b' ' => "+".to_owned(),
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02x}"),
            })
            .collect()
    };
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                push_pairs(pairs, &format!("{name}[{member}]"), value, is_indexed);
            }
        }
        Value::Array(entries) => {
            let is_indexed = is_indexed || entries.iter().any(|entry| !entry.is_string());
            for (position, entry) in entries.iter().enumerate() {
                let position = if is_indexed { position.to_string() } else { String::new() };
                push_pairs(pairs, &format!("{name}[{position}]"), entry, is_indexed);
            }
        }
        Value::String(text) => pairs.push(format!("{}={}", escaped(name), escaped(text))),
        other => pairs.push(format!("{}={}", escaped(name), escaped(&other.to_string()))),
    }
}

fn form_of(record: &Map<String, Value>, is_indexed: bool) -> String {
    let mut pairs = Vec::new();
    for (name, value) in record {
        push_pairs(&mut pairs, name, value, is_indexed);
    }
    pairs.join("&")
}

/// An object that a form can say: all its values are texts, and nothing in it is empty.
fn own_objects() -> impl Strategy<Value = Value> {
    let members = |value: BoxedStrategy<Value>| {
        prop::collection::btree_map("[a-z \u{e9}%&=+.]{1,5}", value, 1..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    };
    let texts = || "\\PC{0,6}".prop_map(Value::from);
    let value = texts().prop_recursive(3, 12, 3, move |inner| {
        let lists = prop::collection::vec(inner.clone(), 1..3).prop_map(Value::from);
        prop_oneof![texts(), lists, members(inner.boxed())]
    });
    members(value.boxed())
}

fn records() -> impl Strategy<Value = Map<String, Value>> {
    let times = prop_oneof![
        Just(json!("2026-11-22T08:15:30.123Z")),
        Just(json!("2026-11-22T10:15:30+02:00")),
        Just(json!("yesterday")),
    ];
    let people = prop::collection::vec(
        ("[a-z]{1,3}", 0..200).prop_map(|(id, age)| json!({"id": id, "age": age})),
        1..6,
    );
    let name = prop::option::weighted(0.9, "\\PC{0,22}".prop_map(Value::from));
    let note = prop::option::of("\\PC{0,110}".prop_map(Value::from));
    let count = prop::option::of((-10_i64..60).prop_map(Value::from));
    let share = prop::option::of((-4_i32..12).prop_map(|tenths| json!(f64::from(tenths) / 8.0)));
    let kind = prop::option::of("user|tool|usher".prop_map(Value::from));
    let tags = prop::option::of(prop::collection::vec("\\PC{0,3}", 1..6).prop_map(Value::from));
    let rest =
        (prop::option::of(own_objects()), tags, prop::option::of(people.prop_map(Value::from)));
    (name, note, count, share, prop::option::of(times), kind, rest).prop_map(
        |(name, note, count, share, at, kind, (metadata, tags, people))| {
            let members = [
                ("name", name),
                ("note", note),
                ("count", count),
                ("share", share),
                ("at", at),
                ("kind", kind),
                ("metadata", metadata),
                ("tags", tags),
                ("people", people),
            ];
            let there = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
            there.map(|(name, value)| (name.to_owned(), value)).collect()
        },
    )
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(future)
}

proptest! {
    #[test]
    fn json_and_forms_give_the_same(record in records(), is_indexed: bool) {
        let json = Value::Object(record.clone()).to_string();
        let in_json = json_fields(&json).read(read_record);
        let in_form = form_fields(&form_of(&record, is_indexed)).read(read_record);
        match (in_json, in_form) {
            (Ok(in_json), Ok(in_form)) => prop_assert_eq!(in_json, in_form),
            (Err(in_json), Err(in_form)) => {
                let (in_json, in_form) =
                    block_on(async { (wrongs(&in_json).await, wrongs(&in_form).await) });
                prop_assert_eq!(in_json, in_form);
            }
            (in_json, in_form) => prop_assert!(false, "{in_json:?} and {in_form:?}"),
        }
    }

    #[test]
    fn no_form_makes_the_reader_fail(text in "([a-c]|\\[|\\]|=|&|%|[0-9]|\u{e9}){0,40}") {
        if let Ok(fields) = Fields::of_form(&text, TEXT_CHARS_MAX) {
            let read = fields.read(|fields| {
                fields.optional("a", &metadata());
                fields.optional("b", &list(list(text_of(1..=2), 3), 3));
                fields.time_range("c");
                Some(())
            });
            prop_assert!(read.is_ok() || block_on(answer(&read.unwrap_err())).0 == 422);
        }
    }
}

#[actix_web::test]
async fn everything_that_is_wrong_is_told_together_and_with_its_place() {
    let body = json!({
        "note": 1, "count": 2.5, "share": 1.5, "at": "2026-11-22T08:15:30",
        "kind": "usher", "metadata": [], "tags": ["a", 7, null],
        "people": [{"id": "a"}, 7, "b", {"age": -1}],
    });
    let error = json_fields(&body.to_string()).read(read_record).unwrap_err();
    let expected: Vec<(String, Vec<String>)> = [
        ("invalid_type", vec!["name"]),
        ("invalid_type", vec!["note"]),
        ("invalid_integer", vec!["count"]),
        ("invalid_max", vec!["share"]),
        ("invalid_regex", vec!["at"]),
        ("invalid_enum", vec!["kind"]),
        ("invalid_type", vec!["metadata"]),
        ("invalid_type", vec!["tags", "1"]),
        ("invalid_type", vec!["tags", "2"]),
        ("invalid_type", vec!["people", "1"]),
        ("invalid_type", vec!["people", "3", "id"]),
        ("invalid_min", vec!["people", "3", "age"]),
    ]
    .into_iter()
    .map(|(code, path)| (code.to_owned(), path.into_iter().map(str::to_owned).collect()))
    .collect();
    assert_eq!(wrongs(&error).await, expected);
    let (_, body) = answer(&error).await;
    assert_eq!(body["entity"], "body");
    let missing = json!({
        "code": "invalid_type", "message": "`name` is required", "path": ["name"],
        "expected": "string", "received": "undefined",
    });
    assert_eq!(body["errors"][0], missing);
    assert_eq!(body["errors"][7]["received"], "number");
}

#[actix_web::test]
async fn a_body_that_is_no_object_is_told_what_it_is() {
    for (text, received) in [
        ("[]", "array"),
        ("null", "null"),
        ("\"a\"", "string"),
        (" 7 ", "number"),
        ("true", "boolean"),
    ] {
        let error = json_fields(text).read(read_record).unwrap_err();
        let (status, body) = answer(&error).await;
        assert_eq!((status, &body["errors"][0]["received"]), (422, &json!(received)), "{text}");
        assert_eq!(body["errors"][0]["path"], json!([]), "{text}");
    }
    for text in ["", "{", "{'a':1}", "{\"a\":1}x", "{\"a\":01}", "{\"a\":}"] {
        let (status, body) = answer(&Fields::of_json(text, 1).unwrap_err()).await;
        assert_eq!((status, &body["reason"]), (400, &json!("invalid_json_body")), "{text}");
    }
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    let read = |text: &str| {
        json_fields(text).read(|fields| {
            Some((fields.nullable("a", &text_of(0..=3)), fields.optional("a", &text_of(0..=3))))
        })
    };
    assert_eq!(read("{}").unwrap(), (None, None));
    assert_eq!(read("{\"a\":null}").unwrap(), (Some(None), None));
    let a = || Some("x".to_owned());
    assert_eq!(read("{\"a\":\"x\"}").unwrap(), (Some(a()), a()));
    assert!(json_fields("{\"a\":null}").read(|it| Some(it.present("a", &text()))).is_err());
}

#[test]
fn of_a_name_that_stands_there_twice_the_last_counts() {
    let no_text = text_as("is no text", |_| None);
    let body = json_fields("{\"a\":1,\"a\":{\"b\":2,\"b\":3}}");
    let read = body.read(|fields| {
        fields.required("a", &text_or_object(no_text, |inner| inner.required("b", &integer(0..=9))))
    });
    assert_eq!(read.unwrap(), 3);
}

#[test]
fn numbers_in_texts_are_decimal_and_whole_ones_may_have_a_point() {
    let read = |text: &str| {
        form_fields(&format!("n={text}")).read(|it| it.required("n", &integer(1..=100)))
    };
    for (text, expected) in [("2", 2), ("2.0", 2), ("100", 100), ("007", 7), ("1.000", 1)] {
        assert_eq!(read(text).unwrap(), expected, "{text}");
    }
    for text in [
        "",
        "0",
        "101",
        "-1",
        "abc",
        "2.5",
        "1e1",
        ".5",
        "2.",
        "+2",
        " 2",
        "0x2",
        "inf",
        "NaN",
        "99999999999999999999",
        "1,0",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[actix_web::test]
async fn texts_are_bounded_by_their_field_and_by_the_limit_of_all() {
    let read = |count: usize| {
        let body = json!({"a": "\u{e9}".repeat(count), "b": "\u{e9}".repeat(count)});
        json_fields(&body.to_string())
            .read(|it| Some((it.required("a", &text())?, it.required("b", &text_of(1..=50))?)))
    };
    assert!(read(50).is_ok());
    let of_field = wrongs(&read(51).unwrap_err()).await;
    assert_eq!(of_field, [("invalid_max_length".to_owned(), vec!["b".to_owned()])]);
    let of_all = wrongs(&read(TEXT_CHARS_MAX + 1).unwrap_err()).await;
    assert_eq!(of_all[0], ("max_length".to_owned(), vec!["a".to_owned()]));
    assert_eq!(wrongs(&read(0).unwrap_err()).await[0].0, "invalid_min_length");
}

#[test]
fn values_of_filters_may_be_written_in_three_ways() {
    let read = |text: &str| form_fields(text).read(|it| Some(it.filter("status", &text_of(1..=9))));
    let both = Some(vec!["a".to_owned(), "b".to_owned()]);
    for text in [
        "status=a&status=b",
        "status[]=a&status[]=b",
        "status%5B%5D=a&status%5b%5d=b",
        "status[0]=a&status[1]=b",
        "status[1]=b&status[0]=a",
        "status[7]=b&x=1&status[2]=a",
    ] {
        assert_eq!(read(text).unwrap(), both, "{text}");
    }
    assert_eq!(read("status=a").unwrap(), Some(vec!["a".to_owned()]));
    assert_eq!(read("").unwrap(), None);
    for text in ["status[x]=a", "status[0][0]=a", "status[0]=a&status[0]=b", "status="] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn bounds_of_times_are_strict_as_times_are_shown() {
    let read = |text: &str| form_fields(text).read(|it| Some(it.time_range("at")));
    let contains = |range: &TimeRange, micros: i64| {
        let shown = Timestamp::parse("2026-11-22T08:15:30.123Z").unwrap();
        range.contains(Timestamp::from_micros(shown.as_micros() + micros))
    };
    let later = read("at[gt]=2026-11-22T08:15:30.123Z").unwrap();
    let earlier = read("at[lt]=2026-11-22T10:15:30.123%2B02:00").unwrap();
    for (micros, is_later, is_earlier) in
        [(-1, false, true), (0, false, false), (999, false, false), (1_000, true, false)]
    {
        assert_eq!(contains(&later, micros), is_later, "{micros}");
        assert_eq!(contains(&earlier, micros), is_earlier, "{micros}");
    }
    assert_eq!(read("").unwrap(), TimeRange::default());
    assert_eq!(read("at[gte]=x").unwrap(), TimeRange::default(), "an unknown bound is ignored");
    for text in [
        "at=2026-11-22T08:15:30.123Z",
        "at[gt]=2026-11-22",
        "at[gt]=2026-11-22T08:15:30",
        "at[gt]=2026-11-22+08:15:30Z",
        "at[gt]=2026-13-22T08:15:30Z",
        "at[gt]=",
        "at[gt]=2026-11-22T08:15:30Z&at[gt]=2026-11-22T08:15:30Z",
        "at[]=2026-11-22T08:15:30Z",
    ] {
        assert_eq!(read(text).is_err(), text != "at[]=2026-11-22T08:15:30Z", "{text}");
    }
}

#[test]
fn metadata_is_kept_as_it_was_written() {
    let read = |fields: Fields| {
        let metadata = fields.read(|it| it.required("m", &metadata()));
        metadata.map(|metadata| metadata.as_json().to_owned())
    };
    let json = "{\"z\":1.50,\"a\":[null,{\"b\":1E3}],\"e\":\"\\u00e9\"}";
    assert_eq!(read(json_fields(&format!("{{\"m\": {json}}}"))).unwrap(), json);
    for (form, expected) in [
        ("m[team]=blue", "{\"team\":\"blue\"}"),
        ("m[z]=1&m[a]=true&m[b]=", "{\"z\":\"1\",\"a\":\"true\",\"b\":\"\"}"),
        ("m[0]=x", "{\"0\":\"x\"}"),
        ("m[a][b][c][d][e]=x", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":\"x\"}}}}}"),
        ("m[a]=1&m[a]=2", "{\"a\":[\"1\",\"2\"]}"),
        ("m[a][]=1&m[a][]=2", "{\"a\":[\"1\",\"2\"]}"),
        ("m[a][1][b]=2&m[a][0][b]=1", "{\"a\":[{\"b\":\"1\"},{\"b\":\"2\"}]}"),
    ] {
        assert_eq!(read(form_fields(form)).unwrap(), expected, "{form}");
    }
    for form in ["m=x", "m[]=x", "m[a]=1&m[a][b]=2", "m[a][]=1&m[a][b]=2", "x=1"] {
        assert!(read(form_fields(form)).is_err(), "{form}");
    }
    let large = |count: usize| json!({"m": {"a": "x".repeat(count)}}).to_string();
    let rest = "{\"a\":\"\"}".len();
    assert!(read(json_fields(&large(65_536 - rest))).is_ok());
    assert!(read(json_fields(&large(65_537 - rest))).is_err());
    assert!(read(form_fields(&format!("m[a]={}", "x".repeat(65_536 - rest)))).is_ok());
    assert!(read(form_fields(&format!("m[a]={}", "x".repeat(65_537 - rest)))).is_err());
}

#[test]
fn forms_are_bounded_in_pairs_and_in_depth() {
    let pairs = |count: usize| vec!["a=1"; count].join("&");
    assert!(Fields::of_form(&pairs(1_000), 1).is_ok());
    assert!(Fields::of_form(&pairs(1_001), 1).is_err());
    let deep = |levels: usize| format!("a{}=1", "[b]".repeat(levels));
    assert!(Fields::of_form(&deep(16), 1).is_ok());
    assert!(Fields::of_form(&deep(17), 1).is_err());
    assert!(Fields::of_form(&deep(100_000), 1).is_err());
    assert!(Fields::of_form("a=%ff", 1).is_err());
    assert!(Fields::of_form("%c3=1", 1).is_err());
    assert!(Fields::of_form("a=%zz%c3%a9+b&&=&[=]", 1).is_ok());
}

#[actix_web::test]
async fn a_reference_to_what_cannot_be_there_is_told_once_all_fields_are_good() {
    let read = |text: &str| {
        json_fields(text).read(|it| {
            it.optional("agent_id", &reference(Prefix::Agent));
            it.required("name", &text_of(1..=5))
        })
    };
    let (status, _) = answer(&read("{\"agent_id\":\"agent_x\"}").unwrap_err()).await;
    assert_eq!(status, 422);
    let (status, body) =
        answer(&read("{\"agent_id\":\"agent_x\",\"name\":\"a\"}").unwrap_err()).await;
    assert_eq!((status, &body["entity"], &body["id"]), (404, &json!("agent"), &json!("agent_x")));
    assert!(read("{\"agent_id\":null,\"name\":\"a\"}").is_ok());
    assert!(read("{\"agent_id\":7,\"name\":\"a\"}").is_err());
}

#[test]
fn what_would_mislead_is_refused() {
    let read = |text: &str| {
        json_fields(text).read(|it| {
            it.refuse("id", "is chosen by the server");
            it.refuse_entries("providers", "must be empty");
            Some(())
        })
    };
    for good in ["{}", "{\"providers\":[]}", "{\"providers\":null}", "{\"unknown\":1}"] {
        assert!(read(good).is_ok(), "{good}");
    }
    for bad in ["{\"id\":null}", "{\"id\":\"x\"}", "{\"providers\":[1]}", "{\"providers\":{}}"] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_text_is_short_for_an_object() {
    let read = |fields: Fields| {
        let inner = |it: &Object<'_>| it.required("text", &text());
        fields.read(|it| it.required("content", &text_or_object(text(), inner)))
    };
    assert_eq!(read(json_fields("{\"content\":\"a\"}")).unwrap(), "a");
    assert_eq!(read(json_fields("{\"content\":{\"text\":\"a\"}}")).unwrap(), "a");
    assert_eq!(read(form_fields("content=a")).unwrap(), "a");
    assert_eq!(read(form_fields("content[text]=a")).unwrap(), "a");
    for bad in ["{\"content\":7}", "{\"content\":[]}", "{\"content\":{}}", "{}"] {
        assert!(read(json_fields(bad)).is_err(), "{bad}");
    }
}
