//! `hebbd eval recall`: how much of the evidence for each question is among the first results.

mod report;

use clap::Args;

use super::InProcess;
use super::client::Item;
use super::data::{Conversation, Question};
use super::metrics;
use super::setup::{Subject, SubjectArgs, domain_of, progress_bar};
use crate::cli::output;
use report::RecallReport;

/// Without --url and --credentials a server is started for the run, on a temporary directory.
#[derive(Debug, Args)]
pub(super) struct RecallArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Also ask each conversation the next one's questions, to measure how well scores separate
    #[arg(long)]
    other_questions: bool,
    /// The turns are stored already, by an earlier run with the same prefix
    #[arg(long)]
    skip_write: bool,
    /// First part of the domain names
    #[arg(long, default_value = "locomo")]
    prefix: String,
}

/// # Errors
/// Those of [`super::run`].
pub(super) async fn run(
    args: &RecallArgs,
    start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
) -> anyhow::Result<()> {
    let subject = args.subject.prepare(start).await?;
    let mut report = RecallReport::default();
    if !args.skip_write {
        report.written = subject.write_all(&args.prefix).await?;
    }
    ask_all(args, &subject, &mut report).await?;
    output::result(&args.subject.render(|| report.to_json(), || report.to_table()));
    Ok(())
}

async fn ask_all(
    args: &RecallArgs,
    subject: &Subject,
    report: &mut RecallReport,
) -> anyhow::Result<()> {
    let Subject { client, conversations, .. } = subject;
    let asked = |conversation: &'_ Conversation| {
        let limit = args.subject.limit_questions.unwrap_or(usize::MAX);
        conversation.questions.iter().take(limit).cloned().collect::<Vec<Question>>()
    };
    let others = args.other_questions && conversations.len() > 1;
    let own_count: usize = conversations.iter().map(|each| asked(each).len()).sum();
    let bar = progress_bar("asking", own_count * if others { 2 } else { 1 });
    // Each conversation with the one after it, the last with the first.
    let next = conversations.iter().cycle().skip(1);
    for (conversation, next) in conversations.iter().zip(next) {
        let domain = domain_of(&args.prefix, conversation);
        for Question { text, category, gold, .. } in asked(conversation) {
            let items = args.subject.ask(client, &text, &domain, &mut report.reads).await?.items;
            let found: Vec<Option<&str>> = items.iter().map(Item::dia_id).collect();
            report.items_seen += items.len();
            report.own_top.push(items.first().map_or(0.0, |item| item.relevance));
            report.scores.push((category, metrics::score(&found, &gold)));
            bar.inc(1);
        }
        for question in if others { asked(next) } else { Vec::new() } {
            let reads = &mut report.reads;
            let items = args.subject.ask(client, &question.text, &domain, reads).await?.items;
            report.other_top.push(items.first().map_or(0.0, |item| item.relevance));
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}
