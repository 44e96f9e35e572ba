//! `hebbd completions`: scripts that let a shell complete commands and flags.

use clap::CommandFactory;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "hebbd", &mut script);
        super::output::result(String::from_utf8(script)?.trim_end());
        Ok(())
    }
}
