//! Files to text through the real child process: documents as programs write them, documents that
//! are damaged, locked, empty or made to do harm, and some hundred at random. Whatever a file holds,
//! the answer is a text or an error with a reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "extraction/damage.rs"]
mod damage;
#[path = "extraction/made.rs"]
mod made;

use std::path::{Path, PathBuf};

use damage::{Damage, FIXTURES};
use hebbd::extraction::{ExtractionError, ExtractionSettings, Extractor};
use hebbd::types::FileKind;

/// Kept small, so that what tests is that a child stays within its limits.
const MEMORY_BYTES_MAX: u64 = 512 << 20;
/// Cases of [`any_damage_ends_in_a_text_or_a_reason`]: some ten seconds. Raise it here, and change
/// the seed, to look further.
const CASES: u64 = 300;
const SEED: u64 = 20_261_128;

fn settings() -> ExtractionSettings {
    ExtractionSettings {
        // No verdict shall depend on how busy the machine is.
        timeout_ms: 600_000,
        memory_bytes_max: MEMORY_BYTES_MAX,
        ..ExtractionSettings::default()
    }
}

fn extractor(settings: ExtractionSettings) -> Extractor {
    Extractor::new(PathBuf::from(env!("CARGO_BIN_EXE_hebbd")), settings)
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents").join(name)
}

type Extracted = Result<String, ExtractionError>;

async fn extracted(name: &str) -> Extracted {
    let kind = FileKind::of_name(name).expect("a fixture has a kind");
    extractor(settings()).extract(kind, &fixture(name)).await
}

async fn extracted_from(settings: ExtractionSettings, kind: FileKind, bytes: &[u8]) -> Extracted {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    extractor(settings).extract(kind, file.path()).await
}

/// A text is what every reader may rely on: no control characters but line breaks and tabs.
#[track_caller]
fn check_clean(text: &str) {
    let control = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(control, None);
}

async fn check_says(name: &str, sentences: &[&str]) {
    let text = extracted(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    check_clean(&text);
    for sentence in sentences {
        assert!(text.contains(sentence), "{name}: {sentence}\nis not in\n{text}");
    }
}

// What programs write.

#[tokio::test]
async fn a_pdf_of_chromium() {
    check_says(
        "chromium-shards.pdf",
        &[
            "How memory is kept\n\nhebbd keeps atoms: short texts with concepts, metadata and a \
             time, each in a domain of a tenant. A write decides",
            "A tenant lives on one shard; which one is chosen when",
            "shard refuses every further write until the process is restarted. The office in \
             Farholm, flat 5, affirmed this after difficult trials: “fifty crashes, no lost atom”.",
            "Kind\tBytes\tValue\n0x10\t17\tatom\n0x22\t13\tcue",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_pdf_in_five_languages() {
    check_says(
        "chromium-languages.pdf",
        &[
            "Der Leuchtturm von Farholm wurde 1871 aus grünem Sandstein gebaut. Sein erster Wärter \
             hieß Jörg Süßmilch; er zählte jeden Abend die Schiffe und schrieb ihre Größe",
            "Смотритель маяка каждую субботу кормил тринадцать чаек селёдкой. Ёлку на маяке",
            "Ο φαροφύλακας έγραφε το ημερολόγιό του με πράσινο μελάνι. Τον χειμώνα του 1903",
            "灯塔的钟每天慢四分钟，因为钟摆是用鲸骨做的。守塔人的女儿在三楼种了十二棵柠檬树。",
            "灯台の猫の名前はハルで、霧の日だけ鳴きます。郵便船は毎月九日にジャガイモを運びました。",
        ],
    )
    .await;
}

/// What the document of LibreOffice says, as PDF and as DOCX.
const KEEPER: [&str; 9] = [
    "The keeper of Farholm wrote down what he saw, not what he thought of it. On 3 March 1871 the \
     lamp was lit for the first time, and the brig Halcyon passed at a quarter past six",
    "The oil lasted for nineteen nights.",
    "Die Wärterin Änne Groß ölte das Uhrwerk täglich um fünf; im Frühjahr fraßen Mäuse die Dochte",
    "Старая лодка смотрителя называлась «Незабудка» и протекала возле третьей доски.",
    "Η γέφυρα του νησιού είχε ακριβώς ογδόντα επτά ξύλινα σκαλοπάτια.",
    "岛上唯一的邮筒漆成黄色，每逢满月才开一次。",
    "Ada Quist\n",
    "the tower\tstood\ntwo inches further east.",
    "One of the bells still hangs in the school of Farholm.",
];

#[tokio::test]
async fn a_pdf_of_libreoffice() {
    check_says("libreoffice-keeper.pdf", &KEEPER).await;
    check_says("libreoffice-keeper.pdf", &["Öresby\tfour metres\tnone\n"]).await;
}

#[tokio::test]
async fn a_docx_of_libreoffice() {
    check_says("libreoffice-keeper.docx", &KEEPER).await;
    check_says("libreoffice-keeper.docx", &["Öresby | four metres | none\n"]).await;
}

#[tokio::test]
async fn a_pdf_of_tex_has_blanks_whole_words_and_letters_with_their_accents() {
    check_says(
        "pdftex-canal.pdf",
        &[
            "The canal of Öhringen",
            "Its officers affirmed that the difficult flow was sufficient for forty barges a day",
            "lake of Saint-Étienne, and that the façade of the pump house was naïvely painted by \
             his brother, René.",
            "Der Müller von Größenau fährt täglich über die schöne Brücke nach Öhringen. Seine \
             Donaudampfschifffahrtsgesellschaft beförderte außer Mehl auch Äpfel, Spätzle und",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_pdf_with_fonts_that_are_not_in_it() {
    check_says(
        "groff-format.pdf",
        &[
            "Numbers in keys are big-endian, so the order of keys is the order of numbers. A value",
            "signed microseconds since 1970-01-01T00:00:00Z.",
            "files every format under the letter F, and calls it efficient.",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_pdf_of_cairo() {
    for name in ["cairo-library.pdf", "uncompressed-library.pdf"] {
        check_says(
            name,
            &[
                "Библиотекарь Зоя Щукина хранила на верхней полке ровно семьсот карт звёздного неба",
                "Η βιβλιοθήκη έκλεινε κάθε Πέμπτη στις τέσσερις και τέταρτο, εκτός από τον Αύγουστο.",
                "verlieh außer Büchern auch Ferngläser, Öllampen und zwölf Paar Gummistiefel",
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn a_saved_page_and_an_old_text_file() {
    check_says(
        "page.html",
        &["affirmed this after difficult trials: “fifty crashes, no lost atom”.\n\nKind\tBytes"],
    )
    .await;
    let page = extracted("page.html").await.unwrap();
    assert!(!page.contains("script") && !page.contains("font-family"), "{page}");
    let chest = "В сундуке смотрителя лежали семь медных ключей и письмо без подписи.\n";
    check_says("chest-windows-1251.txt", &[chest]).await;
}

#[tokio::test]
async fn what_is_locked_or_holds_no_text_says_so() {
    assert_eq!(extracted("locked.pdf").await, Err(ExtractionError::Encrypted));
    assert_eq!(extracted("locked.docx").await, Err(ExtractionError::Encrypted));
    assert_eq!(extracted("scanned.pdf").await, Err(ExtractionError::NoText));
    // A password against changes does not keep anybody from reading.
    assert_eq!(extracted("restricted.pdf").await, extracted("chromium-shards.pdf").await);
    let blank = made::docx("<w:p/>");
    let text = extracted_from(settings(), FileKind::Docx, &blank).await;
    assert_eq!(text, Err(ExtractionError::NoText));
    let text = extracted_from(settings(), FileKind::Html, b"<p> </p>").await;
    assert_eq!(text.as_deref(), Ok(""));
}

// What does harm.

#[tokio::test]
async fn what_is_no_document_is_malformed() {
    for kind in [FileKind::Pdf, FileKind::Docx] {
        for bytes in [&b""[..], b"%PDF-1.7", b"PK\x03\x04", b"\0\0\0\0", b"just words", &[0xd0; 64]]
        {
            let text = extracted_from(settings(), kind, bytes).await;
            assert_eq!(text, Err(ExtractionError::Malformed), "{kind:?} {bytes:?}");
        }
    }
    let half = std::fs::read(fixture("libreoffice-keeper.docx")).unwrap();
    let text = extracted_from(settings(), FileKind::Docx, &half[..half.len() / 2]).await;
    assert_eq!(text, Err(ExtractionError::Malformed));
}

#[tokio::test]
async fn an_archive_that_unpacks_to_too_much_is_refused() {
    let spacing = made::docx_repeating(&format!("<!--{}-->", " ".repeat(1 << 20)), 300);
    assert!(spacing.len() < 1 << 20, "{} bytes", spacing.len());
    let text = extracted_from(settings(), FileKind::Docx, &spacing).await;
    assert_eq!(text, Err(ExtractionError::TooMuchText));
    let words = made::docx_repeating(&format!("<w:t>{}</w:t>", "word ".repeat(1 << 16)), 60);
    let text = extracted_from(settings(), FileKind::Docx, &words).await;
    assert_eq!(text, Err(ExtractionError::TooMuchText));
}

#[tokio::test]
async fn a_stream_that_inflates_to_too_much_ends_at_the_limit_of_memory() {
    let bomb = made::pdf_of_deflated(&" ".repeat(1 << 20), 600);
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    let text = extracted_from(settings(), FileKind::Pdf, &bomb).await;
    assert_eq!(text, Err(ExtractionError::TooMuchMemory));
    let words = made::pdf_of_deflated("BT /F 9 Tf (word word) Tj ET\n", 20_000);
    let settings = ExtractionSettings { text_bytes_max: 1 << 16, ..settings() };
    let text = extracted_from(settings, FileKind::Pdf, &words).await;
    assert_eq!(text, Err(ExtractionError::TooMuchText));
}

#[tokio::test]
async fn a_page_that_draws_without_end_is_stopped() {
    // Each form draws the next one ten times; fifteen deep, no machine sees the end.
    let endless = made::pdf_of_forms(15, 10);
    let settings = ExtractionSettings { timeout_ms: 500, processes_max: 1, ..settings() };
    let text = extracted_from(settings.clone(), FileKind::Pdf, &endless).await;
    assert_eq!(text, Err(ExtractionError::TooLong));
    // One that nobody waits for any more gives its place back.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &endless).unwrap();
    let extractor = extractor(ExtractionSettings { timeout_ms: 600_000, ..settings });
    {
        let call = extractor.extract(FileKind::Pdf, file.path());
        let cut_short = tokio::time::timeout(std::time::Duration::from_millis(300), call).await;
        assert!(cut_short.is_err(), "{cut_short:?}");
    }
    let page = extractor.extract(FileKind::Html, &fixture("page.html")).await;
    assert!(page.is_ok(), "{page:?}");
}

#[tokio::test]
async fn computing_time_is_limited_where_the_parent_does_not_look() {
    let endless = made::pdf_of_forms(15, 10);
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_hebbd"))
        .args(["extract-text", "--kind", "pdf", "--timeout-ms", "1000"])
        .args(["--memory-bytes-max", "536870912", "--text-bytes-max", "1000"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .and_then(|mut child| {
            std::io::Write::write_all(&mut child.stdin.take().expect("is piped"), &endless)?;
            child.wait()
        })
        .unwrap();
    assert_eq!(status.code(), None, "a signal ends it: {status}");
}

#[tokio::test]
async fn nesting_in_a_page_costs_nothing() {
    let deep = format!("{}bottom{}", "<div><p><b>".repeat(10_000), "</b></p></div>".repeat(10_000));
    let text = extracted_from(settings(), FileKind::Html, deep.as_bytes()).await;
    assert_eq!(text.as_deref(), Ok("bottom"));
    let deep = made::docx(&format!("{}<w:t>bottom</w:t>", "<w:p><w:r>".repeat(100_000)));
    let text = extracted_from(settings(), FileKind::Docx, &deep).await;
    assert_eq!(text.as_deref(), Ok("bottom"));
    let deep = "{\"a\":".repeat(100_000);
    let text = extracted_from(settings(), FileKind::Json, deep.as_bytes()).await;
    assert_eq!(text, Err(ExtractionError::Malformed));
}

#[tokio::test]
async fn nesting_and_cycles_in_a_pdf_end_in_a_text_or_a_reason() {
    for (name, bytes) in made::convoluted_pdfs() {
        let text = extracted_from(settings(), FileKind::Pdf, &bytes).await;
        println!("{name}: {text:?}");
        match text {
            Ok(text) => check_clean(&text),
            Err(error) => {
                assert_ne!(error, ExtractionError::Unavailable, "{name}");
                assert_ne!(error, ExtractionError::Crashed, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn any_damage_ends_in_a_text_or_a_reason() {
    println!("seed {SEED}, {CASES} cases");
    let corpus = FIXTURES.map(|name| std::fs::read(fixture(name)).unwrap());
    let extractor = extractor(settings());
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut tally = std::collections::BTreeMap::<String, u32>::new();
    for case in 0..CASES {
        let damaged = Damage::of_case(SEED, case, &corpus);
        std::fs::write(file.path(), &damaged.bytes).unwrap();
        let text = extractor.extract(damaged.kind, file.path()).await;
        let verdict = match &text {
            Ok(text) => {
                check_clean(text);
                "text"
            }
            Err(error) => error.as_str(),
        };
        assert_ne!(text, Err(ExtractionError::Unavailable), "case {case}");
        *tally.entry(format!("{} {verdict}", damaged.kind.as_str())).or_default() += 1;
    }
    println!("{tally:#?}");
}
