//! What the demonstration sets up: two monitors on its site and an inbox as channel. A second
//! start finds them again.

use std::time::Duration;

use vigilmon_common::monitor::draft::{HttpDraft, MonitorDraft};
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::ChannelKind;
use vigilmon_coordinator::engine::{Actor, CommandError};
use vigilmon_coordinator::http::demo::Demo;

/// How often the demonstration's site is checked.
const EVERY: Duration = Duration::from_secs(2);
const CHANNEL: &str = "demo-inbox";

/// Makes what is missing, and points the monitors to where the site is served now.
pub(super) async fn prepare(demo: &Demo) -> anyhow::Result<()> {
    let base = format!("http://{}", demo.site_address);
    let api = HttpDraft {
        url: Some(format!("{base}/health")),
        json: Some(vec!["$.status == \"ok\"".to_owned()]),
        ..HttpDraft::default()
    };
    let shop = HttpDraft {
        url: Some(base),
        ..HttpDraft::default()
    };
    let name = Name::parse(CHANNEL)?;
    let by = Actor::coordinator();
    let made = demo
        .engine
        .create_channel(by, name, ChannelKind::Inbox, None)
        .await;
    kept_if_there(made.map(drop))?;
    for (name, http) in [("demo-api", api), ("demo-shop", shop)] {
        let draft = MonitorDraft {
            name: Some(name.to_owned()),
            http: Some(http.clone()),
            every: Some(EVERY),
            ..MonitorDraft::default()
        };
        let made = demo
            .engine
            .create_monitor(Actor::coordinator(), draft)
            .await;
        if matches!(made, Err(CommandError::Exists { .. })) {
            let moved = MonitorDraft {
                http: Some(http),
                ..MonitorDraft::default()
            };
            demo.engine
                .update_monitor(Actor::coordinator(), name, moved, None)
                .await?;
        } else {
            kept_if_there(made.map(drop))?;
        }
    }
    Ok(())
}

fn kept_if_there(made: Result<(), CommandError>) -> Result<(), CommandError> {
    match made {
        Err(CommandError::Exists { .. }) => Ok(()),
        other => other,
    }
}
