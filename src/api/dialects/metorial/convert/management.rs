//! Projects and environments, from the wire and back.

use uuid::Uuid;

use super::super::fields::{Kind, Object, Place, Value, Wrong, choice, own_id, reference, text_of};
use super::super::ids::{self, Prefix};
use super::super::paging::page;
use super::super::version::{Version, alias};
use super::super::wire::{InstanceBody, OrganizationBody, ProjectBody, Time};
use super::DELETED;
use crate::control::environments::{Environment, EnvironmentKind};
use crate::control::organizations::{Organization, Project};
use crate::service::PageRequest;
use crate::service::management::{
    EnvironmentFilter, EnvironmentUpdate, EnvironmentView, ListFilter, NewEnvironment,
};
use crate::types::limits::LABEL_CHARS_MAX;
use crate::types::{ProjectId, TenantId};

const KINDS: &[(&str, EnvironmentKind)] = &[
    (EnvironmentKind::Development.as_str(), EnvironmentKind::Development),
    (EnvironmentKind::Production.as_str(), EnvironmentKind::Production),
];

const VERSIONS: &[(&str, Version)] = &[
    (Version::V2025.as_str(), Version::V2025),
    (Version::V2026.as_str(), Version::V2026),
    (alias(Version::V2025), Version::V2025),
    (alias(Version::V2026), Version::V2026),
];

/// The status of what is there.
pub(super) const ACTIVE: &str = "active";

/// Characters in a slug.
const SLUG_CHARS_MAX: usize = 64;

/// The name of a project to be made.
pub(in super::super) fn new_project(fields: &Object<'_>) -> Option<String> {
    fields.refuse("id", "is chosen by the server");
    fields.required("name", &Label)
}

/// What is to be changed of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ProjectChange {
    pub(in super::super) name: Option<String>,
}

pub(in super::super) fn project_change(fields: &Object<'_>) -> Option<ProjectChange> {
    Some(ProjectChange { name: fields.present("name", &Label) })
}

/// What is asked of the list of projects.
pub(in super::super) fn project_list(
    fields: &Object<'_>,
) -> Option<(ListFilter<ProjectId>, PageRequest<ProjectId>)> {
    let filter = list_filter(fields, Prefix::Project, ProjectId);
    Some((filter, page_of(fields, Prefix::Project, ProjectId)?))
}

/// An environment to be made, on this plan.
pub(in super::super) fn new_instance(fields: &Object<'_>, plan: &str) -> Option<NewEnvironment> {
    fields.refuse("id", "is chosen by the server");
    let name = fields.required("name", &Label);
    let kind = fields.required("type", &choice(KINDS));
    let project = fields.required("project_id", &reference(Prefix::Project));
    let api_version = fields.optional("default_api_version", &choice(VERSIONS));
    Some(NewEnvironment {
        name: name?,
        project: ProjectId(project?.0),
        plan: plan.to_owned(),
        environment: Environment { kind: kind?, api_version: api_version.unwrap_or_default() },
    })
}

pub(in super::super) fn instance_change(fields: &Object<'_>) -> Option<EnvironmentUpdate> {
    Some(EnvironmentUpdate {
        name: fields.present("name", &Label),
        api_version: fields.present("default_api_version", &choice(VERSIONS)),
    })
}

/// What is asked of the list of environments.
pub(in super::super) fn instance_list(
    fields: &Object<'_>,
) -> Option<(EnvironmentFilter, PageRequest<TenantId>)> {
    let projects = fields.filter("project_id", &own_id(Prefix::Project));
    let projects = projects.map(|ids| ids.into_iter().flatten().map(|id| ProjectId(id.0)));
    let filter = EnvironmentFilter {
        list: list_filter(fields, Prefix::Instance, TenantId),
        projects: projects.map(Iterator::collect),
    };
    Some((filter, page_of(fields, Prefix::Instance, TenantId)?))
}

/// What every list takes. An id that nothing can have matches nothing.
pub(super) fn list_filter<I>(
    fields: &Object<'_>,
    prefix: Prefix,
    id: impl Fn(Uuid) -> I,
) -> ListFilter<I> {
    let ids = fields.filter("id", &own_id(prefix));
    ListFilter {
        ids: ids.map(|ids| ids.into_iter().flatten().map(|found| id(found.0)).collect()),
        created: fields.time_range("created_at"),
        updated: fields.time_range("updated_at"),
    }
}

pub(super) fn page_of<I>(
    fields: &Object<'_>,
    prefix: Prefix,
    id: impl Fn(Uuid) -> I,
) -> Option<PageRequest<I>> {
    page(fields, |text| ids::parse(prefix, text).map(&id))
}

/// A name for people: some of it no blank, and on one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label;

impl Kind for Label {
    type Output = String;

    fn expected(&self) -> &'static str {
        "string"
    }

    fn read(&self, value: Value<'_>, place: &Place<'_>) -> Option<String> {
        let text = text_of(1..=LABEL_CHARS_MAX).read(value, place)?;
        let wrong = match text.trim() {
            "" => Wrong::TooShort(1),
            _ if text.chars().any(char::is_control) => {
                Wrong::Pattern("must not hold control characters, such as a line end".into())
            }
            trimmed => return Some(trimmed.to_owned()),
        };
        place.add(wrong);
        None
    }
}

pub(super) fn organization_body(organization: &Organization) -> OrganizationBody {
    OrganizationBody {
        object: "organization",
        id: ids::wire(Prefix::Organization, organization.id.0),
        status: ACTIVE,
        slug: slug_of(&organization.name, organization.id.0),
        name: organization.name.to_string(),
        created_at: Time(organization.created_at),
        updated_at: Time(organization.created_at),
    }
}

pub(in super::super) fn project_body(project: &Project) -> ProjectBody {
    ProjectBody {
        object: "organization.project",
        id: ids::wire(Prefix::Project, project.id.0),
        status: ACTIVE,
        slug: slug_of(&project.name, project.id.0),
        name: project.name.to_string(),
        organization_id: ids::wire(Prefix::Organization, project.organization.0),
        created_at: Time(project.created_at),
        updated_at: Time(project.updated_at),
    }
}

/// One that has just been deleted.
pub(in super::super) fn deleted_project_body(project: &Project) -> ProjectBody {
    ProjectBody { status: DELETED, ..project_body(project) }
}

pub(in super::super) fn instance_body(view: &EnvironmentView, version: Version) -> InstanceBody {
    let EnvironmentView { tenant, project, organization } = view;
    InstanceBody {
        object: "organization.instance",
        id: ids::wire(Prefix::Instance, tenant.id.0),
        status: (version == Version::V2025).then_some(ACTIVE),
        slug: slug_of(&tenant.name, tenant.id.0),
        name: tenant.name.to_string(),
        kind: tenant.environment.kind.as_str(),
        organization_id: ids::wire(Prefix::Organization, organization.id.0),
        project: project_body(project),
        default_api_version: tenant.environment.api_version.as_str(),
        created_at: Time(tenant.created_at),
        updated_at: Time(tenant.updated_at),
    }
}

/// One that has just been deleted, which shows where there is a status.
pub(in super::super) fn deleted_instance_body(
    view: &EnvironmentView,
    version: Version,
) -> InstanceBody {
    let body = instance_body(view, version);
    InstanceBody { status: body.status.map(|_| DELETED), ..body }
}

/// A name as a part of an address: its letters and digits in lower case, and a hyphen for all that
/// stands between them. Of a name that has none, the id.
pub(super) fn slug_of(name: &str, id: Uuid) -> String {
    let lower_case = |word: &str| word.to_ascii_lowercase();
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(lower_case).collect();
    let mut slug = words.join("-");
    slug.truncate(SLUG_CHARS_MAX);
    match slug.trim_end_matches('-') {
        "" => ids::body(id).to_ascii_lowercase(),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{at, read, read_form, read_query, wrong, wrong_query};
    use super::*;
    use crate::types::OrganizationId;

    fn project() -> Project {
        Project {
            id: ProjectId(Uuid::now_v7()),
            organization: OrganizationId(Uuid::now_v7()),
            name: "Web Shop".into(),
            created_at: at("2026-05-08T10:00:00Z"),
            updated_at: at("2026-05-08T10:00:01.5Z"),
        }
    }

    #[test]
    fn a_project_is_shown_with_whose_it_is() {
        let project = project();
        let mut expected = json!({
            "object": "organization.project", "id": ids::wire(Prefix::Project, project.id.0),
            "status": "active", "slug": "web-shop", "name": "Web Shop",
            "organization_id": ids::wire(Prefix::Organization, project.organization.0),
            "created_at": "2026-05-08T10:00:00.000Z", "updated_at": "2026-05-08T10:00:01.500Z",
        });
        assert_eq!(serde_json::to_value(project_body(&project)).unwrap(), expected);
        expected["status"] = json!("deleted");
        assert_eq!(serde_json::to_value(deleted_project_body(&project)).unwrap(), expected);
    }

    #[test]
    fn a_slug_is_what_a_name_has_of_letters_and_digits() {
        let id = Uuid::now_v7();
        for (name, slug) in [
            ("Web Shop", "web-shop"),
            ("--a__B!9--", "a-b-9"),
            ("caf\u{e9} noir", "caf-noir"),
            (&"x".repeat(80), &"x".repeat(64)),
            (&format!("{} y", "x".repeat(63)), &"x".repeat(63)),
        ] {
            assert_eq!(slug_of(name, id), slug, "{name}");
        }
        let of_nothing = slug_of("\u{65e5}\u{672c}", id);
        assert_eq!(of_nothing, ids::body(id).to_lowercase());
    }

    #[test]
    fn forms_and_json_make_the_same_environment() {
        let project = ids::wire(Prefix::Project, Uuid::now_v7());
        let body = json!({"name": " dev ", "type": "development", "project_id": project});
        let read_new = |fields: &Object<'_>| new_instance(fields, "pro");
        let new = read(&body, read_new);
        assert_eq!((&*new.name, &*new.plan), ("dev", "pro"));
        assert_eq!(new.environment.kind, EnvironmentKind::Development);
        assert_eq!(new.environment.api_version, Version::V2025);
        let form = format!("name=+dev+&type=development&project_id={project}");
        assert_eq!(format!("{:?}", read_form(&form, read_new)), format!("{new:?}"));
        for version in ["2026-01-01", "2026-01-01-magnetar"] {
            let mut body = body.clone();
            body["default_api_version"] = json!(version);
            assert_eq!(read(&body, read_new).environment.api_version, Version::V2026);
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_name_a_type_or_a_version_is_told() {
        let read_new = |fields: &Object<'_>| new_instance(fields, "pro");
        assert_eq!(
            wrong(&json!({"id": "x", "type": "staging", "default_api_version": "2024"}), read_new),
            "422 id:invalid_literal name:invalid_type type:invalid_enum \
             project_id:invalid_type default_api_version:invalid_enum"
        );
        let body = json!({"name": "x", "type": "production", "project_id": "prj_1"});
        assert_eq!(wrong(&body, read_new), "404 organization.project");
        for (name, code) in [
            (json!(""), "invalid_min_length"),
            (json!(" \t"), "invalid_min_length"),
            (json!("a\nb"), "invalid_regex"),
            (json!("x".repeat(201)), "invalid_max_length"),
            (Value::Null, "invalid_type"),
        ] {
            let body = json!({"name": name});
            assert_eq!(wrong(&body, new_project), format!("422 name:{code}"), "{name}");
            assert_eq!(wrong(&body, project_change), format!("422 name:{code}"), "{name}");
            assert_eq!(wrong(&body, instance_change), format!("422 name:{code}"), "{name}");
        }
        assert_eq!(read(&json!({}), project_change), ProjectChange { name: None });
    }

    #[test]
    fn lists_are_filtered_by_ids_of_their_kind_and_by_project() {
        let (id, project) = (Uuid::now_v7(), Uuid::now_v7());
        let (shown, of) = (ids::wire(Prefix::Instance, id), ids::wire(Prefix::Project, project));
        let query = format!("id={shown}&id=prj_x&project_id={of}&limit=3");
        let (filter, request) = read_query(&query, instance_list);
        assert_eq!(filter.list.ids, Some(vec![TenantId(id)]));
        assert_eq!((filter.projects, request.limit), (Some(vec![ProjectId(project)]), 3));
        let (filter, _) = read_query("", instance_list);
        assert_eq!((filter.list.ids, filter.projects), (None, None));
        let (filter, _) = read_query(&format!("id={shown}"), project_list);
        assert_eq!(filter.ids, Some(Vec::new()), "an id of another kind");
        assert_eq!(wrong_query(&format!("after={shown}"), project_list), "400");
        assert_eq!(wrong_query("limit=0", project_list), "422 limit:invalid_min");
    }
}
