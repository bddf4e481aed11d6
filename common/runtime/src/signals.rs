//! Signals that a daemon heeds: the first that ends it asks for an orderly end, the second ends it
//! at once; SIGHUP has it read its settings again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::supervisor::{Policy, Supervisor};

/// Listens for SIGINT and SIGTERM.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Starts to listen; from here on the default action is off.
    ///
    /// # Errors
    /// The operating system refuses the handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them and says which.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// The token that the first signal cancels; the second ends the process with exit code 130.
    #[must_use]
    pub fn watch(mut self, tasks: &Supervisor) -> CancellationToken {
        let stop = CancellationToken::new();
        let cancelled = stop.clone();
        tasks.spawn("signals", Policy::BestEffort, async move {
            let name = self.next().await;
            tracing::info!(signal = name, "stopping");
            cancelled.cancel();
            let name = self.next().await;
            tracing::warn!(signal = name, "stopping at once");
            std::process::exit(130);
        });
        stop
    }
}

/// Listens for SIGHUP.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Starts to listen; from here on the default action, to end the process, is off.
    ///
    /// # Errors
    /// The operating system refuses the handler.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one. Cancel-safe.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
