use super::super::{Cron, HeartbeatDraft};
use super::*;
use crate::monitor::draft::Known;
use crate::time::Time;

const URL: &str = "https://status.example.org/ping/7mQk2Vh9x3LrT8wYc5NfBd";
const ALL: [&str; 12] = [
    "shell",
    "cron",
    "systemd",
    "kubernetes",
    "github-actions",
    "httpx",
    "requests",
    "apscheduler",
    "celery",
    "node",
    "go",
    "rust",
];

fn spec(draft: HeartbeatDraft) -> HeartbeatSpec {
    let named = HeartbeatDraft {
        name: Some("Nightly cleanup.2".to_owned()),
        ..HeartbeatDraft::default()
    };
    named.with(draft).check(&Known::default()).unwrap()
}

fn cron(expression: &str, tz: &str) -> HeartbeatSpec {
    spec(HeartbeatDraft {
        cron: Some(expression.to_owned()),
        tz: Some(tz.to_owned()),
        ..HeartbeatDraft::default()
    })
}

fn every(seconds: u64) -> HeartbeatSpec {
    spec(HeartbeatDraft {
        every: Some(Duration::from_secs(seconds)),
        ..HeartbeatDraft::default()
    })
}

fn tools(spec: &HeartbeatSpec) -> Vec<&'static str> {
    let tools = all(URL, spec).into_iter().map(|snippet| snippet.tool);
    tools.collect()
}

#[track_caller]
fn text(spec: &HeartbeatSpec, tool: &str) -> String {
    let found = all(URL, spec)
        .into_iter()
        .find(|snippet| snippet.tool == tool);
    found.unwrap().text
}

#[track_caller]
fn says(spec: &HeartbeatSpec, tool: &str, line: &str) {
    let text = text(spec, tool);
    assert!(text.lines().any(|found| found.trim() == line), "{text}");
}

#[test]
fn each_has_the_url_as_it_is_and_nothing_is_left_open() {
    let limited = HeartbeatDraft {
        cron: Some("0 2 * * *".to_owned()),
        max_run: Some(Duration::from_secs(7_200)),
        post_only: Some(true),
        ..HeartbeatDraft::default()
    };
    for spec in [every(90_000), cron("*/5 * * * *", "UTC"), spec(limited)] {
        assert_eq!(tools(&spec), ALL);
        for Snippet { tool, title, text } in all(URL, &spec) {
            assert!(text.contains(URL), "{tool}: {text}");
            assert!(!text.contains("<<"), "{tool}: {text}");
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{tool}");
            assert!(!text.contains("\n\n\n\n") && !title.is_empty(), "{tool}");
            let posts = ["-d \"\"", ".post(", "\"POST\"", "MethodPost"];
            let posts = posts.iter().any(|sign| text.contains(sign));
            assert_eq!(posts, spec.post_only, "{tool}: {text}");
        }
    }
}

#[test]
fn each_tries_for_half_a_minute_also_where_nobody_listens() {
    for Snippet { tool, text, .. } in all(URL, &cron("*/5 * * * *", "UTC")) {
        let curls = text.matches("curl -").count();
        let patient = text.matches("--retry 5 --retry-connrefused").count();
        assert_eq!(curls, patient, "{tool}: {text}");
        let pauses = ["0, 1, 2, 4, 8, 16", "total=5, backoff_factor=1"];
        let pauses = pauses.iter().any(|pauses| text.contains(pauses));
        assert!(pauses || curls > 0, "{tool}: {text}");
        assert!(!text.contains("--body"), "{tool}: {text}");
    }
}

#[test]
fn a_job_runs_often_enough_for_its_period() {
    says(&every(90_000), "kubernetes", "schedule: \"0 2 * * *\"");
    says(&every(300), "kubernetes", "schedule: \"*/4 * * * *\"");
    says(&every(3_600), "github-actions", "- cron: \"*/30 * * * *\"");
    says(&every(86_400), "celery", "hour=\"*/12\",");
    says(
        &every(8 * 86_400),
        "systemd",
        "OnCalendar=Mon *-*-* 02:00:00 UTC",
    );
    assert!(!tools(&every(300)).contains(&"github-actions"));
    let often = [
        "shell", "systemd", "httpx", "requests", "node", "go", "rust",
    ];
    assert_eq!(tools(&every(30)), often);
    assert!(!text(&every(30), "systemd").contains("OnCalendar"));
}

#[test]
fn each_scheduler_has_the_times_in_its_own_spelling() {
    let weekly = cron("30 1-5/2 * JAN-mar MON-fri", "Europe/Berlin");
    let calendar = "OnCalendar=Mon,Tue,Wed,Thu,Fri *-01..03-* 01..05/2:30:00 Europe/Berlin";
    says(&weekly, "systemd", calendar);
    says(
        &weekly,
        "kubernetes",
        "schedule: \"30 1-5/2 * 1-3 1,2,3,4,5\"",
    );
    says(&weekly, "kubernetes", "timeZone: \"Europe/Berlin\"");
    let named = "30 1-5/2 * 1-3 mon,tue,wed,thu,fri";
    let trigger = format!("CronTrigger.from_crontab(\"{named}\", timezone=\"Europe/Berlin\"),");
    says(&weekly, "apscheduler", &trigger);
    says(&weekly, "celery", "day_of_week=\"1,2,3,4,5\",");
    assert!(text(&weekly, "github-actions").contains("Europe/Berlin's"));
    assert!(text(&weekly, "cron").contains("\nCRON_TZ=Europe/Berlin\n"));
    assert!(text(&weekly, "cron").contains("\n30 1-5/2 * JAN-mar MON-fri curl "));

    let stepped = cron("*/15 7/4 * * 5-7", "UTC");
    says(
        &stepped,
        "systemd",
        "OnCalendar=Sun,Fri,Sat *-*-* 07..23/4:00/15:00 UTC",
    );
    says(
        &stepped,
        "kubernetes",
        "schedule: \"*/15 7-23/4 * * 0,5,6\"",
    );
}

#[test]
fn the_portable_spelling_has_the_same_times() {
    let odd = [
        "*/7 3/5 * feb-Apr 1/2",
        "5,35 0-23/3 1-31/9 * *",
        "0 6 13,31 * fri",
        "0 6 31 */2 sun,1,7",
        "59 23 * * 0-6/3",
        "0 12 1 * 1-7",
        "0 12 * * fri-sun",
        "0 12 * * 2-0/2,7",
    ];
    for expression in odd {
        let spec = cron(expression, "Europe/Berlin");
        let portable = Times::of(&spec).portable().unwrap();
        let Schedule::Cron(given) = &spec.schedule else {
            panic!("it is one");
        };
        let same = Cron::parse(&portable, "Europe/Berlin").unwrap();
        let mut at = Time::from_secs(1_772_359_323);
        for _ in 0..50 {
            let next = given.expected_after(at).unwrap().at;
            let other = same.expected_after(at).unwrap().at;
            assert_eq!(next, other, "{expression} as {portable}");
            at = next;
        }
    }
}

#[test]
fn a_day_of_either_sort_is_said_where_it_can_be() {
    let either = cron("0 2 1,15 * 1", "UTC");
    says(&either, "systemd", "OnCalendar=*-*-01,15 02:00:00 UTC");
    says(&either, "systemd", "OnCalendar=Mon *-*-* 02:00:00 UTC");
    says(&either, "kubernetes", "schedule: \"0 2 1,15 * 1\"");
    assert!(!tools(&either).contains(&"apscheduler"));
    says(
        &cron("0 2 1 * 0-7", "UTC"),
        "kubernetes",
        "schedule: \"0 2 * * *\"",
    );
}

#[test]
fn what_only_few_schedulers_know_is_left_out() {
    for odd in ["0 2 L * *", "0 2 * * 5#3", "0 2 15W * *", "0 2 */2 * 6"] {
        let tools = tools(&cron(odd, "UTC"));
        for tool in ["kubernetes", "github-actions", "apscheduler", "celery"] {
            assert!(!tools.contains(&tool), "{odd}: {tools:?}");
        }
    }
}

#[test]
fn a_longest_run_and_the_time_for_pings_end_runs_where_the_tool_can() {
    let limited = spec(HeartbeatDraft {
        every: Some(Duration::from_secs(90_000)),
        max_run: Some(Duration::from_secs(90)),
        ..HeartbeatDraft::default()
    });
    says(&limited, "systemd", "TimeoutStartSec=210");
    says(&limited, "kubernetes", "activeDeadlineSeconds: 210");
    says(&limited, "github-actions", "timeout-minutes: 4");
    assert!(text(&limited, "celery").contains("soft_time_limit=210"));
}

#[test]
fn files_are_named_as_all_systems_allow() {
    says(&every(90_000), "github-actions", "name: nightly-cleanup-2");
    let long = format!("{} b", "a".repeat(51));
    assert_eq!(file_name(&long), "a".repeat(51));
}
