//! What the form of a heartbeat holds: as it was sent, as a draft, and made of what is stored.
//!
//! A form says everything: an empty field is the default, never "as it was".

use std::collections::BTreeMap;
use std::time::Duration;

use vigilmon_common::duration;
use vigilmon_common::heartbeat::{
    CRON_GRACE_DEFAULT, Heartbeat, HeartbeatDraft, Schedule, TIME_ZONE_DEFAULT,
};
use vigilmon_common::monitor::Severity;
use vigilmon_common::monitor::draft::Known;
use vigilmon_common::problem::Problems;

/// Stands in for a span that cannot be read, so that the rest of the draft can be checked.
const SOME_SPAN: Duration = Duration::from_hours(1);
/// So much of a line that is no label is repeated.
const REPEATED: usize = 40;

/// What the form holds.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) name: String,
    /// `period` or `cron`.
    pub(super) kind: String,
    pub(super) every: String,
    pub(super) cron: String,
    pub(super) tz: String,
    pub(super) grace: String,
    pub(super) max_run: String,
    pub(super) severity: String,
    pub(super) alarm_before_first_ping: bool,
    pub(super) post_only: bool,
    /// `key=value`, one in a line.
    pub(super) labels: String,
    /// Ids of channels.
    pub(super) notify: Vec<String>,
    /// The version of the heartbeat that the form was filled with.
    pub(super) version: u64,
}

impl Default for Given {
    fn default() -> Self {
        let empty = String::new;
        Self {
            name: empty(),
            kind: "period".to_owned(),
            every: empty(),
            cron: empty(),
            tz: empty(),
            grace: empty(),
            max_run: empty(),
            severity: Severity::default().to_string(),
            alarm_before_first_ping: false,
            post_only: false,
            labels: empty(),
            notify: Vec::new(),
            version: 0,
        }
    }
}

impl Given {
    /// What a browser sent: a box that is not ticked is not there, and one name may come often.
    pub(super) fn read(sent: Vec<(String, String)>) -> Self {
        let mut given = Self::default();
        for (name, value) in sent {
            match name.as_str() {
                "name" => given.name = value,
                "kind" => given.kind = value,
                "every" => given.every = value,
                "cron" => given.cron = value,
                "tz" => given.tz = value,
                "grace" => given.grace = value,
                "max_run" => given.max_run = value,
                "severity" => given.severity = value,
                "alarm_before_first_ping" => given.alarm_before_first_ping = value == "yes",
                "post_only" => given.post_only = value == "yes",
                "labels" => given.labels = value,
                "notify" => given.notify.push(value),
                "version" => given.version = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        given
    }

    /// A heartbeat as it is stored.
    pub(super) fn of(heartbeat: &Heartbeat) -> Self {
        let spec = &heartbeat.spec;
        let given = match &spec.schedule {
            Schedule::Every(every) => Self {
                every: duration::format(*every),
                ..Self::default()
            },
            Schedule::Cron(cron) => Self {
                kind: "cron".to_owned(),
                cron: cron.expression().to_owned(),
                tz: cron.time_zone().to_owned(),
                ..Self::default()
            },
        };
        let grace = match spec.grace.is_zero() && given.kind == "period" {
            true => String::new(),
            false => duration::format(spec.grace),
        };
        let labels = spec.labels.iter().map(|(k, v)| format!("{k}={v}"));
        Self {
            name: spec.name.to_string(),
            grace,
            max_run: spec.max_run.map(duration::format).unwrap_or_default(),
            severity: spec.severity.to_string(),
            alarm_before_first_ping: spec.alarm_before_first_ping,
            post_only: spec.post_only,
            labels: labels.collect::<Vec<_>>().join("\n"),
            notify: spec.notify.iter().map(ToString::to_string).collect(),
            version: heartbeat.version,
            ..given
        }
    }

    /// Whether something of the seldom wanted is given.
    pub(super) fn has_more(&self) -> bool {
        let texts = [&self.max_run, &self.labels];
        let said = texts.into_iter().any(|text| !text.trim().is_empty());
        said || self.alarm_before_first_ping || self.post_only || !self.notify.is_empty()
    }

    /// The draft, every field of it set, or all that is wrong.
    pub(super) fn draft(&self) -> Result<HeartbeatDraft, Problems> {
        let mut problems = Problems::none();
        let is_cron = self.kind == "cron";
        let mut span = |field: &'static str, text: &str| {
            let read = duration::parse(&some(text)?);
            Some(read.unwrap_or_else(|error| {
                problems.add(field, error.to_string(), "");
                SOME_SPAN
            }))
        };
        let every = (!is_cron).then(|| span("every", &self.every)).flatten();
        let grace_default = if is_cron {
            CRON_GRACE_DEFAULT
        } else {
            Duration::ZERO
        };
        let grace = span("grace", &self.grace).unwrap_or(grace_default);
        let max_run = span("max_run", &self.max_run).unwrap_or_default();
        if !is_cron && every.is_none() {
            // Of a form the remedy is not a flag.
            problems.add("every", "say how often", "write 5m, 25h or 7d");
        }
        let tz = some(&self.tz).unwrap_or_else(|| TIME_ZONE_DEFAULT.to_owned());
        let draft = HeartbeatDraft {
            name: some(&self.name),
            every: (!is_cron).then(|| every.unwrap_or(SOME_SPAN)),
            cron: is_cron.then(|| self.cron.trim().to_owned()),
            tz: is_cron.then_some(tz),
            grace: Some(grace),
            max_run: Some(max_run),
            alarm_before_first_ping: Some(self.alarm_before_first_ping),
            post_only: Some(self.post_only),
            severity: some(&self.severity),
            labels: Some(labels(&self.labels, &mut problems)),
            notify: Some(self.notify.clone()),
        };
        if let Err(more) = draft.check(&Known::default()) {
            problems.extend(more);
        }
        problems.or(draft)
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Labels, one in a line.
fn labels(text: &str, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once('=') else {
            let begins: String = line.chars().take(REPEATED).collect();
            let remedy = "write key=value, one in a line";
            problems.add("labels", format!("`{begins}` has no `=`"), remedy);
            continue;
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        let begins: String = key.chars().take(REPEATED).collect();
        if labels.insert(key, value).is_some() {
            let message = format!("`{begins}` is there twice");
            problems.add("labels", message, "a label has one value");
        }
    }
    labels
}

#[cfg(test)]
mod tests;
