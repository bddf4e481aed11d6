//! Pings that come faster than they are stored one by one.

use proptest::prelude::*;

use super::*;

/// Rows of a second at most: those of one ping each, one for each kind, and of each run that may
/// be open its end and a new beginning.
const ROWS_A_SECOND: u64 = STORED_A_SECOND as u64 + 4 + 2 * RUNS_MAX as u64;

/// What a ping says, of which run, and how long ago it was read.
type Came<'a> = (Signal, Option<&'a str>, Duration);

impl World {
    /// Pings that are stored together; the rows that are stored.
    fn group<'a>(&mut self, came: impl IntoIterator<Item = Came<'a>>) -> Vec<Ping> {
        let mut group = PingGroup::default();
        let mut all = 0;
        for (signal, rid, ago) in came {
            let mut ping = ping(0, self.now - ago, signal);
            ping.rid = rid.map(Into::into);
            ping.body_size = 1;
            group.enter(&mut self.state, ping, "a body");
            all += 1;
        }
        let sharing = group.sharing();
        let rows: Vec<(Ping, &str)> = group.rows(self.seq).collect();
        for (row, body) in &rows {
            assert_eq!(row.shared, body.is_empty() && row.rid.is_none());
            self.seq += 1;
            assert_eq!(row.seq, self.seq);
            self.log.push(row.clone());
            self.put(Input::Ping(row)).unwrap();
        }
        let alone = rows.iter().filter(|(row, _)| !row.shared).count() as u64;
        assert_eq!(alone + sharing, all, "each is in exactly one row");
        rows.into_iter().map(|(row, _)| row).collect()
    }

    /// So many pings that their second has no row of its own left.
    fn fill(&mut self) {
        let full = (0..STORED_A_SECOND).map(|_| now(Signal::Log));
        assert!(self.group(full).iter().all(|row| !row.shared));
    }

    /// A crash now changes nothing.
    fn check_crash(&self) {
        let mut again = self.clone();
        again.restart();
        assert_eq!(again.state.durable(), self.state.durable());
        assert_eq!(again.state.next_wake(), self.state.next_wake());
        assert_eq!(again.state.view(self.now), self.state.view(self.now));
    }
}

fn now(signal: Signal) -> Came<'static> {
    (signal, None, Duration::ZERO)
}

fn run(signal: Signal, rid: &str) -> Came<'_> {
    (signal, Some(rid), Duration::ZERO)
}

fn world(draft: &HeartbeatDraft) -> World {
    World::begin(draft, at("2026-11-25T10:00:00Z"))
}

#[test]
fn beyond_a_hundred_in_a_second_pings_share_a_row_over_many_groups() {
    let mut world = world(&every(mins(5)));
    for n in 0..1000_u64 {
        let rid = format!("run-{n}");
        let rows = world.group([run(Signal::Success, &rid)]);
        assert_eq!(rows.len(), 1);
        let (row, limit) = (&rows[0], u64::from(STORED_A_SECOND));
        assert_eq!(row.n, (n + 1).min(limit + 1));
        assert_eq!(u64::from(row.count), (n + 1).saturating_sub(limit).max(1));
        assert_eq!((row.total, row.at), (n + 1, world.now));
        assert_eq!(row.shared, n >= limit);
        world.pass(Duration::from_millis(n % 2));
        world.check_crash();
    }
    assert_eq!(world.state.view(world.now).pings, 1000);
    world.pass(secs(1));
    let next = &world.group([run(Signal::Success, "next")])[0];
    assert_eq!((next.n, next.count, next.shared), (102, 1, false));
    assert_eq!(next.rid.as_deref(), Some("next"));
}

#[test]
fn of_each_kind_the_last_is_stored_in_its_place_among_the_others() {
    let mut world = world(&every(mins(5)));
    world.fill();
    let said = [
        Signal::Success,
        Signal::Log,
        Signal::Exit(7),
        Signal::Exit(0),
        Signal::Fail,
        Signal::Log,
    ];
    let rows = world.group(said.map(now));
    let rows: Vec<_> = rows.iter().map(|row| (row.signal, row.count)).collect();
    let wanted = [(Signal::Exit(0), 2), (Signal::Fail, 2), (Signal::Log, 2)];
    assert_eq!(rows, wanted);
    assert_eq!(world.status(), HeartbeatStatus::Down, "it said so last");
    world.group([Signal::Fail, Signal::Success].map(now));
    assert_eq!(world.status(), HeartbeatStatus::Up);
    assert_eq!(world.incidents.len(), 1);
}

#[test]
fn one_that_was_overtaken_is_counted_and_undoes_nothing() {
    let mut world = world(&every(mins(5)));
    world.pass(secs(10));
    world.fill();
    let late = (Signal::Success, None, secs(2));
    let rows = world.group([now(Signal::Success), now(Signal::Fail), late]);
    assert_eq!((rows[0].signal, rows[0].count), (Signal::Success, 2));
    assert_eq!(rows[0].at, world.now);
    assert_eq!(world.status(), HeartbeatStatus::Down);
    world.group([late]);
    assert_eq!(world.status(), HeartbeatStatus::Down);
    world.check_crash();
}

#[test]
fn what_ends_a_run_that_is_open_is_stored_by_itself() {
    let mut draft = every(hours(1));
    draft.max_run = Some(mins(1));
    let mut world = world(&draft);
    world.group([run(Signal::Start, "a"), now(Signal::Start)]);
    world.pass(secs(1));
    world.fill();
    let mut rows = world.group([
        run(Signal::Success, "other"),
        run(Signal::Exit(0), "a"),
        run(Signal::Exit(0), "a"),
        now(Signal::Success),
    ]);
    rows.retain(|row| !row.shared);
    let ends: Vec<_> = rows.iter().map(|row| row.rid.as_deref()).collect();
    assert_eq!(ends, [Some("a"), None], "each once");
    assert!(world.state.durable().runs.is_empty());
    world.pass(mins(2));
    assert!(world.incidents.is_empty());
}

#[test]
fn a_run_that_begins_and_ends_within_one_group_is_known() {
    let mut draft = every(hours(1));
    draft.max_run = Some(mins(1));
    let mut world = world(&draft);
    let full = (1..STORED_A_SECOND).map(|_| now(Signal::Log));
    let begins = [run(Signal::Start, "a"), run(Signal::Success, "b")];
    let ends = [run(Signal::Success, "a"), run(Signal::Success, "b")];
    let rows = world.group(full.chain(begins).chain(ends));
    let last = rows.iter().rfind(|row| !row.shared).unwrap();
    assert_eq!(last.rid.as_deref(), Some("a"));
    assert!(world.state.durable().runs.is_empty());
}

#[test]
fn a_start_with_a_new_run_id_begins_no_run_beyond_the_limit() {
    let mut draft = every(hours(1));
    draft.max_run = Some(mins(1));
    let mut world = world(&draft);
    world.group([run(Signal::Start, "old")]);
    world.pass(secs(30));
    world.fill();
    let rids: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    let starts = rids.iter().map(|rid| run(Signal::Start, rid));
    let rows = world.group(starts);
    assert_eq!((rows.len(), rows[0].count), (1, 5000));
    assert_eq!(world.state.durable().runs.len(), 1);
    assert_eq!(world.state.brief().last_ping, Some(world.now));
    // One that is open begins anew, but not twice in a second.
    let rows = world.group(["old", "old"].map(|rid| run(Signal::Start, rid)));
    assert_eq!(rows.iter().filter(|row| !row.shared).count(), 1);
    assert_eq!(world.state.durable().runs[0].started, world.now);
    world.pass(secs(45));
    assert!(world.incidents.is_empty());
}

#[test]
fn a_second_has_so_many_rows_whatever_comes() {
    let mut world = world(&every(mins(5)));
    let rids: Vec<String> = (0..400).map(|n| (n % 150).to_string()).collect();
    for second in 1..=3_u64 {
        for (n, rids) in rids.chunks(20).enumerate() {
            let signal = [Signal::Start, Signal::Success, Signal::Fail][n % 3];
            // Some were read seconds ago: that makes no room.
            let ago = secs(n as u64 % 4);
            world.group(rids.iter().map(|rid| (signal, Some(&**rid), ago)));
            world.check_crash();
        }
        assert!(world.state.durable().n <= second * ROWS_A_SECOND);
        world.pass(secs(1));
    }
    assert_eq!(world.state.view(world.now).pings, 1200);
}

#[test]
fn a_clock_that_is_set_back_makes_room_again() {
    let mut world = world(&every(mins(5)));
    world.fill();
    assert!(world.group([now(Signal::Success)])[0].shared);
    world.now = world.now - hours(1);
    world.put(Input::SetBack(hours(1))).unwrap();
    assert!(!world.group([now(Signal::Success)])[0].shared);
}

#[test]
fn a_row_that_pings_share_marks_no_run() {
    let mut world = world(&every(mins(5)));
    let mut pings = world.group([now(Signal::Start)]);
    world.pass(secs(1));
    world.fill();
    // The end of the run, and others of its kind, of which some came before it.
    pings.extend(world.group([run(Signal::Success, "x"), now(Signal::Success)]));
    pings.extend(world.group([now(Signal::Start), now(Signal::Success)]));
    pings.sort_by_key(|ping| std::cmp::Reverse((ping.n, ping.seq)));
    pings.dedup_by_key(|ping| ping.n);
    let took = |(mark, ping): (Mark, &Ping)| (ping.shared, mark.run, mark.never_finished);
    let marked: Vec<_> = marks(&pings, &[])
        .into_iter()
        .zip(&pings)
        .map(took)
        .collect();
    let wanted = [
        (true, None, false),
        (false, Some(secs(1)), false),
        (true, None, false),
        (false, None, false),
    ];
    assert_eq!(marked, wanted);
}

/// One group of pings, and how long after it the next one comes, in milliseconds.
type Group = (Vec<(Signal, Option<u8>, u64)>, u64);

fn groups() -> impl Strategy<Value = Vec<Group>> {
    let signal = prop_oneof![
        6 => Just(Signal::Success),
        3 => Just(Signal::Start),
        1 => Just(Signal::Fail),
        1 => Just(Signal::Exit(0)),
        1 => Just(Signal::Exit(7)),
        1 => Just(Signal::Log),
    ];
    let rid = prop_oneof![2 => Just(None), 1 => (0..3_u8).prop_map(Some), 1 => any::<u8>().prop_map(Some)];
    let ago = prop_oneof![6 => Just(0), 1 => 0..2000_u64];
    let ping = (signal, rid, ago);
    let group = prop::collection::vec(ping, 0..90);
    let after = prop_oneof![4 => 0..300_u64, 1 => 0..3_000_u64];
    prop::collection::vec((group, after), 1..12)
}

proptest! {
    #[test]
    fn thinned_pings_bring_about_the_same_and_a_crash_changes_nothing(
        groups in groups(), limited in any::<bool>(),
    ) {
        let mut draft = every(secs(2));
        draft.max_run = limited.then_some(secs(1));
        let mut thinned = world(&draft);
        thinned.pass(secs(60));
        let mut whole = thinned.clone();
        let (mut all, begun) = (0, thinned.now);
        for (group, after) in &groups {
            let rids: Vec<Option<String>> = group.iter()
                .map(|(_, rid, _)| rid.map(|n| n.to_string()))
                .collect();
            let came = || group.iter().zip(&rids).map(|((signal, _, ago), rid)| {
                (*signal, rid.as_deref(), Duration::from_millis(*ago))
            });
            thinned.group(came());
            for (signal, rid, ago) in came() {
                whole.seq += 1;
                let mut ping = ping(whole.seq, whole.now - ago, signal);
                ping.rid = rid.map(Into::into);
                whole.state.number_anyway(&mut ping);
                whole.put(Input::Ping(&ping)).unwrap();
            }
            all += group.len() as u64;
            thinned.check_crash();
            thinned.pass(Duration::from_millis(*after));
            whole.pass(Duration::from_millis(*after));
            thinned.check_crash();

            let (kept, full) = (thinned.state.durable(), whole.state.durable());
            prop_assert_eq!((kept.pings, full.pings), (all, all));
            let seconds = thinned.now.since(begun).as_secs() + 2;
            prop_assert!(kept.n <= seconds * ROWS_A_SECOND);
            prop_assert_eq!(kept.last_ping, full.last_ping);
            prop_assert_eq!(kept.last_success, full.last_success);
            prop_assert_eq!(kept.last_verdict, full.last_verdict);
            prop_assert_eq!(kept.anchor, full.anchor);
            if !limited {
                prop_assert_eq!(thinned.status(), whole.status());
                prop_assert_eq!(thinned.state.next_wake(), whole.state.next_wake());
            }
        }
    }
}
