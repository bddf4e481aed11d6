//! The tutorials' jobs as they are taught, scaled down: APScheduler in a Litestar and in a Flask
//! application. They fail, hang and recover; each end of silence is told once, to everybody.
//!
//! A day and an hour, and five minutes, are eight seconds here; the jobs run twice a second.

use std::time::{Duration, Instant};

use vigilmon_tests::application::{Application, Manner};
use vigilmon_tests::discord::Discord;
use vigilmon_tests::receiver::Delivery;
use vigilmon_tests::slack::Slack;
use vigilmon_tests::wait;

use super::time;
use crate::scene::{ALERT_WITHIN, SOON, Scene};

/// How often a ping is expected.
const EVERY: Duration = Duration::from_secs(8);

/// An application with its job, all channels that people read, and a webhook.
struct Night {
    scene: Scene,
    slack: Slack,
    discord: Discord,
    application: Application,
    name: &'static str,
}

impl Night {
    /// Starts everything; `path` is how the tutorial writes the ping URL's.
    fn start(name: &'static str, path: &str, start: fn(&str) -> Application) -> Self {
        let scene = Scene::start();
        let (slack, discord) = (Slack::start(), Discord::start());
        let cli = &scene.cli;
        cli.ok(&["channel", "add", "team", "--slack", &slack.url()]);
        cli.ok(&["channel", "add", "guild", "--discord", &discord.url()]);
        let url = cli.ok(&["heartbeat", "add", name, "--every", "8s"]);
        let url = url.trim().replace("/ping/", path);
        let application = start(&url);
        let night = Self {
            scene,
            slack,
            discord,
            application,
            name,
        };
        night.it_pings();
        night
    }

    fn pinged(&self) -> u64 {
        let shown = self.scene.cli.json(&["heartbeat", "show", self.name]);
        shown["pings"].as_u64().unwrap()
    }

    /// Waits for some pings.
    #[track_caller]
    fn it_pings(&self) {
        let before = self.pinged();
        let what = format!("the job of {} pings", self.name);
        wait::until_a_command_says(&what, SOON, || self.pinged() >= before + 3);
    }

    /// The number of messages about it, of each kind, that mail, Slack and Discord have taken.
    fn people_heard(&self, title: &str) -> [usize; 3] {
        let mailed = self.scene.mailed(title).len();
        let posts = self.slack.posts().into_iter();
        let slack = posts.filter(|post| post.status == 200 && post.text().contains(title));
        let posts = self.discord.posts().into_iter();
        // Names are escaped there: an underscore is no emphasis.
        let discord = posts
            .filter(|post| post.status < 300 && post.title().replace('\\', "").contains(title));
        [mailed, slack.count(), discord.count()]
    }

    /// The job does so; its end is told once.
    #[track_caller]
    fn goes_silent(&self, manner: Manner, times: usize) {
        let ill = Instant::now();
        self.application.job(manner);
        let opened = self.told(times * 2 - 1);
        assert_eq!(opened.kind(), "incident.opened");
        let took = opened.at.duration_since(ill);
        assert!(took <= EVERY + ALERT_WITHIN, "{took:?} after it went ill");
        self.says_what_is_missing(&opened);
        let title = format!("MISSED: {} heartbeat", self.name);
        wait::until_true(&format!("people are told {title}"), SOON, || {
            self.people_heard(&title) == [times; 3]
        });
        let mail = self.scene.wait_for_mail("MISSED: ", self.name);
        let text = mail.text.unwrap();
        for fact in ["Expected: every 8s", "Last ping: ", " ago"] {
            assert!(text.contains(fact), "{fact}: {text}");
        }
        // Nothing more is said, however many pings are missing.
        super::pass(opened.at, EVERY / 4);
        assert_eq!(self.scene.told(self.name).len(), times * 2 - 1);
        assert_eq!(self.people_heard(&title), [times; 3]);
    }

    /// The job is well again; that is told once.
    #[track_caller]
    fn recovers(&self, times: usize) {
        self.application.job(Manner::Well);
        let resolved = self.told(times * 2);
        assert_eq!(resolved.kind(), "incident.resolved");
        assert_eq!(resolved.body["data"]["incident"]["resolution"], "recovered");
        assert_eq!(resolved.body["data"]["heartbeat"]["state"], "up");
        let title = format!("UP: {} heartbeat", self.name);
        wait::until_true(&format!("people are told {title}"), SOON, || {
            self.people_heard(&title) == [times; 3]
        });
        self.it_pings();
    }

    /// The webhook of this number about it.
    #[track_caller]
    fn told(&self, number: usize) -> Delivery {
        let what = format!("message {number} about {}", self.name);
        wait::until(&what, SOON, || {
            let messages = self.scene.receiver.messages(crate::scene::HOOK);
            let mut about = messages.into_iter().filter(|m| m.monitor() == self.name);
            about.nth(number - 1)
        })
    }

    #[track_caller]
    fn says_what_is_missing(&self, opened: &Delivery) {
        let data = &opened.body["data"];
        assert_eq!(data["monitor"]["kind"], "heartbeat");
        assert!(data["monitor"]["target"].is_null() && data["regions"].is_null());
        assert_eq!(data["reason"]["code"], "heartbeat_missed");
        assert_eq!(data["incident"]["scope"], "global");
        assert_eq!(data["incident"]["severity"], "critical");
        let heartbeat = &data["heartbeat"];
        assert_eq!(heartbeat["state"], "down");
        assert_eq!(heartbeat["expected_every_seconds"], 8);
        assert_eq!(heartbeat["grace_seconds"], 0);
        assert!(heartbeat["late_seconds"].as_f64().unwrap() < ALERT_WITHIN.as_secs_f64());
        let last = time(heartbeat, "last_ping_at");
        let started = time(&data["incident"], "started_at");
        assert_eq!(started.since(last), EVERY, "silent since it was due");
    }
}

fn it_is_told_when_it_fails_and_when_it_hangs(night: &Night) {
    assert_eq!(night.scene.messages(), 0, "all is well so far");
    night.goes_silent(Manner::Fails, 1);
    assert!(night.application.log().contains("RuntimeError"));
    night.recovers(1);
    night.goes_silent(Manner::Hangs, 2);
    night.recovers(2);
    let kinds = ["incident.opened", "incident.resolved"];
    assert_eq!(night.scene.told(night.name), [kinds, kinds].concat());
    let open = night.scene.cli.rows(&["incident", "list", "--open"]);
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_job_of_the_litestar_application_that_raises_or_hangs_does_not_ping_so_an_alert_follows() {
    let night = Night::start(
        "nightly_cleanup",
        "/api/heartbeat/",
        Application::litestar_with_a_job,
    );
    it_is_told_when_it_fails_and_when_it_hangs(&night);
}

#[test]
fn a_job_of_the_flask_application_that_raises_or_hangs_does_not_ping_so_an_alert_follows() {
    let night = Night::start("sync_inventory", "/ping/", Application::flask_with_a_job);
    it_is_told_when_it_fails_and_when_it_hangs(&night);
}
