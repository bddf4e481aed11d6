//! Processes that end in the middle of commits: killed, or on a full disk.
//!
//! The test binary runs itself as a child that commits and says what was acknowledged. Whatever
//! happens to it, the folder reopens as a prefix of its commits with all that it said.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use vigilmon_common::heartbeat::PINGS_KEPT;

use super::bed::{open_folder, opened};
use super::samples::{self, DAY_START};
use crate::store::{
    Change, DataDir, HistoryNo, HistoryStore, RegionResult, StateStore, StoreError, StoredPing,
};

/// Names the child's folder; without it the child's test has nothing to do.
const FOLDER: &str = "VIGILMON_TEST_STORE_FOLDER";

fn row_of(commit: u64) -> Change {
    Change::PutRow(Box::new(samples::row(commit)))
}

/// Every tenth commit carries a record of several parts.
fn incident_size(commit: u64) -> usize {
    if commit.is_multiple_of(10) { 60_000 } else { 5 }
}

fn group_of(n: u64) -> Vec<RegionResult> {
    (0..20)
        .map(|m| samples::down(m, n, DAY_START + Duration::from_secs(n)))
        .collect()
}

/// Commits number n: a row, an incident of its own size, and n itself, all or nothing.
async fn commit_on(state: &dyn StateStore, from: u64) -> StoreError {
    for n in from.. {
        let changes = vec![
            row_of(n),
            Change::PutIncident(Box::new(samples::incident(1, incident_size(n)))),
            Change::SetRevision(n),
        ];
        match state.commit(changes).await {
            Ok(_) => println!("acked commit {n}"),
            Err(error) => return error,
        }
    }
    unreachable!("there are more numbers than commits")
}

async fn append_on(history: &dyn HistoryStore, lane: u64) -> StoreError {
    for n in 0.. {
        let kind = lane * 1_000_000 + n;
        match history.append(&group_of(kind)).await {
            Ok(no) => println!("acked group {} {kind}", no.0),
            Err(error) => return error,
        }
    }
    unreachable!("there are more numbers than groups")
}

/// Pings of a group, all or nothing.
const PINGS: u64 = 5;

/// The ping with this number: three heartbeats take turns, every seventh ping has a body.
fn ping_of(seq: u64) -> StoredPing {
    let mut stored = samples::stored_ping(seq % 3, seq, seq / 3 + 1);
    stored.body = stored.body.filter(|_| seq.is_multiple_of(7));
    stored
}

/// Stores groups of pings; now and then what is far behind is forgotten.
async fn ping_on(history: &dyn HistoryStore) -> StoreError {
    loop {
        let first = history.last_ping() + 1;
        let last = first + PINGS - 1;
        let pings = (first..=last).map(ping_of).collect();
        if let Err(error) = history.append_pings(pings, vec![]).await {
            return error;
        }
        println!("acked ping {last}");
        if last.is_multiple_of(10 * PINGS)
            && let Err(error) = history.forget_pings(last / 2).await
        {
            return error;
        }
    }
}

/// The child. Run by itself it passes at once.
#[tokio::test]
async fn the_child_commits_until_it_cannot() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let data = DataDir::open(Path::new(&folder)).unwrap();
    let opened = match opened(&data).await {
        Ok(opened) => opened,
        Err(error) => return println!("refused {error}"),
    };
    let (state, history) = (&*opened.stores.state, &*opened.stores.history);
    let revision = opened.state.revision;
    let (first, second, third, fourth) = tokio::join!(
        commit_on(state, revision + 1),
        append_on(history, 1),
        append_on(history, 2),
        ping_on(history),
    );
    for (error, health) in [
        (first, state.health()),
        (second, history.health()),
        (third, history.health()),
        (fourth, history.health()),
    ] {
        assert_eq!(
            health.failure(),
            Some(error.clone()),
            "the first error sticks"
        );
        println!("refused {error}");
    }
    let again = state.commit(Vec::new()).await;
    assert!(matches!(again, Err(StoreError::Failed { .. })), "{again:?}");
    let again = history.append(&group_of(1)).await;
    assert!(matches!(again, Err(StoreError::Failed { .. })), "{again:?}");
    println!("refused everything");
}

fn start(mut command: Command, folder: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = command
        .args([
            "--exact",
            "--nocapture",
            "store::tests::crash::the_child_commits_until_it_cannot",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// What a child said was acknowledged.
#[derive(Default)]
struct Said {
    commit: u64,
    groups: Vec<(u64, u64)>,
    ping: u64,
    refused: Vec<String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        if let Some(refused) = line.strip_prefix("refused ") {
            self.refused.push(refused.to_owned());
        }
        let number = |text: &str| text.parse::<u64>().unwrap();
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["acked", "commit", n] => self.commit = number(n),
            ["acked", "ping", n] => self.ping = number(n),
            ["acked", "group", no, kind] => self.groups.push((number(no), number(kind))),
            _ => {}
        }
    }

    /// Everything that was acknowledged is in the folder, and nothing but a prefix.
    async fn check(&self, folder: &Path) {
        let (_data, opened) = open_folder(folder).await;
        let opened = opened.unwrap();
        let state = opened.state;
        assert!(
            state.revision >= self.commit,
            "{} < {}",
            state.revision,
            self.commit
        );
        let rows: Vec<_> = state.rows.keys().copied().collect();
        assert_eq!(rows, (1..=state.revision).collect::<Vec<_>>());
        let incident = state.incidents.values().next();
        assert_eq!(
            incident,
            Some(&samples::incident(1, incident_size(state.revision)))
        );
        let history = &opened.stores.history;
        let chunks = history.replay(HistoryNo(0), usize::MAX).await.unwrap();
        let numbers: Vec<_> = chunks.iter().map(|c| c.no.0).collect();
        assert_eq!(numbers, (1..=history.last().0).collect::<Vec<_>>());
        for (no, kind) in &self.groups {
            let chunk = &chunks[usize::try_from(no - 1).unwrap()];
            assert_eq!(chunk.results, group_of(*kind), "group {no}");
        }
        self.check_pings(&**history).await;
        opened.stores.close().await.unwrap();
    }

    async fn check_pings(&self, history: &dyn HistoryStore) {
        let last = history.last_ping();
        assert!(last >= self.ping, "{last} < {}", self.ping);
        assert!(last.is_multiple_of(PINGS), "a group is whole: {last}");
        let logged = history.replay_pings(0, usize::MAX).await.unwrap();
        let first = logged.first().map_or(1, |ping| ping.seq);
        assert!(first <= last / 2 + 1, "{first} is behind what is forgotten");
        let pings = |all: Vec<u64>| all.into_iter().map(|seq| ping_of(seq).ping);
        assert!(pings((first..=last).collect()).eq(logged));
        for heartbeat in 0..3 {
            let own = (1..=last).rev().filter(|seq| seq % 3 == heartbeat);
            let own = pings(own.take(PINGS_KEPT).collect());
            let id = samples::monitor_id(heartbeat);
            assert!(own.eq(history.pings(id, usize::MAX).await.unwrap()));
        }
        for seq in last.saturating_sub(20)..=last {
            let body = history.ping_body(seq).await.unwrap();
            assert_eq!(body, ping_of(seq).body.filter(|_| seq > 0), "{seq}");
        }
    }
}

#[tokio::test]
async fn a_killed_process_leaves_a_prefix_with_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = Said::default();
    for round in 1..=5 {
        let exe = std::env::current_exe().unwrap();
        let (mut child, output) = start(Command::new(exe), folder.path());
        let mut lines = output.lines().map(Result::unwrap);
        for line in lines
            .by_ref()
            .filter(|l| l.starts_with("acked"))
            .take(round * 37)
        {
            said.hear(&line);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before the signal reached it.
        lines.for_each(|line| said.hear(&line));
        said.check(folder.path()).await;
    }
    assert!(said.commit > 0 && said.ping > 0 && !said.groups.is_empty());
}

#[tokio::test]
async fn a_full_disk_refuses_clearly_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    // Without the trap the signal would end the process instead.
    shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    shell.arg(std::env::current_exe().unwrap());
    let (mut child, output) = start(shell, folder.path());
    let mut said = Said::default();
    let mut lines = output.lines().map(Result::unwrap);
    for line in lines.by_ref().filter(|l| l.starts_with("acked")).take(100) {
        said.hear(&line);
    }
    // From here on no file takes anything more, as on a full disk.
    let limit = format!("--pid={}", child.id());
    let limited = Command::new("prlimit")
        .args([&*limit, "--fsize=4096"])
        .status();
    assert!(limited.unwrap().success());
    lines.for_each(|line| said.hear(&line));
    assert!(child.wait().unwrap().success());
    assert_eq!(said.refused.len(), 5, "{:?}", said.refused);
    for refused in &said.refused[..4] {
        let folder = folder.path().canonicalize().unwrap();
        assert!(refused.contains(folder.to_str().unwrap()), "{refused}");
        assert!(refused.contains("free or repair the disk"), "{refused}");
    }
    said.check(folder.path()).await;
}

#[test]
fn a_disk_that_is_full_from_the_start_is_said_to_be_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"]);
    shell.arg(std::env::current_exe().unwrap());
    let (mut child, output) = start(shell, folder.path());
    let mut said = Said::default();
    output.lines().for_each(|line| said.hear(&line.unwrap()));
    child.wait().unwrap();
    let refused = said.refused.concat();
    assert!(refused.contains("cannot be opened"), "{refused}");
    assert!(refused.contains("free or repair the disk"), "{refused}");
    // With room again it starts as if nothing had been.
    let data = DataDir::open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        opened(&data).await.unwrap().stores.close().await.unwrap();
    });
}
