//! What monitors and heartbeats have in common: name, severity, labels, channels.

use std::collections::BTreeMap;

use super::bounds::{cut, names_of};
use super::{Known, LABELS_MAX};
use crate::id::ChannelId;
use crate::monitor::Severity;
use crate::name::Name;
use crate::problem::Problems;

/// Longest key of a label.
const LABEL_KEY_MAX: usize = 63;
/// Longest value of a label.
const LABEL_VALUE_MAX: usize = 200;

/// The name.
pub(crate) fn name(given: Option<&String>, what: &str, problems: &mut Problems) -> Option<Name> {
    let Some(name) = given else {
        problems.add("name", format!("{what} needs a name"), "");
        return None;
    };
    let refused = |error: crate::name::InvalidName| {
        problems.add(
            "name",
            format!("`{}` cannot be a name", cut(name)),
            error.to_string(),
        );
    };
    Name::parse(name).map_err(refused).ok()
}

/// `critical`, `warning` or `info`.
pub(crate) fn severity(given: Option<&String>, problems: &mut Problems) -> Severity {
    let Some(text) = given else {
        return Severity::default();
    };
    text.trim().parse().unwrap_or_else(|_| {
        let message = format!("`{}` is no severity", cut(text));
        problems.add("severity", message, "write critical, warning or info");
        Severity::default()
    })
}

/// The labels.
pub(crate) fn labels(
    given: Option<&BTreeMap<String, String>>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let labels = given.cloned().unwrap_or_default();
    if labels.len() > LABELS_MAX {
        let message = format!("{} labels are too many", labels.len());
        problems.add("labels", message, format!("give at most {LABELS_MAX}"));
    }
    let key_char = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    for (key, value) in &labels {
        if !(1..=LABEL_KEY_MAX).contains(&key.len()) || !key.chars().all(key_char) {
            let remedy = format!("use 1 to {LABEL_KEY_MAX} of A-Z a-z 0-9 . _ - /");
            problems.add(
                "labels",
                format!("`{}` cannot be a label's key", cut(key)),
                remedy,
            );
        }
        if value.chars().count() > LABEL_VALUE_MAX || value.chars().any(char::is_control) {
            let remedy = format!("use at most {LABEL_VALUE_MAX} characters in one line");
            let message = format!("`{}` cannot be a label's value", cut(value));
            problems.add("labels", message, remedy);
        }
    }
    labels
}

/// Channels by name or id.
pub(crate) fn notify(
    given: Option<&Vec<String>>,
    known: &Known<'_>,
    problems: &mut Problems,
) -> Vec<ChannelId> {
    let mut channels = Vec::new();
    for text in given.into_iter().flatten().map(|text| text.trim()) {
        let id = text.parse::<ChannelId>().ok();
        let found = match known.channels {
            Some(known) => id
                .filter(|id| known.values().any(|other| other == id))
                .or_else(|| known.get(&Name::parse(text).ok()?).copied()),
            None => id,
        };
        match found {
            Some(id) if channels.contains(&id) => {}
            Some(id) => channels.push(id),
            None => {
                let message = format!("channel `{}` does not exist", cut(text));
                problems.add_dangling("notify", message, names_of(known.channels));
            }
        }
    }
    channels
}
