//! Reading a file through a link: the one way to content that takes no key. Whatever the file is,
//! no browser runs it on this origin. Every refusal has the same body, so that nothing is learned of
//! links that are not one's own.

use actix_files::NamedFile;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, CONTENT_SECURITY_POLICY, CONTENT_TYPE, Charset, ContentDisposition, DispositionParam,
    DispositionType, ExtendedValue, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::super::error::ApiError;
use super::super::ids::Prefix;
use super::super::links;
use super::Reply;
use crate::api::extract::{PathSegment, RequestDeadline};
use crate::api::state::ApiState;
use crate::service::OpenedFile;

/// Also a part of it, where one is asked for.
pub(in super::super) async fn retrieve(
    state: Data<ApiState>,
    request: HttpRequest,
    deadline: RequestDeadline,
) -> Reply {
    if !state.metorial.settings.public_links {
        return Err(ApiError::no_endpoint());
    }
    let path = request.uri().path();
    let (id, token) = (PathSegment::from_end(path, 1), PathSegment::of_path(path));
    let asked = id.text().zip(token.text());
    let opened = match asked.and_then(|(id, token)| links::parse(id, token)) {
        Some((tenant, link, secret)) => {
            state.metorial.platform.open_link(tenant, deadline.0, link, secret).await?
        }
        None => None,
    };
    match opened {
        Some(opened) => show(opened, &request),
        None => Err(ApiError::not_found(Prefix::FileLink.entity(), None)),
    }
}

fn show(opened: OpenedFile, request: &HttpRequest) -> Reply {
    let OpenedFile { file, bytes, path } = opened;
    let named = NamedFile::from_file(bytes, path).map_err(|error| {
        tracing::error!(error = %error, "a file could not be read");
        ApiError::internal()
    })?;
    let named = named.set_content_disposition(as_attachment(&file.file_name));
    Ok(protected(named.into_response(request), &file.media_type))
}

fn protected(mut response: HttpResponse, media_type: &str) -> HttpResponse {
    let has_content = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    let headers = response.headers_mut();
    if let Ok(media_type) = HeaderValue::from_str(media_type)
        && has_content
    {
        headers.insert(CONTENT_TYPE, media_type);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// To be saved under its name: in a form for every client, and where that lacks something in
/// another one with all of it.
fn as_attachment(file_name: &str) -> ContentDisposition {
    let is_plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%');
    let plain: String = file_name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut parameters = Vec::with_capacity(2);
    if plain != file_name {
        parameters.push(DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: file_name.as_bytes().to_owned(),
        }));
    }
    parameters.insert(0, DispositionParam::Filename(plain));
    ContentDisposition { disposition: DispositionType::Attachment, parameters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_not_every_client_reads_is_sent_in_two_forms() {
        for (name, expected) in [
            ("a b.md", "attachment; filename=\"a b.md\""),
            (
                "\u{20ac} 50%.md",
                "attachment; filename=\"_ 50_.md\"; filename*=UTF-8''%E2%82%AC%2050%25.md",
            ),
            ("a\"b.md", "attachment; filename=\"a_b.md\"; filename*=UTF-8''a%22b.md"),
        ] {
            assert_eq!(as_attachment(name).to_string(), expected);
        }
    }
}
