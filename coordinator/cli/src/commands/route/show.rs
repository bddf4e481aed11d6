//! A route as it is shown.

use serde_json::{Value, json};
use vigilmon_proto::v1;

use crate::format;

/// One line of `route list`.
pub(super) fn row(route: &v1::Route) -> [String; 4] {
    let then = route.then.iter().map(step);
    [
        route.name.clone(),
        matches(route),
        route.to.join(", "),
        then.collect::<Vec<_>>().join("; "),
    ]
}

/// What it matches, and where it leads.
pub(super) fn sentence(route: &v1::Route) -> String {
    let mut text = format!("{} → {}", matches(route), route.to.join(", "));
    for one in &route.then {
        text.push_str(&format!("; {}", step(one)));
    }
    text
}

/// What `route show` prints.
pub(super) fn lines(route: &v1::Route) -> Vec<String> {
    let mut lines = vec![route.name.clone()];
    let mut say = |label: &str, value: String| lines.push(format!("  {label:<10}{value}"));
    for (label, values) in matchers(route) {
        if !values.is_empty() {
            say(label, values.join(", "));
        }
    }
    if route.scopes.is_empty() {
        say("scope", "global".to_owned());
    }
    say("to", route.to.join(", "));
    for (place, one) in route.then.iter().enumerate() {
        say(if place == 0 { "then" } else { "" }, step(one));
    }
    lines
}

/// A route as JSON has it.
pub(super) fn to_json(route: &v1::Route) -> Value {
    let labels: std::collections::BTreeMap<_, _> = route.labels.iter().collect();
    let step = |step: &v1::RouteStep| {
        json!({
            "after_seconds": format::seconds(format::span(step.after.as_ref())),
            "to": step.to,
        })
    };
    json!({
        "id": route.id,
        "name": route.name,
        "severity": severities(route),
        "labels": labels,
        "monitors": route.monitors,
        "event": route.events,
        "scope": scopes(route),
        "to": route.to,
        "then": route.then.iter().map(step).collect::<Value>(),
        "created_at": format::time_json(route.create_time.as_ref()),
        "etag": route.etag,
    })
}

fn step(step: &v1::RouteStep) -> String {
    let after = format::span_text(step.after.as_ref());
    format!("after {after} {}", step.to.join(", "))
}

fn severities(route: &v1::Route) -> Vec<String> {
    route
        .severities
        .iter()
        .map(|&severity| format::severity(severity))
        .collect()
}

fn scopes(route: &v1::Route) -> Vec<String> {
    route
        .scopes
        .iter()
        .map(|&scope| scope_word(scope))
        .collect()
}

/// The word of a scope.
pub(super) fn scope_word(scope: i32) -> String {
    let scope = v1::Scope::try_from(scope).unwrap_or_default();
    format::word(scope.as_str_name(), "SCOPE_")
}

fn matchers(route: &v1::Route) -> [(&'static str, Vec<String>); 5] {
    let mut labels: Vec<String> = route
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    labels.sort();
    [
        ("severity", severities(route)),
        ("label", labels),
        ("monitor", route.monitors.clone()),
        ("event", route.events.clone()),
        ("scope", scopes(route)),
    ]
}

fn matches(route: &v1::Route) -> String {
    let said: Vec<String> = matchers(route)
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| format!("{name} {}", values.join("|")))
        .collect();
    if said.is_empty() {
        "everything global".to_owned()
    } else {
        said.join(", ")
    }
}
