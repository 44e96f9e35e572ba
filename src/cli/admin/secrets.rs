//! `hebbd secrets`: the encrypted secrets as a whole.

use serde_json::{Value, json};

use super::{AdminArgs, AdminClient, Administer, confirm, show};

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum SecretsCommand {
    /// Delete every encrypted secret, for when secrets.key is lost for good
    Forget(ForgetArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct ForgetArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Administer for SecretsCommand {
    fn args(&self) -> &AdminArgs {
        let Self::Forget(ForgetArgs { args, .. }) = self;
        args
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        let Self::Forget(ForgetArgs { yes, .. }) = self;
        let question = "Delete every signing key and webhook secret? Signed tokens end, and webhook \
                        secrets must be given again.";
        confirm(question, yes)?;
        let answer = client.post("/secrets/forget", &json!({})).await?;
        show(args, &answer, |answer| {
            let count = answer.get("forgotten").and_then(Value::as_u64).unwrap_or(0);
            format!("deleted {count} encrypted secrets")
        });
        Ok(())
    }
}
