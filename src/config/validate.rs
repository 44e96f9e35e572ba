//! Judges a configuration as a whole: asks every section for its problems and checks the
//! relations between limits of different sections, which no module can see alone.

use super::Config;
use super::layers::Entry;
use super::problems::{ConfigProblems, Origin};
use crate::actors::settings::IndexOverrides;
use crate::embedding::EmbeddingProvider;
use crate::types::limits;

/// Adds every problem, attributed to whoever set the value last.
pub(super) fn check(config: &Config, entries: &[Entry], problems: &mut ConfigProblems) {
    for finding in findings(config) {
        let (key, message) = finding.split_once(' ').unwrap_or((&finding, "cannot be used"));
        let set_by = entries.iter().rev().find(|entry| entry.key() == key);
        let origin = set_by.map_or(Origin::Default, |entry| entry.origin.clone());
        problems.add(&origin, key, message);
    }
}

/// Sentences that begin with the full key.
fn findings(config: &Config) -> Vec<String> {
    let mut findings = Vec::new();
    for (section, problems) in [
        ("server", config.server.problems()),
        ("admin", config.admin.problems()),
        ("tex", config.tex.problems()),
        ("magneteco", config.magneteco.problems()),
        ("metacogna", config.metacogna.problems()),
        ("metorial", config.metorial.problems()),
        ("embedding", config.embedding.problems()),
        ("llm", config.llm.problems()),
        ("extraction", config.extraction.problems()),
        ("index", config.index.problems()),
        ("actors", config.actors.problems()),
        ("consolidation", config.consolidation.problems()),
        ("jobs", config.jobs.problems()),
        ("documents", config.documents.problems()),
        ("outbound_webhooks", config.outbound_webhooks.problems()),
        ("shards", config.shards.problems()),
        ("plans", config.plans.problems()),
        ("log", config.log.problems()),
    ] {
        let prefix = format!("{section}.");
        findings.extend(problems.into_iter().map(|problem| {
            if problem.starts_with(&prefix) { problem } else { format!("{prefix}{problem}") }
        }));
    }
    if config.data_dir.as_os_str().is_empty() {
        findings.push("data_dir is empty; name a directory".to_owned());
    }
    for (key, plan) in [
        ("tex.signup_plan", &config.tex.signup_plan),
        ("metacogna.plan", &config.metacogna.plan),
        ("metorial.plan", &config.metorial.plan),
    ] {
        if config.plans.find(plan).is_none() {
            let known = config.plans.names().join(", ");
            findings.push(format!("{key} is {plan:?}, which is no plan; known plans: {known}"));
        }
    }
    timeouts(config, &mut findings);
    index_limits(config, &mut findings);
    eviction(config, &mut findings);
    findings
}

fn timeouts(config: &Config, findings: &mut Vec<String>) {
    let request_ms = config.server.request_timeout_ms;
    let open_ms = config.actors.tenant_open_timeout_ms;
    if open_ms > request_ms {
        findings.push(format!(
            "actors.tenant_open_timeout_ms is {open_ms}, longer than server.request_timeout_ms \
             ({request_ms}), so a request would give up before its tenant does; lower the former \
             or raise the latter"
        ));
    }
    let remote = matches!(config.embedding.provider, EmbeddingProvider::Http);
    let embed_ms = config.embedding.http.timeout_ms;
    if remote && embed_ms > request_ms {
        findings.push(format!(
            "embedding.http.timeout_ms is {embed_ms}, longer than server.request_timeout_ms \
             ({request_ms}), so a request would give up before the embedder does; lower the \
             former or raise the latter"
        ));
    }
}

fn index_limits(config: &Config, findings: &mut Vec<String>) {
    let shards = config.shards.shard.iter().enumerate().map(|(position, entry)| {
        (format!("shards.shard[{position}].index."), entry.over(&config.shards.defaults).index)
    });
    let mut judged = config.index.problems();
    let everywhere = ("index.".to_owned(), IndexOverrides::default());
    let by_default = ("shards.defaults.index.".to_owned(), config.shards.defaults.index.clone());
    for (prefix, overrides) in [everywhere, by_default].into_iter().chain(shards) {
        let index = overrides.over(&config.index);
        let mut found = if prefix == "index." { Vec::new() } else { index.problems() };
        if index.expansion_search < limits::TOP_K_MAX {
            found.push(format!(
                "expansion_search is {}, less than the {} results one read may ask for; raise it \
                 to at least {}",
                index.expansion_search,
                limits::TOP_K_MAX,
                limits::TOP_K_MAX
            ));
        }
        for problem in found {
            // What a shard inherits is reported once, where it is set.
            if !judged.contains(&problem) {
                findings.push(format!("{prefix}{problem}"));
                judged.push(problem);
            }
        }
    }
}

fn eviction(config: &Config, findings: &mut Vec<String>) {
    let interval_s = config.actors.eviction_interval_s;
    let defaults = &config.shards.defaults;
    let shards = config.shards.shard.iter().map(|entry| entry.over(defaults).idle_evict_s);
    let shortest = shards.chain([defaults.idle_evict_s]).min().unwrap_or(interval_s);
    if interval_s > shortest {
        findings.push(format!(
            "actors.eviction_interval_s is {interval_s}, longer than the shortest idle_evict_s \
             ({shortest}), so idle tenants would stay open longer than asked; lower it to \
             {shortest}"
        ));
    }
}
