//! What the directory cannot do. Every message is fit for the operator who asked.

use thiserror::Error;

use super::passwords::PasswordError;
use super::signing::SigningError;
use super::vault::VaultError;
use crate::storage::{CodecError, StorageError};
use crate::types::{ErrorKind, KeyId, OrganizationId, ProjectId, ShardNo, TenantId, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ControlError {
    #[error("no organization {0}")]
    UnknownOrganization(OrganizationId),
    #[error("no project {0}")]
    UnknownProject(ProjectId),
    #[error("no tenant {0}")]
    UnknownTenant(TenantId),
    #[error("no key {0}")]
    UnknownKey(KeyId),
    #[error("no user {0}")]
    UnknownUser(UserId),
    #[error("project {0} holds tenants; delete them first")]
    ProjectNotEmpty(ProjectId),
    #[error("project {0} is where tenants go that name none; it cannot be deleted")]
    DefaultProject(ProjectId),
    /// Of what: `user name`, `e-mail address`.
    #[error("a user has this {0} already")]
    NameTaken(&'static str),
    #[error("a tenant has this handle already")]
    HandleTaken,
    #[error("this document id belongs to somebody else")]
    DocumentIdTaken,
    #[error("this server takes no more organizations")]
    NoMoreTenants,
    #[error("no plan named `{name}`; known plans: {known}")]
    UnknownPlan { name: String, known: String },
    #[error("plan `{name}` is used by {tenants} tenants and cannot go; give them another first")]
    PlanInUse { name: String, tenants: usize },
    /// `field` is the name of what was given, `problem` a sentence about it.
    #[error("{field} {problem}")]
    Invalid { field: &'static str, problem: String },
    #[error("{owner} has {limit} keys already; revoke one first")]
    TooManyKeys { owner: String, limit: usize },
    #[error("there are {limit} {things} already; delete one first")]
    TooMany { things: &'static str, limit: usize },
    #[error("the user was deleted or given another password meanwhile")]
    NoLongerVerified,
    #[error("tenant {tenant} is on shard {shard} already")]
    AlreadyThere { tenant: TenantId, shard: ShardNo },
    #[error("key {0} was revoked or has expired; create another")]
    KeyHasEnded(KeyId),
    #[error("invalid API key")]
    InvalidKey,
    #[error("the API key has been revoked")]
    RevokedKey,
    #[error("the API key has expired")]
    ExpiredKey,
    #[error("the operating system has no randomness to give")]
    Randomness,
    #[error("this directory was opened without a key file, so it keeps no encrypted secrets")]
    NoKeyFile,
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ControlError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownOrganization(_)
            | Self::UnknownProject(_)
            | Self::UnknownTenant(_)
            | Self::UnknownKey(_)
            | Self::UnknownUser(_) => ErrorKind::NotFound,
            Self::UnknownPlan { .. } | Self::Invalid { .. } => ErrorKind::InvalidInput,
            Self::NameTaken(_)
            | Self::HandleTaken
            | Self::TooMany { .. }
            | Self::ProjectNotEmpty(_)
            | Self::DefaultProject(_)
            | Self::PlanInUse { .. }
            | Self::TooManyKeys { .. }
            | Self::AlreadyThere { .. }
            | Self::KeyHasEnded(_) => ErrorKind::Conflict,
            Self::NoMoreTenants | Self::DocumentIdTaken => ErrorKind::Forbidden,
            Self::NoLongerVerified | Self::InvalidKey | Self::RevokedKey | Self::ExpiredKey => {
                ErrorKind::Unauthenticated
            }
            Self::Randomness => ErrorKind::Internal,
            Self::NoKeyFile => ErrorKind::Unavailable,
            Self::Vault(error) => error.kind(),
            Self::Signing(error) => error.kind(),
            Self::Password(error) => error.kind(),
            Self::Storage(error) => error.kind(),
        }
    }
}

impl From<CodecError> for ControlError {
    fn from(error: CodecError) -> Self {
        Self::Storage(error.into())
    }
}
