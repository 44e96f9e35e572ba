//! `serve --dev`: a tenant with credentials for every dialect, made once and written to
//! `dev-credentials.json` for scripts. Without `--dev` nothing is created and no secret exists.

use std::fs;
use std::path::Path;

use anyhow::Context;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::output;
use crate::app::Application;
use crate::control::keys::{KeyKind, KeyOrder};
use crate::control::plans;
use crate::storage::private_file;

const FILE: &str = "dev-credentials.json";
const TENANT: &str = "dev";

/// The file's content. A dialect's entry appears when that dialect exists.
#[derive(Serialize, Deserialize)]
struct DevCredentials {
    base_url: String,
    mnemoverse: KeyCredentials,
    #[serde(default)]
    tex: KeyCredentials,
    #[serde(default)]
    admin: AdminCredentials,
}

#[derive(Serialize, Deserialize, Default)]
struct AdminCredentials {
    token: String,
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
pub(super) fn prepare(application: &Application, data_dir: &Path) -> anyhow::Result<()> {
    let path = data_dir.join(FILE);
    let known = known_credentials(&path);
    let key_of = |kind, known: Option<&KeyCredentials>| {
        let api_key = match known.filter(|key| is_good(application, kind, &key.api_key)) {
            Some(key) => key.api_key.clone(),
            None => new_key(application, kind)?,
        };
        anyhow::Ok(KeyCredentials { api_key })
    };
    let credentials = DevCredentials {
        base_url: application.base_url(),
        mnemoverse: key_of(KeyKind::Mnemoverse, known.as_ref().map(|known| &known.mnemoverse))?,
        tex: key_of(KeyKind::Tex, known.as_ref().map(|known| &known.tex))?,
        admin: AdminCredentials { token: application.admin_token().expose_secret().to_owned() },
    };
    let text = serde_json::to_string_pretty(&credentials)? + "\n";
    private_file::write(&path, text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    print(&credentials, &path);
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

fn new_key(application: &Application, kind: KeyKind) -> anyhow::Result<String> {
    let directory = application.directory();
    let tenant = match directory.tenants().into_iter().find(|tenant| &*tenant.name == TENANT) {
        Some(tenant) => tenant,
        None => application.create_tenant(TENANT, plans::LOCAL)?,
    };
    let key = directory.create_key(KeyOrder::for_tenant(tenant.id, kind, TENANT))?;
    Ok(key.secret.expose_secret().to_owned())
}

fn print(credentials: &DevCredentials, path: &Path) {
    let DevCredentials { base_url, mnemoverse, tex, admin } = credentials;
    output::result(&format!(
        "hebbd is listening on {base_url}

Credentials for development (also in {path}):
  mnemoverse  X-Api-Key: {key}
  tex         {tex_key}
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
",
        path = path.display(),
        key = mnemoverse.api_key,
        tex_key = tex.api_key,
        token = admin.token,
    ));
}
