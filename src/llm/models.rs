//! The models a server has: its own, and the hosted ones it holds a key for. Built once at start;
//! decides nothing about who may ask which.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::llm::budget::Budget;
use crate::llm::openai::{Endpoint, OpenAiModel};
use crate::llm::{LanguageModel, LlmProvider, LlmSettings, LlmSetupError};
use crate::outbound;
use crate::types::Clock;

/// See the module. Cheap to clone.
#[derive(Clone, Default)]
pub struct LanguageModels {
    own: Option<Arc<dyn LanguageModel>>,
    outside: BTreeMap<String, Arc<dyn LanguageModel>>,
}

impl LanguageModels {
    /// No model at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Builds every model the settings give a way to, reading the key files; sends nothing. They
    /// share one budget, whose days begin by `clock`.
    ///
    /// # Errors
    /// [`LlmSetupError::InvalidSettings`] naming every problem, [`LlmSetupError::ApiKeyFile`] when
    /// a key file cannot be read.
    pub fn from_settings(
        settings: &LlmSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LlmSetupError> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(LlmSetupError::InvalidSettings { problems });
        }
        let budget = Arc::new(Budget::new(settings.tokens_per_day.0, clock));
        let build = |endpoint| -> Result<Arc<dyn LanguageModel>, LlmSetupError> {
            Ok(Arc::new(OpenAiModel::new(endpoint, settings, &budget)?))
        };
        let mut models = Self::none();
        if settings.provider == LlmProvider::OpenAi {
            models.own = Some(build(Endpoint {
                name: "own",
                section: "llm".to_owned(),
                url: &settings.url,
                model: &settings.model,
                api_key: key_of(&settings.api_key, &settings.api_key_file)?,
            })?);
        }
        for (name, outside) in settings.outside.named() {
            let api_key = key_of(&outside.api_key, &outside.api_key_file)?;
            if api_key.is_some() {
                let section = format!("llm.outside.{name}");
                let (url, model) = (&outside.url, &outside.model);
                let model = build(Endpoint { name, section, url, model, api_key })?;
                models = models.with_outside(name, model);
            }
        }
        Ok(models)
    }

    /// The same with another model of its own.
    #[must_use]
    pub fn with_own(mut self, model: Arc<dyn LanguageModel>) -> Self {
        self.own = Some(model);
        self
    }

    /// The same with a hosted model under that name.
    #[must_use]
    pub fn with_outside(mut self, name: &str, model: Arc<dyn LanguageModel>) -> Self {
        self.outside.insert(name.to_owned(), model);
        self
    }

    /// The server's own model; `None` when `llm.provider` is `none`.
    #[must_use]
    pub fn own(&self) -> Option<&Arc<dyn LanguageModel>> {
        self.own.as_ref()
    }

    /// The hosted model `openai`, `google` or `anthropic`; `None` without a key, and for any other
    /// name.
    #[must_use]
    pub fn outside(&self, name: &str) -> Option<&Arc<dyn LanguageModel>> {
        self.outside.get(name)
    }
}

fn key_of(
    api_key: &Option<SecretString>,
    api_key_file: &Option<std::path::PathBuf>,
) -> Result<Option<SecretString>, LlmSetupError> {
    let Some(path) = api_key_file else {
        let key = api_key.as_ref().map(|key| key.expose_secret().trim());
        return Ok(key.filter(|key| !key.is_empty()).map(SecretString::from));
    };
    let failed = |reason: String| LlmSetupError::ApiKeyFile { path: path.clone(), reason };
    let key = outbound::read_key(path).map_err(failed)?;
    if !outbound::is_key(key.expose_secret()) {
        return Err(failed("it holds characters that no header can hold".to_owned()));
    }
    Ok(Some(key))
}
