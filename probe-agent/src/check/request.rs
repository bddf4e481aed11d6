//! What is sent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri, Version};
use http_body_util::Full;
use url::{Position, Url};
use vigilmon_common::monitor::HttpSpec;
use vigilmon_common::outcome::ReasonCode;
use vigilmon_common::redact;

use super::failure::Failure;
use super::redirect::Hop;

/// The request of a hop, as HTTP/1.1 or HTTP/2 wants it.
pub(super) fn build(
    spec: &HttpSpec,
    hop: &Hop,
    version: Version,
    user_agent: &str,
) -> Result<Request<Full<Bytes>>, Failure> {
    let mut headers = HeaderMap::with_capacity(8 + spec.headers.len());
    headers.insert(header::USER_AGENT, value(user_agent)?);
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    if hop.with_credentials {
        authorize(spec, &mut headers)?;
    }
    own_headers(spec, hop, &mut headers)?;
    let uri = if version == Version::HTTP_2 {
        absolute(&hop.url, headers.remove(header::HOST))?
    } else {
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, value(authority(&hop.url))?);
        }
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        uri(&hop.url[Position::BeforePath..Position::AfterQuery])?
    };
    let body = spec.body.as_ref().filter(|_| hop.with_body);
    let body = body.map(|body| Full::new(Bytes::from(body.clone())));
    let mut request = Request::new(body.unwrap_or_default());
    *request.method_mut() = method(&hop.method)?;
    *request.uri_mut() = uri;
    *request.version_mut() = version;
    *request.headers_mut() = headers;
    Ok(request)
}

fn authorize(spec: &HttpSpec, headers: &mut HeaderMap) -> Result<(), Failure> {
    let authorization = if let Some(basic) = &spec.basic {
        let pair = format!("{}:{}", basic.user, basic.password.expose());
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    } else if let Some(bearer) = &spec.bearer {
        format!("Bearer {}", bearer.expose())
    } else {
        return Ok(());
    };
    let mut authorization = value(&authorization)?;
    authorization.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, authorization);
    Ok(())
}

/// The monitor's headers take the place of ours; one given twice is sent twice.
fn own_headers(spec: &HttpSpec, hop: &Hop, headers: &mut HeaderMap) -> Result<(), Failure> {
    let mut replaced: Vec<HeaderName> = Vec::new();
    for own in &spec.headers {
        let bound_to_origin = own.name == "host" || redact::is_secret_header(&own.name);
        let about_body = own.name.starts_with("content-");
        let stays = (bound_to_origin && !hop.with_credentials)
            || (about_body && spec.body.is_some() && !hop.with_body);
        if stays {
            continue;
        }
        let name = HeaderName::from_bytes(own.name.as_bytes()).map_err(|_| unsendable("header"))?;
        if !replaced.contains(&name) {
            headers.remove(&name);
            replaced.push(name.clone());
        }
        headers.append(name, value(&own.value)?);
    }
    Ok(())
}

fn absolute(url: &Url, host: Option<HeaderValue>) -> Result<Uri, Failure> {
    let host = host.as_ref().and_then(|host| host.to_str().ok());
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let host = host.unwrap_or_else(|| authority(url));
    uri(&format!("{}://{host}{path}", url.scheme()))
}

/// Host and port, the port only if it is not the scheme's own.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

fn uri(text: &str) -> Result<Uri, Failure> {
    Uri::try_from(text).map_err(|_| unsendable("URL"))
}

fn method(text: &str) -> Result<Method, Failure> {
    match text {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        other => Method::from_bytes(other.as_bytes()).map_err(|_| unsendable("method")),
    }
}

fn value(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| unsendable("header"))
}

/// Specifications are checked when they are made, so this says that ours was not strict enough.
fn unsendable(what: &str) -> Failure {
    let text = format!("the {what} cannot be sent over HTTP");
    Failure::ours(ReasonCode::AgentCapability, text)
}
