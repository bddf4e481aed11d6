//! The token in a ping URL is a secret: it counts, and is shown to those alone who may change the
//! heartbeat.

use std::fs;
use std::path::Path;

use http::{HeaderMap, HeaderValue, Method, header};
use vigilmon_tests::background::{ask, post, send};
use vigilmon_tests::discord::Discord;
use vigilmon_tests::mail::MailServer;
use vigilmon_tests::slack::Slack;
use vigilmon_tests::wait;

use super::{Ward, asked, ping};
use crate::scene::{ADDRESS, HOOK, MAIL, SOON};

/// How the message about it is called in mail and chats.
const MISSED: &str = "MISSED: job heartbeat";

#[test]
fn the_token_of_a_ping_is_in_no_log_no_message_no_export_and_on_no_page_of_a_viewer() {
    let people = People::start();
    let mut ward = Ward::start_with(|options, _| {
        let options = options.args(&["--log-filter", "debug"]);
        let options = options.env("VIGILMON_SMTP_URL", &people.mail.url());
        options.env("VIGILMON_SMTP_FROM", "vigilmon@example.com")
    });
    people.are_told_by(&ward);
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
    for command in [&["export"][..], &["audit", "-o", "json"]] {
        secrets.not_in(&command.join(" "), &ward.cli.ok(command));
    }
    let bearer = format!("Bearer {viewer}");
    let headers = [("authorization", bearer.as_str())];
    let metrics = ask(Method::GET, &ward.up.url("/metrics"), &headers).unwrap();
    assert!(metrics.body.contains("vigilmon_heartbeat"), "{metrics:?}");
    secrets.not_in("the metrics", &metrics.body);
    events(&ward, viewer, &secrets);
    pages(&ward, viewer, opened.incident(), &secrets);
    people.heard_no(&secrets);
    for message in ward.receiver.messages(HOOK) {
        secrets.not_in("a webhook", &String::from_utf8_lossy(&message.raw));
    }
    ward.up.stop();
    secrets.not_in("the log", &ward.up.process().log());
    secrets.not_below(&ward.up.data());
}

/// What people read messages in.
struct People {
    mail: MailServer,
    slack: Slack,
    discord: Discord,
}

impl People {
    fn start() -> Self {
        Self {
            mail: MailServer::start(),
            slack: Slack::start(),
            discord: Discord::start(),
        }
    }

    fn are_told_by(&self, ward: &Ward) {
        let (slack, discord) = (self.slack.url(), self.discord.url());
        for channel in [
            [MAIL, "--email", ADDRESS],
            ["team", "--slack", &slack],
            ["guild", "--discord", &discord],
        ] {
            ward.cli.ok(&[&["channel", "add"][..], &channel].concat());
        }
    }

    /// Waits until all of them have heard of the miss, and looks through all that they heard.
    #[track_caller]
    fn heard_no(&self, secrets: &Secrets) {
        wait::until_true("people hear of the miss", SOON, || {
            let mut mails = self.mail.messages().into_iter();
            let mut slack = self.slack.posts().into_iter();
            let mut discord = self.discord.posts().into_iter();
            mails.any(|mail| mail.subject == MISSED)
                && slack.any(|post| post.text().contains(MISSED))
                && discord.any(|post| post.title().contains(MISSED))
        });
        for mail in self.mail.messages() {
            secrets.not_in("a mail", &format!("{mail:?}"));
        }
        for post in self.slack.posts() {
            secrets.not_in("a message to Slack", &post.body.to_string());
        }
        for post in self.discord.posts() {
            secrets.not_in("a message to Discord", &post.body.to_string());
        }
    }
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

/// All events that a viewer watches, from the first.
fn events(ward: &Ward, viewer: &str, secrets: &Secrets) {
    for format in ["table", "json"] {
        let out = ward.up.folder().join(format!("watch-{format}"));
        let watch = ["watch", "--since-cursor", "oldest", "--token", viewer];
        let watch = [&watch[..], &["-o", format]].concat();
        let watch = ward.cli.start(&watch, &out);
        wait::until_true("the miss is told", SOON, || {
            watch.log().contains("no ping since")
        });
        secrets.not_in("watch", &watch.log());
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
