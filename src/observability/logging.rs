//! Log output: lines for people on a terminal, JSON for machines, always on standard error.
//! Invariant: standard output carries only what a command prints as its result.

use std::io::IsTerminal;
use std::sync::OnceLock;

use serde::Deserialize;
use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`, `off`), or levels per module as
    /// `info,hebbd::actors=debug`.
    pub filter: String,
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Auto }
    }
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `Human` when standard error is a terminal, `Json` otherwise.
    #[default]
    Auto,
    /// One line of text, with colours on a terminal.
    Human,
    /// One JSON object per line.
    Json,
}

impl LogSettings {
    /// What cannot be used, each sentence beginning with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        match self.parse_filter() {
            Ok(_) => Vec::new(),
            Err(reason) => vec![format!(
                "filter is {:?}, which is not a log filter ({reason}); use a level such as \
                 `info`, or levels per module such as `info,hebbd::actors=debug`",
                self.filter
            )],
        }
    }

    fn parse_filter(&self) -> Result<EnvFilter, String> {
        if self.filter.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        // A lone misspelt level would be read as the name of a module and log nothing.
        let is_level = |text: &str| text.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
        let lone_word = |part: &&str| !part.contains(['=', ':', '[']) && !is_level(part.trim());
        if let Some(word) = self.filter.split(',').find(lone_word) {
            return Err(format!("`{}` is not a level", word.trim()));
        }
        EnvFilter::try_new(&self.filter).map_err(|error| error.to_string())
    }
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    #[error("the log filter cannot be used: {0}")]
    Filter(String),
    #[error("another log subscriber is already installed in this process")]
    AlreadyInstalled,
}

/// Puts another filter in force; says whether that worked.
type SetFilter = Box<dyn Fn(EnvFilter) -> bool + Send + Sync>;

/// `None` inside once someone else was first.
static INSTALLED: OnceLock<Option<SetFilter>> = OnceLock::new();

/// Starts logging for the whole process. A second call changes nothing and succeeds, so every
/// test may call it.
///
/// # Errors
/// For a filter that does not parse, and when someone else installed a subscriber first.
pub fn init(settings: &LogSettings) -> Result<(), LogError> {
    let filter = settings.parse_filter().map_err(LogError::Filter)?;
    match INSTALLED.get_or_init(|| install(settings.format, filter)) {
        Some(_) => Ok(()),
        None => Err(LogError::AlreadyInstalled),
    }
}

/// Changes what is logged from here on. Does nothing in a process that has not started logging.
///
/// # Errors
/// For a filter that does not parse.
pub fn set_filter(settings: &LogSettings) -> Result<(), LogError> {
    let filter = settings.parse_filter().map_err(LogError::Filter)?;
    if let Some(Some(set)) = INSTALLED.get()
        && !set(filter)
    {
        return Err(LogError::AlreadyInstalled);
    }
    Ok(())
}

fn install(format: LogFormat, filter: EnvFilter) -> Option<SetFilter> {
    let is_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if is_json(format, is_terminal) {
        let builder = builder.json().flatten_event(true).with_current_span(true);
        let builder = builder.with_span_list(false).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.try_init().ok()?;
        return Some(Box::new(move |filter| handle.reload(filter).is_ok()));
    }
    let builder = builder.with_ansi(is_terminal).with_filter_reloading();
    let handle = builder.reload_handle();
    builder.try_init().ok()?;
    Some(Box::new(move |filter| handle.reload(filter).is_ok()))
}

fn is_json(format: LogFormat, is_terminal: bool) -> bool {
    match format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_text_and_a_pipe_gets_json_unless_told_otherwise() {
        assert!(!is_json(LogFormat::Auto, true));
        assert!(is_json(LogFormat::Auto, false));
        assert!(!is_json(LogFormat::Human, false));
        assert!(is_json(LogFormat::Json, true));
    }

    #[test]
    fn filters_that_would_log_nothing_by_mistake_are_problems() {
        let problems = |filter: &str| {
            LogSettings { filter: filter.to_owned(), ..LogSettings::default() }.problems()
        };
        for good in ["info", "off", "WARN", "info,hebbd=debug", "hebbd::actors=trace"] {
            assert_eq!(problems(good), Vec::<String>::new(), "{good}");
        }
        for bad in ["", "  ", "inof", "info,verbose", "hebbd=loud"] {
            let found = problems(bad);
            assert_eq!(found.len(), 1, "{bad}");
            assert!(found[0].starts_with("filter is "), "{found:?}");
        }
    }

    #[test]
    fn a_second_start_is_harmless() {
        assert!(init(&LogSettings::default()).is_ok());
        assert!(init(&LogSettings::default()).is_ok());
    }
}
