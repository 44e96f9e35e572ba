//! `serve --dev`: a tenant with credentials for every dialect, made once and written to
//! `dev-credentials.json` for scripts. Without `--dev` nothing is created and no secret exists.

use std::fs;
use std::path::Path;

use anyhow::Context;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::output;
use crate::app::Application;
use crate::control::keys::{Dialect, KeyKind, KeyOrder};
use crate::control::plans;
use crate::storage::private_file;

const FILE: &str = "dev-credentials.json";
const TENANT: &str = "dev";

/// The file's content. A dialect's entry appears when that dialect exists.
#[derive(Serialize, Deserialize)]
struct DevCredentials {
    base_url: String,
    mnemoverse: MnemoverseCredentials,
    #[serde(default)]
    admin: AdminCredentials,
}

#[derive(Serialize, Deserialize, Default)]
struct AdminCredentials {
    token: String,
}

#[derive(Serialize, Deserialize)]
struct MnemoverseCredentials {
    api_key: String,
}

/// Creates what is missing, writes the file and prints how to begin.
///
/// # Errors
/// When the tenant or key cannot be made, or the file cannot be written.
pub(super) fn prepare(application: &Application, data_dir: &Path) -> anyhow::Result<()> {
    let path = data_dir.join(FILE);
    let api_key = match usable_key(application, &path) {
        Some(api_key) => api_key,
        None => new_key(application)?,
    };
    let credentials = DevCredentials {
        base_url: application.base_url(),
        mnemoverse: MnemoverseCredentials { api_key },
        admin: AdminCredentials { token: application.admin_token().expose_secret().to_owned() },
    };
    let text = serde_json::to_string_pretty(&credentials)? + "\n";
    private_file::write(&path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    print(&credentials, &path);
    Ok(())
}

/// The key of an earlier run, if the file is there and the server still knows it.
fn usable_key(application: &Application, path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let api_key = serde_json::from_str::<DevCredentials>(&text).ok()?.mnemoverse.api_key;
    application.directory().authenticate(Dialect::Mnemoverse, &api_key).ok()?;
    Some(api_key)
}

fn new_key(application: &Application) -> anyhow::Result<String> {
    let directory = application.directory();
    let tenant = match directory.tenants().into_iter().find(|tenant| &*tenant.name == TENANT) {
        Some(tenant) => tenant,
        None => application.create_tenant(TENANT, plans::LOCAL)?,
    };
    let key = directory.create_key(KeyOrder::for_tenant(tenant.id, KeyKind::Mnemoverse, TENANT))?;
    Ok(key.secret.expose_secret().to_owned())
}

fn print(credentials: &DevCredentials, path: &Path) {
    let DevCredentials { base_url, mnemoverse, admin } = credentials;
    output::result(&format!(
        "hebbd is listening on {base_url}

Credentials for development (also in {path}):
  mnemoverse  X-Api-Key: {key}
  admin       Authorization: Bearer {token}

Try:
  curl -s {base_url}/api/v1/memory/write -H 'X-Api-Key: {key}' -H 'Content-Type: application/json' \\
    -d '{{\"content\": \"We deploy on Fridays\", \"domain\": \"project:demo\"}}'
  curl -s {base_url}/api/v1/memory/read -H 'X-Api-Key: {key}' -H 'Content-Type: application/json' \\
    -d '{{\"query\": \"When do we deploy?\"}}'
",
        path = path.display(),
        key = mnemoverse.api_key,
        token = admin.token,
    ));
}
