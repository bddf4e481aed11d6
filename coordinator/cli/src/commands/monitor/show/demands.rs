//! What a monitor asks and demands of an answer, without anything secret: no value of a header, no
//! body, no password, no token.

use serde_json::{Value, json};
use vigilmon_proto::v1;

use crate::format;

/// What is demanded, in the order in which it is judged.
pub(super) fn words(http: &v1::HttpSpec) -> Vec<String> {
    let mut said = vec![format!("status {}", http.expect_status)];
    let headers = http.expect_headers.iter();
    said.extend(headers.map(|header| format!("header {}", header.name)));
    let quoted = |verb: &str, texts: &[String]| -> Vec<String> {
        let one = |text: &String| format!("{verb} \"{}\"", printable(text));
        texts.iter().map(one).collect()
    };
    said.extend(quoted("contains", &http.contains));
    said.extend(quoted("does not contain", &http.not_contains));
    said.extend(quoted("matches", &http.matches));
    let json = http.json.iter();
    said.extend(json.map(|demand| format!("json {}", printable(demand))));
    if let Some(limit) = &http.max_latency {
        said.push(format!("within {}", format::span_text(Some(limit))));
    }
    for (limit, word) in http
        .degraded_latency
        .iter()
        .zip(["degraded", "critically so"])
    {
        said.push(format!("{word} above {}", format::span_text(Some(limit))));
    }
    said
}

/// What is asked and demanded, for scripts; `url` as it may be shown.
pub(super) fn json(http: &v1::HttpSpec, url: &str) -> Value {
    let headers = http.expect_headers.iter().map(|header| &header.name);
    let degraded = http.degraded_latency.iter();
    json!({
        "url": url,
        "method": http.method,
        "expect_status": http.expect_status,
        "contains": http.contains,
        "not_contains": http.not_contains,
        "matches": http.matches,
        "json": http.json,
        "expect_headers": headers.collect::<Vec<_>>(),
        "max_latency_ms": millis(http.max_latency.as_ref()),
        "degraded_latency_ms": degraded.map(|limit| millis(Some(limit))).collect::<Value>(),
        "follow_redirects": http.follow_redirects,
        "insecure": http.insecure,
        "ip": match v1::IpVersion::try_from(http.ip) {
            Ok(v1::IpVersion::IpVersion4) => "4",
            Ok(v1::IpVersion::IpVersion6) => "6",
            _ => "any",
        },
    })
}

/// Milliseconds as JSON has them: whole where they are.
fn millis(span: Option<&prost_types::Duration>) -> Value {
    match format::span(span) {
        None => Value::Null,
        Some(span) if span.subsec_nanos().is_multiple_of(1_000_000) => {
            json!(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
        }
        Some(span) => json!(span.as_secs_f64() * 1000.0),
    }
}

/// A text as one line shows it.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> v1::HttpSpec {
        let header = |name: &str| v1::Header {
            name: name.to_owned(),
            value: "hunter2".to_owned(),
        };
        let span = |millis: i32| prost_types::Duration {
            seconds: 0,
            nanos: millis * 1_000_000,
        };
        v1::HttpSpec {
            url: "https://api.example.com/?key=hunter2".to_owned(),
            method: "POST".to_owned(),
            headers: vec![header("X-Key")],
            body: "hunter2".to_owned(),
            expect_status: "2xx".to_owned(),
            contains: vec!["all\nwell".to_owned()],
            not_contains: vec!["error".to_owned()],
            matches: vec![r"v\d+".to_owned()],
            json: vec![r#"$.status == "ok""#.to_owned()],
            expect_headers: vec![header("X-Cache")],
            max_latency: Some(span(900)),
            degraded_latency: vec![span(300), span(500)],
            follow_redirects: Some(10),
            basic: Some(v1::BasicAuth {
                user: "anna".to_owned(),
                password: "hunter2".to_owned(),
            }),
            bearer: "hunter2".to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn demands_are_said_in_the_order_in_which_they_are_judged() {
        let said = [
            "status 2xx",
            "header X-Cache",
            r#"contains "all\nwell""#,
            r#"does not contain "error""#,
            r#"matches "v\d+""#,
            r#"json $.status == "ok""#,
            "within 900ms",
            "degraded above 300ms",
            "critically so above 500ms",
        ];
        assert_eq!(words(&spec()), said);
    }

    #[test]
    fn scripts_read_what_is_demanded() {
        let shown = json(&spec(), "https://api.example.com/?key=…");
        assert_eq!(shown["method"], "POST");
        assert_eq!(shown["json"], json!([r#"$.status == "ok""#]));
        assert_eq!(shown["expect_headers"], json!(["X-Cache"]));
        assert_eq!(shown["max_latency_ms"], 900);
        assert_eq!(shown["degraded_latency_ms"], json!([300, 500]));
        assert_eq!(shown["ip"], "any");
        let least = json(&v1::HttpSpec::default(), "");
        assert_eq!(least["max_latency_ms"], Value::Null);
        assert_eq!(least["degraded_latency_ms"], json!([]));
    }

    #[test]
    fn nothing_secret_is_said() {
        let shown = json(&spec(), "https://api.example.com/?key=…").to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
        let said = words(&spec()).join("\n");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
