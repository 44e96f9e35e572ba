//! `hebbd plan`: which plans there are, and which one a tenant has.

use serde_json::{Value, json};

use super::super::failure::{Cause, Failure};
use super::list::{properties, table};
use super::{AdminArgs, AdminClient, Administer, show, text};
use crate::types::TenantId;

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum PlanCommand {
    /// Show the plans; their numbers are configuration ([plans.NAME])
    Show(ShowArgs),
    /// Give a tenant another plan, from its next request on
    Set(SetArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct ShowArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// Only this plan
    name: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct SetArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    #[arg(long, value_name = "ID")]
    tenant: TenantId,
    /// The plan's name
    name: String,
}

impl Administer for PlanCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::Show(ShowArgs { args, .. }) | Self::Set(SetArgs { args, .. }) => args,
        }
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::Show(command) => show_plans(client, args, command.name.as_deref()).await,
            Self::Set(command) => set(client, args, &command).await,
        }
    }
}

async fn show_plans(
    client: &AdminClient,
    args: &AdminArgs,
    name: Option<&str>,
) -> anyhow::Result<()> {
    let plans = client.list("/plans", &[]).await?;
    let Some(name) = name else {
        let columns = [
            ("NAME", "name"),
            ("REQUESTS/MIN", "requests_per_minute"),
            ("QUERIES/DAY", "queries_per_day"),
            ("ATOMS", "atoms_max"),
            ("TOKENS IN/DAY", "tokens_in_per_day"),
            ("TOKENS OUT/DAY", "tokens_out_per_day"),
            ("DOCUMENTS", "documents_max"),
            ("DOCUMENT BYTES", "document_bytes_max"),
        ];
        show(args, &Value::from(plans.clone()), |_| {
            format!("{}\nA dash is no limit.", table(&columns, &plans))
        });
        return Ok(());
    };
    let Some(plan) = plans.iter().find(|plan| text(plan, "name") == name) else {
        let message = format!("no plan named `{name}`; `hebbd plan show` lists them");
        return Err(Failure::new(Cause::NotFound, message).into());
    };
    show(args, plan, properties);
    Ok(())
}

async fn set(client: &AdminClient, args: &AdminArgs, command: &SetArgs) -> anyhow::Result<()> {
    let path = format!("/tenants/{}/plan", command.tenant);
    let tenant = client.post(&path, &json!({"plan": command.name})).await?;
    show(args, &tenant, |tenant| {
        let (id, plan) = (text(tenant, "id"), text(tenant, "plan"));
        format!("tenant {id} has plan {plan}")
    });
    Ok(())
}
