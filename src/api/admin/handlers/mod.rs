//! The operator's routes: parse, ask the service, answer.

mod users;
mod webhooks;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::AdminState;
use super::error::AdminError;
use super::wire::{self, ListQuery, Page};
use crate::api::extract::{JsonBody, OptionalJsonBody, RequestDeadline};
use crate::control::environments::{ApiVersion, Environment, EnvironmentKind};
use crate::control::keys::{Dialect, KeyKind, KeyOrder, KeyOwner, NewKey};
use crate::control::plans;
use crate::service::TenantOrder;
use crate::types::{Deadline, KeyId, OrganizationId, ProjectId, ShardNo, TenantId, Timestamp};

pub(super) use users::{
    create_user, delete_user, discard_job, forget_secrets, jobs, retry_job, rotate_signing_key,
    set_password, signing_keys, user, users,
};
pub(super) use webhooks::{dead_messages, remove_webhook, retry_message, webhooks};

type State = Data<AdminState>;
type Body = JsonBody<AdminError>;
type Reply = Result<HttpResponse, AdminError>;

/// How long an answer waits for work that goes on by itself. Then the caller is told so, and can
/// watch it.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Items of a page that says nothing, and of the largest.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

pub(in crate::api::admin) async fn server(state: State) -> Reply {
    let overview = state.service.overview();
    reply(StatusCode::OK, &wire::ServerBody::of(&overview, &state.version))
}

pub(in crate::api::admin) async fn organizations(state: State) -> Reply {
    let all = state.service.organizations();
    reply_all::<_, wire::OrganizationBody>(&all)
}

pub(in crate::api::admin) async fn create_organization(state: State, body: Body) -> Reply {
    let new: wire::NewOrganization = parse(body.text())?;
    let organization = state.service.create_organization(new.name).await?;
    reply(StatusCode::CREATED, &wire::OrganizationBody::from(&organization))
}

pub(in crate::api::admin) async fn projects(state: State) -> Reply {
    let all = state.service.projects();
    reply_all::<_, wire::ProjectBody>(&all)
}

pub(in crate::api::admin) async fn create_project(state: State, body: Body) -> Reply {
    let new: wire::NewProject = parse(body.text())?;
    let organization = OrganizationId(new.organization);
    let project = state.service.create_project(organization, new.name).await?;
    reply(StatusCode::CREATED, &wire::ProjectBody::from(&project))
}

pub(in crate::api::admin) async fn tenants(state: State, request: HttpRequest) -> Reply {
    let query = list_query(&request)?;
    let limit = limit(&query)?;
    let views = state.service.tenants(query.after.map(TenantId), limit)?;
    let items: Vec<_> = views.iter().map(wire::TenantBody::from).collect();
    let next = next_after(&items, limit, |tenant| tenant.id);
    reply(StatusCode::OK, &Page { items, next })
}

pub(in crate::api::admin) async fn create_tenant(state: State, body: Body) -> Reply {
    let new: wire::NewTenant = parse(body.text())?;
    let plan = new.plan.unwrap_or_else(|| plans::LOCAL.to_owned());
    let order = TenantOrder {
        name: new.name,
        plan,
        project: new.project.map(ProjectId),
        shard: new.shard.map(ShardNo),
        environment: environment(new.environment.as_deref(), new.api_version.as_deref())?,
    };
    let view = state.service.create_tenant(order).await?;
    reply(StatusCode::CREATED, &wire::TenantBody::from(&view))
}

/// Of a deleted tenant, how far its content is erased.
pub(in crate::api::admin) async fn tenant(state: State, path: Path<String>) -> Reply {
    let id = TenantId(id_in(&path, "tenant")?);
    if let Some(deletion) = state.service.deletion(id) {
        return reply(StatusCode::OK, &wire::DeletionBody::of(id.0, deletion));
    }
    reply(StatusCode::OK, &wire::TenantBody::from(&state.service.tenant(id)?))
}

/// 200 when everything is erased, 202 while that goes on.
pub(in crate::api::admin) async fn delete_tenant(
    state: State,
    path: Path<String>,
    deadline: RequestDeadline,
) -> Reply {
    let id = TenantId(id_in(&path, "tenant")?);
    let deletion = state.service.delete_tenant(id, patience(deadline)).await?;
    let body = wire::DeletionBody::of(id.0, deletion);
    let status = if body.state == "deleted" { StatusCode::OK } else { StatusCode::ACCEPTED };
    reply(status, &body)
}

pub(in crate::api::admin) async fn set_plan(state: State, path: Path<String>, body: Body) -> Reply {
    let id = TenantId(id_in(&path, "tenant")?);
    let change: wire::PlanChange = parse(body.text())?;
    let view = state.service.set_plan(id, change.plan).await?;
    reply(StatusCode::OK, &wire::TenantBody::from(&view))
}

/// 200 when it has moved, 202 while that goes on.
pub(in crate::api::admin) async fn move_tenant(
    state: State,
    path: Path<String>,
    deadline: RequestDeadline,
    body: Body,
) -> Reply {
    let id = TenantId(id_in(&path, "tenant")?);
    let to = ShardNo(parse::<wire::Move>(body.text())?.shard);
    let report = state.service.move_tenant(id, to, patience(deadline)).await?;
    let (status, word) = match report {
        Some(_) => (StatusCode::OK, "moved"),
        None => (StatusCode::ACCEPTED, "moving"),
    };
    let milliseconds = |pause: Duration| pause.as_millis().try_into().ok();
    let body = wire::MoveBody {
        id: id.0,
        state: word,
        shard: to.0,
        records: report.map(|report| report.records),
        pause_ms: report.and_then(|report| milliseconds(report.pause)),
    };
    reply(status, &body)
}

pub(in crate::api::admin) async fn keys(state: State, request: HttpRequest) -> Reply {
    let query = list_query(&request)?;
    let limit = limit(&query)?;
    let owner = match (query.tenant, query.organization) {
        (None, None) => None,
        (tenant, organization) => Some(owner(tenant, organization)?),
    };
    let now = state.clock.now();
    let keys = state.service.keys(owner, query.after.map(KeyId), limit)?;
    let items: Vec<_> = keys.iter().map(|key| wire::KeyBody::of(key, now)).collect();
    let next = next_after(&items, limit, |key| key.id);
    reply(StatusCode::OK, &Page { items, next })
}

pub(in crate::api::admin) async fn create_key(state: State, body: Body) -> Reply {
    let new: wire::NewKey = parse(body.text())?;
    let order = KeyOrder {
        owner: owner(new.tenant, new.organization)?,
        kind: kind(dialect(&new.dialect)?, new.kind.as_deref().unwrap_or_default())?,
        name: new.name.unwrap_or_default(),
        description: None,
        scopes: new.scopes,
        expires_at: time("expires_at", new.expires_at.as_deref())?,
    };
    let key = state.service.create_key(order).await?;
    reply_with_secret(StatusCode::CREATED, &state, &key)
}

pub(in crate::api::admin) async fn key(state: State, path: Path<String>) -> Reply {
    let key = state.service.key(KeyId(id_in(&path, "key")?))?;
    reply(StatusCode::OK, &wire::KeyBody::of(&key, state.clock.now()))
}

pub(in crate::api::admin) async fn revoke_key(state: State, path: Path<String>) -> Reply {
    let key = state.service.revoke_key(KeyId(id_in(&path, "key")?)).await?;
    reply(StatusCode::OK, &wire::KeyBody::of(&key, state.clock.now()))
}

pub(in crate::api::admin) async fn rotate_key(
    state: State,
    path: Path<String>,
    body: OptionalJsonBody<AdminError>,
) -> Reply {
    let id = KeyId(id_in(&path, "key")?);
    let rotation: wire::Rotation = body.text().map(parse).transpose()?.unwrap_or_default();
    let former_until = time("former_until", rotation.former_until.as_deref())?;
    let key = state.service.rotate_key(id, former_until).await?;
    reply_with_secret(StatusCode::OK, &state, &key)
}

pub(in crate::api::admin) async fn plans(state: State) -> Reply {
    let plans = state.service.plans();
    let items: Vec<_> = plans.iter().map(|plan| wire::PlanBody::from(&**plan)).collect();
    reply(StatusCode::OK, &Page { items, next: None })
}

pub(in crate::api::admin) async fn shards(state: State) -> Reply {
    let shards = state.service.shards().await;
    reply_all::<_, wire::ShardBody<'_>>(&shards)
}

pub(in crate::api::admin) async fn shard(state: State, path: Path<String>) -> Reply {
    let unknown = || AdminError::not_found(format!("no shard {path}; shards have numbers"));
    let no = path.parse().map(ShardNo).map_err(|_| unknown())?;
    reply(StatusCode::OK, &wire::ShardBody::from(&state.service.shard(no).await?))
}

pub(in crate::api::admin) async fn quarantine(state: State) -> Reply {
    let quarantined = state.service.quarantined();
    let items: Vec<_> = quarantined
        .iter()
        .map(|held| wire::QuarantineBody { tenant: held.tenant.0, until: held.until.to_string() })
        .collect();
    reply(StatusCode::OK, &Page { items, next: None })
}

pub(in crate::api::admin) async fn release(state: State, path: Path<String>) -> Reply {
    let id = TenantId(id_in(&path, "tenant")?);
    state.service.release(id).await?;
    reply(StatusCode::OK, &wire::ReleaseBody { tenant: id.0, released: true })
}

fn patience(deadline: RequestDeadline) -> Deadline {
    deadline.0.min(Deadline::after(WAIT_MAX))
}

fn reply<T: Serialize>(status: StatusCode, body: &T) -> Reply {
    Ok(HttpResponse::build(status).json(body))
}

/// A list that comes whole.
fn reply_all<'a, T, B: Serialize + From<&'a T>>(all: &'a [T]) -> Reply {
    let items: Vec<_> = all.iter().map(B::from).collect();
    reply(StatusCode::OK, &Page { items, next: None })
}

fn reply_with_secret(status: StatusCode, state: &AdminState, key: &NewKey) -> Reply {
    let body = wire::KeyBody::of(&key.info, state.clock.now());
    reply(status, &wire::NewKeyBody { key: body, api_key: key.secret.expose_secret() })
}

/// The parser's message names the field; it never quotes a value longer than a word.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, AdminError> {
    serde_json::from_str(text).map_err(|error| AdminError::invalid(error.to_string()))
}

fn list_query(request: &HttpRequest) -> Result<ListQuery, AdminError> {
    let query = Query::<ListQuery>::from_query(request.query_string());
    Ok(query.map_err(|error| AdminError::invalid(error.to_string()))?.into_inner())
}

fn limit(query: &ListQuery) -> Result<usize, AdminError> {
    match query.limit.unwrap_or(LIMIT_DEFAULT) {
        limit if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        limit => Err(AdminError::invalid(format!("limit is {limit}, must be 1 to {LIMIT_MAX}"))),
    }
}

/// A page that is not full is the last.
fn next_after<T>(items: &[T], limit: usize, id: impl Fn(&T) -> Uuid) -> Option<String> {
    let last = items.last().filter(|_| items.len() == limit)?;
    Some(id(last).to_string())
}

fn id_in(path: &str, what: &str) -> Result<Uuid, AdminError> {
    Uuid::parse_str(path)
        .map_err(|_| AdminError::not_found(format!("no {what} {path:?}; ids are UUIDs")))
}

fn owner(tenant: Option<Uuid>, organization: Option<Uuid>) -> Result<KeyOwner, AdminError> {
    match (tenant, organization) {
        (Some(tenant), None) => Ok(KeyOwner::Tenant(TenantId(tenant))),
        (None, Some(organization)) => Ok(KeyOwner::Organization(OrganizationId(organization))),
        _ => Err(AdminError::invalid("name either a tenant or an organization")),
    }
}

fn dialect(name: &str) -> Result<Dialect, AdminError> {
    let known = || Dialect::ALL.map(Dialect::as_str).join(", ");
    Dialect::find(name).ok_or_else(|| {
        AdminError::invalid(format!("dialect is {name:?}, must be one of {}", known()))
    })
}

fn kind(dialect: Dialect, name: &str) -> Result<KeyKind, AdminError> {
    KeyKind::find(dialect, name).ok_or_else(|| {
        let kinds = KeyKind::ALL.into_iter().filter(|kind| kind.dialect() == dialect);
        let kinds: Vec<_> = kinds.map(KeyKind::as_str).collect();
        AdminError::invalid(match kinds.is_empty() {
            true => format!("{dialect} has no keys: its users log in (`hebbd user create`)"),
            false => format!("kind is {name:?}, must be one of {} for {dialect}", kinds.join(", ")),
        })
    })
}

fn environment(kind: Option<&str>, api_version: Option<&str>) -> Result<Environment, AdminError> {
    let wrong = |field: &str, given: &str, known: String| {
        AdminError::invalid(format!("{field} is {given:?}, must be one of {known}"))
    };
    let mut environment = Environment::default();
    if let Some(name) = kind {
        let known = || EnvironmentKind::ALL.map(EnvironmentKind::as_str).join(", ");
        let found = EnvironmentKind::find(name);
        environment.kind = found.ok_or_else(|| wrong("environment", name, known()))?;
    }
    if let Some(date) = api_version {
        let known = || ApiVersion::ALL.map(ApiVersion::as_str).join(", ");
        let found = ApiVersion::find(date);
        environment.api_version = found.ok_or_else(|| wrong("api_version", date, known()))?;
    }
    Ok(environment)
}

fn time(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, AdminError> {
    let Some(text) = text else { return Ok(None) };
    let parsed = Timestamp::parse(text);
    let wrong = || format!("{field} is {text:?}, must be a time such as 2030-01-31T09:15:00Z");
    parsed.map(Some).ok_or_else(|| AdminError::invalid(wrong()))
}
