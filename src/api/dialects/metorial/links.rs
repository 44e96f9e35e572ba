//! Where files are read by whoever has a link to one: the only addresses that need no key.

use actix_web::HttpRequest;
use actix_web::http::header;

use super::MetorialSettings;
use super::ids::{self, Prefix};
use crate::api::extract::client_ip::{TrustedProxies, came_over_tls};
use crate::service::FileLink;
use crate::types::{RecordId, TenantId};

/// Spells links of one environment as the client of one request reaches them.
#[derive(Debug)]
pub(super) struct LinkUrls {
    /// Scheme and host; `None` where links are not followed.
    origin: Option<String>,
    tenant: TenantId,
}

impl LinkUrls {
    pub(super) fn of(
        request: &HttpRequest,
        trusted: &TrustedProxies,
        settings: &MetorialSettings,
        tenant: TenantId,
    ) -> Self {
        let configured = settings.public_url.as_deref().map(|url| url.trim_end_matches('/'));
        let origin = || configured.map_or_else(|| origin(request, trusted), str::to_owned);
        Self { origin: settings.public_links.then(origin), tenant }
    }

    /// Names the environment too, so that it is found without a key.
    pub(super) fn url(&self, link: &FileLink) -> Option<String> {
        let origin = self.origin.as_ref()?;
        let (id, tenant) = (ids::wire(Prefix::FileLink, link.id.0), ids::body(self.tenant.0));
        Some(format!("{origin}/files/retrieve/{id}/{tenant}{}", link.secret))
    }
}

/// What the two last segments of an address say: the environment, the link, and what its reader
/// knows. `None` for what [`LinkUrls`] does not spell.
pub(super) fn parse<'a>(id: &str, token: &'a str) -> Option<(TenantId, RecordId, &'a str)> {
    let (tenant, secret) = token.split_at_checked(ids::BODY_CHARS)?;
    Some((TenantId(ids::parse_body(tenant)?), ids::record(Prefix::FileLink, id)?, secret))
}

/// As the client itself wrote it.
fn origin(request: &HttpRequest, trusted: &TrustedProxies) -> String {
    let scheme = match came_over_tls(request.peer_addr(), request.headers(), trusted) {
        true => "https",
        false => "http",
    };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = || request.uri().authority().map(|authority| authority.as_str());
    let host = host.or_else(authority).unwrap_or_else(|| request.app_config().host());
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use uuid::Uuid;

    use super::*;
    use crate::types::Timestamp;

    fn link() -> FileLink {
        let at = Timestamp::parse("2026-05-08T10:00:00Z").unwrap();
        FileLink {
            id: RecordId(Uuid::now_v7()),
            file: RecordId(Uuid::now_v7()),
            secret: "s".repeat(43),
            created_at: at,
            updated_at: at,
            expires_at: None,
        }
    }

    #[test]
    fn a_link_leads_back_to_where_its_reader_came_from() {
        let (tenant, link) = (TenantId(Uuid::now_v7()), link());
        let request = TestRequest::get()
            .peer_addr("10.0.0.5:80".parse().unwrap())
            .insert_header((header::HOST, "memory.example:8443"))
            .insert_header(("x-forwarded-proto", "https"))
            .to_http_request();
        let path = format!(
            "memory.example:8443/files/retrieve/{}/{}{}",
            ids::wire(Prefix::FileLink, link.id.0),
            ids::body(tenant.0),
            link.secret,
        );
        for (proxies, scheme) in [(&["10.0.0.0/8"][..], "https"), (&[], "http")] {
            let trusted = TrustedProxies::parse(proxies).unwrap();
            let urls = LinkUrls::of(&request, &trusted, &MetorialSettings::default(), tenant);
            assert_eq!(urls.url(&link), Some(format!("{scheme}://{path}")));
        }
    }

    #[test]
    fn the_operator_may_say_where_links_lead_and_an_address_is_taken_apart_again() {
        let (tenant, link) = (TenantId(Uuid::now_v7()), link());
        let request = TestRequest::get().insert_header((header::HOST, "inside")).to_http_request();
        let public_url = Some("https://memory.example/kept/".to_owned());
        let settings = MetorialSettings { public_url, ..MetorialSettings::default() };
        let urls = LinkUrls::of(&request, &TrustedProxies::default(), &settings, tenant);
        let url = urls.url(&link).unwrap();
        let path = url.strip_prefix("https://memory.example/kept/files/retrieve/").unwrap();
        let (id, token) = path.split_once('/').unwrap();
        assert_eq!(parse(id, token), Some((tenant, link.id, link.secret.as_str())));
        for (id, token) in [
            (id, "short"),
            (id, ""),
            (id, "\u{20ac}".repeat(30).as_str()),
            ("file_0000000000000000000000", token),
            ("", token),
        ] {
            assert_eq!(parse(id, token), None, "{id} {token}");
        }
    }

    #[test]
    fn links_that_are_not_followed_have_no_address() {
        let settings = MetorialSettings { public_links: false, ..MetorialSettings::default() };
        let request = TestRequest::get().to_http_request();
        let trusted = TrustedProxies::default();
        let urls = LinkUrls::of(&request, &trusted, &settings, TenantId(Uuid::now_v7()));
        assert_eq!(urls.url(&link()), None);
    }
}
