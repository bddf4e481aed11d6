//! What most tests start from: `vigilmon up`, a webhook receiver, a mail server, and a witness.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use vigilmon_tests::cli::Cli;
use vigilmon_tests::mail::{Mail, MailServer};
use vigilmon_tests::receiver::{self, Delivery, Receiver};
use vigilmon_tests::target::Target;
use vigilmon_tests::up::{Options, REGIONS, Up};
use vigilmon_tests::wait;

/// The channel and inbox of the webhook.
pub(crate) const HOOK: &str = "hook";
/// The channel of the mail.
pub(crate) const MAIL: &str = "mail";
/// Who gets the mail.
pub(crate) const ADDRESS: &str = "ops@example.com";
/// How often monitors are checked here.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// A message must be there by then.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// What Vigilmon promises from the first failing answer to the alert, tests included.
pub(crate) const ALERT_WITHIN: Duration = Duration::from_secs(5);

/// A running Vigilmon with one channel of each kind.
pub(crate) struct Scene {
    pub(crate) up: Up,
    pub(crate) receiver: Receiver,
    pub(crate) mail: MailServer,
    pub(crate) cli: Cli,
    witness: Target,
}

impl Scene {
    /// Starts everything; the channels are there, no monitor but the witness is.
    pub(crate) fn start() -> Self {
        Self::start_with(|options, _| options)
    }

    /// Starts everything, `up` with more options; they may name its folder.
    pub(crate) fn start_with(more: impl FnOnce(Options, &Path) -> Options) -> Self {
        let mail = MailServer::start();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = more(options(&mail), folder.path());
        Self::around(Up::start_in(folder, &options), mail)
    }

    fn around(up: Up, mail: MailServer) -> Self {
        let receiver = Receiver::start();
        let cli = up.cli();
        let hook = receiver.url(HOOK);
        cli.ok(&[
            "channel",
            "add",
            HOOK,
            "--webhook",
            &hook,
            "--secret",
            receiver::SECRET,
        ]);
        cli.ok(&["channel", "add", MAIL, "--email", ADDRESS]);
        let scene = Self {
            up,
            receiver,
            mail,
            cli,
            witness: Target::start(),
        };
        scene.watch("witness", &scene.witness.url(), &[]);
        scene
    }

    /// Ends `up` as a power cut would, and starts it again on its data.
    pub(crate) fn restart(&mut self) {
        self.up.process().kill();
        self.up.start_again(&options(&self.mail));
    }

    /// Adds an HTTP monitor.
    pub(crate) fn watch(&self, name: &str, url: &str, more: &[&str]) {
        let add = [
            "monitor",
            "add",
            name,
            "--http",
            url,
            "--every",
            "1s",
            "--timeout",
            "1s",
        ];
        self.cli.ok(&[&add, more].concat());
        self.wait_for_status(name, "up");
    }

    /// A monitor as `monitor show` prints it.
    pub(crate) fn monitor(&self, name: &str) -> Value {
        self.cli.json(&["monitor", "show", name])
    }

    /// Waits for a monitor's status.
    #[track_caller]
    pub(crate) fn wait_for_status(&self, name: &str, status: &str) {
        wait::until_a_command_says(&format!("{name} is {status}"), SOON, || {
            self.monitor(name)["status"] == status
        });
    }

    /// Waits until every region has checked `slots` times more, so that what was going to happen
    /// by itself has happened.
    #[track_caller]
    pub(crate) fn let_slots_pass(&self, slots: usize) {
        let within = SOON + EVERY * u32::try_from(slots).expect("a few");
        self.witness.wait_for_hits(&REGIONS, slots, within);
    }

    /// Waits for a webhook of this type about this monitor.
    #[track_caller]
    pub(crate) fn wait_for(&self, kind: &str, monitor: &str) -> Delivery {
        let what = format!("{kind} of {monitor}");
        self.receiver.wait_for(HOOK, &what, SOON, |delivery| {
            delivery.kind() == kind && delivery.monitor() == monitor
        })
    }

    /// Waits for a mail whose subject begins so and that names this target.
    #[track_caller]
    pub(crate) fn wait_for_mail(&self, begins: &str, target: &str) -> Mail {
        wait::until(&format!("a mail {begins}… about {target}"), SOON, || {
            let is_it =
                |mail: &Mail| mail.subject.starts_with(begins) && mail.subject.contains(target);
            self.mail.messages().into_iter().find(is_it)
        })
    }

    /// The types of all webhooks about a monitor, in the order in which they came.
    pub(crate) fn told(&self, monitor: &str) -> Vec<String> {
        let messages = self.receiver.messages(HOOK).into_iter();
        let about = messages.filter(|delivery| delivery.monitor() == monitor);
        about.map(|delivery| delivery.kind().to_owned()).collect()
    }

    /// The subjects of all mails that name this target, in the order in which they came.
    pub(crate) fn mailed(&self, target: &str) -> Vec<String> {
        let messages = self.mail.messages().into_iter();
        messages
            .map(|mail| mail.subject)
            .filter(|subject| subject.contains(target))
            .collect()
    }

    /// How many messages of any kind have left so far.
    pub(crate) fn messages(&self) -> usize {
        self.receiver.messages(HOOK).len() + self.mail.messages().len()
    }
}

/// As the README says, with a mail server.
pub(crate) fn options(mail: &MailServer) -> Options {
    let options = Options::new()
        .env("VIGILMON_SMTP_URL", &mail.url())
        .env("VIGILMON_SMTP_FROM", "vigilmon@example.com");
    match std::env::var("VIGILMON_TEST_OWNERS") {
        Ok(owners) => options.env("VIGILMON_OWNERS", &owners),
        Err(_) => options,
    }
}

/// What a URL is called in messages: without its scheme.
pub(crate) fn place(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// An incident's duration, as its last message says.
#[track_caller]
pub(crate) fn duration(resolved: &Delivery) -> Duration {
    let seconds = resolved.body["data"]["incident"]["duration_seconds"].as_f64();
    Duration::from_secs_f64(seconds.expect("what is over has a duration"))
}

/// Fails unless the two differ by at most `slack`.
#[track_caller]
pub(crate) fn close(said: Duration, true_one: Duration, slack: Duration) {
    assert!(
        said.abs_diff(true_one) <= slack,
        "{said:?} is said, {true_one:?} it was"
    );
}

/// What the clock on the wall said at that moment, since the epoch, as the product's times do.
pub(crate) fn wall(at: Instant) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("the epoch is past") - at.elapsed()
}

/// When the first request was answered so, by a site.
pub(crate) fn first_answer(target: &Target, status: u16) -> Option<Instant> {
    target
        .hits()
        .iter()
        .find(|hit| hit.status == status)
        .map(|hit| hit.at)
}
