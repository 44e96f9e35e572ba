//! `hebbd eval facts`: how often the evidence of a question is in what the server returns about a
//! user after it has read whole conversations. This file owns the arguments and the order of a run;
//! `evidence` looks for turns in an answer, `report` prints.

mod evidence;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use super::InProcess;
use super::client::magneteco::Magneteco;
use super::data::{Conversation, Turn};
use super::setup::{Api, RunArgs, domain_of, progress_bar};
use crate::cli::failure::{Cause, Failure};
use crate::cli::output;
use crate::types::{Clock, SystemClock};
use evidence::Returned;
use report::{FactsReport, Memorized};

/// Room for one answer, in tokens: what the API takes where a client says nothing.
const TOKENS_MAX: usize = 2_000;

/// Without --url and --credentials a server is started for the run, on a temporary directory.
#[derive(Debug, Args)]
#[command(after_help = MEANING)]
pub(super) struct FactsArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The app that the key of --api-key belongs to; with --url
    #[arg(long, requires = "url")]
    app_id: Option<String>,
    /// Estimated tokens of one answer at most
    #[arg(long, default_value_t = TOKENS_MAX, value_name = "N")]
    max_tokens: usize,
    /// The sessions are memorized already, by an earlier run with the same prefix
    #[arg(long)]
    skip_write: bool,
    /// First part of the names of users
    #[arg(long, default_value = "locomo")]
    prefix: String,
    /// Exit with 1 when the share of all questions with some evidence is below this, 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    min: Option<f64>,
}

const MEANING: &str = "\
What is done:
  1. Each conversation is a user of the key's app, and each session of it one content of the type
     `conversation`: a line with the date, and a line for each turn. Each is waited for.
  2. Each question is one POST /v1/retrieve with maxTokens and nothing else but the question.

What the numbers mean:
  any evidence  share of questions with some turn of the evidence in the returned texts
  evidence      share of the turns of the evidence that are in them
The texts are those of relevantItems, summaries and graphContext. A turn is in them when each of its
sentences stands in one of them word for word; there is no model that judges.

Through a server that runs it takes as long as the server's limits of a minute say.

Examples:
  hebbd eval facts --data locomo.json
  hebbd eval facts --data locomo.json --min 0.75 --json
  hebbd eval facts --data locomo.json --credentials dev-credentials.json";

/// # Errors
/// Those of [`super::run`], a content that the server gives up on, and a share below `--min`; the
/// report is printed before.
pub(super) async fn run(
    args: &FactsArgs,
    start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
) -> anyhow::Result<()> {
    let conversations = args.run.read_data()?;
    let (mut access, _guard) = args.run.find_access(Api::Magneteco, start).await?;
    access.app_id = args.app_id.clone().or(access.app_id);
    let client = Magneteco::new(access)?;
    let mut report = FactsReport::default();
    if !args.skip_write {
        report.memorized = memorize_all(args, &client, &conversations).await?;
    }
    ask_all(args, &client, &conversations, &mut report).await?;
    output::result(&args.run.render(|| report.to_json(), || report.to_table()));
    match args.min.filter(|min| report.share() < *min) {
        Some(min) => {
            let message = format!("any evidence is {:.4}, below {min}", report.share());
            Err(Failure::new(Cause::Failed, message).into())
        }
        None => Ok(()),
    }
}

async fn memorize_all(
    args: &FactsArgs,
    client: &Magneteco,
    conversations: &[Conversation],
) -> anyhow::Result<Memorized> {
    let sessions: Vec<(String, String)> = conversations
        .iter()
        .flat_map(|conversation| {
            let user = domain_of(&args.prefix, conversation);
            contents_of(&conversation.turns).into_iter().map(move |text| (user.clone(), text))
        })
        .collect();
    let bar = progress_bar("memorizing", sessions.len());
    let mut memorized = Memorized::default();
    let start_us = SystemClock.monotonic_micros();
    for (user, content) in &sessions {
        let (resource, elapsed_us) = client.memorize(user, content).await?;
        memorized.calls.record(elapsed_us);
        let progress = client.wait_for(&resource).await?;
        memorized.facts_extracted += progress.facts_extracted;
        memorized.facts_written += progress.facts_written;
        bar.inc(1);
    }
    memorized.elapsed_us = SystemClock.monotonic_micros() - start_us;
    bar.finish_and_clear();
    Ok(memorized)
}

async fn ask_all(
    args: &FactsArgs,
    client: &Magneteco,
    conversations: &[Conversation],
    report: &mut FactsReport,
) -> anyhow::Result<()> {
    let count = conversations.iter().map(|each| args.run.asked_of(each).len()).sum();
    let bar = progress_bar("asking", count);
    for conversation in conversations {
        let user = domain_of(&args.prefix, conversation);
        let turns: BTreeMap<&str, &str> = conversation
            .turns
            .iter()
            .map(|turn| (turn.dia_id.as_str(), turn.text.as_str()))
            .collect();
        for question in args.run.asked_of(conversation) {
            let (answer, elapsed_us) =
                client.retrieve(&user, &question.text, args.max_tokens).await?;
            report.retrievals.record(elapsed_us);
            report.tokens += answer.token_count;
            report.items += answer.item_count();
            let gold: BTreeSet<&str> =
                question.gold.iter().filter_map(|name| turns.get(name.as_str()).copied()).collect();
            report.found.push((question.category, Returned::of(answer.texts()).score(&gold)));
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// One text for each session, in order.
fn contents_of(turns: &[Turn]) -> Vec<String> {
    let sessions = turns.chunk_by(|turn, next| turn.session_id == next.session_id);
    let text = |turns: &[Turn]| {
        let date = turns.first().map_or("", |turn| turn.session_date.as_str());
        let lines = turns.iter().filter(|turn| !turn.text.trim().is_empty());
        let lines = lines.map(|turn| format!("\n{}: {}", turn.speaker, one_line(&turn.text)));
        format!("[{date}]{}", lines.collect::<String>())
    };
    sessions.map(text).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or("not a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        facts: FactsArgs,
    }

    fn parse(args: &[&str]) -> Result<FactsArgs, clap::Error> {
        let words = ["facts", "--data", "f.json"].iter().chain(args);
        Ok(Command::try_parse_from(words)?.facts)
    }

    fn turn(session: &str, date: &str, speaker: &str, text: &str) -> Turn {
        Turn {
            dia_id: "D1:1".to_owned(),
            session_id: session.to_owned(),
            session_date: date.to_owned(),
            occurred_at: "2021-03-03T09:05:00Z".to_owned(),
            speaker: speaker.to_owned(),
            text: text.to_owned(),
            content: String::new(),
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_api() {
        let args = parse(&[]).expect("parses");
        assert_eq!((args.max_tokens, args.min, args.prefix.as_str()), (2_000, None, "locomo"));
        assert_eq!(parse(&["--min", "0.75"]).expect("parses").min, Some(0.75));
        for wrong in [["--min", "1.5"], ["--min", "most"], ["--min", "NaN"]] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
        assert!(parse(&["--app-id", "a"]).is_err(), "an app without its server");
    }

    #[test]
    fn a_session_is_one_text_with_its_date_and_a_line_for_each_turn() {
        let turns = [
            turn("session-1", "1:56 pm on 8 May, 2023", "Ana", "I painted\nthe shed."),
            turn("session-1", "1:56 pm on 8 May, 2023", "Bo", ""),
            turn("session-1", "1:56 pm on 8 May, 2023", "Bo", "Nice!"),
            turn("session-2", "9:00 am on 9 May, 2023", "Bo", "Hello."),
        ];
        let expected = [
            "[1:56 pm on 8 May, 2023]\nAna: I painted the shed.\nBo: Nice!",
            "[9:00 am on 9 May, 2023]\nBo: Hello.",
        ];
        assert_eq!(contents_of(&turns), expected);
        assert_eq!(contents_of(&[]), Vec::<String>::new());
    }
}
