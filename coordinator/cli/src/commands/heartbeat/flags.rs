//! The flags of heartbeats, and the specification that they make.

use std::time::Duration;

use clap::Args;
use vigilmon_common::duration;
use vigilmon_proto::convert;
use vigilmon_proto::v1;
use vigilmon_proto::v1::heartbeat_spec::Schedule;

use super::super::monitor_flags::{labels, severity};
use super::super::wrong::Wrong;
use crate::failure::Failure;

/// What is expected of a job; all but the schedule has defaults.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct HeartbeatFlags {
    /// A ping at least this often, such as 25h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    every: Option<Duration>,
    /// A ping at each of these times, such as '0 2 * * *': minute hour day-of-month month
    /// day-of-week; or a name such as @daily
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// The time zone of --cron, such as Europe/Berlin; UTC when absent
    #[arg(long, value_name = "ZONE", conflicts_with = "every")]
    tz: Option<String>,
    /// How much later a ping may come; 0s with --every, 10m with --cron when absent
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    grace: Option<Duration>,
    /// How long a run may take from its start ping to its end; 0s: as long as it likes
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    max_run: Option<Duration>,
    /// Silence alarms although it was never pinged; =false: it does not
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    alarm_before_first_ping: Option<bool>,
    /// Only POST counts as a ping; =false: GET, HEAD and PUT too
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    post_only: Option<bool>,
    /// critical, warning or info
    #[arg(long, value_name = "WORD")]
    severity: Option<String>,
    /// A label, key=value; may be repeated
    #[arg(long, value_name = "K=V")]
    label: Option<Vec<String>>,
    /// Channels beside those that routes pick, with commas between
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',')]
    notify: Option<Vec<String>>,
}

/// A specification, and the paths of the update mask that name what was given.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// What the flags make.
    pub(super) spec: v1::HeartbeatSpec,
    /// What they name.
    pub(super) mask: Vec<String>,
    /// What of them cannot be read, and is left out of the specification.
    pub(super) wrong: Wrong,
}

impl Given {
    /// For an edit: one empty text in place of a list takes away all that was in it.
    pub(super) fn empty_lists(&mut self) {
        if matches!(&self.spec.notify[..], [only] if only.is_empty()) {
            self.spec.notify.clear();
        }
    }

    /// What a stored specification becomes with them.
    pub(super) fn over(&self, mut stored: v1::HeartbeatSpec) -> v1::HeartbeatSpec {
        let given = &self.spec;
        for field in &self.mask {
            let mut cron = cron(&stored);
            match field.as_str() {
                "spec.every" => stored.schedule.clone_from(&given.schedule),
                "spec.cron.expression" => {
                    cron.expression = self::cron(given).expression;
                    stored.schedule = Some(Schedule::Cron(cron));
                }
                "spec.cron.time_zone" => {
                    cron.time_zone = self::cron(given).time_zone;
                    stored.schedule = Some(Schedule::Cron(cron));
                }
                "spec.grace" => stored.grace = given.grace,
                "spec.max_run" => stored.max_run = given.max_run,
                "spec.notify" => stored.notify.clone_from(&given.notify),
                "spec.labels" => stored.labels.clone_from(&given.labels),
                // Any value of the others is a good one.
                _ => {}
            }
        }
        stored
    }
}

/// The cron schedule that a specification has, if any.
fn cron(spec: &v1::HeartbeatSpec) -> v1::CronSchedule {
    match &spec.schedule {
        Some(Schedule::Cron(cron)) => cron.clone(),
        _ => v1::CronSchedule::default(),
    }
}

/// Puts flags together.
pub(super) fn given(flags: &HeartbeatFlags) -> Given {
    let mut given = Given::default();
    let (spec, wrong) = (&mut given.spec, &mut given.wrong);
    let mut name = |field: &str| given.mask.push(format!("spec.{field}"));
    if let Some(every) = flags.every {
        name("every");
        spec.schedule = Some(Schedule::Every(convert::duration(every)));
    }
    if flags.cron.is_some() || flags.tz.is_some() {
        // Each by itself: another expression leaves the time zone as it is.
        if flags.cron.is_some() {
            name("cron.expression");
        }
        if let Some(zone) = &flags.tz {
            name("cron.time_zone");
            wrong.note(time_zone(zone));
        }
        spec.schedule = Some(Schedule::Cron(v1::CronSchedule {
            expression: flags.cron.clone().unwrap_or_default(),
            time_zone: flags.tz.clone().unwrap_or_default(),
        }));
    }
    if let Some(grace) = flags.grace {
        name("grace");
        spec.grace = Some(convert::duration(grace));
    }
    if let Some(max_run) = flags.max_run {
        name("max_run");
        spec.max_run = Some(convert::duration(max_run));
    }
    if let Some(alarm) = flags.alarm_before_first_ping {
        name("alarm_before_first_ping");
        spec.alarm_before_first_ping = alarm;
    }
    if let Some(post_only) = flags.post_only {
        name("post_only");
        spec.post_only = post_only;
    }
    if let Some(word) = &flags.severity {
        name("severity");
        spec.severity = wrong.note(severity(word)).unwrap_or_default();
    }
    if let Some(given) = &flags.label {
        name("labels");
        spec.labels = wrong.note(labels(given)).unwrap_or_default();
    }
    if let Some(notify) = &flags.notify {
        name("notify");
        spec.notify.clone_from(notify);
    }
    given
}

/// An empty one is no way to say UTC: it is a variable that was not set.
fn time_zone(given: &str) -> Result<(), Failure> {
    if given.trim().is_empty() {
        let hint = "write a name like Europe/Berlin, or UTC";
        return Err(Failure::usage("--tz: is empty", hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_is_named() {
        let flags = HeartbeatFlags {
            every: Some(Duration::from_secs(90_000)),
            post_only: Some(false),
            notify: Some(vec![String::new()]),
            ..HeartbeatFlags::default()
        };
        let mut given = given(&flags);
        assert!(given.wrong.is_empty());
        given.empty_lists();
        assert_eq!(given.mask, ["spec.every", "spec.post_only", "spec.notify"]);
        assert!(given.spec.notify.is_empty());
    }

    #[derive(clap::Parser)]
    struct Line {
        name: String,
        #[command(flatten)]
        flags: HeartbeatFlags,
    }

    #[test]
    fn a_flag_that_stands_alone_swallows_no_name() {
        let read = |words: &[&str]| {
            let line = [&["add"], words].concat();
            <Line as clap::Parser>::try_parse_from(line).map(|line| {
                let flags = line.flags;
                (line.name, flags.alarm_before_first_ping, flags.post_only)
            })
        };
        let both = read(&["--alarm-before-first-ping", "--post-only", "nightly"]);
        assert_eq!(
            both.unwrap(),
            ("nightly".to_owned(), Some(true), Some(true))
        );
        let off = read(&["--post-only=false", "nightly"]);
        assert_eq!(off.unwrap(), ("nightly".to_owned(), None, Some(false)));
        assert!(read(&["nightly", "--post-only", "false"]).is_err());
    }

    #[test]
    fn another_expression_leaves_the_time_zone_and_another_zone_the_expression() {
        let cron = HeartbeatFlags {
            cron: Some("0 2 * * *".to_owned()),
            ..HeartbeatFlags::default()
        };
        assert_eq!(given(&cron).mask, ["spec.cron.expression"]);
        let zone = HeartbeatFlags {
            tz: Some("Europe/Berlin".to_owned()),
            ..HeartbeatFlags::default()
        };
        assert_eq!(given(&zone).mask, ["spec.cron.time_zone"]);
    }
}
