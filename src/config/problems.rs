//! Everything wrong with a configuration, as one readable list. Never holds a secret's value.

use std::fmt;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    File(String),
    /// The variable's name.
    Environment(String),
    /// The flag as typed.
    Flag(String),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// A file's path, `environment NAME`, `flag --name` or `default`.
    pub origin: String,
    /// Dotted, e.g. `server.workers`; empty when it concerns a whole file.
    pub key: String,
    /// What is wrong, what is allowed, how to fix it.
    pub message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.rsplit_once('.'), self.key.as_str()) {
            (_, "") => write!(f, "{}: {}", self.origin, self.message),
            (Some((section, key)), _) => {
                write!(f, "{}, [{section}] {key}: {}", self.origin, self.message)
            }
            (None, key) => write!(f, "{}, {key}: {}", self.origin, self.message),
        }
    }
}

/// All findings of one load, grouped by where the values came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigProblems(Vec<ConfigProblem>);

impl ConfigProblems {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &ConfigProblem> {
        self.0.iter()
    }

    pub(super) fn add(&mut self, origin: &Origin, key: &str, message: impl Into<String>) {
        let problem = ConfigProblem {
            origin: origin.to_string(),
            key: key.to_owned(),
            message: message.into(),
        };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Findings about one file stand together, in order of discovery.
    pub(super) fn by_origin(mut self) -> Self {
        self.0.sort_by(|one, other| one.origin.cmp(&other.origin));
        self
    }

    /// What only the whole shows, e.g. a missing key. Every single value was accepted before.
    pub(super) fn add_merged(&mut self, error: &figment::Error) {
        for error in error.clone() {
            let key = error.path.join(".");
            self.add(&Origin::Default, &key, format!("{}", error.kind));
        }
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [_] => writeln!(f, "the configuration has one problem:")?,
            all => writeln!(f, "the configuration has {} problems:", all.len())?,
        }
        for problem in &self.0 {
            writeln!(f, "  - {problem}")?;
        }
        f.write_str("Nothing was started. `hebbd config check` shows this list again.")
    }
}

impl std::error::Error for ConfigProblems {}
