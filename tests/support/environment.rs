//! Environments of the metorial dialect: tenants with a secret and a publishable key.

use hebbd::actors::placement::choose_shard;
use hebbd::control::environments::{self as tenants, EnvironmentKind};
use hebbd::control::keys::{KeyKind, KeyOrder, KeyOwner};
use hebbd::control::tenants::NewTenant;
use hebbd::types::{OrganizationId, ProjectId, TenantId};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::TestServer;

/// What is behind the prefix of an id that nothing ever has, though something could.
pub(crate) const MADE_UP: &str = "0mb2k7x1q0Ab3dEf5hIj7k";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Debug, Clone)]
pub(crate) struct Environment {
    pub(crate) tenant: TenantId,
    /// A secret key.
    pub(crate) key: String,
    pub(crate) public_key: String,
    /// The ids of what it is in.
    pub(crate) project: String,
    pub(crate) organization: String,
    owner: OrganizationId,
}

impl Environment {
    /// In the oldest project.
    pub(crate) fn new(server: &TestServer, is_development: bool) -> Self {
        Self::within(server, None, is_development)
    }

    /// The only one of an organization of its own.
    pub(crate) fn alone(server: &TestServer) -> Self {
        let organization = server.directory.create_organization("test").unwrap().id;
        let project = server.directory.create_project(organization, "test").unwrap().id;
        Self::within(server, Some(project), false)
    }

    /// One that has keys of other dialects already.
    pub(crate) fn of(server: &TestServer, tenant: TenantId) -> Self {
        let key = |kind| server.new_key_of_kind(tenant, kind).secret.expose_secret().to_owned();
        let (key, public_key) = (key(KeyKind::MetorialSecret), key(KeyKind::MetorialPublishable));
        let project = server.directory.get_tenant(tenant).unwrap().project;
        let organization = server.directory.get_project(project).unwrap().organization;
        let (owner, project) = (organization, wire("prj", project.0));
        Self { tenant, key, public_key, project, organization: wire("org", organization.0), owner }
    }

    fn within(server: &TestServer, project: Option<ProjectId>, is_development: bool) -> Self {
        let kind = match is_development {
            true => EnvironmentKind::Development,
            false => EnvironmentKind::Production,
        };
        let environment = tenants::Environment { kind, ..tenants::Environment::default() };
        let new = NewTenant { project, environment, ..NewTenant::named("test", "local") };
        let shards = server.registry.shards().for_new_tenants();
        let place = |id| choose_shard(id, &shards).unwrap();
        Self::of(server, server.directory.add_tenant(&new, place).unwrap().id)
    }

    /// As it is called on the wire.
    pub(crate) fn id(&self) -> String {
        wire("ins", self.tenant.0)
    }

    /// A fresh key for its organization.
    pub(crate) fn management_key_of(&self, server: &TestServer) -> String {
        management_key(server, self.owner)
    }

    /// A fresh key for the oldest organization.
    pub(crate) fn management_key(server: &TestServer) -> String {
        management_key(server, server.directory.organizations().first().unwrap().id)
    }
}

fn management_key(server: &TestServer, organization: OrganizationId) -> String {
    let order = KeyOrder {
        owner: KeyOwner::Organization(organization),
        kind: KeyKind::MetorialManagement,
        name: "test".to_owned(),
        description: None,
        scopes: None,
        expires_at: None,
    };
    server.directory.create_key(order).unwrap().secret.expose_secret().to_owned()
}

/// An upload as the metorial dialect takes it: its media type and its bytes.
pub(crate) fn upload(
    purpose: &str,
    title: &str,
    file_name: &str,
    content: &str,
) -> (String, String) {
    let boundary = "----the-boundary-of-a-test";
    let head =
        |rest: &str| format!("--{boundary}\r\nContent-Disposition: form-data; name={rest}\r\n\r\n");
    let body = [
        head("\"purpose\"") + purpose,
        head("\"title\"") + title,
        head(&format!("\"file\"; filename=\"{file_name}\"\r\nContent-Type: text/plain")) + content,
        format!("--{boundary}--\r\n"),
    ];
    (format!("multipart/form-data; boundary={boundary}"), body.join("\r\n"))
}

/// How an id of version 7 is written: nine digits of its time in base 36, thirteen of what is random
/// in base 62.
pub(crate) fn wire(prefix: &str, id: Uuid) -> String {
    let bits = id.as_u128();
    let random = (((bits >> 64) & 0xfff) << 62) | (bits & ((1 << 62) - 1));
    let digits = |mut number: u128, base: u128, count: usize| {
        let mut text = vec![b'0'; count];
        for digit in text.iter_mut().rev() {
            *digit = DIGITS[usize::try_from(number % base).unwrap()];
            number /= base;
        }
        assert_eq!(number, 0, "more digits than {count}");
        String::from_utf8(text).unwrap()
    };
    let time = digits(bits >> 80, 36, 9).to_ascii_lowercase();
    format!("{prefix}_{time}{}", digits(random, 62, 13))
}
