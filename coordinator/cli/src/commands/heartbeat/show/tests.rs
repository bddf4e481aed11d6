use vigilmon_proto::convert::timestamp;

use super::*;

/// 2026-03-01 10:02:03 UTC, a Sunday.
const NOW: i64 = 1_772_359_323_000;
const URL: &str = "https://status.example.org/ping/7mQk2Vh9x3LrT8wYc5NfBd";

fn ago(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(timestamp(Time::from_millis(NOW - seconds * 1_000)))
}

const fn lasts(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn nightly() -> v1::Heartbeat {
    v1::Heartbeat {
        id: "h-1".to_owned(),
        name: "nightly_cleanup".to_owned(),
        slug: "nightly-cleanup".to_owned(),
        spec: Some(v1::HeartbeatSpec {
            schedule: lasts(90_000).map(Schedule::Every),
            grace: lasts(0),
            severity: v1::Severity::Critical.into(),
            ..Default::default()
        }),
        state: Some(v1::HeartbeatState {
            status: v1::HeartbeatStatus::Up.into(),
            since: ago(172_800),
            due_time: ago(3_600 - 90_000),
            deadline_time: ago(3_600 - 90_000),
            last_ping_time: ago(3_600),
            last_signal: "success".to_owned(),
            last_success_time: ago(3_600),
            last_run: lasts(754),
            pings: 7,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn berlin() -> v1::Heartbeat {
    let mut heartbeat = nightly();
    let spec = heartbeat.spec.get_or_insert_default();
    spec.schedule = Some(Schedule::Cron(v1::CronSchedule {
        expression: "0 2 * * *".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
    }));
    spec.grace = lasts(600);
    spec.max_run = lasts(7_200);
    let state = heartbeat.state.get_or_insert_default();
    // 2026-03-02 02:00 in Berlin.
    state.due_time = Some(timestamp(Time::from_millis(1_772_413_200_000)));
    state.never_finished = 2;
    state.runs.push(v1::OpenRun {
        rid: "nightly-8".to_owned(),
        start_time: ago(62),
        overrun: true,
    });
    heartbeat
}

fn text(heartbeat: &v1::Heartbeat, url: Option<&str>) -> String {
    let url = url.map_or(Seen::Hidden, |url| {
        Seen::Url(v1::PingUrl {
            url: url.to_owned(),
            former_until_time: None,
        })
    });
    text_with(heartbeat, &url)
}

fn text_with(heartbeat: &v1::Heartbeat, url: &Seen) -> String {
    let lines = lines(heartbeat, url, Time::from_millis(NOW));
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{lines:#?}"
    );
    lines.join("\n")
}

#[test]
fn a_heartbeat_says_what_it_expects_how_it_stands_and_what_was_heard() {
    let text = text(&nightly(), Some(URL));
    for line in [
        "nightly_cleanup (h-1)",
        "  expected  every 25h, grace 0s",
        "  state     up since 2026-02-27 10:02:03 UTC",
        "  next      2026-03-02 10:02:03 UTC, in 1d",
        "  last ping 2026-03-01 09:02:03 UTC, 1h ago: success",
        "  last run  took 12m34s",
        "  slug      nightly-cleanup",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.contains(&format!("  ping URL  {URL}")), "{text}");
}

#[test]
fn a_cron_schedule_says_the_next_three_times_where_they_are_meant() {
    let text = text(&berlin(), Some(URL));
    let said =
        "  expected  0 2 * * * Europe/Berlin, grace 10m\n            a run takes at most 2h\n";
    assert!(text.contains(said), "{text}");
    let next = "  next      Mon 2026-03-02 02:00 Europe/Berlin, in 14h57m\n            \
                Tue 2026-03-03 02:00\n            Wed 2026-03-04 02:00\n";
    assert!(text.contains(next), "{text}");
    let running = "  running   nightly-8 since 2026-03-01 10:01:01 UTC, 1m2s, too long\n            \
                   2 runs that began never finished\n";
    assert!(text.contains(running), "{text}");
}

#[test]
fn the_url_is_said_only_to_who_may_see_it() {
    let text = text(&nightly(), None);
    assert!(
        text.contains("shown to a token of role editor or admin"),
        "{text}"
    );
}

#[test]
fn a_url_that_cannot_be_opened_hides_nothing_else_and_says_the_remedy() {
    let message = "the ping URL cannot be shown: it was sealed with another key";
    let hint = "pings count all the same; `vigilmon heartbeat rotate` gives it another URL";
    let why = Failure::new(exit::FAILED, message, hint);
    let text = text_with(&nightly(), &Seen::Unreadable(why));
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = format!("ping URL {message}; {hint} slug nightly-cleanup");
    assert!(said.contains(&wanted), "{text}");
}

#[test]
fn nothing_is_expected_of_a_new_one() {
    let mut heartbeat = nightly();
    heartbeat.state = Some(v1::HeartbeatState {
        status: v1::HeartbeatStatus::New.into(),
        since: ago(60),
        ..Default::default()
    });
    let said = text(&heartbeat, None);
    assert!(
        said.contains("  next      nothing before the first ping\n"),
        "{said}"
    );
    assert!(said.contains("  last ping never\n"), "{said}");
}

#[test]
fn a_row_keeps_to_what_a_list_needs() {
    let now = Time::from_millis(NOW);
    let wanted = ["nightly_cleanup", "up", "every 25h", "1h ago", "in 1d"];
    assert_eq!(row(&nightly(), now), wanted);
    assert_eq!(row(&berlin(), now)[2], "0 2 * * * Europe/Berlin");
}

#[test]
fn only_what_is_held_against_a_job_is_overdue() {
    let now = Time::from_millis(NOW);
    let mut heartbeat = berlin();
    let state = heartbeat.state.get_or_insert_default();
    state.due_time = ago(60);
    assert_eq!(row(&heartbeat, now)[4], "running");
    assert!(!text(&heartbeat, None).contains("overdue"));
    let state = heartbeat.state.get_or_insert_default();
    state.runs.clear();
    assert_eq!(row(&heartbeat, now)[4], "now");
    let state = heartbeat.state.get_or_insert_default();
    state.status = v1::HeartbeatStatus::Down.into();
    assert_eq!(row(&heartbeat, now)[4], "1m overdue");
}

#[test]
fn scripts_read_the_schedule_by_its_sort() {
    let value = json(&nightly());
    assert_eq!(
        (&value["kind"], &value["status"]),
        (&json!("heartbeat"), &json!("up"))
    );
    assert_eq!(
        (&value["every_seconds"], &value["grace_seconds"]),
        (&json!(90_000), &json!(0))
    );
    assert_eq!(value["next_expected_at"], "2026-03-02T10:02:03.000Z");
    assert!(value.get("cron").is_none());
    let value = json(&berlin());
    assert_eq!(
        (&value["cron"], &value["time_zone"]),
        (&json!("0 2 * * *"), &json!("Europe/Berlin"))
    );
    assert!(value.get("every_seconds").is_none());
    assert_eq!(value["max_run_seconds"], 7_200);
    assert_eq!(value["runs"][0]["rid"], "nightly-8");
}

#[test]
fn a_missing_ping_is_overdue_and_a_run_is_said_once() {
    let mut heartbeat = berlin();
    let state = heartbeat.state.get_or_insert_default();
    state.reason = "running for 1m2s".to_owned();
    assert!(!text(&heartbeat, None).contains("running for"));
    let state = heartbeat.state.get_or_insert_default();
    state.status = v1::HeartbeatStatus::Late.into();
    state.reason = "a ping is 1m overdue".to_owned();
    state.due_time = ago(60);
    let said = text(&heartbeat, None);
    assert!(
        said.contains("            a ping is 1m overdue\n"),
        "{said}"
    );
    let next = "  next      overdue: Sun 2026-03-01 11:01 Europe/Berlin, 1m ago\n";
    assert!(said.contains(next), "{said}");
}
