//! Random receivers, random crashes: what must hold for every row and every channel.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// How a receiver behaves for a while.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Takes,
    Refuses(u16),
    /// Takes the message, but its answer is lost.
    TakesSilently,
    AsksForTime(u64),
}

#[derive(Clone, Debug)]
enum Event {
    /// The incident's next transition is told to channels 1 and 3; 2 is the fallback of both.
    Transition(u8),
    Mood(u8, Mood),
    Wait(u64),
    /// An attempt under way ends; which of them.
    Answer(usize),
    /// The process ends; whether attempts under way had reached their receivers.
    Crash(bool),
    /// Somebody takes the incident.
    Acknowledge(u8),
    /// The owner of a step that is due decides; whether the outbox is told at once.
    Decide(usize, bool),
    /// The outbox reads the store: something did not reach it.
    Reload,
}

fn event() -> impl Strategy<Value = Event> {
    let mood = prop_oneof![
        3 => Just(Mood::Takes),
        2 => prop::sample::select(vec![500, 503, 429, 404, 401, 400, 302]).prop_map(Mood::Refuses),
        1 => Just(Mood::TakesSilently),
        1 => (1..4_000u64).prop_map(Mood::AsksForTime),
    ];
    prop_oneof![
        3 => (0..4u8).prop_map(Event::Transition),
        3 => (1..4u8, mood).prop_map(|(channel, mood)| Event::Mood(channel, mood)),
        3 => prop_oneof![0..10u64, 0..200u64, 0..8_000u64].prop_map(Event::Wait),
        8 => any::<usize>().prop_map(Event::Answer),
        1 => any::<bool>().prop_map(Event::Crash),
        1 => (0..4u8).prop_map(Event::Acknowledge),
        3 => (any::<usize>(), prop::bool::weighted(0.9)).prop_map(|(n, told)| Event::Decide(n, told)),
        1 => Just(Event::Reload),
    ]
}

struct World {
    desk: Desk,
    moods: BTreeMap<ChannelId, Mood>,
    under_way: Vec<Row>,
    /// Transitions told so far, per incident; the third ends it.
    told: [u32; 4],
    /// Which incidents somebody took.
    acknowledged: [bool; 4],
    /// Which incidents channel 4 was told of by a step.
    escalated: [bool; 4],
    /// Something did not reach the outbox: nothing does until it has read the store.
    missed: bool,
    next_row: u64,
    notices: u64,
    /// What receivers took, in order.
    taken: Vec<Row>,
    /// Keys of which a further copy is excused: a crash or a lost answer lies between.
    excused: BTreeSet<String>,
    /// Lines of which a crash hid that a message had arrived; an earlier copy may come after it.
    shaken: BTreeSet<(RowSubject, ChannelId)>,
    bodies: BTreeMap<String, String>,
    tried_at: BTreeMap<u64, Time>,
    held_until: BTreeMap<ChannelId, Time>,
}

impl World {
    fn new() -> Self {
        Self {
            desk: Desk::new(),
            moods: BTreeMap::new(),
            under_way: Vec::new(),
            told: [0; 4],
            acknowledged: [false; 4],
            escalated: [false; 4],
            missed: false,
            next_row: 0,
            notices: 0,
            taken: Vec::new(),
            excused: BTreeSet::new(),
            shaken: BTreeSet::new(),
            bodies: BTreeMap::new(),
            tried_at: BTreeMap::new(),
            held_until: BTreeMap::new(),
        }
    }

    fn input(&mut self, input: Input) {
        let now = self.desk.now;
        for row in self.desk.on(input) {
            assert!(
                !row.body.is_empty(),
                "a step was tried before it was decided"
            );
            let body = self.bodies.entry(row.key.clone());
            let body = body.or_insert_with(|| row.body.clone());
            assert_eq!(*body, row.body, "one key, one body");
            if let Some(before) = self.tried_at.insert(row.id, now) {
                assert!(now.since(before) >= RETRY_MIN, "tried again too soon");
            }
            if let Some(until) = self.held_until.get(&row.channel) {
                assert!(now >= *until, "tried although asked for time");
            }
            let same_line = |o: &Row| o.subject == row.subject && o.channel == row.channel;
            let alone = !self.under_way.iter().any(same_line);
            assert!(alone, "two of one line at once");
            self.under_way.push(row);
        }
    }

    fn take(&mut self, row: &Row) {
        let again = self.taken.iter().any(|t| t.key == row.key);
        let excused = self.excused.contains(&row.key);
        assert!(!again || excused, "sent twice without need");
        self.taken.push(row.clone());
    }

    fn answer(&mut self, which: usize) {
        if self.under_way.is_empty() {
            return;
        }
        let row = self.under_way.remove(which % self.under_way.len());
        let mood = self.moods.get(&row.channel).copied().unwrap_or(Mood::Takes);
        let answer = match mood {
            Mood::Takes => {
                self.take(&row);
                self.held_until.remove(&row.channel);
                Answer::Delivered
            }
            Mood::Refuses(status) => Answer::of_status(status, None),
            Mood::TakesSilently => {
                self.take(&row);
                self.excused.insert(row.key.clone());
                Answer::Failed(Failure::transient("no answer within 10 s"))
            }
            Mood::AsksForTime(seconds) => {
                let wait = Duration::from_secs(seconds);
                let until = self.desk.now + wait;
                let held = self.held_until.entry(row.channel).or_insert(until);
                *held = until.max(*held);
                Answer::of_status(429, Some(wait))
            }
        };
        let random = row.id.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ which as u64;
        self.input(Input::Finished {
            row: row.id,
            answer,
            random,
        });
    }

    fn transition(&mut self, incident: u8) {
        let seq = self.told[usize::from(incident)] + 1;
        let events = ["incident.opened", "incident.updated", "incident.resolved"];
        let Some(event) = events.get(seq as usize - 1) else {
            return;
        };
        self.told[usize::from(incident)] = seq;
        let mut rows = Vec::new();
        let escalated = self.escalated[usize::from(incident)].then_some(4);
        for channel in [1, 3].into_iter().chain(escalated) {
            self.notices += 1;
            rows.push(self.new_row(incident, seq, channel, event));
        }
        if seq == 1 {
            let mut step = self.new_row(incident, seq, 4, event);
            step.key = notification_key(
                Epoch::default(),
                &step.subject,
                seq,
                step.channel,
                Purpose::Step,
                0,
            );
            step.purpose = Purpose::Step;
            step.body.clear();
            step.next_at = self.desk.now + Duration::from_secs(100);
            rows.push(step);
        }
        self.commit(rows, true);
    }

    /// What an owner does: store, then tell.
    fn commit(&mut self, rows: Vec<Row>, tell: bool) {
        let stored = rows.iter().map(|r| (r.id, r.clone()));
        self.desk.stored.extend(stored);
        self.missed |= !tell;
        if !self.missed {
            self.input(Input::Added(rows));
        }
    }

    fn new_row(&mut self, incident: u8, seq: u32, channel: u8, event: &str) -> Row {
        self.next_row += 1;
        let mut row = row(self.next_row, incident, seq, channel, event);
        row.created_at = self.desk.now;
        row.next_at = self.desk.now;
        row.fallback = Some(channel_id(B));
        row
    }

    /// As an incident's owner.
    fn decide(&mut self, which: usize, tell: bool) {
        if self.desk.asked.is_empty() {
            return;
        }
        let mut row = self.desk.asked.remove(which % self.desk.asked.len());
        let RowSubject::Incident(id) = &row.subject else {
            panic!("a step is about an incident");
        };
        let incident = usize::from(id.as_bytes()[0]);
        if self.acknowledged[incident] || self.told[incident] == 3 {
            row.state = RowState::Suppressed("taken, or over".to_owned());
        } else {
            assert!(
                !self.escalated[incident],
                "asked about again after it fired"
            );
            self.escalated[incident] = true;
            row.body = format!("as of {}", self.told[incident]);
            row.created_at = self.desk.now;
            row.next_at = self.desk.now;
        }
        self.commit(vec![row], tell);
    }

    fn reload(&mut self) {
        self.missed = false;
        let rows = self.desk.stored.values().cloned().collect();
        self.input(Input::Added(rows));
    }

    fn crash(&mut self, reached: bool) {
        for row in std::mem::take(&mut self.under_way) {
            let takes = matches!(self.moods.get(&row.channel), None | Some(Mood::Takes));
            if reached && takes {
                self.take(&row);
            }
            self.excused.insert(row.key.clone());
            if matches!(row.purpose, Purpose::Fallback(_)) {
                self.shaken.insert((row.subject, row.channel));
            }
        }
        self.tried_at.clear();
        self.held_until.clear();
        self.desk.asked.clear();
        self.desk.machine = Delivery::new(Limits::default());
        self.reload();
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Transition(incident) => self.transition(incident),
            Event::Mood(channel, mood) => {
                self.moods.insert(channel_id(channel), mood);
            }
            Event::Wait(seconds) => {
                self.desk.now = self.desk.now + Duration::from_secs(seconds);
                self.input(Input::Tick);
            }
            Event::Answer(which) => self.answer(which),
            Event::Crash(reached) => self.crash(reached),
            Event::Acknowledge(incident) => self.acknowledged[usize::from(incident)] = true,
            Event::Decide(which, tell) => self.decide(which, tell),
            Event::Reload => self.reload(),
        }
    }

    /// Every receiver takes everything again; every incident ends.
    fn calm(&mut self) {
        self.moods.clear();
        self.reload();
        for incident in 0..4 {
            while (1..3).contains(&self.told[usize::from(incident)]) {
                self.transition(incident);
            }
        }
        loop {
            while !self.under_way.is_empty() || !self.desk.asked.is_empty() {
                self.answer(0);
                self.decide(0, true);
            }
            let Some(wake) = self.desk.machine.next_wake() else {
                break;
            };
            self.desk.now = self.desk.now.max(wake);
            self.input(Input::Tick);
        }
    }

    fn check(&self) {
        let left: Vec<&Row> = self.desk.stored.values().collect();
        assert!(left.is_empty(), "left over: {left:?}");
        let log: Vec<&Row> = self.desk.log.values().collect();
        let keys: BTreeSet<&String> = log.iter().map(|row| &row.key).collect();
        assert_eq!(keys.len(), log.len(), "two rows share a key");
        let notices = log.iter().filter(|row| row.purpose == Purpose::Notice);
        let notices = notices.count() as u64;
        assert_eq!(notices, self.notices, "every row that was due has an end");
        let steps = log.iter().filter(|row| row.purpose == Purpose::Step);
        let begun = self.told.iter().filter(|told| **told > 0).count();
        assert_eq!(steps.count(), begun, "every step has an end");
        for row in &log {
            let taken = self.taken.iter().any(|t| t.key == row.key);
            match &row.state {
                RowState::Pending => panic!("a settled row is pending: {row:?}"),
                RowState::Sent(_) => assert!(taken, "sent, but not taken: {row:?}"),
                RowState::Superseded(by) => {
                    assert_eq!(row.attempts, 0);
                    assert!(self.taken.iter().any(|t| t.key == *by));
                }
                RowState::Dead(_) => check_copied(row, &log),
                RowState::Suppressed(_) => {
                    assert_eq!(
                        row.purpose,
                        Purpose::Step,
                        "nothing was switched off: {row:?}"
                    );
                    assert!(!taken, "withheld, but taken: {row:?}");
                }
            }
        }
        self.check_order();
    }

    /// What a receiver keeps after it drops repetitions is in order, each transition once.
    fn check_order(&self) {
        let mut heard: BTreeMap<(&RowSubject, ChannelId), Vec<u32>> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for row in self.taken.iter().filter(|row| keys.insert(&row.key)) {
            let line = heard.entry((&row.subject, row.channel)).or_default();
            line.push(row.seq);
        }
        for ((subject, channel), seqs) in heard {
            let shaken = self.shaken.contains(&(subject.clone(), channel));
            let rising = shaken || seqs.windows(2).all(|pair| pair[0] < pair[1]);
            assert!(rising, "{subject:?} to {channel} out of order: {seqs:?}");
        }
    }
}

fn check_copied(dead: &Row, log: &[&Row]) {
    let says_it = |row: &&&Row| {
        row.subject == dead.subject && row.seq >= dead.seq && row.channel == channel_id(B)
    };
    let copied = log.iter().any(|row| says_it(&row));
    let owes_none = dead.fallback.is_none();
    assert!(owes_none || copied, "dead without a copy: {dead:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn whatever_receivers_and_crashes_do_every_row_ends_once_and_in_order(
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut world = World::new();
        for event in events {
            world.step(event);
        }
        world.calm();
        world.check();
    }
}
