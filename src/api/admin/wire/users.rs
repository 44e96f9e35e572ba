//! Users, jobs and signing keys.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::users::User;
use crate::service::admin::{DeadLetter, JobsView, SigningKeyView};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api::admin) struct NewUser {
    pub(in crate::api::admin) dialect: Option<String>,
    pub(in crate::api::admin) username: String,
    #[serde(deserialize_with = "crate::types::secret::required")]
    pub(in crate::api::admin) password: SecretString,
    pub(in crate::api::admin) email: Option<String>,
    pub(in crate::api::admin) name: Option<String>,
    pub(in crate::api::admin) tenant: Option<Uuid>,
    #[serde(default)]
    pub(in crate::api::admin) is_admin: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api::admin) struct PasswordChange {
    #[serde(deserialize_with = "crate::types::secret::required")]
    pub(in crate::api::admin) password: SecretString,
}

#[derive(Serialize)]
pub(in crate::api::admin) struct UserBody {
    id: Uuid,
    dialect: &'static str,
    username: String,
    email: Option<String>,
    name: Option<String>,
    tenant: Option<Uuid>,
    is_admin: bool,
    created_at: String,
    last_login_at: Option<String>,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            dialect: user.dialect.as_str(),
            username: user.username.clone(),
            email: user.email.clone(),
            name: user.name.clone(),
            tenant: user.tenant.map(|tenant| tenant.0),
            is_admin: user.is_admin,
            created_at: user.created_at.to_string(),
            last_login_at: user.last_login_at.map(|at| at.to_string()),
        }
    }
}

#[derive(Serialize)]
pub(in crate::api::admin) struct JobsBody {
    waiting: usize,
    running: usize,
    dead: usize,
    /// Jobs that were given up, the oldest first.
    dead_letters: Vec<DeadLetterBody>,
}

#[derive(Serialize)]
struct DeadLetterBody {
    job: u64,
    kind: String,
    attempts: u32,
    enqueued_at: String,
    last_error: Option<String>,
}

impl From<&JobsView> for JobsBody {
    fn from(jobs: &JobsView) -> Self {
        Self {
            waiting: jobs.waiting,
            running: jobs.running,
            dead: jobs.dead,
            dead_letters: jobs.dead_letters.iter().map(DeadLetterBody::from).collect(),
        }
    }
}

impl From<&DeadLetter> for DeadLetterBody {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            job: letter.job.0,
            kind: letter.kind.clone(),
            attempts: letter.attempts,
            enqueued_at: letter.enqueued_at.to_string(),
            last_error: letter.last_error.clone(),
        }
    }
}

/// What became of a dead letter.
#[derive(Serialize)]
pub(in crate::api::admin) struct JobBody {
    pub(in crate::api::admin) job: u64,
    /// `waiting` or `discarded`.
    pub(in crate::api::admin) state: &'static str,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(in crate::api::admin) struct KeyRotation {
    /// Tokens that former keys signed end at once.
    #[serde(default)]
    pub(in crate::api::admin) end_former: bool,
}

/// How many encrypted secrets there were.
#[derive(Serialize)]
pub(in crate::api::admin) struct ForgottenBody {
    pub(in crate::api::admin) forgotten: usize,
}

#[derive(Serialize)]
pub(in crate::api::admin) struct SigningKeyBody {
    id: String,
    created_at: String,
    /// `null` for the one that signs.
    retired_at: Option<String>,
}

impl From<&SigningKeyView> for SigningKeyBody {
    fn from(key: &SigningKeyView) -> Self {
        Self {
            id: key.id.clone(),
            created_at: key.created_at.to_string(),
            retired_at: key.retired_at.map(|at| at.to_string()),
        }
    }
}
