//! `hebbd reembed`: makes the vectors of tenants anew after the embedder was changed, while no
//! server runs on the data directory. What is interrupted is simply started again.

use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::failure::is_locked;
use super::{load_config, output};
use crate::actors::shards::Shard;
use crate::actors::tenant::data::embedded_part;
use crate::app;
use crate::config::ConfigFlags;
use crate::embedding::{self, Embedder};
use crate::tenant::Reembedding;
use crate::types::{SystemClock, TenantId, TenantNo};

/// Atoms embedded and stored at a time.
const PAGE: usize = 64;

/// Make all vectors anew with the configured embedder
#[derive(Debug, clap::Args)]
pub(super) struct ReembedArgs {
    #[command(flatten)]
    config: ConfigFlags,
    /// Only this tenant [default: every tenant whose vectors another embedder made]
    #[arg(long)]
    tenant: Option<TenantId>,
}

pub(super) async fn run(args: ReembedArgs) -> anyhow::Result<()> {
    let config = load_config(args.config)?;
    let opened = app::open_directory(&config, Arc::new(SystemClock)).await;
    let directory = opened.map_err(|error| match is_locked(&error) {
        true => error.context("stop the server that runs on this data directory, then try again"),
        false => error,
    })?;
    let embedder = embedding::from_settings(&config.embedding)?;
    let mut tenants = directory.tenants();
    if let Some(id) = args.tenant {
        directory.get_tenant(id)?;
        tenants.retain(|tenant| tenant.id == id);
    }
    let (mut changed, mut atoms) = (0, 0);
    for plan in app::shard_plans(&config)? {
        let no = plan.no;
        let shard = Shard::open(plan).await.with_context(|| format!("cannot open shard {no}"))?;
        for tenant in tenants.iter().filter(|tenant| tenant.shard == no) {
            if let Some(count) = reembed(&shard, tenant.no, &*embedder).await? {
                changed += 1;
                atoms += count;
            }
        }
        shard.stop().await;
    }
    output::result(&format!(
        "re-embedded {changed} of {} tenants ({atoms} atoms) with {}",
        tenants.len(),
        embedder.identity().name
    ));
    Ok(())
}

/// How many atoms were embedded; `None` when the tenant needed nothing.
async fn reembed(
    shard: &Shard,
    no: TenantNo,
    embedder: &dyn Embedder,
) -> anyhow::Result<Option<u64>> {
    let begun = Reembedding::begin(no, shard.commit.clone(), embedder.identity())?;
    let Some(mut reembedding) = begun else { return Ok(None) };
    let style = ProgressStyle::with_template("tenant {msg}: {pos} atoms, {per_sec}")?;
    let progress = ProgressBar::no_length().with_message(no.to_string()).with_style(style);
    loop {
        let page = reembedding.next_page(PAGE)?;
        if page.is_empty() {
            break;
        }
        let texts: Vec<&str> = page.iter().map(|(_, content)| embedded_part(content)).collect();
        let vectors = embedder.embed(&texts).await?;
        let numbers = page.iter().map(|(number, _)| *number);
        reembedding.replace(numbers.zip(vectors).collect())?;
        progress.inc(page.len() as u64);
    }
    reembedding.finish()?;
    progress.finish_and_clear();
    Ok(Some(progress.position()))
}
