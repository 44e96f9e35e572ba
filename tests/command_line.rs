//! The built binary as an operator meets it: help, configuration, tenants and keys of a data
//! directory that no server runs on, what the logs never hold, and what a measurement prints.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "recovery/process.rs"]
mod process;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use client::Client;
use process::{ServerProcess, hebbd, run, text};
use serde_json::{Value, json};

/// A server that says nothing for this long will say nothing more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a command that must succeed; answers its standard output.
#[track_caller]
fn done(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    text(&output.stdout)
}

#[track_caller]
fn done_json(arguments: &[&str]) -> Value {
    serde_json::from_str(&done(arguments)).unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, parts: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(text(&output.stdout), "", "results only go to standard output");
    let errors = text(&output.stderr);
    for part in parts {
        assert!(errors.contains(part), "{part} in {errors}");
    }
}

struct Offline<'a>(&'a str);

impl<'a> Offline<'a> {
    fn new(data_dir: &'a Path) -> Self {
        Self(data_dir.to_str().unwrap())
    }

    fn create_tenant(&self, name: &str) -> Value {
        done_json(&["tenant", "create", "--data-dir", self.0, "--name", name, "--json"])
    }

    fn tenants(&self) -> Value {
        done_json(&["tenant", "list", "--data-dir", self.0, "--json"])
    }

    fn create_key(&self, tenant: &str, name: &str) -> Value {
        let mut arguments = vec!["key", "create", "--data-dir", self.0, "--json"];
        arguments.extend(["--tenant", tenant, "--dialect", "mnemoverse", "--name", name]);
        done_json(&arguments)
    }

    fn keys(&self) -> Value {
        done_json(&["key", "list", "--data-dir", self.0, "--json"])
    }
}

#[test]
fn help_names_every_command_and_the_version_is_the_package_s() {
    let help = done(&["--help"]);
    let commands = ["serve", "tenant", "key", "plan", "shard", "quarantine", "config", "eval"];
    for command in commands.into_iter().chain(["Examples:", "Exit codes:"]) {
        assert!(help.contains(command), "{command} in {help}");
    }
    for command in [&["serve"][..], &["tenant", "create"], &["key", "create"], &["config", "check"]]
    {
        let help = done(&[command, &["--help"]].concat());
        assert!(help.contains("--data-dir"), "{help}");
    }
    let learning = done(&["eval", "learning", "--help"]);
    for part in ["learning:NAME", "--prefix", "held-out", "learned already", "--consolidate"] {
        assert!(learning.contains(part), "{part} in {learning}");
    }
    let recall = done(&["eval", "recall", "--help"]);
    for part in ["--dialect", "mnemoverse, tex", "--mode", "confidence AUC", "tex.api_key"] {
        assert!(recall.contains(part), "{part} in {recall}");
    }
    for (command, part) in [("serve", "SIGHUP"), ("completions", "bash_completion.d")] {
        let help = done(&[command, "--help"]);
        assert!(help.contains(part), "{part} in {help}");
    }
    assert_eq!(done(&["--version"]).trim(), concat!("hebbd ", env!("CARGO_PKG_VERSION")));
    fails(&run(&["no-such-command"]), 2, &["no-such-command"]);
    fails(&run(&["key", "create", "--tenant", "none"]), 2, &["none"]);
}

#[test]
fn a_wrong_configuration_is_refused_with_all_its_problems() {
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path().to_str().unwrap();
    std::fs::write(data_dir.path().join("hebbd.toml"), "[log]\nfilter = \"inof\"\n").unwrap();
    let wrong = ["server.wrokers=3", "index.exact_rows_max=1", "server.listen=nowhere"];
    let settings: Vec<&str> = wrong.iter().flat_map(|setting| ["--set", *setting]).collect();
    let parts = ["wrokers", "`workers`", "exact_rows_max", "256", "listen: ", "inof"];
    for command in [&["config", "check"][..], &["config", "show"], &["serve"], &["tenant", "list"]]
    {
        let output = run(&[command, &["--data-dir", path][..], &settings].concat());
        fails(&output, 2, &parts);
    }
    let left: Vec<_> = std::fs::read_dir(data_dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was created: {left:?}");

    std::fs::remove_file(data_dir.path().join("hebbd.toml")).unwrap();
    let show = ["config", "show", "--data-dir", path, "--set", "server.workers=3"];
    let shown = done(&show);
    assert!(shown.contains("server.workers = 3  # flag --set"), "{shown}");
    assert!(shown.contains("log.format = \"auto\"  # default"), "{shown}");
    let shown = done_json(&[&show[..], &["--json"]].concat());
    let workers = json!({"value": 3, "origin": "flag --set"});
    assert_eq!(shown["server.workers"], workers, "{shown}");
    let secret = hebbd(&["config", "show", "--data-dir", path])
        .env("HEBBD_ADMIN__TOKEN", "sesame-sesame-sesame")
        .output()
        .unwrap();
    let shown = text(&secret.stdout);
    assert!(shown.contains("admin.token = \"[redacted]\"") && !shown.contains("sesame"), "{shown}");
    assert_eq!(done(&["config", "check", "--quiet", "--data-dir", path]), "");
}

#[test]
fn tenants_and_keys_made_offline_serve_until_they_are_revoked() {
    let data_dir = tempfile::tempdir().unwrap();
    let offline = Offline::new(data_dir.path());
    let acme = offline.create_tenant("acme");
    let tenant = acme["id"].as_str().unwrap();
    let tenants = offline.tenants();
    assert_eq!(tenants, json!([acme]), "the list has the same fields as the creation");
    for field in ["id", "name", "plan", "shard", "created_at"] {
        assert!(!acme[field].is_null(), "{field} in {acme}");
    }
    assert_eq!((&acme["name"], &acme["plan"]), (&json!("acme"), &json!("local")));

    let kept = offline.create_key(tenant, "kept");
    let revoked = offline.create_key(tenant, "revoked");
    let mut expected = Vec::new();
    for key in [&kept, &revoked] {
        assert!(key["api_key"].as_str().unwrap().starts_with("mk_live_"), "{key}");
        let mut listed = key.clone();
        listed.as_object_mut().unwrap().remove("api_key");
        assert_eq!((&listed["tenant"], &listed["revoked_at"]), (&json!(tenant), &Value::Null));
        expected.push(listed);
    }
    let mut keys = offline.keys().as_array().unwrap().clone();
    keys.sort_by_key(|key| key["id"].as_str().unwrap().to_owned());
    assert_eq!(keys, expected, "the secret is shown once");
    let id = revoked["id"].as_str().unwrap();
    done(&["key", "revoke", "--data-dir", offline.0, id]);
    let keys = offline.keys();
    let states: Vec<bool> =
        keys.as_array().unwrap().iter().map(|key| key["revoked_at"].is_string()).collect();
    assert_eq!(states.iter().filter(|is_revoked| **is_revoked).count(), 1, "{keys}");

    let server = ServerProcess::start(data_dir.path(), &[]);
    let mut client = Client::new(&server.base_url, kept["api_key"].as_str().unwrap());
    assert_eq!(client.write(&json!({"content": "Made offline"}))["stored"], true);
    let mut refused = Client::new(&server.base_url, revoked["api_key"].as_str().unwrap());
    let answer = refused.get("/api/v1/memory/stats");
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.json()["details"]["reason"], "revoked_key");
    server.stop();
}

#[test]
fn names_and_ids_that_are_not_there_are_plain_errors() {
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path().to_str().unwrap();
    let nobody = "00000000-0000-7000-8000-000000000000";
    let in_dir = ["--data-dir", path];
    let plan = [&["tenant", "create", "--name", "x", "--plan", "gold"][..], &in_dir].concat();
    fails(&run(&plan), 2, &["gold", "local"]);
    let key =
        [&["key", "create", "--tenant", nobody, "--dialect", "mnemoverse"][..], &in_dir].concat();
    fails(&run(&key), 3, &[nobody]);
    fails(&run(&[&["key", "revoke", nobody][..], &in_dir].concat()), 3, &[nobody]);
    let dialect =
        [&["key", "create", "--tenant", nobody, "--dialect", "latin"][..], &in_dir].concat();
    fails(&run(&dialect), 2, &["latin", "mnemoverse"]);
    assert_eq!(Offline::new(data_dir.path()).tenants(), json!([]));
}

/// Whoever mistypes the directory's name, or is in the wrong place, is told so. Looking around
/// once founded an empty data directory there.
#[test]
fn a_directory_that_nothing_was_kept_in_is_not_taken_for_an_empty_server() {
    let elsewhere = tempfile::tempdir().unwrap();
    let typo = elsewhere.path().join("hebbbd");
    let nobody = "00000000-0000-7000-8000-000000000000";
    let in_dir = ["--data-dir", typo.to_str().unwrap()];
    for command in [
        &["tenant", "list"][..],
        &["tenant", "delete", nobody, "--yes"],
        &["key", "create", "--tenant", nobody, "--dialect", "mnemoverse"],
        &["shard", "list"],
        &["project", "list"],
    ] {
        let output = run(&[command, &in_dir].concat());
        fails(&output, 5, &["hebbbd", "--data-dir", "HEBBD_DATA_DIR"]);
    }
    assert!(!typo.exists());
    done(&[&["organization", "create", "--name", "first"][..], &in_dir].concat());
    assert_eq!(done_json(&[&["tenant", "list", "--json"][..], &in_dir].concat()), json!([]));

    let broken = elsewhere.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("control"), "not a directory").unwrap();
    let in_broken = ["tenant", "list", "--data-dir", broken.to_str().unwrap()];
    fails(&run(&in_broken), 5, &["cannot open the data directory", "broken"]);
}

#[test]
fn a_rotated_key_s_former_secret_is_good_for_as_long_as_it_was_given() {
    let data_dir = tempfile::tempdir().unwrap();
    let commands = Offline::new(data_dir.path());
    let server = ServerProcess::start(data_dir.path(), &[]);
    let address: Value =
        serde_json::from_slice(&std::fs::read(data_dir.path().join("server.json")).unwrap())
            .unwrap();
    assert_eq!(address["url"], server.base_url, "for scripts");
    let acme = commands.create_tenant("acme");
    let key = commands.create_key(acme["id"].as_str().unwrap(), "");
    let rotate = |more: &[&str]| {
        let id = key["id"].as_str().unwrap();
        let command = ["key", "rotate", id, "--data-dir", commands.0, "--json"];
        done_json(&[&command[..], more].concat())["api_key"].as_str().unwrap().to_owned()
    };
    let status =
        |secret: &str| Client::new(&server.base_url, secret).get("/api/v1/memory/stats").status;
    let first = key["api_key"].as_str().unwrap();
    let second = rotate(&["--grace", "24h"]);
    assert_eq!((status(first), status(&second)), (200, 200));
    let third = rotate(&["--former-until", "2999-01-31"]);
    assert_eq!((status(first), status(&second), status(&third)), (401, 200, 200));
    let fourth = rotate(&[]);
    assert_eq!((status(&second), status(&third), status(&fourth)), (401, 401, 200));
    let id = key["id"].as_str().unwrap();
    let both = ["key", "rotate", id, "--grace", "1h", "--former-until", "2999-01-31"];
    for wrong in [&both[..], &["key", "rotate", id, "--grace", "soon"]] {
        fails(&run(&[wrong, &["--data-dir", commands.0]].concat()), 2, &["--grace"]);
    }
    server.stop();
}

#[test]
fn commands_ask_the_server_that_runs_and_find_what_it_left_when_it_is_gone() {
    let data_dir = tempfile::tempdir().unwrap();
    let commands = Offline::new(data_dir.path());
    let server = ServerProcess::start(data_dir.path(), &[]);
    let acme = commands.create_tenant("acme");
    let tenant = acme["id"].as_str().unwrap();
    let key = commands.create_key(tenant, "late");
    let mut client = Client::new(&server.base_url, key["api_key"].as_str().unwrap());
    assert_eq!(client.write(&json!({"content": "Made while it runs"}))["stored"], true);
    let status = || done_json(&["status", "--data-dir", commands.0, "--json"]);
    assert_eq!((&status()["is_running"], &status()["tenants"]), (&json!(true), &json!(2)));
    // The very next request after the command has returned.
    done(&["key", "revoke", "--data-dir", commands.0, key["id"].as_str().unwrap()]);
    assert_eq!(client.get("/api/v1/memory/stats").status, 401);

    // Killed, it leaves its address behind, which deceives nobody.
    server.kill();
    assert_eq!(status()["is_running"], false);
    assert!(data_dir.path().join("server.json").exists());
    assert_eq!(commands.tenants().as_array().unwrap().len(), 2, "the server's own and acme");
    let server = ServerProcess::start(data_dir.path(), &[]);
    assert_eq!(commands.tenants().as_array().unwrap().len(), 2);
    server.stop();
    assert!(!data_dir.path().join("server.json").exists());
}

#[test]
fn a_deletion_is_confirmed_and_takes_everything_with_it() {
    let data_dir = tempfile::tempdir().unwrap();
    let commands = Offline::new(data_dir.path());
    let server = ServerProcess::start(data_dir.path(), &[]);
    let acme = commands.create_tenant("acme");
    let tenant = acme["id"].as_str().unwrap();
    let key = commands.create_key(tenant, "");
    let mut client = Client::new(&server.base_url, key["api_key"].as_str().unwrap());
    assert_eq!(client.write(&json!({"content": "Gone tomorrow"}))["stored"], true);
    let delete = ["tenant", "delete", "--data-dir", commands.0, tenant];
    fails(&run(&delete), 4, &["acme", "--yes"]);
    assert_eq!(client.get("/api/v1/memory/stats").status, 200, "nothing was done");
    let deleted = done_json(&[&delete[..], &["--yes", "--json"]].concat());
    assert_eq!((&deleted["id"], &deleted["state"]), (&acme["id"], &json!("deleted")));
    assert_eq!(client.get("/api/v1/memory/stats").status, 401);
    fails(&run(&[&delete[..], &["--yes"]].concat()), 3, &[tenant]);
    server.stop();
    assert_eq!(commands.tenants().as_array().unwrap().len(), 1);
    assert_eq!(commands.keys().as_array().unwrap().len(), 6, "the server's own");
}

#[test]
fn a_hangup_reloads_what_can_change_and_names_what_cannot() {
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path().to_str().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("of-the-server.toml");
    let plan = |rate: u32| format!("[plans.free]\nrequests_per_minute = {rate}\n");
    std::fs::write(&file, plan(77)).unwrap();
    let given = ["--config", file.to_str().unwrap()];
    let server = ServerProcess::start(data_dir.path(), &given);
    let rate = || done_json(&["plan", "show", "free", "--json", "--data-dir", path]);
    assert_eq!(rate()["requests_per_minute"], 77);
    let reloaded_to = |wanted: u32| {
        server.signal("-HUP");
        (0..500).any(|_| rate()["requests_per_minute"] == wanted)
    };
    let changed = "[log]\nfilter = \"debug\"\n[server]\nworkers = 3\n";
    std::fs::write(&file, plan(88) + changed).unwrap();
    assert!(reloaded_to(88));
    std::fs::write(&file, plan(0)).unwrap();
    server.signal("-HUP");
    // Signals that come while one is dealt with are one; what is wrong changes nothing.
    assert_eq!(rate()["requests_per_minute"], 88);
    std::fs::write(&file, plan(99)).unwrap();
    assert!(reloaded_to(99));
    let said = server.stop();
    for part in
        ["plans.free.requests_per_minute", "log.filter", "needs a restart", "server.workers"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_password_is_read_from_standard_input_and_never_from_the_command_line() {
    use std::io::Write;
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path().to_str().unwrap();
    let create = ["user", "create", "--username", "ada", "--admin", "--data-dir", path, "--json"];
    fails(&run(&create), 2, &["--password-stdin"]);
    let with_password = |arguments: &[&str]| {
        let mut child = hebbd(&[arguments, &["--password-stdin"]].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        text(&output.stdout)
    };
    let user: Value = serde_json::from_str(&with_password(&create)).unwrap();
    assert_eq!((&user["username"], &user["is_admin"]), (&json!("ada"), &json!(true)));
    let id = user["id"].as_str().unwrap();
    let said = with_password(&["user", "set-password", id, "--data-dir", path]);
    assert!(said.contains("ada"), "{said}");
    let users = done_json(&["user", "list", "--data-dir", path, "--json"]);
    assert_eq!(users.as_array().unwrap().len(), 1, "{users}");
    fails(&run(&["user", "list", "--dialect", "a b&c", "--data-dir", path]), 2, &["a b&c"]);
    fails(&run(&["user", "delete", id, "--data-dir", path]), 4, &["ada", "--yes"]);
    done(&["user", "delete", id, "--yes", "--data-dir", path]);
    assert_eq!(done_json(&["user", "list", "--data-dir", path, "--json"]), json!([]));
}

#[test]
fn a_server_without_the_key_file_of_its_secrets_does_not_start_until_they_are_given_up() {
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path().to_str().unwrap();
    let server = ServerProcess::start(data_dir.path(), &[]);
    done(&["signing-key", "rotate", "--data-dir", path]);
    server.stop();
    let key_file = data_dir.path().join("secrets.key");
    std::fs::remove_file(&key_file).unwrap();
    let serve = ["serve", "--data-dir", path, "--listen", "127.0.0.1:0"];
    fails(&run(&serve), 1, &["secrets.key"]);
    assert!(!key_file.exists(), "another one would hide the loss");
    fails(&run(&["secrets", "forget", "--data-dir", path]), 4, &["--yes"]);
    let forgotten = done(&["secrets", "forget", "--yes", "--data-dir", path]);
    assert_eq!(forgotten.trim(), "deleted 1 encrypted secrets");
    let server = ServerProcess::start(data_dir.path(), &[]);
    assert!(key_file.exists());
    server.stop();
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(done(&["completions", shell]).contains("move-shard"), "{shell}");
    }
}

#[test]
fn without_dev_nothing_is_created_and_the_operator_is_told_what_to_do() {
    let data_dir = tempfile::tempdir().unwrap();
    let path = data_dir.path().to_str().unwrap();
    let mut child = process::hebbd(&["serve", "--data-dir", path, "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (heard, hearing) = mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| heard.send(line)));
    let mut said = String::new();
    while !said.contains("start with --dev") {
        let Ok(line) = hearing.recv_timeout(PATIENCE) else { break };
        said += &line;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("hebbd tenant create"), "{said}");
    assert!(!data_dir.path().join("dev-credentials.json").exists());
    assert_eq!(Offline::new(data_dir.path()).tenants(), json!([]));
}

/// One conversation of small talk. The wording of every question differs from its evidence's, so
/// that a server has something to learn.
fn small_talk() -> Value {
    let said = [
        "My sister keeps bees behind the barn.",
        "The train to Lund was late again.",
        "I baked a lemon tart for the guests.",
        "We repainted the kitchen in pale green.",
        "The neighbour's parrot escaped on Sunday.",
        "I signed up for a pottery course.",
        "Rain flooded the cellar last week.",
        "My bicycle needs a new chain.",
        "Grandfather mends old wall clocks.",
        "We planted two cherry trees by the gate.",
        "The violin lesson moved to Thursday.",
        "I lost my spectacles at the cinema.",
    ];
    let turns: Vec<Value> = said
        .iter()
        .enumerate()
        .map(|(position, text)| {
            let speaker = if position % 2 == 0 { "Ana" } else { "Bo" };
            json!({"speaker": speaker, "dia_id": format!("D1:{}", position + 1), "text": text})
        })
        .collect();
    json!([{
        "sample_id": "small-talk",
        "conversation": {"session_1_date_time": "9:05 am on 3 March, 2021", "session_1": turns},
        "qa": [
            {"question": "Who has hives?", "category": 4, "evidence": ["D1:1"]},
            {"question": "Which dessert was served?", "category": 4, "evidence": ["D1:3"],
             "paraphrases": ["Which dessert did the visitors get served?"]},
            {"question": "What colour are the walls?", "category": 4, "evidence": ["D1:4"]},
            {"question": "Which hobby was begun?", "category": 4, "evidence": ["D1:6"]},
            {"question": "What did grandfather repair?", "category": 4, "evidence": ["D1:9"]},
            {"question": "Which water damage was there?", "category": 4, "evidence": ["D1:7"],
             "paraphrase": "Which damage by water was there?"},
        ],
    }])
}

#[test]
fn what_feedback_taught_is_found_again_and_the_rest_is_not_lost() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("talk.json");
    std::fs::write(&file, small_talk().to_string()).unwrap();
    let learning = ["eval", "learning", "--data", file.to_str().unwrap()];

    let report = done_json(&[&learning[..], &["--consolidate", "--json"]].concat());
    let recall = |part: &str, when: &str| report[part][when]["recall@10"].as_f64();
    assert_eq!((&report["asked"]["questions"], &report["turns refused"]), (&json!(3), &json!(0)));
    assert!(recall("asked", "before") < Some(1.0), "there is something to learn: {report}");
    assert_eq!(recall("asked", "after"), Some(1.0), "{report}");
    assert!(recall("held-out", "after") >= recall("held-out", "before"), "{report}");
    assert!(recall("paraphrases", "after") >= recall("paraphrases", "before"), "{report}");
    let consolidation = &report["consolidation"];
    assert_eq!(
        (&consolidation["originals"], &consolidation["originals lost"]),
        (&json!(12), &json!(0))
    );
    assert_eq!(consolidation["changes by a second"], 0);

    // On a server that runs: the second time everything is known already.
    let server = ServerProcess::start(directory.path(), &[]);
    let credentials = directory.path().join("dev-credentials.json");
    let there = ["--credentials", credentials.to_str().unwrap(), "--asked", "even"];
    let first = run(&[&learning[..], &there].concat());
    let table = text(&first.stdout);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    assert_eq!(text(&first.stderr), "");
    for part in ["before", "after", "points", "asked", "held-out", "recall@10", "MRR", "a second"] {
        assert!(table.contains(part), "{part} in {table}");
    }
    assert!(!table.contains("paraphrases"), "those of the other half: {table}");
    let again = run(&[&learning[..], &there, &["--json"]].concat());
    assert!(text(&again.stderr).contains("learning:small-talk exists"), "{again:?}");
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(
        (&again["asked"]["before"]["recall@10"], &again["fresh tenant"]),
        (&json!(1.0), &json!(false))
    );
    server.stop();
}

/// Everything a caller sends, at the most talkative level there is.
#[test]
fn logs_hold_no_secret_and_nothing_of_what_is_remembered_or_asked() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data_dir.path(), &["--log", "trace"]);
    let mut client = server.client();
    let item = json!({
        "content": "Contentmarker is the word",
        "concepts": ["Conceptmarker"],
        "domain": "domainmarker",
        "external_ref": "refmarker",
        "fingerprint": "printmarker",
        "metadata": {"note": "metadatamarker"},
    });
    let id = client.write(&item)["atom_id"].as_str().unwrap().to_owned();
    client.write_batch(&[json!({"content": "Batchmarker is another word"})]);
    client.read(&json!({"query": "Querymarker and Contentmarker"}));
    client.by_external_ref("refmarker");
    client.by_external_ref("absentmarker");
    client.export();
    client.post("/api/v1/memory/write", &json!({"content": 7, "domain": "wrongmarker"}));
    client.get("/api/v1/pathmarker?query=stringmarker");
    let login = json!({"username": "usermarker", "password": "ab".repeat(32)});
    client.post("/api/auth/login", &login);
    client.post("/api/auth/login", &json!({"username": 7, "password": "passwordmarker"}));
    client.get("/api/pathmarker?query=stringmarker");
    let wrong = "mk_live_wrongkeymarker";
    assert_eq!(Client::new(&server.base_url, wrong).get("/api/v1/memory/stats").status, 401);
    client.delete_atom(&id);
    let key = server.key.clone();
    let log = server.stop();
    assert!(log.contains("request served") && log.contains("TRACE"), "{log}");
    let lower = log.to_lowercase();
    for secret in [
        &key.to_lowercase(),
        "contentmarker",
        "conceptmarker",
        "domainmarker",
        "refmarker",
        "printmarker",
        "metadatamarker",
        "batchmarker",
        "querymarker",
        "absentmarker",
        "wrongmarker",
        "pathmarker",
        "stringmarker",
        "wrongkeymarker",
        "usermarker",
        "passwordmarker",
        &"ab".repeat(32),
    ] {
        let line = lower.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} in {line:?}");
    }
}
