//! Drafts: monitors as users give them, before anything was checked.
//!
//! A [`MonitorDraft`] is what the CLI, YAML and the API have in common: every field may be
//! absent. [`MonitorDraft::check`] makes a [`MonitorSpec`] of it or says *everything* that is
//! wrong, by the names that users write. An edit lays a second draft over the first and checks
//! again. Specifications also travel and rest as drafts, so that what an agent or a store reads
//! passes the same door.

mod bounds;
pub(crate) mod common;
mod http;

use std::collections::BTreeMap;
use std::time::Duration;

use self::bounds::{
    check_count, check_interval, check_size, check_timeout, cut, default_timeout, note_unknown,
    sorted, whole_millis,
};
use super::{Kind, MonitorSpec, Policy};
use crate::address::AddressPolicy;
use crate::id::ChannelId;
use crate::name::{Name, Region};
use crate::problem::Problems;

pub use http::HttpDraft;

/// The interval where the user says nothing.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(30);
/// Shortest interval.
pub const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Longest interval; a monitor that looks less often watches nothing.
pub const INTERVAL_MAX: Duration = Duration::from_secs(31 * 86_400);
/// Longest timeout that is chosen for the user: the smaller of this and the interval.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// Shortest timeout.
pub const TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// How long a region fails alone before that is an incident, where the user says nothing.
pub const REGIONAL_AFTER_DEFAULT: Duration = Duration::from_secs(300);
/// Most regions of one monitor.
pub const REGIONS_MAX: usize = 100;
/// Most labels of one monitor.
pub const LABELS_MAX: usize = 32;
/// Largest specification, as its meaning is written, in bytes: one stored value holds it.
pub const SPEC_MAX: usize = 24 * 1024;

/// A monitor as a user gives it; what is absent has a default or stays as it was.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MonitorDraft {
    /// The name.
    pub name: Option<String>,
    /// The kind `http` with its flags.
    pub http: Option<HttpDraft>,
    /// The interval.
    pub every: Option<Duration>,
    /// The bound of a whole check.
    pub timeout: Option<Duration>,
    /// The regions.
    pub regions: Option<Vec<String>>,
    /// `majority`, `any`, `all` or a number.
    pub quorum: Option<String>,
    /// Consecutive failures that make an agent vote Down.
    pub failures: Option<u32>,
    /// Consecutive successes that make it vote Up again.
    pub successes: Option<u32>,
    /// How long a region fails alone before that is an incident; zero: never.
    pub regional_after: Option<Duration>,
    /// `critical`, `warning` or `info`.
    pub severity: Option<String>,
    /// The labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Channels by name or id.
    pub notify: Option<Vec<String>>,
}

/// What a draft may refer to. `None` where it cannot be known here (on an agent, in a stored
/// record): then it is taken as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The regions that exist; a draft without regions gets them all.
    pub regions: Option<&'a [Region]>,
    /// The channels that exist.
    pub channels: Option<&'a BTreeMap<Name, ChannelId>>,
    /// What agents may reach; a URL that names a denied address is refused at once.
    pub addresses: Option<&'a AddressPolicy>,
}

impl MonitorDraft {
    /// Makes a specification, or says everything that is wrong.
    ///
    /// # Errors
    /// Something is malformed, out of bounds, or refers to what does not exist.
    pub fn check(&self, known: &Known<'_>) -> Result<MonitorSpec, Problems> {
        let mut problems = Problems::none();
        let name = common::name(self.name.as_ref(), "a monitor", &mut problems);
        let kind = self.check_kind(known, &mut problems);
        let interval = check_interval(self.every, &mut problems);
        let timeout = check_timeout(self.timeout, interval, &mut problems);
        let regions = self.check_regions(known, &mut problems);
        let quorum = self.check_quorum(regions.len(), &mut problems);
        let failures = check_count("failures", self.failures, &mut problems);
        let successes = check_count("successes", self.successes, &mut problems);
        let severity = common::severity(self.severity.as_ref(), &mut problems);
        let labels = common::labels(self.labels.as_ref(), &mut problems);
        let notify = common::notify(self.notify.as_ref(), known, &mut problems);
        let regional_after = self
            .regional_after
            .map_or(REGIONAL_AFTER_DEFAULT, whole_millis);
        let (Some(name), Some(kind)) = (name, kind) else {
            return Err(problems);
        };
        let spec = MonitorSpec {
            name,
            kind,
            interval,
            timeout,
            regions,
            quorum,
            failures,
            successes,
            regional_after,
            severity,
            labels,
            notify,
        };
        check_size(&spec, &mut problems);
        problems.or(spec)
    }

    /// What a specification says, every field set: [`check`](Self::check) makes the same of it.
    #[must_use]
    pub fn of(spec: &MonitorSpec) -> Self {
        let Kind::Http(http) = &spec.kind;
        Self {
            name: Some(spec.name.to_string()),
            http: Some(HttpDraft::of(http)),
            every: Some(spec.interval),
            timeout: Some(spec.timeout),
            regions: Some(spec.regions.iter().map(ToString::to_string).collect()),
            quorum: Some(spec.quorum.to_string()),
            failures: Some(spec.failures.get().into()),
            successes: Some(spec.successes.get().into()),
            regional_after: Some(spec.regional_after),
            severity: Some(spec.severity.to_string()),
            labels: Some(spec.labels.clone()),
            notify: Some(spec.notify.iter().map(ToString::to_string).collect()),
        }
    }

    /// The draft of an edit: what `spec` says with `over` laid over it. A default that follows
    /// from another field (the timeout from the interval, redirects from the expected status)
    /// follows it still.
    #[must_use]
    pub fn edited(spec: &MonitorSpec, over: Self) -> Self {
        let mut draft = Self::of(spec);
        if spec.timeout == default_timeout(spec.interval) {
            draft.timeout = None;
        }
        let Kind::Http(http) = &spec.kind;
        if let Some(draft) = &mut draft.http {
            draft.forget_derived(http);
        }
        draft.with(over)
    }

    /// This draft with every field that `over` sets replaced.
    #[must_use]
    pub fn with(self, over: Self) -> Self {
        Self {
            name: over.name.or(self.name),
            http: match (self.http, over.http) {
                (Some(http), Some(over)) => Some(http.with(over)),
                (http, over) => over.or(http),
            },
            every: over.every.or(self.every),
            timeout: over.timeout.or(self.timeout),
            regions: over.regions.or(self.regions),
            quorum: over.quorum.or(self.quorum),
            failures: over.failures.or(self.failures),
            successes: over.successes.or(self.successes),
            regional_after: over.regional_after.or(self.regional_after),
            severity: over.severity.or(self.severity),
            labels: over.labels.or(self.labels),
            notify: over.notify.or(self.notify),
        }
    }

    fn check_kind(&self, known: &Known<'_>, problems: &mut Problems) -> Option<Kind> {
        let Some(http) = &self.http else {
            problems.add(
                "http",
                "a monitor needs a kind",
                "say what to check: --http URL",
            );
            return None;
        };
        match http.check(known.addresses) {
            Ok(http) => Some(Kind::Http(Box::new(http))),
            Err(below) => {
                problems.extend_below("http", below);
                None
            }
        }
    }

    fn check_regions(&self, known: &Known<'_>, problems: &mut Problems) -> Vec<Region> {
        let Some(given) = &self.regions else {
            let all = known.regions.unwrap_or_default().to_vec();
            if all.is_empty() {
                let remedy = "make one with `vigilmon agent token add --region R`";
                problems.add_dangling("regions", "no region exists yet", remedy);
            }
            return sorted(all);
        };
        let mut regions = Vec::with_capacity(given.len());
        for text in given {
            match Region::parse(text.trim()) {
                Ok(region) => {
                    note_unknown(&region, known, problems);
                    regions.push(region);
                }
                Err(error) => {
                    let message = format!("`{}` cannot be a region", cut(text));
                    problems.add("regions", message, error.to_string());
                }
            }
        }
        if given.is_empty() {
            problems.add("regions", "a monitor needs at least one region", "");
        }
        let regions = sorted(regions);
        if regions.len() > REGIONS_MAX {
            let message = format!("{} regions are too many", regions.len());
            problems.add("regions", message, format!("name at most {REGIONS_MAX}"));
        }
        regions
    }

    fn check_quorum(&self, assigned: usize, problems: &mut Problems) -> Policy {
        let Some(text) = &self.quorum else {
            return Policy::default();
        };
        match text.trim().parse() {
            Ok(Policy::AtLeast(n)) if assigned > 0 && usize::from(n.get()) > assigned => {
                let message = format!("{n} of {assigned} regions can never agree");
                problems.add("quorum", message, "lower the quorum or add regions");
                Policy::default()
            }
            Ok(policy) => policy,
            Err(_) => {
                let message = format!("`{}` is no quorum", cut(text));
                problems.add(
                    "quorum",
                    message,
                    "write majority, any, all or a number of regions",
                );
                Policy::default()
            }
        }
    }
}

#[cfg(test)]
mod tests;
