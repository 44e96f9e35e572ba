//! `hebbd webhook`: where a tenant's notices go, and those that did not arrive.

use serde_json::{Value, json};
use uuid::Uuid;

use super::list::{Column, table};
use super::{AdminArgs, AdminClient, Administer, confirm, show, text};
use crate::types::TenantId;

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum WebhookCommand {
    /// Show a tenant's webhooks and how many messages wait for each
    List(TenantArgs),
    /// Show the messages that were given up
    Dead(TenantArgs),
    /// Send a message again that was given up
    Retry(RetryArgs),
    /// Remove a webhook and everything that waits for it
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct TenantArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    tenant: TenantId,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct RetryArgs {
    #[command(flatten)]
    of: TenantArgs,
    /// The message's id
    message: Uuid,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct RemoveArgs {
    #[command(flatten)]
    of: TenantArgs,
    /// The webhook's id
    webhook: Uuid,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Administer for WebhookCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::List(of)
            | Self::Dead(of)
            | Self::Retry(RetryArgs { of, .. })
            | Self::Remove(RemoveArgs { of, .. }) => &of.args,
        }
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::List(TenantArgs { tenant, .. }) => {
                let answer = client.get(&format!("/tenants/{tenant}/webhooks")).await?;
                show(args, &answer, webhooks);
            }
            Self::Dead(TenantArgs { tenant, .. }) => {
                let answer = client.get(&format!("/tenants/{tenant}/webhooks/dead")).await?;
                show(args, &answer, dead_messages);
            }
            Self::Retry(RetryArgs { of: TenantArgs { tenant, .. }, message }) => {
                let path = format!("/tenants/{tenant}/webhooks/dead/{message}/retry");
                let answer = client.post(&path, &json!({})).await?;
                show(args, &answer, |answer| {
                    format!("message {message} is {} again", text(answer, "state"))
                });
            }
            Self::Remove(RemoveArgs { of: TenantArgs { tenant, .. }, webhook, yes }) => {
                let question = "Remove this webhook? What waits for it is not sent.";
                confirm(question, yes)?;
                let answer =
                    client.delete(&format!("/tenants/{tenant}/webhooks/{webhook}")).await?;
                show(args, &answer, |answer| {
                    format!("webhook {webhook} is {}", text(answer, "state"))
                });
            }
        }
        Ok(())
    }
}

fn webhooks(answer: &Value) -> String {
    let columns = [
        ("WEBHOOK", "id"),
        ("URL", "url"),
        ("EVENTS", "events"),
        ("WAITING", "waiting"),
        ("GIVEN UP", "dead"),
        ("SINCE", "created_at"),
    ];
    listed(answer, "webhooks", &columns, "no webhooks")
}

fn dead_messages(answer: &Value) -> String {
    let columns = [
        ("MESSAGE", "id"),
        ("WEBHOOK", "webhook"),
        ("EVENT", "event"),
        ("ATTEMPTS", "attempts"),
        ("GIVEN UP", "died_at"),
        ("LAST ERROR", "error"),
    ];
    listed(answer, "dead_messages", &columns, "no message was given up")
}

fn listed(answer: &Value, key: &str, columns: &[Column], none: &str) -> String {
    match answer.get(key).and_then(Value::as_array) {
        Some(items) if !items.is_empty() => table(columns, items),
        _ => none.to_owned(),
    }
}
