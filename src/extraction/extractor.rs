//! Asks for the text of a file, from outside of the parsers: formats whose parsers are small and
//! bounded are read on the blocking pool, the others in a child process each, which is killed when
//! it takes too long or nobody waits for it any more.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::{ExtractionError, ExtractionSettings, text_of};
use crate::types::FileKind;

/// A file without markup is not read further than this many times the text that is allowed:
/// UTF-16 and the spacing of JSON need more bytes than the text that they hold.
const FILE_PER_TEXT: u64 = 4;
/// What a dying child says about itself is short.
const LAST_WORDS_BYTES: u64 = 4_096;
/// How the standard library's allocator says that there is no memory.
const OUT_OF_MEMORY: &[u8] = b"memory allocation";

/// Reads the text of files, at most `processes_max` of either way at once. Holds no state of a
/// file; dropping a call stops its child.
#[derive(Debug)]
pub struct Extractor {
    program: PathBuf,
    settings: ExtractionSettings,
    children: Arc<Semaphore>,
    parsers: Arc<Semaphore>,
}

impl Extractor {
    /// `program` is this program: a child is started with the command `extract-text`, which calls
    /// [`super::run_child`].
    #[must_use]
    pub fn new(program: PathBuf, settings: ExtractionSettings) -> Self {
        let children = Arc::new(Semaphore::new(settings.processes_max));
        let parsers = Arc::new(Semaphore::new(settings.processes_max));
        Self { program, settings, children, parsers }
    }

    /// The text of a file. Needs a tokio runtime with time and I/O. Waits for a place first; the
    /// time limit runs from then on.
    ///
    /// # Errors
    /// See [`ExtractionError`]; there is no partial text.
    pub async fn extract(&self, kind: FileKind, file: &Path) -> Result<String, ExtractionError> {
        match kind {
            FileKind::Html | FileKind::Pdf | FileKind::Docx => self.in_child(kind, file).await,
            FileKind::Text | FileKind::Markdown | FileKind::Csv | FileKind::Json => {
                self.in_process(kind, file).await
            }
        }
    }

    async fn in_process(&self, kind: FileKind, file: &Path) -> Result<String, ExtractionError> {
        let permit = place(&self.parsers).await?;
        let file = file.to_owned();
        let text_bytes_max = self.settings.text_bytes_max;
        let read = spawn_blocking(move || {
            let _permit = permit;
            let bytes = read_bounded(&file, text_bytes_max)?;
            // A parser that panics costs one blocking thread nothing.
            catch_unwind(AssertUnwindSafe(|| text_of(kind, bytes, text_bytes_max)))
                .unwrap_or(Err(ExtractionError::Crashed))
        });
        read.await.unwrap_or(Err(ExtractionError::Unavailable))
    }

    async fn in_child(&self, kind: FileKind, file: &Path) -> Result<String, ExtractionError> {
        let _permit = place(&self.children).await?;
        let path = file.to_owned();
        let opened = spawn_blocking(move || File::open(path)).await;
        let Ok(Ok(opened)) = opened else { return Err(ExtractionError::Unavailable) };
        let mut child = self.start(kind, opened)?;
        let limit = Duration::from_millis(self.settings.timeout_ms);
        match tokio::time::timeout(limit, self.answer_of(&mut child)).await {
            Ok(answer) => answer,
            Err(_) => {
                stop(&mut child).await;
                Err(ExtractionError::TooLong)
            }
        }
    }

    /// The child has nothing of this process but the file: no environment, no other handle, and a
    /// process group of its own, so that a terminal's interrupt is not taken for a crash.
    fn start(&self, kind: FileKind, file: File) -> Result<Child, ExtractionError> {
        Command::new(&self.program)
            .arg("extract-text")
            .args(["--kind", kind.as_str()])
            .args(["--memory-bytes-max", &self.settings.memory_bytes_max.to_string()])
            .args(["--timeout-ms", &self.settings.timeout_ms.to_string()])
            .args(["--text-bytes-max", &self.settings.text_bytes_max.to_string()])
            .env_clear()
            .stdin(Stdio::from(file))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|_| ExtractionError::Unavailable)
    }

    async fn answer_of(&self, child: &mut Child) -> Result<String, ExtractionError> {
        let (Some(text), Some(last_words)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(ExtractionError::Unavailable);
        };
        let bytes_max = u64::try_from(self.settings.text_bytes_max).unwrap_or(u64::MAX);
        let text = read_at_most(text, bytes_max.saturating_add(1));
        let last_words = read_at_most(last_words, LAST_WORDS_BYTES);
        let (text, last_words) = tokio::join!(text, last_words);
        if text.len() > self.settings.text_bytes_max {
            stop(child).await;
            return Err(ExtractionError::TooMuchText);
        }
        let status = child.wait().await.map_err(|_| ExtractionError::Unavailable)?;
        match failure_of(status, &last_words) {
            None => String::from_utf8(text).map_err(|_| ExtractionError::Crashed),
            Some(error) => Err(error),
        }
    }
}

/// Never closed, so this only ever waits.
async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ExtractionError> {
    Arc::clone(places).acquire_owned().await.map_err(|_| ExtractionError::Unavailable)
}

/// What a stream says up to its end or `bytes_max`; a stream that breaks ends there.
async fn read_at_most(stream: impl AsyncRead + Unpin, bytes_max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.take(bytes_max).read_to_end(&mut bytes).await;
    bytes
}

fn read_bounded(file: &Path, text_bytes_max: usize) -> Result<Vec<u8>, ExtractionError> {
    let text_bytes_max = u64::try_from(text_bytes_max).unwrap_or(u64::MAX);
    let bytes_max = text_bytes_max.saturating_mul(FILE_PER_TEXT);
    let mut bytes = Vec::new();
    let read = File::open(file)
        .and_then(|file| file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Err(_) => Err(ExtractionError::Unavailable),
        Ok(length) if u64::try_from(length).unwrap_or(u64::MAX) > bytes_max => {
            Err(ExtractionError::TooMuchText)
        }
        Ok(_) => Ok(bytes),
    }
}

/// Kills a child and waits until it is gone, so that its place is free when it is given back.
async fn stop(child: &mut Child) {
    let _ = child.kill().await;
}

/// `None` for a child that gave a text.
fn failure_of(status: ExitStatus, last_words: &[u8]) -> Option<ExtractionError> {
    let is = |signal: Signal| status.signal() == Some(signal.as_raw());
    let says_memory = last_words.windows(OUT_OF_MEMORY.len()).any(|part| part == OUT_OF_MEMORY);
    match status.code() {
        Some(0) => None,
        Some(code) => Some(ExtractionError::of_exit_code(code)),
        None if is(Signal::XCPU) => Some(ExtractionError::TooLong),
        None if is(Signal::ABORT) && says_memory => Some(ExtractionError::TooMuchMemory),
        // From the kernel, when the whole machine has no memory left.
        None if is(Signal::KILL) => Some(ExtractionError::TooMuchMemory),
        // From an operator or a service manager: the file has nothing to do with it.
        None if is(Signal::TERM) || is(Signal::INT) || is(Signal::HUP) || is(Signal::QUIT) => {
            Some(ExtractionError::Unavailable)
        }
        None => Some(ExtractionError::Crashed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extractor(program: &str) -> Extractor {
        let settings = ExtractionSettings { text_bytes_max: 1_024, ..Default::default() };
        Extractor::new(PathBuf::from(program), settings)
    }

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[tokio::test]
    async fn small_formats_need_no_program() {
        let extractor = extractor("/no/such/program");
        for (kind, content, text) in [
            (FileKind::Text, "a\r\nb\0", "a\nb"),
            (FileKind::Text, "", ""),
            (FileKind::Markdown, "# A\n\n* b", "# A\n\n* b"),
            (FileKind::Csv, "a,b\n1,2", "a: 1; b: 2."),
            (FileKind::Json, "{\"a\": 1}", "a: 1"),
        ] {
            let file = file(content.as_bytes());
            assert_eq!(extractor.extract(kind, file.path()).await.as_deref(), Ok(text));
        }
    }

    #[tokio::test]
    async fn a_text_that_is_too_long_is_refused_whole() {
        let extractor = extractor("/no/such/program");
        for length in [1_025, 10_000] {
            let file = file(&vec![b'a'; length]);
            let text = extractor.extract(FileKind::Text, file.path()).await;
            assert_eq!(text, Err(ExtractionError::TooMuchText));
        }
    }

    #[tokio::test]
    async fn a_program_or_file_that_is_not_there_is_worth_another_try() {
        let missing = Path::new("/no/such/file");
        let here = file(b"<p>a");
        for (program, kind, path) in [
            ("/no/such/program", FileKind::Html, here.path()),
            ("/bin/true", FileKind::Pdf, missing),
            ("/bin/false", FileKind::Pdf, here.path()),
            ("/bin/true", FileKind::Text, missing),
        ] {
            let text = extractor(program).extract(kind, path).await;
            assert_eq!(text, Err(ExtractionError::Unavailable), "{program}");
        }
    }

    #[test]
    fn the_way_a_child_died_tells_why() {
        let by = |signal: Signal| ExitStatus::from_raw(signal.as_raw());
        for (status, last_words, expected) in [
            (ExitStatus::from_raw(0), "", None),
            (ExitStatus::from_raw(20 << 8), "", Some(ExtractionError::Encrypted)),
            (ExitStatus::from_raw(2 << 8), "", Some(ExtractionError::Unavailable)),
            (by(Signal::XCPU), "", Some(ExtractionError::TooLong)),
            (by(Signal::SEGV), "", Some(ExtractionError::Crashed)),
            (by(Signal::ABORT), "thread overflowed", Some(ExtractionError::Crashed)),
            (
                by(Signal::ABORT),
                "memory allocation of 9 bytes failed",
                Some(ExtractionError::TooMuchMemory),
            ),
            (by(Signal::KILL), "", Some(ExtractionError::TooMuchMemory)),
            (by(Signal::TERM), "", Some(ExtractionError::Unavailable)),
        ] {
            assert_eq!(failure_of(status, last_words.as_bytes()), expected, "{status}");
        }
    }
}
