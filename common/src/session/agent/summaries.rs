//! What an agent last knew of its monitors: enough to restore its votes after a restart of the
//! coordinator, whatever happened to the results on the way.

use std::collections::BTreeMap;

use crate::id::MonitorId;
use crate::monitor::Meaning;
use crate::outcome::{Outcome, OutcomeKind, ReasonCode};
use crate::result::CheckResult;
use crate::time::Time;
use crate::vote::SummaryEntry;

/// The state of all votes of an agent.
#[derive(Debug, Default)]
pub(super) struct Summaries {
    known: BTreeMap<MonitorId, Known>,
}

#[derive(Debug)]
struct Known {
    meaning: Meaning,
    last: (OutcomeKind, Option<ReasonCode>),
    newest: Option<Newest>,
}

/// The newest conclusive result and its run of like ones.
#[derive(Debug)]
struct Newest {
    outcome: Outcome,
    started: Time,
    run_length: u32,
    run_started: Time,
    other_started: Option<Time>,
}

impl Summaries {
    /// Takes a result in; whether it says something else than the one before, or is a first one
    /// that is not Up.
    pub(super) fn note(&mut self, result: &CheckResult) -> bool {
        let said = (
            result.outcome.kind(),
            result.outcome.reason().map(|r| r.code),
        );
        let known = self.known.entry(result.monitor).or_insert(Known {
            meaning: result.meaning,
            last: (OutcomeKind::Up, None),
            newest: None,
        });
        if known.meaning != result.meaning {
            known.meaning = result.meaning;
            known.newest = None;
        }
        let changed = known.last != said;
        known.last = said;
        if result.outcome.is_conclusive() {
            known.count(result);
        }
        changed
    }

    /// Monitors that are checked here no longer.
    pub(super) fn forget(&mut self, monitors: &[MonitorId]) {
        for monitor in monitors {
            self.known.remove(monitor);
        }
    }

    /// What is known of `monitors`, or of all when there are none.
    pub(super) fn entries(&self, monitors: &[MonitorId], now: Time) -> Vec<SummaryEntry> {
        if monitors.is_empty() {
            let all = self.known.iter();
            return all
                .filter_map(|(&id, known)| known.entry(id, now))
                .collect();
        }
        let asked = monitors.iter();
        asked
            .filter_map(|&id| self.known.get(&id)?.entry(id, now))
            .collect()
    }
}

impl Known {
    fn count(&mut self, result: &CheckResult) {
        let started = result.started;
        let Some(newest) = &mut self.newest else {
            self.newest = Some(Newest {
                outcome: result.outcome.clone(),
                started,
                run_length: 1,
                run_started: started,
                other_started: None,
            });
            return;
        };
        if started <= newest.started {
            return;
        }
        if newest.outcome.is_down() == result.outcome.is_down() {
            newest.run_length = newest.run_length.saturating_add(1);
        } else {
            newest.other_started = Some(newest.started);
            newest.run_length = 1;
            newest.run_started = started;
        }
        newest.started = started;
        newest.outcome = result.outcome.clone();
    }

    fn entry(&self, monitor: MonitorId, now: Time) -> Option<SummaryEntry> {
        let newest = self.newest.as_ref()?;
        Some(SummaryEntry {
            monitor,
            meaning: self.meaning,
            outcome: newest.outcome.clone(),
            age: now.since(newest.started),
            run_length: newest.run_length,
            run_age: now.since(newest.run_started),
            other_age: newest.other_started.map(|at| now.since(at)),
        })
    }
}
