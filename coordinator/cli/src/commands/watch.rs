//! `vigilmon watch`: a line for each event as it comes, over breaks of the connection.

use std::io;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tonic::{Code, Status};
use vigilmon_proto::v1;

use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// Where the answer says at which cursor it begins.
const CURSOR_HEADER: &str = "vigilmon-cursor";
/// How long to wait before the first new attempt; doubled up to [`PATIENCE_MAX`].
const PATIENCE_MIN: Duration = Duration::from_millis(250);
const PATIENCE_MAX: Duration = Duration::from_secs(5);

/// From where on.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Begin behind the event with this cursor, or with the `oldest` that is kept; from now on
    /// when absent
    #[arg(
        long,
        value_name = "CURSOR",
        default_value = "",
        hide_default_value = true
    )]
    since_cursor: String,
}

/// Runs until it is stopped, its output is closed, or the coordinator refuses it.
pub(crate) async fn run(args: &WatchArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let mut cursor = args.since_cursor.clone();
    let mut patience = PATIENCE_MIN;
    let mut is_first = true;
    loop {
        let begun = cursor.clone();
        match follow(client, &mut cursor, format).await {
            Ok(()) => return Ok(exit::DONE),
            Err(status) if is_first && cursor == begun => return Err(status.into()),
            Err(status) if is_final(&status) => return Err(status.into()),
            Err(status) => {
                if cursor != begun {
                    patience = PATIENCE_MIN;
                    output::note(&format!(
                        "connection lost ({}); going on behind {cursor} once it is back",
                        status.message()
                    ));
                }
            }
        }
        is_first = false;
        tokio::time::sleep(patience).await;
        patience = PATIENCE_MAX.min(patience * 2);
    }
}

/// Prints what comes until the connection breaks; `Ok` once nobody reads any more.
async fn follow(client: &Client, cursor: &mut String, format: Format) -> Result<(), Status> {
    let request = v1::WatchRequest {
        project: client.project.clone(),
        cursor: cursor.clone(),
    };
    let answer = client.events().watch(request).await?;
    let begin = answer.metadata().get(CURSOR_HEADER);
    if let Some(begin) = begin.and_then(|begin| begin.to_str().ok()) {
        begin.clone_into(cursor);
    }
    let mut events = answer.into_inner();
    while let Some(event) = events.message().await? {
        if print(&event, format).is_err() {
            return Ok(());
        }
        cursor.clone_from(&event.cursor);
    }
    Err(Status::unavailable("the coordinator ended the call"))
}

/// Whether asking again would not help.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unauthenticated
            | Code::PermissionDenied
            | Code::OutOfRange
            | Code::InvalidArgument
            | Code::Unimplemented
    )
}

fn print(event: &v1::Event, format: Format) -> io::Result<()> {
    let data = serde_json::from_str(&event.data).unwrap_or(Value::Null);
    let value = json!({
        "cursor": event.cursor,
        "type": event.r#type,
        "time": format::time_json(event.time.as_ref()),
        "data": data,
    });
    match format {
        Format::Table => output::now(&line(event, &value["data"])),
        Format::Json => output::now(&value.to_string()),
        Format::Yaml => output::now(&format!("---\n{}", output::yaml(&value).trim_end())),
    }
}

/// An event for people.
fn line(event: &v1::Event, data: &Value) -> String {
    let text = |part: &str, field: &str| data[part][field].as_str().unwrap_or_default();
    let about = match data["monitor"]["name"].as_str() {
        Some(name) => name,
        None => text("system", "summary"),
    };
    let detail = match event.r#type.as_str() {
        "incident.opened" => {
            let failing = data["regions"]["failing"].as_array().into_iter().flatten();
            let failing: Vec<_> = failing.filter_map(Value::as_str).collect();
            let reason = match text("reason", "text") {
                "" => text("reason", "code"),
                reason => reason,
            };
            // Of a heartbeat there are none.
            match failing[..] {
                [] => format!(": {reason}"),
                _ => format!(": {reason} ({})", failing.join(", ")),
            }
        }
        "incident.updated" => match text("transition", "by") {
            "" => format!(": {}", text("transition", "kind")),
            by => format!(": {} by {by}", text("transition", "kind")),
        },
        "incident.resolved" => format!(": {}", text("incident", "resolution")),
        _ => String::new(),
    };
    format!(
        "{}  {:<17}  {about}{detail}",
        format::time_text(event.time.as_ref()),
        event.r#type
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_says_what_happened() {
        let said = |kind: &str, data: Value| {
            let event = v1::Event {
                r#type: kind.to_owned(),
                ..Default::default()
            };
            line(&event, &data)
        };
        let opened = json!({
            "monitor": { "name": "api" },
            "reason": { "code": "http_status", "text": "503 Service Unavailable" },
            "regions": { "failing": ["us-east", "eu-west"] },
        });
        assert_eq!(
            said("incident.opened", opened),
            "-  incident.opened    api: 503 Service Unavailable (us-east, eu-west)"
        );
        let missed = json!({
            "monitor": { "name": "nightly" },
            "reason": { "code": "heartbeat_missed", "text": "no ping since 09:02" },
            "regions": null,
        });
        assert_eq!(
            said("incident.opened", missed),
            "-  incident.opened    nightly: no ping since 09:02"
        );
        let acknowledged = json!({
            "monitor": { "name": "api" },
            "transition": { "kind": "acknowledged", "by": "anna" },
        });
        assert_eq!(
            said("incident.updated", acknowledged),
            "-  incident.updated   api: acknowledged by anna"
        );
        let lost = json!({ "monitor": null, "system": { "summary": "US-East has no agent" } });
        assert_eq!(
            said("system.opened", lost),
            "-  system.opened      US-East has no agent"
        );
    }
}
