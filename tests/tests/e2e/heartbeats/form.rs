//! The form of a heartbeat as browsers without scripts send it: added, edited, too late, refused.

use http::{HeaderMap, HeaderValue, Method, header};
use vigilmon_tests::background::{Answer, ask, post};

use super::Ward;

/// Somebody who signed in.
struct Visit<'a> {
    ward: &'a Ward,
    cookie: String,
}

impl<'a> Visit<'a> {
    fn begin(ward: &'a Ward, role: &str) -> Self {
        let add = ["token", "add", "--role", role, "--label", role];
        let token = ward.cli.ok(&add);
        let visit = Self {
            ward,
            cookie: String::new(),
        };
        let answer = visit.send("/sign-in", &[("token", token.trim())]);
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { cookie, ..visit }
    }

    fn look(&self, path: &str) -> Answer {
        let cookie = ("cookie", self.cookie.as_str());
        ask(Method::GET, &self.ward.up.url(path), &[cookie]).unwrap()
    }

    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        headers.insert(header::ORIGIN, self.ward.up.url("").parse().unwrap());
        if !self.cookie.is_empty() {
            headers.insert(header::COOKIE, self.cookie.parse().unwrap());
        }
        let encoded = reqwest::Url::parse_with_params("http://form/", fields).unwrap();
        let body = encoded.query().unwrap_or_default().as_bytes();
        post(&self.ward.up.url(path), &headers, body).unwrap()
    }
}

/// What the form of a heartbeat would send as it is filled now, with `typed` in place of the same.
fn filled<'a>(version: &'a str, typed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let stored = [
        ("version", version),
        ("name", "job"),
        ("kind", "period"),
        ("every", "25h"),
        ("grace", ""),
        ("severity", "critical"),
        ("max_run", ""),
        ("labels", ""),
    ];
    let is_typed = |name: &str| typed.iter().any(|(typed, _)| *typed == name);
    let kept = stored.into_iter().filter(|(name, _)| !is_typed(name));
    kept.chain(typed.iter().copied()).collect()
}

/// The value of the form's field of this name.
fn value<'a>(page: &'a Answer, field: &str) -> &'a str {
    let begin = format!("name=\"{field}\" value=\"");
    let (_, rest) = page
        .body
        .split_once(&begin)
        .expect("the form has the field");
    rest.split('"').next().unwrap()
}

#[test]
fn all_of_a_heartbeat_is_edited_without_scripts_and_the_audit_log_says_by_whom() {
    let ward = Ward::start();
    ward.add("job", &["--every", "25h"]);
    let page = ward.show("job")["id"].as_str().unwrap().to_owned();
    let page = format!("/heartbeats/{page}");
    let form = format!("{page}/edit");
    let editor = Visit::begin(&ward, "editor");
    assert!(
        editor
            .look(&page)
            .body
            .contains(&format!("href=\"{form}\""))
    );
    let shown = editor.look(&form);
    assert_eq!(
        (value(&shown, "name"), value(&shown, "every")),
        ("job", "25h")
    );
    let channel = value(&shown, "notify").to_owned();

    let version = value(&shown, "version");
    let saved = editor.send(
        &form,
        &[
            ("version", version),
            ("name", "nightly"),
            ("kind", "cron"),
            ("every", "25h"),
            ("cron", "30 2 * * 1-5"),
            ("tz", "Europe/Berlin"),
            ("grace", "20m"),
            ("severity", "warning"),
            ("max_run", "2h"),
            ("alarm_before_first_ping", "yes"),
            ("post_only", "yes"),
            ("labels", "team=data\r\ntier=1"),
            ("notify", &channel),
        ],
    );
    assert_eq!(saved.status, 303, "{}", saved.body);
    assert_eq!(saved.headers["location"], page.as_str());
    let stored = ward.show("nightly");
    for (field, wanted) in [
        ("cron", "30 2 * * 1-5".into()),
        ("time_zone", "Europe/Berlin".into()),
        ("grace_seconds", 1200.into()),
        ("severity", "warning".into()),
        ("max_run_seconds", 7200.into()),
        ("alarm_before_first_ping", true.into()),
        ("post_only", true.into()),
        ("labels", serde_json::json!({ "team": "data", "tier": "1" })),
        ("notify", serde_json::json!([crate::scene::HOOK])),
    ] {
        assert_eq!(stored[field], wanted, "{field}");
    }
    let rows = ward.cli.rows(&["audit"]);
    let edits: Vec<_> = rows
        .iter()
        .filter(|row| row["action"] == "heartbeat.update")
        .collect();
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0]["actor"], "editor");

    // A URL that still counts ends with the present one only where that is said.
    let rotate = format!("{page}/rotate");
    assert_eq!(editor.send(&rotate, &[("overlap", "1h")]).status, 303);
    let end = [("overlap", "0"), ("sure", "yes")];
    assert_eq!(editor.send(&rotate, &end[..1]).status, 422);
    assert_eq!(editor.send(&rotate, &end).status, 303);

    // What is emptied is the default again, and a list that nothing stands in is empty.
    let shown = editor.look(&form);
    let version = value(&shown, "version");
    let saved = editor.send(&form, &filled(version, &[]));
    assert_eq!(saved.status, 303, "{}", saved.body);
    let stored = ward.show("job");
    assert_eq!(stored["every_seconds"], 90_000);
    assert_eq!(stored["grace_seconds"], 0);
    assert_eq!(stored["max_run_seconds"], serde_json::Value::Null);
    assert_eq!(stored["notify"], serde_json::json!([]));
    assert_eq!(stored["labels"], serde_json::json!({}));
}

#[test]
fn a_refused_edit_keeps_what_was_typed_and_says_all_that_is_wrong() {
    let ward = Ward::start();
    ward.add("job", &["--every", "25h"]);
    ward.add("other", &["--every", "1h"]);
    let editor = Visit::begin(&ward, "editor");
    let form = "/heartbeats/job/edit";
    let shown = editor.look(form);
    let version = value(&shown, "version");
    let typed = [("name", "other"), ("every", "often"), ("labels", "team")];
    let refused = editor.send(form, &filled(version, &typed));
    assert_eq!(refused.status, 422);
    assert_eq!(
        (value(&refused, "name"), value(&refused, "every")),
        ("other", "often")
    );
    assert_eq!(value(&refused, "version"), version);
    assert!(refused.body.contains(">team</textarea>"));
    for wrong in ["every-wrong", "labels-wrong"] {
        assert!(refused.body.contains(wrong), "{}", refused.body);
    }
    let taken = editor.send(form, &filled(version, &[("name", "other")]));
    assert_eq!(taken.status, 422);
    assert!(
        taken
            .body
            .contains("there is a heartbeat `other` already; choose another name")
    );
    // No such channel.
    let nobody = ("notify", "0199f2c4-77a0-7d51-9b3e-6a1f0c2d4e58");
    let refused = editor.send(form, &filled(version, &[nobody]));
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("notify-wrong"), "{}", refused.body);
    assert_eq!(ward.show("job")["etag"], version, "nothing was saved");

    let viewer = Visit::begin(&ward, "viewer");
    assert_eq!(viewer.look(form).status, 403);
    let refused = viewer.send(form, &filled(version, &[("every", "1h")]));
    assert_eq!(refused.status, 403);
    let stranger = Visit {
        ward: &ward,
        cookie: String::new(),
    };
    assert_eq!(stranger.send(form, &filled(version, &[])).status, 401);
    assert_eq!(editor.look("/heartbeats/nobody/edit").status, 404);
    assert_eq!(ward.show("job")["etag"], version);
}

#[test]
fn who_edits_what_somebody_else_saved_meanwhile_is_told_what_that_would_change() {
    let ward = Ward::start();
    ward.add("job", &["--every", "25h"]);
    let editor = Visit::begin(&ward, "editor");
    let form = "/heartbeats/job/edit";
    let shown = editor.look(form);
    let version = value(&shown, "version");
    ward.cli.ok(&[
        "heartbeat",
        "edit",
        "job",
        "--every",
        "26h",
        "--grace",
        "5m",
    ]);

    let typed = filled(version, &[("every", "27h")]);
    let late = editor.send(form, &typed);
    assert_eq!(late.status, 409);
    assert!(late.body.contains("somebody else changed it meanwhile"));
    for change in [
        "<span>26h</span> → <strong>27h</strong>",
        "<span>5m</span> → <strong>0s</strong>",
    ] {
        assert!(late.body.contains(change), "{}", late.body);
    }
    assert_eq!(value(&late, "every"), "27h", "what was typed stays");
    assert_eq!(
        ward.show("job")["every_seconds"],
        26 * 3600,
        "and nothing was saved"
    );

    let again = filled(value(&late, "version"), &[("every", "27h")]);
    assert_eq!(editor.send(form, &again).status, 303);
    assert_eq!(ward.show("job")["every_seconds"], 27 * 3600);
    // Too late with the same is no conflict.
    assert_eq!(editor.send(form, &typed).status, 303);
}
