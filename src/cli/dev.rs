//! `serve --dev`: a tenant with credentials for every dialect, made once and written to
//! `dev-credentials.json` for scripts. Without `--dev` nothing is created and no secret exists.

use std::fs;
use std::path::Path;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::output;
use crate::app::Application;
use crate::config::Config;
use crate::control::keys::{self, Dialect, KeyKind, KeyOrder, KeyOwner};
use crate::control::passwords::{PasswordCost, Passwords, login_secret};
use crate::control::plans;
use crate::control::users::NewUser;
use crate::storage::private_file;
use crate::types::TenantId;

const FILE: &str = "dev-credentials.json";
const TENANT: &str = "dev";
const USER: &str = "dev";

/// The file's content. A dialect's entry appears when that dialect exists.
#[derive(Serialize, Deserialize)]
struct DevCredentials {
    base_url: String,
    mnemoverse: KeyCredentials,
    #[serde(default)]
    tex: KeyCredentials,
    #[serde(default)]
    metacogna: LoginCredentials,
    #[serde(default)]
    magneteco: AppCredentials,
    #[serde(default)]
    metorial: EnvironmentCredentials,
    #[serde(default)]
    admin: AdminCredentials,
}

#[derive(Serialize, Deserialize, Default)]
struct AdminCredentials {
    token: String,
}

/// Of an app whose key may do everything. Empty where a file of an earlier version has none.
#[derive(Serialize, Deserialize, Default)]
struct AppCredentials {
    app_id: String,
    api_key: String,
}

/// Of an environment, and of the organization it is in. Empty where a file of an earlier version has
/// none.
#[derive(Serialize, Deserialize, Default)]
struct EnvironmentCredentials {
    secret_key: String,
    publishable_key: String,
    management_key: String,
}

/// Of a user who may sign up others. Empty where a file of an earlier version has none.
#[derive(Serialize, Deserialize, Default)]
struct LoginCredentials {
    username: String,
    password: String,
}

/// Empty where a file of an earlier version has none.
#[derive(Serialize, Deserialize, Default)]
struct KeyCredentials {
    api_key: String,
}

/// Creates what is missing, writes the file and prints how to begin.
///
/// # Errors
/// When the tenant or key cannot be made, or the file cannot be written.
pub(super) fn prepare(application: &Application, config: &Config) -> anyhow::Result<()> {
    let path = config.data_dir.join(FILE);
    let known = known_credentials(&path);
    let key_of = |kind, known: Option<&KeyCredentials>| {
        let api_key = match known.filter(|key| is_good(application, kind, &key.api_key)) {
            Some(key) => key.api_key.clone(),
            None => new_key(application, kind, None)?,
        };
        anyhow::Ok(KeyCredentials { api_key })
    };
    let credentials = DevCredentials {
        base_url: application.base_url(),
        mnemoverse: key_of(KeyKind::Mnemoverse, known.as_ref().map(|known| &known.mnemoverse))?,
        tex: key_of(KeyKind::Tex, known.as_ref().map(|known| &known.tex))?,
        metacogna: login(application, known.as_ref().map(|known| &known.metacogna))?,
        magneteco: app(application, known.as_ref().map(|known| &known.magneteco))?,
        metorial: environment(application, known.as_ref().map(|known| &known.metorial))?,
        admin: AdminCredentials { token: application.admin_token().expose_secret().to_owned() },
    };
    let text = serde_json::to_string_pretty(&credentials)? + "\n";
    private_file::write(&path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    print(&credentials, &path, &config.magneteco.base);
    Ok(())
}

/// What an earlier run left.
fn known_credentials(path: &Path) -> Option<DevCredentials> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Whether the server still knows a key.
fn is_good(application: &Application, kind: KeyKind, api_key: &str) -> bool {
    application.directory().authenticate(kind.dialect(), api_key).is_ok()
}

/// A key that may do what such keys do, or else all of `scopes`.
fn new_key(
    application: &Application,
    kind: KeyKind,
    scopes: Option<Vec<String>>,
) -> anyhow::Result<String> {
    let tenant = tenant(application)?;
    let order = KeyOrder { scopes, ..KeyOrder::for_tenant(tenant, kind, TENANT) };
    let key = application.directory().create_key(order)?;
    Ok(key.secret.expose_secret().to_owned())
}

fn tenant(application: &Application) -> anyhow::Result<TenantId> {
    let tenants = application.directory().tenants();
    match tenants.into_iter().find(|tenant| &*tenant.name == TENANT) {
        Some(tenant) => Ok(tenant.id),
        None => Ok(application.create_tenant(TENANT, plans::LOCAL)?.id),
    }
}

/// The known app's key while it is good, or else one of the tenant for development. The key also
/// configures the app.
fn app(
    application: &Application,
    known: Option<&AppCredentials>,
) -> anyhow::Result<AppCredentials> {
    let directory = application.directory();
    let known = known.map(|app| app.api_key.clone());
    let known = known.filter(|key| is_good(application, KeyKind::Magneteco, key));
    let api_key = match known {
        Some(api_key) => api_key,
        None => new_key(application, KeyKind::Magneteco, Some(vec!["*".to_owned()]))?,
    };
    let owner = directory.authenticate(Dialect::Magneteco, &api_key)?.tenant;
    let app_id = directory.get_tenant(owner)?.spoken_name().to_owned();
    Ok(AppCredentials { app_id, api_key })
}

/// The known keys as far as they are good, or else new ones of the tenant for development and of
/// its organization.
fn environment(
    application: &Application,
    known: Option<&EnvironmentCredentials>,
) -> anyhow::Result<EnvironmentCredentials> {
    let key = |kind, known: Option<&String>| match known {
        Some(known) if is_good(application, kind, known) => Ok(known.clone()),
        _ => new_key(application, kind, None),
    };
    let directory = application.directory();
    let management_key = known.map(|known| &known.management_key).filter(|known| {
        directory.authenticate_organization(Dialect::Metorial, known.as_str()).is_ok()
    });
    let management_key = match management_key {
        Some(known) => known.clone(),
        None => {
            let project = directory.get_tenant(tenant(application)?)?.project;
            let organization = directory.get_project(project)?.organization;
            let key = directory.create_key(KeyOrder {
                owner: KeyOwner::Organization(organization),
                kind: KeyKind::MetorialManagement,
                name: TENANT.to_owned(),
                description: None,
                scopes: None,
                expires_at: None,
            })?;
            key.secret.expose_secret().to_owned()
        }
    };
    Ok(EnvironmentCredentials {
        secret_key: key(KeyKind::MetorialSecret, known.map(|known| &known.secret_key))?,
        publishable_key: key(
            KeyKind::MetorialPublishable,
            known.map(|known| &known.publishable_key),
        )?,
        management_key,
    })
}

/// The known login while it is good, or else one with a new password.
fn login(
    application: &Application,
    known: Option<&LoginCredentials>,
) -> anyhow::Result<LoginCredentials> {
    let (directory, dialect) = (application.directory(), Dialect::Metacogna);
    let passwords = Passwords::new(PasswordCost::default())?;
    let user = directory.find_user(dialect, USER).filter(|user| user.username == USER);
    if let (Some(user), Some(LoginCredentials { username, password })) = (&user, known) {
        let secret = secret_of(username, password);
        if directory.verify_user(&passwords, Some(user.id), &secret)?.is_some() {
            let (username, password) = (username.clone(), password.clone());
            return Ok(LoginCredentials { username, password });
        }
    }
    let (username, password) = (USER.to_owned(), keys::draw_name("")?);
    let hash = passwords.hash(&secret_of(&username, &password))?;
    match user {
        Some(user) => directory.set_password(user.id, hash)?,
        None => {
            directory.create_user(NewUser {
                dialect,
                username: &username,
                email: None,
                name: None,
                tenant: Some(tenant(application)?),
                is_admin: true,
                password: Some(hash),
                goals: None,
            })?;
        }
    }
    Ok(LoginCredentials { username, password })
}

/// What a client sends for a password.
fn secret_of(username: &str, password: &str) -> SecretString {
    login_secret(Dialect::Metacogna, username, &SecretString::from(password))
}

fn print(credentials: &DevCredentials, path: &Path, base: &str) {
    let DevCredentials { base_url, mnemoverse, tex, metacogna, magneteco, metorial, admin } =
        credentials;
    let EnvironmentCredentials { secret_key, publishable_key, management_key } = metorial;
    let AppCredentials { app_id, api_key: app_key } = magneteco;
    let LoginCredentials { username, password } = metacogna;
    output::result(&format!(
        "hebbd is listening on {base_url}

Credentials for development (also in {path}):
  mnemoverse  X-Api-Key: {key}
  tex         {tex_key}
  metacogna   user {username}, password {password}
  magneteco   app {app_id}, Authorization: Bearer {app_key}
  metorial    Authorization: Bearer {secret_key}
              {publishable_key} (publishable)
              {management_key} (management)
  admin       Authorization: Bearer {token}

Try:
  curl -s {base_url}/api/v1/memory/write -H 'X-Api-Key: {key}' -H 'Content-Type: application/json' \\
    -d '{{\"content\": \"We deploy on Fridays\", \"domain\": \"project:demo\"}}'
  curl -s {base_url}/api/v1/memory/read -H 'X-Api-Key: {key}' -H 'Content-Type: application/json' \\
    -d '{{\"query\": \"When do we deploy?\"}}'

With the Tex API a key is exchanged for a token first:
  TOKEN=$(curl -s {base_url}/auth/token-exchange -d '{{\"api_key\": \"{tex_key}\"}}' \\
    | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')
  curl -s {base_url}/ingestion/memory -H \"Authorization: Bearer $TOKEN\" \\
    -d '{{\"scope\": {{\"org_id\": null}}, \"turns\": [{{\"role\": \"user\", \"text\": \"We deploy on Fridays\", \"timestamp\": \"2026-05-08T14:00:00Z\"}}]}}'
  curl -s {base_url}/recall -H \"Authorization: Bearer $TOKEN\" \\
    -d '{{\"scope\": {{\"org_id\": null}}, \"q\": \"When do we deploy?\"}}'

With the Magneteco API an app remembers facts about its users:
  curl -s {base_url}{base}/memorize -H 'Authorization: Bearer {app_key}' \\
    -d '{{\"appId\": \"{app_id}\", \"userId\": \"jane\", \"contentType\": \"conversation\", \"content\": \"I live in Rome\"}}'
  curl -s {base_url}{base}/retrieve -H 'Authorization: Bearer {app_key}' \\
    -d '{{\"appId\": \"{app_id}\", \"userId\": \"jane\", \"query\": \"Where does Jane live?\"}}'

With the Metorial API sessions hold messages, which become memories:
  SESSION=$(curl -s {base_url}/sessions -H 'Authorization: Bearer {secret_key}' -d name=demo \\
    | sed 's/.*\"id\":\"\\(ses_[^\"]*\\)\".*/\\1/')
  curl -s {base_url}/sessions/$SESSION/messages -H 'Authorization: Bearer {secret_key}' \\
    -d type=user_message --data-urlencode 'content=We deploy on Fridays'
  curl -s {base_url}/session-messages/search -H 'Authorization: Bearer {secret_key}' \\
    --data-urlencode 'query=When do we deploy?'

With the MetaCogna API a user logs in with the SHA-256 of name and password:
  curl -s {base_url}/api/auth/login -d '{{\"username\": \"{username}\", \"password\": \"{secret}\"}}'
",
        path = path.display(),
        key = mnemoverse.api_key,
        tex_key = tex.api_key,
        token = admin.token,
        secret = secret_of(username, password).expose_secret(),
    ));
}
