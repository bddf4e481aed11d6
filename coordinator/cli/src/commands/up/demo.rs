//! What the demonstration sets up: two monitors on its site, a job with its heartbeat, and an
//! inbox as channel. A second start finds them again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use vigilmon_common::heartbeat::{Heartbeat, HeartbeatDraft};
use vigilmon_common::monitor::draft::{HttpDraft, MonitorDraft};
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::ChannelKind;
use vigilmon_coordinator::demo::job::DemoJob;
use vigilmon_coordinator::engine::{Actor, CommandError};
use vigilmon_coordinator::http::demo::Demo;

/// How often the demonstration's site is checked.
const EVERY: Duration = Duration::from_secs(2);
const CHANNEL: &str = "demo-inbox";
const HEARTBEAT: &str = "demo-job";
/// How often its job must ping: it runs more than twice as often, so one run may fail unheard.
const PINGED_EVERY: Duration = Duration::from_secs(10);

/// Makes what is missing, points the monitors to where the site is served now, and returns the
/// job, to be started.
pub(super) async fn prepare(demo: &Demo) -> anyhow::Result<DemoJob> {
    let name = Name::parse(CHANNEL)?;
    let by = Actor::coordinator();
    let made = demo
        .engine
        .create_channel(by, name, ChannelKind::Inbox, None)
        .await;
    kept_if_there(made.map(drop))?;
    let base = format!("http://{}", demo.site_address);
    monitors(demo, &base).await?;
    let heartbeat = heartbeat(demo).await?;
    let ping_url = demo
        .ping_url(&heartbeat)
        .with_context(|| format!("the ping URL of {HEARTBEAT} cannot be opened"))?;
    DemoJob::new(base, ping_url)
}

async fn monitors(demo: &Demo, base: &str) -> anyhow::Result<()> {
    let api = HttpDraft {
        url: Some(format!("{base}/health")),
        json: Some(vec!["$.status == \"ok\"".to_owned()]),
        ..HttpDraft::default()
    };
    let shop = HttpDraft {
        url: Some(base.to_owned()),
        ..HttpDraft::default()
    };
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

async fn heartbeat(demo: &Demo) -> Result<Arc<Heartbeat>, CommandError> {
    if let Ok(there) = demo.engine.heartbeat(HEARTBEAT) {
        return Ok(there);
    }
    let draft = HeartbeatDraft {
        name: Some(HEARTBEAT.to_owned()),
        every: Some(PINGED_EVERY),
        ..HeartbeatDraft::default()
    };
    let token = demo.new_ping_token();
    demo.engine
        .create_heartbeat(Actor::coordinator(), draft, token)
        .await
}

fn kept_if_there(made: Result<(), CommandError>) -> Result<(), CommandError> {
    match made {
        Err(CommandError::Exists { .. }) => Ok(()),
        other => other,
    }
}
