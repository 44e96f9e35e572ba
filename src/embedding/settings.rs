//! The `[embedding]` section of the configuration. Owns defaults, ranges and the check of their
//! relations; reads no file and no environment.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use crate::outbound;

/// Texts per request that any setting may ask for; the limit of the OpenAI API.
const BATCH_LIMIT: usize = 2_048;
/// Far above any published model.
const DIMENSIONS_LIMIT: usize = 16_384;
const REQUESTS_LIMIT: usize = 64;
const RETRIES_LIMIT: u32 = 10;
const TIMEOUT_LIMIT_MS: u64 = 600_000;

/// Where vectors come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingProvider {
    /// The model inside the binary: 256 dimensions, no network, microseconds.
    #[default]
    Static,
    /// An OpenAI-compatible endpoint, see [`HttpEmbedderSettings`].
    Http,
}

/// How texts become vectors.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// Changing it makes stored vectors unusable until `hebbd reembed` has run.
    pub provider: EmbeddingProvider,
    /// Used only when `provider` is `http`.
    pub http: HttpEmbedderSettings,
}

/// How to reach an OpenAI-compatible embeddings endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpEmbedderSettings {
    /// A base such as `http://localhost:11434/v1`, to which `/embeddings` is appended, or the full
    /// address ending in `/embeddings`.
    pub url: String,
    /// The model to ask for. Together with `dimensions` it is the identity of the vectors: the
    /// same model behind another address counts as the same embedder.
    pub model: String,
    /// Sent as a bearer token; `None` sends none. Give it through the environment, not in a file
    /// that is committed. Excludes `api_key_file`.
    #[serde(deserialize_with = "crate::types::secret::optional")]
    pub api_key: Option<SecretString>,
    /// A file whose trimmed content is the key. Read once, at start.
    pub api_key_file: Option<PathBuf>,
    /// What the model answers, 1 to 16,384. An answer of another size is refused.
    pub dimensions: usize,
    /// Send `dimensions` with each request, for models that can shorten their vectors. Off by
    /// default because many servers refuse the field.
    pub send_dimensions: bool,
    /// Texts per request, 1 to 2,048.
    pub batch_max: usize,
    /// Requests in flight at once, over all callers, 1 to 64.
    pub requests_max: usize,
    /// For one request, from connecting to the last byte, 1 to 600,000.
    pub timeout_ms: u64,
    /// For all requests and pauses of one call; at least `timeout_ms`, up to 600,000.
    pub total_timeout_ms: u64,
    /// Repetitions of a request that met 429, 5xx, a timeout or no connection, 0 to 10.
    pub retries_max: u32,
}

impl Default for HttpEmbedderSettings {
    fn default() -> Self {
        Self {
            url: "http://localhost:11434/v1".to_owned(),
            model: String::new(),
            api_key: None,
            api_key_file: None,
            dimensions: 0,
            send_dimensions: false,
            batch_max: 64,
            requests_max: 4,
            timeout_ms: 10_000,
            total_timeout_ms: 30_000,
            retries_max: 3,
        }
    }
}

impl EmbeddingSettings {
    /// Every reason why these settings cannot work, each naming its key; empty when they can.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        match self.provider {
            EmbeddingProvider::Static => Vec::new(),
            EmbeddingProvider::Http => self.http.problems(),
        }
    }
}

impl HttpEmbedderSettings {
    /// As [`EmbeddingSettings::problems`], for this part.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let of_url = outbound::address_problem(&self.url);
        problems.extend(of_url.map(|problem| format!("embedding.http.url {problem}")));
        if self.model.trim().is_empty() {
            problems.push("embedding.http.model must name a model".to_owned());
        }
        if self.api_key.is_some() && self.api_key_file.is_some() {
            problems.push(
                "embedding.http.api_key and embedding.http.api_key_file exclude each other"
                    .to_owned(),
            );
        }
        check_range(&mut problems, "dimensions", self.dimensions, 1, DIMENSIONS_LIMIT);
        check_range(&mut problems, "batch_max", self.batch_max, 1, BATCH_LIMIT);
        check_range(&mut problems, "requests_max", self.requests_max, 1, REQUESTS_LIMIT);
        check_range(&mut problems, "timeout_ms", self.timeout_ms, 1, TIMEOUT_LIMIT_MS);
        check_range(
            &mut problems,
            "total_timeout_ms",
            self.total_timeout_ms,
            self.timeout_ms,
            TIMEOUT_LIMIT_MS,
        );
        check_range(&mut problems, "retries_max", self.retries_max, 0, RETRIES_LIMIT);
        problems
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
        problems.push(format!("embedding.http.{key} is {value}, must be {least} to {most}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable() -> HttpEmbedderSettings {
        HttpEmbedderSettings {
            model: "some-model".to_owned(),
            dimensions: 384,
            ..HttpEmbedderSettings::default()
        }
    }

    #[test]
    fn the_defaults_use_the_static_model_and_have_no_problems() {
        let settings = EmbeddingSettings::default();
        assert_eq!(settings.provider, EmbeddingProvider::Static);
        assert_eq!(settings.problems(), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_listed_and_names_its_key() {
        assert_eq!(usable().problems(), Vec::<String>::new());
        let settings = EmbeddingSettings {
            provider: EmbeddingProvider::Http,
            http: HttpEmbedderSettings {
                url: "ftp://example.com".to_owned(),
                api_key: Some(SecretString::from("k")),
                api_key_file: Some(PathBuf::from("k")),
                batch_max: 0,
                requests_max: 65,
                timeout_ms: 0,
                total_timeout_ms: 700_000,
                retries_max: 11,
                ..HttpEmbedderSettings::default()
            },
        };
        let problems = settings.problems().join("\n");
        for key in [
            "url",
            "model",
            "api_key_file",
            "dimensions",
            "batch_max",
            "requests_max",
            "http.timeout_ms",
            "total_timeout_ms",
            "retries_max",
        ] {
            assert!(problems.contains(key), "{key} is not in\n{problems}");
        }
    }

    #[test]
    fn the_total_may_not_be_shorter_than_one_request() {
        let settings =
            HttpEmbedderSettings { timeout_ms: 5_000, total_timeout_ms: 4_999, ..usable() };
        assert_eq!(
            settings.problems(),
            ["embedding.http.total_timeout_ms is 4999, must be 5000 to 600000"]
        );
    }

    #[test]
    fn a_key_is_read_but_never_printed() {
        let settings: EmbeddingSettings =
            toml::from_str("provider = \"http\"\n[http]\napi_key = \"sesame\"").expect("parses");
        assert!(settings.http.api_key.is_some());
        assert!(!format!("{settings:?}").contains("sesame"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = toml::from_str::<EmbeddingSettings>("[http]\nmodle = \"x\"").unwrap_err();
        assert!(error.to_string().contains("modle"), "{error}");
    }
}
