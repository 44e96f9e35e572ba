//! Who the callers of a case are: fresh tenants, and what they show to be let in.

use hebbd::control::keys::KeyKind;
use hebbd::types::{KeyId, TenantId};
use reqwest::RequestBuilder;
use secrecy::ExposeSecret;
use serde_json::json;

use super::template::Names;
use super::{Answer, client};
use crate::support::environment::{Environment, MADE_UP};
use crate::support::{Member, TestApp, TestServer};

/// How a dialect's callers are made and show who they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Callers {
    /// With a key in `X-Api-Key`, known to cases as `${key.a}`.
    Keys,
    /// With an access token as bearer, known as `${token.a}`; beside it what else an
    /// [`Organization`] has: `${refresh.a}`, `${api_key.a}`, from which both came, `${key_id.a}`,
    /// `${user.a}` and `${org.a}`.
    Tokens,
    /// With an app's key as bearer, known as `${key.a}`; beside it `${app.a}`, the app's name (`test`
    /// that of `a`), and
    /// `${new_key.a}`, a key that may do what new keys may.
    Apps,
    /// With a session in a cookie, known as `${session.a}`; beside it what else a [`Member`] has:
    /// `${user.a}`, the id, `${username.a}`, `${password.a}` and `${hash.a}`. `admin` is one who
    /// may sign up others.
    Sessions,
    /// With an environment's secret key as bearer, known as `${key.a}`, or with its publishable one:
    /// `a.public`, `${public.a}`. `dev` is a development environment, the others are for production.
    /// Beside them `${ins.a}`, the environment's id, `${prj}` and `${org}`, those of their project
    /// and organization, and `${none}`, which no id ends in. `manager` has a management key.
    Environments,
}

/// The caller of a case who manages what there is, where there is such.
const MANAGER: &str = "manager";

/// The caller of a case who is an admin, where there are such.
const ADMIN: &str = "admin";

impl Callers {
    /// Whom each case has.
    pub(super) fn letters(self) -> &'static [&'static str] {
        match self {
            Self::Keys | Self::Tokens | Self::Apps => &["a", "b"],
            Self::Sessions => &["a", "b", ADMIN],
            Self::Environments => &["a", "b", "dev", MANAGER],
        }
    }

    /// A fresh tenant, by the name of a letter.
    pub(super) async fn make(
        self,
        letter: &str,
        plan: Option<&str>,
        server: &TestServer,
        names: &mut Names,
    ) -> Result<(), String> {
        let mut name = |what: &str, value: String| names.insert(&format!("{what}.{letter}"), value);
        match self {
            Self::Keys => {
                let key = server.new_tenant_key_with_plan(plan.unwrap_or("local")).await;
                name("key", key);
            }
            Self::Tokens => {
                let organization = Organization::new(server, plan.unwrap_or("tex-free")).await?;
                name("org", organization.handle);
                name("user", organization.user);
                name("key_id", organization.key_id.to_string());
                name("api_key", organization.api_key);
                name("token", organization.token);
                name("refresh", organization.refresh);
            }
            Self::Apps => {
                let app_name = if letter == "a" { "test" } else { "other" };
                let app = TestApp::new(server, app_name, plan.unwrap_or("local"));
                name("new_key", TestApp::key_with(server, app.tenant, None));
                name("app", app.id);
                name("key", app.key);
            }
            Self::Sessions => {
                let is_admin = letter == ADMIN;
                let member = Member::new(server, plan.unwrap_or("metacogna"), is_admin);
                name("user", member.id.to_string());
                name("username", member.username);
                name("password", member.password);
                name("hash", member.hash);
                name("session", member.session);
            }
            Self::Environments if letter == MANAGER => {
                name("key", Environment::management_key(server));
            }
            Self::Environments => {
                let environment = Environment::new(server, letter == "dev");
                name("ins", environment.id());
                name("key", environment.key);
                name("public", environment.public_key);
                names.insert("org", environment.organization);
                names.insert("prj", environment.project);
                names.insert("none", MADE_UP.to_owned());
            }
        }
        Ok(())
    }

    /// The request with what shows who sends it.
    pub(super) fn show(
        self,
        request: RequestBuilder,
        letter: &str,
        names: &Names,
    ) -> Result<RequestBuilder, String> {
        let named = |what: &str| names.fill(&format!("${{{what}.{letter}}}"));
        Ok(match self {
            Self::Keys => request.header("X-Api-Key", named("key")?),
            Self::Tokens => request.bearer_auth(named("token")?),
            Self::Apps => request.bearer_auth(named("key")?),
            Self::Sessions => {
                request.header("Cookie", format!("pratejra_session={}", named("session")?))
            }
            Self::Environments => request.bearer_auth(match letter.strip_suffix(".public") {
                Some(letter) => names.fill(&format!("${{public.{letter}}}"))?,
                None => named("key")?,
            }),
        })
    }
}

/// A tenant with a tex key, and the tokens the key was exchanged for.
#[derive(Debug, Clone)]
pub(crate) struct Organization {
    pub(crate) tenant: TenantId,
    /// Its name, `org_id` on the wire.
    pub(crate) handle: String,
    pub(crate) key_id: KeyId,
    pub(crate) api_key: String,
    /// As whom the key speaks.
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

impl Organization {
    pub(crate) async fn new(server: &TestServer, plan: &str) -> Result<Self, String> {
        let tenant = server.new_tenant(plan);
        let key = server.new_key_of_kind(tenant, KeyKind::Tex);
        let api_key = key.secret.expose_secret().to_owned();
        let target = "/auth/token-exchange";
        let request = client().post(format!("{}{target}", server.base_url));
        let body = json!({"api_key": api_key}).to_string();
        let answer = Answer::to(request.body(body), target).await?;
        let token = |name: &str| {
            let token = answer.json.as_ref().and_then(|json| json[name].as_str());
            token.map(str::to_owned).ok_or_else(|| format!("a key gives no {name}: {answer:?}"))
        };
        Ok(Self {
            tenant,
            handle: server.directory.get_tenant(tenant).unwrap().public_handle(),
            user: format!("apikey_{}", &key.info.id.to_string()[..8]),
            key_id: key.info.id,
            token: token("access_token")?,
            refresh: token("refresh_token")?,
            api_key,
        })
    }
}
