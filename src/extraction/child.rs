//! The child process that reads one file: the file is its standard input, the text its standard
//! output, the verdict its exit code. It limits itself before it reads a byte: memory, computing
//! time, no core dump. A parser that panics ends in an error;
//! one that overflows its stack or its memory ends this process, and the parent says which.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::thread;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::{ExtractionError, text_of};
use crate::types::FileKind;

/// Parsers recurse into what is nested; the largest is bounded by depths of its own far below.
const STACK_BYTES: usize = 64 << 20;

/// What the child may use. The parent enforces the time and the text too.
#[derive(Debug, Clone, Copy)]
pub struct ChildLimits {
    /// Of address space, the program itself included.
    pub memory_bytes_max: u64,
    /// Of computing; rounded up to seconds.
    pub timeout_ms: u64,
    pub text_bytes_max: usize,
}

/// Does what the child is started for. Limits the whole process for good, so it is called first
/// and once.
///
/// The exit code is 0 after the whole text was written, else it stands for an
/// [`ExtractionError`] and what was written means nothing.
#[must_use]
pub fn run_child(kind: FileKind, limits: ChildLimits) -> ExitCode {
    // What a panic says may hold parts of the file.
    std::panic::set_hook(Box::new(|_| {}));
    match limit(limits).and_then(|()| answer(kind, limits.text_bytes_max)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ExitCode::from(error.exit_code()),
    }
}

fn limit(limits: ChildLimits) -> Result<(), ExtractionError> {
    let set = |resource, current: u64, maximum: u64| {
        let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
        setrlimit(resource, limit).map_err(|_| ExtractionError::Unavailable)
    };
    let seconds = limits.timeout_ms.div_ceil(1_000).max(1);
    set(Resource::Core, 0, 0)?;
    // A signal that the parent understands comes first, one that cannot be missed a second later.
    set(Resource::Cpu, seconds, seconds + 1)?;
    let memory = set(Resource::As, limits.memory_bytes_max, limits.memory_bytes_max);
    // Elsewhere an address space cannot be limited below what is mapped already.
    if cfg!(target_os = "linux") { memory } else { Ok(()) }
}

fn answer(kind: FileKind, text_bytes_max: usize) -> Result<(), ExtractionError> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::OutOfMemory => ExtractionError::TooMuchMemory,
        _ => ExtractionError::Unavailable,
    })?;
    let parser = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || text_of(kind, bytes, text_bytes_max))
        .map_err(|_| ExtractionError::TooMuchMemory)?;
    let text = parser.join().unwrap_or(Err(ExtractionError::Crashed))?;
    let mut output = std::io::stdout().lock();
    let written = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    written.map_err(|_| ExtractionError::Unavailable)
}
