//! Handles: the public names of tenants, for dialects that show something else than ids. One is
//! chosen or drawn when the tenant is made; a tenant without has one that follows from its id, and
//! costs no memory for it. No two tenants have the same.

use std::sync::Arc;

use uuid::Uuid;

use super::tenants::Tenant;
use super::{ControlError, Directory, keys};
use crate::types::TenantId;
use crate::types::limits::HANDLE_CHARS_MAX;

/// What handles begin with that nobody chose.
const DRAWN: &str = "org_";

impl Tenant {
    /// Its public name: the one that was chosen, or else one that follows from its id.
    #[must_use]
    pub fn public_handle(&self) -> String {
        match &self.handle {
            Some(handle) => handle.to_string(),
            None => format!("{DRAWN}{}", self.id.0.simple()),
        }
    }

    /// What people call it: the handle that was chosen, or else its label, which others may have
    /// too. For dialects in which the key decides on the tenant and the name is only compared.
    #[must_use]
    pub fn spoken_name(&self) -> &str {
        self.handle.as_deref().unwrap_or(&self.name)
    }

    /// Whether it may be called so: by its label, its handle, or the one that follows from its id.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        name == &*self.name || name == self.public_handle()
    }
}

impl Directory {
    /// A handle for a tenant whose maker chooses none.
    ///
    /// # Errors
    /// [`ControlError::Randomness`].
    pub fn draw_handle() -> Result<String, ControlError> {
        keys::draw_name(DRAWN)
    }

    /// The tenant of exactly this public name. Costs two map look-ups.
    #[must_use]
    pub fn find_tenant_by_handle(&self, handle: &str) -> Option<Tenant> {
        let chosen = self.handles.get(handle).map(|id| *id);
        let tenant = self.get_tenant(chosen.or_else(|| id_in(handle))?).ok()?;
        (tenant.public_handle() == handle).then_some(tenant)
    }

    /// A chosen handle, if it is well formed and nobody has it. For a caller that is making a
    /// change.
    pub(super) fn free_handle(&self, handle: &str) -> Result<Arc<str>, ControlError> {
        let may_hold = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=HANDLE_CHARS_MAX).contains(&handle.len()) || !handle.bytes().all(may_hold) {
            let problem = format!("must be 1 to {HANDLE_CHARS_MAX} of A-Z, a-z, 0-9, `_` and `-`");
            return Err(ControlError::Invalid { field: "handle", problem });
        }
        match self.find_tenant_by_handle(handle) {
            Some(_) => Err(ControlError::HandleTaken),
            None => Ok(handle.into()),
        }
    }

    /// For a tenant just made or loaded.
    pub(super) fn show_handle(&self, tenant: &Tenant) {
        if let Some(handle) = &tenant.handle {
            self.handles.insert(Arc::clone(handle), tenant.id);
        }
    }
}

/// The id that a handle follows from, unless it was chosen.
fn id_in(handle: &str) -> Option<TenantId> {
    Uuid::try_parse(handle.strip_prefix(DRAWN)?).ok().map(TenantId)
}

#[cfg(test)]
mod tests {
    use super::super::identity_fixture::Fixture;
    use super::super::tenants::NewTenant;
    use super::*;
    use crate::types::ShardNo;

    fn make(directory: &Directory, handle: Option<&str>) -> Result<Tenant, ControlError> {
        let new = NewTenant { handle, ..NewTenant::named("acme", "local") };
        directory.add_tenant(&new, |_| ShardNo(0))
    }

    #[test]
    fn a_tenant_is_found_by_its_handle_and_by_nothing_like_it_also_after_a_restart() {
        let fixture = Fixture::new();
        let chosen = make(&fixture.directory, Some("Acme-1_x")).unwrap();
        let nameless = make(&fixture.directory, None).unwrap();
        let derived = nameless.public_handle();
        assert_eq!(derived, format!("org_{}", nameless.id.0.simple()));
        for fixture in [&fixture, &fixture.after_power_cut()] {
            let find = |handle: &str| {
                fixture.directory.find_tenant_by_handle(handle).map(|tenant| tenant.id)
            };
            assert_eq!(find("Acme-1_x"), Some(chosen.id));
            assert_eq!(find(&derived), Some(nameless.id));
            let tenant = fixture.directory.get_tenant(chosen.id).unwrap();
            assert_eq!(tenant.public_handle(), "Acme-1_x");
            for unlike in [
                "acme-1_x".to_owned(),
                "Acme-1_x ".to_owned(),
                String::new(),
                "org_".to_owned(),
                derived.to_uppercase(),
                format!("org_{}", nameless.id.0.simple().to_string().to_uppercase()),
                format!("org_{}", nameless.id),
                // Whoever has chosen a handle has no other.
                format!("org_{}", chosen.id.0.simple()),
            ] {
                assert_eq!(find(&unlike), None, "{unlike:?}");
            }
            assert_eq!(fixture.directory.handles.len(), 1, "none is kept that follows from an id");
        }
    }

    #[test]
    fn a_tenant_may_be_called_by_its_label_and_by_its_handle() {
        let fixture = Fixture::new();
        let chosen = make(&fixture.directory, Some("Acme-1")).unwrap();
        let nameless = make(&fixture.directory, None).unwrap();
        assert_eq!((chosen.spoken_name(), nameless.spoken_name()), ("Acme-1", "acme"));
        for name in ["acme", "Acme-1"] {
            assert!(chosen.is_called(name), "{name}");
        }
        assert!(nameless.is_called("acme") && nameless.is_called(&nameless.public_handle()));
        for unlike in ["", "ACME", "acme ", "Acme-1"] {
            assert!(!nameless.is_called(unlike), "{unlike:?}");
        }
        assert!(!chosen.is_called(&nameless.public_handle()));
    }

    #[test]
    fn a_handle_that_a_tenant_has_is_refused_until_the_tenant_is_deleted() {
        let fixture = Fixture::new();
        let directory = &fixture.directory;
        let (chosen, nameless) =
            (make(directory, Some("acme")).unwrap(), make(directory, None).unwrap());
        let handles = [chosen.public_handle(), nameless.public_handle()];
        for directory in [directory, &fixture.after_power_cut().directory] {
            for handle in &handles {
                let taken = make(directory, Some(handle)).unwrap_err();
                assert_eq!(taken, ControlError::HandleTaken);
            }
            assert_eq!(directory.tenant_count(), 2);
        }
        for tenant in [&chosen, &nameless] {
            directory.delete_tenant(tenant.id).unwrap();
        }
        // The deleted ones are being erased still.
        for handle in &handles {
            assert!(directory.find_tenant_by_handle(handle).is_none());
            assert!(make(&fixture.after_power_cut().directory, Some(handle)).is_ok(), "{handle}");
        }
        let heirs = [0, 1].map(|at| make(directory, Some(&handles[at])).unwrap().id);
        for directory in [directory, &fixture.after_power_cut().directory] {
            let found = [0, 1].map(|at| directory.find_tenant_by_handle(&handles[at]).unwrap().id);
            assert_eq!(found, heirs);
        }
    }

    #[test]
    fn a_handle_is_1_to_64_plain_characters() {
        let fixture = Fixture::new();
        for bad in ["", " ", "a b", "a.b", "straße", "a\n", "../x", &"x".repeat(65)] {
            let error = make(&fixture.directory, Some(bad)).unwrap_err();
            assert!(matches!(error, ControlError::Invalid { field: "handle", .. }), "{bad:?}");
        }
        assert_eq!(fixture.directory.tenant_count(), 0);
        for good in ["x", "_", "-", &"x".repeat(64), &Directory::draw_handle().unwrap()] {
            assert_eq!(make(&fixture.directory, Some(good)).unwrap().public_handle(), good);
        }
    }

    #[test]
    fn drawn_names_are_a_prefix_and_16_letters_and_digits() {
        for prefix in ["org_", "user_"] {
            let name = keys::draw_name(prefix).unwrap();
            let random = name.strip_prefix(prefix).unwrap();
            assert!(random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert_ne!(name, keys::draw_name(prefix).unwrap());
        }
    }

    #[test]
    fn of_many_that_want_a_handle_at_once_one_gets_it() {
        let fixture = Fixture::new();
        let directory = &fixture.directory;
        for round in 0..20 {
            let handle = format!("wanted-{round}");
            let won = std::thread::scope(|scope| {
                let tries: Vec<_> =
                    (0..4).map(|_| scope.spawn(|| make(directory, Some(&handle)).ok())).collect();
                tries.into_iter().filter_map(|wants| wants.join().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(won.len(), 1);
            assert_eq!(directory.find_tenant_by_handle(&handle).unwrap().id, won[0].id);
        }
        assert_eq!(directory.tenant_count(), 20);
    }
}
