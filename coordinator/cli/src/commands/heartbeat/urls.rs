//! Ping URLs: another one for a heartbeat, and the key of those by slug.

use serde_json::json;
use tonic::Code;
use vigilmon_proto::{convert, v1};

use super::super::done;
use super::{KeyArgs, RotateArgs, show};
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// What is known of a heartbeat's ping URL.
pub(super) enum Seen {
    /// The URL.
    Url(v1::PingUrl),
    /// The token may not see it.
    Hidden,
    /// The coordinator cannot open what it sealed; why, and the remedy.
    Unreadable(Failure),
}

/// A heartbeat's ping URL, as far as it can be seen.
pub(super) async fn seen(client: &Client, name: &str) -> Result<Seen, Failure> {
    match url(client, name).await {
        Ok(url) => Ok(Seen::Url(url)),
        Err(status) if status.code() == Code::PermissionDenied => Ok(Seen::Hidden),
        Err(status) if status.code() == Code::FailedPrecondition => {
            Ok(Seen::Unreadable(status.into()))
        }
        Err(status) => Err(status.into()),
    }
}

/// A heartbeat's ping URL.
pub(super) async fn url(client: &Client, name: &str) -> Result<v1::PingUrl, tonic::Status> {
    let request = v1::GetPingUrlRequest {
        project: client.project.clone(),
        r#ref: name.to_owned(),
    };
    let answer = client.heartbeats().get_ping_url(request).await?;
    Ok(answer.into_inner())
}

/// Until when the URL before the present one counts.
pub(super) fn former(url: &v1::PingUrl) -> String {
    match &url.former_until_time {
        Some(until) => format!(
            "the former one counts until {} UTC",
            format::time_text(Some(until))
        ),
        None => "the former one counts no more".to_owned(),
    }
}

/// Says that URLs by slug are others from now on, where an edit made them so.
pub(super) fn renamed(saved: &v1::Heartbeat) {
    if saved.former_slug.is_empty() {
        return;
    }
    output::note(&format!(
        "hint: ping URLs by name with /{} lead to it no more: use /{} in them",
        saved.former_slug, saved.slug
    ));
}

/// Gives a heartbeat another URL.
pub(super) async fn rotate(
    args: &RotateArgs,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    let request = v1::RotateTokenRequest {
        project: client.project.clone(),
        r#ref: args.name.clone(),
        overlap: Some(convert::duration(args.overlap)),
    };
    let rotated = client.heartbeats().rotate_token(request).await?;
    let rotated = rotated.into_inner();
    let url = url(client, &rotated.id).await?;
    let mut value = show::json(&rotated);
    value["ping_url"] = json!(rotated.ping_url);
    value["former_until"] = format::time_json(url.former_until_time.as_ref());
    done(format, &rotated.ping_url, &value);
    if format == Format::Table {
        output::note(&former(&url));
    }
    Ok(exit::DONE)
}

/// Prints the project's key, or makes another one first.
pub(super) async fn key(args: &KeyArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let project = client.project.clone();
    let answer = if args.rotate {
        let request = v1::RotatePingKeyRequest { project };
        client.heartbeats().rotate_ping_key(request).await?
    } else {
        let request = v1::GetPingKeyRequest { project };
        client.heartbeats().get_ping_key(request).await?
    };
    let key = answer.into_inner();
    let value = json!({ "key": key.key, "url_prefix": key.url_prefix });
    done(format, &key.key, &value);
    if format == Format::Table {
        output::note(&format!("ping {}SLUG", key.url_prefix));
    }
    Ok(exit::DONE)
}
