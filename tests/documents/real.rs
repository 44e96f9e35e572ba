//! Real files: PDFs of five programs, a DOCX, a page, an old text, and this repository's own
//! documentation. Each is found first by a question about it, in its own language, and an answer
//! quotes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::owner::{Owner, Upload, members, texts};
use crate::{kept, start};

const FIXTURES: &str = "tests/fixtures/documents";

/// Whose text cannot be read, as `tests/extraction.rs` has it.
const UNREADABLE: [&str; 3] = ["locked.docx", "locked.pdf", "scanned.pdf"];

const LIBRARY: &[&str] = &["cairo-library.pdf", "uncompressed-library.pdf"];
const KEEPER: &[&str] = &["libreoffice-keeper.docx", "libreoffice-keeper.pdf"];
const SHARDS: &[&str] = &["chromium-shards.pdf", "restricted.pdf", "page.html"];

/// The documents that say it, all of which are to be found before any other; a question in other
/// words where the language allows it; and a part of the sentence that answers.
const QUESTIONS: [(&[&str], &str, &str); 48] = [
    (&["chromium-languages.pdf"], "Wer war der erste Wärter des Leuchtturms?", "Jörg Süßmilch"),
    (&["chromium-languages.pdf"], "Кого смотритель кормил селёдкой?", "тринадцать чаек"),
    (&["chromium-languages.pdf"], "Με τι μελάνι έγραφε ο φαροφύλακας;", "πράσινο μελάνι"),
    (&["chromium-languages.pdf"], "灯塔的钟每天慢几分钟？", "灯塔的钟每天慢四分钟"),
    (&["chromium-languages.pdf"], "灯台の猫の名前は何ですか。", "灯台の猫の名前はハル"),
    (LIBRARY, "Сколько карт звёздного неба хранила библиотекарь?", "семьсот карт"),
    (LIBRARY, "Πότε έκλεινε η βιβλιοθήκη;", "έκλεινε κάθε Πέμπτη"),
    (LIBRARY, "Was verlieh die Bibliothek außer Büchern?", "Ferngläser, Öllampen"),
    (&["chest-windows-1251.txt"], "Что лежало в сундуке смотрителя?", "семь медных ключей"),
    (SHARDS, "Who affirmed that no atom was lost in fifty crashes?", "Farholm, flat 5"),
    (
        &["groff-format.pdf"],
        "Under which letter does the archivist file every format?",
        "under the letter F",
    ),
    (KEEPER, "How many nights did the oil last?", "nineteen nights"),
    (KEEPER, "Was fraßen die Mäuse im Frühjahr?", "fraßen Mäuse die Dochte"),
    (KEEPER, "Как называлась лодка смотрителя?", "Незабудка"),
    (KEEPER, "Πόσα σκαλοπάτια είχε η γέφυρα του νησιού;", "ογδόντα επτά"),
    (KEEPER, "岛上的邮筒是什么颜色的？", "邮筒漆成黄色"),
    (&["pdftex-canal.pdf"], "Who painted the façade of the pump house?", "naïvely painted"),
    (&["pdftex-canal.pdf"], "Wohin fährt der Müller täglich?", "über die schöne Brücke"),
    (
        &["README.md"],
        "Does hebbd need a database server or a model download?",
        "no database server, no model download",
    ),
    (&["ARCHITECTURE.md"], "Why does no lock guard memory?", "no lock guards memory"),
    (
        &["docs/administration.md"],
        "What does an ellipsis stand for in the tour?",
        "An ellipsis stands for",
    ),
    (
        &["docs/benchmarks.md"],
        "Which data set with a CC BY-NC licence was recall measured on?",
        "CC BY-NC 4.0",
    ),
    (
        &["docs/storage-format.md"],
        "What must whoever changes a stored byte do?",
        "changes this page in the same commit",
    ),
    (
        &["docs/dialects/mnemoverse.md"],
        "Which version of the Python client and the MCP memory server was the mnemoverse reference \
         read with?",
        "0.10.2",
    ),
    (&["docs/dialects/tex.md"], "With which versions of tex-sdk was the overview read?", "1.5.2"),
    (
        &["docs/decisions/0001-sled-prefixes-one-db-per-shard.md"],
        "What did 10,000 empty tenants cost with a tree per tenant?",
        "10,000 empty tenants",
    ),
    (
        &["docs/decisions/0002-acknowledge-after-group-commit.md"],
        "How many acknowledged writes did one kill lose?",
        "lost 3,059",
    ),
    (
        &["docs/decisions/0003-static-embedding-model.md"],
        "Which model was run over each of its 30,522 vocabulary entries?",
        "all-MiniLM-L6-v2",
    ),
    (
        &["docs/decisions/0004-ranking.md"],
        "What share of LoCoMo's questions finds evidence with the usual mix of vector and BM25?",
        "usual mix of vector",
    ),
    (
        &["docs/decisions/0005-vector-index.md"],
        "Does a graph of the vector index ever change?",
        "A graph never changes",
    ),
    (
        &["docs/decisions/0006-pairs-at-query-time.md"],
        "How much memory would a posting list for each pair take?",
        "ten times the memory",
    ),
    (
        &["docs/decisions/0007-registry-is-the-supervisor.md"],
        "What does an actix Supervisor do after a panic?",
        "after a panic it does nothing",
    ),
    (
        &["docs/decisions/0008-gate-refuses-same-wording.md"],
        "Why is moving from Berlin to Paris no repetition?",
        "from Berlin to Paris",
    ),
    (
        &["docs/decisions/0009-link-only-given-concepts.md"],
        "How many links do ten extracted concepts make?",
        "Ten extracted concepts make 45 links",
    ),
    (
        &["docs/decisions/0010-import-table.md"],
        "Why is the table of synonyms parsed at start?",
        "parsed at start",
    ),
    (&["docs/decisions/0011-dependencies.md"], "What is comfy-table used for?", "comfy-table"),
    (
        &["docs/decisions/0012-mnemoverse-failures.md"],
        "How many hexadecimal digits has a key after mk_live_?",
        "32 hexadecimal digits",
    ),
    (
        &["docs/decisions/0013-learning-from-feedback.md"],
        "How does an outcome change the valence of an atom?",
        "valence += .2",
    ),
    (
        &["docs/decisions/0014-consolidation.md"],
        "Which two preferences of a mode are different facts although they look alike?",
        "prefers dark mode",
    ),
    (
        &["docs/decisions/0016-large-batches-in-pieces.md"],
        "How long does a batch of 500 new atoms take?",
        "500 new",
    ),
    (
        &["docs/decisions/0017-limiters.md"],
        "What happens when the table of limiters is full and no counter is idle?",
        "share one counter",
    ),
    (
        &["docs/decisions/0018-durable-jobs.md"],
        "How often may a job that kills the process be restarted?",
        "kills the process",
    ),
    (
        &["docs/decisions/0019-identities.md"],
        "How many MiB and passes is OWASP's cost of a password hash?",
        "OWASP's cost",
    ),
    (
        &["docs/decisions/0020-administration.md"],
        "Where does the server keep the 256 bits of its admin token?",
        "256 bits",
    ),
    (
        &["docs/decisions/0021-conversations.md"],
        "Is \"Got it.\" said twice one turn or two?",
        "Got it",
    ),
    (
        &["docs/decisions/0022-deep-recall.md"],
        "What does a question like \"which books has she\" gain in deep recall?",
        "which books has she",
    ),
    (
        &["docs/decisions/0023-documents.md"],
        "Why are originals files and not records?",
        "Originals are files",
    ),
    (
        &["docs/decisions/0025-language-models.md"],
        "Why are models not asked again after a timeout?",
        "worked for a minute",
    ),
];

/// Words of an entity, and documents that name it.
const ENTITIES: [(&str, &[&str]); 4] = [
    ("Farholm", &["libreoffice-keeper.docx", "libreoffice-keeper.pdf", "chromium-shards.pdf"]),
    ("MessagePack", &["groff-format.pdf", "docs/storage-format.md"]),
    ("usearch", &["docs/decisions/0005-vector-index.md", "docs/storage-format.md"]),
    ("sled", &["docs/decisions/0001-sled-prefixes-one-db-per-shard.md", "ARCHITECTURE.md"]),
];

/// The files by their names: of fixtures the plain one, else the path from the repository.
fn corpus() -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in kept::files_below(&root.join(FIXTURES)) {
        files.insert(path.file_name().unwrap().to_string_lossy().into_owned(), path);
    }
    let pages = kept::files_below(&root.join("docs")).into_iter();
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    for path in pages.chain([root.join("README.md"), root.join("ARCHITECTURE.md")]) {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        files.insert(name, path);
    }
    files
}

struct Library {
    owner: Owner,
    /// Names of the documents that could be read, by their ids.
    names: HashMap<String, String>,
}

impl Library {
    fn upload_all(owner: Owner) -> Self {
        let mut names = HashMap::new();
        for (name, path) in corpus() {
            let file_name = path.file_name().unwrap().to_string_lossy().into_owned();
            let mut upload = Upload::of(&file_name, std::fs::read(&path).unwrap());
            upload.title = Some(name.clone());
            if UNREADABLE.contains(&name.as_str()) {
                let refused = owner.try_upload(&upload);
                assert_eq!(refused.status, 400, "{name}: {refused:?}");
                let id = refused.json()["documentId"].as_str().unwrap().to_owned();
                assert_eq!(owner.document(&id)["status"], "error", "{name}");
            } else {
                names.insert(owner.upload(&upload), name);
            }
        }
        Self { owner, names }
    }

    fn name_of(&self, entry: &Value) -> &str {
        &self.names[entry["documentId"].as_str().unwrap()]
    }

    fn check_question(&self, says_it: &[&str], question: &str, part: &str) {
        let found = self.owner.search(question, 10);
        let names: Vec<&str> = found.iter().map(|result| self.name_of(result)).collect();
        let first: BTreeSet<&str> = names.iter().take(says_it.len()).copied().collect();
        assert_eq!(first, says_it.iter().copied().collect(), "{question}: {names:?}");
        let holds = |result: &&Value| {
            says_it.contains(&self.name_of(result))
                && result["text"].as_str().unwrap().contains(part)
        };
        assert!(found.iter().any(|result| holds(&result)), "{question}: {found:?}");

        let answer = self.owner.chat(question);
        let sources = members(&answer["sources"]);
        assert_eq!(sources[0]["documentTitle"], names[0], "{question}: {answer}");
        assert_eq!(sources[0]["documentId"], found[0]["documentId"]);
        let response = answer["response"].as_str().unwrap();
        let quotes = response.lines().filter(|line| line.starts_with('\u{201c}'));
        let is_quoted = |line: &str| {
            line.contains(part) && says_it.iter().any(|name| line.contains(&format!(": {name}]")))
        };
        assert!({ quotes }.any(is_quoted), "{question}: {response}");
    }

    fn check_graph(&self) {
        let graph = self.owner.graph();
        let nodes = members(&graph["nodes"]);
        for (label, documents) in ENTITIES {
            let node = nodes.iter().find(|node| node["label"] == label);
            let node = node.unwrap_or_else(|| panic!("{label} is not in {nodes:?}"));
            let named: BTreeSet<&str> =
                members(&node["documentIds"]).iter().map(|id| self.name(id)).collect();
            let missing: Vec<_> = documents.iter().filter(|name| !named.contains(*name)).collect();
            assert!(missing.is_empty(), "{label}: {missing:?} are not among {named:?}");
        }
        let ids: BTreeSet<&str> = texts(&nodes, "id").into_iter().collect();
        assert_eq!(ids.len(), nodes.len(), "no node is there twice");
        for edge in members(&graph["edges"]) {
            for end in ["source", "target"] {
                assert!(ids.contains(edge[end].as_str().unwrap()), "{edge}");
            }
        }
    }

    /// The name of a document by its id; there must be one.
    fn name(&self, id: &Value) -> &'static str {
        let name = &self.names[id.as_str().unwrap()];
        let known = QUESTIONS.iter().flat_map(|(names, ..)| names.iter());
        known.copied().find(|known| known == name).unwrap_or("a document without a question")
    }
}

/// Of each page the sentence whose words no other page has most of.
fn telling_sentences(pages: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        words.filter(|word| word.chars().count() > 3).map(str::to_lowercase).collect()
    };
    let mut pages_with: HashMap<String, usize> = HashMap::new();
    for text in pages.values() {
        for word in words(text) {
            *pages_with.entry(word).or_default() += 1;
        }
    }
    let own_words = |sentence: &str| {
        words(sentence).iter().filter(|word| pages_with.get(*word) == Some(&1)).count()
    };
    let telling = pages.iter().map(|(name, text)| {
        let paragraphs = text.split("\n\n").filter(|it| !it.contains("```") && !it.contains('|'));
        let sentences = paragraphs.flat_map(|paragraph| paragraph.split(". ")).map(|sentence| {
            let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
            sentence.replace(['*', '`', '#'], "")
        });
        let short = sentences.filter(|sentence| sentence.chars().count() <= 300);
        let telling =
            short.max_by_key(|sentence| own_words(sentence)).expect("a page has sentences");
        (name.clone(), telling)
    });
    telling.collect()
}

#[test]
fn real_documents_are_found_first_quoted_and_in_the_graph() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let library = Library::upload_all(Owner::new(&server));
    let asked: BTreeSet<&str> =
        QUESTIONS.iter().flat_map(|(names, ..)| names.iter().copied()).collect();
    let uploaded: BTreeSet<&str> = library.names.values().map(String::as_str).collect();
    let unknown: Vec<_> = asked.difference(&uploaded).collect();
    assert!(unknown.is_empty(), "these are asked for and do not exist: {unknown:?}");

    for (says_it, question, part) in QUESTIONS {
        library.check_question(says_it, question, part);
    }
    library.check_graph();

    // Pages come and go, so each is asked in its own words too.
    let pages = corpus().into_iter().filter(|(name, _)| name.ends_with(".md"));
    let pages = pages.map(|(name, path)| (name, std::fs::read_to_string(path).unwrap())).collect();
    for (name, sentence) in telling_sentences(&pages) {
        let found = library.owner.search(&sentence, 3);
        assert_eq!(library.name_of(&found[0]), name, "{sentence}");
        let answer = library.owner.chat(&sentence);
        assert_eq!(answer["sources"][0]["documentTitle"], name.as_str(), "{sentence}");
    }
    let without: Vec<_> =
        uploaded.difference(&asked).filter(|name| !name.ends_with(".md")).collect();
    assert!(without.is_empty(), "nothing is asked of {without:?}");
}
