//! Vigilmon's probe agent: checks targets from one region and streams results to the coordinator.
//!
//! [`Agent::start`] runs one inside a process: the daemon `vigilmon-agent`, or `vigilmon up`.

pub mod check;
mod control;
pub mod door;
pub mod flags;
mod link;
mod metrics;
mod options;
pub mod probe;
mod runner;
mod time;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tracing::info;
use vigilmon_common::id::BootId;
use vigilmon_common::session::agent::{Limits as Retain, Settings};
use vigilmon_common::session::messages::Leave;
use vigilmon_runtime::clock::SharedClock;
use vigilmon_runtime::supervisor::{Policy, Supervisor};
use vigilmon_runtime::{random, tls};

pub use control::Control;
pub use link::InvalidLink;
pub use metrics::Metrics;
pub use options::{Coordinators, InvalidCoordinator, Options};
pub use runner::Status;

use check::{Checker, CheckerError};
use link::Dialer;
use probe::Probe;
use runner::{Parts, Runner, STOP_WITHIN};
use time::AgentClock;

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    status: watch::Receiver<Status>,
    metrics: Arc<Metrics>,
    control: Control,
    tasks: Supervisor,
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The coordinator cannot be reached with these options.
    #[error(transparent)]
    Link(#[from] InvalidLink),
    /// Checks cannot be made.
    #[error(transparent)]
    Checks(#[from] CheckerError),
}

impl Agent {
    /// Starts an agent below `supervisor`, whose stop ends it in order.
    ///
    /// # Errors
    /// Token or authorities cannot be used, or checks cannot be made.
    pub fn start(
        options: Options,
        clock: SharedClock,
        supervisor: &Supervisor,
    ) -> Result<Self, StartError> {
        tls::install_provider();
        let checker = Checker::new(check::Options {
            region: options.region.clone(),
            addresses: options.addresses.clone(),
            extra_roots: Vec::new(),
        })?;
        Ok(Self::start_with(options, checker, clock, supervisor)?)
    }

    /// As [`Agent::start`], with checks made by `probe`.
    ///
    /// # Errors
    /// Token or authorities cannot be used.
    pub fn start_with(
        options: Options,
        probe: impl Probe,
        clock: SharedClock,
        supervisor: &Supervisor,
    ) -> Result<Self, InvalidLink> {
        tls::install_provider();
        let dialer = Dialer::new(&options)?;
        let tasks = supervisor.child();
        let (sender, status) = watch::channel(Status::default());
        let (control, orders) = mpsc::channel(control::ORDERS_MAX);
        let metrics = Arc::new(Metrics::new(options.region.as_str()));
        info!(agent = %options.name, region = %options.region, "agent starts");
        let runner = Runner::new(Parts {
            probe,
            clock: AgentClock::start(clock),
            dialer,
            settings: Settings {
                name: options.name,
                boot: BootId::from_bytes(random::bytes()),
                build: env!("CARGO_PKG_VERSION").to_owned(),
                capabilities: vec!["http".to_owned()],
                region: options.region,
                limits: Retain::DEFAULT,
            },
            limits: options.limits,
            addresses: options.addresses,
            supervisor: tasks.clone(),
            status: sender,
            metrics: Arc::clone(&metrics),
            orders,
        });
        let stop = tasks.stop_token();
        tasks.spawn("agent", Policy::Critical, async move {
            runner.run(stop).await;
            Ok(())
        });
        Ok(Self {
            status,
            metrics,
            control: Control::new(control),
            tasks,
        })
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// What it can be asked and told.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// How it stands, now and whenever that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Waits until it will not connect any more, because it was replaced or revoked, and says
    /// which; `None` when it ended otherwise.
    pub async fn left(&self) -> Option<Leave> {
        let mut status = self.status.clone();
        let status = status.wait_for(|status| status.left.is_some()).await;
        status.ok().and_then(|status| status.left)
    }

    /// Ends it in order: no new checks, results flushed, stream closed. Bounded; returns whether
    /// all came to an end by itself.
    pub async fn stop(self) -> bool {
        self.tasks.shut_down(STOP_WITHIN * 2).await
    }
}

#[cfg(test)]
mod tests;
