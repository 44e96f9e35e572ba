//! Does what `docs/administration.md` tells an operator to do. Every block marked `sh` runs, in
//! order, in one bash with a fresh directory and the built binary; a block marked `output` after it
//! holds lines that must appear in what it printed, in their order, where `…` stands for any text
//! and blanks count as one. So the page cannot promise what is not so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const PAGE: &str = "docs/administration.md";

/// A tour that takes this long does not end.
const PATIENCE: Duration = Duration::from_secs(240);

/// Stands before the output of each step.
const MARK: char = '\u{1e}';

/// What the page uses besides hebbd. Packages have the same names.
const TOOLS: [&str; 4] = ["bash", "curl", "sed", "grep"];

/// Commands of the page and what they are said to print.
#[derive(Debug, PartialEq)]
struct Step {
    /// Where its commands begin, from 1.
    line: usize,
    commands: String,
    output: Vec<String>,
}

/// The steps of a page in order.
fn steps(page: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut follows_commands = false;
    let mut lines = page.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let text: Vec<String> =
            lines.by_ref().map(|(_, line)| line.to_owned()).take_while(|l| l != "```").collect();
        let place = format!("{PAGE}:{}", index + 1);
        if index + 1 + text.len() >= page.lines().count() {
            return Err(format!("{place}: this block has no end"));
        }
        match (kind, steps.last_mut()) {
            ("sh", _) => {
                let commands = text.join("\n");
                steps.push(Step { line: index + 2, commands, output: Vec::new() });
            }
            ("output", Some(step)) if follows_commands => step.output = text,
            ("output", _) => return Err(format!("{place}: output of which commands?")),
            ("bash" | "shell" | "console" | "", _) => {
                return Err(format!(
                    "{place}: mark commands with `sh`, and other text with `text`"
                ));
            }
            _ => {}
        }
        follows_commands = kind == "sh";
    }
    Ok(steps)
}

/// Whether a line is what the page says, `…` being any text.
fn is_as_said(said: &str, line: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (said, line) = (words(said), words(line));
    let mut parts = said.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The first line said that did not appear where it should.
fn missing<'a>(said: &'a [String], printed: &str) -> Option<&'a str> {
    let mut lines = printed.lines();
    let mut said = said.iter().map(String::as_str).filter(|said| !said.trim().is_empty());
    said.find(|said| !lines.any(|line| is_as_said(said, line)))
}

/// A bash with everything it started; none of it outlives this.
struct Session {
    group: String,
}

impl Session {
    fn signal(&self, signal: &str) -> bool {
        let mut kill = Command::new("kill");
        kill.args([signal, "--", &format!("-{}", self.group)]);
        kill.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}

fn start(steps: &[Step], directory: &Path) -> (Session, Child) {
    let mut script = String::from("exec 2>&1\nPATH=$HEBBD_TOUR_BIN:$PATH\nunset HEBBD_TOUR_BIN\n");
    for (index, step) in steps.iter().enumerate() {
        script += &format!("printf '{MARK}%s\\n' {index}\n{}\n", step.commands);
    }
    let (bin, work, home) = (directory.join("bin"), directory.join("work"), directory.join("home"));
    for new in [&bin, &work, &home] {
        fs::create_dir(new).unwrap();
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hebbd"), bin.join("hebbd")).unwrap();
    let file = directory.join("tour.sh");
    fs::write(&file, script).unwrap();

    let mut bash = Command::new("bash");
    for (name, _) in std::env::vars_os() {
        // Nothing of this process's environment configures a server or sends curl elsewhere.
        let text = name.to_string_lossy().to_lowercase();
        if text.starts_with("hebbd_") || text.ends_with("_proxy") {
            bash.env_remove(name);
        }
    }
    bash.args(["-euo", "pipefail"]).arg(&file).current_dir(&work);
    bash.env("HEBBD_TOUR_BIN", bin).env("HOME", home).process_group(0);
    bash.stdin(Stdio::null()).stdout(File::create(directory.join("printed")).unwrap());
    let child = bash.spawn().unwrap();
    (Session { group: child.id().to_string() }, child)
}

fn wait(mut child: Child) -> Option<ExitStatus> {
    let (ended, ending) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait().unwrap()));
    ending.recv_timeout(PATIENCE).ok()
}

#[test]
fn every_command_of_the_page_works_in_order_and_prints_what_is_said() {
    for tool in TOOLS {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        assert!(
            found.is_ok(),
            "the page's commands need `{tool}`, which is not on this machine; install it, for \
             instance with `apt-get install {tool}`"
        );
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join(PAGE)).unwrap();
    let steps = steps(&page).unwrap();
    assert!(steps.len() > 10, "only {} steps were found in {PAGE}", steps.len());

    let directory = tempfile::tempdir().unwrap();
    let (session, child) = start(&steps, directory.path());
    let status = wait(child);
    let printed = fs::read(directory.path().join("printed")).unwrap();
    let printed = String::from_utf8_lossy(&printed);
    // What stands before the first mark is no step's.
    let printed: Vec<&str> = printed.split(MARK).skip(1).collect();
    let after_number = |text| str::split_once(text, '\n').map_or("", |(_, printed)| printed);
    let printed: Vec<&str> = printed.into_iter().map(after_number).collect();
    let log = || {
        let log = fs::read_to_string(directory.path().join("work/server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        format!("the server said last:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"))
    };
    let place = |index: usize| format!("{PAGE}:{}", steps[index].line);
    let last = printed.len().saturating_sub(1);
    let succeeded = status.is_some_and(|status| status.success());
    let done = if succeeded { printed.len() } else { last };
    for (index, (step, printed)) in steps.iter().zip(&printed).take(done).enumerate() {
        if let Some(said) = missing(&step.output, printed) {
            let (place, commands) = (place(index), &step.commands);
            panic!("{place}:\n{commands}\nis said to print\n{said}\nand printed\n{printed}");
        }
    }
    match status {
        Some(status) if status.success() => assert_eq!(printed.len(), steps.len()),
        Some(status) => {
            let (commands, printed) = (&steps[last].commands, printed[last]);
            panic!("{}:\n{commands}\nfailed ({status}):\n{printed}\n{}", place(last), log());
        }
        None => panic!("{}: still running after {PATIENCE:?}\n{}", place(last), log()),
    }
    assert!(!session.signal("-0"), "the tour leaves a process running: end it at the end");
}

/// The page lists the routes of the admin API; what it lists exists.
#[test]
fn every_route_that_the_page_lists_is_mounted() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let mut listed = 0;
    for line in page.lines() {
        let Some(route) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) else {
            continue;
        };
        let Some((verb, path)) = route.split_once(" /admin/v1") else { continue };
        let path = format!("/admin/v1{}", path.replace("ID", "{}").replace("NO", "{}"));
        let is_it = |(known_verb, known): &&(&str, &str)| {
            let known: Vec<&str> = known.split('/').collect();
            let known = known.iter().map(|part| if part.starts_with('{') { "{}" } else { part });
            *known_verb == verb && known.collect::<Vec<_>>().join("/") == path
        };
        assert!(hebbd::api::admin::ROUTES.iter().any(|known| is_it(&known)), "{route}");
        listed += 1;
    }
    assert!(listed > 10, "only {listed} routes were found in {PAGE}");
}

#[test]
fn steps_are_commands_with_the_output_that_follows_them() {
    let page = "Text\n```sh\none\ntwo\n```\nand\n```output\n1\n```\n```toml\nx = 1\n```\n```sh\n3\n```\nend";
    let step = |line: usize, commands: &str, output: &[&str]| Step {
        line,
        commands: commands.to_owned(),
        output: output.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(steps(page), Ok(vec![step(3, "one\ntwo", &["1"]), step(14, "3", &[])]));
    for wrong in ["```output\n1\n```\n", "```sh\n1", "```bash\n1\n```\n", "```\n1\n```\n"] {
        assert!(steps(wrong).is_err(), "{wrong}");
    }
    let apart = "```sh\n1\n```\n```text\n2\n```\n```output\n3\n```\nend";
    assert!(steps(apart).is_err(), "output belongs to the block before it");
}

#[test]
fn a_line_is_as_said_whatever_an_ellipsis_stands_for() {
    for (said, line) in [
        ("created tenant … (acme)", "created tenant 01a2 (acme)"),
        ("a b", "  a    b "),
        ("…", "anything"),
        ("{…\"stored\":true…}", "{\"id\":1,\"stored\":true}"),
        ("a … b … c", "a x b b y c"),
    ] {
        assert!(is_as_said(said, line), "{said} / {line}");
    }
    for (said, line) in
        [("a", "a b"), ("a …", "b"), ("a … c", "a b"), ("a … b … c", "a x c"), ("… b", "a b c")]
    {
        assert!(!is_as_said(said, line), "{said} / {line}");
    }
    let said = ["one".to_owned(), String::new(), "three".to_owned()];
    assert_eq!(missing(&said, "one\ntwo\nthree"), None);
    assert_eq!(missing(&said, "three\none"), Some("three"), "in their order");
}
