//! Pings of one heartbeat that come faster than they are stored one by one.

use std::time::{Duration, Instant};

use http::Method;
use vigilmon_common::heartbeat::{RUNS_MAX, STORED_A_SECOND};
use vigilmon_tests::background;
use vigilmon_tests::crowd::Crowd;
use vigilmon_tests::up::Options;
use vigilmon_tests::wait;

use super::{Ward, pings};
use crate::scene::SOON;

/// Clients that ping at once, as fast as they are answered.
const CLIENTS: usize = 24;
/// So many are answered before it is looked at what was stored.
const ENOUGH: usize = 5000;
/// Rows of a second at most: those of one ping each, one for each kind that is shared, and of each
/// run that may be open its end and a new beginning.
const ROWS_A_SECOND: u64 = STORED_A_SECOND as u64 + 4 + 2 * RUNS_MAX as u64;

#[test]
fn pings_beyond_a_hundred_a_second_share_rows_and_all_are_there_after_a_kill() {
    let mut ward = Ward::start();
    let url = ward.add("busy", &["--every", "1h", "--max-run", "30m"]);
    let says = ["", "/start", "/0", "/log"];
    let urls: Vec<String> = says.map(|what| format!("{url}{what}")).into();
    let urls: Vec<String> = urls.into_iter().cycle().take(CLIENTS).collect();
    let begun = Instant::now();
    let crowd = Crowd::start(&urls, Duration::ZERO);
    wait::until_true("many are answered", SOON, || crowd.answered() >= ENOUGH);
    let _quiet = crowd.pause();
    let answered = u64::try_from(crowd.answered()).unwrap();
    // The first and the last second may be parts.
    let bound = (begun.elapsed().as_secs() + 2) * ROWS_A_SECOND;
    let before = ward.show("busy");
    assert_eq!(before["pings"], answered, "{before:#}");
    let rows = pings(&before);
    let newest = rows[0]["number"].as_u64().unwrap();
    assert!(newest <= bound, "{newest} rows of {answered} pings");
    let metrics = metrics(&ward);
    let counted = |result| counted(&metrics, result);
    assert_eq!(counted("accepted") + counted("thinned"), answered);
    assert!(counted("accepted") <= bound);
    assert!(counted("thinned") > 0, "they came fast enough");
    let shared = rows.iter().filter(|row| row["count"].as_u64() > Some(1));
    assert!(shared.count() > 0, "{rows:#?}");

    ward.up.process().kill();
    ward.up.start_again(&Options::coordinator());
    let after = ward.show("busy");
    for field in [
        "pings",
        "status",
        "last_pings",
        "last_ping_at",
        "last_signal",
        "last_success_at",
        "last_run_seconds",
        "runs",
        "never_finished",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(ward.receiver.messages(crate::scene::HOOK).len(), 0);
}

/// What the coordinator counts.
#[track_caller]
fn metrics(ward: &Ward) -> String {
    let add = ["token", "add", "--role", "viewer", "--label", "metrics"];
    let token = ward.cli.ok(&add);
    let bearer = format!("Bearer {}", token.trim());
    let headers = [("authorization", &*bearer)];
    let answer = background::ask(Method::GET, &ward.up.url("/metrics"), &headers).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Of how many pings this became.
#[track_caller]
fn counted(text: &str, result: &str) -> u64 {
    let name = format!("vigilmon_heartbeat_pings_total{{result=\"{result}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&*name));
    value
        .and_then(|value| value.parse().ok())
        .expect("it is counted")
}
