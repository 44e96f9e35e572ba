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
use super::client::mnemoverse::{Mnemoverse, ReadOptions};
use super::client::tex::{Mode, Tex};
use super::client::{Access, Answer, Memory};
use super::data::{self, Conversation, Question};
use super::latencies::Latencies;
use super::metrics::two;

// Not doc comments: the help of a command that flattens these arguments would begin with them.
// What every measurement is told. Without `url` and `credentials` a server is started for the run.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// A LoCoMo-shaped JSON file: conversations with sessions of turns, and questions with evidence
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The server to measure, e.g. http://127.0.0.1:8787; needs --api-key
    #[arg(long, conflicts_with = "credentials")]
    url: Option<String>,
    /// The API key for --url
    #[arg(long, env = "HEBBD_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// The credentials file of a development server (dev-credentials.json)
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Questions per conversation at most
    #[arg(long, value_name = "N")]
    pub(super) limit_questions: Option<usize>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

// The same of a measurement by atoms.
#[derive(Debug, Args)]
pub(super) struct SubjectArgs {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Results asked for with each question
    #[arg(long, default_value_t = 10)]
    top_k: usize,
    /// Floor of relevance, 0 to 1; the server's own when absent
    #[arg(long)]
    min_relevance: Option<f64>,
    /// Ask without associations
    #[arg(long)]
    no_associations: bool,
}

/// Whose key a measurement needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    Mnemoverse,
    Tex,
    Magneteco,
}

/// What is measured, and with what. The server stops when it is dropped, if it was started here.
pub(super) struct Subject<M> {
    pub(super) client: M,
    pub(super) conversations: Vec<Conversation>,
    top_k: usize,
    _guard: Option<Box<dyn Any>>,
}

/// What writing all turns came to.
#[derive(Default)]
pub(super) struct Written {
    pub(super) turns: usize,
    /// Turns the server would not store.
    pub(super) refused: usize,
    /// Per write request of up to [`Memory::WRITE_BATCH`] turns.
    pub(super) batches: Latencies,
    /// Ids by domain and turn. A turn that was refused has none.
    ids: BTreeMap<String, BTreeMap<String, String>>,
}

impl SubjectArgs {
    /// A server to be measured through mnemoverse. Reads the file first: a mistake in it is found
    /// before anything is started.
    ///
    /// # Errors
    /// When the file is not usable, or the server cannot be started or its key not be found.
    pub(super) async fn prepare(
        &self,
        start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
    ) -> anyhow::Result<Subject<Mnemoverse>> {
        let conversations = self.run.read_data()?;
        let (access, guard) = self.run.find_access(Api::Mnemoverse, start).await?;
        let options = ReadOptions {
            min_relevance: self.min_relevance,
            include_associations: self.no_associations.then_some(false),
        };
        let client = Mnemoverse::new(access, options)?;
        Ok(Subject { client, conversations, top_k: self.top_k, _guard: guard })
    }

    /// The same through Tex.
    ///
    /// # Errors
    /// Those of [`Self::prepare`], and when the server gives no access token for the key.
    pub(super) async fn prepare_tex(
        &self,
        mode: Mode,
        start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
    ) -> anyhow::Result<Subject<Tex>> {
        let conversations = self.run.read_data()?;
        let (access, guard) = self.run.find_access(Api::Tex, start).await?;
        let client = Tex::open(access, mode).await?;
        Ok(Subject { client, conversations, top_k: self.top_k, _guard: guard })
    }

    /// An argument that was given and that Tex has nothing for.
    pub(super) fn find_not_for_tex(&self) -> Option<&'static str> {
        if self.min_relevance.is_some() {
            Some("--min-relevance")
        } else {
            self.no_associations.then_some("--no-associations")
        }
    }
}

impl RunArgs {
    /// # Errors
    /// When the file cannot be read, or is of another shape.
    pub(super) fn read_data(&self) -> anyhow::Result<Vec<Conversation>> {
        let path = self.data.display();
        let text =
            std::fs::read_to_string(&self.data).with_context(|| format!("cannot read {path}"))?;
        data::parse(&text).with_context(|| format!("{path} is not usable"))
    }

    /// The server that is named, or else one started for the run, which stops when what comes with
    /// it is dropped.
    ///
    /// # Errors
    /// When the server cannot be started, or its key not be found.
    pub(super) async fn find_access(
        &self,
        api: Api,
        start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
    ) -> anyhow::Result<(Access, Option<Box<dyn Any>>)> {
        if let Some(path) = &self.credentials {
            return Ok((read_credentials(path, api)?, None));
        }
        if let Some(url) = &self.url {
            let api_key =
                self.api_key.clone().context("--url needs --api-key (or HEBBD_API_KEY)")?;
            let key_source = "--api-key or HEBBD_API_KEY".to_owned();
            let base_url = url.clone();
            return Ok((Access { base_url, api_key, app_id: None, key_source }, None));
        }
        let server = start().await.context("cannot start a server for the run")?;
        let api_key = match api {
            Api::Mnemoverse => server.mnemoverse_key,
            Api::Tex => server.tex_key,
            Api::Magneteco => server.magneteco_key,
        };
        let app_id = (api == Api::Magneteco).then_some(server.app_id);
        let key_source = "the key of the server started for this run".to_owned();
        let access = Access { base_url: server.base_url, api_key, app_id, key_source };
        Ok((access, Some(server.guard)))
    }

    /// The questions of a conversation that are asked.
    pub(super) fn asked_of<'a>(&self, conversation: &'a Conversation) -> &'a [Question] {
        let count = self.limit_questions.unwrap_or(usize::MAX).min(conversation.questions.len());
        conversation.questions.get(..count).unwrap_or_default()
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

impl<M: Memory> Subject<M> {
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
            for turns in conversation.turns.chunks(M::WRITE_BATCH) {
                let (results, elapsed_us) = self.client.store(&domain, turns).await?;
                written.batches.record(elapsed_us);
                written.turns += turns.len();
                written.refused += results.iter().filter(|result| !result.stored).count();
                let ids = turns.iter().zip(results);
                let ids = ids.filter_map(|(turn, it)| Some((turn.dia_id.clone(), it.id?)));
                written.ids.entry(domain.clone()).or_default().extend(ids);
                bar.inc(turns.len() as u64);
            }
        }
        bar.finish_and_clear();
        Ok(written)
    }

    /// Asks one question and holds the answer to what the contract promises.
    ///
    /// # Errors
    /// When the server does not answer, too much, or from another domain.
    pub(super) async fn ask(
        &self,
        text: &str,
        domain: &str,
        reads: &mut Latencies,
    ) -> anyhow::Result<Answer> {
        let (answer, elapsed_us) = self.client.ask(domain, text, self.top_k).await?;
        reads.record(elapsed_us);
        let count = answer.items.len() + answer.others;
        ensure!(count <= self.top_k, "asked for {} items, got {count}", self.top_k);
        Ok(answer)
    }
}

impl Written {
    /// The id that the turn was stored by; `None` for one that was refused.
    pub(super) fn find_id(&self, domain: &str, dia_id: &str) -> Option<&str> {
        self.ids.get(domain)?.get(dia_id).map(String::as_str)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.values().flat_map(BTreeMap::values).map(String::as_str)
    }

    /// The domain and the name of every stored turn, by its id.
    pub(super) fn turns_by_id(&self) -> BTreeMap<&str, (&str, &str)> {
        let domains = self.ids.iter();
        let turns = domains.flat_map(|(domain, ids)| {
            ids.iter().map(|(dia_id, id)| (id.as_str(), (domain.as_str(), dia_id.as_str())))
        });
        turns.collect()
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

fn read_credentials(path: &Path, api: Api) -> anyhow::Result<Access> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let file: Value =
        serde_json::from_str(&text).with_context(|| format!("{shown} is not JSON"))?;
    let field = |pointer: &str| {
        let value = file.pointer(pointer).and_then(Value::as_str);
        value.map(str::to_owned).with_context(|| format!("{shown} has no string at {pointer}"))
    };
    let (pointer, name) = match api {
        Api::Mnemoverse => ("/mnemoverse/api_key", "mnemoverse.api_key"),
        Api::Tex => ("/tex/api_key", "tex.api_key"),
        Api::Magneteco => ("/magneteco/api_key", "magneteco.api_key"),
    };
    let has_app = api == Api::Magneteco;
    Ok(Access {
        base_url: field("/base_url")?,
        api_key: field(pointer)?,
        app_id: if has_app { Some(field("/magneteco/app_id")?) } else { None },
        key_source: format!("{name} of {shown}"),
    })
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
        assert_eq!((args.top_k, args.min_relevance), (10, None));
        assert_eq!(args.run.limit_questions, None);
    }

    #[test]
    fn each_api_has_its_key_in_the_credentials_and_a_missing_one_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let read = |api| read_credentials(file.path(), api);
        let keys = json!({
            "base_url": "http://h",
            "tex": {"api_key": "t"},
            "magneteco": {"app_id": "a", "api_key": "m"},
        });
        std::fs::write(file.path(), keys.to_string()).expect("writes");
        let access = read(Api::Tex).expect("reads");
        assert_eq!((access.base_url.as_str(), access.api_key.as_str()), ("http://h", "t"));
        assert_eq!(access.app_id, None);
        assert!(access.key_source.starts_with("tex.api_key of "), "{}", access.key_source);
        let access = read(Api::Magneteco).expect("reads");
        assert_eq!((access.api_key.as_str(), access.app_id.as_deref()), ("m", Some("a")));
        let error = read(Api::Mnemoverse).err().expect("fails");
        assert!(error.to_string().contains("/mnemoverse/api_key"), "{error}");
    }

    #[test]
    fn what_tex_has_nothing_for_is_named() {
        let named = |args: &[&str]| parse(args).expect("parses").find_not_for_tex();
        assert_eq!(named(&["--top-k", "5"]), None);
        assert_eq!(named(&["--min-relevance", "0"]), Some("--min-relevance"));
        assert_eq!(named(&["--no-associations"]), Some("--no-associations"));
    }
}
