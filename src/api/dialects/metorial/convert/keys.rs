//! Keys, from the wire and back, and what the calling key is.

use super::super::fields::{Object, choice, reference, text_of, time_to_come};
use super::super::ids::{self, Prefix};
use super::super::version::Version;
use super::super::wire::{KeyBody, MachineAccessBody, Null, Time, TokenBody, TokenPart};
use super::DELETED;
use super::management::{
    ACTIVE, Label, instance_body, list_filter, organization_body, page_of, slug_of,
};
use crate::control::keys::{KeyKind, KeyUpdate};
use crate::control::organizations::Organization;
use crate::service::PageRequest;
use crate::service::management::{EnvironmentView, KeyFilter, KeyOwners, KeyView, NewManagedKey};
use crate::types::limits::KEY_DESCRIPTION_CHARS_MAX;
use crate::types::{KeyId, TenantId, Timestamp};

/// What the kinds of keys are called.
const KINDS: &[(&str, KeyKind)] = &[
    ("instance_access_token_secret", KeyKind::MetorialSecret),
    ("instance_access_token_publishable", KeyKind::MetorialPublishable),
    ("organization_management_token", KeyKind::MetorialManagement),
];

/// Whose keys are listed.
#[derive(Debug, Clone, Copy)]
enum Listed {
    OfInstance,
    OfOrganization,
}

const LISTED: &[(&str, Listed)] = &[
    ("instance_access_token", Listed::OfInstance),
    ("organization_management_token", Listed::OfOrganization),
];

/// A key to be made.
pub(in super::super) fn new_key(fields: &Object<'_>, now: Timestamp) -> Option<NewManagedKey> {
    fields.refuse("id", "is chosen by the server");
    let kind = fields.required("type", &choice(KINDS));
    let owner = match kind {
        Some(KeyKind::MetorialManagement) => {
            fields.refuse("instance_id", "is for keys of an instance");
            Some(KeyOwners::Organization)
        }
        _ => {
            let instance = fields.required("instance_id", &reference(Prefix::Instance));
            instance.map(|id| KeyOwners::Environment(TenantId(id.0)))
        }
    };
    let name = fields.required("name", &Label);
    let description = fields.optional("description", &text_of(0..=KEY_DESCRIPTION_CHARS_MAX));
    let expires_at = fields.optional("expires_at", &time_to_come(now));
    Some(NewManagedKey { kind: kind?, owner: owner?, name: name?, description, expires_at })
}

pub(in super::super) fn key_change(fields: &Object<'_>, now: Timestamp) -> Option<KeyUpdate> {
    Some(KeyUpdate {
        name: fields.present("name", &Label),
        description: fields.nullable("description", &text_of(0..=KEY_DESCRIPTION_CHARS_MAX)),
        expires_at: fields.nullable("expires_at", &time_to_come(now)),
    })
}

/// For how long a secret that is replaced stays good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Rotation {
    pub(in super::super) former_until: Option<Timestamp>,
}

pub(in super::super) fn rotation(fields: &Object<'_>, now: Timestamp) -> Option<Rotation> {
    Some(Rotation { former_until: fields.optional("current_expires_at", &time_to_come(now)) })
}

/// What is asked of the list of keys.
pub(in super::super) fn key_list(fields: &Object<'_>) -> Option<(KeyFilter, PageRequest<KeyId>)> {
    let list = list_filter(fields, Prefix::ApiKey, KeyId);
    let owners = match fields.required("type", &choice(LISTED)) {
        Some(Listed::OfInstance) => {
            let instance = fields.required("instance_id", &reference(Prefix::Instance));
            instance.map(|id| KeyOwners::Environment(TenantId(id.0)))
        }
        Some(Listed::OfOrganization) => Some(KeyOwners::Organization),
        None => None,
    };
    let request = page_of(fields, Prefix::ApiKey, KeyId);
    Some((KeyFilter { list, owners: owners? }, request?))
}

/// A key, with its secret where that is revealed.
pub(in super::super) fn key_body(
    view: &KeyView,
    secret: Option<&str>,
    version: Version,
) -> KeyBody {
    let KeyView { info, organization, environment } = view;
    let deleted_at = info.revoked_at.map(Time);
    let status = if deleted_at.is_some() { DELETED } else { ACTIVE };
    let last_used_at = info.last_used_at.map(Time);
    let (created_at, updated_at) = (Time(info.created_at), Time(info.updated_at));
    let machine_access = MachineAccessBody {
        object: "machine_access",
        id: ids::wire(Prefix::MachineAccess, info.id.0),
        status,
        kind: access_word(info.kind),
        name: info.name.clone(),
        instance: environment.as_ref().map(|view| instance_body(view, version)),
        organization: organization_body(organization),
        actor: Null,
        user: Null,
        deleted_at,
        last_used_at,
        created_at,
        updated_at,
    };
    KeyBody {
        object: "machine_access.api_key",
        id: ids::wire(Prefix::ApiKey, info.id.0),
        status,
        kind: kind_word(info.kind),
        name: info.name.clone(),
        description: info.description.as_deref().map(str::to_owned),
        secret_redacted: info.shown.redacted(info.kind),
        secret: secret.map(str::to_owned),
        ip_filters: [],
        machine_access,
        deleted_at,
        last_used_at,
        expires_at: info.expires_at.map(Time),
        created_at,
        updated_at,
    }
}

/// What the key of an environment is.
pub(in super::super) fn instance_token(kind: KeyKind, view: &EnvironmentView) -> TokenBody {
    let EnvironmentView { tenant, project, organization } = view;
    let (instance_id, project_id) = (tenant.id.0, project.id.0);
    let shown_project = ids::wire(Prefix::Project, project_id);
    TokenBody {
        instance: Some(TokenPart {
            object: "token.instance",
            id: ids::wire(Prefix::Instance, instance_id),
            name: tenant.name.to_string(),
            slug: slug_of(&tenant.name, instance_id),
            project_id: Some(shown_project.clone()),
        }),
        project: Some(TokenPart {
            object: "token.project",
            id: shown_project,
            name: project.name.to_string(),
            slug: slug_of(&project.name, project_id),
            project_id: None,
        }),
        ..management_token(kind, organization)
    }
}

/// What a management key is.
pub(in super::super) fn management_token(kind: KeyKind, organization: &Organization) -> TokenBody {
    TokenBody {
        object: "token",
        kind: kind_word(kind),
        organization: TokenPart {
            object: "token.organization",
            id: ids::wire(Prefix::Organization, organization.id.0),
            name: organization.name.to_string(),
            slug: slug_of(&organization.name, organization.id.0),
            project_id: None,
        },
        instance: None,
        project: None,
        actor: Null,
        member: Null,
        user: Null,
    }
}

/// Empty for kinds of other dialects, which do not come here.
fn kind_word(kind: KeyKind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map(|(word, _)| *word).unwrap_or_default()
}

/// As [`kind_word`], for what a key acts for.
fn access_word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::MetorialSecret => "instance_secret",
        KeyKind::MetorialPublishable => "instance_publishable",
        KeyKind::MetorialManagement => "organization_management",
        KeyKind::Mnemoverse | KeyKind::Tex | KeyKind::Magneteco => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::super::testing::{at, read, read_form, read_query, wrong, wrong_query};
    use super::*;

    const NOW: &str = "2026-05-08T10:00:00Z";

    fn read_new(fields: &Object<'_>) -> Option<NewManagedKey> {
        new_key(fields, at(NOW))
    }

    fn read_change(fields: &Object<'_>) -> Option<KeyUpdate> {
        key_change(fields, at(NOW))
    }

    #[test]
    fn a_key_is_for_an_environment_or_for_the_organization() {
        let id = Uuid::now_v7();
        let instance = ids::wire(Prefix::Instance, id);
        for (word, kind) in [
            ("instance_access_token_secret", KeyKind::MetorialSecret),
            ("instance_access_token_publishable", KeyKind::MetorialPublishable),
        ] {
            let body = json!({
                "type": word, "instance_id": instance, "name": "ci", "description": "d",
                "expires_at": "2026-05-08T10:00:00.001Z",
            });
            let new = read(&body, read_new);
            assert_eq!((new.kind, new.owner), (kind, KeyOwners::Environment(TenantId(id))));
            assert_eq!(new.expires_at, Some(at("2026-05-08T10:00:00.001Z")));
            let form = format!(
                "type={word}&instance_id={instance}&name=ci&description=d\
                 &expires_at=2026-05-08T10:00:00.001Z"
            );
            assert_eq!(format!("{:?}", read_form(&form, read_new)), format!("{new:?}"));
            let without = json!({"type": word, "name": "ci"});
            assert_eq!(wrong(&without, read_new), "422 instance_id:invalid_type");
            let malformed = json!({"type": word, "name": "ci", "instance_id": "ins_x"});
            assert_eq!(wrong(&malformed, read_new), "404 organization.instance");
        }
        let management = json!({"type": "organization_management_token", "name": "ops"});
        let new = read(&management, read_new);
        assert_eq!((new.kind, new.owner), (KeyKind::MetorialManagement, KeyOwners::Organization));
        let of_both = json!({
            "type": "organization_management_token", "name": "ops", "instance_id": instance,
        });
        assert_eq!(wrong(&of_both, read_new), "422 instance_id:invalid_literal");
    }

    #[test]
    fn all_that_is_wrong_with_a_key_is_told() {
        let body = json!({
            "id": "apk_1", "type": "user_auth_token", "name": "", "description": 1,
            "expires_at": NOW,
        });
        assert_eq!(
            wrong(&body, read_new),
            "422 id:invalid_literal type:invalid_enum instance_id:invalid_type \
             name:invalid_min_length description:invalid_type expires_at:invalid_literal"
        );
        let body = json!({"name": null, "description": "x".repeat(1_001), "expires_at": 7});
        assert_eq!(
            wrong(&body, read_change),
            "422 name:invalid_type description:invalid_max_length expires_at:invalid_type"
        );
        let past = json!({"current_expires_at": NOW});
        let wrong_time = wrong(&past, |fields| rotation(fields, at(NOW)));
        assert_eq!(wrong_time, "422 current_expires_at:invalid_literal");
    }

    #[test]
    fn what_a_change_does_not_name_stays_and_null_takes_away() {
        let change = read(&json!({}), read_change);
        assert!(change.name.is_none());
        assert_eq!((change.description, change.expires_at), (None, None));
        let change = read(&json!({"description": null, "expires_at": null}), read_change);
        assert_eq!((change.description, change.expires_at), (Some(None), Some(None)));
        let rotation = read(&json!({}), |fields| rotation(fields, at(NOW)));
        assert_eq!(rotation.former_until, None);
    }

    #[test]
    fn a_list_of_keys_says_whose() {
        let id = Uuid::now_v7();
        let instance = ids::wire(Prefix::Instance, id);
        let query = format!("type=instance_access_token&instance_id={instance}");
        let (filter, _) = read_query(&query, key_list);
        assert_eq!(filter.owners, KeyOwners::Environment(TenantId(id)));
        let (filter, _) = read_query("type=organization_management_token", key_list);
        assert_eq!(filter.owners, KeyOwners::Organization);
        for (query, told) in [
            ("", "422 type:invalid_type"),
            ("type=everything", "422 type:invalid_enum"),
            ("type=instance_access_token", "422 instance_id:invalid_type"),
            ("type=instance_access_token&instance_id=ins_x", "404 organization.instance"),
        ] {
            assert_eq!(wrong_query(query, key_list), told, "{query}");
        }
    }
}
