//! What operators get in with: the token of the admin API, and the first admin of the dialect whose
//! users log in. Both come from the configuration, and are made once where it leaves that to the server.

use std::io::ErrorKind;

use anyhow::{Context, bail, ensure};
use secrecy::{ExposeSecret, SecretString};

use crate::api::ADMIN_TOKEN_CHARS_MIN;
use crate::config::Config;
use crate::control::keys;
use crate::service::PeopleService;
use crate::service::people::{NewPerson, PASSWORD_CHARS_MIN};
use crate::storage::private_file;
use crate::types::Deadline;

/// Where the admin token is kept when the configuration names none.
const ADMIN_TOKEN_FILE: &str = "admin-token";

/// The configured token, or the one that was made for this data directory, which is made now if
/// there is none.
pub(super) fn admin_token(config: &Config) -> anyhow::Result<SecretString> {
    if let Some(token) = &config.admin.token {
        return Ok(SecretString::from(token.expose_secret().trim()));
    }
    let configured = config.admin.token_file.as_deref();
    let own = config.data_dir.join(ADMIN_TOKEN_FILE);
    let path = configured.unwrap_or(&own);
    let token = match std::fs::read_to_string(path) {
        Ok(text) => SecretString::from(text.trim()),
        Err(error) if configured.is_none() && error.kind() == ErrorKind::NotFound => {
            let token = keys::draw_admin_token()?;
            let line = format!("{}\n", token.expose_secret());
            private_file::write(path, line.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
            token
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot read the admin token from {}", path.display()));
        }
    };
    ensure!(
        token.expose_secret().len() >= ADMIN_TOKEN_CHARS_MIN,
        "the admin token in {} has fewer than {ADMIN_TOKEN_CHARS_MIN} characters; put a longer one \
         there, for instance from `openssl rand -hex 32`",
        path.display()
    );
    Ok(token)
}

/// Makes the admin that the configuration names, unless there is one already.
pub(super) async fn first_admin(config: &Config, people: &PeopleService) -> anyhow::Result<()> {
    let settings = &config.metacogna;
    let Some(username) = &settings.admin_username else { return Ok(()) };
    if people.has_admin() {
        return Ok(());
    }
    let password = match (&settings.admin_password, &settings.admin_password_file) {
        (Some(password), _) => password.clone(),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).with_context(|| {
                format!("cannot read metacogna.admin_password_file {}", path.display())
            })?;
            SecretString::from(text.trim())
        }
        (None, None) => bail!("metacogna.admin_username has no password"),
    };
    ensure!(
        password.expose_secret().chars().count() >= PASSWORD_CHARS_MIN,
        "the password of metacogna.admin_username has fewer than {PASSWORD_CHARS_MIN} characters"
    );
    if people.is_taken(username) {
        tracing::warn!(
            "metacogna.admin_username is the name of a user who is no admin; no admin was made"
        );
        return Ok(());
    }
    let admin = NewPerson {
        username: username.clone(),
        email: None,
        name: None,
        password,
        goals: None,
        plan: settings.plan.clone(),
        is_admin: true,
    };
    let deadline = Deadline::after(config.server.request_timeout());
    people.sign_up(admin, deadline).await.context("cannot make the first metacogna admin")?;
    tracing::info!("the first metacogna admin was made");
    Ok(())
}
