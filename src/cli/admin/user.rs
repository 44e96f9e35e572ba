//! `hebbd user`: people who log in. Passwords are asked for at the terminal or read from standard
//! input; they never stand on a command line, where every process of the machine can read them.

use std::io::{IsTerminal, Read};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::super::failure::{Cause, Failure};
use super::list::table;
use super::{AdminArgs, AdminClient, Administer, confirm, show, text};
use crate::types::{TenantId, UserId};

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum UserCommand {
    /// Create a user, with a tenant of their own unless one is named
    Create(CreateArgs),
    /// Give a user another password; their sessions end
    SetPassword(OneArgs),
    /// List users
    List(ListArgs),
    /// Delete a user; their sessions end, their tenant stays
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct CreateArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The name to log in with
    #[arg(long)]
    username: String,
    /// The API they log in to
    #[arg(long, default_value = "metacogna")]
    dialect: String,
    /// Found by it too
    #[arg(long)]
    email: Option<String>,
    /// What people call them
    #[arg(long)]
    name: Option<String>,
    /// Where what they store belongs [default: a tenant of their own, which is made]
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// May create other users
    #[arg(long)]
    admin: bool,
    /// Read the password from standard input instead of asking at the terminal
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct OneArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The user's id
    id: UserId,
    /// Read the password from standard input instead of asking at the terminal
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct ListArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// Only those of this API
    #[arg(long)]
    dialect: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct DeleteArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The user's id
    id: UserId,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Administer for UserCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::Create(CreateArgs { args, .. })
            | Self::SetPassword(OneArgs { args, .. })
            | Self::List(ListArgs { args, .. })
            | Self::Delete(DeleteArgs { args, .. }) => args,
        }
    }

    fn may_be_first(&self) -> bool {
        matches!(self, Self::Create(_))
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => create(client, args, command).await,
            Self::SetPassword(command) => set_password(client, args, &command).await,
            Self::List(command) => list(client, args, command.dialect).await,
            Self::Delete(command) => delete(client, args, &command).await,
        }
    }
}

async fn create(client: &AdminClient, args: &AdminArgs, command: CreateArgs) -> anyhow::Result<()> {
    let password = password(command.password_stdin)?;
    let body = json!({
        "dialect": command.dialect,
        "username": command.username,
        "password": password.expose_secret(),
        "email": command.email,
        "name": command.name,
        "tenant": command.tenant.map(|tenant| tenant.to_string()),
        "is_admin": command.admin,
    });
    let user = client.post("/users", &body).await?;
    show(args, &user, |user| {
        format!("created user {} ({})", text(user, "id"), text(user, "username"))
    });
    Ok(())
}

async fn set_password(
    client: &AdminClient,
    args: &AdminArgs,
    command: &OneArgs,
) -> anyhow::Result<()> {
    let password = password(command.password_stdin)?;
    let path = format!("/users/{}/password", command.id);
    let user = client.post(&path, &json!({"password": password.expose_secret()})).await?;
    show(args, &user, |user| format!("{} has another password", text(user, "username")));
    Ok(())
}

async fn list(
    client: &AdminClient,
    args: &AdminArgs,
    dialect: Option<String>,
) -> anyhow::Result<()> {
    let query: Vec<_> = dialect.map(|dialect| ("dialect", dialect)).into_iter().collect();
    let users = client.list("/users", &query).await?;
    let columns = [
        ("ID", "id"),
        ("DIALECT", "dialect"),
        ("TENANT", "tenant"),
        ("ADMIN", "is_admin"),
        ("LAST LOGIN", "last_login_at"),
        ("USER NAME", "username"),
    ];
    show(args, &Value::from(users.clone()), |_| table(&columns, &users));
    Ok(())
}

async fn delete(
    client: &AdminClient,
    args: &AdminArgs,
    command: &DeleteArgs,
) -> anyhow::Result<()> {
    let path = format!("/users/{}", command.id);
    let user = client.get(&path).await?;
    confirm(&format!("Delete user {}? Their tenant stays.", text(&user, "username")), command.yes)?;
    let user = client.delete(&path).await?;
    show(args, &user, |user| format!("deleted user {}", text(user, "id")));
    Ok(())
}

/// From standard input without its line end, or asked for twice without showing it.
fn password(from_stdin: bool) -> anyhow::Result<SecretString> {
    if from_stdin {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])));
    }
    if !std::io::stdin().is_terminal() {
        let message = "there is no terminal to ask for the password at; add --password-stdin and \
                       send it to standard input";
        return Err(Failure::new(Cause::Usage, message).into());
    }
    let password = rpassword::prompt_password("Password: ")?;
    if password != rpassword::prompt_password("Once more: ")? {
        return Err(Failure::new(Cause::Refused, "the two are not the same").into());
    }
    Ok(SecretString::from(password))
}
