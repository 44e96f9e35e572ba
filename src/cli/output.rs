//! The two streams of the command line.

use std::io::Write;

/// A result, with a line end. A closed pipe is not an error: nobody wants the rest.
pub(super) fn result(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A message for people.
pub(super) fn error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
