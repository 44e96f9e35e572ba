//! A process that enqueues and runs jobs, killed at every step and at random moments, and started
//! again until all is done. In the end each job has left exactly one atom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use hebbd::engine::jobs::JobState;
use hebbd::index::IndexSettings;
use hebbd::storage::{CommitPolicy, GroupCommit, SledStore, Store};
use hebbd::tenant::{OpenTenant, Tenant, marked_tenants};
use hebbd::types::{SystemClock, TenantNo};
use rand::RngExt;

use crate::child::{ASK_FOR, DEADLY, DEADLY_ATTEMPTS, DIRECTORY, STAND_STILL_AT, settings_of};
use crate::plain_tenant::identity;
use crate::seed::seeded;

const KILLS: usize = 200;
/// Kills after which a scene is let run to its end, so that there are many ends to look at.
const KILLS_OF_A_SCENE: usize = 12;
const JOBS: usize = 10;
/// Lines that a life without a kill prints, about.
const LINES: usize = 220;

const STEPS: [&str; 11] = [
    "enqueue begins",
    "enqueue applied",
    "enqueue acknowledged",
    "flush begins",
    "flush ended",
    "job begins",
    "job applied",
    "run begins",
    "run half done",
    "result begins",
    "result applied",
];

/// A directory, the jobs that are asked for, and which of those were acknowledged.
struct Scene {
    directory: tempfile::TempDir,
    wanted: Vec<String>,
    acknowledged: BTreeSet<String>,
}

/// What the process said of itself at last.
const ERRORS: &str = "errors";

enum Life {
    /// Killed when it had printed so many lines, or a little later.
    UntilLine(usize),
    /// Killed where it stands still: at the so-manieth time it reaches a step.
    UntilStep(&'static str, usize),
    ToItsEnd,
}

#[derive(Debug, PartialEq)]
enum End {
    Killed,
    Done,
    ByItself(ExitStatus),
}

impl Scene {
    fn new(wanted: impl IntoIterator<Item = String>) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            wanted: wanted.into_iter().collect(),
            acknowledged: BTreeSet::new(),
        }
    }

    fn with_numbered_jobs() -> Self {
        Self::new((0..JOBS).map(|number| format!("job{number}")))
    }

    /// A client asks again for what was not acknowledged, and for nothing else.
    fn start(&self, life: &Life) -> Child {
        let open = self.wanted.iter().filter(|key| !self.acknowledged.contains(*key));
        let asked: Vec<&str> = open.map(String::as_str).collect();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child::child_process", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, self.directory.path())
            .env(ASK_FOR, asked.join(","))
            // It ends with its parent, whose end of the pipe this is.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(self.directory.path().join(ERRORS)).unwrap());
        if let Life::UntilStep(step, count) = life {
            command.env(STAND_STILL_AT, format!("{step}#{count}"));
        }
        command.spawn().unwrap()
    }

    /// One life of the process.
    fn live(&mut self, life: &Life) -> End {
        let mut child = self.start(life);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut count, mut is_killed, mut is_done) = (0, false, false);
        // To the end, also after the kill: what was said before it counts.
        for line in lines.map_while(Result::ok) {
            if let Some(key) = line.strip_prefix("acknowledged ") {
                self.acknowledged.insert(key.to_owned());
            }
            is_done |= line == "done";
            count += usize::from(line.starts_with("step "));
            let is_time = match life {
                Life::UntilLine(line) => count >= *line,
                Life::UntilStep(..) => line == "standing still",
                Life::ToItsEnd => false,
            };
            if is_time && !is_killed {
                child.kill().unwrap();
                is_killed = true;
            }
        }
        let status = child.wait().unwrap();
        match (is_done, is_killed) {
            (true, _) => End::Done,
            (false, true) => End::Killed,
            (false, false) => End::ByItself(status),
        }
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.directory.path().join(ERRORS)).unwrap()
    }

    fn open(&self) -> Tenant {
        open(self.directory.path())
    }

    /// Every job left one atom, and nothing else is left.
    fn check(&self) {
        let missing: Vec<_> =
            self.wanted.iter().filter(|key| !self.acknowledged.contains(*key)).collect();
        assert!(missing.is_empty(), "never acknowledged: {missing:?}");
        let next = self.wanted.iter().filter(|key| key.ends_with(['0', '3', '6']));
        let next = next.map(|key| format!("{key}-next"));
        let expected: BTreeMap<String, usize> =
            self.wanted.iter().cloned().chain(next).map(|key| (key, 1)).collect();
        assert_eq!(self.effects(), expected, "each exactly once");
        let jobs = self.open().jobs_overview();
        assert_eq!((jobs.waiting, jobs.running, jobs.dead), (0, 0, 0));
        let store = SledStore::open(&settings_of(self.directory.path())).unwrap();
        let commit = GroupCommit::start(Arc::new(store), "test", CommitPolicy::Fsync).unwrap();
        assert_eq!(marked_tenants(&commit).unwrap(), [], "no marker is left");
    }

    fn effects(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for atom in self.open().export_page(None, usize::MAX).unwrap() {
            let (key, _) = atom.content.split_once(" left ").unwrap();
            *counts.entry(key.to_owned()).or_default() += 1;
        }
        counts
    }
}

fn open(directory: &Path) -> Tenant {
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&settings_of(directory)).unwrap());
    let opened = Tenant::open(OpenTenant {
        no: TenantNo(1),
        epoch: 1,
        commit: GroupCommit::start(store, "test", CommitPolicy::Fsync).unwrap(),
        embedder: identity(),
        index: IndexSettings::default(),
        index_dir: directory.join("index"),
        blobs: hebbd::storage::Blobs::at(directory.join("blobs")),
        clock: Arc::new(SystemClock),
    });
    opened.unwrap()
}

#[test]
fn each_job_counts_once_whichever_step_the_process_is_killed_at() {
    for step in STEPS {
        let mut scene = Scene::with_numbered_jobs();
        for count in [1, 4] {
            let end = scene.live(&Life::UntilStep(step, count));
            assert_eq!(end, End::Killed, "at `{step}`, time {count}");
        }
        assert_eq!(scene.live(&Life::ToItsEnd), End::Done, "after `{step}`");
        scene.check();
    }
}

#[test]
fn each_job_counts_once_over_two_hundred_kills_at_random_moments() {
    let mut rng = seeded("job kills");
    let (mut kills, mut scenes, mut lives) = (0, 0, 0);
    while kills < KILLS {
        let mut scene = Scene::with_numbered_jobs();
        let mut kills_here = 0;
        loop {
            let is_last = kills_here >= KILLS_OF_A_SCENE || kills >= KILLS;
            let life = match is_last {
                true => Life::ToItsEnd,
                false => Life::UntilLine(rng.random_range(1..LINES / 4)),
            };
            lives += 1;
            match scene.live(&life) {
                End::Killed => {
                    kills_here += 1;
                    kills += 1;
                }
                End::Done => break,
                End::ByItself(status) => panic!("it ended by itself: {status}\n{}", scene.errors()),
            }
        }
        scene.check();
        scenes += 1;
    }
    println!("{kills} kills in {lives} lives, {scenes} scenes of {JOBS} jobs");
}

#[test]
fn a_job_that_ends_its_process_is_given_up_and_the_others_are_done() {
    let mut scene = Scene::new(["job1".to_owned(), DEADLY.to_owned(), "job2".to_owned()]);
    let mut deaths = 0;
    loop {
        match scene.live(&Life::ToItsEnd) {
            End::Done => break,
            End::ByItself(status) => {
                deaths += 1;
                assert!(deaths <= DEADLY_ATTEMPTS, "{status}\n{}", scene.errors());
            }
            End::Killed => unreachable!("nobody kills it"),
        }
    }
    assert_eq!(deaths, DEADLY_ATTEMPTS);
    let tenant = scene.open();
    let letters = tenant.dead_letters(None, 10);
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].attempts, DEADLY_ATTEMPTS);
    assert!(matches!(letters[0].state, JobState::Dead { .. }));
    drop(tenant);
    let expected = ["job1", "job2"].map(|key| (key.to_owned(), 1));
    assert_eq!(scene.effects(), BTreeMap::from(expected));
}
