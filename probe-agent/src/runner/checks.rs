//! From the schedule to checks, and from checks to results.

use std::time::Duration;

use tokio::task::Id;
use tracing::error;
use vigilmon_common::id::AgentId;
use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};
use vigilmon_common::result::{CheckResult, Run};
use vigilmon_common::schedule::{self, DueRun, Effect, Now, Ticket};
use vigilmon_common::session::agent;
use vigilmon_common::session::messages::{Gap, GapReason};
use vigilmon_common::time::Time;

use super::Runner;
use crate::probe::{Checked, Probe};

/// A probe ends by itself within its timeout; one that has not by so much more never will.
const OVERTIME: Duration = Duration::from_secs(2);

/// The coordinator knows who speaks; it fills this in.
const NO_AGENT: AgentId = AgentId::from_bytes([0; 16]);

/// A check under way.
#[derive(Debug)]
pub(super) struct Underway {
    run: DueRun,
    ticket: Ticket,
    /// When it was told to start.
    told: Now,
}

/// A check that was made, timed by its own task: neither waiting for a thread before it nor for
/// the runner after it is part of how long it took.
#[derive(Debug)]
pub(super) struct Made {
    checked: Checked,
    started: Now,
    took: Duration,
}

impl<P: Probe> Runner<P> {
    /// Tells the scheduler, and does what it wants.
    pub(super) fn schedule(&mut self, input: schedule::Input) {
        let now = self.clock.now();
        if self.stopping.is_some() {
            return;
        }
        let mut effects = Vec::new();
        self.scheduler.on(input, now, &mut effects);
        for effect in effects {
            match effect {
                Effect::Start(run, ticket) => self.start(run, ticket, now),
                Effect::Overloaded(run) => {
                    let waited = run.lateness.as_millis();
                    let text = format!("no room for this check within {waited} ms");
                    let reason = Reason::new(ReasonCode::AgentOverload, text);
                    let checked = Checked::bare(Outcome::Inconclusive(reason));
                    self.tell(&run, now.wall, Duration::ZERO, checked);
                }
                Effect::Missed {
                    monitor,
                    first,
                    last,
                    count,
                } => self.session(agent::Input::Missed(Gap {
                    monitor,
                    from: first,
                    to: last,
                    count,
                    why: GapReason::Missed,
                })),
                Effect::Refused {
                    nonce,
                    answer_only: true,
                    refusal,
                } => {
                    let text = refusal.to_string();
                    let answer = Err(Reason::new(ReasonCode::AgentOverload, text));
                    self.session(agent::Input::Answered { nonce, answer });
                }
                // Nobody waits: the round ends by its own deadline.
                Effect::Refused { .. } => {}
            }
        }
    }

    fn start(&mut self, run: DueRun, ticket: Ticket, told: Now) {
        let (probe, clock) = (self.probe.clone(), self.clock.clone());
        let (spec, timeout) = (run.check.clone(), run.timeout);
        let task = self.checks.spawn(async move {
            let started = clock.now();
            let check = probe.check(&spec, timeout);
            let checked = match tokio::time::timeout(timeout + OVERTIME, check).await {
                Ok(checked) => checked,
                Err(_) => Checked::bare(Outcome::Inconclusive(broken("the check did not end"))),
            };
            let took = clock.now().monotonic.saturating_sub(started.monotonic);
            Made {
                checked,
                started,
                took,
            }
        });
        let underway = Underway { run, ticket, told };
        self.underway.insert(task.id(), underway);
    }

    /// A check has ended; `None`: its task broke.
    pub(super) fn checked(&mut self, id: Id, made: Option<Made>) {
        let Some(mut underway) = self.underway.remove(&id) else {
            return;
        };
        let made = made.unwrap_or_else(|| {
            error!(monitor = %underway.run.monitor, "a check broke");
            Made {
                checked: Checked::bare(Outcome::Inconclusive(broken("the check broke"))),
                started: underway.told,
                took: Duration::ZERO,
            }
        });
        let waited = made
            .started
            .monotonic
            .saturating_sub(underway.told.monotonic);
        underway.run.lateness += waited;
        self.tell(&underway.run, made.started.wall, made.took, made.checked);
        self.schedule(schedule::Input::Finished(underway.ticket));
    }

    /// Hands what was seen to the session.
    fn tell(&mut self, run: &DueRun, started: Time, took: Duration, checked: Checked) {
        self.metrics.checked(checked.outcome.kind().as_str());
        let result = CheckResult {
            monitor: run.monitor,
            agent: NO_AGENT,
            run: run.run,
            meaning: run.meaning,
            started,
            took,
            lateness: run.lateness,
            outcome: checked.outcome,
            phases: checked.phases,
            observation: checked.observation,
        };
        let input = match run.run {
            Run::Asked { nonce, .. } if run.answer_only => agent::Input::Answered {
                nonce,
                answer: Ok(Box::new(result)),
            },
            Run::Asked { .. } | Run::Slot(_) => agent::Input::Produced(result),
        };
        self.session(input);
    }
}

fn broken(text: &str) -> Reason {
    Reason::new(ReasonCode::AgentOverload, text)
}
