//! The calls of the Tex API that a measurement needs. A turn is a turn, and is known by the
//! fragment id that storing it answered. The API key is exchanged for an access token at the
//! start, and once more when the server refuses that token, as it does a day later.

use std::cell::RefCell;
use std::fmt;

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use reqwest::StatusCode;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::{Access, Answer, Http, Item, Memory, Response, StoredTurn};
use crate::cli::eval::data::Turn;

/// How much work a recall does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli::eval) enum Mode {
    /// One pass over what was written
    Active,
    /// Two passes, over what was derived from it as well
    Deep,
}

pub(in crate::cli::eval) struct Tex {
    http: Http,
    access: Access,
    mode: Mode,
    /// The organization of the key. Servers go by the token and want the field all the same.
    org_id: String,
    access_token: RefCell<String>,
}

#[derive(Serialize)]
struct Exchange<'a> {
    api_key: &'a str,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
}

#[derive(Deserialize)]
struct Verified {
    tenant: Identity,
}

#[derive(Deserialize)]
struct Identity {
    org_id: String,
}

#[derive(Serialize)]
struct Scope<'a> {
    org_id: &'a str,
    session_id: &'a str,
}

#[derive(Serialize)]
struct Ingestion<'a> {
    scope: Scope<'a>,
    turns: Vec<NewTurn<'a>>,
}

#[derive(Serialize)]
struct NewTurn<'a> {
    role: &'a str,
    text: &'a str,
    timestamp: &'a str,
}

#[derive(Deserialize)]
struct Ingested {
    active_fragment_ids: Vec<String>,
}

#[derive(Serialize)]
struct Recall<'a> {
    q: &'a str,
    scope: Scope<'a>,
    mode: Mode,
    top_k: usize,
    include_timeline: bool,
}

#[derive(Deserialize)]
struct Recalled {
    hits: Hits,
    confidence: f64,
}

#[derive(Deserialize)]
struct Hits {
    turns: Vec<Hit>,
    observations: Vec<IgnoredAny>,
    entities: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Hit {
    id: String,
    score: f64,
}

impl Memory for Tex {
    const WRITE_BATCH: usize = 100;

    /// A turn without words or speaker is not sent, since the server would refuse all of the call.
    async fn store(&self, domain: &str, turns: &[Turn]) -> anyhow::Result<(Vec<StoredTurn>, u64)> {
        let new_turns: Vec<NewTurn> =
            turns.iter().filter(|turn| can_be_sent(turn)).map(NewTurn::of).collect();
        if new_turns.is_empty() {
            return Ok((turns.iter().map(|_| StoredTurn::refused()).collect(), 0));
        }
        let sent = new_turns.len();
        let body = Ingestion { scope: self.scope(domain), turns: new_turns };
        let (answer, elapsed_us): (Ingested, u64) =
            self.post("/ingestion/memory", &body, StatusCode::ACCEPTED).await?;
        let count = answer.active_fragment_ids.len();
        ensure!(count == sent, "the server answered {count} fragment ids for {sent} turns");
        let mut ids = answer.active_fragment_ids.into_iter();
        let stored = turns.iter().map(|turn| {
            let id = if can_be_sent(turn) { ids.next() } else { None };
            StoredTurn { stored: id.is_some(), id }
        });
        Ok((stored.collect(), elapsed_us))
    }

    async fn ask(&self, domain: &str, text: &str, top_k: usize) -> anyhow::Result<(Answer, u64)> {
        let (scope, mode) = (self.scope(domain), self.mode);
        let body = Recall { q: text, scope, mode, top_k, include_timeline: false };
        let (answer, elapsed_us): (Recalled, u64) =
            self.post("/recall", &body, StatusCode::OK).await?;
        let Recalled { hits, confidence } = answer;
        ensure!(
            (0.0..=1.0).contains(&confidence),
            "a recall of {domain} had a confidence of {confidence}"
        );
        let item = |hit: Hit| Item { id: hit.id, dia_id: None, relevance: hit.score };
        let answer = Answer {
            items: hits.turns.into_iter().map(item).collect(),
            others: hits.observations.len() + hits.entities.len(),
            confidence: Some(confidence),
            query_concepts: Vec::new(),
        };
        Ok((answer, elapsed_us))
    }
}

impl Tex {
    /// Exchanges the key for an access token and asks whose it is.
    ///
    /// # Errors
    /// When the server does not answer, refuses the key, or answers outside the contract.
    pub(in crate::cli::eval) async fn open(access: Access, mode: Mode) -> anyhow::Result<Self> {
        let http = Http::new(&access.base_url)?;
        let access_token = exchange(&http, &access).await?;
        let response = http.send(http.get("/auth/verify").bearer_auth(&access_token)).await?;
        let verified: Verified = parse(&response, StatusCode::OK)?;
        let org_id = verified.tenant.org_id;
        Ok(Self { http, access, mode, org_id, access_token: RefCell::new(access_token) })
    }

    fn scope<'a>(&'a self, session_id: &'a str) -> Scope<'a> {
        Scope { org_id: &self.org_id, session_id }
    }

    /// The latency is that of the call that was answered, without one for a new token.
    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        expected: StatusCode,
    ) -> anyhow::Result<(T, u64)> {
        let mut response = self.send(path, body).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            let access_token = exchange(&self.http, &self.access).await?;
            self.access_token.replace(access_token);
            response = self.send(path, body).await?;
        }
        Ok((parse(&response, expected)?, response.elapsed_us))
    }

    async fn send(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Response> {
        let request = self.http.post(path).bearer_auth(self.access_token.borrow()).json(body);
        self.http.send(request).await
    }
}

async fn exchange(http: &Http, access: &Access) -> anyhow::Result<String> {
    let request = http.post("/auth/token-exchange").json(&Exchange { api_key: &access.api_key });
    let response = http.send(request).await?;
    if response.status == StatusCode::UNAUTHORIZED {
        bail!("{} refused {} (HTTP 401)", response.url, access.key_source);
    }
    let tokens: Tokens = parse(&response, StatusCode::OK).context("no access token")?;
    Ok(tokens.access_token)
}

fn parse<T: DeserializeOwned>(response: &Response, expected: StatusCode) -> anyhow::Result<T> {
    response.parse(expected, "Tex")
}

fn can_be_sent(turn: &Turn) -> bool {
    !turn.text.is_empty() && !turn.speaker.is_empty()
}

impl<'a> NewTurn<'a> {
    fn of(turn: &'a Turn) -> Self {
        Self { role: &turn.speaker, text: &turn.text, timestamp: &turn.occurred_at }
    }
}

impl StoredTurn {
    fn refused() -> Self {
        Self { stored: false, id: None }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Deep => "deep",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use actix_web::http::header::AUTHORIZATION;
    use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
    use serde_json::{Value, json};

    use super::*;

    /// What a server was asked, and the first token that it still takes. It gives 1, 2, ...
    #[derive(Default)]
    struct Seen {
        tokens_given: usize,
        first_good: usize,
        calls: Vec<(String, Value)>,
    }

    type Shared = Arc<Mutex<Seen>>;

    /// Answers in the contract's own examples.
    async fn answer(
        request: HttpRequest,
        body: web::Bytes,
        seen: web::Data<Shared>,
    ) -> HttpResponse {
        let mut seen = seen.lock().unwrap();
        let path = request.path().to_owned();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        seen.calls.push((path.clone(), body.clone()));
        if path == "/auth/token-exchange" {
            if body != json!({"api_key": "tex_live_good"}) {
                return HttpResponse::Unauthorized().json(json!({"message": "Invalid API key"}));
            }
            seen.tokens_given += 1;
            return HttpResponse::Ok().json(json!({
                "access_token": seen.tokens_given.to_string(), "refresh_token": "r",
                "token_type": "bearer", "expires_in": 86400,
            }));
        }
        let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if token.parse::<usize>().unwrap_or(0) < seen.first_good.max(1) {
            return HttpResponse::Unauthorized().json(json!({"message": "Invalid token"}));
        }
        match path.as_str() {
            "/auth/verify" => HttpResponse::Ok().json(json!({"valid": true, "tenant": {
                "org_id": "org_1", "user_id": "apikey_a1247653", "session_id": null, "roles": ["*"],
            }})),
            "/ingestion/memory" => {
                let turns = body["turns"].as_array().unwrap();
                let ids: Vec<String> =
                    turns.iter().map(|turn| format!("f{}", turn["text"])).collect();
                HttpResponse::Accepted().json(json!({
                    "job_id": "1737f27b090743bab9f129b48fd44831", "active_fragment_ids": ids,
                    "passive_job_id": null, "usage": {"tokens_in": 6, "tokens_out": 0},
                }))
            }
            "/recall" => HttpResponse::Ok().json(json!({
                "hits": {
                    "observations": [{"id": "o", "text": "allergic", "score": 0.3,
                        "kind": "observation", "timestamp": null}],
                    "turns": [
                        {"id": "f2", "text": "[user] b", "score": 0.4268, "kind": "turn",
                            "timestamp": "1778248800000"},
                        {"id": "f1", "text": "[user] a", "score": 0.1, "kind": "turn",
                            "timestamp": "1778248800000"},
                    ],
                    "entities": [{"id": null, "label": "Acme", "score": 0.1}],
                },
                "timeline": null, "confidence": 0.067, "mode": body["mode"],
                "usage": {"tokens_in": 6, "tokens_out": 27},
            })),
            _ => HttpResponse::NotFound().finish(),
        }
    }

    /// A server, and a client that has opened it.
    async fn opened(mode: Mode, api_key: &str) -> (Shared, anyhow::Result<Tex>) {
        let seen = Shared::default();
        let data = web::Data::new(seen.clone());
        let app = move || App::new().app_data(data.clone()).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let base_url = format!("http://{}/", server.addrs()[0]);
        actix_rt::spawn(server.run());
        let (api_key, key_source) = (api_key.to_owned(), "the key of the test".to_owned());
        let client = Tex::open(Access { base_url, api_key, app_id: None, key_source }, mode).await;
        (seen, client)
    }

    fn turn(speaker: &str, text: &str) -> Turn {
        Turn {
            dia_id: "D1:1".to_owned(),
            session_id: "session-1".to_owned(),
            session_date: "9:05 am on 3 March, 2021".to_owned(),
            occurred_at: "2021-03-03T09:05:00Z".to_owned(),
            speaker: speaker.to_owned(),
            text: text.to_owned(),
            content: format!("[9:05 am on 3 March, 2021] {speaker}: {text}"),
        }
    }

    fn last_call(seen: &Shared) -> (String, Value) {
        seen.lock().unwrap().calls.last().unwrap().clone()
    }

    #[actix_web::test]
    async fn turns_go_with_speaker_words_and_time_and_each_gets_its_own_id() {
        let (seen, client) = opened(Mode::Active, "tex_live_good").await;
        let client = client.unwrap();
        let turns = [turn("Ana", "hello"), turn("Bo", ""), turn("", "who?"), turn("Bo", "bye")];
        let (stored, _) = client.store("locomo:conv-1", &turns).await.unwrap();
        let ids: Vec<Option<&str>> = stored.iter().map(|each| each.id.as_deref()).collect();
        assert_eq!(ids, [Some("f\"hello\""), None, None, Some("f\"bye\"")]);
        assert!(stored.iter().all(|each| each.stored == each.id.is_some()));
        let expected = json!({
            "scope": {"org_id": "org_1", "session_id": "locomo:conv-1"},
            "turns": [
                {"role": "Ana", "text": "hello", "timestamp": "2021-03-03T09:05:00Z"},
                {"role": "Bo", "text": "bye", "timestamp": "2021-03-03T09:05:00Z"},
            ],
        });
        assert_eq!(last_call(&seen), ("/ingestion/memory".to_owned(), expected));
    }

    #[actix_web::test]
    async fn the_turns_among_the_hits_are_the_answer_in_their_order() {
        let (seen, client) = opened(Mode::Deep, "tex_live_good").await;
        let (answer, _) = client.unwrap().ask("locomo:conv-1", "which?", 10).await.unwrap();
        let items: Vec<(&str, f64)> =
            answer.items.iter().map(|item| (item.id.as_str(), item.relevance)).collect();
        assert_eq!(items, [("f2", 0.4268), ("f1", 0.1)]);
        assert_eq!((answer.others, answer.confidence), (2, Some(0.067)));
        let expected = json!({
            "q": "which?", "scope": {"org_id": "org_1", "session_id": "locomo:conv-1"},
            "mode": "deep", "top_k": 10, "include_timeline": false,
        });
        assert_eq!(last_call(&seen), ("/recall".to_owned(), expected));
    }

    #[actix_web::test]
    async fn a_token_that_ended_is_replaced_once() {
        let (seen, client) = opened(Mode::Active, "tex_live_good").await;
        let client = client.unwrap();
        seen.lock().unwrap().first_good = 2;
        client.ask("s", "which?", 10).await.unwrap();
        client.ask("s", "which?", 10).await.unwrap();
        assert_eq!(seen.lock().unwrap().tokens_given, 2);

        seen.lock().unwrap().first_good = 9;
        let error = client.ask("s", "which?", 10).await.err().unwrap().to_string();
        assert!(error.contains("/recall answered HTTP 401"), "{error}");
        assert_eq!(seen.lock().unwrap().tokens_given, 3);
    }

    #[actix_web::test]
    async fn a_key_that_is_refused_is_named_by_where_it_came_from() {
        let (_, client) = opened(Mode::Active, "tex_live_bad").await;
        let error = client.err().unwrap().to_string();
        assert!(error.ends_with("/auth/token-exchange refused the key of the test (HTTP 401)"));
    }
}
