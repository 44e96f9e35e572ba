//! `hebbd key`: create, list and revoke API keys of a data directory that no server runs on. A
//! key's secret is printed once, when it is created, and nowhere stored.

use std::process::ExitCode;

use secrecy::ExposeSecret;

use super::offline::{self, ListArgs};
use super::output;
use crate::config::ConfigFlags;
use crate::control::keys::{Dialect, KeyInfo, KeyKind, KeyOrder};
use crate::types::{KeyId, TenantId};

#[derive(Debug, clap::Subcommand)]
pub(super) enum KeyCommand {
    /// Create a key; its secret is shown once
    Create(CreateArgs),
    /// List all keys, without their secrets
    List(ListArgs),
    /// Revoke a key
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    config: ConfigFlags,
    /// The tenant's id
    #[arg(long)]
    tenant: TenantId,
    /// The API it speaks: mnemoverse
    #[arg(long, value_parser = parse_dialect)]
    dialect: KeyKind,
    /// A label for people
    #[arg(long, default_value = "")]
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    config: ConfigFlags,
    /// The key's id
    id: KeyId,
}

fn parse_dialect(name: &str) -> Result<KeyKind, String> {
    Dialect::find(name)
        .and_then(|dialect| KeyKind::find(dialect, ""))
        .ok_or_else(|| "expected one of: mnemoverse, tex, magneteco, metorial".to_owned())
}

pub(super) async fn run(command: KeyCommand) -> anyhow::Result<ExitCode> {
    let flags = match &command {
        KeyCommand::Create(args) => args.config.clone(),
        KeyCommand::List(args) => args.config.clone(),
        KeyCommand::Revoke(args) => args.config.clone(),
    };
    let (_, directory) = match offline::open(flags).await? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    match command {
        KeyCommand::Create(args) => {
            let key = directory.create_key(KeyOrder::for_tenant(
                args.tenant,
                args.dialect,
                &args.name,
            ))?;
            let secret = key.secret.expose_secret();
            if args.json {
                let mut json = as_json(&key.info);
                if let Some(fields) = json.as_object_mut() {
                    fields.insert("api_key".to_owned(), secret.into());
                }
                output::result(&json.to_string());
            } else {
                output::result(&format!(
                    "created key {}\n{secret}\nKeep it: it is not shown again.",
                    key.info.id
                ));
            }
        }
        KeyCommand::List(args) => {
            let keys = directory.keys();
            if args.json {
                let list: Vec<_> = keys.iter().map(as_json).collect();
                output::result(&serde_json::Value::from(list).to_string());
            } else {
                output::result(&format!(
                    "{:36}  {:36}  {:10}  STATE    NAME",
                    "ID", "TENANT", "DIALECT"
                ));
                for key in &keys {
                    let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
                    let KeyInfo { id, owner, kind, name, .. } = key;
                    let dialect = kind.dialect();
                    output::result(&format!("{id}  {owner}  {dialect:10}  {state:7}  {name}"));
                }
            }
        }
        KeyCommand::Revoke(args) => {
            directory.revoke_key(args.id)?;
            output::result(&format!("revoked key {}", args.id));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(key: &KeyInfo) -> serde_json::Value {
    serde_json::json!({
        "id": key.id.to_string(),
        "tenant": key.owner.to_string(),
        "dialect": key.kind.dialect().as_str(),
        "name": key.name,
        "created_at": key.created_at.to_string(),
        "revoked_at": key.revoked_at.map(|at| at.to_string()),
    })
}
