//! `hebbd tenant`: create, list, show, move and delete tenants.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::super::failure::{Cause, Failure, cause};
use super::super::output;
use super::list::{properties, table};
use super::{AdminArgs, AdminClient, Administer, confirm, show, text};
use crate::types::{ProjectId, ShardNo, TenantId};

/// How often a long change is asked after.
const ASK_AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum TenantCommand {
    /// Create a tenant
    Create(CreateArgs),
    /// List all tenants
    List(AdminArgs),
    /// Show one tenant
    Show(OneArgs),
    /// Delete a tenant, its keys and everything it remembers
    Delete(DeleteArgs),
    /// Move a tenant to another shard while it serves
    MoveShard(MoveArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct CreateArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// A label for people
    #[arg(long)]
    name: String,
    /// What the tenant is allowed; `hebbd plan show` lists the plans [default: local]
    #[arg(long)]
    plan: Option<String>,
    /// The project it belongs to [default: the first]
    #[arg(long, value_name = "ID")]
    project: Option<ProjectId>,
    /// The shard it lives on [default: spread evenly]
    #[arg(long, value_name = "NUMBER")]
    shard: Option<u16>,
    /// What it is used for, which decides how often its metorial keys may ask: development or
    /// production [default: production]
    #[arg(long, value_name = "KIND")]
    environment: Option<String>,
    /// The version of the Metorial API that requests get which ask for none: 2025-01-01 or
    /// 2026-01-01 [default: 2025-01-01]
    #[arg(long, value_name = "DATE")]
    api_version: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct OneArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    id: TenantId,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct DeleteArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    id: TenantId,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct MoveArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The tenant's id
    id: TenantId,
    /// The number of the shard to move to; `hebbd shard list` lists them
    #[arg(long, value_name = "NUMBER")]
    to: u16,
}

impl Administer for TenantCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::Create(CreateArgs { args, .. })
            | Self::List(args)
            | Self::Show(OneArgs { args, .. })
            | Self::Delete(DeleteArgs { args, .. })
            | Self::MoveShard(MoveArgs { args, .. }) => args,
        }
    }

    fn may_be_first(&self) -> bool {
        matches!(self, Self::Create(_))
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => create(client, args, command).await,
            Self::List(_) => list(client, args).await,
            Self::Show(command) => show_one(client, args, command.id).await,
            Self::Delete(command) => delete(client, args, command).await,
            Self::MoveShard(command) => move_shard(client, args, &command).await,
        }
    }
}

async fn create(client: &AdminClient, args: &AdminArgs, command: CreateArgs) -> anyhow::Result<()> {
    let body = json!({
        "name": command.name,
        "plan": command.plan,
        "project": command.project.map(|project| project.to_string()),
        "shard": command.shard,
        "environment": command.environment,
        "api_version": command.api_version,
    });
    let tenant = client.post("/tenants", &body).await?;
    show(args, &tenant, |tenant| {
        let (id, name) = (text(tenant, "id"), text(tenant, "name"));
        format!("created tenant {id} ({name})")
    });
    Ok(())
}

async fn list(client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
    let tenants = client.list("/tenants", &[]).await?;
    let columns = [
        ("ID", "id"),
        ("PLAN", "plan"),
        ("ENVIRONMENT", "environment"),
        ("SHARD", "shard"),
        ("STATE", "state"),
        ("NAME", "name"),
    ];
    show(args, &Value::from(tenants.clone()), |_| table(&columns, &tenants));
    Ok(())
}

async fn show_one(client: &AdminClient, args: &AdminArgs, id: TenantId) -> anyhow::Result<()> {
    let tenant = client.get(&format!("/tenants/{id}")).await?;
    show(args, &tenant, properties);
    Ok(())
}

async fn delete(client: &AdminClient, args: &AdminArgs, command: DeleteArgs) -> anyhow::Result<()> {
    let path = format!("/tenants/{}", command.id);
    let tenant = client.get(&path).await?;
    let name = text(&tenant, "name");
    confirm(
        &format!(
            "Delete tenant {} ({name}), its keys and everything it remembers? This cannot be undone.",
            command.id
        ),
        command.yes,
    )?;
    let mut answer = client.delete(&path).await?;
    let progress = progress("erasing");
    while text(&answer, "state") == "deleting" {
        progress.set_position(number(&answer, "/erased_records").unwrap_or(0));
        tokio::time::sleep(ASK_AGAIN).await;
        answer = match client.get(&path).await {
            Ok(answer) => answer,
            Err(error) if cause(&error) == Cause::NotFound => {
                json!({"id": command.id.to_string(), "state": "deleted"})
            }
            Err(error) => {
                let still = "the tenant is deleted and its content is still being erased, which \
                             a server goes on with when it next runs";
                return Err(Failure::new(cause(&error), format!("{still}: {error:#}")).into());
            }
        };
    }
    progress.finish_and_clear();
    show(args, &answer, |_| format!("deleted tenant {} ({name})", command.id));
    Ok(())
}

async fn move_shard(
    client: &AdminClient,
    args: &AdminArgs,
    command: &MoveArgs,
) -> anyhow::Result<()> {
    let path = format!("/tenants/{}", command.id);
    let to = ShardNo(command.to);
    let mut answer = client.post(&format!("{path}/move"), &json!({"shard": to.0})).await?;
    let progress = progress("copying");
    while text(&answer, "state") == "moving" {
        tokio::time::sleep(ASK_AGAIN).await;
        answer = client.get(&path).await?;
        progress.set_position(number(&answer, "/moving/records").unwrap_or(0));
    }
    progress.finish_and_clear();
    if number(&answer, "/shard") != Some(u64::from(to.0)) {
        let message =
            "the move was given up; the server's log says why. The tenant is where it was";
        return Err(Failure::new(Cause::Failed, message).into());
    }
    show(args, &answer, |answer| {
        let pause = number(answer, "/pause_ms");
        let pause = pause.map(|ms| format!("; its calls waited {ms} ms")).unwrap_or_default();
        format!("moved tenant {} to shard {to}{pause}", command.id)
    });
    Ok(())
}

fn number(answer: &Value, path: &str) -> Option<u64> {
    answer.pointer(path).and_then(Value::as_u64)
}

/// Shown at a terminal only.
fn progress(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}: {pos} records, {elapsed}");
    let bar = ProgressBar::no_length().with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(error) => {
            output::error(&error.to_string());
            bar
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// Gives these answers, each on a connection of its own, and then is gone.
    fn server(answers: &[(&'static str, Value)]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = answers.to_vec();
        std::thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let head = BufReader::new(stream.try_clone().unwrap()).lines();
                let _head: Vec<_> =
                    head.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let body = body.to_string();
                let length = body.len();
                let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
                write!(stream, "{head}content-length: {length}\r\n\r\n{body}").unwrap();
            }
        });
        url
    }

    async fn delete_at(url: &str) -> anyhow::Result<()> {
        let client = AdminClient::of(url, "a-token-of-some-length")?;
        let args = AdminArgs { config: crate::config::ConfigFlags::default(), json: true };
        let id = TenantId(uuid::Uuid::from_u128(7));
        delete(&client, &args, DeleteArgs { args: args.clone(), id, yes: true }).await
    }

    #[actix_rt::test]
    async fn a_server_that_is_gone_has_not_erased_everything() {
        let tenant = ("200 OK", json!({"name": "acme"}));
        let erasing = ("202 Accepted", json!({"state": "deleting", "erased_records": 5}));
        let gone = ("404 Not Found", json!({"message": "no tenant"}));
        let unwell = ("503 Service Unavailable", json!({"message": "stopping"}));
        let known = [tenant, erasing];
        delete_at(&server(&[&known[..], &[gone]].concat())).await.unwrap();
        for (then, wanted) in [(vec![], Cause::Unreachable), (vec![unwell], Cause::Failed)] {
            let error = delete_at(&server(&[&known[..], &then].concat())).await.unwrap_err();
            assert_eq!(cause(&error), wanted);
            assert!(error.to_string().contains("still being erased"), "{error}");
        }
    }
}
