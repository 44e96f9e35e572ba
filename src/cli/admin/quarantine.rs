//! `hebbd quarantine`: tenants that are refused because they keep crashing.

use serde_json::{Value, json};

use super::list::table;
use super::{AdminArgs, AdminClient, Administer, show, text};
use crate::types::TenantId;

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum QuarantineCommand {
    /// List the tenants in quarantine
    List(AdminArgs),
    /// Let a tenant be opened at once
    Release(ReleaseArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct ReleaseArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    id: TenantId,
}

impl Administer for QuarantineCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::List(args) | Self::Release(ReleaseArgs { args, .. }) => args,
        }
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::List(_) => list(client, args).await,
            Self::Release(command) => release(client, args, command.id).await,
        }
    }
}

async fn list(client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
    let held = client.list("/quarantine", &[]).await?;
    show(args, &Value::from(held.clone()), |_| match held.is_empty() {
        true => "no tenant is in quarantine".to_owned(),
        false => table(&[("TENANT", "tenant"), ("UNTIL", "until")], &held),
    });
    Ok(())
}

async fn release(client: &AdminClient, args: &AdminArgs, id: TenantId) -> anyhow::Result<()> {
    let answer = client.post(&format!("/quarantine/{id}/release"), &json!({})).await?;
    show(args, &answer, |answer| format!("released tenant {}", text(answer, "tenant")));
    Ok(())
}
