//! `hebbd tenant`: create and list tenants of a data directory that no server runs on.

use std::process::ExitCode;

use super::offline::{self, ListArgs};
use super::output;
use crate::app;
use crate::config::ConfigFlags;
use crate::control::plans;
use crate::control::tenants::Tenant;
use crate::types::ShardNo;

#[derive(Debug, clap::Subcommand)]
pub(super) enum TenantCommand {
    /// Create a tenant
    Create(CreateArgs),
    /// List all tenants
    List(ListArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    config: ConfigFlags,
    /// A label for people
    #[arg(long)]
    name: String,
    /// What the tenant is allowed: local, free, pro, team, or one from the configuration
    #[arg(long, default_value = plans::LOCAL)]
    plan: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: TenantCommand) -> anyhow::Result<ExitCode> {
    let flags = match &command {
        TenantCommand::Create(args) => args.config.clone(),
        TenantCommand::List(args) => args.config.clone(),
    };
    let (config, directory) = match offline::open(flags).await? {
        Ok(opened) => opened,
        Err(code) => return Ok(code),
    };
    match command {
        TenantCommand::Create(args) => {
            let shards: Vec<ShardNo> = app::shard_plans(&config)?
                .into_iter()
                .filter(|shard| shard.takes_new_tenants)
                .map(|shard| shard.no)
                .collect();
            let tenant = app::create_tenant(&directory, &shards, &args.name, &args.plan)?;
            if args.json {
                output::result(&as_json(&tenant).to_string());
            } else {
                output::result(&format!("created tenant {} ({})", tenant.id, tenant.name));
            }
        }
        TenantCommand::List(args) => {
            let tenants = directory.tenants();
            if args.json {
                let list: Vec<_> = tenants.iter().map(as_json).collect();
                output::result(&serde_json::Value::from(list).to_string());
            } else {
                output::result(&format!("{:36}  {:8}  {:5}  NAME", "ID", "PLAN", "SHARD"));
                for tenant in &tenants {
                    let Tenant { id, plan, shard, name, .. } = tenant;
                    output::result(&format!("{id}  {:8}  {:5}  {name}", plan.name, shard.0));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(tenant: &Tenant) -> serde_json::Value {
    serde_json::json!({
        "id": tenant.id.to_string(),
        "name": &*tenant.name,
        "plan": tenant.plan.name,
        "shard": tenant.shard.0,
        "created_at": tenant.created_at.to_string(),
    })
}
