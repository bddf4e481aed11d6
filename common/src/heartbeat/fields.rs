//! The fields of a heartbeat by the names that users write, to say what an edit changes.

use super::{HeartbeatSpec, Schedule};
use crate::difference::Field;
use crate::duration;
use crate::id::ChannelId;
use crate::monitor::{labels_field, notify_field};

/// Every field; none of them is a secret. `channel` names a channel.
#[must_use]
pub fn fields(spec: &HeartbeatSpec, channel: &dyn Fn(ChannelId) -> String) -> Vec<Field> {
    let (every, cron, tz) = match &spec.schedule {
        Schedule::Every(every) => (duration::format(*every), "", ""),
        Schedule::Cron(cron) => (String::new(), cron.expression(), cron.time_zone()),
    };
    let max_run = spec.max_run.map(duration::format).unwrap_or_default();
    let alarm = spec.alarm_before_first_ping.to_string();
    vec![
        Field::new("every", every),
        Field::new("cron", cron),
        Field::new("tz", tz),
        Field::new("grace", duration::format(spec.grace)),
        Field::new("max_run", max_run),
        Field::new("alarm_before_first_ping", alarm),
        Field::new("post_only", spec.post_only.to_string()),
        Field::new("severity", spec.severity.to_string()),
        labels_field(&spec.labels),
        notify_field(&spec.notify, channel),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::difference::difference;
    use crate::heartbeat::HeartbeatDraft;
    use crate::monitor::Known;

    fn said(before: &HeartbeatDraft, after: &HeartbeatDraft) -> Vec<String> {
        let of = |draft: &HeartbeatDraft| {
            let spec = draft.check(&Known::default()).unwrap();
            fields(&spec, &|id| id.to_string())
        };
        let changes = difference(&of(before), &of(after));
        let line = |c: crate::difference::Change| format!("{} {} -> {}", c.field, c.from, c.to);
        changes.into_iter().map(line).collect()
    }

    fn every(secs: u64) -> HeartbeatDraft {
        HeartbeatDraft {
            name: Some("nightly".to_owned()),
            every: Some(Duration::from_secs(secs)),
            ..HeartbeatDraft::default()
        }
    }

    #[test]
    fn an_edit_is_said_by_field() {
        let after = HeartbeatDraft {
            max_run: Some(Duration::from_secs(7200)),
            post_only: Some(true),
            labels: Some(BTreeMap::from([("team".to_owned(), "web".to_owned())])),
            ..every(90_000)
        };
        assert_eq!(
            said(&every(3600), &after),
            [
                "every 1h -> 25h",
                "max_run  -> 2h",
                "post_only false -> true",
                "labels  -> team=web",
            ]
        );
        assert_eq!(said(&after, &after), [""; 0]);
    }

    #[test]
    fn another_sort_of_schedule_names_both_sorts() {
        let cron = HeartbeatDraft {
            every: None,
            cron: Some("0 2 * * *".to_owned()),
            ..every(1)
        };
        assert_eq!(
            said(&every(90_000), &cron),
            [
                "every 25h -> ",
                "cron  -> 0 2 * * *",
                "tz  -> UTC",
                "grace 0s -> 10m"
            ]
        );
    }
}
