//! `hebbd job`: background work of a tenant, and what was given up.

use serde_json::{Value, json};

use super::list::table;
use super::{AdminArgs, AdminClient, Administer, confirm, show, text};
use crate::types::TenantId;

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum JobCommand {
    /// Show how many jobs a tenant has, and those that were given up
    List(ListArgs),
    /// Try a job again that was given up
    Retry(OneArgs),
    /// Forget a job that was given up
    Discard(DiscardArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct ListArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    #[arg(long, value_name = "ID")]
    tenant: TenantId,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct OneArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    #[arg(long, value_name = "ID")]
    tenant: TenantId,
    /// The job's number
    job: u64,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct DiscardArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Administer for JobCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::List(ListArgs { args, .. })
            | Self::Retry(OneArgs { args, .. })
            | Self::Discard(DiscardArgs { one: OneArgs { args, .. }, .. }) => args,
        }
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::List(command) => list(client, args, command.tenant).await,
            Self::Retry(OneArgs { tenant, job, .. }) => {
                let path = format!("/tenants/{tenant}/jobs/{job}/retry");
                let answer = client.post(&path, &json!({})).await?;
                show(args, &answer, |answer| {
                    format!("job {job} is {} again", text(answer, "state"))
                });
                Ok(())
            }
            Self::Discard(DiscardArgs { one: OneArgs { tenant, job, .. }, yes }) => {
                confirm(&format!("Forget job {job}? What it was to do is not done."), yes)?;
                let answer = client.delete(&format!("/tenants/{tenant}/jobs/{job}")).await?;
                show(args, &answer, |answer| format!("job {job} is {}", text(answer, "state")));
                Ok(())
            }
        }
    }
}

async fn list(client: &AdminClient, args: &AdminArgs, tenant: TenantId) -> anyhow::Result<()> {
    let jobs = client.get(&format!("/tenants/{tenant}/jobs")).await?;
    show(args, &jobs, |jobs| {
        let count = |key: &str| jobs.get(key).and_then(Value::as_u64).unwrap_or(0);
        let (waiting, running, dead) = (count("waiting"), count("running"), count("dead"));
        let numbers = format!("{waiting} waiting, {running} running, {dead} given up");
        match jobs.get("dead_letters").and_then(Value::as_array) {
            Some(letters) if !letters.is_empty() => {
                let columns = [
                    ("JOB", "job"),
                    ("KIND", "kind"),
                    ("ATTEMPTS", "attempts"),
                    ("SINCE", "enqueued_at"),
                    ("LAST ERROR", "last_error"),
                ];
                format!("{numbers}\n{}", table(&columns, letters))
            }
            _ => numbers,
        }
    });
    Ok(())
}
