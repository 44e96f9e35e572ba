//! The directory as a whole: what survives, what is refused, what goes with what.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::environments::{ApiVersion, Environment, EnvironmentKind};
use super::keys::{Dialect, KeyKind, KeyOrder, KeyOwner, KeyUpdate, NewKey};
use super::plans::Plans;
use super::tenants::{NewTenant, Tenant, TenantUpdate};
use super::{ControlError, Directory};
use crate::storage::{MemoryStore, Store};
use crate::types::{Clock, ManualClock, OrganizationId, ShardNo, TenantId, TenantNo, Timestamp};

struct Fixture {
    store: MemoryStore,
    clock: Arc<ManualClock>,
    directory: Directory,
}

impl Fixture {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::from_micros(1_000_000)));
        Self::on(MemoryStore::default(), clock)
    }

    fn on(store: MemoryStore, clock: Arc<ManualClock>) -> Self {
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let directory = Directory::open(Arc::new(store.clone()), shared, Plans::default()).unwrap();
        Self { store, clock, directory }
    }

    /// What a process finds that starts after the power failed.
    fn after_power_cut(&self) -> Self {
        Self::on(self.store.after_power_cut(), Arc::clone(&self.clock))
    }

    fn tenant(&self) -> Tenant {
        self.directory.create_tenant("acme", "local", |_| ShardNo(3)).unwrap()
    }

    fn key(&self, tenant: TenantId, kind: KeyKind) -> NewKey {
        self.directory.create_key(KeyOrder::for_tenant(tenant, kind, "ci")).unwrap()
    }

    fn refusal(&self, dialect: Dialect, key: &NewKey) -> Option<ControlError> {
        self.directory.authenticate(dialect, key.secret.expose_secret()).err()
    }
}

#[test]
fn tenants_and_keys_survive_a_power_cut_right_after_they_were_made() {
    let before = Fixture::new();
    let tenant = before.tenant();
    let key = before.key(tenant.id, KeyKind::Mnemoverse);

    let after = before.after_power_cut();
    let secret = key.secret.expose_secret();
    let principal = after.directory.authenticate(Dialect::Mnemoverse, secret).unwrap();
    assert_eq!((principal.tenant, principal.key), (tenant.id, key.info.id));
    assert_eq!(after.directory.get_key(key.info.id).unwrap().shown, key.info.shown);
    let found = after.directory.get_tenant(tenant.id).unwrap();
    assert_eq!((found.shard, found.project), (ShardNo(3), tenant.project));
    assert!(after.tenant().no > tenant.no, "numbers are never reused");
    assert_eq!(after.directory.projects().len(), 1, "the default one is made once");
}

#[test]
fn a_key_is_known_to_its_own_dialect_only() {
    let fixture = Fixture::new();
    let tenant = fixture.tenant().id;
    for kind in KeyKind::ALL.into_iter().filter(|kind| !kind.is_for_organizations()) {
        let key = fixture.key(tenant, kind);
        for dialect in Dialect::ALL {
            let expected = (dialect != kind.dialect()).then_some(ControlError::InvalidKey);
            assert_eq!(fixture.refusal(dialect, &key), expected, "{kind:?} {dialect}");
        }
    }
}

#[test]
fn unknown_revoked_and_expired_keys_are_refused_at_once_and_after_a_restart() {
    let fixture = Fixture::new();
    let tenant = fixture.tenant().id;
    let (kept, revoked) = (fixture.key(tenant, KeyKind::Tex), fixture.key(tenant, KeyKind::Tex));
    let expires_at = Some(fixture.clock.now().plus(Duration::from_secs(60)));
    let order = KeyOrder { expires_at, ..KeyOrder::for_tenant(tenant, KeyKind::Tex, "") };
    let expiring = fixture.directory.create_key(order).unwrap();

    assert_eq!(fixture.refusal(Dialect::Tex, &revoked), None);
    fixture.directory.revoke_key(revoked.info.id).unwrap();
    let again = fixture.directory.revoke_key(revoked.info.id).unwrap();
    assert_eq!(again.revoked_at, Some(fixture.clock.now()), "revoking twice changes nothing");
    fixture.clock.advance(Duration::from_secs(59));
    assert_eq!(fixture.refusal(Dialect::Tex, &expiring), None);
    fixture.clock.advance(Duration::from_secs(1));

    for fixture in [&fixture, &fixture.after_power_cut()] {
        assert_eq!(fixture.refusal(Dialect::Tex, &revoked), Some(ControlError::RevokedKey));
        assert_eq!(fixture.refusal(Dialect::Tex, &expiring), Some(ControlError::ExpiredKey));
        assert_eq!(fixture.refusal(Dialect::Tex, &kept), None);
        let unknown = fixture.directory.authenticate(Dialect::Tex, "tex_live_0").err();
        assert_eq!(unknown, Some(ControlError::InvalidKey));
    }
}

#[test]
fn a_rotated_key_keeps_its_id_and_its_former_secret_for_as_long_as_asked() {
    let fixture = Fixture::new();
    let first = fixture.key(fixture.tenant().id, KeyKind::MetorialSecret);
    let id = first.info.id;
    let until = fixture.clock.now().plus(Duration::from_secs(10));
    let second = fixture.directory.rotate_key(id, Some(until)).unwrap();
    assert_eq!(second.info.id, id);
    assert_ne!(second.info.shown, first.info.shown);
    for fixture in [&fixture, &fixture.after_power_cut()] {
        assert_eq!(fixture.refusal(Dialect::Metorial, &first), None);
        assert_eq!(fixture.refusal(Dialect::Metorial, &second), None);
    }
    // Another rotation ends the oldest secret, and one without grace the former one at once.
    let third = fixture.directory.rotate_key(id, None).unwrap();
    for fixture in [&fixture, &fixture.after_power_cut()] {
        let unknown = Some(ControlError::InvalidKey);
        assert_eq!(fixture.refusal(Dialect::Metorial, &first), unknown);
        assert_eq!(fixture.refusal(Dialect::Metorial, &second), unknown);
        assert_eq!(fixture.refusal(Dialect::Metorial, &third), None);
    }
    let until = fixture.clock.now().plus(Duration::from_secs(10));
    let fourth = fixture.directory.rotate_key(id, Some(until)).unwrap();
    fixture.clock.advance(Duration::from_secs(10));
    assert_eq!(fixture.refusal(Dialect::Metorial, &third), Some(ControlError::RevokedKey));
    // Revoking ends every secret of the key.
    let until = fixture.clock.now().plus(Duration::from_secs(10));
    let fifth = fixture.directory.rotate_key(id, Some(until)).unwrap();
    fixture.directory.revoke_key(id).unwrap();
    for fixture in [&fixture, &fixture.after_power_cut()] {
        assert!(fixture.refusal(Dialect::Metorial, &fourth).is_some());
        assert!(fixture.refusal(Dialect::Metorial, &fifth).is_some());
    }
    let refused = fixture.directory.rotate_key(id, None).unwrap_err();
    assert_eq!(refused, ControlError::KeyHasEnded(id));
}

#[test]
fn a_deleted_tenant_is_unknown_at_once_with_its_keys_and_goes_when_it_is_erased() {
    let fixture = Fixture::new();
    let (tenant, other) = (fixture.tenant(), fixture.tenant());
    let key = fixture.key(tenant.id, KeyKind::Mnemoverse);
    let rotated = fixture.key(tenant.id, KeyKind::Tex);
    let until = fixture.clock.now().plus(Duration::from_secs(1_000));
    fixture.directory.rotate_key(rotated.info.id, Some(until)).unwrap();
    let kept = fixture.key(other.id, KeyKind::Mnemoverse);
    let leftover = fixture.directory.delete_tenant(tenant.id).unwrap();
    assert_eq!((leftover.no, &*leftover.shards), (tenant.no, &[ShardNo(3)][..]));

    for fixture in [&fixture, &fixture.after_power_cut()] {
        let directory = &fixture.directory;
        assert_eq!(fixture.refusal(Dialect::Mnemoverse, &key), Some(ControlError::InvalidKey));
        assert_eq!(fixture.refusal(Dialect::Tex, &rotated), Some(ControlError::InvalidKey));
        assert_eq!(fixture.refusal(Dialect::Mnemoverse, &kept), None);
        let unknown = ControlError::UnknownTenant(tenant.id);
        assert_eq!(directory.get_tenant(tenant.id).unwrap_err(), unknown);
        let order = KeyOrder::for_tenant(tenant.id, KeyKind::Tex, "");
        assert_eq!(directory.create_key(order).unwrap_err(), unknown);
        assert_eq!(directory.set_plan(tenant.id, "free").unwrap_err(), unknown);
        assert!(directory.is_being_erased(tenant.id));
        assert_eq!(directory.leftovers(), std::slice::from_ref(&leftover));
        assert!(directory.keys_of(KeyOwner::Tenant(tenant.id)).is_empty());
        let listed: Vec<_> = directory.tenants().iter().map(|tenant| tenant.id).collect();
        assert_eq!(listed, [other.id]);
    }
    fixture.directory.forget_leftover(&leftover).unwrap();
    for fixture in [&fixture, &fixture.after_power_cut()] {
        assert!(!fixture.directory.is_being_erased(tenant.id));
        assert_eq!(fixture.directory.leftovers(), []);
    }
    // Nothing of it is stored any more, not even a hash, but that there was such an id.
    let tombstone = [&[0x0a][..], tenant.id.as_bytes()].concat();
    let (mut stored, mut is_buried) = (Vec::new(), false);
    let mut keep = |key: &[u8], value: &[u8]| {
        if key == tombstone {
            is_buried = true;
            return std::ops::ControlFlow::Continue(());
        }
        stored.extend_from_slice(key);
        stored.extend_from_slice(value);
        std::ops::ControlFlow::Continue(())
    };
    fixture.store.for_each(&[], None, &mut keep).unwrap();
    let holds = |part: &[u8]| stored.windows(part.len()).any(|window| window == part);
    assert!(is_buried && !holds(tenant.id.as_bytes()) && !holds(key.info.id.as_bytes()));
    assert!(holds(other.id.as_bytes()) && holds(kept.info.id.as_bytes()));
}

#[test]
fn a_move_leaves_bytes_to_erase_wherever_it_is_broken_off() {
    let fixture = Fixture::new();
    let tenant = fixture.tenant();
    let directory = &fixture.directory;
    directory.begin_move(tenant.id, ShardNo(1)).unwrap();
    let broken_off = fixture.after_power_cut();
    assert_eq!(broken_off.directory.get_tenant(tenant.id).unwrap().shard, ShardNo(3));
    assert_eq!(broken_off.directory.leftovers()[0].shards, [ShardNo(1)]);

    directory.finish_move(tenant.id, ShardNo(1)).unwrap();
    let finished = fixture.after_power_cut();
    assert_eq!(finished.directory.get_tenant(tenant.id).unwrap().shard, ShardNo(1));
    let leftover = finished.directory.leftovers().remove(0);
    assert_eq!((&*leftover.shards, leftover.is_deleted), (&[ShardNo(3)][..], false));
    let already = finished.directory.begin_move(tenant.id, ShardNo(1)).unwrap_err();
    assert!(matches!(already, ControlError::AlreadyThere { .. }));
    finished.directory.forget_leftover(&leftover).unwrap();
    assert_eq!(finished.after_power_cut().directory.leftovers(), []);
    assert_eq!(finished.directory.shards_in_use(), [ShardNo(1)]);
}

#[test]
fn management_keys_act_for_organizations_and_others_do_not() {
    let fixture = Fixture::new();
    let directory = &fixture.directory;
    let organization = directory.create_organization("acme").unwrap().id;
    let owner = KeyOwner::Organization(organization);
    let order =
        |owner, kind| KeyOrder { owner, ..KeyOrder::for_tenant(fixture.tenant().id, kind, "ops") };
    let key = directory.create_key(order(owner, KeyKind::MetorialManagement)).unwrap();
    let secret = key.secret.expose_secret();
    for directory in [directory, &fixture.after_power_cut().directory] {
        let principal = directory.authenticate_organization(Dialect::Metorial, secret).unwrap();
        assert_eq!((principal.organization, principal.key), (organization, key.info.id));
        let as_tenant = directory.authenticate(Dialect::Metorial, secret).err();
        assert_eq!(as_tenant, Some(ControlError::InvalidKey));
    }
    assert!(directory.create_key(order(owner, KeyKind::MetorialSecret)).is_err());
    let tenant = KeyOwner::Tenant(fixture.tenant().id);
    assert!(directory.create_key(order(tenant, KeyKind::MetorialManagement)).is_err());
    let of_tenant = fixture.key(fixture.tenant().id, KeyKind::MetorialSecret);
    let refused = directory
        .authenticate_organization(Dialect::Metorial, of_tenant.secret.expose_secret())
        .err();
    assert_eq!(refused, Some(ControlError::InvalidKey));
}

#[test]
fn a_last_use_shows_at_once_and_is_stored_when_asked() {
    let fixture = Fixture::new();
    let key = fixture.key(fixture.tenant().id, KeyKind::Mnemoverse);
    assert_eq!(fixture.directory.get_key(key.info.id).unwrap().last_used_at, None);
    fixture.clock.advance(Duration::from_secs(5));
    assert_eq!(fixture.refusal(Dialect::Mnemoverse, &key), None);
    let used = Some(fixture.clock.now());
    assert_eq!(fixture.directory.get_key(key.info.id).unwrap().last_used_at, used);
    assert_eq!(fixture.directory.store_last_uses().unwrap(), 1);
    assert_eq!(fixture.directory.store_last_uses().unwrap(), 0);
    let after = fixture.after_power_cut();
    assert_eq!(after.directory.get_key(key.info.id).unwrap().last_used_at, used);
    assert_eq!(after.refusal(Dialect::Mnemoverse, &key), None, "its hash did not change");
}

#[test]
fn projects_and_plans_are_checked_by_name_and_nothing_is_created() {
    let fixture = Fixture::new();
    let directory = &fixture.directory;
    let error = directory.create_tenant("acme", "gold", |_| ShardNo(0)).unwrap_err();
    assert!(error.to_string().contains("gold") && error.to_string().contains("local"));
    for name in ["", "  ", "two\nlines", &"x".repeat(201)] {
        assert!(directory.create_tenant(name, "local", |_| ShardNo(0)).is_err(), "{name:?}");
    }
    assert_eq!(directory.tenant_count(), 0);
    let organization = directory.create_organization("acme").unwrap();
    let project = directory.create_project(organization.id, "web").unwrap();
    let new = NewTenant { project: Some(project.id), ..NewTenant::named("staging", "pro") };
    let tenant = directory.add_tenant(&new, |_| ShardNo(0)).unwrap();
    let after = fixture.after_power_cut();
    let found = after.directory.get_tenant(tenant.id).unwrap();
    assert_eq!((found.project, &*found.plan.name), (project.id, "pro"));
    assert_eq!(after.directory.get_project(project.id).unwrap().organization, organization.id);
}

#[test]
fn a_project_is_renamed_and_goes_once_it_holds_no_tenant() {
    let fixture = Fixture::new();
    let directory = &fixture.directory;
    let oldest = directory.projects()[0].clone();
    let project = directory.create_project(oldest.organization, "web").unwrap();
    let new = NewTenant { project: Some(project.id), ..NewTenant::named("staging", "local") };
    let tenant = directory.add_tenant(&new, |_| ShardNo(0)).unwrap();
    fixture.clock.advance(Duration::from_secs(9));
    let renamed = directory.rename_project(project.id, " shop ").unwrap();
    assert_eq!((&*renamed.name, renamed.created_at), ("shop", project.created_at));
    assert_eq!(renamed.updated_at, fixture.clock.now());
    assert!(directory.rename_project(project.id, " ").is_err());

    let full = ControlError::ProjectNotEmpty(project.id);
    assert_eq!(directory.delete_project(project.id).unwrap_err(), full);
    let after = fixture.after_power_cut();
    let kept = after.directory.get_project(project.id).unwrap();
    assert_eq!((kept.name, kept.updated_at), (renamed.name, renamed.updated_at));
    assert_eq!(after.directory.delete_project(project.id).unwrap_err(), full);

    directory.delete_tenant(tenant.id).unwrap();
    assert_eq!(directory.delete_project(project.id).unwrap().id, project.id);
    for directory in [directory, &fixture.after_power_cut().directory] {
        let unknown = ControlError::UnknownProject(project.id);
        assert_eq!(directory.get_project(project.id).unwrap_err(), unknown);
        assert_eq!(directory.rename_project(project.id, "x").unwrap_err(), unknown);
        assert_eq!(directory.add_tenant(&new, |_| ShardNo(0)).unwrap_err(), unknown);
        assert_eq!(directory.projects_of(oldest.organization).len(), 1);
        // Whoever signs up next would find themselves in another organization's project.
        let refused = directory.delete_project(oldest.id).unwrap_err();
        assert_eq!(refused, ControlError::DefaultProject(oldest.id));
    }
}

#[test]
fn another_name_and_version_hold_at_once_for_the_tenant_s_keys_and_no_other_s() {
    let fixture = Fixture::new();
    let directory = &fixture.directory;
    let environment =
        Environment { kind: EnvironmentKind::Development, api_version: ApiVersion::V2025 };
    let new = NewTenant { environment, ..NewTenant::named("dev", "local") };
    let tenant = directory.add_tenant(&new, |_| ShardNo(0)).unwrap();
    let key = fixture.key(tenant.id, KeyKind::MetorialSecret);
    let other = fixture.key(fixture.tenant().id, KeyKind::MetorialSecret);
    fixture.clock.advance(Duration::from_secs(9));
    let update = TenantUpdate { api_version: Some(ApiVersion::V2026), ..TenantUpdate::default() };
    directory.update_tenant(tenant.id, &update).unwrap();
    let update = TenantUpdate { name: Some("try"), ..TenantUpdate::default() };
    directory.update_tenant(tenant.id, &update).unwrap();
    let bad = TenantUpdate { name: Some("a\nb"), ..TenantUpdate::default() };
    assert!(directory.update_tenant(tenant.id, &bad).is_err());
    for directory in [directory, &fixture.after_power_cut().directory] {
        let environment_of = |key: &NewKey| {
            let secret = key.secret.expose_secret();
            directory.authenticate(Dialect::Metorial, secret).unwrap().environment
        };
        assert_eq!(
            environment_of(&key),
            Environment { api_version: ApiVersion::V2026, ..environment }
        );
        assert_eq!(environment_of(&other), Environment::default());
        let found = directory.get_tenant(tenant.id).unwrap();
        assert_eq!((&*found.name, found.environment), ("try", environment_of(&key)));
        assert_eq!((found.created_at, found.updated_at), (tenant.created_at, fixture.clock.now()));
    }
}

#[test]
fn a_key_is_changed_for_all_its_secrets_and_stays_the_same_key() {
    let fixture = Fixture::new();
    let directory = &fixture.directory;
    let first = fixture.key(fixture.tenant().id, KeyKind::MetorialSecret);
    let id = first.info.id;
    let after = |seconds| fixture.clock.now().plus(Duration::from_secs(seconds));
    let second = directory.rotate_key(id, Some(after(100))).unwrap();
    fixture.clock.advance(Duration::from_secs(10));
    let description = |text: &str| Some(Some(text.to_owned()));
    let ends = after(20);
    let update = KeyUpdate {
        name: Some(" nightly ".to_owned()),
        description: description(" of the build "),
        expires_at: Some(Some(ends)),
    };
    let changed = directory.update_key(id, update).unwrap();
    assert_eq!(
        (changed.updated_at, changed.shown),
        (fixture.clock.now(), second.info.shown.clone())
    );
    let unchanged = directory.update_key(id, KeyUpdate::default()).unwrap();
    for fixture in [&fixture, &fixture.after_power_cut()] {
        let found = fixture.directory.get_key(id).unwrap();
        assert_eq!(found, unchanged);
        assert_eq!((&*found.name, found.description.as_deref()), ("nightly", Some("of the build")));
        assert_eq!(found.expires_at, Some(ends));
        for key in [&first, &second] {
            assert_eq!(fixture.refusal(Dialect::Metorial, key), None);
        }
    }
    // The former secret would be good for longer.
    fixture.clock.advance(Duration::from_secs(20));
    for fixture in [&fixture, &fixture.after_power_cut()] {
        for key in [&first, &second] {
            let ended = Some(ControlError::ExpiredKey);
            assert_eq!(fixture.refusal(Dialect::Metorial, key), ended);
        }
    }
    let refused = directory.update_key(id, KeyUpdate::default()).unwrap_err();
    assert_eq!(refused, ControlError::KeyHasEnded(id));

    let id = fixture.key(fixture.tenant().id, KeyKind::MetorialSecret).info.id;
    for bad in [
        KeyUpdate { name: Some("a\nb".to_owned()), ..KeyUpdate::default() },
        KeyUpdate { description: description(&"x".repeat(1_001)), ..KeyUpdate::default() },
        KeyUpdate { expires_at: Some(Some(fixture.clock.now())), ..KeyUpdate::default() },
    ] {
        assert!(directory.update_key(id, bad).is_err());
    }
    let described = KeyUpdate { description: description("x"), ..KeyUpdate::default() };
    assert!(directory.update_key(id, described).unwrap().description.is_some());
    let bare = KeyUpdate { description: Some(None), ..KeyUpdate::default() };
    assert_eq!(directory.update_key(id, bare).unwrap().description, None);
}

#[test]
fn a_former_secret_ends_no_later_than_its_key() {
    let fixture = Fixture::new();
    let (tenant, directory) = (fixture.tenant().id, &fixture.directory);
    let after = |seconds| Some(fixture.clock.now().plus(Duration::from_secs(seconds)));
    let order = KeyOrder::for_tenant(tenant, KeyKind::MetorialSecret, "");
    let first = directory.create_key(KeyOrder { expires_at: after(10), ..order }).unwrap();
    directory.rotate_key(first.info.id, after(1_000)).unwrap();
    // Good for longer now, but the secret that was replaced is not.
    let update = KeyUpdate { expires_at: Some(None), ..KeyUpdate::default() };
    directory.update_key(first.info.id, update).unwrap();
    assert_eq!(fixture.refusal(Dialect::Metorial, &first), None);
    fixture.clock.advance(Duration::from_secs(10));
    for fixture in [&fixture, &fixture.after_power_cut()] {
        let refusal = fixture.refusal(Dialect::Metorial, &first);
        assert_eq!(refusal, Some(ControlError::RevokedKey));
    }
}

#[test]
fn an_organization_s_tenants_are_walked_in_both_directions() {
    let fixture = Fixture::new();
    let directory = &fixture.directory;
    let ours = directory.organizations()[0].id;
    let theirs = directory.create_organization("theirs").unwrap().id;
    let project = Some(directory.create_project(theirs, "web").unwrap().id);
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(fixture.tenant().id);
        let new = NewTenant { project, ..NewTenant::named("other", "local") };
        directory.add_tenant(&new, |_| ShardNo(0)).unwrap();
    }
    directory.delete_tenant(made.remove(1)).unwrap();
    for directory in [directory, &fixture.after_power_cut().directory] {
        let next = |from| directory.tenant_from(ours, from).map(|tenant| tenant.id);
        let previous = |to| directory.tenant_up_to(ours, to).map(|tenant| tenant.id);
        let (first, second, last) = (&made[0], &made[1], &made[2]);
        assert_eq!(next(Bound::Unbounded), Some(*first));
        assert_eq!(next(Bound::Included(first)), Some(*first));
        assert_eq!(next(Bound::Excluded(first)), Some(*second));
        assert_eq!(next(Bound::Excluded(last)), None);
        assert_eq!(previous(Bound::Unbounded), Some(*last));
        assert_eq!(previous(Bound::Excluded(last)), Some(*second));
        assert_eq!(previous(Bound::Excluded(first)), None);
        let nobody = OrganizationId(first.0);
        assert!(directory.tenant_from(nobody, Bound::Unbounded).is_none());
    }
}

#[test]
fn tenants_are_listed_in_pages() {
    let fixture = Fixture::new();
    let made: Vec<_> = (0..7).map(|_| fixture.tenant().id).collect();
    fixture.directory.delete_tenant(made[2]).unwrap();
    let mut listed = Vec::new();
    let mut after = TenantNo(0);
    loop {
        let page = fixture.directory.tenants_after(after, 2);
        let Some(last) = page.last() else { break };
        after = last.no;
        listed.extend(page.iter().map(|tenant| tenant.id));
    }
    let expected: Vec<_> = made.iter().filter(|id| **id != made[2]).copied().collect();
    assert_eq!(listed, expected);
}

#[test]
fn other_plans_hold_for_every_tenant_at_once_and_one_in_use_cannot_go() {
    let fixture = Fixture::new();
    let directory = &fixture.directory;
    let gold = "[gold]\nqueries_per_day = 5\n[free]\natoms_max = 7\n";
    directory.replace_plans(toml::from_str(gold).unwrap()).unwrap();
    let tenant = directory.create_tenant("acme", "gold", |_| ShardNo(0)).unwrap();
    let free = directory.create_tenant("small", "free", |_| ShardNo(0)).unwrap();
    assert_eq!(directory.get_tenant(free.id).unwrap().plan.atoms_max, Some(7));
    let error = directory.replace_plans(Plans::default()).unwrap_err();
    assert_eq!(error, ControlError::PlanInUse { name: "gold".to_owned(), tenants: 1 });
    assert_eq!(directory.get_tenant(free.id).unwrap().plan.atoms_max, Some(7), "nothing changed");
    directory.set_plan(tenant.id, "pro").unwrap();
    directory.replace_plans(Plans::default()).unwrap();
    assert_eq!(directory.get_tenant(free.id).unwrap().plan.atoms_max, Some(10_000));
    let after = fixture.after_power_cut();
    assert_eq!(after.directory.get_tenant(tenant.id).unwrap().plan.name, "pro");
}

#[test]
fn an_owner_has_so_many_keys_and_the_oldest_ended_one_makes_room() {
    use crate::types::limits::{ENDED_KEYS_PER_OWNER_MAX, KEYS_PER_OWNER_MAX};
    let fixture = Fixture::new();
    let tenant = fixture.tenant().id;
    let ended: Vec<_> = (0..ENDED_KEYS_PER_OWNER_MAX)
        .map(|_| {
            fixture.clock.advance(Duration::from_millis(1));
            let id = fixture.key(tenant, KeyKind::Tex).info.id;
            fixture.directory.revoke_key(id).unwrap().id
        })
        .collect();
    fixture.key(tenant, KeyKind::Tex);
    assert!(fixture.directory.get_key(ended[0]).is_err());
    assert!(fixture.directory.get_key(ended[1]).is_ok());
    for _ in 1..KEYS_PER_OWNER_MAX {
        fixture.key(tenant, KeyKind::Tex);
    }
    let order = KeyOrder::for_tenant(tenant, KeyKind::Tex, "");
    let refused = fixture.directory.create_key(order).unwrap_err();
    assert!(matches!(refused, ControlError::TooManyKeys { .. }), "{refused}");
    assert!(
        fixture
            .directory
            .create_key(KeyOrder::for_tenant(fixture.tenant().id, KeyKind::Tex, ""))
            .is_ok()
    );
}

/// Records of the first format lack what came later: projects, kinds, scopes, expiry.
#[test]
fn tenants_and_keys_stored_before_there_were_projects_are_read() {
    #[derive(serde::Serialize)]
    struct OldTenant<'a>(serde_bytes::ByteArray<16>, u64, &'a str, &'a str, u16, i64);
    #[derive(serde::Serialize)]
    struct OldKey<'a>(
        serde_bytes::ByteArray<16>,
        serde_bytes::ByteArray<16>,
        &'a str,
        &'a str,
        i64,
        Option<i64>,
    );
    let versioned = |body: Vec<u8>| [vec![1_u8], body].concat();
    let id = |byte| serde_bytes::ByteArray::new([byte; 16]);
    let secret = "mk_live_00112233445566778899aabbccddeeff";
    let mut batch = crate::storage::AtomicBatch::new(0);
    let tenant = OldTenant(id(7), 4, "acme", "pro", 2, 99);
    let tenant = versioned(rmp_serde::to_vec(&tenant).unwrap());
    batch.put([&[0x10_u8][..], &[7; 16]].concat(), tenant);
    let key = OldKey(id(9), id(7), "mnemoverse", "ci", 100, None);
    let hash = *blake3::hash(secret.as_bytes()).as_bytes();
    let key = versioned(rmp_serde::to_vec(&key).unwrap());
    batch.put([&[0x20_u8][..], &hash].concat(), key);
    let store = MemoryStore::default();
    store.apply(&batch).unwrap();
    let fixture = Fixture::on(store, Arc::new(ManualClock::starting_at(Timestamp::default())));

    let principal = fixture.directory.authenticate(Dialect::Mnemoverse, secret).unwrap();
    let tenant = fixture.directory.get_tenant(principal.tenant).unwrap();
    assert_eq!((&*tenant.name, tenant.no, tenant.shard), ("acme", TenantNo(4), ShardNo(2)));
    assert_eq!(tenant.project, fixture.directory.projects()[0].id);
    assert_eq!(tenant.environment, Environment::default());
    assert_eq!((principal.environment, tenant.updated_at), (tenant.environment, tenant.created_at));
    let key = fixture.directory.get_key(principal.key).unwrap();
    assert_eq!((key.description, key.updated_at), (None, key.created_at));
    let rotated = fixture.directory.rotate_key(principal.key, None).unwrap();
    assert_eq!(fixture.refusal(Dialect::Mnemoverse, &rotated), None);
}
