//! `vigilmon route explain MONITOR`

use serde_json::{Value, json};
use vigilmon_proto::v1;
use vigilmon_proto::v1::picked_by::Picker;

use super::show::scope_word;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// Asks and prints; the exit code.
pub(super) async fn run(monitor: &str, client: &Client, format: Format) -> Result<u8, Failure> {
    let request = v1::ExplainRequest {
        project: client.project.clone(),
        monitor: monitor.to_owned(),
    };
    let answer = client.routes().explain(request).await?.into_inner();
    match format {
        Format::Table => output::lines(&lines(&answer)),
        format => output::data(format, &to_json(&answer)),
    }
    Ok(exit::DONE)
}

fn lines(answer: &v1::ExplainResponse) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &answer.explanations {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let (scope, severity) = (scope_word(one.scope), format::severity(one.severity));
        lines.push(format!(
            "{scope} incidents of {}, {severity}",
            answer.monitor
        ));
        if one.heard.is_empty() {
            lines.push("  nobody hears of them".to_owned());
        }
        let names = one.heard.iter().map(|heard| heard.channel.chars().count());
        let width = names.max().unwrap_or(0);
        for heard in &one.heard {
            lines.push(format!(
                "  {:<10}{:<width$}  {}",
                when(heard),
                heard.channel,
                why(heard)
            ));
        }
        for passed in &one.passed {
            lines.push(format!("  not by route {}", passed.route));
            let because = passed.because.iter();
            lines.extend(because.map(|b| format!("    {}: {}", b.matcher, b.text)));
        }
    }
    lines
}

fn when(heard: &v1::HeardBy) -> String {
    match &heard.after {
        None => "at once".to_owned(),
        after => format!("after {}", format::span_text(after.as_ref())),
    }
}

fn why(heard: &v1::HeardBy) -> String {
    let by: Vec<String> = heard.by.iter().filter_map(picker).collect();
    let mut text = by.join(", ");
    if !heard.events.is_empty() {
        text.push_str(&format!("; {} only", heard.events.join(", ")));
    }
    if heard.after.is_some() {
        text.push_str("; unless acknowledged");
    }
    if !heard.disabled.is_empty() {
        text.push_str(&format!("; but the channel is off: {}", heard.disabled));
    }
    text
}

fn picker(by: &v1::PickedBy) -> Option<String> {
    let text = match by.picker.as_ref()? {
        Picker::Route(route) => format!("route {route}"),
        Picker::Step(step) => format!("route {}, step {}", step.route, step.number),
        Picker::Notify(()) => "the monitor's own notify".to_owned(),
        Picker::DefaultRule(()) => "no route and no notify: every channel".to_owned(),
    };
    Some(text)
}

fn to_json(answer: &v1::ExplainResponse) -> Value {
    let by = |by: &v1::PickedBy| match by.picker.as_ref() {
        Some(Picker::Route(route)) => json!({ "route": route }),
        Some(Picker::Step(step)) => json!({ "route": step.route, "step": step.number }),
        Some(Picker::Notify(())) => json!({ "notify": true }),
        Some(Picker::DefaultRule(())) => json!({ "default": true }),
        None => Value::Null,
    };
    let heard = |heard: &v1::HeardBy| {
        json!({
            "channel": heard.channel,
            "after_seconds": format::seconds(format::span(heard.after.as_ref())),
            "by": heard.by.iter().map(by).collect::<Value>(),
            "event": heard.events,
            "disabled": format::text(&heard.disabled),
        })
    };
    let passed = |passed: &v1::PassedRoute| {
        let because = passed.because.iter();
        let because = because.map(|b| json!({ "matcher": b.matcher, "text": b.text }));
        json!({ "route": passed.route, "because": because.collect::<Value>() })
    };
    let one = |one: &v1::RouteExplanation| {
        json!({
            "scope": scope_word(one.scope),
            "severity": format::severity(one.severity),
            "heard": one.heard.iter().map(heard).collect::<Value>(),
            "passed": one.passed.iter().map(passed).collect::<Value>(),
        })
    };
    json!({
        "monitor": answer.monitor,
        "scopes": answer.explanations.iter().map(one).collect::<Value>(),
    })
}
