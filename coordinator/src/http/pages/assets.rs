//! Styles and scripts, compiled in.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::failed;
use crate::token;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    tag: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    const CSS: &str = "text/css; charset=utf-8";
    const JS: &str = "text/javascript; charset=utf-8";
    let all = [
        ("pages.css", CSS, include_str!("../../../assets/pages.css")),
        ("pages.js", JS, include_str!("../../../assets/pages.js")),
        ("morph.js", JS, include_str!("../../../assets/morph.js")),
        ("times.js", JS, include_str!("../../../assets/times.js")),
        ("enter.js", JS, include_str!("../../../assets/enter.js")),
        (
            "icon.svg",
            "image/svg+xml",
            include_str!("../../../assets/icon.svg"),
        ),
    ];
    let asset = |(name, kind, text)| {
        let digest = token::digest(text);
        let tag: String = digest[..8].iter().map(|b| format!("{b:02x}")).collect();
        let tag = format!("\"{tag}\"");
        Asset {
            name,
            kind,
            text,
            tag,
        }
    };
    all.into_iter().map(asset).collect()
});

/// One of them.
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return failed(StatusCode::NOT_FOUND, "there is no such file");
    };
    let known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|tag| *tag == asset.tag);
    // Asked for again each time, and sent when it changed: an upgrade shows at once.
    let caching = [(CACHE_CONTROL, "no-cache"), (ETAG, asset.tag.as_str())];
    if known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(CONTENT_TYPE, asset.kind)], asset.text).into_response()
}
