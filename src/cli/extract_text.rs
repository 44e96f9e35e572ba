//! `hebbd extract-text`: reads the text of one file in a process of its own. The server starts it,
//! people have no use for it. It loads nothing: no configuration, no runtime, no model.

use std::process::ExitCode;

use crate::extraction::{ChildLimits, run_child};
use crate::types::FileKind;

#[derive(Debug, clap::Args)]
pub(super) struct ExtractTextArgs {
    #[arg(long, value_parser = kind_of)]
    kind: FileKind,
    #[arg(long)]
    memory_bytes_max: u64,
    #[arg(long)]
    timeout_ms: u64,
    #[arg(long)]
    text_bytes_max: usize,
}

impl ExtractTextArgs {
    pub(super) fn run(self) -> ExitCode {
        let limits = ChildLimits {
            memory_bytes_max: self.memory_bytes_max,
            timeout_ms: self.timeout_ms,
            text_bytes_max: self.text_bytes_max,
        };
        run_child(self.kind, limits)
    }
}

fn kind_of(name: &str) -> Result<FileKind, String> {
    FileKind::find(name).ok_or_else(|| {
        let names: Vec<&str> = FileKind::ALL.into_iter().map(FileKind::as_str).collect();
        format!("must be one of {}", names.join(", "))
    })
}
