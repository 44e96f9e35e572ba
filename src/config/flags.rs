//! Command-line flags that set configuration: the strongest source. Any key can be given with
//! `--set`; the few that everybody uses have a flag of their own.

use std::path::PathBuf;

/// Shared by every command that needs the configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigFlags {
    /// Configuration file (TOML) [default: hebbd.toml in the data directory, if it exists]
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub config: Option<PathBuf>,
    /// Shard file (TOML) [default: shards.toml in the data directory, if it exists]
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub shards: Option<PathBuf>,
    /// Directory for everything durable [default: data]
    #[arg(long, value_name = "DIR", help_heading = "Configuration")]
    pub data_dir: Option<PathBuf>,
    /// Address and port to listen on; port 0 picks a free one [default: 127.0.0.1:8787]
    #[arg(long, value_name = "ADDRESS", help_heading = "Configuration")]
    pub listen: Option<String>,
    /// What to log, e.g. `info` or `info,hebbd=debug`
    #[arg(long, value_name = "FILTER", help_heading = "Configuration")]
    pub log: Option<String>,
    /// Any setting, e.g. `--set server.workers=4`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Configuration")]
    pub set: Vec<String>,
}

/// One setting given by a flag.
pub(super) struct FlagSetting {
    /// As the operator typed it, for messages: `--listen`.
    pub(super) flag: String,
    /// Dotted.
    pub(super) key: String,
    pub(super) value: String,
}

impl ConfigFlags {
    /// The settings in order of strength, and every `--set` that has no `=`.
    pub(super) fn settings(&self) -> (Vec<FlagSetting>, Vec<String>) {
        let mut settings = Vec::new();
        let mut malformed = Vec::new();
        for text in &self.set {
            match text.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => settings.push(FlagSetting {
                    flag: "--set".to_owned(),
                    key: key.trim().to_owned(),
                    value: value.to_owned(),
                }),
                _ => malformed.push(text.clone()),
            }
        }
        let data_dir = self.data_dir.as_ref().map(|path| path.display().to_string());
        for (flag, key, value) in [
            ("--data-dir", "data_dir", data_dir),
            ("--listen", "server.listen", self.listen.clone()),
            ("--log", "log.filter", self.log.clone()),
        ] {
            settings.extend(value.map(|value| FlagSetting {
                flag: flag.to_owned(),
                key: key.to_owned(),
                value,
            }));
        }
        (settings, malformed)
    }
}
