//! `hebbd status`: the server that runs on a data directory, or the directory itself.

use super::list::properties;
use super::{AdminArgs, AdminClient, Administer, show};

/// Show what a server holds and for how long it has run; where none runs, what the data directory
/// holds
#[derive(Debug, clap::Args)]
pub(in super::super) struct StatusArgs {
    #[command(flatten)]
    args: AdminArgs,
}

impl Administer for StatusArgs {
    fn args(&self) -> &AdminArgs {
        &self.args
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        let mut server = client.get("/server").await?;
        if let Some(fields) = server.as_object_mut() {
            fields.insert("is_running".to_owned(), client.is_running_server().into());
        }
        show(args, &server, properties);
        Ok(())
    }
}
