//! The fields of a specification by the names that users write, to say what an edit changes.

use std::collections::BTreeMap;

use url::Url;

use super::draft::HttpDraft;
use super::{Kind, MonitorDraft, MonitorSpec};
use crate::difference::Field;
use crate::duration;
use crate::id::ChannelId;
use crate::redact::{self, Secret};

/// What stands for a secret.
const HIDDEN: &str = "…";

/// Every field, secrets marked as such. `channel` names a channel.
#[must_use]
pub fn fields(spec: &MonitorSpec, channel: &dyn Fn(ChannelId) -> String) -> Vec<Field> {
    let draft = MonitorDraft::of(spec);
    let count = |n: Option<u32>| n.unwrap_or_default().to_string();
    let span = |span: Option<std::time::Duration>| duration::format(span.unwrap_or_default());
    let mut fields = vec![
        Field::new("every", span(draft.every)),
        Field::new("timeout", span(draft.timeout)),
        Field::new("regions", draft.regions.unwrap_or_default().join(",")),
        Field::new("quorum", draft.quorum.unwrap_or_default()),
        Field::new("failures", count(draft.failures)),
        Field::new("successes", count(draft.successes)),
        Field::new("regional_after", span(draft.regional_after)),
        Field::new("severity", draft.severity.unwrap_or_default()),
        labels_field(&spec.labels),
        notify_field(&spec.notify, channel),
    ];
    let Kind::Http(_) = &spec.kind;
    fields.push(Field::new("kind", spec.kind.as_str()));
    fields.extend(draft.http.map(http).unwrap_or_default());
    fields
}

/// The labels, of monitors and heartbeats.
pub(crate) fn labels_field(labels: &BTreeMap<String, String>) -> Field {
    let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    Field::new("labels", labels.join(","))
}

/// The channels beside those that routes pick, of monitors and heartbeats.
pub(crate) fn notify_field(notify: &[ChannelId], channel: &dyn Fn(ChannelId) -> String) -> Field {
    let notify: Vec<String> = notify.iter().map(|id| channel(*id)).collect();
    Field::new("notify", notify.join(","))
}

fn http(draft: HttpDraft) -> Vec<Field> {
    let text = |text: Option<String>| text.unwrap_or_default();
    let list = |list: Option<Vec<String>>| list.unwrap_or_default().join(", ");
    let span = |span: Option<std::time::Duration>| match span.unwrap_or_default() {
        none if none.is_zero() => String::new(),
        span => duration::format(span),
    };
    let degraded: Vec<String> = draft
        .degraded_latency
        .unwrap_or_default()
        .into_iter()
        .map(duration::format)
        .collect();
    let url = text(draft.url);
    let shown_url =
        Url::parse(&url).map_or_else(|_| redact::url_like(&url), |url| redact::url(&url));
    let header = draft.header.unwrap_or_default();
    let shown_header: Vec<String> = header.iter().map(|h| shown_header(h)).collect();
    vec![
        Field::secret("http.url", url, shown_url),
        Field::new("http.method", text(draft.method)),
        Field::secret("http.header", header.join(", "), shown_header.join(", ")),
        Field::new("http.body", text(draft.body)),
        Field::new("http.expect_status", text(draft.expect_status)),
        Field::new("http.contains", list(draft.contains)),
        Field::new("http.not_contains", list(draft.not_contains)),
        Field::new("http.matches", list(draft.matches)),
        Field::new("http.json", list(draft.json)),
        Field::new("http.expect_header", list(draft.expect_header)),
        Field::new("http.max_latency", span(draft.max_latency)),
        Field::new("http.degraded_latency", degraded.join(",")),
        Field::new(
            "http.follow_redirects",
            draft.follow_redirects.unwrap_or_default().to_string(),
        ),
        Field::new(
            "http.insecure",
            draft.insecure.unwrap_or_default().to_string(),
        ),
        hidden("http.basic", draft.basic),
        hidden("http.bearer", draft.bearer),
        Field::new("http.ip", text(draft.ip)),
    ]
}

fn hidden(name: &'static str, secret: Option<Secret>) -> Field {
    let secret = secret.unwrap_or_default();
    let shown = if secret.is_empty() { "" } else { HIDDEN };
    Field::secret(name, secret.expose(), shown)
}

fn shown_header(line: &str) -> String {
    match line.split_once(": ") {
        Some((name, _)) if redact::is_secret_header(name) => format!("{name}: {HIDDEN}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::difference::difference;
    use crate::monitor::Known;

    fn spec(bearer: &str, every: u64) -> MonitorSpec {
        let draft = MonitorDraft {
            name: Some("api".to_owned()),
            http: Some(HttpDraft {
                url: Some("https://example.com/x?key=hunter2".to_owned()),
                bearer: Some(bearer.into()),
                ..HttpDraft::default()
            }),
            every: Some(std::time::Duration::from_secs(every)),
            regions: Some(vec!["us-east".to_owned()]),
            ..MonitorDraft::default()
        };
        draft.check(&Known::default()).unwrap()
    }

    #[test]
    fn an_edit_is_said_by_field_and_shows_no_secret() {
        let of = |spec: &MonitorSpec| fields(spec, &|id| id.to_string());
        let changes = difference(&of(&spec("hunter3", 30)), &of(&spec("hunter4", 60)));
        let said = format!("{changes:?}");
        let names: Vec<_> = changes.iter().map(|c| c.field).collect();
        assert_eq!(names, ["every", "http.bearer"]);
        assert!(said.contains("30s") && said.contains("1m"), "{said}");
        assert!(!said.contains("hunter"), "{said}");
    }
}
