//! `hebbd completions`: scripts that let a shell complete commands and flags.

use clap::CommandFactory;

/// Print a completion script for a shell
///
/// For bash: hebbd completions bash > /etc/bash_completion.d/hebbd
/// For zsh:  hebbd completions zsh > "${fpath[1]}/_hebbd"
/// For fish: hebbd completions fish > ~/.config/fish/completions/hebbd.fish
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
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
