//! A small world around one heartbeat: a virtual clock that stops at every deadline, a job that
//! pings, a coordinator that is deaf now and then, and what must hold after every input.

use std::time::Duration;

use super::*;
use crate::id::Epoch;
use crate::incident::{Incident, Resolution, TransitionKind};
use crate::outcome::ReasonCode;

mod basics;
mod clocks;
mod cron;
mod daylight;
mod deafness;
mod deeds;
mod group;
mod holding;
mod parts;
mod properties;
mod runs;
mod starts;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn mins(n: u64) -> Duration {
    secs(60 * n)
}

fn hours(n: u64) -> Duration {
    secs(3600 * n)
}

/// A time as `2026-11-25T10:00:00Z`.
fn at(text: &str) -> Time {
    Time::parse_rfc3339(text).unwrap()
}

fn epoch() -> Epoch {
    Epoch::from_bytes([1; 16])
}

fn every(span: Duration) -> HeartbeatDraft {
    HeartbeatDraft {
        name: Some("nightly_cleanup".to_owned()),
        every: Some(span),
        ..HeartbeatDraft::default()
    }
}

fn cron(expression: &str, time_zone: &str) -> HeartbeatDraft {
    HeartbeatDraft {
        name: Some("nightly_cleanup".to_owned()),
        cron: Some(expression.to_owned()),
        tz: Some(time_zone.to_owned()),
        ..HeartbeatDraft::default()
    }
}

fn spec(draft: &HeartbeatDraft) -> HeartbeatSpec {
    let known = crate::monitor::draft::Known::default();
    draft.check(&known).unwrap()
}

fn heartbeat(draft: &HeartbeatDraft, now: Time) -> Heartbeat {
    Heartbeat {
        id: MonitorId::from_bytes([7; 16]),
        spec: spec(draft),
        paused: false,
        created_at: now,
        updated_at: now,
        version: 1,
        tokens: Vec::new(),
    }
}

/// One heartbeat's state and all around it that a test needs.
#[derive(Clone)]
struct World {
    now: Time,
    heartbeat: Heartbeat,
    state: HeartbeatState,
    seq: u64,
    /// Every incident as its last transition left it, in the order of opening.
    incidents: Vec<Incident>,
    /// What the last step said.
    effects: Vec<Effect>,
    statuses: Vec<HeartbeatStatus>,
    saves: usize,
    /// What a crash leaves: what was committed last, and the pings stored since.
    committed: Durable,
    log: Vec<Ping>,
}

impl World {
    fn begin(draft: &HeartbeatDraft, now: Time) -> Self {
        let heartbeat = heartbeat(draft, now);
        let state = HeartbeatState::new(&heartbeat, Durable::default(), epoch(), now);
        Self {
            now,
            heartbeat,
            state,
            seq: 0,
            incidents: Vec::new(),
            effects: Vec::new(),
            statuses: Vec::new(),
            saves: 0,
            committed: Durable::default(),
            log: Vec::new(),
        }
    }

    fn put(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        self.effects.clear();
        let result = self.state.on(input, self.now, &mut self.effects);
        self.look();
        result
    }

    /// Takes note of what was said, and checks what must always hold.
    fn look(&mut self) {
        let mut commits = false;
        for effect in &self.effects {
            match effect {
                Effect::Transition(incident) => {
                    commits = true;
                    match self.incidents.iter_mut().find(|i| i.id == incident.id) {
                        Some(known) => *known = (**incident).clone(),
                        None => self.incidents.push((**incident).clone()),
                    }
                }
                Effect::Status { from, to } => {
                    assert_ne!(from, to);
                    assert_eq!(self.statuses.last().unwrap_or(from), from);
                    self.statuses.push(*to);
                }
                Effect::Save => {
                    commits = true;
                    self.saves += 1;
                }
                Effect::Unobserved => {}
            }
        }
        if commits {
            self.committed = self.state.durable();
            self.log.clear();
        }
        self.check();
    }

    fn check(&self) {
        for pair in self.incidents.windows(2) {
            let ended = pair[0].ended_at.expect("at most one is open");
            assert!(ended <= pair[1].started_at, "incidents overlap");
        }
        for incident in &self.incidents {
            let numbers: Vec<u32> = incident.transitions.iter().map(|t| t.seq).collect();
            let wanted: Vec<u32> = (1..=u32::try_from(numbers.len()).unwrap()).collect();
            assert_eq!(numbers, wanted);
            assert_eq!(incident.transitions[0].kind, TransitionKind::Opened);
            assert!(
                incident
                    .ended_at
                    .is_none_or(|end| end >= incident.started_at)
            );
        }
        let open = self.incidents.iter().filter(|i| i.is_open()).count();
        assert_eq!(open, usize::from(self.state.incident().is_some()));
        let status = self.state.brief().status;
        assert_eq!(open == 1, status == HeartbeatStatus::Down);
        let view = self.state.view(self.now);
        assert_eq!(view.status, status);
        assert!(!view.reason.contains('\n'));
    }

    /// Lets time pass, firing each deadline in the millisecond after it.
    fn pass_to(&mut self, to: Time) {
        while let Some(wake) = self.state.next_wake().filter(|wake| *wake < to) {
            self.now = self.now.max(wake + Duration::from_millis(1));
            self.put(Input::Tick).unwrap();
            let next = self.state.next_wake();
            assert!(next.is_none_or(|next| next > wake), "a tick goes forward");
        }
        self.now = self.now.max(to);
        self.put(Input::Tick).unwrap();
    }

    fn pass(&mut self, span: Duration) {
        self.pass_to(self.now + span);
    }

    fn says(&mut self, signal: Signal) {
        self.run_says(signal, None);
    }

    fn run_says(&mut self, signal: Signal, rid: Option<&str>) {
        self.ping_read_at(self.now, signal, rid);
    }

    /// A ping that was read at `at` and comes in now.
    fn ping_read_at(&mut self, at: Time, signal: Signal, rid: Option<&str>) {
        self.seq += 1;
        let mut ping = ping(self.seq, at, signal);
        ping.rid = rid.map(Into::into);
        assert!(self.state.number(&mut ping));
        self.log.push(ping.clone());
        self.put(Input::Ping(&ping)).unwrap();
    }

    fn success(&mut self) {
        self.says(Signal::Success);
    }

    /// We could not hear for so long; the clock stands at its end.
    fn deaf(&mut self, span: Duration) {
        let from = self.now;
        self.now = self.now + span;
        self.put(Input::Deaf(Spell {
            from,
            to: self.now,
            stepped: Duration::ZERO,
        }))
        .unwrap();
        self.put(Input::Tick).unwrap();
    }

    fn save(&mut self, change: impl FnOnce(&mut Heartbeat)) {
        change(&mut self.heartbeat);
        self.heartbeat.updated_at = self.now;
        self.heartbeat.version += 1;
        let saved = self.heartbeat.clone();
        self.put(Input::Saved(&saved)).unwrap();
    }

    /// A crash: what was committed is read back, the pings stored since are put again.
    fn restart(&mut self) {
        let committed = self.committed.clone();
        self.state = HeartbeatState::new(&self.heartbeat, committed, epoch(), self.now);
        for ping in self.log.clone() {
            self.effects.clear();
            self.state
                .on(Input::Ping(&ping), self.now, &mut self.effects)
                .unwrap();
        }
        self.effects.clear();
        self.statuses.clear();
        self.check();
    }

    fn status(&self) -> HeartbeatStatus {
        self.state.brief().status
    }

    fn open(&self) -> &Incident {
        self.state.incident().expect("an incident is open")
    }
}

fn ping(seq: u64, at: Time, signal: Signal) -> Ping {
    Ping {
        heartbeat: MonitorId::from_bytes([7; 16]),
        seq,
        n: 0,
        total: 0,
        at,
        signal,
        rid: None,
        method: Method::Get,
        from: None,
        agent: "".into(),
        count: 1,
        shared: false,
        body_kept: 0,
        body_size: 0,
    }
}
