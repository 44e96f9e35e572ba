//! Users, jobs and signing keys.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Path;

use super::{Body, Reply, State, dialect, id_in, list_query, parse, reply, reply_all};
use crate::api::admin::error::AdminError;
use crate::api::admin::wire;
use crate::api::extract::OptionalJsonBody;
use crate::control::keys::Dialect;
use crate::service::admin::UserOrder;
use crate::types::{JobNo, TenantId, UserId};

pub(in crate::api::admin) async fn users(state: State, request: HttpRequest) -> Reply {
    let query = list_query(&request)?;
    let wanted = query.dialect.as_deref().map(dialect).transpose()?;
    let users = state.service.users(wanted);
    reply_all::<_, wire::UserBody>(&users)
}

pub(in crate::api::admin) async fn create_user(state: State, body: Body) -> Reply {
    let new: wire::NewUser = parse(body.text())?;
    let order = UserOrder {
        dialect: match new.dialect.as_deref() {
            Some(name) => dialect(name)?,
            None => Dialect::Metacogna,
        },
        username: new.username,
        email: new.email,
        name: new.name,
        tenant: new.tenant.map(TenantId),
        is_admin: new.is_admin,
        password: new.password,
    };
    let user = state.service.create_user(order).await?;
    reply(StatusCode::CREATED, &wire::UserBody::from(&user))
}

pub(in crate::api::admin) async fn user(state: State, path: Path<String>) -> Reply {
    let user = state.service.user(UserId(id_in(&path, "user")?))?;
    reply(StatusCode::OK, &wire::UserBody::from(&user))
}

pub(in crate::api::admin) async fn set_password(
    state: State,
    path: Path<String>,
    body: Body,
) -> Reply {
    let id = UserId(id_in(&path, "user")?);
    let change: wire::PasswordChange = parse(body.text())?;
    let user = state.service.set_password(id, change.password).await?;
    reply(StatusCode::OK, &wire::UserBody::from(&user))
}

pub(in crate::api::admin) async fn delete_user(state: State, path: Path<String>) -> Reply {
    let user = state.service.delete_user(UserId(id_in(&path, "user")?)).await?;
    reply(StatusCode::OK, &wire::UserBody::from(&user))
}

pub(in crate::api::admin) async fn jobs(state: State, path: Path<String>) -> Reply {
    let tenant = TenantId(id_in(&path, "tenant")?);
    reply(StatusCode::OK, &wire::JobsBody::from(&state.service.jobs(tenant).await?))
}

pub(in crate::api::admin) async fn retry_job(state: State, path: Path<(String, String)>) -> Reply {
    let (tenant, job) = (TenantId(id_in(&path.0, "tenant")?), job_in(&path.1)?);
    state.service.retry_job(tenant, job).await?;
    reply(StatusCode::OK, &wire::JobBody { job: job.0, state: "waiting" })
}

pub(in crate::api::admin) async fn discard_job(
    state: State,
    path: Path<(String, String)>,
) -> Reply {
    let (tenant, job) = (TenantId(id_in(&path.0, "tenant")?), job_in(&path.1)?);
    state.service.discard_job(tenant, job).await?;
    reply(StatusCode::OK, &wire::JobBody { job: job.0, state: "discarded" })
}

pub(in crate::api::admin) async fn signing_keys(state: State) -> Reply {
    let keys = state.service.signing_keys();
    reply_all::<_, wire::SigningKeyBody>(&keys)
}

pub(in crate::api::admin) async fn rotate_signing_key(
    state: State,
    body: OptionalJsonBody<AdminError>,
) -> Reply {
    let rotation: wire::KeyRotation = body.text().map(parse).transpose()?.unwrap_or_default();
    let keys = state.service.rotate_signing_key(rotation.end_former).await?;
    reply_all::<_, wire::SigningKeyBody>(&keys)
}

pub(in crate::api::admin) async fn forget_secrets(state: State) -> Reply {
    let forgotten = state.service.forget_secrets().await?;
    reply(StatusCode::OK, &wire::ForgottenBody { forgotten })
}

fn job_in(path: &str) -> Result<JobNo, AdminError> {
    let unknown = || AdminError::not_found(format!("no job {path:?}; jobs have numbers"));
    path.parse().map(JobNo).map_err(|_| unknown())
}
