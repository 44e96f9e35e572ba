//! Why a file gave no text, in words for the person who uploaded it, and the exit codes in which
//! the child process says it. Invariant: no message holds anything of the file.

use thiserror::Error;

use crate::types::ErrorKind;

/// Why a file gave no text. The message is fit for the file's owner and says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum ExtractionError {
    #[error("the file is protected by a password; remove the protection and upload it again")]
    Encrypted,
    #[error(
        "the file is damaged or not what its extension says; open it, save it anew and upload \
         that"
    )]
    Malformed,
    #[error(
        "the file holds no text, perhaps only scanned pages or pictures; run text recognition \
         (OCR) over it and upload the result"
    )]
    NoText,
    #[error("the file holds more text than is allowed; split it and upload the parts")]
    TooMuchText,
    #[error("reading the file took too long; split it or save it in a simpler form")]
    TooLong,
    #[error("reading the file needs too much memory; split it or save it in a simpler form")]
    TooMuchMemory,
    #[error("the file cannot be read; save it anew, or as plain text, and upload that")]
    Crashed,
    #[error("files cannot be read at the moment; try again later")]
    Unavailable,
}

impl ExtractionError {
    /// Every error, each with the code that [`crate::extraction::run_child`] exits with.
    ///
    /// A child that wrote the whole text exits with 0. Any code that is not in this list, such as
    /// that of a wrong command line, means [`ExtractionError::Unavailable`].
    const EXIT_CODES: [(Self, u8); 8] = [
        (Self::Encrypted, 20),
        (Self::Malformed, 21),
        (Self::NoText, 22),
        (Self::TooMuchText, 23),
        (Self::TooLong, 24),
        (Self::TooMuchMemory, 25),
        (Self::Crashed, 26),
        (Self::Unavailable, 27),
    ];

    /// A short sentence for the file's owner.
    #[must_use]
    pub fn reason(self) -> String {
        self.to_string()
    }

    /// Whether the same file would fail again. False means that it is worth another try.
    #[must_use]
    pub fn is_the_files_fault(self) -> bool {
        !matches!(self, Self::Unavailable)
    }

    /// A stable name for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Malformed => "malformed",
            Self::NoText => "no_text",
            Self::TooMuchText => "too_much_text",
            Self::TooLong => "too_long",
            Self::TooMuchMemory => "too_much_memory",
            Self::Crashed => "crashed",
            Self::Unavailable => "unavailable",
        }
    }

    /// The class of failure.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        if self.is_the_files_fault() { ErrorKind::InvalidInput } else { ErrorKind::Unavailable }
    }

    pub(super) fn exit_code(self) -> u8 {
        let known = Self::EXIT_CODES.into_iter().find(|(error, _)| *error == self);
        known.map_or(u8::MAX, |(_, code)| code)
    }

    pub(super) fn of_exit_code(code: i32) -> Self {
        let known = Self::EXIT_CODES.into_iter().find(|(_, known)| i32::from(*known) == code);
        known.map_or(Self::Unavailable, |(error, _)| error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_survives_the_way_through_an_exit_code() {
        for (error, code) in ExtractionError::EXIT_CODES {
            assert_eq!(error.exit_code(), code);
            assert_eq!(ExtractionError::of_exit_code(i32::from(code)), error);
            assert!(!error.reason().ends_with('.') && error.reason().contains(';'), "{error}");
        }
    }

    #[test]
    fn a_code_of_another_program_means_that_nothing_was_tried() {
        for code in [1, 2, 101, 127, -1] {
            assert_eq!(ExtractionError::of_exit_code(code), ExtractionError::Unavailable);
        }
    }

    #[test]
    fn only_what_is_not_the_files_fault_is_worth_another_try() {
        for (error, _) in ExtractionError::EXIT_CODES {
            let is_retryable = error == ExtractionError::Unavailable;
            assert_eq!(error.is_the_files_fault(), !is_retryable);
            let kind = if is_retryable { ErrorKind::Unavailable } else { ErrorKind::InvalidInput };
            assert_eq!(error.kind(), kind);
        }
    }
}
