//! `hebbd config`: loads the configuration exactly as `serve` would, and says whether it is good or
//! shows every setting in force with its origin. Starts nothing, writes nothing.

use super::{load_config, output};
use crate::config::ConfigFlags;

#[derive(Debug, clap::Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether `serve` would take it, or list every problem
    Check(CheckArgs),
    /// Show every setting in force and where it came from, without secrets
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    flags: ConfigFlags,
    /// Say nothing when the configuration is good
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    flags: ConfigFlags,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ConfigCommand {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Check(args) => {
                load_config(args.flags)?;
                if !args.quiet {
                    output::result("the configuration is good; `hebbd config show` shows it");
                }
            }
            Self::Show(args) => {
                let config = load_config(args.flags)?;
                match args.json {
                    true => output::result(&config.redacted_json().to_string()),
                    false => output::result(config.redacted().trim_end()),
                }
            }
        }
        Ok(())
    }
}
