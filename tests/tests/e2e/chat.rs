//! Slack and Discord: what arrives there, and what becomes of what they refuse.

use std::time::Duration;

use vigilmon_tests::cli::Cli;
use vigilmon_tests::discord::Discord;
use vigilmon_tests::docs::{Reader, blocks};
use vigilmon_tests::slack::Slack;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{Options, Up};
use vigilmon_tests::wait;

use crate::scene::{SOON, Scene, place};

/// In every secret of the two receivers.
const CANARY: &str = "canary5f1c";
/// Longer than any back-off after a first failure.
const LIMIT: Duration = Duration::from_secs(12);

/// A running Vigilmon whose channels are one of each service.
struct Chat {
    up: Up,
    cli: Cli,
    slack: Slack,
    discord: Discord,
    target: Target,
}

impl Chat {
    fn start() -> Self {
        let up = Up::start(&Options::new());
        let chat = Self {
            cli: up.cli(),
            up,
            slack: Slack::start(),
            discord: Discord::start(),
            target: Target::start(),
        };
        let (slack, discord) = (chat.slack.url(), chat.discord.url());
        chat.cli.ok(&["channel", "add", "team", "--slack", &slack]);
        chat.cli
            .ok(&["channel", "add", "guild", "--discord", &discord]);
        let url = chat.target.url();
        let add = ["monitor", "add", "site", "--http", &url];
        chat.cli
            .ok(&[&add[..], &["--every", "1s", "--timeout", "1s"]].concat());
        wait::until_a_command_says("the site is up", SOON, || {
            chat.cli.json(&["monitor", "show", "site"])["status"] == "up"
        });
        chat
    }

    /// Ends the site.
    fn fail(&self) {
        self.target.behave(Behaviour::status(503));
    }

    /// Nothing that was sent was more than the services take.
    #[track_caller]
    fn nothing_was_refused(&self) {
        for post in self.slack.posts() {
            assert!(post.status == 200, "{post:?}");
        }
        for post in self.discord.posts() {
            assert!(post.status == 200 && post.waits, "{post:?}");
        }
    }
}

#[test]
fn an_incident_and_its_end_arrive_with_their_facts() {
    let mut chat = Chat::start();
    chat.fail();
    let place = place(&chat.target.url());
    let slack = chat.slack.wait_for("🔴 DOWN: ", SOON);
    let said = slack.blocks();
    let incident = chat.cli.rows(&["incident", "list"]);
    let link = chat.up.url(&format!(
        "/incidents/{}",
        incident[0]["id"].as_str().unwrap()
    ));
    for fact in [&*place, "503 Service Unavailable", " of 3", " UTC", &link] {
        assert!(said.contains(fact), "{fact}: {said}");
        assert!(slack.text().contains(fact), "{fact}: {slack:?}");
    }
    // Two regions decide, whichever they are.
    let regions = ["US-East", "EU-West", "AP-Southeast"].into_iter();
    let failing = regions.filter(|region| said.contains(region)).count();
    assert!(failing >= 2, "{said}");
    let discord = chat.discord.wait_for("🔴 DOWN: ", SOON);
    assert!(discord.title().contains(&place), "{discord:?}");
    assert_eq!(discord.field("Reason"), "503 Service Unavailable");
    assert!(discord.field("Failing").ends_with(" of 3"), "{discord:?}");
    assert_eq!(discord.field("Link"), link);

    // Whatever people write, it calls nobody and fits.
    let note = "<!channel> @everyone **[x](https://evil.example)** ".repeat(35);
    let id = incident[0]["id"].as_str().unwrap();
    chat.cli.ok(&["incident", "ack", id, "--note", &note]);
    let slack = chat.slack.wait_for("⚪ ACKNOWLEDGED: ", SOON);
    assert!(!slack.blocks().contains("<!channel>"), "{slack:?}");
    let discord = chat.discord.wait_for("⚪ ACKNOWLEDGED: ", SOON);
    assert!(
        discord.body["allowed_mentions"]["parse"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    chat.target.behave(Behaviour::status(200));
    let slack = chat.slack.wait_for("🟢 UP: ", SOON);
    assert!(slack.blocks().contains("*Down for:* "), "{slack:?}");
    let discord = chat.discord.wait_for("🟢 UP: ", SOON);
    assert!(!discord.field("Down for").is_empty(), "{discord:?}");
    chat.nothing_was_refused();

    let shown = [
        chat.cli.ok(&["channel", "list"]),
        chat.cli.ok(&["channel", "show", "team", "-o", "json"]),
        chat.cli
            .ok(&["channel", "deliveries", "guild", "-o", "json"]),
        chat.up.process().log(),
    ];
    assert!(!shown.concat().contains(CANARY), "{shown:?}");
}

#[test]
fn a_service_that_asks_for_time_gets_it() {
    let chat = Chat::start();
    chat.slack
        .refuse(429, "rate_limited", Some(LIMIT.as_secs()));
    chat.discord.limit(LIMIT.as_secs_f64() + 0.25);
    chat.fail();
    wait::until_true("both were asked", SOON, || {
        !chat.slack.posts().is_empty() && !chat.discord.posts().is_empty()
    });
    wait::until_a_command_says(
        "the first attempt is listed, and that it waits",
        LIMIT,
        || {
            let tried = chat.cli.rows(&["channel", "deliveries", "team"]);
            let says = |row: usize, field: &str, text: &str| {
                tried.get(row).is_some_and(|row| row[field] == text)
            };
            says(0, "result", "waiting") && says(1, "detail", "answered 429: rate_limited")
        },
    );
    chat.slack.wait_for("🔴 DOWN: ", LIMIT + SOON);
    chat.discord.wait_for("🔴 DOWN: ", LIMIT + SOON);
    let (slack, discord) = (chat.slack.posts(), chat.discord.posts());
    assert!(slack[1].at - slack[0].at >= LIMIT, "{slack:?}");
    assert!(discord[1].at - discord[0].at >= LIMIT, "{discord:?}");
    assert_eq!(slack[0].body, slack[1].body);
    assert_eq!(discord[0].body, discord[1].body);
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_service_and_without_the_url() {
    let chat = Chat::start();
    let slack = chat.slack.url_of(&format!("/services/T0/B0/{CANARY}"));
    let discord = chat.discord.url_of(CANARY);
    chat.cli
        .ok(&["channel", "add", "wrong-team", "--slack", &slack]);
    chat.cli
        .ok(&["channel", "add", "wrong-guild", "--discord", &discord]);
    for (name, said) in [
        ("wrong-team", "answered 404: no_service"),
        ("wrong-guild", "answered 404: Unknown Webhook (code 10015)"),
    ] {
        let done = chat.cli.run(&["channel", "test", name]);
        assert_eq!(done.code, 1, "{done:#?}");
        assert!(
            done.err.contains(said) && !done.err.contains(CANARY),
            "{done:#?}"
        );
        let tried = chat.cli.rows(&["channel", "deliveries", name]);
        assert_eq!(
            (&tried[0]["detail"], &tried[0]["result"]),
            (&said.into(), &"dead".into())
        );
    }
    let done = chat.cli.ok(&["channel", "test", "team"]);
    assert!(done.contains("200 OK"), "{done}");
    chat.cli.ok(&["channel", "test", "guild"]);
    assert!(
        chat.slack
            .posts()
            .last()
            .unwrap()
            .text()
            .starts_with("⚪ TEST: ")
    );
}

#[test]
fn what_slack_cannot_take_goes_to_its_fallback() {
    let chat = Chat::start();
    let gone = chat.slack.url_of("/services/T0/B0/gone");
    let add = ["channel", "add", "gone", "--slack", &gone];
    chat.cli.ok(&[&add[..], &["--fallback", "guild"]].concat());
    chat.cli.ok(&["route", "add", "only", "--to", "gone"]);
    for _ in 0..4 {
        chat.slack.refuse(400, "invalid_blocks", None);
    }
    chat.fail();
    let copy = chat.discord.wait_for("🔴 DOWN: ", SOON);
    assert_eq!(copy.field("Copy"), "gone could not deliver this");
}

#[test]
fn the_page_on_channels_does_what_it_says() {
    let scene = Scene::start();
    let (slack, discord) = (Slack::start(), Discord::start());
    let reader = Reader::new();
    reader.link(&scene.up.data(), "vigilmon-data");
    let mut printed = String::new();
    for lines in blocks("channels.md", "sh") {
        let lines = lines
            .replace(
                "https://hooks.slack.com/services/T000/B000/XXXX",
                &slack.url(),
            )
            .replace("https://discord.com/api/webhooks/1234/XXXX", &discord.url())
            .replace(
                "https://tickets.example.com/vigilmon",
                &scene.receiver.url("tickets"),
            )
            .replace(
                "https://pager.example.com/vigilmon",
                &scene.receiver.url("pager"),
            );
        printed.push_str(&reader.types(&lines));
    }
    let test = "TEST: Vigilmon reaches you on this channel";
    assert!(
        slack.posts()[0].text().contains(test),
        "{:?}",
        slack.posts()
    );
    assert!(printed.contains("the test arrived: 200 OK"), "{printed}");
    assert!(printed.contains("TEST: Vigilmon"), "{printed}");
}
