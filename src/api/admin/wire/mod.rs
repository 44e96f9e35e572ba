//! Bodies of the operator's API. Times are RFC 3339 in UTC, ids are UUIDs; what is not there is
//! `null`. A request with an unknown field is refused, so that a mistyped one is not ignored.

mod users;
mod webhooks;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::control::keys::{KeyInfo, KeyOwner};
use crate::control::organizations::{Organization, Project};
use crate::control::plans::Plan;
use crate::service::admin::{Deletion, OpenShard, Overview, ShardView, TenantView};
use crate::types::Timestamp;

pub(super) use users::{
    ForgottenBody, JobBody, JobsBody, KeyRotation, NewUser, PasswordChange, SigningKeyBody,
    UserBody,
};
pub(super) use webhooks::{DeadMessagesBody, RemovedWebhook, RetriedMessage, WebhooksBody};

/// A page of a list. `next` is the `after` of the next page, `null` on the last.
#[derive(Serialize)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// What a list may be asked with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    pub(super) after: Option<Uuid>,
    pub(super) limit: Option<usize>,
    pub(super) tenant: Option<Uuid>,
    pub(super) organization: Option<Uuid>,
    pub(super) dialect: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrganization {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProject {
    pub(super) organization: Uuid,
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTenant {
    pub(super) name: String,
    pub(super) plan: Option<String>,
    pub(super) project: Option<Uuid>,
    pub(super) shard: Option<u16>,
    /// `development` or `production`, which is the default.
    pub(super) environment: Option<String>,
    /// The date of a version.
    pub(super) api_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanChange {
    pub(super) plan: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    pub(super) shard: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// Exactly one of tenant and organization.
    pub(super) tenant: Option<Uuid>,
    pub(super) organization: Option<Uuid>,
    pub(super) dialect: String,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) expires_at: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// Until when the former secret is good; absent: no longer.
    pub(super) former_until: Option<String>,
}

#[derive(Serialize)]
pub(super) struct ServerBody<'a> {
    version: &'a str,
    pid: u32,
    started_at: String,
    uptime_s: u64,
    tenants: usize,
    open_tenants: usize,
    quarantined: usize,
    shards: usize,
    shards_open: usize,
}

impl<'a> ServerBody<'a> {
    pub(super) fn of(overview: &Overview, version: &'a str) -> Self {
        Self {
            version,
            pid: std::process::id(),
            started_at: overview.started_at.to_string(),
            uptime_s: overview.uptime.as_secs(),
            tenants: overview.tenants,
            open_tenants: overview.open_tenants,
            quarantined: overview.quarantined,
            shards: overview.shards,
            shards_open: overview.shards_open,
        }
    }
}

#[derive(Serialize)]
pub(super) struct OrganizationBody {
    id: Uuid,
    name: String,
    created_at: String,
}

impl From<&Organization> for OrganizationBody {
    fn from(organization: &Organization) -> Self {
        Self {
            id: organization.id.0,
            name: organization.name.to_string(),
            created_at: organization.created_at.to_string(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ProjectBody {
    id: Uuid,
    organization: Uuid,
    name: String,
    created_at: String,
}

impl From<&Project> for ProjectBody {
    fn from(project: &Project) -> Self {
        Self {
            id: project.id.0,
            organization: project.organization.0,
            name: project.name.to_string(),
            created_at: project.created_at.to_string(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct TenantBody {
    pub(super) id: Uuid,
    name: String,
    plan: String,
    shard: u16,
    project: Uuid,
    organization: Uuid,
    /// Its public name.
    handle: String,
    /// What it is used for.
    environment: &'static str,
    /// What it is served when a request asks for no version.
    api_version: &'static str,
    /// `active` or `moving`.
    state: &'static str,
    /// Whether it has an actor now.
    is_open: bool,
    created_at: String,
    moving: Option<MovingBody>,
}

#[derive(Serialize)]
struct MovingBody {
    to: u16,
    records: u64,
}

impl From<&TenantView> for TenantBody {
    fn from(view: &TenantView) -> Self {
        let moving =
            view.moving.map(|moving| MovingBody { to: moving.to.0, records: moving.records });
        Self {
            id: view.tenant.id.0,
            name: view.tenant.name.to_string(),
            plan: view.tenant.plan.name.clone(),
            shard: view.tenant.shard.0,
            project: view.tenant.project.0,
            organization: view.organization.0,
            handle: view.tenant.public_handle(),
            environment: view.tenant.environment.kind.as_str(),
            api_version: view.tenant.environment.api_version.as_str(),
            state: if moving.is_some() { "moving" } else { "active" },
            is_open: view.is_open,
            created_at: view.tenant.created_at.to_string(),
            moving,
        }
    }
}

/// Of a tenant that is gone for everybody.
#[derive(Serialize)]
pub(super) struct DeletionBody {
    id: Uuid,
    /// `deleting` while content is being erased, then `deleted`.
    pub(super) state: &'static str,
    erased_records: Option<u64>,
}

impl DeletionBody {
    pub(super) fn of(id: Uuid, deletion: Deletion) -> Self {
        match deletion {
            Deletion::Erasing { records } => {
                Self { id, state: "deleting", erased_records: Some(records) }
            }
            Deletion::Done => Self { id, state: "deleted", erased_records: None },
        }
    }
}

#[derive(Serialize)]
pub(super) struct MoveBody {
    pub(super) id: Uuid,
    /// `moved`, or `moving` while it goes on.
    pub(super) state: &'static str,
    pub(super) shard: u16,
    /// Records copied, and for how long calls waited.
    pub(super) records: Option<u64>,
    pub(super) pause_ms: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct KeyBody {
    pub(super) id: Uuid,
    tenant: Option<Uuid>,
    organization: Option<Uuid>,
    dialect: &'static str,
    kind: &'static str,
    name: String,
    /// Enough of the secret to tell keys apart.
    redacted: String,
    scopes: Vec<String>,
    /// `active`, `revoked` or `expired`.
    state: &'static str,
    created_at: String,
    last_used_at: Option<String>,
    expires_at: Option<String>,
    revoked_at: Option<String>,
}

impl KeyBody {
    pub(super) fn of(key: &KeyInfo, now: Timestamp) -> Self {
        let (tenant, organization) = match key.owner {
            KeyOwner::Tenant(id) => (Some(id.0), None),
            KeyOwner::Organization(id) => (None, Some(id.0)),
        };
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            id: key.id.0,
            tenant,
            organization,
            dialect: key.kind.dialect().as_str(),
            kind: key.kind.as_str(),
            name: key.name.clone(),
            redacted: key.shown.redacted(key.kind),
            scopes: key.scopes.as_slice().to_vec(),
            state: match (key.revoked_at, key.has_expired(now)) {
                (Some(_), _) => "revoked",
                (None, true) => "expired",
                (None, false) => "active",
            },
            created_at: key.created_at.to_string(),
            last_used_at: text(key.last_used_at),
            expires_at: text(key.expires_at),
            revoked_at: text(key.revoked_at),
        }
    }
}

/// A key with its secret, which no other answer holds.
#[derive(Serialize)]
pub(super) struct NewKeyBody<'a> {
    #[serde(flatten)]
    pub(super) key: KeyBody,
    pub(super) api_key: &'a str,
}

#[derive(Serialize)]
pub(super) struct PlanBody {
    name: String,
    requests_per_minute: Option<u32>,
    queries_per_day: Option<u64>,
    atoms_max: Option<u64>,
    tokens_in_per_day: Option<u64>,
    tokens_out_per_day: Option<u64>,
    documents_max: Option<u64>,
    document_bytes_max: Option<u64>,
}

impl From<&Plan> for PlanBody {
    fn from(plan: &Plan) -> Self {
        Self {
            name: plan.name.clone(),
            requests_per_minute: plan.requests_per_minute,
            queries_per_day: plan.queries_per_day,
            atoms_max: plan.atoms_max,
            tokens_in_per_day: plan.tokens_in_per_day,
            tokens_out_per_day: plan.tokens_out_per_day,
            documents_max: plan.documents_max,
            document_bytes_max: plan.document_bytes_max,
        }
    }
}

#[derive(Serialize)]
pub(super) struct ShardBody<'a> {
    no: u16,
    /// `open`, `read_only` after a failed flush, or `closed` when it did not open.
    state: &'static str,
    /// Why it did not open.
    reason: Option<&'a str>,
    tenants: usize,
    #[serde(flatten)]
    open: Option<OpenShardBody>,
}

#[derive(Serialize)]
struct OpenShardBody {
    takes_new_tenants: bool,
    durability: &'static str,
    open_tenants: usize,
    permits_total: usize,
    permits_in_use: usize,
    disk_bytes: u64,
    cache_bytes: u64,
}

impl<'a> From<&'a ShardView> for ShardBody<'a> {
    fn from(view: &'a ShardView) -> Self {
        let (state, reason, open) = match &view.state {
            Ok(open) => {
                let state = if open.is_writable { "open" } else { "read_only" };
                (state, None, Some(OpenShardBody::from(open)))
            }
            Err(reason) => ("closed", Some(reason.as_str()), None),
        };
        Self { no: view.no.0, state, reason, tenants: view.tenants, open }
    }
}

impl From<&OpenShard> for OpenShardBody {
    fn from(shard: &OpenShard) -> Self {
        Self {
            takes_new_tenants: shard.takes_new_tenants,
            durability: shard.durability,
            open_tenants: shard.open_tenants,
            permits_total: shard.permits_total,
            permits_in_use: shard.permits_total.saturating_sub(shard.permits_free),
            disk_bytes: shard.disk_bytes,
            cache_bytes: shard.cache_bytes,
        }
    }
}

#[derive(Serialize)]
pub(super) struct QuarantineBody {
    pub(super) tenant: Uuid,
    pub(super) until: String,
}

#[derive(Serialize)]
pub(super) struct ReleaseBody {
    pub(super) tenant: Uuid,
    pub(super) released: bool,
}
