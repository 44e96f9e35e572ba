//! What every measurement begins with: a server and a file of conversations, the turns written,
//! one question asked.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use super::InProcess;
use super::client::{Client, NewAtom, ReadAnswer, ReadQuery};
use super::data::{self, Conversation};
use super::latencies::Latencies;
use super::metrics::two;

/// Turns sent with one write.
const WRITE_BATCH: usize = 200;

// Not a doc comment: the help of a command that flattens these arguments would begin with it.
// Without `url` and `credentials` a server is started for the run.
#[derive(Debug, Args)]
pub(super) struct SubjectArgs {
    /// A LoCoMo-shaped JSON file: conversations with sessions of turns, and questions with evidence
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The server to measure, e.g. http://127.0.0.1:8787; needs --api-key
    #[arg(long, conflicts_with = "credentials")]
    url: Option<String>,
    /// The mnemoverse API key for --url
    #[arg(long, env = "HEBBD_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// The credentials file of a development server (dev-credentials.json)
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Results asked for with each question
    #[arg(long, default_value_t = 10)]
    pub(super) top_k: usize,
    /// Floor of relevance, 0 to 1; the server's own when absent
    #[arg(long)]
    pub(super) min_relevance: Option<f64>,
    /// Ask without associations
    #[arg(long)]
    no_associations: bool,
    /// Questions per conversation at most
    #[arg(long, value_name = "N")]
    pub(super) limit_questions: Option<usize>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// What is measured, and with what. The server stops when it is dropped, if it was started here.
pub(super) struct Subject {
    pub(super) client: Client,
    pub(super) conversations: Vec<Conversation>,
    _guard: Option<Box<dyn Any>>,
}

/// What writing all turns came to.
#[derive(Default)]
pub(super) struct Written {
    pub(super) turns: usize,
    /// Turns the server would not store.
    pub(super) refused: usize,
    /// Per write request of up to 200 turns.
    pub(super) batches: Latencies,
    /// By domain and turn. A turn that was refused has no atom.
    atom_ids: BTreeMap<String, BTreeMap<String, String>>,
}

impl SubjectArgs {
    /// Reads the file first: a mistake in it is found before anything is started.
    ///
    /// # Errors
    /// When the file is not usable, or the server cannot be started or its key not be found.
    pub(super) async fn prepare(
        &self,
        start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
    ) -> anyhow::Result<Subject> {
        let path = self.data.display();
        let text =
            std::fs::read_to_string(&self.data).with_context(|| format!("cannot read {path}"))?;
        let conversations = data::parse(&text).with_context(|| format!("{path} is not usable"))?;
        let (client, guard) = self.connect(start).await?;
        Ok(Subject { client, conversations, _guard: guard })
    }

    async fn connect(
        &self,
        start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
    ) -> anyhow::Result<(Client, Option<Box<dyn Any>>)> {
        if let Some(path) = &self.credentials {
            let (url, key) = read_credentials(path)?;
            let source = format!("mnemoverse.api_key of {}", path.display());
            return Ok((Client::new(&url, key, source)?, None));
        }
        if let Some(url) = &self.url {
            let key = self.api_key.clone().context("--url needs --api-key (or HEBBD_API_KEY)")?;
            return Ok((Client::new(url, key, "--api-key or HEBBD_API_KEY".to_owned())?, None));
        }
        let server = start().await.context("cannot start a server for the run")?;
        let source = "the key of the server started for this run".to_owned();
        Ok((Client::new(&server.base_url, server.api_key, source)?, Some(server.guard)))
    }

    /// Asks one question and holds the answer to what the contract promises.
    ///
    /// # Errors
    /// When the server does not answer, too much, or from another domain.
    pub(super) async fn ask(
        &self,
        client: &Client,
        text: &str,
        domain: &str,
        reads: &mut Latencies,
    ) -> anyhow::Result<ReadAnswer> {
        let query = ReadQuery {
            query: text,
            domain,
            top_k: self.top_k,
            min_relevance: self.min_relevance,
            include_associations: self.no_associations.then_some(false),
        };
        let (answer, elapsed_us) = client.read(&query).await?;
        reads.record(elapsed_us);
        let count = answer.items.len();
        ensure!(count <= self.top_k, "asked for {} items, got {count}", self.top_k);
        ensure!(
            answer.items.iter().all(|item| item.domain == domain),
            "a read of {domain} returned another domain's atom",
        );
        Ok(answer)
    }

    /// The result of the command, in the form that was asked for.
    pub(super) fn render(
        &self,
        to_json: impl FnOnce() -> String,
        to_table: impl FnOnce() -> String,
    ) -> String {
        if self.json { to_json() } else { to_table() }
    }
}

impl Subject {
    /// Writes every conversation into its domain.
    ///
    /// # Errors
    /// When a write fails as a whole. A turn that is refused is counted.
    pub(super) async fn write_all(&self, prefix: &str) -> anyhow::Result<Written> {
        let total = self.conversations.iter().map(|conversation| conversation.turns.len()).sum();
        let bar = progress_bar("writing", total);
        let mut written = Written::default();
        for conversation in &self.conversations {
            let domain = domain_of(prefix, conversation);
            for turns in conversation.turns.chunks(WRITE_BATCH) {
                let items: Vec<NewAtom> =
                    turns.iter().map(|turn| NewAtom::of_turn(turn, &domain)).collect();
                let (results, elapsed_us) = self.client.write_batch(&items).await?;
                written.batches.record(elapsed_us);
                written.turns += items.len();
                written.refused += results.iter().filter(|result| !result.stored).count();
                let ids = turns.iter().zip(results);
                let ids = ids.filter_map(|(turn, it)| Some((turn.dia_id.clone(), it.atom_id?)));
                written.atom_ids.entry(domain.clone()).or_default().extend(ids);
                bar.inc(items.len() as u64);
            }
        }
        bar.finish_and_clear();
        Ok(written)
    }
}

impl Written {
    /// `None` for a turn that was refused.
    pub(super) fn find_atom_id(&self, domain: &str, dia_id: &str) -> Option<&str> {
        self.atom_ids.get(domain)?.get(dia_id).map(String::as_str)
    }

    pub(super) fn atom_ids(&self) -> impl Iterator<Item = &str> {
        self.atom_ids.values().flat_map(BTreeMap::values).map(String::as_str)
    }

    /// The fields of a JSON report.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) {
        fields.insert("turns written".to_owned(), json!(self.turns));
        fields.insert("turns refused".to_owned(), json!(self.refused));
        fields.insert("write seconds".to_owned(), json!(two(self.batches.seconds())));
        self.batches.put_into(fields, "write batch");
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { turns, refused, .. } = self;
        write!(f, "{turns} written in {:.2} s, {refused} refused", self.batches.seconds())
    }
}

pub(super) fn domain_of(prefix: &str, conversation: &Conversation) -> String {
    format!("{prefix}:{}", conversation.name)
}

/// Draws on the error stream, and only on a terminal.
pub(super) fn progress_bar(what: &'static str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:10} [{bar:40}] {pos}/{len}  {eta}");
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    bar.set_message(what);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

fn read_credentials(path: &Path) -> anyhow::Result<(String, String)> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let file: Value =
        serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))?;
    let field = |pointer: &str| {
        let value = file.pointer(pointer).and_then(Value::as_str);
        value.map(str::to_owned).with_context(|| format!("{shown} has no string at {pointer}"))
    };
    Ok((field("/base_url")?, field("/mnemoverse/api_key")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        subject: SubjectArgs,
    }

    fn parse(args: &[&str]) -> Result<SubjectArgs, clap::Error> {
        let words = ["eval", "--data", "f.json"].iter().chain(args);
        Ok(Command::try_parse_from(words)?.subject)
    }

    #[test]
    fn a_server_is_named_in_one_way_only() {
        assert!(parse(&["--url", "http://h", "--api-key", "k"]).is_ok());
        assert!(parse(&["--credentials", "c.json"]).is_ok());
        assert!(parse(&["--credentials", "c.json", "--url", "http://h"]).is_err());
    }

    #[test]
    fn the_defaults_are_those_of_the_reference_script() {
        let args = parse(&[]).expect("parses");
        assert_eq!((args.top_k, args.min_relevance, args.limit_questions), (10, None, None));
    }

    #[test]
    fn credentials_without_the_key_name_the_missing_field() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), r#"{"base_url": "http://h"}"#).expect("writes");
        let error = read_credentials(file.path()).expect_err("fails");
        assert!(error.to_string().contains("/mnemoverse/api_key"), "{error}");
    }
}
