//! Checks that somebody waits for: asked of one agent a region, answered, never stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use vigilmon_common::id::AgentId;
use vigilmon_common::monitor::MonitorSpec;
use vigilmon_common::monitor::draft::{Known, MonitorDraft};
use vigilmon_common::name::{Name, Region};
use vigilmon_common::outcome::{Reason, ReasonCode};
use vigilmon_common::result::CheckResult;
use vigilmon_common::schedule::CheckSpec;
use vigilmon_common::session::messages::{CheckNow, Target};
use vigilmon_runtime::random;
use vigilmon_runtime::supervisor::Policy;

use super::command::CommandError;
use super::handle::Handle;

/// Checks that may be waited for at once; more are refused.
const WAITING_MAX: usize = 1000;
/// How much longer than the check's own timeout an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be checked.
#[derive(Clone, Debug)]
pub enum CheckTarget {
    /// A monitor, by id or name, in its regions.
    Monitor(String),
    /// Something that is not stored, in the regions that it names or in all.
    Inline(Box<MonitorDraft>),
}

/// What one region saw.
#[derive(Clone, Debug)]
pub struct CheckRow {
    /// The region.
    pub region: Region,
    /// Who checked; `None` where no agent could be asked.
    pub agent: Option<(AgentId, Name)>,
    /// What it saw, or why it saw nothing.
    pub result: Result<CheckResult, Reason>,
}

struct Waiting {
    region: Region,
    agent: (AgentId, Name),
    rows: mpsc::Sender<CheckRow>,
}

/// Who waits for which nonce.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<HashMap<u64, Waiting>>>);

impl Answers {
    /// Hands an answer to whoever waits for it; late ones are dropped.
    pub(crate) fn give(&self, nonce: u64, result: Result<CheckResult, Reason>) {
        let waiting = self.lock().remove(&nonce);
        if let Some(Waiting {
            region,
            agent,
            rows,
        }) = waiting
        {
            let _ = rows.try_send(CheckRow {
                region,
                agent: Some(agent),
                result,
            });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Handle::check`].
pub(crate) fn check(
    handle: &Handle,
    target: CheckTarget,
) -> Result<(usize, mpsc::Receiver<CheckRow>), CommandError> {
    let spec = spec_of(handle, target)?;
    if handle.answers.lock().len() + spec.regions.len() > WAITING_MAX {
        return Err(CommandError::Refused {
            message: format!("{WAITING_MAX} checks are being waited for already"),
            hint: "try again in a moment".to_owned(),
        });
    }
    let what = Arc::new(CheckSpec {
        kind: spec.kind.clone(),
        timeout: spec.timeout,
    });
    let (rows, receiver) = mpsc::channel(spec.regions.len().max(1));
    let mut nonces = Vec::new();
    for region in &spec.regions {
        match ask(handle, region, &what, &rows) {
            Ok(nonce) => nonces.push(nonce),
            Err(why) => {
                let row = CheckRow {
                    region: region.clone(),
                    agent: None,
                    result: Err(why),
                };
                let _ = rows.try_send(row);
            }
        }
    }
    let answers = handle.answers.clone();
    let patience = spec.timeout + PATIENCE;
    let stop = handle.tasks.stop_token();
    handle
        .tasks
        .spawn("check answers", Policy::BestEffort, async move {
            // A stop must not wait for answers that nobody will read.
            let _ = stop.run_until_cancelled(tokio::time::sleep(patience)).await;
            for nonce in nonces {
                let silent = Reason::new(
                    ReasonCode::AgentOverload,
                    "the agent did not answer in time",
                );
                answers.give(nonce, Err(silent));
            }
            Ok(())
        });
    Ok((spec.regions.len(), receiver))
}

fn spec_of(handle: &Handle, target: CheckTarget) -> Result<MonitorSpec, CommandError> {
    match target {
        CheckTarget::Monitor(reference) => Ok(handle.monitor(&reference)?.spec.clone()),
        CheckTarget::Inline(draft) => {
            let directory = handle.directory.read();
            let regions: Vec<Region> = directory.regions().keys().cloned().collect();
            let channels = directory.channel_names();
            let known = Known {
                regions: Some(&regions),
                channels: Some(&channels),
                addresses: None,
            };
            Ok(draft.check(&known)?)
        }
    }
}

fn ask(
    handle: &Handle,
    region: &Region,
    what: &Arc<CheckSpec>,
    rows: &mpsc::Sender<CheckRow>,
) -> Result<u64, Reason> {
    let nobody = || {
        Reason::new(
            ReasonCode::RegionLost,
            "no agent of this region is connected",
        )
    };
    let agent = handle
        .directory
        .read()
        .connected_agent(region)
        .map(|a| (a.record.id, a.record.name.clone()))
        .ok_or_else(nobody)?;
    let nonce = random::number();
    let waiting = Waiting {
        region: region.clone(),
        agent: agent.clone(),
        rows: rows.clone(),
    };
    handle.answers.lock().insert(nonce, waiting);
    let asked = CheckNow {
        nonce,
        count: 1,
        spacing: Duration::ZERO,
        delay: Duration::ZERO,
        timeout: None,
        what: Target::Inline(Some(Arc::clone(what))),
        answer: true,
    };
    if handle.env.dispatch.ask(agent.0, asked) {
        return Ok(nonce);
    }
    handle.answers.lock().remove(&nonce);
    Err(nobody())
}
