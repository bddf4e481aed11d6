//! Heartbeats: jobs that ping, that stop, fail, hang and recover, and what their operators hear.
//!
//! One task owns all heartbeats however many own the monitors, so this is tested with one owner;
//! what crosses owners is in `heartbeat_incidents`.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use vigilmon_common::time::Time;
use vigilmon_tests::background::{self, Answer};
use vigilmon_tests::cli::Cli;
use vigilmon_tests::receiver::{self, Delivery, Receiver};
use vigilmon_tests::up::{Options, Up};
use vigilmon_tests::wait;

use crate::scene::{HOOK, SOON};

mod answers;
mod as_code;
mod crashes;
mod downtime;
mod fast;
mod form;
mod jobs;
mod patient_snippets;
mod promises;
mod secrets;
mod snippets;
mod urls;

/// A coordinator without agents, and a webhook that hears everything.
pub(crate) struct Ward {
    pub(crate) up: Up,
    pub(crate) cli: Cli,
    pub(crate) receiver: Receiver,
}

impl Ward {
    pub(crate) fn start() -> Self {
        Self::start_with(|options, _| options)
    }

    /// Starts everything, the coordinator with more options; they may name its folder.
    pub(crate) fn start_with(more: impl FnOnce(Options, &Path) -> Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = more(Options::coordinator(), folder.path());
        let up = Up::start_in(folder, &options);
        let receiver = Receiver::start();
        let cli = up.cli();
        let hook = receiver.url(HOOK);
        let add = ["channel", "add", HOOK, "--webhook", &hook];
        cli.ok(&[&add[..], &["--secret", receiver::SECRET]].concat());
        Self { up, cli, receiver }
    }

    /// Adds a heartbeat; its URL.
    #[track_caller]
    pub(crate) fn add(&self, name: &str, more: &[&str]) -> String {
        let added = self.cli.ok(&[&["heartbeat", "add", name], more].concat());
        let url = added.trim();
        assert!(
            url.starts_with(&self.up.url("/ping/")) && !url.contains(char::is_whitespace),
            "the URL alone is on stdout: {added}"
        );
        url.to_owned()
    }

    /// A heartbeat as `heartbeat show` prints it.
    #[track_caller]
    pub(crate) fn show(&self, name: &str) -> Value {
        self.cli.json(&["heartbeat", "show", name])
    }

    /// Waits for a heartbeat's status.
    #[track_caller]
    pub(crate) fn wait_for_status(&self, name: &str, status: &str) {
        wait::until_a_command_says(&format!("{name} is {status}"), SOON, || {
            self.show(name)["status"] == status
        });
    }

    /// Waits for a webhook of this type about this heartbeat.
    #[track_caller]
    pub(crate) fn wait_for(&self, kind: &str, name: &str) -> Delivery {
        let what = format!("{kind} of {name}");
        self.receiver.wait_for(HOOK, &what, SOON, |delivery| {
            delivery.kind() == kind && delivery.monitor() == name
        })
    }

    /// The types of all webhooks about a heartbeat, in the order in which they came.
    #[track_caller]
    pub(crate) fn told(&self, name: &str) -> Vec<String> {
        let messages = self.receiver.messages(HOOK).into_iter();
        let about = messages.filter(|delivery| delivery.monitor() == name);
        about.map(|delivery| delivery.kind().to_owned()).collect()
    }
}

/// Pings; fails unless the answer is the one that every ping gets.
#[track_caller]
pub(crate) fn ping(url: &str) {
    let answer = asked(url);
    assert_eq!((answer.status, answer.body.as_str()), (200, "OK"), "{url}");
}

/// What a URL answers.
#[track_caller]
pub(crate) fn asked(url: &str) -> Answer {
    background::get(url).unwrap_or_else(|| panic!("{url} answers"))
}

/// Lets so much time pass since then: what a test is about, where nothing is to be seen in it.
pub(crate) fn pass(since: Instant, time: Duration) {
    wait::until_true("time passes", time + SOON, || since.elapsed() >= time);
}

/// A heartbeat's last ten pings, the newest first.
#[track_caller]
pub(crate) fn pings(shown: &Value) -> Vec<Value> {
    let pings = shown["last_pings"].as_array();
    pings.unwrap_or_else(|| panic!("{shown:#}")).clone()
}

/// What its last pings said, the newest first.
#[track_caller]
pub(crate) fn signals(shown: &Value) -> Vec<String> {
    let signal = |ping: &Value| ping["signal"].as_str().unwrap().to_owned();
    pings(shown).iter().map(signal).collect()
}

/// A time of it.
#[track_caller]
pub(crate) fn time(shown: &Value, field: &str) -> Time {
    let text = shown[field].as_str();
    let text = text.unwrap_or_else(|| panic!("{field} of {shown:#}"));
    Time::parse_rfc3339(text).expect("times are RFC 3339")
}
