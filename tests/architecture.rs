//! The rules of the tree, checked on its text: who may import whom, which technology has its
//! name in which folder, and what no file may hold. Each rule is a function of a path and a
//! text, so each is also watched failing on a made-up file below.
//!
//! A new row or arrow in [`MAY_IMPORT`] is a decision: write it down in `docs/decisions/` first.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a checker of this repository's own text: a panic is a failed test"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the path prefixes of this crate that it may name besides its own. A module that
/// is not listed here may name everything: the composition root and the commands.
const MAY_IMPORT: [(&str, &[&str]); 15] = [
    ("types", &[]),
    ("engine", &["types"]),
    ("storage", &["engine", "types"]),
    ("index", &["types"]),
    ("outbound", &["types"]),
    ("embedding", &["outbound", "types"]),
    ("llm", &["outbound", "types"]),
    ("extraction", &["types"]),
    ("observability", &["types"]),
    ("tenant", &["engine", "storage", "index", "types"]),
    ("control", &["storage", "types"]),
    (
        "actors",
        &[
            "tenant",
            "control",
            "embedding::Embedder",
            "engine",
            "index::IndexSettings",
            // Opening a shard's store and waiting for its flushes; never keys or records.
            "storage::CommitPolicy",
            "storage::CommitTicket",
            "storage::GroupCommit",
            "storage::SledSettings",
            "storage::SledStore",
            "storage::StorageError",
            "storage::Store",
            // Files of documents on their way to their tenant.
            "storage::BlobHash",
            "storage::Blobs",
            "storage::Spool",
            "storage::SpoolWriter",
            "storage::SpooledFile",
            // Sending to addresses that callers chose.
            "outbound",
            "extraction::ExtractionError",
            "extraction::Extractor",
            // Reading a document's graph.
            "llm",
            "types",
        ],
    ),
    ("service", &["actors", "control", "embedding", "llm", "types"]),
    ("api", &["service", "control", "types"]),
    (
        "config",
        &[
            "actors::settings",
            "api::AdminSettings",
            "api::MagnetecoSettings",
            "api::MetorialSettings",
            "api::MetacognaSettings",
            "api::ServerSettings",
            "api::TexSettings",
            "control::plans",
            "embedding::EmbeddingProvider",
            "embedding::EmbeddingSettings",
            "extraction::ExtractionSettings",
            "index::IndexSettings",
            "llm::LlmSettings",
            "observability::logging",
            "types",
        ],
    ),
];

/// An outside word, and the only modules whose code may say it.
const ONLY_IN: [(&str, &[&str]); 14] = [
    ("sled", &["storage"]),
    ("usearch", &["index"]),
    ("actix_files", &["api"]),
    ("actix_web", &["api"]),
    ("actix", &["actors", "app", "cli", "main"]),
    ("tokenizers", &["embedding"]),
    // The commands are clients of a server.
    ("reqwest", &["outbound", "embedding", "llm", "cli"]),
    ("chardetng", &["extraction"]),
    // With the colons, since iterators have a method and tables a format of these names.
    ("csv::", &["extraction"]),
    ("encoding_rs", &["extraction"]),
    ("hayro_interpret", &["extraction"]),
    ("html5gum", &["extraction"]),
    ("quick_xml", &["extraction"]),
    ("zip::", &["extraction"]),
];

/// What the engine must do without, and why.
const NOT_IN_ENGINE: [(&str, &str); 12] = [
    ("std::time", "time is an argument"),
    ("Instant", "time is an argument"),
    ("SystemTime", "time is an argument"),
    ("tracing", "a pure function returns what there is to say"),
    ("metrics", "a pure function returns what there is to say"),
    ("tokio", "nothing in it waits"),
    ("async", "nothing in it waits"),
    ("std::fs", "it performs no I/O"),
    ("serde", "records are the business of storage"),
    ("Serialize", "records are the business of storage"),
    ("thread_rng", "randomness comes in as a seed"),
    ("rand::rng", "randomness comes in as a seed"),
];

/// Never in any file, not even a test.
const NOWHERE: [(&str, &str); 4] = [
    ("todo!", "finish it or leave it out"),
    ("unimplemented!", "finish it or leave it out"),
    ("dbg!", "remove what was for debugging"),
    ("#[ignore", "a test that does not run proves nothing; run it or delete it"),
];

/// Where every metric is described, and where those of the process itself are set.
const METRICS_FILE: &str = "src/observability/metrics.rs";

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "helpers", "common", "manager", "misc"];

/// Lines without the test part. Past 500 look for a second idea.
const LINES_MAX: usize = 600;

#[test]
fn the_tree_keeps_its_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    let mut counted = Vec::new();
    let mut described = Vec::new();
    let mut read = 0;
    for folder in ["src", "tests", "benches"] {
        for path in rust_files(&root.join(folder)) {
            let text = fs::read_to_string(&path).expect("a source file can be read");
            let path = path.strip_prefix(root).expect("below the root");
            let path = path.to_str().expect("a file name in UTF-8").replace('\\', "/");
            broken.extend(broken_rules(&path, &text));
            if path == METRICS_FILE {
                described = described_metrics(&text);
            } else if path.starts_with("src/") {
                counted.extend(counted_metrics(&path, &text));
            }
            read += 1;
        }
    }
    broken.extend(mismatched_metrics(&described, &counted));
    assert!(read > 1, "no source files were found below {}", root.display());
    assert!(broken.is_empty(), "{} broken rules:\n{}", broken.len(), broken.join("\n"));
}

/// Every broken rule of one file as a sentence.
fn broken_rules(path: &str, text: &str) -> Vec<String> {
    let code = blank_out(text);
    let mut broken = Vec::new();
    broken.extend(opening(path, text));
    broken.extend(empty_name(path));
    broken.extend(nowhere(path, &code));
    if path.starts_with("src/") && !is_test_file(path) {
        let code = without_tests(&code);
        broken.extend(length(path, code));
        broken.extend(imports(path, code));
        broken.extend(outside_words(path, code));
        broken.extend(impure_engine(path, code));
    }
    broken
}

fn opening(path: &str, text: &str) -> Option<String> {
    (!text.starts_with("//!"))
        .then(|| format!("{path}: a file opens with `//!`: what it owns and what it must not do"))
}

fn empty_name(path: &str) -> Option<String> {
    let names = path.split('/').map(|name| name.trim_end_matches(".rs"));
    let name = names.into_iter().find(|name| EMPTY_NAMES.contains(name))?;
    Some(format!("{path}: `{name}` names no idea; find the home that its contents are missing"))
}

fn nowhere(path: &str, code: &str) -> Vec<String> {
    let found = NOWHERE.iter().filter(|(word, _)| has_word(code, word));
    found.map(|(word, why)| format!("{path}: `{word}` is not allowed: {why}")).collect()
}

fn length(path: &str, code: &str) -> Option<String> {
    let lines = code.lines().count();
    (lines > LINES_MAX).then(|| {
        format!(
            "{path}: {lines} lines without tests, more than {LINES_MAX}: look for a second idea"
        )
    })
}

fn imports(path: &str, code: &str) -> Vec<String> {
    let own = module_of(path);
    let Some(module) = own.first() else { return Vec::new() };
    let allowed = MAY_IMPORT.iter().find(|(name, _)| name == module).map(|(_, allowed)| *allowed);
    let mut broken = Vec::new();
    for named in crate_paths(&own, code) {
        let Some(target) = named.first() else { continue };
        let joined = named.join("::");
        if target == "config" && !["config", "app", "cli", "main"].contains(&module.as_str()) {
            broken.push(format!(
                "{path}: names `{joined}`: only `app` and `cli` import `config`; take a Settings \
                 value as an argument"
            ));
        } else if target == module {
            broken.extend(other_dialect(path, &own, &named));
        } else if let Some(allowed) = allowed
            && !allowed.iter().any(|prefix| is_below(prefix, &named))
        {
            let list = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            broken.push(format!(
                "{path}: names `{joined}`: `{module}` may import {list} from this crate"
            ));
        }
    }
    broken
}

fn other_dialect(path: &str, own: &[String], named: &[String]) -> Option<String> {
    let dialect = |path: &[String]| match path {
        [api, dialects, name, ..] if api == "api" && dialects == "dialects" => Some(name.clone()),
        _ => None,
    };
    let (mine, theirs) = (dialect(own)?, dialect(named)?);
    // A function or type of `dialects/mod.rs` has a path of the same shape as a dialect's.
    let is_module = named.len() > 3 || theirs.chars().all(|c| c.is_lowercase() || c == '_');
    (mine != theirs && is_module)
        .then(|| format!("{path}: names `{}`: no dialect imports another", named.join("::")))
}

fn outside_words(path: &str, code: &str) -> Vec<String> {
    let module = module_of(path).first().cloned().unwrap_or_default();
    let mut broken = Vec::new();
    for (word, modules) in ONLY_IN {
        if !modules.contains(&module.as_str()) && has_word(code, word) {
            broken.push(format!("{path}: only {} may name `{word}`", modules.join(", ")));
        }
    }
    broken
}

fn impure_engine(path: &str, code: &str) -> Vec<String> {
    if module_of(path).first().is_none_or(|module| module != "engine") {
        return Vec::new();
    }
    let found = NOT_IN_ENGINE.iter().filter(|(word, _)| has_word(code, word));
    found
        .map(|(word, why)| format!("{path}: the engine is pure, without `{word}`: {why}"))
        .collect()
}

/// Metric names as `METRICS` lists them, those that the same file sets left out.
fn described_metrics(text: &str) -> Vec<String> {
    let table = text.split_once("const METRICS:").map_or("", |(_, rest)| rest);
    let table = table.split_once("];").map_or("", |(table, _)| table);
    let names = table.split('"').filter(|name| name.contains('_') && !name.contains([' ', '.']));
    names.filter(|name| !name.starts_with("process_")).map(str::to_owned).collect()
}

/// File and metric name of each `counter!`, `gauge!` and `histogram!` outside of tests.
fn counted_metrics(path: &str, text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    for call in ["counter!(", "gauge!(", "histogram!("] {
        for after in text[..end].split(call).skip(1) {
            let name = after.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            found.extend(name.map(|name| (path.to_owned(), name.to_owned())));
        }
    }
    found
}

fn mismatched_metrics(described: &[String], counted: &[(String, String)]) -> Vec<String> {
    // The file that describes them sets these two itself.
    let own = ["hebbd_build_info", "hebbd_uptime_seconds"];
    let mut broken = Vec::new();
    for (path, name) in counted {
        if !described.contains(name) {
            broken.push(format!("{path}: counts `{name}`, which {METRICS_FILE} does not describe"));
        }
    }
    for name in described {
        let is_counted = counted.iter().any(|(_, counted)| counted == name);
        if !is_counted && !own.contains(&name.as_str()) {
            broken.push(format!("{METRICS_FILE}: describes `{name}`, which nothing counts"));
        }
    }
    broken
}

/// `src/api/ops.rs` is `["api", "ops"]`, `src/api/mod.rs` is `["api"]`, `src/lib.rs` is `["lib"]`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut names: Vec<_> = inner.split('/').map(str::to_owned).collect();
    if names.len() > 1 && names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Whether `prefix` (with `::`) is `named` or an ancestor of it.
fn is_below(prefix: &str, named: &[String]) -> bool {
    let prefix: Vec<_> = prefix.split("::").collect();
    named.len() >= prefix.len() && prefix.iter().zip(named).all(|(one, other)| one == other)
}

/// All paths into this crate, from its root: `crate::`, `hebbd::`, and `super::` and `self::` as
/// far as they lead. Braces are taken apart. A path that starts with a bare module name is found
/// only after `use`, where it means a child or an outside crate and so breaks no rule.
fn crate_paths(own: &[String], code: &str) -> BTreeSet<Vec<String>> {
    let mut paths = BTreeSet::new();
    for (start, root) in ["crate", "hebbd", "super", "self"]
        .into_iter()
        .flat_map(|root| word_positions(code, root).map(move |start| (start, root)))
    {
        let rest = &code[start + root.len()..];
        let continues_a_path = code[..start].trim_end().ends_with("::");
        if continues_a_path || !rest.trim_start().starts_with("::") {
            continue;
        }
        let mut base = match root {
            "super" => own[..own.len().saturating_sub(1)].to_vec(),
            "self" => own.to_vec(),
            _ => Vec::new(),
        };
        // An inline module adds a level that the file's path does not show; then `super` leads
        // less far than assumed here, which can only be too strict, never too lenient.
        let mut rest = rest.trim_start().trim_start_matches("::");
        while let Some(after) = rest.trim_start().strip_prefix("super") {
            let Some(after) = after.trim_start().strip_prefix("::") else { break };
            base.pop();
            rest = after;
        }
        collect_paths(&base, rest, &mut paths);
    }
    paths
}

/// Adds the paths of one use tree or expression path that starts at `text`; returns the rest.
fn collect_paths<'a>(base: &[String], text: &'a str, paths: &mut BTreeSet<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut inner) = text.strip_prefix('{') {
        loop {
            inner = inner.trim_start();
            if let Some(rest) = inner.strip_prefix('}') {
                return rest;
            }
            let rest = collect_paths(base, inner, paths);
            inner = rest.trim_start().trim_start_matches(',');
            if inner.len() >= rest.len() && !inner.starts_with('}') {
                return inner;
            }
        }
    }
    let end = text.find(|c: char| !is_word_char(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let mut path = base.to_vec();
    if !name.is_empty() && name != "self" {
        path.push(name.to_owned());
    }
    match rest.trim_start().strip_prefix("::") {
        Some(rest) if !name.is_empty() => collect_paths(&path, rest, paths),
        _ => {
            paths.insert(path);
            let rest = rest.trim_start();
            let rest = rest.strip_prefix('*').unwrap_or(rest);
            match rest.strip_prefix("as ") {
                Some(alias) => alias.trim_start().trim_start_matches(is_word_char),
                None => rest,
            }
        }
    }
}

fn has_word(code: &str, word: &str) -> bool {
    word_positions(code, word).next().is_some()
}

/// Where `word` stands with no letter, digit or underscore beside it.
fn word_positions<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(start, _)| start).filter(move |start| {
        let before = code[..*start].chars().next_back();
        let after = code[start + word.len()..].chars().next();
        let ends_in_word = word.ends_with(is_word_char);
        let goes_on = ends_in_word && after.is_some_and(is_word_char);
        !goes_on && !before.is_some_and(is_word_char)
    })
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Everything before the test module at the end of a file.
fn without_tests(code: &str) -> &str {
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let at = from + found;
        let after = code[at + "#[cfg(test)]".len()..].trim_start();
        if after.starts_with("mod ") || after.starts_with("pub mod ") {
            return &code[..at];
        }
        from = at + 1;
    }
    code
}

/// The text with comments, strings and character literals replaced by spaces; line breaks stay.
fn blank_out(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = end_of_literal_or_comment(&characters, at);
        if end == at {
            out.push(characters[at]);
            at += 1;
        } else {
            out.extend(characters[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// One past the comment, string or character literal that starts at `at`, or `at` itself.
fn end_of_literal_or_comment(text: &[char], at: usize) -> usize {
    let is = |offset: usize, c: char| text.get(at + offset) == Some(&c);
    let until = |from: usize, done: &dyn Fn(usize) -> bool| {
        (from..text.len()).find(|index| done(*index)).unwrap_or(text.len())
    };
    if is(0, '/') && is(1, '/') {
        return until(at, &|index| text[index] == '\n');
    }
    if is(0, '/') && is(1, '*') {
        let mut depth = 1;
        let mut index = at + 2;
        while index < text.len() && depth > 0 {
            match (text[index], text.get(index + 1)) {
                ('/', Some('*')) => (depth, index) = (depth + 1, index + 2),
                ('*', Some('/')) => (depth, index) = (depth - 1, index + 2),
                _ => index += 1,
            }
        }
        return index;
    }
    let before = at.checked_sub(1).map(|before| text[before]);
    if is(0, 'r') && before.is_none_or(|before| before == 'b' || !is_word_char(before)) {
        let hashes = text[at + 1..].iter().take_while(|c| **c == '#').count();
        if is(1 + hashes, '"') {
            let closes = |index: usize| {
                text[index] == '"'
                    && text[index + 1..].iter().take(hashes).filter(|c| **c == '#').count()
                        == hashes
            };
            return (until(at + 2 + hashes, &closes) + 1 + hashes).min(text.len());
        }
    }
    if is(0, '"') {
        let mut index = at + 1;
        while index < text.len() && text[index] != '"' {
            index += if text[index] == '\\' { 2 } else { 1 };
        }
        return (index + 1).min(text.len());
    }
    if is(0, '\'') {
        if is(1, '\\') {
            return (until(at + 3, &|index| text[index] == '\'') + 1).min(text.len());
        }
        // `'a'` is a character, `'a` a lifetime.
        if is(2, '\'') {
            return at + 3;
        }
    }
    at
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

mod each_rule_is_seen_failing {
    use super::*;

    /// Asserts that the file breaks exactly one rule, and that its sentence says so.
    fn check_breaks(path: &str, code: &str, sentence: &str) {
        let broken = broken_rules(path, &format!("//! Made up.\n{code}\n"));
        assert_eq!(broken.len(), 1, "{code}: {broken:?}");
        assert!(broken[0].contains(sentence), "{code}: {broken:?}");
    }

    fn check_keeps(path: &str, code: &str) {
        let broken = broken_rules(path, &format!("//! Made up.\n{code}\n"));
        assert_eq!(broken, Vec::<String>::new(), "{code}");
    }

    #[test]
    fn every_arrow_that_is_not_in_the_table() {
        for (path, code, sentence) in [
            ("src/types/ids.rs", "use crate::engine::Atom;", "`types` may import nothing"),
            ("src/engine/gate.rs", "use crate::storage::Store;", "`engine` may import types"),
            ("src/storage/mod.rs", "fn f(x: crate::tenant::Tenant) {}", "`storage` may import"),
            ("src/index/mod.rs", "use crate::embedding::Embedder;", "`index` may import types"),
            ("src/llm/fake.rs", "use crate::embedding::Embedder;", "`llm` may import outbound"),
            ("src/outbound/mod.rs", "use crate::llm::LlmError;", "`outbound` may import types"),
            ("src/extraction/pdf.rs", "use crate::engine::Atom;", "`extraction` may import types"),
            ("src/tenant/open.rs", "use crate::actors::Registry;", "`tenant` may import"),
            ("src/control/keys.rs", "use crate::engine::atom::Atom;", "`control` may import"),
            ("src/actors/registry.rs", "use crate::storage::records;", "`actors` may import"),
            ("src/actors/handle.rs", "use crate::embedding::HttpEmbedder;", "`actors` may import"),
            ("src/service/memory.rs", "use crate::tenant::Tenant;", "`service` may import"),
            ("src/api/ops.rs", "use crate::actors::Registry;", "`api` may import"),
            ("src/api/ops.rs", "use crate::config::Config;", "only `app` and `cli` import"),
            ("src/config/mod.rs", "use crate::index::VectorIndex;", "`config` may import"),
        ] {
            check_breaks(path, code, sentence);
        }
    }

    #[test]
    fn arrows_of_the_table() {
        for (path, code) in [
            ("src/storage/mod.rs", "use crate::{engine::atom::Atom, types::{AtomId, AtomNo}};"),
            ("src/actors/mod.rs", "use crate::embedding::Embedder;\nuse crate::tenant::Tenant;"),
            ("src/service/mod.rs", "pub use crate::actors::tenant::data::Atom;"),
            ("src/config/mod.rs", "use crate::actors::settings::ShardsFile;"),
            ("src/app.rs", "use crate::{storage::Store, config::Config, api, actix as _};"),
            ("src/cli/serve.rs", "use crate::config;\nuse crate::app::Application;"),
            ("src/api/dialects/tex/mod.rs", "use super::super::extract::Principal;"),
            ("src/engine/gate.rs", "#[cfg(test)]\nmod tests {\n use crate::storage::Store;\n}"),
            ("src/engine/tests.rs", "use crate::storage::Store;"),
            ("src/engine/gate.rs", "/// See [`crate::storage::Store`].\nfn f() {}"),
            ("src/engine/gate.rs", "const WHY: &str = \"crate::storage is not for us\";"),
        ] {
            check_keeps(path, code);
        }
    }

    #[test]
    fn detours_around_the_table() {
        for code in [
            "use super::super::storage::Store;",
            "use super::super::{types::AtomId, storage::{self, Store}};",
            "use self::super::super::storage as records;",
            "use hebbd::storage;",
            "use crate::{\n    types::AtomId,\n    storage,\n};",
            "use crate :: storage :: Store;",
        ] {
            let broken = broken_rules("src/engine/gate.rs", &format!("//! Made up.\n{code}"));
            assert!(!broken.is_empty(), "{code}");
            assert!(broken.iter().all(|one| one.contains("storage")), "{code}: {broken:?}");
        }
    }

    #[test]
    fn one_dialect_in_another() {
        let path = "src/api/dialects/tex/convert.rs";
        check_breaks(path, "use crate::api::dialects::metorial::wire;", "no dialect imports");
        check_breaks(path, "use super::super::metorial::wire::Page;", "no dialect imports");
        check_keeps(path, "use super::wire::Page;\nuse crate::api::dialects::RouteTable;");
    }

    #[test]
    fn outside_technology_in_the_wrong_folder() {
        check_breaks(
            "src/tenant/open.rs",
            "fn f(db: &sled::Db) {}",
            "only storage may name `sled`",
        );
        check_breaks("src/tenant/open.rs", "use usearch::Index;", "only index may name `usearch`");
        check_breaks("src/service/mod.rs", "use actix_web::web;", "only api may name `actix_web`");
        check_breaks("src/tenant/open.rs", "use actix::Actor;", "may name `actix`");
        check_breaks("src/service/mod.rs", "use reqwest::Client;", "llm, cli may name `reqwest`");
        check_breaks("src/service/mod.rs", "use zip::ZipArchive;", "may name `zip::`");
        check_keeps("src/storage/mod.rs", "use sled::Db;");
        check_keeps("src/engine/gate.rs", "fn f() { one.iter().zip(csv) }");
        check_keeps("src/tenant/open.rs", "// Not sled's business.\nfn sledge() {}");
    }

    #[test]
    fn an_engine_that_is_not_pure() {
        for (code, word) in [
            ("use std::time::Duration;", "std::time"),
            ("fn f() { tracing::info!(\"x\"); }", "tracing"),
            ("async fn f() {}", "async"),
            ("use serde::Deserialize;", "serde"),
            ("fn f() { rand::rng(); }", "rand::rng"),
            ("fn f() { std::fs::read(\"x\"); }", "std::fs"),
        ] {
            check_breaks("src/engine/gate.rs", code, &format!("without `{word}`"));
        }
        check_keeps("src/engine/gate.rs", "/// Knows no tokio.\nfn instantiate() {}");
    }

    #[test]
    fn unfinished_work_in_any_file() {
        for path in ["src/app.rs", "tests/recovery.rs", "benches/gate.rs"] {
            check_breaks(path, "fn f() { todo!() }", "`todo!`");
            check_breaks(path, "fn f() { unimplemented!() }", "`unimplemented!`");
            check_breaks(path, "fn f() { dbg!(1); }", "`dbg!`");
            check_breaks(path, "#[ignore = \"slow\"]\nfn f() {}", "`#[ignore`");
        }
        check_keeps("src/app.rs", "// No todo! here.\nfn f() -> &'static str { \"dbg!\" }");
    }

    #[test]
    fn files_that_are_too_long_nameless_or_without_an_opening() {
        let long = "fn f() {}\n".repeat(LINES_MAX);
        check_breaks("src/app.rs", &long, "look for a second idea");
        check_keeps("src/app.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}}}"));
        check_breaks("src/api/utils.rs", "fn f() {}", "`utils` names no idea");
        check_breaks("src/common/mod.rs", "fn f() {}", "`common` names no idea");
        let broken = broken_rules("src/app.rs", "use std::fmt;\n");
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].contains("opens with `//!`"), "{broken:?}");
    }

    #[test]
    fn metrics_that_are_not_described_or_not_counted() {
        let table = "const METRICS: [X; 2] = [\n    (\"a_total\", \"One.\"),\n    (\"b_total\", \"Two.\"),\n];";
        let described = described_metrics(table);
        assert_eq!(described, ["a_total", "b_total"]);
        let code = "fn f() { counter!(\n \"a_total\", \"x\" => y); gauge!(\"c_now\").set(1.0); }\n\
                    #[cfg(test)]\nmod tests { fn f() { counter!(\"d_total\"); } }";
        let broken = mismatched_metrics(&described, &counted_metrics("src/x.rs", code));
        assert_eq!(broken.len(), 2, "{broken:?}");
        assert!(broken[0].contains("counts `c_now`"), "{broken:?}");
        assert!(broken[1].contains("describes `b_total`"), "{broken:?}");
    }

    #[test]
    fn text_in_strings_and_comments_is_no_code() {
        for text in [
            "\"sled \\\" sled\"",
            "r#\"sled \" sled\"#",
            "br\"sled\"",
            "b\"sled\"",
            "/* sled /* sled */ sled */",
            "// sled\n",
            "('\"', \"sled\")",
            "('\\'', \"sled\", '\\u{41}')",
        ] {
            assert!(!has_word(&blank_out(text), "sled"), "{text}");
        }
        for text in ["&'a sled", "'x' sled", "\"\" sled", "r\"\\\" sled", "/**/sled"] {
            assert!(has_word(&blank_out(text), "sled"), "{text}");
        }
        let text = "a\n/* b\n */ \"c\nd\" e\n";
        assert_eq!(blank_out(text).lines().count(), text.lines().count());
    }
}
