//! `hebbd organization` and `hebbd project`: what tenants are grouped by.

use serde_json::{Value, json};

use super::list::{Column, table};
use super::{AdminArgs, AdminClient, Administer, show, text};
use crate::types::OrganizationId;

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum OrganizationCommand {
    /// Create an organization
    Create(OrganizationArgs),
    /// List all organizations
    List(AdminArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct OrganizationArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// A label for people
    #[arg(long)]
    name: String,
}

#[derive(Debug, clap::Subcommand)]
pub(in super::super) enum ProjectCommand {
    /// Create a project of an organization
    Create(ProjectArgs),
    /// List all projects
    List(AdminArgs),
}

#[derive(Debug, clap::Args)]
pub(in super::super) struct ProjectArgs {
    #[command(flatten)]
    args: AdminArgs,
    /// The organization's id
    #[arg(long, value_name = "ID")]
    organization: OrganizationId,
    /// A label for people
    #[arg(long)]
    name: String,
}

impl Administer for OrganizationCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::Create(OrganizationArgs { args, .. }) | Self::List(args) => args,
        }
    }

    fn may_be_first(&self) -> bool {
        matches!(self, Self::Create(_))
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        let columns = [("ID", "id"), ("CREATED", "created_at"), ("NAME", "name")];
        match self {
            Self::List(_) => list(client, args, "/organizations", &columns).await,
            Self::Create(OrganizationArgs { name, .. }) => {
                create(client, args, "organization", &json!({"name": name})).await
            }
        }
    }
}

impl Administer for ProjectCommand {
    fn args(&self) -> &AdminArgs {
        match self {
            Self::Create(ProjectArgs { args, .. }) | Self::List(args) => args,
        }
    }

    fn may_be_first(&self) -> bool {
        matches!(self, Self::Create(_))
    }

    async fn run(self, client: &AdminClient, args: &AdminArgs) -> anyhow::Result<()> {
        let columns = [
            ("ID", "id"),
            ("ORGANIZATION", "organization"),
            ("CREATED", "created_at"),
            ("NAME", "name"),
        ];
        match self {
            Self::List(_) => list(client, args, "/projects", &columns).await,
            Self::Create(ProjectArgs { organization, name, .. }) => {
                let body = json!({"organization": organization.to_string(), "name": name});
                create(client, args, "project", &body).await
            }
        }
    }
}

async fn list(
    client: &AdminClient,
    args: &AdminArgs,
    path: &str,
    columns: &[Column],
) -> anyhow::Result<()> {
    let items = client.list(path, &[]).await?;
    show(args, &Value::from(items.clone()), |_| table(columns, &items));
    Ok(())
}

async fn create(
    client: &AdminClient,
    args: &AdminArgs,
    what: &str,
    body: &Value,
) -> anyhow::Result<()> {
    let created = client.post(&format!("/{what}s"), body).await?;
    show(args, &created, |item| {
        format!("created {what} {} ({})", text(item, "id"), text(item, "name"))
    });
    Ok(())
}
