//! What a tenant is used for and which version of an API it is served by default. Few dialects
//! show either; every tenant has both.

use std::fmt;

/// What a tenant is used for. It decides on nothing but what a dialect makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EnvironmentKind {
    /// For trying things out.
    Development,
    #[default]
    Production,
}

impl EnvironmentKind {
    pub const ALL: [Self; 2] = [Self::Development, Self::Production];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }

    /// The inverse of [`EnvironmentKind::as_str`].
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for EnvironmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A published version of a dated API, by its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ApiVersion {
    #[default]
    V2025,
    V2026,
}

impl ApiVersion {
    pub const ALL: [Self; 2] = [Self::V2025, Self::V2026];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025 => "2025-01-01",
            Self::V2026 => "2026-01-01",
        }
    }

    /// The inverse of [`ApiVersion::as_str`].
    #[must_use]
    pub fn find(date: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == date)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is said of a tenant besides its name and its plan. By default: production, and the first
/// version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Environment {
    pub kind: EnvironmentKind,
    /// For requests that ask for no version.
    pub api_version: ApiVersion,
}

impl Environment {
    /// From what is stored; what this build does not know counts as the default.
    pub(super) fn stored(kind: &str, api_version: &str) -> Self {
        Self {
            kind: EnvironmentKind::find(kind).unwrap_or_default(),
            api_version: ApiVersion::find(api_version).unwrap_or_default(),
        }
    }
}
