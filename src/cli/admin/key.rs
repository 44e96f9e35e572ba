//! `hebbd key`: create, list, rotate and revoke keys. A key's secret is printed once, when it is
//! made, and nowhere stored.

use std::io::IsTerminal;
use std::time::Duration;

use serde_json::{Value, json};

use super::list::table;
use super::{AdminArgs, AdminClient, Administer, confirm, show, text};
use crate::types::{Clock, KeyId, OrganizationId, SystemClock, TenantId};

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum KeyCommand {
    /// Create a key; its secret is shown once
    Create(CreateArgs),
    /// List keys, without their secrets
    List(ListArgs),
    /// Revoke a key, at once and for good
    Revoke(RevokeArgs),
    /// Give a key another secret, which is shown once
    Rotate(RotateArgs),
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(in super::super) struct Owner {
    /// The tenant it acts for
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// The organization it acts for: metorial keys of kind management, which look after the
    /// projects, tenants and keys of an organization (`hebbd organization list`)
    #[arg(long, value_name = "ID", conflicts_with = "tenant")]
    organization: Option<OrganizationId>,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct CreateArgs {
    #[command(flatten)]
    args: AdminArgs,
    #[command(flatten)]
    owner: Owner,
    /// The API it speaks: mnemoverse, tex, magneteco or metorial
    #[arg(long)]
    dialect: String,
    /// Which of the dialect's kinds; metorial has secret, publishable and management
    /// [default: secret]
    #[arg(long)]
    kind: Option<String>,
    /// A label for people
    #[arg(long)]
    name: Option<String>,
    /// What it may do, in the dialect's words, separated by commas [default: what such keys may]
    #[arg(long, value_delimiter = ',')]
    scopes: Option<Vec<String>>,
    /// When it ends by itself, such as 2030-01-31T09:15:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct ListArgs {
    #[command(flatten)]
    args: AdminArgs,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct RevokeArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The key's id
    id: KeyId,
    /// Do not ask, which happens at a terminal only
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct RotateArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The key's id
    id: KeyId,
    /// Until when the former secret stays good, such as 2030-01-31T09:15:00Z [default: no longer]
    #[arg(long, value_name = "TIME")]
    former_until: Option<String>,
    /// For how long the former secret stays good, such as 90s, 30m, 24h or 7d
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "former_until")]
    grace: Option<Duration>,
}

impl Administer for KeyCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::Create(CreateArgs { args, .. })
            | Self::List(ListArgs { args, .. })
            | Self::Revoke(RevokeArgs { args, .. })
            | Self::Rotate(RotateArgs { args, .. }) => args,
        }
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => create(client, args, command).await,
            Self::List(command) => list(client, args, &command).await,
            Self::Revoke(command) => revoke(client, args, &command).await,
            Self::Rotate(command) => rotate(client, args, &command).await,
        }
    }
}

async fn create(client: &AdminClient, args: &AdminArgs, command: CreateArgs) -> anyhow::Result<()> {
    let body = json!({
        "tenant": command.owner.tenant.map(|id| id.to_string()),
        "organization": command.owner.organization.map(|id| id.to_string()),
        "dialect": command.dialect,
        "kind": command.kind,
        "name": command.name,
        "scopes": command.scopes,
        "expires_at": command.expires_at,
    });
    let key = client.post("/keys", &body).await?;
    show(args, &key, |key| with_secret("created", key));
    Ok(())
}

async fn list(client: &AdminClient, args: &AdminArgs, command: &ListArgs) -> anyhow::Result<()> {
    let mut query = Vec::new();
    query.extend(command.owner.tenant.map(|id| ("tenant", id.to_string())));
    query.extend(command.owner.organization.map(|id| ("organization", id.to_string())));
    let keys = client.list("/keys", &query).await?;
    let of_organizations = keys.iter().any(|key| !key["organization"].is_null());
    let mut columns = vec![("ID", "id"), ("TENANT", "tenant")];
    columns.extend(of_organizations.then_some(("ORGANIZATION", "organization")));
    columns.extend([
        ("DIALECT", "dialect"),
        ("KEY", "redacted"),
        ("STATE", "state"),
        ("LAST USED", "last_used_at"),
        ("NAME", "name"),
    ]);
    show(args, &Value::from(keys.clone()), |_| table(&columns, &keys));
    Ok(())
}

async fn revoke(
    client: &AdminClient,
    args: &AdminArgs,
    command: &RevokeArgs,
) -> anyhow::Result<()> {
    // Whoever revokes a key in a script may be in a hurry; nothing that is remembered is lost.
    if std::io::stdin().is_terminal() && !command.yes {
        let key = client.get(&format!("/keys/{}", command.id)).await?;
        let (shown, name) = (text(&key, "redacted"), text(&key, "name"));
        confirm(&format!("Revoke {shown} ({name})? It cannot be made good again."), false)?;
    }
    let key = client.post(&format!("/keys/{}/revoke", command.id), &json!({})).await?;
    show(args, &key, |key| format!("revoked key {}", text(key, "id")));
    Ok(())
}

async fn rotate(
    client: &AdminClient,
    args: &AdminArgs,
    command: &RotateArgs,
) -> anyhow::Result<()> {
    let after_grace = command.grace.map(|grace| SystemClock.now().plus(grace).to_string());
    let body = json!({"former_until": command.former_until.clone().or(after_grace)});
    let key = client.post(&format!("/keys/{}/rotate", command.id), &body).await?;
    show(args, &key, |key| with_secret("rotated", key));
    Ok(())
}

/// A whole number of seconds, minutes, hours or days.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let found = units.iter().find_map(|(unit, seconds)| {
        let count = text.strip_suffix(*unit)?.parse::<u64>().ok()?;
        count.checked_mul(*seconds).filter(|seconds| *seconds > 0)
    });
    found.map(Duration::from_secs).ok_or_else(|| {
        "must be a whole number above zero and one of s, m, h and d, such as 24h".to_owned()
    })
}

fn with_secret(done: &str, key: &Value) -> String {
    let (id, secret) = (text(key, "id"), text(key, "api_key"));
    format!("{done} key {id}\n{secret}\nKeep it: it is not shown again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "24", "1.5h", "-1h", "0s", "1w", "18446744073709551615d", "1 h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
