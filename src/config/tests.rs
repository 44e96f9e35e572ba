//! Loading as an operator meets it: sources in memory, problems as printed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::*;

/// A made-up disk, environment and command line.
#[derive(Default)]
struct Given {
    files: BTreeMap<PathBuf, String>,
    environment: Vec<(String, String)>,
    flags: ConfigFlags,
}

impl Given {
    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(PathBuf::from(path), text.to_owned());
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn set(mut self, setting: &str) -> Self {
        self.flags.set.push(setting.to_owned());
        self
    }

    fn load(self) -> Result<Config, ConfigProblems> {
        let files = self.files;
        let read_file = |path: &Path| {
            files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let (flags, environment) = (self.flags, self.environment);
        load(Sources { flags, environment, read_file: &read_file })
    }

    fn loaded(self) -> Config {
        self.load().unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The problems, one per line as an operator reads them.
    fn refused(self) -> Vec<String> {
        match self.load() {
            Ok(_) => panic!("loaded"),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }
}

fn given() -> Given {
    Given::default()
}

/// Sets every key of the documented defaults, those that are commented out too.
fn uncommented(text: &str) -> String {
    let is_setting = |line: &str| {
        let key = line.split_once(" = ").map(|(key, _)| key);
        key.is_some_and(|key| key.chars().all(|c| c.is_ascii_lowercase() || "_.".contains(c)))
    };
    let lines = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(bare) if is_setting(bare) || bare == "[[shard]]" => bare,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn keys_of(prefix: &str, table: &toml::Table, found: &mut std::collections::BTreeSet<String>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => keys_of(&format!("{prefix}{key}."), inner, found),
            toml::Value::Array(list)
                if !list.is_empty() && list.iter().all(toml::Value::is_table) =>
            {
                for inner in list.iter().filter_map(toml::Value::as_table) {
                    keys_of(&format!("{prefix}{key}[]."), inner, found);
                }
            }
            _ => _ = found.insert(format!("{prefix}{key}")),
        }
    }
}

#[test]
fn nothing_given_means_the_defaults() {
    let config = given().loaded();
    assert_is_default(config);
}

#[test]
fn the_documented_files_hold_exactly_the_defaults() {
    let flags = ConfigFlags {
        config: Some("c".into()),
        shards: Some("s".into()),
        ..ConfigFlags::default()
    };
    let given = Given { flags, ..given() };
    let config = given.file("c", keys::DEFAULT_CONFIG).file("s", keys::DEFAULT_SHARDS).loaded();
    assert_is_default(config);
}

/// Secrets have no equality, so the comparison is of what `Debug` prints: every other value.
fn assert_is_default(config: Config) {
    let config = Config { shown: shown::Shown::default(), ..config };
    assert_eq!(format!("{config:#?}"), format!("{:#?}", Config::default()));
}

#[test]
fn the_documented_files_name_every_key_and_its_range() {
    let mut documented = std::collections::BTreeSet::new();
    let main: toml::Table = uncommented(keys::DEFAULT_CONFIG).parse().unwrap();
    let shards: toml::Table = uncommented(keys::DEFAULT_SHARDS).parse().unwrap();
    keys_of("", &main, &mut documented);
    keys_of("shards.", &shards, &mut documented);
    for key in keys::known_keys() {
        // An entry of the shard file may repeat any key of its defaults.
        let inherited = key.replace("shards.shard[].", "shards.defaults.");
        let plan = key.replace("plans.*.", "plans.local.");
        assert!(
            documented.contains(key)
                || documented.contains(&inherited)
                || documented.contains(&plan),
            "{key} is in no file of config/"
        );
        let ranged = keys::documented_range(&plan).is_some() || keys::is_secret(key);
        assert!(ranged, "{key} is documented without a range");
    }
    for key in documented {
        let key = if key.starts_with("plans.") { key } else { key.replace("[]", "[0]") };
        assert!(keys::is_known(&key), "{key} is documented and does not exist");
    }
}

#[test]
fn the_production_example_loads() {
    let flags = ConfigFlags { config: Some("p".into()), ..ConfigFlags::default() };
    let text = include_str!("../../config/production.example.toml");
    let config = Given { flags, ..given() }.file("p", text).loaded();
    assert_eq!(config.data_dir, Path::new("/var/lib/hebbd"));
    assert_eq!(config.plans.find("free").unwrap().requests_per_minute, Some(30));
}

#[test]
fn later_sources_win_key_by_key() {
    let file = "[server]\nworkers = 3\nkeep_alive_s = 9\nconnections_max = 7\n";
    let config = given()
        .file("data/hebbd.toml", file)
        .variable("HEBBD_SERVER__WORKERS", "4")
        .variable("HEBBD_SERVER__KEEP_ALIVE_S", "10")
        .variable("PATH", "/bin")
        .set("server.workers=5")
        .loaded();
    assert_eq!(config.server.workers, 5);
    assert_eq!(config.server.keep_alive_s, 10);
    assert_eq!(config.server.connections_max, 7);
    let shown = config.redacted();
    for line in [
        "server.workers = 5  # flag --set",
        "server.keep_alive_s = 10  # environment HEBBD_SERVER__KEEP_ALIVE_S",
        "server.connections_max = 7  # data/hebbd.toml",
        "actors.crashes_max = 5  # default",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line} is not in\n{shown}");
    }
}

#[test]
fn the_files_are_found_through_the_data_directory() {
    let config = given()
        .variable("HEBBD_DATA_DIR", "/srv/h")
        .file("/srv/h/hebbd.toml", "[log]\nformat = \"json\"\n")
        .file("/srv/h/shards.toml", "[[shard]]\nno = 4\ncache_bytes = 2097152\n")
        .loaded();
    assert_eq!(config.data_dir, Path::new("/srv/h"));
    assert_eq!(config.log.format, crate::observability::logging::LogFormat::Json);
    assert_eq!(config.shards.shard.first().map(|shard| shard.no), Some(4));

    // A file named by the environment may itself say where the data is.
    let config = given()
        .variable("HEBBD_CONFIG", "/etc/hebbd.toml")
        .file("/etc/hebbd.toml", "data_dir = \"/srv/i\"\n")
        .file("/srv/i/shards.toml", "[defaults]\ntenant_permits = 5\n")
        .loaded();
    assert_eq!(config.shards.defaults.tenant_permits, 5);
}

#[test]
fn every_problem_of_every_source_is_listed_at_once() {
    let refused = given()
        .file(
            "data/hebbd.toml",
            "[server]\nwrokers = 4\nbacklog = 0\nlisten = 5\n[sever]\nx = 1\n\
             [actors]\ncrashes_max = -1\nquarantine_s = 0\n[log]\nformat = \"xml\"\n\
             [plans.free]\natoms_max = 0\n",
        )
        .file(
            "data/shards.toml",
            "[defaults]\ncache_byte = 1\n[[shard]]\nno = 0\n[[shard]]\nno = 0\ntenant_permits = \
             2000\n[[shard]]\npath = \"x\"\n",
        )
        .variable("HEBBD_INDEX__CONNECTIVITY", "many")
        .variable("HEBBD_SERVER__KEEPALIVE", "1")
        .set("actors.nonsense=1")
        .set("crashes_max")
        .refused();
    let text = refused.join("\n");
    for expected in [
        "data/hebbd.toml, [server] wrokers: unknown key; did you mean `workers`?",
        "data/hebbd.toml, [server] backlog: is 0; at least 1",
        "data/hebbd.toml, [server] listen: must be an address with a port (an IP address, a colon and a port), found 5",
        "data/hebbd.toml, [sever] x: unknown key; did you mean `server`?",
        "data/hebbd.toml, [actors] quarantine_s: is 0, must be 1 to 604800",
        "data/hebbd.toml, [actors] crashes_max: must be a whole number (1 to 1000), found -1",
        "data/hebbd.toml, [log] format: must be one of `auto`, `human`, `json`",
        "data/hebbd.toml, [plans.free] atoms_max: is 0",
        "data/shards.toml, [shards.defaults] cache_byte: unknown key; did you mean `cache_bytes`?",
        "data/shards.toml, [shards.shard[1]] no: is 0, the number of shard[0] too",
        "data/shards.toml, [shards.shard[1]] tenant_permits: is 2000, more than shard_permits",
        "default, [shards.shard[1]] mailbox_capacity: is 512, less than tenant_permits (2000)",
        "data/shards.toml, [shards.shard[2]] no: is missing",
        "environment HEBBD_INDEX__CONNECTIVITY, [index] connectivity: must be a whole number (4 to 128), found \
         the text \"many\"",
        "environment HEBBD_SERVER__KEEPALIVE, [server] keepalive: unknown key; did you mean",
        "flag --set, [actors] nonsense: unknown key; known here: `tenant_open_timeout_ms`",
        "flag --set: must be KEY=VALUE",
    ] {
        assert!(text.contains(expected), "{expected}\nis not in\n{text}");
    }
    assert_eq!(refused.len(), 17, "{text}");
}

#[test]
fn limits_of_different_sections_must_fit_each_other() {
    let check = |set: &[&str], expected: &str| {
        let given = set.iter().fold(given(), |given, setting| given.set(setting));
        let refused = given.refused();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused.join("").contains(expected), "{expected} is not in {refused:?}");
    };
    check(&["index.expansion_search=99"], "[index] expansion_search: is 99, less than the 100");
    check(
        &["shards.defaults.index.expansion_search=50"],
        "[shards.defaults.index] expansion_search: is 50",
    );
    check(&["shards.defaults.index.connectivity=3"], "[shards.defaults.index] connectivity");
    check(&["shards.defaults.idle_evict_s=10"], "[actors] eviction_interval_s: is 30");
    check(
        &["server.request_timeout_ms=9999"],
        "[actors] tenant_open_timeout_ms: is 10000, longer than server.request_timeout_ms (9999)",
    );
    check(
        &[
            "embedding.provider=http",
            "embedding.http.model=m",
            "embedding.http.dimensions=8",
            "embedding.http.timeout_ms=30001",
            "embedding.http.total_timeout_ms=40000",
        ],
        "[embedding.http] timeout_ms: is 30001, longer than server.request_timeout_ms",
    );
}

#[test]
fn a_secret_comes_from_the_environment_and_is_never_shown() {
    let variable = "HEBBD_EMBEDDING__HTTP__API_KEY";
    // A key of digits only stays text.
    let config = given().variable(variable, "0123456789").loaded();
    let key = config.embedding.http.api_key.as_ref().unwrap();
    assert_eq!(key.expose_secret(), "0123456789");
    for text in [format!("{config:?}"), config.redacted()] {
        assert!(!text.contains("0123456789"), "{text}");
    }
    let refused =
        given().file("data/hebbd.toml", "[embedding.http]\napi_key = \"sesame\"\n").refused();
    let text = refused.join("\n");
    assert!(text.contains(variable) && text.contains("api_key_file"), "{text}");
    assert!(!text.contains("sesame"), "{text}");
    // Of the wrong type, it is still not repeated.
    let refused = given().file("data/hebbd.toml", "[embedding.http]\napi_key = 77077\n").refused();
    assert!(!refused.join("\n").contains("77077"), "{refused:?}");
}

#[test]
fn vendors_variables_are_keys_of_their_models_unless_something_stronger_is_said() {
    let key_of = |config: &Config| {
        let key = config.llm.outside.openai.api_key.as_ref();
        key.map(|key| key.expose_secret().to_owned())
    };
    let ambient = || given().variable("OPENAI_API_KEY", "0123").variable("GEMINI_API_KEY", " ");
    let config = ambient().variable("ANTHROPIC_API_KEY", "sesame").loaded();
    assert_eq!(key_of(&config).as_deref(), Some("0123"));
    assert!(config.llm.outside.google.api_key.is_none());
    assert!(config.llm.outside.anthropic.api_key.is_some());
    assert!(config.llm.api_key.is_none());
    let shown = config.redacted();
    let line = "llm.outside.openai.api_key = \"[redacted]\"  # environment OPENAI_API_KEY";
    assert!(shown.lines().any(|found| found == line), "{shown}");
    for text in [format!("{config:?}"), shown] {
        assert!(!text.contains("0123") && !text.contains("sesame"), "{text}");
    }
    // Our own variable is stronger, also when it takes the key away.
    for stronger in ["own", ""] {
        let config = ambient().variable("HEBBD_LLM__OUTSIDE__OPENAI__API_KEY", stronger).loaded();
        assert_eq!(key_of(&config).as_deref(), Some(stronger));
    }
    // A key file is not contradicted by a variable that somebody else's tool needs.
    let file = "[llm.outside.openai]\napi_key_file = \"k\"\n";
    let config = ambient().file("data/hebbd.toml", file).loaded();
    assert_eq!((key_of(&config), config.llm.outside.openai.model.as_str()), (None, "gpt-4.1-mini"));
}

#[test]
fn keys_of_language_models_are_refused_in_files() {
    for (section, variable) in [
        ("llm", "HEBBD_LLM__API_KEY"),
        ("llm.outside.openai", "HEBBD_LLM__OUTSIDE__OPENAI__API_KEY"),
        ("llm.outside.google", "HEBBD_LLM__OUTSIDE__GOOGLE__API_KEY"),
        ("llm.outside.anthropic", "HEBBD_LLM__OUTSIDE__ANTHROPIC__API_KEY"),
    ] {
        let text = format!("[{section}]\napi_key = \"sesame\"\n");
        let refused = given().file("data/hebbd.toml", &text).refused().join("\n");
        assert!(refused.contains(variable) && refused.contains("api_key_file"), "{refused}");
        assert!(!refused.contains("sesame"), "{refused}");
    }
}

#[test]
fn a_language_model_is_set_from_every_source_and_its_slips_are_told() {
    let config = given()
        .file("data/hebbd.toml", "[llm]\nprovider = \"openai\"\nmodel = \"llama3.2\"\n")
        .variable("HEBBD_LLM__TOKENS_PER_DAY", "1000")
        .set("llm.outside.anthropic.model=claude")
        .loaded();
    assert_eq!(config.llm.provider, crate::llm::LlmProvider::OpenAi);
    assert_eq!(config.llm.tokens_per_day.0, Some(1_000));
    let anthropic = config.llm.outside.anthropic;
    assert_eq!(
        (anthropic.model.as_str(), anthropic.url.as_str()),
        ("claude", "https://api.anthropic.com/v1")
    );
    let refused = given()
        .set("llm.provider=openai")
        .set("llm.tokens_per_day=0")
        .set("llm.timeout_ms=soon")
        .set("llm.outside.google.modle=x")
        .refused();
    let text = refused.join("\n");
    for expected in [
        "default, [llm] model: must name a model",
        "[llm] tokens_per_day: is 0; it must lie in 1..=1000000000000, or be \"unlimited\"",
        "[llm] timeout_ms: must be a whole number (1 to 600000), found the text \"soon\"",
        "[llm.outside.google] modle: unknown key; did you mean `model`?",
    ] {
        assert!(text.contains(expected), "{expected}\nis not in\n{text}");
    }
    assert_eq!(refused.len(), 4, "{text}");
}

#[test]
fn variables_of_others_pass_and_slips_of_the_pen_do_not() {
    let config = given()
        .variable("HEBBD_SERVICE_HOST", "10.0.0.1")
        .variable("HEBBD_PORT_8787_TCP_ADDR", "10.0.0.1")
        .loaded();
    assert_eq!(config.data_dir, Path::new("data"));
    let refused =
        given().variable("HEBBD_SERVER_WORKERS", "4").variable("HEBBD_DATADIR", "x").refused();
    assert_eq!(
        refused,
        [
            "environment HEBBD_DATADIR: sets nothing; did you mean HEBBD_DATA_DIR?",
            "environment HEBBD_SERVER_WORKERS: sets nothing; did you mean HEBBD_SERVER__WORKERS?",
        ]
    );
}

#[test]
fn files_that_are_missing_broken_or_misplaced_are_told() {
    let flags = ConfigFlags { config: Some("gone.toml".into()), ..ConfigFlags::default() };
    let refused = Given { flags, ..given() }.file("data/shards.toml", "\n[defaults\n").refused();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].starts_with("data/shards.toml: is not valid TOML at line 2"), "{refused:?}");
    assert!(refused[1].starts_with("gone.toml: cannot be read"), "{refused:?}");

    let text = "data_dir = \"/elsewhere\"\n[shards.defaults]\ntenant_permits = 5\n";
    let refused = given().file("data/hebbd.toml", text).refused();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].contains("cannot stand in a file"), "{refused:?}");
    assert!(refused[1].contains("belongs in the shard file"), "{refused:?}");
}

#[test]
fn the_limit_by_address_is_read_from_every_source_and_its_slips_are_told() {
    let proxies = "[\"10.0.0.0/8\", \"192.0.2.7\"]";
    let config = given()
        .file("data/hebbd.toml", &format!("[server]\ntrusted_proxies = {proxies}\n"))
        .variable("HEBBD_SERVER__REQUESTS_PER_IP_PER_MINUTE", "600")
        .set("server.limited_ips_max=5")
        .loaded();
    assert_eq!(config.server.requests_per_ip_per_minute.0, Some(600));
    assert_eq!(config.server.limited_ips_max, 5);
    let from_environment = given().variable("HEBBD_SERVER__TRUSTED_PROXIES", proxies).loaded();
    assert_eq!(from_environment.server.trusted_proxies, config.server.trusted_proxies);
    let refused = given()
        .set("server.trusted_proxies=[\"10.0.0.1/8\", \"proxy\"]")
        .set("server.requests_per_ip_per_minute=0")
        .set("server.limited_ips_max=many")
        .refused();
    let text = refused.join("\n");
    for expected in [
        "trusted_proxies: \"10.0.0.1/8\" has bits outside of its mask; did you mean 10.0.0.0/8?; \
         \"proxy\" is neither an IP address nor a network like 10.0.0.0/8; allowed: a list",
        "requests_per_ip_per_minute: is 0; it must lie in 1..=10000000, or be \"unlimited\"",
        "limited_ips_max: must be a whole number (1 to 10000000), found the text \"many\"",
    ] {
        assert!(text.contains(expected), "{expected}\nis not in\n{text}");
    }
    let refused = given().set("server.trusted_proxies=10.0.0.1").refused();
    assert!(refused.join("").contains("must be a list of texts (a list of IP"), "{refused:?}");
}
