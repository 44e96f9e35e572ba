//! Who is calling: the app that a key belongs to, and whether a request that names an app means
//! this one.

use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};

use super::error::ApiError;
use crate::api::extract::{PathSegment, RequestDeadline, bearer_token};
use crate::api::middleware::access_log::ActingTenant;
use crate::api::state::ApiState;
use crate::control::keys::{Dialect, Principal};
use crate::control::tenants::Tenant;
use crate::service::Scope;
use crate::types::TenantId;

/// What keys may be allowed to do, in the words of their scopes.
pub(super) mod permission {
    pub(in super::super) const MEMORIZE: &str = "memorize";
    pub(in super::super) const RETRIEVE: &str = "retrieve";
    pub(in super::super) const EVENTS: &str = "events";
    pub(in super::super) const WEBHOOKS: &str = "webhooks";
    pub(in super::super) const FORGET: &str = "forget";
    pub(in super::super) const CONFIG: &str = "config";
}

/// The app of a caller with a good key.
#[derive(Debug)]
pub(super) struct App {
    principal: Principal,
    tenant: Tenant,
}

impl App {
    /// The app of the key that is presented. Leaves word for the log.
    ///
    /// # Errors
    /// 401 without a good key.
    pub(super) fn of(request: &HttpRequest, state: &ApiState) -> Result<Self, ApiError> {
        let secret = bearer_token(request.headers()).ok_or_else(ApiError::unauthorized)?;
        let principal = state.memory.authenticate(Dialect::Magneteco, secret)?;
        // It may have been deleted since.
        let tenant = state.accounts.find_tenant(principal.tenant);
        let tenant = tenant.ok_or_else(ApiError::unauthorized)?;
        request.extensions_mut().insert(ActingTenant(tenant.id));
        Ok(Self { principal, tenant })
    }

    /// What the app is called on the wire.
    pub(super) fn id(&self) -> &str {
        self.tenant.spoken_name()
    }

    pub(super) fn tenant_id(&self) -> TenantId {
        self.tenant.id
    }

    /// What no other app is called.
    pub(super) fn handle(&self) -> String {
        self.tenant.public_handle()
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The app's memory, until `deadline`.
    pub(super) fn scope(&self, deadline: RequestDeadline) -> Scope {
        let allowance = self.principal.plan.allowance();
        Scope { tenant: self.tenant.id, deadline: deadline.0, allowance }
    }

    /// Refuses a key that has none of these permissions; nobody where none is asked for.
    pub(super) fn check_permission(&self, any_of: &[&str]) -> Result<(), ApiError> {
        let is_allowed = |permission: &&str| self.principal.scopes.allow(permission);
        match any_of.is_empty() || any_of.iter().any(is_allowed) {
            true => Ok(()),
            false => Err(ApiError::forbidden()),
        }
    }

    /// The same for a segment of the path. What is no text is nobody's name.
    pub(super) fn check_in_path(&self, named: &PathSegment) -> Result<(), ApiError> {
        self.check_named(Some(named.text().ok_or_else(ApiError::forbidden)?))
    }

    /// Refuses a name that is not this app's, whether or not it is another's.
    pub(super) fn check_named(&self, app_id: Option<&str>) -> Result<(), ApiError> {
        match app_id.is_none_or(|app_id| self.tenant.is_called(app_id)) {
            true => Ok(()),
            false => Err(ApiError::forbidden()),
        }
    }
}

/// What all handlers share.
pub(super) fn state_of(request: &HttpRequest) -> Result<&ApiState, ApiError> {
    let state = request.app_data::<Data<ApiState>>();
    state.map(Data::get_ref).ok_or_else(ApiError::internal)
}
