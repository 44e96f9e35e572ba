//! Parses arguments, calls `cli`, turns the result into an exit code.

use std::process::ExitCode;

/// Requests allocate many small short-lived objects on several threads; the system's allocator
/// costs about a tenth of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hebbd::cli::main()
}
