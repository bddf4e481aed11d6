//! The token in a ping URL is a secret: it counts, and is shown to those alone who may change the
//! heartbeat.

use std::fs;
use std::path::Path;

use http::{HeaderMap, HeaderValue, Method, header};
use vigilmon_tests::background::{ask, post, send};

use super::{Ward, asked, ping};
use crate::scene::HOOK;

#[test]
fn the_token_of_a_ping_is_in_no_log_no_message_no_export_and_on_no_page_of_a_viewer() {
    let mut ward = Ward::start_with(|options, _| options.args(&["--log-filter", "debug"]));
    let first = ward.add("job", &["--every", "1s"]);
    let second = ward.cli.ok(&["heartbeat", "rotate", "job"]);
    let key = ward.cli.ok(&["heartbeat", "key"]);
    let slug = ward.up.url(&format!("/ping/s/{}/job", key.trim()));
    let secrets = Secrets::of(&[&first, second.trim(), &slug]);
    for url in [&*first, second.trim(), &slug] {
        for end in [
            "",
            "/start?rid=a",
            "/7",
            "/nothing",
            "?rid=%20",
            "/log/more",
        ] {
            let _ = ask(Method::GET, &format!("{url}{end}"), &[]);
        }
        let _ = send(Method::POST, url, "text/plain", &vec![b'x'; 2 << 20]);
        let _ = ask(Method::DELETE, url, &[]);
    }
    ping(&first);
    let opened = ward.wait_for("incident.opened", "job");

    let viewer = ward
        .cli
        .json(&["token", "add", "--role", "viewer", "--label", "wall"]);
    let viewer = viewer["token"].as_str().unwrap();
    let commands: [&[&str]; 8] = [
        &["heartbeat", "list"],
        &["heartbeat", "list", "-o", "json"],
        &["heartbeat", "show", "job"],
        &["heartbeat", "show", "job", "-o", "json"],
        &["incident", "show", opened.incident(), "-o", "json"],
        &["incident", "why", opened.incident()],
        &["channel", "deliveries", HOOK, "-o", "json"],
        &["monitor", "list", "-o", "json"],
    ];
    for command in commands {
        let by_viewer = [command, &["--token", viewer]].concat();
        secrets.not_in(&command.join(" "), &ward.cli.ok(&by_viewer));
    }
    let refused = ward
        .cli
        .run(&["heartbeat", "show", "job", "--snippets", "--token", viewer]);
    secrets.not_in("what a viewer is refused", &format!("{refused:?}"));
    assert_eq!(refused.code, 5, "{refused:#?}");
    for command in [&["export"][..], &["audit", "-o", "json"], &["metrics"]] {
        secrets.not_in(&command.join(" "), &ward.cli.run(command).out);
    }
    pages(&ward, viewer, opened.incident(), &secrets);
    for message in ward.receiver.messages(HOOK) {
        secrets.not_in("a webhook", &String::from_utf8_lossy(&message.raw));
    }
    ward.up.stop();
    secrets.not_in("the log", &ward.up.process().log());
    secrets.not_below(&ward.up.data());
}

/// What must not be shown.
struct Secrets(Vec<String>);

impl Secrets {
    /// The tokens and keys of these URLs.
    fn of(urls: &[&str]) -> Self {
        let parts = urls.iter().flat_map(|url| url.split('/'));
        let secrets: Vec<String> = parts
            .filter(|part| part.len() >= 22)
            .map(str::to_owned)
            .collect();
        assert_eq!(secrets.len(), urls.len(), "{urls:?}");
        Self(secrets)
    }

    #[track_caller]
    fn not_in(&self, what: &str, text: &str) {
        for secret in &self.0 {
            assert!(!text.contains(secret), "{what} shows a secret: {text}");
        }
    }

    /// No file below the folder holds one as text.
    fn not_below(&self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.not_below(&path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            for secret in &self.0 {
                let mut windows = bytes.windows(secret.len());
                let found = windows.any(|window| window == secret.as_bytes());
                assert!(!found, "{} holds a secret", path.display());
            }
        }
    }
}

/// All pages that a viewer opens.
fn pages(ward: &Ward, viewer: &str, incident: &str, secrets: &Secrets) {
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, form);
    headers.insert(header::ORIGIN, ward.up.url("").parse().unwrap());
    let given = format!("token={viewer}");
    let signed_in = post(&ward.up.url("/sign-in"), &headers, given.as_bytes());
    let signed_in = signed_in.unwrap();
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let incident = format!("/incidents/{incident}");
    for path in [
        "/",
        "/heartbeats",
        "/heartbeats/job",
        "/incidents",
        &incident,
    ] {
        let page = ask(Method::GET, &ward.up.url(path), &[("cookie", &cookie)]).unwrap();
        assert_eq!(page.status, 200, "{path}");
        secrets.not_in(path, &page.body);
    }
    let heartbeat = asked(&ward.up.url("/heartbeats/job"));
    assert_ne!(heartbeat.status, 200, "strangers see nothing");
}
