//! `hebbd eval learning`: what feedback about some questions does to the answers of these and of
//! others. This file owns the arguments and the order of a run; `questions` makes the halves and
//! scores their answers, `consolidation` is the optional last part, `report` prints.

mod consolidation;
mod questions;
mod report;

use std::collections::BTreeMap;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::InProcess;
use super::client::mnemoverse::{Feedback, Mnemoverse, Stats};
use super::latencies::Latencies;
use super::setup::{Subject, SubjectArgs, domain_of, progress_bar};
use crate::cli::output;
use questions::{Answer, Ask, Parts};
use report::{LearningReport, Taught};

/// Without --url and --credentials a server is started for the run, on a temporary directory.
#[derive(Debug, Args)]
#[command(after_help = MEANING)]
pub(super) struct LearningArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// The half that gets feedback: questions at odd or at even positions of the file, counted
    /// from 0, so that `odd` begins with the second question
    #[arg(long, value_enum, default_value_t = Half::Odd)]
    asked: Half,
    /// Leave query_concepts out of the feedback, as some clients do; the server then has to
    /// recognise by itself which question the feedback is about
    #[arg(long)]
    without_concepts: bool,
    /// At the end consolidate every domain, measure again, and check that all atoms are still
    /// readable by id and that a second consolidation changes nothing; exit code 1 if not
    #[arg(long)]
    consolidate: bool,
    /// First part of the domain names
    #[arg(long, default_value = "learning")]
    prefix: String,
}

const MEANING: &str = "\
What is done:
  1. Each conversation is written into a domain of its own, learning:NAME; with --prefix OTHER,
     OTHER:NAME. Other domains are neither read nor written.
  2. The questions are split into an asked half and a held-out half, every second one each.
  3. Both halves are measured: before.
  4. Each asked question is read, and feedback is given: 1 for the atoms of its evidence, whether
     they were returned or not, and -1 for the other atoms that were returned.
  5. Both halves are measured again: after.

What the numbers mean:
  asked        questions that got feedback, in the same words again: what is remembered of it
  held-out     questions that got none, about the same conversations: what carries over. Less
               than before means that feedback about one question spoils others
  paraphrases  other wordings of asked questions, which got no feedback themselves: whether more
               than the wording was learned. Only with a file whose questions have a text
               `paraphrase` or a list `paraphrases`
  recall@10    share of the evidence among the first ten results
  any@10       share of questions with some evidence among the first ten
  MRR          one over the rank of the first evidence, 0 without any
  points       after less before, in hundredths

Run it on a fresh tenant. A second run on the same tenant measures one that has learned already:
`before` then holds what the first run taught. Another --prefix gives fresh atoms, but what is
learned about words and concepts belongs to the whole tenant, so figures still move a little.

Examples:
  hebbd eval learning --data locomo.json                  on a server started for the run
  hebbd eval learning --data locomo.json --asked even     the other half; compare both
  hebbd eval learning --data locomo.json --consolidate";

/// Positions of the file's questions, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Half {
    /// The second, the fourth, ...
    Odd,
    /// The first, the third, ...
    Even,
}

/// # Errors
/// Those of [`super::run`], and when a consolidation lost an atom or changed something the second
/// time; the report is printed before.
pub(super) async fn run(
    args: &LearningArgs,
    start: impl AsyncFnOnce() -> anyhow::Result<InProcess>,
) -> anyhow::Result<()> {
    let subject = args.subject.prepare(start).await?;
    let is_fresh = is_fresh(args, &subject).await?;
    let written = subject.write_all(&args.prefix).await?;
    let limit = args.subject.run.limit_questions.unwrap_or(usize::MAX);
    let questions =
        questions::split(&subject.conversations, &args.prefix, limit, args.asked, &written);

    let mut reads = Latencies::default();
    let nothing_stands_for_another = BTreeMap::new();
    let answers = measure(&subject, "before", &questions, &mut reads).await?;
    let before = questions::means(&answers, &nothing_stands_for_another);
    let taught = teach(args, &subject, &questions.asked, &mut reads).await?;
    let answers = measure(&subject, "after", &questions, &mut reads).await?;
    let after = questions::means(&answers, &nothing_stands_for_another);

    let mut consolidation = None;
    if args.consolidate {
        let domains =
            subject.conversations.iter().map(|each| domain_of(&args.prefix, each)).collect();
        let mut run = consolidation::run_twice(&subject.client, domains, &written).await?;
        let answers = measure(&subject, "merged", &questions, &mut reads).await?;
        run.recall = questions::means(&answers, &nothing_stands_for_another);
        run.recall_by_prototypes = questions::means(&answers, &run.prototypes_by_member);
        consolidation = Some(run);
    }
    let report = LearningReport { is_fresh, written, reads, before, taught, after, consolidation };
    output::result(&args.subject.run.render(|| report.to_json(), || report.to_table()));
    match report.consolidation.as_ref().and_then(|run| run.find_fault()) {
        Some(fault) => bail!("{fault}"),
        None => Ok(()),
    }
}

/// Whether the tenant is empty; says so if it is not.
async fn is_fresh(args: &LearningArgs, subject: &Subject<Mnemoverse>) -> anyhow::Result<bool> {
    let Stats { total_atoms, hebbian_edges, domains: known } = subject.client.stats().await?;
    let mut domains = subject.conversations.iter().map(|each| domain_of(&args.prefix, each));
    let is_fresh = total_atoms == 0 && hebbian_edges == 0;
    if let Some(domain) = domains.find(|domain| known.contains(domain)) {
        output::error(&format!(
            "warning: the domain {domain} exists already; what it has learned is in `before`"
        ));
    } else if !is_fresh {
        output::error(&format!(
            "warning: the tenant holds {total_atoms} atoms and {hebbian_edges} associations \
             already; figures compare on a fresh tenant only"
        ));
    }
    Ok(is_fresh)
}

/// Asks every question.
async fn measure<'a>(
    subject: &Subject<Mnemoverse>,
    name: &'static str,
    questions: &'a Parts<Vec<Ask<'a>>>,
    reads: &mut Latencies,
) -> anyhow::Result<Parts<Vec<Answer<'a>>>> {
    let total = questions.named().iter().map(|(_, asks)| asks.len()).sum();
    let bar = progress_bar(name, total);
    let mut answers: Parts<Vec<Answer<'a>>> = Parts::default();
    let Parts { asked, held_out, paraphrases } = &mut answers;
    let parts = [
        (&questions.asked, asked),
        (&questions.held_out, held_out),
        (&questions.paraphrases, paraphrases),
    ];
    for (asks, answers) in parts {
        for ask in asks {
            let answer = subject.ask(ask.text, &ask.domain, reads).await?;
            let found = answer.items.into_iter().map(|item| item.id).collect();
            answers.push(Answer { gold: &ask.gold, found });
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(answers)
}

/// Reads every question once more and says which atoms it wanted.
async fn teach(
    args: &LearningArgs,
    subject: &Subject<Mnemoverse>,
    asks: &[Ask<'_>],
    reads: &mut Latencies,
) -> anyhow::Result<Taught> {
    let bar = progress_bar("teaching", asks.len());
    let mut taught = Taught::default();
    for ask in asks {
        let answer = subject.ask(ask.text, &ask.domain, reads).await?;
        let returned = answer.items.into_iter().map(|item| item.id);
        let wrong: Vec<String> = returned.filter(|id| !ask.gold.contains(id)).collect();
        for (atom_ids, outcome) in [(&ask.gold_atoms, 1.0), (&wrong, -1.0)] {
            if atom_ids.is_empty() {
                continue;
            }
            let query_concepts =
                (!args.without_concepts).then_some(answer.query_concepts.as_slice());
            let domain = &ask.domain;
            let feedback = Feedback { atom_ids, outcome, domain, query_concepts };
            let (answer, elapsed_us) = subject.client.give_feedback(&feedback).await?;
            taught.feedbacks.record(elapsed_us);
            taught.atoms_rated += answer.updated_count;
            taught.coactivation_edges += answer.coactivation_edges;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(taught)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        learning: LearningArgs,
    }

    fn parse(args: &[&str]) -> Result<LearningArgs, clap::Error> {
        let words = ["learning", "--data", "f.json"].iter().chain(args);
        Ok(Command::try_parse_from(words)?.learning)
    }

    #[test]
    fn half_of_the_questions_from_the_second_on_is_asked_unless_it_is_swapped() {
        let args = parse(&[]).expect("parses");
        assert_eq!((args.asked, args.prefix.as_str()), (Half::Odd, "learning"));
        assert!(!args.without_concepts && !args.consolidate);
        assert_eq!(parse(&["--asked", "even"]).expect("parses").asked, Half::Even);
        assert!(parse(&["--asked", "first"]).is_err());
    }
}
