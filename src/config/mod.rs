//! The configuration of a server: one value that holds every module's own settings. This module
//! only aggregates, loads, validates and shows; what a setting means and which range it has is
//! the business of the module that owns it. Only `app` and `cli` import it.
//!
//! Loading is a function of its [`Sources`]: the environment and the disk come in as arguments,
//! so nothing here reads the process. Invariant: a [`Config`] that [`load`] returned has passed
//! every check, and a load that fails lists every problem at once.

mod flags;
mod keys;
mod layers;
mod problems;
mod shown;
mod validate;

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::actors::settings::{
    ConsolidationSettings, DeliverySettings, DocumentSettings, JobSettings, RegistrySettings,
    ShardsFile,
};
use crate::api::{
    AdminSettings, MagnetecoSettings, MetacognaSettings, MetorialSettings, ServerSettings,
    TexSettings,
};
use crate::control::plans::Plans;
use crate::embedding::EmbeddingSettings;
use crate::extraction::ExtractionSettings;
use crate::index::IndexSettings;
use crate::llm::LlmSettings;
use crate::observability::logging::LogSettings;

pub use flags::ConfigFlags;
pub use problems::{ConfigProblem, ConfigProblems};

/// Everything an operator can set. Read at start; what a running server takes over later is said
/// by [`ChangedSetting::is_reloadable`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where everything durable lives. Created when absent. Relative to the working directory.
    pub data_dir: PathBuf,
    /// The listener and its limits.
    pub server: ServerSettings,
    /// Who may administer it, and where.
    pub admin: AdminSettings,
    /// The Tex dialect.
    pub tex: TexSettings,
    /// The Magneteco dialect.
    pub magneteco: MagnetecoSettings,
    /// The MetaCogna dialect.
    pub metacogna: MetacognaSettings,
    /// The Metorial dialect.
    pub metorial: MetorialSettings,
    /// How texts become vectors.
    pub embedding: EmbeddingSettings,
    /// Which language models there are, and how they are asked.
    pub llm: LlmSettings,
    /// How the text of files is read.
    pub extraction: ExtractionSettings,
    /// Vector indexes of all shards; the shard file may give a shard its own values.
    pub index: IndexSettings,
    /// How tenants are opened, closed and restarted.
    pub actors: RegistrySettings,
    /// When consolidation runs by itself.
    pub consolidation: ConsolidationSettings,
    /// How jobs are run in the background.
    pub jobs: JobSettings,
    /// How documents are cut into chunks.
    pub documents: DocumentSettings,
    /// How notices are sent to webhooks.
    pub outbound_webhooks: DeliverySettings,
    /// The shard file, which is a file of its own.
    pub shards: ShardsFile,
    /// Named allowances of tenants.
    pub plans: Plans,
    /// What is logged, and how.
    pub log: LogSettings,
    /// The program that is started to read files; `None` for this one. For tests, which are
    /// programs of their own.
    #[serde(skip)]
    pub extraction_program: Option<PathBuf>,
    /// Every value in force with its origin, secrets replaced; filled by [`load`].
    #[serde(skip)]
    shown: shown::Shown,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            server: ServerSettings::default(),
            admin: AdminSettings::default(),
            tex: TexSettings::default(),
            magneteco: MagnetecoSettings::default(),
            metacogna: MetacognaSettings::default(),
            metorial: MetorialSettings::default(),
            embedding: EmbeddingSettings::default(),
            llm: LlmSettings::default(),
            extraction: ExtractionSettings::default(),
            index: IndexSettings::default(),
            actors: RegistrySettings::default(),
            consolidation: ConsolidationSettings::default(),
            jobs: JobSettings::default(),
            documents: DocumentSettings::default(),
            outbound_webhooks: DeliverySettings::default(),
            shards: ShardsFile::default(),
            plans: Plans::default(),
            log: LogSettings::default(),
            extraction_program: None,
            shown: shown::Shown::default(),
        }
    }
}

impl Config {
    /// Every setting in force as TOML, each with where it came from. Secrets are replaced by
    /// `[redacted]`. Empty for a value that [`load`] did not make.
    #[must_use]
    pub fn redacted(&self) -> String {
        self.shown.to_string()
    }

    /// The same as JSON: `{"key": {"value": ..., "origin": ...}}`.
    #[must_use]
    pub fn redacted_json(&self) -> serde_json::Value {
        self.shown.to_json()
    }
}

/// A setting that differs from the one in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedSetting {
    /// Dotted.
    pub key: String,
    /// As TOML, with its origin; `None` where it has gone. Secrets are replaced.
    pub now: Option<String>,
    /// Whether a running server can take it over.
    pub is_reloadable: bool,
}

impl Config {
    /// What differs from `other`, by key.
    #[must_use]
    pub fn changes_from(&self, other: &Self) -> Vec<ChangedSetting> {
        self.shown.changes_from(&other.shown)
    }
}

/// Reads a whole file as text, e.g. `std::fs::read_to_string`.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Where settings come from, weakest first: the built-in defaults, the two files, the
/// environment, the flags. Has no `Debug`, because an environment holds secrets.
pub struct Sources<'a> {
    pub flags: ConfigFlags,
    /// All variables of the process; those that do not begin with `HEBBD_` are ignored, except
    /// the keys of hosted models under the names that their vendors gave them.
    pub environment: Vec<(String, String)>,
    pub read_file: ReadFile<'a>,
}

/// Loads, merges and validates.
///
/// # Errors
/// Every problem of every source: unknown keys, values of the wrong type or out of range,
/// limits that contradict each other, files that cannot be read.
pub fn load(sources: Sources<'_>) -> Result<Config, ConfigProblems> {
    let mut problems = ConfigProblems::default();
    let entries = layers::collect(sources, &mut problems);
    let entries = keys::keep_valid(entries, &mut problems);
    let merged = layers::merge(&entries);
    let config = match merged.deserialize::<Config>() {
        Ok(config) => config,
        Err(error) => {
            problems.add_merged(&error);
            return Err(problems.by_origin());
        }
    };
    validate::check(&config, &entries, &mut problems);
    if problems.is_empty() {
        Ok(Config { shown: shown::Shown::of(&entries), ..config })
    } else {
        Err(problems.by_origin())
    }
}

#[cfg(test)]
mod tests;
