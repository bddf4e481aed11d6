//! Drafts: heartbeats as users give them, before anything was checked.

use std::collections::BTreeMap;
use std::time::Duration;

use super::schedule::TIME_ZONE_DEFAULT;
use super::{
    CRON_GRACE_DEFAULT, Cron, EVERY_MIN, HeartbeatSpec, InvalidSchedule, SPAN_MAX, Schedule,
};
use crate::duration;
use crate::monitor::draft::{Known, common};
use crate::problem::Problems;

/// A heartbeat as a user gives it; what is absent has a default or stays as it was.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HeartbeatDraft {
    /// The name.
    pub name: Option<String>,
    /// The period. Either this or `cron`.
    pub every: Option<Duration>,
    /// The cron expression.
    pub cron: Option<String>,
    /// The time zone of the cron expression.
    pub tz: Option<String>,
    /// How much later than expected a ping may come.
    pub grace: Option<Duration>,
    /// How long a run may take; zero: as long as it likes.
    pub max_run: Option<Duration>,
    /// Whether silence alarms although it was never pinged.
    pub alarm_before_first_ping: Option<bool>,
    /// Whether only POST counts as a ping.
    pub post_only: Option<bool>,
    /// `critical`, `warning` or `info`.
    pub severity: Option<String>,
    /// The labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Channels by name or id.
    pub notify: Option<Vec<String>>,
}

impl HeartbeatDraft {
    /// Makes a specification, or says everything that is wrong.
    ///
    /// # Errors
    /// Something is malformed, out of bounds, or refers to what does not exist.
    pub fn check(&self, known: &Known<'_>) -> Result<HeartbeatSpec, Problems> {
        let mut problems = Problems::none();
        let name = common::name(self.name.as_ref(), "a heartbeat", &mut problems);
        let schedule = self.check_schedule(&mut problems);
        let grace = check_span("grace", self.grace, &mut problems);
        let grace_default = match schedule {
            Some(Schedule::Cron(_)) => CRON_GRACE_DEFAULT,
            _ => Duration::ZERO,
        };
        let max_run = check_span("max_run", self.max_run, &mut problems);
        let max_run = max_run.filter(|span| !span.is_zero());
        let severity = common::severity(self.severity.as_ref(), &mut problems);
        let labels = common::labels(self.labels.as_ref(), &mut problems);
        let notify = common::notify(self.notify.as_ref(), known, &mut problems);
        let (Some(name), Some(schedule)) = (name, schedule) else {
            return Err(problems);
        };
        problems.or(HeartbeatSpec {
            name,
            schedule,
            grace: grace.unwrap_or(grace_default),
            max_run,
            alarm_before_first_ping: self.alarm_before_first_ping.unwrap_or_default(),
            post_only: self.post_only.unwrap_or_default(),
            severity,
            labels,
            notify,
        })
    }

    /// What a specification says, every field set that its schedule has: [`check`](Self::check)
    /// makes the same of it.
    #[must_use]
    pub fn of(spec: &HeartbeatSpec) -> Self {
        let (every, cron) = match &spec.schedule {
            Schedule::Every(every) => (Some(*every), None),
            Schedule::Cron(cron) => (None, Some(cron)),
        };
        Self {
            name: Some(spec.name.to_string()),
            every,
            cron: cron.map(|cron| cron.expression().to_owned()),
            tz: cron.map(|cron| cron.time_zone().to_owned()),
            grace: Some(spec.grace),
            max_run: Some(spec.max_run.unwrap_or_default()),
            alarm_before_first_ping: Some(spec.alarm_before_first_ping),
            post_only: Some(spec.post_only),
            severity: Some(spec.severity.to_string()),
            labels: Some(spec.labels.clone()),
            notify: Some(spec.notify.iter().map(ToString::to_string).collect()),
        }
    }

    /// The draft of an edit: what `spec` says with `over` laid over it. Another sort of schedule
    /// replaces the former one, and the grace that followed from it by default.
    #[must_use]
    pub fn edited(spec: &HeartbeatSpec, over: Self) -> Self {
        let mut draft = Self::of(spec);
        let is_cron = matches!(spec.schedule, Schedule::Cron(_));
        let grace_default = match is_cron {
            true => CRON_GRACE_DEFAULT,
            false => Duration::ZERO,
        };
        if spec.grace == grace_default {
            draft.grace = None;
        }
        if over.every.is_some() {
            (draft.cron, draft.tz) = (None, None);
        }
        if over.cron.is_some() {
            draft.every = None;
        }
        draft.with(over)
    }

    /// This draft with every field that `over` sets replaced.
    #[must_use]
    pub fn with(self, over: Self) -> Self {
        Self {
            name: over.name.or(self.name),
            every: over.every.or(self.every),
            cron: over.cron.or(self.cron),
            tz: over.tz.or(self.tz),
            grace: over.grace.or(self.grace),
            max_run: over.max_run.or(self.max_run),
            alarm_before_first_ping: over
                .alarm_before_first_ping
                .or(self.alarm_before_first_ping),
            post_only: over.post_only.or(self.post_only),
            severity: over.severity.or(self.severity),
            labels: over.labels.or(self.labels),
            notify: over.notify.or(self.notify),
        }
    }

    fn check_schedule(&self, problems: &mut Problems) -> Option<Schedule> {
        match (self.every, &self.cron) {
            (Some(_), Some(_)) => {
                let message = "a heartbeat has either a period or a cron expression";
                problems.add("cron", message, "leave out `every` or `cron`");
                None
            }
            (None, None) => {
                let message = "a heartbeat needs a schedule";
                let remedy = "say how often: --every 25h, or when: --cron '0 2 * * *'";
                problems.add("every", message, remedy);
                None
            }
            (Some(every), None) => {
                if self.tz.is_some() {
                    let message = "a period has no time zone";
                    problems.add("tz", message, "leave out `tz`, or give `cron`");
                }
                let every = check_span("every", Some(every), problems)?;
                if every < EVERY_MIN {
                    let message = format!("{} is too short", duration::format(every));
                    let least = duration::format(EVERY_MIN);
                    problems.add("every", message, format!("use at least {least}"));
                    return None;
                }
                Some(Schedule::Every(every))
            }
            (None, Some(cron)) => self.check_cron(cron, problems),
        }
    }

    fn check_cron(&self, cron: &str, problems: &mut Problems) -> Option<Schedule> {
        let time_zone = self.tz.as_deref().unwrap_or(TIME_ZONE_DEFAULT);
        let error = match Cron::parse(cron, time_zone) {
            Ok(cron) => return Some(Schedule::Cron(cron)),
            Err(error) => error,
        };
        // A zone that is wrong hides nothing of the expression.
        let hidden = match error {
            InvalidSchedule::TimeZone(_) => Cron::parse(cron, TIME_ZONE_DEFAULT).err(),
            InvalidSchedule::Expression { .. } => None,
        };
        for error in hidden.into_iter().chain([error]) {
            let (field, remedy) = match error {
                InvalidSchedule::TimeZone(_) => ("tz", "use a name like Europe/Berlin or UTC"),
                InvalidSchedule::Expression { .. } => (
                    "cron",
                    "use five fields: minute hour day-of-month month day-of-week, or a name like @daily",
                ),
            };
            problems.add(field, error.to_string(), remedy);
        }
        None
    }
}

/// A span within bounds, in whole milliseconds.
fn check_span(
    field: &'static str,
    given: Option<Duration>,
    problems: &mut Problems,
) -> Option<Duration> {
    let span = given?;
    if span > SPAN_MAX {
        let message = format!("{} is too long", duration::format(span));
        let most = duration::format(SPAN_MAX);
        problems.add(field, message, format!("use at most {most}"));
        return None;
    }
    Some(Duration::from_millis(
        u64::try_from(span.as_millis()).unwrap_or(u64::MAX),
    ))
}
