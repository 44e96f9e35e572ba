//! Language models from outside: the client of OpenAI-compatible endpoints against a stub on a
//! real socket. No test measures time; pauses are those that the stub asks for, or short.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail the test they serve"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use hebbd::llm::{
    Completion, LanguageModel, LanguageModels, LlmError, LlmSettings, LlmSetupError, Prompt, Usage,
};
use hebbd::types::{Bound, ErrorKind, ManualClock, SystemClock, Timestamp};
use secrecy::SecretString;
use serde_json::json;

mod support;

use support::language_model::{COMPLETION_TOKENS, End, KEY, PROMPT_TOKENS, Reply, Stub, event};

const QUESTION: &str = "my secret text";

fn models(settings: &LlmSettings) -> LanguageModels {
    LanguageModels::from_settings(settings, Arc::new(SystemClock)).expect("builds")
}

fn own(settings: &LlmSettings) -> Arc<dyn LanguageModel> {
    Arc::clone(models(settings).own().expect("there is one"))
}

fn prompt() -> Prompt {
    Prompt::new("be brief", QUESTION)
}

async fn complete(settings: &LlmSettings) -> Result<Completion, LlmError> {
    own(settings).complete(prompt()).await
}

/// All pieces of a stream, joined, and the error that ended it.
async fn stream(settings: &LlmSettings) -> Result<(String, Option<LlmError>), LlmError> {
    let mut stream = own(settings).stream(prompt()).await?;
    let mut text = String::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => {
                assert!(!piece.is_empty());
                text.push_str(&piece);
            }
            Err(error) => {
                assert!(stream.next().await.is_none(), "an error ends a stream");
                check_discreet(&error);
                return Ok((text, Some(error)));
            }
        }
    }
    Ok((text, None))
}

/// What no failure may do.
#[track_caller]
fn check_discreet(error: &LlmError) {
    for text in [error.to_string(), format!("{error:?}"), error.public_reason()] {
        assert!(!text.contains("secret") && !text.contains(KEY), "{text}");
        assert!(!text.contains("127.0.0.1"), "{text}");
    }
}

/// Asks for a whole answer and for a stream; both must fail alike, each after so many requests.
async fn check_fails(
    reply: &Reply,
    change: impl Fn(&mut LlmSettings),
    expected: &LlmError,
    requests: usize,
) {
    for streams in [false, true] {
        let stub = Stub::start([reply.clone()]);
        let mut settings = stub.settings();
        change(&mut settings);
        let error = match streams {
            false => complete(&settings).await.map(|_| ()),
            true => stream(&settings).await.map(|_| ()),
        };
        let error = error.expect_err("fails");
        assert_eq!(&error, expected, "{reply:?}, as a stream: {streams}");
        check_discreet(&error);
        assert_eq!(stub.requests().len(), requests, "{reply:?}, as a stream: {streams}");
    }
}

fn malformed(error: &LlmError) -> bool {
    matches!(error, LlmError::Malformed { .. })
}

// Answers.

#[tokio::test]
async fn a_prompt_goes_out_with_the_key_and_comes_back_as_text() {
    let stub = Stub::start([Reply::text("yes, é")]);
    let completion = complete(&stub.settings()).await.expect("answers");
    assert_eq!((completion.text.as_str(), completion.model.as_str()), ("yes, é", "stub-model"));
    let (prompt_tokens, completion_tokens) = (PROMPT_TOKENS, COMPLETION_TOKENS);
    assert_eq!(completion.tokens, Some(Usage { prompt_tokens, completion_tokens }));
    let request = stub.requests().remove(0);
    assert!(request.head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", request.head);
    assert!(request.head.to_lowercase().contains("authorization: bearer sesame"));
    assert_eq!(
        request.body,
        json!({"model": "stub-model", "temperature": 0.0, "max_tokens": 2048, "stream": false,
               "messages": [{"role": "system", "content": "be brief"},
                            {"role": "user", "content": QUESTION}]})
    );
}

#[tokio::test]
async fn a_prompt_may_choose_model_length_and_temperature() {
    let stub = Stub::start([Reply::text("yes")]);
    let (model, max_tokens) = (Some("other".to_owned()), Some(5));
    let prompt = Prompt { model, max_tokens, temperature: 0.5, ..prompt() };
    let model = own(&stub.settings());
    assert_eq!(model.model(), "stub-model");
    let completion = model.complete(prompt).await.expect("answers");
    assert_eq!(completion.model, "other");
    let body = stub.requests().remove(0).body;
    assert_eq!((&body["model"], &body["max_tokens"]), (&json!("other"), &json!(5)));
    assert_eq!(body["temperature"], 0.5);
}

#[tokio::test]
async fn the_key_is_optional_and_may_come_from_a_file() {
    let stub = Stub::start([Reply::text("yes")]);
    let keyless = LlmSettings { api_key: None, ..stub.settings() };
    complete(&keyless).await.expect("answers");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "from-file\n").expect("writes");
    let api_key_file = Some(file.path().to_owned());
    complete(&LlmSettings { api_key_file, ..keyless }).await.expect("answers");
    let requests = stub.requests();
    assert!(!requests[0].head.to_lowercase().contains("authorization"));
    assert!(requests[1].head.contains("Bearer from-file"));
}

#[tokio::test]
async fn a_stream_comes_in_pieces_however_its_bytes_are_split() {
    for reply in [Reply::stream(&["ye", "s, ", "é"]), Reply::stream(&["yes, é"]).byte_by_byte()] {
        let stub = Stub::start([reply]);
        let (text, error) = stream(&stub.settings()).await.expect("begins");
        assert_eq!((text.as_str(), error), ("yes, é", None));
        let request = stub.requests().remove(0);
        assert!(request.head.to_lowercase().contains("authorization: bearer sesame"));
        assert_eq!(request.body["stream"], true);
        assert_eq!(request.body["stream_options"], json!({"include_usage": true}));
    }
}

#[tokio::test]
async fn a_stream_without_a_last_event_is_whole_when_the_model_gave_its_reason() {
    let mut pieces = Vec::new();
    for delta in [json!({"content": "yes"}), json!({})] {
        let reason = delta.get("content").is_none().then_some("stop");
        pieces.push(event(&json!({"choices": [{"delta": delta, "finish_reason": reason}]})));
    }
    for end in [End::Properly, End::BrokenOff] {
        let stub = Stub::start([Reply::Pieces(pieces.clone(), end)]);
        let (text, error) = stream(&stub.settings()).await.expect("begins");
        assert_eq!((text.as_str(), error), ("yes", None));
    }
}

// Failures that pass.

#[tokio::test]
async fn overload_and_server_errors_are_asked_again() {
    let answers = [Reply::text("yes"), Reply::stream(&["yes"])];
    for (streams, answer) in [false, true].into_iter().zip(answers) {
        let stub = Stub::start([Reply::busy(429), Reply::busy(503), answer]);
        let settings = stub.settings();
        let text = match streams {
            false => complete(&settings).await.expect("answers").text,
            true => stream(&settings).await.expect("begins").0,
        };
        assert_eq!((text.as_str(), stub.requests().len()), ("yes", 3));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_first_piece_is_asked_again() {
    let stub = Stub::start([Reply::HangUp, Reply::text("yes")]);
    assert_eq!(complete(&stub.settings()).await.expect("answers").text, "yes");
    let begun = Reply::stream_begun(&[], End::BrokenOff);
    let stub = Stub::start([Reply::HangUp, begun, Reply::stream(&["yes"])]);
    assert_eq!(stream(&stub.settings()).await.expect("begins"), ("yes".to_owned(), None));
    assert_eq!(stub.requests().len(), 3);
}

#[tokio::test]
async fn what_an_endpoint_does_not_take_is_left_out() {
    let refusal = |name: &str| {
        let error = json!({"error": {"message": format!("Unsupported value: '{name}'")}});
        Reply::Fixed(400, "X-Stub: 1", error.to_string())
    };
    let (stream_options, temperature) = (refusal("stream_options"), refusal("temperature"));
    let stub = Stub::start([stream_options, temperature, Reply::stream(&["yes"])]);
    // Leaving something out is no repetition.
    let settings = LlmSettings { retries_max: 0, ..stub.settings() };
    assert_eq!(stream(&settings).await.expect("begins").0, "yes");
    let bodies: Vec<_> = stub.requests().into_iter().map(|request| request.body).collect();
    assert!(bodies[0].get("temperature").is_some());
    assert!(bodies[1].get("stream_options").is_none() && bodies[1].get("temperature").is_some());
    assert!(bodies[2].get("stream_options").is_none() && bodies[2].get("temperature").is_none());
}

// Failures that last.

#[tokio::test]
async fn an_endpoint_that_keeps_failing_is_given_up_on() {
    let twice = |settings: &mut LlmSettings| settings.retries_max = 2;
    let limited = LlmError::RateLimited { retry_after: Some(Duration::ZERO) };
    check_fails(&Reply::busy(429), twice, &limited, 3).await;
    check_fails(&Reply::busy(500), twice, &LlmError::Refused { status: 500 }, 3).await;
}

#[tokio::test]
async fn a_pause_longer_than_the_time_left_ends_the_call_at_once() {
    let reply = Reply::Fixed(429, "Retry-After: 15", String::new());
    let short = |settings: &mut LlmSettings| {
        (settings.timeout_ms, settings.total_timeout_ms) = (10_000, 12_000);
        (settings.first_token_timeout_ms, settings.idle_timeout_ms) = (10_000, 10_000);
    };
    let limited = LlmError::RateLimited { retry_after: Some(Duration::from_secs(15)) };
    check_fails(&reply, short, &limited, 1).await;
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    for status in [400, 401, 404, 422] {
        let reply = Reply::Fixed(status, "X-Stub: 1", format!("{KEY} {QUESTION}"));
        check_fails(&reply, |_| {}, &LlmError::Refused { status }, 1).await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let reply = Reply::Fixed(307, "Location: /elsewhere", String::new());
    check_fails(&reply, |_| {}, &LlmError::Refused { status: 307 }, 1).await;
}

#[tokio::test]
async fn a_silent_endpoint_times_out_and_is_not_asked_again() {
    let short = |settings: &mut LlmSettings| {
        (settings.timeout_ms, settings.first_token_timeout_ms) = (50, 50);
    };
    check_fails(&Reply::Silence, short, &LlmError::TimedOut, 1).await;
    // One that begins a body and says nothing in it is no better.
    check_fails(&Reply::Pieces(Vec::new(), End::Never), short, &LlmError::TimedOut, 1).await;
}

#[tokio::test]
async fn a_refused_connection_is_told() {
    let settings = LlmSettings { retries_max: 1, ..Stub::gone().settings() };
    for error in [complete(&settings).await.err(), stream(&settings).await.err()] {
        let error = error.expect("fails");
        assert!(matches!(error, LlmError::Unreachable { .. }), "{error}");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        check_discreet(&error);
    }
}

#[tokio::test]
async fn an_unusable_answer_is_told_and_not_asked_for_again() {
    let echo = format!("{KEY} {QUESTION}");
    for reply in [
        Reply::Fixed(200, "X-Stub: 1", echo.clone()),
        Reply::Fixed(200, "X-Stub: 1", String::new()),
        Reply::json(&json!({"data": []})),
        Reply::json(&json!({"choices": echo})),
        Reply::json(&json!({"error": {"message": echo}})),
        Reply::Pieces(vec![format!("data: {echo}\n\n").into_bytes()], End::Properly),
        Reply::Pieces(vec![event(&json!({"error": {"message": echo}}))], End::Properly),
    ] {
        let stub = Stub::start([reply.clone()]);
        for error in [complete(&stub.settings()).await.err(), stream(&stub.settings()).await.err()]
        {
            let error = error.expect("fails");
            assert!(malformed(&error), "{reply:?}: {error}");
            check_discreet(&error);
        }
        assert_eq!(stub.requests().len(), 2, "{reply:?}");
    }
}

#[tokio::test]
async fn an_answer_without_text_is_told() {
    for body in [json!({"choices": []}), json!({"choices": [{"message": {"content": " "}}]})] {
        let stub = Stub::start([Reply::json(&body)]);
        let error = complete(&stub.settings()).await.expect_err("is empty");
        assert_eq!(error, LlmError::EmptyAnswer, "{body}");
    }
    let stub = Stub::start([Reply::stream(&[])]);
    assert_eq!(stream(&stub.settings()).await, Err(LlmError::EmptyAnswer));
}

#[tokio::test]
async fn a_huge_answer_is_refused() {
    let small = |stub: &Stub| LlmSettings { answer_bytes_max: 2_000, ..stub.settings() };
    let stub = Stub::start([Reply::text(&"x".repeat(2_000))]);
    assert_eq!(complete(&small(&stub)).await, Err(LlmError::TooLarge));
    let stub = Stub::start([Reply::Pieces(vec![vec![b'x'; 1_000]], End::Endless)]);
    assert_eq!(complete(&small(&stub)).await, Err(LlmError::TooLarge));
    // A stream has one line without an end, or pieces without one.
    let error = stream(&small(&stub)).await.expect_err("is too large");
    assert_eq!(error, LlmError::TooLarge);
    let stub = Stub::start([Reply::stream_begun(&["piece "], End::Endless)]);
    let (text, error) = stream(&small(&stub)).await.expect("begins");
    assert_eq!(error, Some(LlmError::TooLarge));
    assert!(text.len() <= 2_000 && text.len() > 1_900, "{} bytes", text.len());
}

// Streams that fail midway.

#[tokio::test]
async fn a_stream_that_breaks_off_gives_what_came_and_is_not_asked_again() {
    let failure = event(&json!({"error": {"message": KEY}}));
    let one = event(&json!({"choices": [{"delta": {"content": "so "}}]}));
    for reply in [
        Reply::stream_begun(&["so ", "far"], End::BrokenOff),
        Reply::stream_begun(&["so ", "far"], End::Properly),
        Reply::Pieces(vec![one.clone(), one, failure], End::Properly),
    ] {
        let stub = Stub::start([reply]);
        let (text, error) = stream(&stub.settings()).await.expect("begins");
        assert_eq!(error, Some(LlmError::Interrupted));
        assert!(text.starts_with("so ") && text.len() == 6, "{text}");
        assert_eq!(stub.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_or_takes_too_long_times_out() {
    let stub = Stub::start([Reply::stream_begun(&["so ", "far"], End::Never)]);
    let settings = LlmSettings { idle_timeout_ms: 50, ..stub.settings() };
    let (text, error) = stream(&settings).await.expect("begins");
    assert_eq!((text.as_str(), error), ("so far", Some(LlmError::TimedOut)));
    // Nor may one go on for ever, however much it has to say.
    let stub = Stub::start([Reply::stream_begun(&["x"], End::Endless)]);
    let settings = LlmSettings {
        timeout_ms: 200,
        first_token_timeout_ms: 200,
        idle_timeout_ms: 200,
        total_timeout_ms: 200,
        answer_bytes_max: 64 * 1024 * 1024,
        ..stub.settings()
    };
    assert_eq!(stream(&settings).await.expect("begins").1, Some(LlmError::TimedOut));
    // Events without text keep no stream alive.
    let empty = event(&json!({"choices": [{"delta": {"content": ""}}]}));
    let one = event(&json!({"choices": [{"delta": {"content": "so"}}]}));
    let stub = Stub::start([Reply::Pieces(vec![one, empty], End::Endless)]);
    let settings = LlmSettings { idle_timeout_ms: 50, ..stub.settings() };
    assert_eq!(stream(&settings).await.expect("begins").1, Some(LlmError::TimedOut));
}

#[tokio::test]
async fn an_unreadable_event_ends_a_stream() {
    let one = event(&json!({"choices": [{"delta": {"content": "so far"}}]}));
    let stub = Stub::start([Reply::Pieces(vec![one, b"data: {\n\n".to_vec()], End::Properly)]);
    let (text, error) = stream(&stub.settings()).await.expect("begins");
    assert_eq!(text, "so far");
    assert!(error.as_ref().is_some_and(malformed), "{error:?}");
}

// What a server allows itself.

#[tokio::test]
async fn an_open_stream_keeps_its_place_until_it_is_dropped() {
    let open = Reply::stream_begun(&["so far"], End::Never);
    let stub = Stub::start([open, Reply::text("yes")]);
    let (timeout_ms, first_token_timeout_ms, idle_timeout_ms) = (100, 100, 100);
    let settings = LlmSettings {
        requests_max: 1,
        timeout_ms,
        first_token_timeout_ms,
        idle_timeout_ms,
        total_timeout_ms: 100,
        ..stub.settings()
    };
    let model = own(&settings);
    let stream = model.stream(prompt()).await.expect("begins");
    let error = model.complete(prompt()).await.expect_err("there is no place");
    assert_eq!((error.clone(), error.kind()), (LlmError::Overloaded, ErrorKind::Overloaded));
    assert_eq!(stub.requests().len(), 1);
    drop(stream);
    assert_eq!(model.complete(prompt()).await.expect("answers").text, "yes");
}

#[tokio::test]
async fn a_spent_budget_refuses_every_model_until_midnight() {
    let (stream, text) = (Reply::stream(&["yes"]), Reply::text("yes"));
    let stub = Stub::start([stream.clone(), text.clone(), stream, text]);
    let mut settings = stub.settings();
    // Two calls fit, and whoever finds anything left is served.
    settings.tokens_per_day = Bound(Some(2 * (PROMPT_TOKENS + COMPLETION_TOKENS) + 60));
    settings.outside.google.url = stub.url();
    settings.outside.google.api_key = Some(SecretString::from(KEY));
    let start = Timestamp::parse("2026-01-31T23:59:59Z").expect("parses");
    let clock = Arc::new(ManualClock::starting_at(start));
    let models = LanguageModels::from_settings(&settings, clock.clone()).expect("builds");
    let (own, google) = (models.own().expect("own"), models.outside("google").expect("google"));

    let yes = [Ok("yes".to_owned())];
    let pieces: Vec<_> = own.stream(prompt()).await.expect("begins").collect().await;
    assert_eq!(pieces, yes);
    own.complete(prompt()).await.expect("answers");
    let pieces: Vec<_> = google.stream(prompt()).await.expect("begins").collect().await;
    assert_eq!(pieces, yes);
    for model in [own, google] {
        let error = model.complete(prompt()).await.expect_err("nothing is left");
        assert_eq!(error, LlmError::BudgetSpent);
        let error = model.stream(prompt()).await.err();
        assert_eq!(error, Some(LlmError::BudgetSpent));
    }
    assert_eq!(stub.requests().len(), 3);
    clock.advance(Duration::from_secs(1));
    own.complete(prompt()).await.expect("answers");
}

#[tokio::test]
async fn calls_that_failed_cost_nothing() {
    let stub = Stub::start([Reply::busy(500), Reply::busy(401), Reply::text("yes")]);
    let tokens_per_day = Bound(Some(1));
    let settings = LlmSettings { retries_max: 0, tokens_per_day, ..stub.settings() };
    let model = own(&settings);
    for _ in 0..2 {
        let error = model.complete(prompt()).await.expect_err("fails");
        assert!(matches!(error, LlmError::Refused { .. }), "{error}");
    }
    model.complete(prompt()).await.expect("answers");
    assert_eq!(model.complete(prompt()).await, Err(LlmError::BudgetSpent));
}

// Which models there are.

#[tokio::test]
async fn hosted_models_are_there_by_name_when_they_have_a_key() {
    let stub = Stub::start([Reply::text("yes")]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "from-file\n").expect("writes");
    let mut settings = LlmSettings::default();
    settings.outside.openai.api_key = Some(SecretString::from(KEY));
    settings.outside.google.api_key = Some(SecretString::from(" "));
    settings.outside.anthropic.api_key_file = Some(file.path().to_owned());
    settings.outside.anthropic.url = stub.url();
    let models = models(&settings);
    assert!(models.own().is_none());
    assert!(models.outside("openai").is_some() && models.outside("google").is_none());
    for name in ["", "workers-ai", "Anthropic", "own"] {
        assert!(models.outside(name).is_none(), "{name}");
    }
    let anthropic = models.outside("anthropic").expect("has a key");
    assert_eq!(anthropic.model(), settings.outside.anthropic.model);
    anthropic.complete(prompt()).await.expect("answers");
    assert!(stub.requests()[0].head.contains("Bearer from-file"));
}

#[test]
fn settings_that_cannot_work_are_told() {
    let refused = |settings: &LlmSettings| {
        LanguageModels::from_settings(settings, Arc::new(SystemClock)).err().expect("is refused")
    };
    let mut settings = LlmSettings { max_tokens: 0, requests_max: 0, ..LlmSettings::default() };
    let LlmSetupError::InvalidSettings { problems } = refused(&settings) else {
        panic!("{}", refused(&settings))
    };
    assert_eq!(problems.len(), 2, "{problems:?}");
    settings = LlmSettings::default();
    settings.outside.google.api_key_file = Some(PathBuf::from("/nonexistent/key"));
    let error = refused(&settings);
    assert!(error.to_string().contains("/nonexistent/key"), "{error}");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    // A key that cannot be sent is told without being repeated.
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), format!("{KEY}\nline")).expect("writes");
    settings.outside.google.api_key_file = Some(file.path().to_owned());
    let error = refused(&settings).to_string();
    assert!(error.contains("no header") && !error.contains(KEY), "{error}");
}
