//! The `[llm]` section of the configuration. Owns defaults, ranges and the check of their
//! relations; reads no file and no environment.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use crate::outbound;
use crate::types::Bound;

const TIMEOUT_LIMIT_MS: u64 = 600_000;
const RETRIES_LIMIT: u32 = 10;
const REQUESTS_LIMIT: usize = 256;
/// Far above any published model.
const MAX_TOKENS_LIMIT: u32 = 1_000_000;
const ANSWER_BYTES_LEAST: usize = 1_024;
const ANSWER_BYTES_LIMIT: usize = 64 * 1024 * 1024;
const TOKENS_PER_DAY_LIMIT: u64 = 1_000_000_000_000;

/// Who answers where a language model can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LlmProvider {
    /// Nobody; deterministic rules do the work.
    #[default]
    None,
    /// An OpenAI-compatible chat endpoint: Ollama, vLLM, hosted ones.
    OpenAi,
}

/// Which language models there are, and how they are asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LlmSettings {
    /// The server's own model. The models in `outside` do not depend on it.
    pub provider: LlmProvider,
    /// A base such as `http://localhost:11434/v1`, to which `/chat/completions` is appended, or
    /// the full address ending in it.
    pub url: String,
    /// The model to ask for.
    pub model: String,
    /// Sent as a bearer token; `None` sends none. Give it through the environment, not in a file
    /// that is committed. Excludes `api_key_file`.
    #[serde(deserialize_with = "crate::types::secret::optional")]
    pub api_key: Option<SecretString>,
    /// A file whose trimmed content is the key. Read once, at start.
    pub api_key_file: Option<PathBuf>,
    /// For one request that is answered as a whole, from connecting to the last byte, 1 to
    /// 600,000.
    pub timeout_ms: u64,
    /// For all requests and pauses of one call, to the end of its stream; at least each of the
    /// other times, up to 600,000.
    pub total_timeout_ms: u64,
    /// For the first piece of a stream, from connecting, 1 to 600,000.
    pub first_token_timeout_ms: u64,
    /// For each further piece, 1 to 600,000.
    pub idle_timeout_ms: u64,
    /// Repetitions of a request that met 429, 5xx or no connection, 0 to 10.
    pub retries_max: u32,
    /// Requests in flight at once to each endpoint, over all callers, 1 to 256.
    pub requests_max: usize,
    /// Tokens of an answer for which the caller sets no limit, 1 to 1,000,000.
    pub max_tokens: u32,
    /// Longer answers are refused, 1 KiB to 64 MiB.
    pub answer_bytes_max: usize,
    /// What all models together may use from midnight to midnight UTC, 1 to 10^12, or no limit.
    /// Counted since the start of the process.
    pub tokens_per_day: Bound<u64>,
    /// Hosted models that a client may ask for by name.
    pub outside: OutsideSettings,
}

/// Hosted models. One without a key cannot be asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutsideSettings {
    #[serde(deserialize_with = "openai")]
    pub openai: OutsideModelSettings,
    #[serde(deserialize_with = "google")]
    pub google: OutsideModelSettings,
    #[serde(deserialize_with = "anthropic")]
    pub anthropic: OutsideModelSettings,
}

/// A vendor's OpenAI-compatible endpoint.
#[derive(Debug, Clone)]
pub struct OutsideModelSettings {
    /// As [`LlmSettings::url`].
    pub url: String,
    /// Asked for where the client names no model.
    pub model: String,
    /// As [`LlmSettings::api_key`]; blank is as `None`.
    pub api_key: Option<SecretString>,
    /// As [`LlmSettings::api_key_file`].
    pub api_key_file: Option<PathBuf>,
}

/// What is given of a vendor's settings; the rest is that vendor's own default.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Given {
    url: Option<String>,
    model: Option<String>,
    #[serde(deserialize_with = "crate::types::secret::optional")]
    api_key: Option<SecretString>,
    api_key_file: Option<PathBuf>,
}

impl OutsideModelSettings {
    fn openai() -> Self {
        Self::at("https://api.openai.com/v1", "gpt-4.1-mini")
    }

    fn google() -> Self {
        Self::at("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-2.5-flash")
    }

    fn anthropic() -> Self {
        Self::at("https://api.anthropic.com/v1", "claude-haiku-4-5")
    }

    fn at(url: &str, model: &str) -> Self {
        let (url, model) = (url.to_owned(), model.to_owned());
        Self { url, model, api_key: None, api_key_file: None }
    }
}

fn openai<'de, D: Deserializer<'de>>(given: D) -> Result<OutsideModelSettings, D::Error> {
    Given::deserialize(given).map(|given| given.over(OutsideModelSettings::openai()))
}

fn google<'de, D: Deserializer<'de>>(given: D) -> Result<OutsideModelSettings, D::Error> {
    Given::deserialize(given).map(|given| given.over(OutsideModelSettings::google()))
}

fn anthropic<'de, D: Deserializer<'de>>(given: D) -> Result<OutsideModelSettings, D::Error> {
    Given::deserialize(given).map(|given| given.over(OutsideModelSettings::anthropic()))
}

impl Given {
    fn over(self, defaults: OutsideModelSettings) -> OutsideModelSettings {
        OutsideModelSettings {
            url: self.url.unwrap_or(defaults.url),
            model: self.model.unwrap_or(defaults.model),
            api_key: self.api_key,
            api_key_file: self.api_key_file,
        }
    }
}

impl Default for OutsideSettings {
    fn default() -> Self {
        Self {
            openai: OutsideModelSettings::openai(),
            google: OutsideModelSettings::google(),
            anthropic: OutsideModelSettings::anthropic(),
        }
    }
}

impl Default for LlmSettings {
    fn default() -> Self {
        Self {
            provider: LlmProvider::None,
            url: "http://localhost:11434/v1".to_owned(),
            model: String::new(),
            api_key: None,
            api_key_file: None,
            timeout_ms: 60_000,
            total_timeout_ms: 120_000,
            first_token_timeout_ms: 60_000,
            idle_timeout_ms: 30_000,
            retries_max: 2,
            requests_max: 4,
            max_tokens: 2_048,
            answer_bytes_max: 1024 * 1024,
            tokens_per_day: Bound(None),
            outside: OutsideSettings::default(),
        }
    }
}

impl OutsideSettings {
    /// Each with the name a client uses.
    pub(super) fn named(&self) -> [(&'static str, &OutsideModelSettings); 3] {
        [("openai", &self.openai), ("google", &self.google), ("anthropic", &self.anthropic)]
    }
}

impl LlmSettings {
    /// Every reason why these settings cannot work, each naming its key; empty when they can.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.provider == LlmProvider::OpenAi {
            let (key, file) = (&self.api_key, &self.api_key_file);
            check_endpoint(&mut problems, "llm", &self.url, &self.model, key, file);
            if self.api_key.as_ref().is_some_and(|key| key.expose_secret().trim().is_empty()) {
                problems.push("llm.api_key is empty; leave it out".to_owned());
            }
        }
        for (name, outside) in self.outside.named() {
            let (url, model) = (&outside.url, &outside.model);
            let (key, file) = (&outside.api_key, &outside.api_key_file);
            let section = format!("llm.outside.{name}");
            check_endpoint(&mut problems, &section, url, model, key, file);
        }
        let shorter = [self.timeout_ms, self.first_token_timeout_ms, self.idle_timeout_ms];
        let longest = shorter.into_iter().max().unwrap_or(1);
        for (key, value, least) in [
            ("timeout_ms", self.timeout_ms, 1),
            ("first_token_timeout_ms", self.first_token_timeout_ms, 1),
            ("idle_timeout_ms", self.idle_timeout_ms, 1),
            ("total_timeout_ms", self.total_timeout_ms, longest),
        ] {
            check_range(&mut problems, key, value, least, TIMEOUT_LIMIT_MS);
        }
        check_range(&mut problems, "retries_max", self.retries_max, 0, RETRIES_LIMIT);
        check_range(&mut problems, "requests_max", self.requests_max, 1, REQUESTS_LIMIT);
        check_range(&mut problems, "max_tokens", self.max_tokens, 1, MAX_TOKENS_LIMIT);
        let (least, most) = (ANSWER_BYTES_LEAST, ANSWER_BYTES_LIMIT);
        check_range(&mut problems, "answer_bytes_max", self.answer_bytes_max, least, most);
        if let Bound(Some(tokens)) = self.tokens_per_day
            && !(1..=TOKENS_PER_DAY_LIMIT).contains(&tokens)
        {
            problems.push(format!(
                "llm.tokens_per_day is {tokens}; it must lie in 1..={TOKENS_PER_DAY_LIMIT}, or be \
                 \"unlimited\""
            ));
        }
        problems
    }
}

fn check_endpoint(
    problems: &mut Vec<String>,
    section: &str,
    url: &str,
    model: &str,
    api_key: &Option<SecretString>,
    api_key_file: &Option<PathBuf>,
) {
    let of_url = outbound::address_problem(url);
    problems.extend(of_url.map(|problem| format!("{section}.url {problem}")));
    if model.trim().is_empty() {
        problems.push(format!("{section}.model must name a model"));
    }
    if let Some(key) = api_key {
        if api_key_file.is_some() {
            problems
                .push(format!("{section}.api_key and {section}.api_key_file exclude each other"));
        }
        let key = key.expose_secret().trim();
        if !key.is_empty() && !outbound::is_key(key) {
            problems.push(format!("{section}.api_key holds characters that no header can hold"));
        }
    }
}

fn check_range<T: PartialOrd + std::fmt::Display>(
    problems: &mut Vec<String>,
    key: &str,
    value: T,
    least: T,
    most: T,
) {
    if value < least || value > most {
        problems.push(format!("llm.{key} is {value}, must be {least} to {most}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable() -> LlmSettings {
        let model = "some-model".to_owned();
        LlmSettings { provider: LlmProvider::OpenAi, model, ..LlmSettings::default() }
    }

    #[test]
    fn the_defaults_use_no_model_and_have_no_problems() {
        let settings = LlmSettings::default();
        assert_eq!(settings.provider, LlmProvider::None);
        assert_eq!(settings.problems(), Vec::<String>::new());
        assert_eq!(usable().problems(), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_listed_and_names_its_key() {
        let mut outside = OutsideSettings::default();
        outside.google.url = "ftp://example.com".to_owned();
        outside.anthropic.api_key = Some(SecretString::from("a\nb"));
        let settings = LlmSettings {
            provider: LlmProvider::OpenAi,
            url: "http://user@example.com".to_owned(),
            api_key: Some(SecretString::from(" ")),
            api_key_file: Some(PathBuf::from("k")),
            timeout_ms: 0,
            total_timeout_ms: 700_000,
            first_token_timeout_ms: 0,
            idle_timeout_ms: 0,
            retries_max: 11,
            requests_max: 0,
            max_tokens: 0,
            answer_bytes_max: 1,
            tokens_per_day: Bound(Some(0)),
            outside,
            ..LlmSettings::default()
        };
        let problems = settings.problems();
        for start in [
            "llm.url must not hold",
            "llm.model ",
            "llm.api_key and llm.api_key_file exclude",
            "llm.api_key is empty",
            "llm.timeout_ms ",
            "llm.total_timeout_ms ",
            "llm.first_token_timeout_ms ",
            "llm.idle_timeout_ms ",
            "llm.retries_max ",
            "llm.requests_max ",
            "llm.max_tokens ",
            "llm.answer_bytes_max ",
            "llm.tokens_per_day is 0; it must lie in 1..=1000000000000, or be \"unlimited\"",
            "llm.outside.google.url must be",
            "llm.outside.anthropic.api_key holds characters",
        ] {
            let found = problems.iter().filter(|problem| problem.starts_with(start)).count();
            assert_eq!(found, 1, "{start} is not once in {problems:#?}");
        }
        assert_eq!(problems.len(), 15, "{problems:#?}");
    }

    #[test]
    fn an_endpoint_that_nobody_asks_is_not_judged() {
        let settings = LlmSettings { url: "nowhere".to_owned(), ..LlmSettings::default() };
        assert_eq!(settings.problems(), Vec::<String>::new());
    }

    #[test]
    fn the_total_may_not_be_shorter_than_any_of_its_parts() {
        let settings = LlmSettings { idle_timeout_ms: 120_001, ..usable() };
        let problems = settings.problems();
        assert_eq!(problems, ["llm.total_timeout_ms is 120000, must be 120001 to 600000"]);
    }

    #[test]
    fn a_vendor_keeps_its_defaults_where_nothing_is_given() {
        let text = "[outside.anthropic]\nmodel = \"claude\"\n[outside.google]\nurl = \"http://g\"";
        let settings: LlmSettings = toml::from_str(text).expect("parses");
        let OutsideSettings { openai, google, anthropic } = settings.outside;
        assert_eq!(
            (anthropic.url.as_str(), anthropic.model.as_str()),
            ("https://api.anthropic.com/v1", "claude")
        );
        assert_eq!((google.url.as_str(), google.model.as_str()), ("http://g", "gemini-2.5-flash"));
        assert_eq!(openai.url, "https://api.openai.com/v1");
    }

    #[test]
    fn keys_are_read_but_never_printed() {
        let text = "api_key = \"sesame\"\n[outside.openai]\napi_key = \"sesame\"";
        let settings: LlmSettings = toml::from_str(text).expect("parses");
        assert!(settings.api_key.is_some() && settings.outside.openai.api_key.is_some());
        let text = format!("{settings:?} {:?}", settings.problems());
        assert!(!text.contains("sesame"), "{text}");
    }

    #[test]
    fn unknown_keys_are_refused() {
        for text in ["modle = \"x\"", "[outside.openai]\nmodle = \"x\"", "[outside.modle]"] {
            let error = toml::from_str::<LlmSettings>(text).unwrap_err();
            assert!(error.to_string().contains("modle"), "{error}");
        }
    }
}
