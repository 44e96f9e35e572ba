//! `hebbd signing-key`: the keys that sign access tokens.

use serde_json::{Value, json};

use super::list::table;
use super::{AdminArgs, AdminClient, Administer, confirm, show};

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum SigningKeyCommand {
    /// List the key that signs and former ones whose tokens may still be good
    List(AdminArgs),
    /// Have tokens signed by a new key from here on
    Rotate(RotateArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct RotateArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// End the tokens that former keys signed, at once: for a key that may have leaked
    #[arg(long)]
    end_former: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Administer for SigningKeyCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::List(args) | Self::Rotate(RotateArgs { args, .. }) => args,
        }
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        let keys = match self {
            Self::List(_) => client.list("/signing-keys", &[]).await?,
            Self::Rotate(RotateArgs { end_former, yes, .. }) => {
                if end_former {
                    confirm("End every token that was signed until now?", yes)?;
                }
                let body = json!({"end_former": end_former});
                let answer = client.post("/signing-keys/rotate", &body).await?;
                answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default()
            }
        };
        show(args, &Value::from(keys.clone()), |_| match keys.is_empty() {
            true => "no token was signed yet; the first one makes a key".to_owned(),
            false => {
                table(&[("ID", "id"), ("CREATED", "created_at"), ("RETIRED", "retired_at")], &keys)
            }
        });
        Ok(())
    }
}
