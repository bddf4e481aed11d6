//! The service manager that started this process, if one did: it is told by `sd_notify` when we
//! are ready, reload and stop, and at half its watchdog's interval that we are alive.
//!
//! Alive is what answers: the part that does the work is asked before each sign of life, so that a
//! process that only hangs is started again. Without a service manager all of this does nothing.

use std::future::Future;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::supervisor::{Policy, Supervisor};

/// The work can be done.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Settings are being read again; [`ready`] says that it is over.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// An orderly end has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Gives signs of life while `alive` says so, if the service manager wants any.
pub fn keep_alive<A, F>(tasks: &Supervisor, alive: A)
where
    A: Fn() -> F + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    if let Some(within) = sd_notify::watchdog_enabled() {
        let sign = || tell(&[NotifyState::Watchdog]);
        let signs = give_signs(within / 2, alive, sign);
        tasks.spawn("watchdog", Policy::BestEffort, signs);
    }
}

async fn give_signs<A, F>(every: Duration, alive: A, sign: impl Fn()) -> anyhow::Result<()>
where
    A: Fn() -> F,
    F: Future<Output = bool>,
{
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        match tokio::time::timeout(every, alive()).await {
            Ok(true) => sign(),
            // The service manager ends us unless this gets better.
            Ok(false) | Err(_) => tracing::error!("no answer from the part that does the work"),
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn signs_of_life_end_when_the_work_does_not_answer_and_come_back_with_it() {
        let (stuck, signs) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let is_stuck = Arc::clone(&stuck);
        let alive = move || {
            let is_stuck = Arc::clone(&is_stuck);
            async move {
                if is_stuck.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
                true
            }
        };
        let given = Arc::clone(&signs);
        let sign = move || {
            given.fetch_add(1, Ordering::Relaxed);
        };
        let tasks = Supervisor::new(tokio_util::sync::CancellationToken::new());
        let every = Duration::from_secs(5);
        tasks.spawn(
            "watchdog",
            Policy::BestEffort,
            give_signs(every, alive, sign),
        );
        let pass = |seconds| tokio::time::sleep(Duration::from_secs(seconds));

        pass(21).await;
        assert_eq!(signs.load(Ordering::Relaxed), 5);
        stuck.store(true, Ordering::Relaxed);
        pass(60).await;
        assert_eq!(signs.load(Ordering::Relaxed), 5, "none while it is stuck");
        stuck.store(false, Ordering::Relaxed);
        pass(20).await;
        assert!(signs.load(Ordering::Relaxed) > 6);
    }
}
