//! Both applications are watched by one file, and its one route tells mail and Slack, and whoever
//! is on call when nobody takes it.

use std::time::Duration;

use vigilmon_tests::application::{Application, Databases};
use vigilmon_tests::cli::Cli;
use vigilmon_tests::docs::Reader;
use vigilmon_tests::mail::MailServer;
use vigilmon_tests::programs;
use vigilmon_tests::receiver::{Receiver, SECRET};
use vigilmon_tests::slack::Slack;
use vigilmon_tests::up::Up;
use vigilmon_tests::wait;

use crate::scene::{ADDRESS, SOON, options, place};

/// The inbox of whoever is on call.
const ON_CALL: &str = "on-call";

/// When whoever is on call hears of what nobody took, as the file says.
const STEP_AFTER: Duration = Duration::from_secs(15);

/// Two applications on databases of their own, and all that messages reach.
struct Operations {
    litestar: Application,
    flask: Application,
    of_litestar: Databases,
    of_flask: Databases,
    up: Up,
    mail: MailServer,
    slack: Slack,
    on_call: Receiver,
}

impl Operations {
    fn start() -> Self {
        let (of_litestar, of_flask) = (Databases::start(), Databases::start());
        let mail = MailServer::start();
        Self {
            litestar: Application::litestar(&of_litestar),
            flask: Application::flask(&of_flask),
            of_litestar,
            of_flask,
            up: Up::start(&options(&mail)),
            mail,
            slack: Slack::start(),
            on_call: Receiver::start(),
        }
    }

    fn cli(&self) -> Cli {
        self.up.cli()
    }

    /// Applies the file; what that printed.
    #[track_caller]
    fn apply(&self) -> String {
        let reader = Reader::new();
        reader.link(&self.up.data(), "vigilmon-data");
        let file = programs::tests().join("apps/vigilmon.yaml");
        let plan = reader.plan("vigilmon").args(["apply", "-f"]).args([file]);
        let plan = plan
            .env("LITESTAR", self.litestar.url(""))
            .env("FLASK", self.flask.url(""))
            .env("SLACK_URL", self.slack.url())
            .env("ON_CALL_URL", self.on_call.url(ON_CALL))
            .env("ON_CALL_SECRET", SECRET);
        let done = plan.command().output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(done.status.success(), "{}", text(&done.stderr));
        text(&done.stdout)
    }

    /// What messages call a monitor.
    fn title(&self, monitor: &str) -> String {
        let (name, path) = match monitor.split_once('-') {
            None => (monitor, "/health".to_owned()),
            Some((name, rest)) => (name, format!("/health/{rest}")),
        };
        let application = if name == "flask" {
            &self.flask
        } else {
            &self.litestar
        };
        format!("{} ({monitor})", place(&application.url(&path)))
    }

    /// Waits until mail and Slack say so of each of these monitors.
    #[track_caller]
    fn both_say(&self, word: &str, monitors: [&str; 2]) {
        for monitor in monitors {
            let title = format!("{word}: {}", self.title(monitor));
            let mail = wait::until(&format!("a mail {title}"), SOON, || {
                let messages = self.mail.messages().into_iter();
                messages.into_iter().find(|mail| mail.subject == title)
            });
            assert_eq!(mail.to, [ADDRESS]);
            wait::until_true(&format!("{title} in Slack"), SOON, || {
                let mut posts = self.slack.posts().into_iter();
                posts.any(|post| post.status == 200 && post.text().contains(&title))
            });
        }
    }

    /// Of which monitors whoever is on call heard what, in order.
    fn on_call_heard(&self, monitor: &str) -> Vec<String> {
        let messages = self.on_call.messages(ON_CALL).into_iter();
        let about = messages.filter(|message| message.monitor() == monitor);
        about.map(|message| message.kind().to_owned()).collect()
    }
}

#[test]
fn one_file_watches_both_applications_and_one_route_tells_mail_slack_and_later_the_one_on_call() {
    let mut operations = Operations::start();
    let planned = operations.apply();
    for line in [
        "+ channel ops-slack",
        "+ route critical",
        "+ monitor flask-report",
        "+ heartbeat nightly_cleanup",
    ] {
        assert!(planned.lines().any(|planned| planned == line), "{planned}");
    }
    assert_eq!(operations.apply().trim(), "no changes");
    let cli = operations.cli();
    wait::until_a_command_says("all six monitors are up", SOON, || {
        let rows = cli.rows(&["monitor", "list"]);
        rows.len() == 6 && rows.iter().all(|row| row["status"] == "up")
    });

    let litestar = ["litestar", "litestar-report"];
    operations.of_litestar.postgres.stop();
    operations.both_say("DOWN", litestar);
    for incident in cli.rows(&["incident", "list", "--open"]) {
        cli.ok(&["incident", "ack", incident["id"].as_str().unwrap()]);
    }
    operations.both_say("ACKNOWLEDGED", litestar);

    // Broken later: its step is the sign that the time of the other's has passed.
    let flask = ["flask", "flask-report"];
    operations.of_flask.redis.stop();
    operations.both_say("DOWN", flask);
    for monitor in flask {
        let what = format!("{monitor} is not taken");
        let within = STEP_AFTER + SOON;
        let step = operations
            .on_call
            .wait_for(ON_CALL, &what, within, |told| told.monitor() == monitor);
        assert_eq!(step.body["data"]["step"]["route"], "critical");
        assert_eq!(step.body["data"]["step"]["number"], 1);
    }

    operations.of_litestar.postgres.start_again();
    operations.of_flask.redis.start_again();
    operations.both_say("UP", litestar);
    operations.both_say("UP", flask);
    let ended = |monitor| operations.on_call_heard(monitor).len() == 2;
    wait::until_true("who was called hears the end", SOON, || {
        flask.iter().all(|m| ended(m))
    });
    for monitor in flask {
        let heard = operations.on_call_heard(monitor);
        assert_eq!(heard, ["incident.opened", "incident.resolved"], "{monitor}");
    }
    for monitor in litestar {
        assert_eq!(
            operations.on_call_heard(monitor),
            [""; 0],
            "somebody took it"
        );
    }
    let subjects = operations.mail.messages();
    let subjects: Vec<&str> = subjects.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(
        subjects.len(),
        2 * 3 + 2 * 2,
        "no more than that: {subjects:#?}"
    );
    assert!(
        !subjects.iter().any(|subject| subject.contains("live")),
        "{subjects:#?}"
    );
}
