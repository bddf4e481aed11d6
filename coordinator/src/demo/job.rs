//! The demonstration's job: a real one, which fetches the site and then pings its heartbeat over
//! HTTP, as any job elsewhere would. If the site is broken it fails, and a job that fails does not
//! say that it is done.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::Client;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use vigilmon_runtime::clock::SharedClock;

/// How often it runs, at once for the first time.
const EVERY: Duration = Duration::from_secs(4);
/// How long one of its requests may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// See the module.
#[derive(Debug)]
pub struct DemoJob {
    client: Client,
    site: String,
    ping_url: String,
}

impl DemoJob {
    /// A job that fetches `site` and pings at `ping_url`.
    ///
    /// # Errors
    /// No client for HTTP can be made.
    pub fn new(site: String, ping_url: String) -> anyhow::Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("demo-job/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            // Both are on this machine.
            .no_proxy()
            .build()
            .context("no client for HTTP can be made")?;
        Ok(Self {
            client,
            site,
            ping_url,
        })
    }

    /// Runs it again and again, until `stop`.
    ///
    /// # Errors
    /// None: a run that fails is what heartbeats are for.
    pub async fn run(self, clock: SharedClock, stop: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match stop.run_until_cancelled(self.work(&clock)).await {
                Some(Ok(())) => {}
                // Without its URL, which an error of the client names.
                Some(Err(error)) => tracing::debug!(%error, "a run of the demo job failed"),
                None => break,
            }
        }
        Ok(())
    }

    async fn work(&self, clock: &SharedClock) -> anyhow::Result<()> {
        let began = clock.monotonic();
        let answer = self.client.get(&self.site).send().await;
        let answer = answer.map_err(reqwest::Error::without_url)?;
        ensure!(
            answer.status() == 200,
            "the site answered {}",
            answer.status()
        );
        let text = answer.text().await.map_err(reqwest::Error::without_url)?;
        let took = clock.monotonic().saturating_sub(began);
        let report = format!(
            "fetched {} in {} ms\n\n{text}",
            self.site,
            took.as_millis().max(1)
        );
        let ping = self.client.post(&self.ping_url).body(report).send().await;
        let answer = ping.map_err(reqwest::Error::without_url)?;
        ensure!(
            answer.status() == 200,
            "the ping was answered {}",
            answer.status()
        );
        Ok(())
    }
}
