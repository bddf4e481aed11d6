//! What an incident of a heartbeat says of it: what was expected, and what came last.

use serde_json::{Map, Value, json};
use vigilmon_common::duration;
use vigilmon_proto::v1;
use vigilmon_proto::v1::heartbeat_facts::Schedule;

use crate::format;

/// `every 25h, grace 10m`, or `0 2 * * * (Europe/Berlin), grace 10m`.
pub(super) fn expected(facts: &v1::HeartbeatFacts) -> String {
    let schedule = match &facts.schedule {
        Some(Schedule::Every(every)) => format!("every {}", format::span_text(Some(every))),
        Some(Schedule::Cron(cron)) => format!("{} ({})", cron.expression, cron.time_zone),
        None => String::new(),
    };
    match format::span(facts.grace.as_ref()) {
        Some(grace) if !grace.is_zero() => {
            format!("{schedule}, grace {}", duration::format(grace))
        }
        _ => schedule,
    }
}

/// What `incident show` says of it.
pub(super) fn lines(facts: &v1::HeartbeatFacts) -> [String; 2] {
    [
        format!("  expected  {}", expected(facts)),
        format!("  last ping {}", last_ping(facts)),
    ]
}

/// When it last pinged.
pub(super) fn last_ping(facts: &v1::HeartbeatFacts) -> String {
    match &facts.last_ping_time {
        Some(at) => format!("{} UTC", format::time_text(Some(at))),
        None => "never".to_owned(),
    }
}

/// When the missing ping was expected, and how late it was by then.
pub(super) fn due(facts: &v1::HeartbeatFacts) -> Option<String> {
    let due = format::time_text(Some(facts.due_time.as_ref()?));
    let late = format::span(facts.late.as_ref()).filter(|late| late.as_secs() > 0);
    let late = late.map(|late| format!(", {} late", format::lasting(late)));
    Some(format!("{due} UTC{}", late.unwrap_or_default()))
}

/// As in webhooks.
pub(super) fn to_json(facts: &v1::HeartbeatFacts) -> Value {
    let state = v1::HeartbeatStatus::try_from(facts.state).unwrap_or_default();
    let state = format::word(state.as_str_name(), "HEARTBEAT_STATUS_");
    let mut json = Map::from_iter([("state".to_owned(), json!(state))]);
    match &facts.schedule {
        Some(Schedule::Every(every)) => {
            let every = format::seconds(format::span(Some(every)));
            json.insert("expected_every_seconds".to_owned(), every);
        }
        Some(Schedule::Cron(cron)) => {
            json.insert("cron".to_owned(), json!(cron.expression));
            json.insert("time_zone".to_owned(), json!(cron.time_zone));
        }
        None => {}
    }
    let span = |span: &Option<prost_types::Duration>| format::seconds(format::span(span.as_ref()));
    let time = |at: &Option<prost_types::Timestamp>| format::time_json(at.as_ref());
    json.insert("grace_seconds".to_owned(), span(&facts.grace));
    json.insert("last_ping_at".to_owned(), time(&facts.last_ping_time));
    json.insert("due_at".to_owned(), time(&facts.due_time));
    json.insert("late_seconds".to_owned(), span(&facts.late));
    Value::Object(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_says_what_was_expected_and_what_came_last() {
        let every = prost_types::Duration {
            seconds: 90_000,
            nanos: 0,
        };
        let at = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
        let facts = v1::HeartbeatFacts {
            state: v1::HeartbeatStatus::Down.into(),
            schedule: Some(Schedule::Every(every)),
            grace: Some(prost_types::Duration::default()),
            last_ping_time: Some(at(1_772_269_323)),
            due_time: Some(at(1_772_359_323)),
            late: Some(prost_types::Duration {
                seconds: 62,
                nanos: 0,
            }),
        };
        assert_eq!(expected(&facts), "every 25h");
        assert_eq!(last_ping(&facts), "2026-02-28 09:02:03 UTC");
        let due = due(&facts).unwrap();
        assert!(due.starts_with("2026-03-01 10:02:03 UTC, 1m"), "{due}");
        let json = to_json(&facts);
        assert_eq!(json["state"], "down");
        assert_eq!(json["expected_every_seconds"], 90_000);
        assert_eq!(json["last_ping_at"], "2026-02-28T09:02:03.000Z");
        assert!(json.get("cron").is_none());
    }
}
