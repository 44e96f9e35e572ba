//! Signing up: a tenant together with what opens it, its first key or the user it belongs to, in
//! one change, so that no crash leaves a tenant that nobody can open.

use super::keys::{KeyOrder, KeyOwner, NewKey};
use super::tenants::{NewTenant, Tenant};
use super::users::{NewUser, User};
use super::{ControlError, Directory};
use crate::storage::AtomicBatch;
use crate::types::{ShardNo, TenantId};

impl Directory {
    /// Creates a tenant on the shard that `place` answers, and the key of it that `key` orders.
    /// Both are there, durably, or neither is.
    ///
    /// # Errors
    /// [`ControlError::NoMoreTenants`] when there are `tenants_max`. As [`Directory::add_tenant`] and
    /// [`Directory::create_key`]; and for a key of another owner.
    pub fn sign_up(
        &self,
        new: &NewTenant<'_>,
        tenants_max: usize,
        place: impl FnOnce(TenantId) -> ShardNo,
        key: impl FnOnce(TenantId) -> KeyOrder,
    ) -> Result<(Tenant, NewKey), ControlError> {
        let mut counters = self.changing();
        if self.tenant_count() >= tenants_max {
            return Err(ControlError::NoMoreTenants);
        }
        let mut batch = AtomicBatch::new(0);
        let tenant = self.plan_tenant(&mut batch, &counters, new, place)?;
        let order = key(tenant.id);
        if order.owner != KeyOwner::Tenant(tenant.id) {
            let problem = "is not the tenant that is being made".to_owned();
            return Err(ControlError::Invalid { field: "owner", problem });
        }
        let planned = self.plan_key(&mut batch, order)?;
        self.commit(&batch)?;
        self.show_new_tenant(&mut counters, tenant.clone());
        Ok((tenant, self.show_new_key(planned)))
    }

    /// Creates a user and, on the shard that `place` answers, the tenant that is theirs. Both are
    /// there, durably, or neither is.
    ///
    /// # Errors
    /// As [`Directory::add_tenant`] and [`Directory::create_user`]; and for a user who has a tenant
    /// already.
    pub fn sign_up_user(
        &self,
        new: &NewTenant<'_>,
        place: impl FnOnce(TenantId) -> ShardNo,
        user: NewUser<'_>,
    ) -> Result<User, ControlError> {
        if user.tenant.is_some() {
            let problem = "is to be made for the user".to_owned();
            return Err(ControlError::Invalid { field: "tenant", problem });
        }
        let mut counters = self.changing();
        let mut batch = AtomicBatch::new(0);
        let tenant = self.plan_tenant(&mut batch, &counters, new, place)?;
        let known = self.plan_user(&mut batch, NewUser { tenant: Some(tenant.id), ..user })?;
        self.commit(&batch)?;
        self.show_new_tenant(&mut counters, tenant);
        Ok(self.show_new_user(known))
    }
}

#[cfg(test)]
mod tests {
    use super::super::environments::{ApiVersion, Environment, EnvironmentKind};
    use super::super::identity_fixture::Fixture;
    use super::super::keys::{Dialect, KeyKind};
    use super::*;
    use secrecy::ExposeSecret;
    use std::sync::Arc;

    use crate::control::plans::Plans;
    use crate::storage::{FaultPlan, MemoryStore};
    use crate::types::{ManualClock, Timestamp};

    const NEW: NewTenant<'_> = NewTenant {
        name: "acme",
        plan: "tex-free",
        project: None,
        handle: Some("acme"),
        environment: Environment {
            kind: EnvironmentKind::Production,
            api_version: ApiVersion::V2025,
        },
    };

    const NEW_TOO: NewTenant<'_> = NewTenant { handle: None, ..NEW };

    const MANY: usize = 100;

    fn order(tenant: TenantId) -> KeyOrder {
        KeyOrder::for_tenant(tenant, KeyKind::Tex, "first")
    }

    #[test]
    fn a_tenant_and_its_key_are_there_together_also_after_a_power_cut() {
        let fixture = Fixture::new();
        let directory = &fixture.directory;
        let (tenant, key) = directory.sign_up(&NEW, MANY, |_| ShardNo(3), order).unwrap();
        let next = directory.create_tenant("next", "local", |_| ShardNo(0)).unwrap();
        assert_eq!(next.no.0, tenant.no.0 + 1);
        for directory in [directory, &fixture.after_power_cut().directory] {
            let secret = key.secret.expose_secret();
            let principal = directory.authenticate(Dialect::Tex, secret).unwrap();
            assert_eq!((principal.tenant, principal.key), (tenant.id, key.info.id));
            assert_eq!(principal.plan.allowance().tokens_in_per_day, Some(1_000_000));
            let found = directory.find_tenant_by_handle("acme").unwrap();
            assert_eq!((found.id, found.shard), (tenant.id, ShardNo(3)));
        }
    }

    #[test]
    fn a_user_and_their_tenant_are_there_together_also_after_a_power_cut() {
        let fixture = Fixture::new();
        let new = NewUser {
            email: Some("ada@example.com"),
            goals: Some("Learn"),
            ..Fixture::new_user("ada@example.com")
        };
        let user = fixture.directory.sign_up_user(&NEW, |_| ShardNo(3), new.clone()).unwrap();
        let again = fixture.directory.sign_up_user(&NEW_TOO, |_| ShardNo(0), new).unwrap_err();
        assert_eq!(again, ControlError::NameTaken("user name"));
        for directory in [&fixture.directory, &fixture.after_power_cut().directory] {
            assert_eq!(directory.get_user(user.id).as_ref(), Ok(&user));
            assert_eq!(user.goals.as_deref(), Some("Learn"));
            let tenant = directory.get_tenant(user.tenant.unwrap()).unwrap();
            assert_eq!((tenant.shard, &*tenant.name), (ShardNo(3), "acme"));
            assert_eq!(directory.users_of(tenant.id), [user.id]);
            assert_eq!(directory.tenant_count(), 1, "the refused one left a tenant");
        }
        let next = fixture.directory.create_tenant("next", "local", |_| ShardNo(0)).unwrap();
        assert_eq!(next.no.0, 2, "the refused one took a number");
    }

    #[test]
    fn what_is_wrong_with_a_user_or_their_tenant_leaves_neither() {
        let fixture = Fixture::new();
        let other = fixture.tenant();
        let bad_plan = NewTenant { plan: "no such plan", ..NEW_TOO };
        let ada = || Fixture::new_user("ada");
        for (tenant, user) in [
            (&NEW_TOO, NewUser { username: " ", ..ada() }),
            (&NEW_TOO, NewUser { tenant: Some(other), ..ada() }),
            (&bad_plan, ada()),
        ] {
            assert!(fixture.directory.sign_up_user(tenant, |_| ShardNo(0), user).is_err());
        }
        for directory in [&fixture.directory, &fixture.after_power_cut().directory] {
            assert_eq!(
                (directory.tenant_count(), directory.users(Dialect::Metacogna).len()),
                (1, 0)
            );
        }
        assert!(fixture.directory.sign_up_user(&NEW_TOO, |_| ShardNo(0), ada()).is_ok());
    }

    #[test]
    fn what_is_wrong_with_either_leaves_neither() {
        let fixture = Fixture::new();
        let other = fixture.tenant();
        let bad_scopes = |tenant| KeyOrder { scopes: Some(vec![]), ..order(tenant) };
        let wrong_kind = |tenant| KeyOrder { kind: KeyKind::MetorialManagement, ..order(tenant) };
        let of_another = |_| order(other);
        let orders: [&dyn Fn(TenantId) -> KeyOrder; 3] = [&bad_scopes, &wrong_kind, &of_another];
        for key in orders {
            assert!(fixture.directory.sign_up(&NEW, MANY, |_| ShardNo(0), key).is_err());
        }
        let bad_handle = NewTenant { handle: Some("a b"), ..NEW };
        assert!(fixture.directory.sign_up(&bad_handle, MANY, |_| ShardNo(0), order).is_err());
        for directory in [&fixture.directory, &fixture.after_power_cut().directory] {
            assert_eq!((directory.tenant_count(), directory.keys().len()), (1, 0));
            assert!(directory.find_tenant_by_handle("acme").is_none());
        }
        assert!(fixture.directory.sign_up(&NEW, MANY, |_| ShardNo(0), order).is_ok());
        let again = fixture.directory.sign_up(&NEW, MANY, |_| ShardNo(0), order).unwrap_err();
        assert_eq!(again, ControlError::HandleTaken);
    }

    #[test]
    fn no_more_tenants_than_there_is_room_for_however_many_come_together() {
        let fixture = Fixture::new();
        let directory = &fixture.directory;
        let barrier = std::sync::Barrier::new(16);
        let sign_up = || {
            barrier.wait();
            let new = NewTenant { handle: None, ..NEW };
            directory.sign_up(&new, 3, |_| ShardNo(0), order).map(drop)
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(sign_up)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
        let refused = results.iter().filter(|result| **result == Err(ControlError::NoMoreTenants));
        assert_eq!((refused.count(), directory.tenant_count()), (13, 3));
    }

    #[test]
    fn a_store_that_fails_leaves_neither() {
        // The first write, which makes the default project, works.
        for faults in [
            FaultPlan { fail_apply_at: Some(2), ..FaultPlan::default() },
            FaultPlan { fail_flush_at: Some(2), ..FaultPlan::default() },
        ] {
            let store = MemoryStore::with_faults(faults);
            let open = |store: &MemoryStore| {
                let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(1)));
                Directory::open(Arc::new(store.clone()), clock, Plans::default()).unwrap()
            };
            let directory = open(&store);
            assert!(directory.sign_up(&NEW, MANY, |_| ShardNo(0), order).is_err(), "{faults:?}");
            for directory in [&directory, &open(&store.after_power_cut())] {
                assert_eq!((directory.tenant_count(), directory.keys().len()), (0, 0));
                assert!(directory.find_tenant_by_handle("acme").is_none());
            }
        }
    }
}
