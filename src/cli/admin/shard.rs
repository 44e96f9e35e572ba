//! `hebbd shard`: which shards there are and how they do.

use serde_json::Value;

use super::list::{properties, table};
use super::{AdminArgs, AdminClient, Administer, show};

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum ShardCommand {
    /// List the shards
    List(AdminArgs),
    /// Show what one shard holds and uses, or all of them
    Stats(StatsArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct StatsArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The shard's number
    no: Option<u16>,
}

impl Administer for ShardCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::List(args) | Self::Stats(StatsArgs { args, .. }) => args,
        }
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::List(_) => list(client, args).await,
            Self::Stats(command) => stats(client, args, command.no).await,
        }
    }
}

async fn list(client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
    let shards = client.list("/shards", &[]).await?;
    let columns = [
        ("NO", "no"),
        ("STATE", "state"),
        ("TENANTS", "tenants"),
        ("NEW ONES", "takes_new_tenants"),
        ("REASON", "reason"),
    ];
    show(args, &Value::from(shards.clone()), |_| table(&columns, &shards));
    Ok(())
}

async fn stats(client: &AdminClient, args: &AdminArgs, no: Option<u16>) -> anyhow::Result<()> {
    if let Some(no) = no {
        let shard = client.get(&format!("/shards/{no}")).await?;
        show(args, &shard, properties);
        return Ok(());
    }
    let shards = client.list("/shards", &[]).await?;
    let columns = [
        ("NO", "no"),
        ("STATE", "state"),
        ("TENANTS", "tenants"),
        ("OPEN", "open_tenants"),
        ("PERMITS USED", "permits_in_use"),
        ("OF", "permits_total"),
        ("DISK BYTES", "disk_bytes"),
        ("CACHE BYTES", "cache_bytes"),
        ("DURABILITY", "durability"),
    ];
    show(args, &Value::from(shards.clone()), |_| table(&columns, &shards));
    Ok(())
}
