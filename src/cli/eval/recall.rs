//! `hebbd eval recall`: how much of the evidence for each question is among the first results.

mod confidence;
mod report;

use std::collections::BTreeMap;

use anyhow::bail;
use clap::Args;

use super::InProcess;
use super::client::tex::Mode;
use super::client::{Dialect, Item, Memory};
use super::data::Question;
use super::metrics;
use super::setup::{Subject, SubjectArgs, domain_of, progress_bar};
use crate::cli::failure::{Cause, Failure};
use crate::cli::output;
use report::RecallReport;

/// Without --url and --credentials a server is started for the run, on a temporary directory.
#[derive(Debug, Args)]
#[command(after_help = MEANING)]
pub(super) struct RecallArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// The memory API to measure through
    #[arg(long, value_enum, default_value_t = Dialect::Mnemoverse)]
    dialect: Dialect,
    /// How much work a recall does, with --dialect tex [default: active]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Also ask each conversation the next one's questions, to measure how well scores separate,
    /// and confidence where the dialect has it
    #[arg(long)]
    other_questions: bool,
    /// The turns are stored already, by an earlier run with the same prefix
    #[arg(long)]
    skip_write: bool,
    /// First part of the names of domains, or sessions with --dialect tex
    #[arg(long, default_value = "locomo")]
    prefix: String,
}

const MEANING: &str = "\
What the numbers mean:
  any@k           share of questions with some evidence among the first k results
  recall@10       share of the evidence among the first ten results
  MRR             one over the rank of the first evidence, 0 without any
  separation AUC  the chance that a question scores its best result in its own conversation above
                  the best result of a question of another conversation
  confidence AUC  the same of the confidence, for questions with evidence among the first ten, and
                  for all
  own, other      share of the questions of the conversation itself, and of those of another one,
                  in a band of confidence
  evidence        share of the own questions in that band with evidence among the first ten

Through Tex each conversation is one session of the user that the key stands for, and results are
the turns among the hits; observations and entities take places and never count. It wants
tex.api_key in the file of --credentials, or a Tex key as --api-key. Sending the same turns again
changes nothing, so an earlier run needs no --skip-write.

Examples:
  hebbd eval recall --data locomo.json --other-questions
  hebbd eval recall --data locomo.json --other-questions --dialect tex
  hebbd eval recall --data locomo.json --dialect tex --mode deep \\
    --credentials dev-credentials.json";

/// # Errors
/// Those of [`super::run`], and arguments that the dialect has nothing for.
pub(super) async fn run(
    args: &RecallArgs,
    start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
) -> anyhow::Result<()> {
    args.check()?;
    match args.dialect {
        Dialect::Mnemoverse => {
            measure(args, RecallReport::default(), args.subject.prepare(start).await?).await
        }
        Dialect::Tex => {
            let mode = args.mode.unwrap_or(Mode::Active);
            let report = RecallReport { mode: Some(mode), ..RecallReport::default() };
            measure(args, report, args.subject.prepare_tex(mode, start).await?).await
        }
    }
}

impl RecallArgs {
    fn check(&self) -> Result<(), Failure> {
        let misplaced = match self.dialect {
            Dialect::Mnemoverse => self.mode.map(|_| "--mode is for --dialect tex".to_owned()),
            // The ids of the turns are what ingestion answers.
            Dialect::Tex if self.skip_write => Some(
                "--skip-write is not for --dialect tex: sending the same turns again changes \
                 nothing, and tells which turn is which hit"
                    .to_owned(),
            ),
            Dialect::Tex => self
                .subject
                .find_not_for_tex()
                .map(|argument| format!("{argument} is not for --dialect tex")),
        };
        misplaced.map_or(Ok(()), |message| Err(Failure::new(Cause::Usage, message)))
    }
}

async fn measure(
    args: &RecallArgs,
    mut report: RecallReport,
    subject: Subject<impl Memory>,
) -> anyhow::Result<()> {
    if !args.skip_write {
        report.written = subject.write_all(&args.prefix).await?;
    }
    ask_all(args, &subject, &mut report).await?;
    output::result(&args.subject.run.render(|| report.to_json(), || report.to_table()));
    Ok(())
}

async fn ask_all(
    args: &RecallArgs,
    subject: &Subject<impl Memory>,
    report: &mut RecallReport,
) -> anyhow::Result<()> {
    let conversations = &subject.conversations;
    let others = args.other_questions && conversations.len() > 1;
    let run = &args.subject.run;
    let own_count: usize = conversations.iter().map(|each| run.asked_of(each).len()).sum();
    let bar = progress_bar("asking", own_count * if others { 2 } else { 1 });
    let turns = report.written.turns_by_id();
    // Each conversation with the one after it, the last with the first.
    let next = conversations.iter().cycle().skip(1);
    for (conversation, next) in conversations.iter().zip(next) {
        let domain = domain_of(&args.prefix, conversation);
        for Question { text, category, gold, .. } in run.asked_of(conversation) {
            let answer = subject.ask(text, &domain, &mut report.reads).await?;
            let items = &answer.items;
            let score = metrics::score(&names_of(items, &domain, &turns)?, gold);
            report.items_seen += items.len();
            report.others_seen += answer.others;
            report.own_top.push(items.first().map_or(0.0, |item| item.relevance));
            report.confidences.add_own(answer.confidence, score.any_at_10);
            report.scores.push((*category, score));
            bar.inc(1);
        }
        for question in if others { run.asked_of(next) } else { &[] } {
            let answer = subject.ask(&question.text, &domain, &mut report.reads).await?;
            names_of(&answer.items, &domain, &turns)?;
            report.other_top.push(answer.items.first().map_or(0.0, |item| item.relevance));
            report.confidences.add_other(answer.confidence);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// The turns' names in the data set: as the server returned them, or by the ids it gave them when
/// they were stored. `None` for what is not of the data set.
///
/// # Errors
/// When a turn was stored in another domain.
fn names_of<'a>(
    items: &'a [Item],
    domain: &str,
    turns: &BTreeMap<&str, (&str, &'a str)>,
) -> anyhow::Result<Vec<Option<&'a str>>> {
    let mut names = Vec::with_capacity(items.len());
    for Item { id, dia_id, .. } in items {
        let known = turns.get(id.as_str());
        if let Some((other, _)) = known.filter(|(stored_in, _)| *stored_in != domain) {
            bail!("an answer of {domain} holds a turn of {other}");
        }
        names.push(dia_id.as_deref().or(known.map(|(_, name)| *name)));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        recall: RecallArgs,
    }

    fn parse(args: &[&str]) -> Result<RecallArgs, clap::Error> {
        let words = ["recall", "--data", "f.json"].iter().chain(args);
        Ok(Command::try_parse_from(words)?.recall)
    }

    #[track_caller]
    fn check(args: &[&str], expected: Option<&str>) {
        let refusal = parse(args).expect("parses").check().err().map(|error| error.to_string());
        match (&refusal, expected) {
            (Some(refusal), Some(part)) => assert!(refusal.contains(part), "{refusal}"),
            _ => assert_eq!(refusal.as_deref(), expected),
        }
    }

    #[test]
    fn mnemoverse_is_measured_unless_tex_is_named() {
        let args = parse(&[]).expect("parses");
        assert_eq!((args.dialect, args.mode), (Dialect::Mnemoverse, None));
        assert_eq!(args.prefix, "locomo");
        let args = parse(&["--dialect", "tex", "--mode", "deep"]).expect("parses");
        assert_eq!((args.dialect, args.mode), (Dialect::Tex, Some(Mode::Deep)));
        for wrong in [["--dialect", "metacogna"], ["--mode", "fast"]] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn arguments_of_the_other_dialect_are_refused() {
        check(&[], None);
        check(&["--skip-write", "--min-relevance", "0", "--no-associations"], None);
        check(&["--mode", "active"], Some("--mode is for --dialect tex"));
        let tex = |more: &[&'static str]| [&["--dialect", "tex"], more].concat();
        check(&tex(&[]), None);
        check(&tex(&["--mode", "active", "--other-questions", "--top-k", "15"]), None);
        check(&tex(&["--skip-write"]), Some("--skip-write is not for"));
        check(&tex(&["--min-relevance", "0"]), Some("--min-relevance is not for"));
        check(&tex(&["--no-associations"]), Some("--no-associations is not for"));
    }

    #[test]
    fn a_turn_is_named_by_the_server_or_by_its_id_and_must_be_of_the_domain() {
        let item = |id: &str, dia_id: Option<&str>| Item {
            id: id.to_owned(),
            dia_id: dia_id.map(str::to_owned),
            relevance: 0.5,
        };
        let turns = BTreeMap::from([("f1", ("s:a", "D1:1")), ("f2", ("s:b", "D1:2"))]);
        let items = [item("f1", None), item("x", Some("D1:3")), item("y", None)];
        let names = names_of(&items, "s:a", &turns).expect("all of the domain");
        assert_eq!(names, [Some("D1:1"), Some("D1:3"), None]);
        let error = names_of(&[item("f2", None)], "s:a", &turns).expect_err("of another");
        assert_eq!(error.to_string(), "an answer of s:a holds a turn of s:b");
    }
}
