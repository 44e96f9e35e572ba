//! `hebbd tenant`: create, list, show, move and delete tenants.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::super::failure::{Cause, Failure};
use super::super::output;
use super::list::{properties, table};
use super::{AdminArgs, AdminClient, Administer, confirm, show, text};
use crate::types::{ProjectId, ShardNo, TenantId};

/// How often a long change is asked after.
const ASK_AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum TenantCommand {
    /// Create a tenant
    Create(CreateArgs),
    /// List all tenants
    List(AdminArgs),
    /// Show one tenant
    Show(OneArgs),
    /// Delete a tenant, its keys and everything it remembers
    Delete(DeleteArgs),
    /// Move a tenant to another shard while it serves
    MoveShard(MoveArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct CreateArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// A label for people
    #[arg(long)]
    name: String,
    /// What the tenant is allowed; `hebbd plan show` lists the plans [default: local]
    #[arg(long)]
    plan: Option<String>,
    /// The project it belongs to [default: the first]
    #[arg(long, value_name = "ID")]
    project: Option<ProjectId>,
    /// The shard it lives on [default: spread evenly]
    #[arg(long, value_name = "NUMBER")]
    shard: Option<u16>,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct OneArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    id: TenantId,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct DeleteArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    id: TenantId,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct MoveArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    id: TenantId,
    /// The number of the shard to move to; `hebbd shard list` lists them
    #[arg(long, value_name = "NUMBER")]
    to: u16,
}

impl Administer for TenantCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::Create(CreateArgs { args, .. })
            | Self::List(args)
            | Self::Show(OneArgs { args, .. })
            | Self::Delete(DeleteArgs { args, .. })
            | Self::MoveShard(MoveArgs { args, .. }) => args,
        }
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => create(client, args, command).await,
            Self::List(_) => list(client, args).await,
            Self::Show(command) => show_one(client, args, command.id).await,
            Self::Delete(command) => delete(client, args, command).await,
            Self::MoveShard(command) => move_shard(client, args, &command).await,
        }
    }
}

async fn create(client: &AdminClient, args: &AdminArgs, command: CreateArgs) -> anyhow::Result<()> {
    let body = json!({
        "name": command.name,
        "plan": command.plan,
        "project": command.project.map(|project| project.to_string()),
        "shard": command.shard,
    });
    let tenant = client.post("/tenants", &body).await?;
    show(args, &tenant, |tenant| {
        let (id, name) = (text(tenant, "id"), text(tenant, "name"));
        format!("created tenant {id} ({name})")
    });
    Ok(())
}

async fn list(client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
    let tenants = client.list("/tenants", &[]).await?;
    let columns =
        [("ID", "id"), ("PLAN", "plan"), ("SHARD", "shard"), ("STATE", "state"), ("NAME", "name")];
    show(args, &Value::from(tenants.clone()), |_| table(&columns, &tenants));
    Ok(())
}

async fn show_one(client: &AdminClient, args: &AdminArgs, id: TenantId) -> anyhow::Result<()> {
    let tenant = client.get(&format!("/tenants/{id}")).await?;
    show(args, &tenant, properties);
    Ok(())
}

async fn delete(client: &AdminClient, args: &AdminArgs, command: DeleteArgs) -> anyhow::Result<()> {
    let path = format!("/tenants/{}", command.id);
    let tenant = client.get(&path).await?;
    let name = text(&tenant, "name");
    confirm(
        &format!(
            "Delete tenant {} ({name}), its keys and everything it remembers? This cannot be undone.",
            command.id
        ),
        command.yes,
    )?;
    let mut answer = client.delete(&path).await?;
    let progress = progress("erasing");
    while text(&answer, "state") == "deleting" {
        progress.set_position(answer["erased_records"].as_u64().unwrap_or(0));
        tokio::time::sleep(ASK_AGAIN).await;
        answer = match client.get(&path).await {
            Ok(answer) => answer,
            Err(_) => json!({"id": command.id.to_string(), "state": "deleted"}),
        };
    }
    progress.finish_and_clear();
    show(args, &answer, |_| format!("deleted tenant {} ({name})", command.id));
    Ok(())
}

async fn move_shard(
    client: &AdminClient,
    args: &AdminArgs,
    command: &MoveArgs,
) -> anyhow::Result<()> {
    let path = format!("/tenants/{}", command.id);
    let to = ShardNo(command.to);
    let mut answer = client.post(&format!("{path}/move"), &json!({"shard": to.0})).await?;
    let progress = progress("copying");
    while text(&answer, "state") == "moving" {
        tokio::time::sleep(ASK_AGAIN).await;
        answer = client.get(&path).await?;
        progress.set_position(answer["moving"]["records"].as_u64().unwrap_or(0));
    }
    progress.finish_and_clear();
    if answer["shard"].as_u64() != Some(u64::from(to.0)) {
        let message =
            "the move was given up; the server's log says why. The tenant is where it was";
        return Err(Failure::new(Cause::Failed, message).into());
    }
    show(args, &answer, |answer| {
        let pause = answer["pause_ms"].as_u64();
        let pause = pause.map(|ms| format!("; its calls waited {ms} ms")).unwrap_or_default();
        format!("moved tenant {} to shard {to}{pause}", command.id)
    });
    Ok(())
}

/// Shown at a terminal only.
fn progress(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}: {pos} records, {elapsed}");
    let bar = ProgressBar::no_length().with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(error) => {
            output::error(&error.to_string());
            bar
        }
    }
}
