//! Tasks with a name and a policy: one place answers "what if this task dies?".
#![expect(
    clippy::disallowed_methods,
    reason = "this module is what the others ask instead"
)]

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the end of a task means for the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Policy {
    /// The process cannot go on without it: its failure or panic stops everything.
    Critical,
    /// Its failure is logged; the rest goes on.
    BestEffort,
}

/// Spawns tasks, stops them together and waits for their end.
#[derive(Clone, Debug)]
pub struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
    failed: CancellationToken,
}

impl Supervisor {
    /// A supervisor whose tasks stop when `stop` is cancelled.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop,
            failed: CancellationToken::new(),
        }
    }

    /// What tasks watch to know that they should end.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// A supervisor of its own below this one: stopped with it, or alone and earlier.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: self.stop.child_token(),
            failed: self.failed.clone(),
        }
    }

    /// A supervisor beside this one with a stop of its own, so that parts can be stopped in order;
    /// the failure of a critical task in either is known to both.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            failed: self.failed.clone(),
        }
    }

    /// Cancelled once a critical task has failed.
    #[must_use]
    pub fn failed_token(&self) -> CancellationToken {
        self.failed.clone()
    }

    /// Runs `task` under a name. A panic in it counts as failure.
    pub fn spawn<F>(&self, name: &'static str, policy: Policy, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let watched = self.clone();
        self.tasks.spawn(async move {
            let error = match tokio::spawn(task).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => format!("{error:#}"),
                Err(end) if end.is_cancelled() => return,
                Err(panicked) => format!("{panicked}"),
            };
            match policy {
                Policy::Critical => {
                    tracing::error!(task = name, error, "critical task failed");
                    watched.failed.cancel();
                    watched.stop.cancel();
                }
                Policy::BestEffort => tracing::warn!(task = name, error, "task failed"),
            }
        });
    }

    /// Whether a critical task has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Asks all tasks to end and waits for them, at most `patience`. Returns whether all ended.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait())
            .await
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_critical_task_that_panics_stops_the_others() {
        let supervisor = Supervisor::new(CancellationToken::new());
        let stop = supervisor.stop_token();
        supervisor.spawn("bystander", Policy::BestEffort, async move {
            stop.cancelled().await;
            Ok(())
        });
        supervisor.spawn("doomed", Policy::Critical, async { panic!("on purpose") });
        supervisor.stop_token().cancelled().await;
        assert!(supervisor.has_failed());
        assert!(supervisor.shut_down(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_best_effort_task_that_fails_stops_nothing() {
        let supervisor = Supervisor::new(CancellationToken::new());
        supervisor.spawn("weak", Policy::BestEffort, async {
            anyhow::bail!("on purpose")
        });
        assert!(supervisor.shut_down(Duration::from_secs(5)).await);
        assert!(!supervisor.has_failed());
    }
}
