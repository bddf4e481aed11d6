//! The agent's end of a session, steered input by input.

use super::*;
use crate::outcome::Outcome;
use crate::result::Run;
use crate::session::assignment::{Assigned, RejectWhy};
use crate::session::messages::{CheckNow, GapReason, Refused, RefusedWhy, Sync, Target, Welcome};
use crate::session::testing::{
    assigned, at, delta, down, epoch, monitor, position, result, settings, snapshot, transfer,
    unreadable, welcome,
};

mod asked;
mod assignment;
mod connecting;
mod results;

struct Bench {
    end: AgentEnd,
    out: Vec<Effect>,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let end = AgentEnd::new(settings, at(0));
        let out = Vec::new();
        Self { end, out }
    }

    /// A session with monitors 1 and 2, at revision 10, and everything said that opens it.
    fn up() -> Self {
        let mut bench = Self::new(settings());
        bench.connect(at(0), welcome(Sync::Snapshot, 4096));
        bench.hold(&[assigned(1, 1), assigned(2, 1)], at(0));
        bench.out.clear();
        bench
    }

    fn on(&mut self, input: Input, now: Time) -> Vec<Effect> {
        self.end.on(input, now, &mut self.out);
        std::mem::take(&mut self.out)
    }

    fn hear(&mut self, message: CoordinatorMessage, now: Time) -> Vec<Effect> {
        self.on(Input::Received(message), now)
    }

    fn connect(&mut self, now: Time, welcome: Welcome) -> Vec<Effect> {
        // Something that happened since the cut may have opened it already.
        self.on(Input::Tick, now);
        let hello = self.on(Input::Connected, now);
        assert!(matches!(hello[..], [Effect::Send(AgentMessage::Hello(_))]));
        self.hear(CoordinatorMessage::Welcome(welcome), now)
    }

    fn hold(&mut self, monitors: &[Assigned], now: Time) -> Vec<Effect> {
        let messages = transfer(&snapshot(10, monitors));
        messages
            .into_iter()
            .flat_map(|m| self.hear(m, now))
            .collect()
    }

    fn cut(&mut self, now: Time) -> Vec<Effect> {
        let jitter = 0.0;
        let refused = false;
        self.on(Input::Disconnected { refused, jitter }, now)
    }

    fn produce(&mut self, n: u8, outcome: Outcome, now: Time) -> Vec<Effect> {
        self.on(Input::Produced(result(n, outcome, now)), now)
    }

    fn ack(&mut self, seq: u64, now: Time) -> Vec<Effect> {
        self.hear(CoordinatorMessage::Ack(ack(seq, 4096)), now)
    }
}

fn ack(seq: u64, credits: u32) -> Ack {
    Ack {
        seq,
        refused: Vec::new(),
        credits,
    }
}

fn batches(effects: &[Effect]) -> Vec<(u64, usize)> {
    let results = |effect: &Effect| {
        if let Effect::Send(AgentMessage::Results(batch)) = effect {
            Some((batch.first_seq, batch.results.len()))
        } else {
            None
        }
    };
    effects.iter().filter_map(results).collect()
}

fn filled_back(effects: &[Effect]) -> usize {
    let results = |effect: &Effect| {
        if let Effect::SendBackfill(batch) = effect {
            batch.results.len()
        } else {
            0
        }
    };
    effects.iter().map(results).sum()
}

fn change(effects: &[Effect]) -> Option<&Change> {
    effects.iter().find_map(|effect| {
        if let Effect::Apply(change) = effect {
            Some(change)
        } else {
            None
        }
    })
}

fn asks_for_snapshot(effects: &[Effect]) -> bool {
    effects.contains(&Effect::Send(AgentMessage::AskSnapshot))
}
