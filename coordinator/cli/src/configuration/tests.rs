use super::files::File;
use super::*;

mod heartbeats;

fn texts(files: &[(&str, &str)]) -> Read {
    let files = files
        .iter()
        .map(|(name, text)| File {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
        })
        .collect();
    read_texts(files, &|name| {
        (name == "TOKEN").then(|| "hunter2".to_owned())
    })
}

fn wrong(text: &str) -> Vec<String> {
    texts(&[("a.yaml", text)]).faults.lines()
}

fn right(text: &str) -> v1::Configuration {
    let read = texts(&[("a.yaml", text)]);
    assert_eq!(read.faults.lines(), Vec::<String>::new());
    read.wanted
}

fn http(configuration: &v1::Configuration) -> v1::HttpSpec {
    let spec = configuration.monitors[0].spec.clone().unwrap();
    match spec.kind {
        Some(v1::monitor_spec::Kind::Http(http)) => http,
        None => panic!("no kind"),
    }
}

#[test]
fn a_whole_configuration_is_read() {
    let read = right(
        "
regions: [{name: us-east, display_name: New York}]
channels:
  - {name: hook, webhook: {url: 'https://example.com/hook', secret: keep}, fallback: mail}
  - {name: mail, email: {to: ops@example.com}}
routes:
  - {name: critical, match: {severity: critical, labels: {team: web}, scope: [global]}, to: hook,
     then: [{after: 5m, to: mail}]}
monitors:
  - name: api
    http:
      url: https://api.example.com/health
      expect_status: 200
      json: ['$.status == \"ok\"']
      header: ['X-Api-Key: keep', 'Accept: text/html']
      bearer: ${TOKEN}
      degraded_latency: [500ms, 3s]
    every: 1m
    quorum: 2
    regions: [us-east]
    label: [team=web]
",
    );
    assert_eq!(read.regions[0].display_name, "New York");
    let Some(v1::channel::Kind::Webhook(hook)) = &read.channels[0].kind else {
        panic!("a webhook");
    };
    assert_eq!(hook.secret, "…", "keep is what is stored");
    assert_eq!(read.routes[0].to, ["hook"]);
    assert_eq!(read.routes[0].labels["team"], "web");
    let step = &read.routes[0].then[0];
    assert_eq!(
        (step.after.unwrap().seconds, &step.to[..]),
        (300, &["mail".to_owned()][..])
    );
    let spec = read.monitors[0].spec.clone().unwrap();
    assert_eq!(
        (spec.quorum.as_str(), spec.interval.unwrap().seconds),
        ("2", 60)
    );
    assert_eq!(spec.labels["team"], "web");
    let http = http(&read);
    assert_eq!(
        (http.expect_status.as_str(), http.bearer.as_str()),
        ("200", "hunter2")
    );
    assert_eq!(
        (
            http.headers[0].value.as_str(),
            http.headers[1].value.as_str()
        ),
        ("…", "text/html")
    );
    assert_eq!(http.degraded_latency.len(), 2);
}

#[test]
fn everything_wrong_is_said_with_its_place() {
    let said = wrong(
        "channels:
  - {name: hook, webhook: {url: https://x.example}, email: {to: [a@b.c]}}
monitors:
  - name: api
    http:
      url: https://example.com
      expect_statuz: 200
      follow_redirects: many
      insecure: yes
    every: 30
    severity: bad
  - name: api
    htpp: {url: https://example.com}
  - http: [1]
    labels: 3
colour: red
routes: x
",
    );
    assert_eq!(
        said,
        [
            "a.yaml:2:53: channel hook: email: a channel has one kind, and `webhook` is given at a.yaml:2:18; split it in two",
            "a.yaml:7:7: monitor api: http.expect_statuz: `expect_statuz` is no key of an HTTP check; did you mean `expect_status`?",
            "a.yaml:8:25: monitor api: http.follow_redirects: a whole number is expected, not `many`",
            "a.yaml:9:17: monitor api: http.insecure: true or false is expected, not `yes`",
            "a.yaml:10:12: monitor api: every: `30` has no unit; write 30s",
            "a.yaml:11:15: monitor api: severity: `bad` is not one of critical, warning, info",
            "a.yaml:12:11: monitor api: is given twice; first at a.yaml:4:11",
            "a.yaml:13:5: monitor api: htpp: `htpp` is no key of a monitor; did you mean `http`?",
            "a.yaml:14:5: monitor: name: is missing: a monitor needs it",
            "a.yaml:14:11: monitor: http: a map is expected, not a list",
            "a.yaml:15:13: monitor: labels: a text without `=`; write key: value, or key=value",
            "a.yaml:16:1: `colour` is no key of a configuration: regions, channels, routes, monitors, heartbeats",
            "a.yaml:17:9: routes: a list is expected",
        ]
    );
}

#[test]
fn problems_of_all_files_are_said_at_once() {
    let read = texts(&[
        (
            "a.yaml",
            "monitors: [{name: a, http: {url: x}}]\n---\nmonitors: [{name: b, http: {}}]",
        ),
        (
            "b.yaml",
            "monitors:\n- {name: a, http: {url: y}}\n- \"unclosed",
        ),
    ]);
    let lines = read.faults.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        lines[0],
        "a.yaml:3:28: monitor b: http.url: is missing: an HTTP check needs it"
    );
    assert!(lines[1].starts_with("b.yaml:"), "{lines:?}");
    assert!(lines[1].contains("not YAML"), "{lines:?}");
}

#[test]
fn what_the_coordinator_finds_is_led_back_to_its_place() {
    let mut read = texts(&[(
        "a.yaml",
        "monitors:
  - name: api
    http: {url: 'ftp://x'}
    regions: [us-east, eu-wset]
routes:
  - name: all
    match: {monitor: [web]}
    to: [nobody]
",
    )]);
    let problem = |field: &str, message: &str| v1::ConfigProblem {
        field: field.to_owned(),
        message: message.to_owned(),
        remedy: String::new(),
    };
    read.faults.take_coordinators(vec![
        problem(
            "monitors[0].http.url",
            "`ftp://x` is neither http nor https",
        ),
        problem("monitors[0].regions", "region `eu-wset` does not exist"),
        problem("monitors[0].quorum", "9 of 2 regions can never agree"),
        problem("routes[0].monitor", "monitor `web` does not exist"),
        problem("routes[0].to", "channel `nobody` does not exist"),
        problem("prune.labels", "no label says what may go"),
    ]);
    assert_eq!(
        read.faults.lines(),
        [
            "prune.labels: no label says what may go",
            "a.yaml:2:5: monitor api: quorum: 9 of 2 regions can never agree",
            "a.yaml:3:17: monitor api: http.url: `ftp://x` is neither http nor https",
            "a.yaml:4:24: monitor api: regions: region `eu-wset` does not exist",
            "a.yaml:7:23: route all: monitor: monitor `web` does not exist",
            "a.yaml:8:10: route all: to: channel `nobody` does not exist",
        ]
    );
}

#[test]
fn what_only_follows_is_not_said() {
    let mut read = texts(&[("a.yaml", "monitors:\n  - {name: api, htpp: {}}\n")]);
    assert_eq!(read.faults.lines().len(), 1);
    read.faults.take_coordinators(vec![v1::ConfigProblem {
        field: "monitors[0].http".to_owned(),
        message: "a monitor needs a kind".to_owned(),
        remedy: String::new(),
    }]);
    assert_eq!(read.faults.lines().len(), 1);
}

#[test]
fn a_variable_that_is_not_set_is_named_with_its_place() {
    let said = wrong("monitors:\n  - name: api\n    http: {url: x, bearer: '${MISSING}'}\n");
    assert_eq!(said, ["a.yaml:3:28: the variable MISSING is not set"]);
}

#[test]
fn a_variable_cannot_become_more_than_text() {
    let read = read_texts(
        vec![File {
            name: "a.yaml".to_owned(),
            text: "monitors: [{name: api, http: {url: x, body: '${BODY}'}}]".to_owned(),
        }],
        &|_| Some("x'}}, {name: evil, http: {url: y}}]".to_owned()),
    );
    assert_eq!(read.wanted.monitors.len(), 1);
    assert!(http(&read.wanted).body.contains("evil"));
}

#[test]
fn json_is_read_as_yaml() {
    let read = right(r#"{"monitors": [{"name": "api", "http": {"url": "https://example.com"}}]}"#);
    assert_eq!(http(&read).url, "https://example.com");
}

#[test]
fn anchors_share_and_merge() {
    let read = right(
        "
x-usual: &usual
  every: 1m
  labels: {team: web}
monitors:
  - {<<: *usual, name: a, http: {url: 'https://a.example'}}
  - {<<: *usual, name: b, every: 5m, http: {url: 'https://b.example'}}
",
    );
    let every = |n: usize| {
        read.monitors[n]
            .spec
            .clone()
            .unwrap()
            .interval
            .unwrap()
            .seconds
    };
    assert_eq!((every(0), every(1)), (60, 300));
}

#[test]
fn a_file_that_grows_by_aliases_is_refused() {
    let mut text = "x-a: &a [1,1,1,1,1,1,1,1,1]\n".to_owned();
    for (from, to) in ["a", "b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .zip(["b", "c", "d", "e", "f", "g", "h", "i"])
    {
        let list = vec![format!("*{from}"); 9].join(",");
        text.push_str(&format!("x-{to}: &{to} [{list}]\n"));
    }
    let said = wrong(&text);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("aliases followed"), "{said:?}");
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(100_000),
        "- ".repeat(100_000),
        (0..50).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
        "{a: ".repeat(90_000),
    ] {
        let said = wrong(&text);
        assert_eq!(said.len(), 1, "{:?}", said.first());
        assert!(said[0].starts_with("a.yaml:"), "{said:?}");
    }
}

#[test]
fn a_key_is_given_once() {
    let said = wrong("monitors: []\nmonitors: []\n");
    assert_eq!(
        said,
        ["a.yaml:2:1: `monitors` is given twice; first in line 1"]
    );
}

#[test]
fn no_input_makes_it_panic() {
    let parts = [
        "monitors:",
        "- name: a",
        "  http: {url: x}",
        "[",
        "]",
        "{",
        "}",
        "&a",
        "*a",
        "<<:",
        "'",
        "\"",
        ": ",
        "\t",
        "---",
        "!!x",
        "${A}",
        "\u{feff}",
        "- ",
        "#",
    ];
    let mut seed = 1_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let part = usize::try_from(seed >> 33).unwrap() % parts.len();
            text.push_str(parts[part]);
            if seed & (1 << 40) != 0 {
                text.push('\n');
            }
        }
        texts(&[("a.yaml", &text)]).faults.lines();
    }
}

#[test]
fn what_is_exported_is_read_as_the_same() {
    let given = right(
        "
regions: [{name: us-east, display_name: New York}, {name: eu-west}]
channels:
  - {name: hook, webhook: {url: keep, secret: keep}, fallback: mail}
  - {name: mail, email: {to: [ops@example.com, b@example.com]}}
  - {name: chat, slack: {url: keep}}
  - {name: talk, discord: {url: 'https://discord.example/x'}}
routes:
  - {name: all, match: {severity: [info], monitor: api, event: [opened], scope: [regional]}, to: [hook],
     then: [{after: 90s, to: [mail, chat]}, {after: 1h, to: [talk]}]}
monitors:
  - name: api
    http:
      {url: 'https://example.com/?q=$${x}', method: HEAD, header: ['Cookie: keep'], body: 'a: 1', basic: 'u:keep',
       bearer: keep, contains: ['on'], matches: ['^1$'], max_latency: 5s, degraded_latency: [1s, 2s],
       follow_redirects: 3, insecure: true, ip: 6, expect_header: {A: b}}
    every: 1m
    timeout: 2s
    regions: [us-east]
    quorum: any
    failures: 2
    successes: 3
    regional_after: 0s
    severity: info
    labels: {a: '1', b: 'true'}
    notify: [mail]
",
    );
    let text = serde_saphyr::to_string(&document(&given)).unwrap();
    let again = texts(&[("export.yaml", &text)]);
    assert_eq!(again.faults.lines(), Vec::<String>::new(), "{text}");
    assert_eq!(again.wanted, given, "{text}");
    let json = serde_json::to_string(&document(&given)).unwrap();
    assert_eq!(right(&json), given);
}

/// What has no key, and why.
const WITHOUT_KEY: &[&str] = &["http"];

#[test]
fn every_flag_has_its_key() {
    use clap::CommandFactory;
    let command = crate::Arguments::command();
    let at = |path: &[&str]| {
        path.iter().fold(command.clone(), |command, name| {
            command.find_subcommand(name).unwrap().clone()
        })
    };
    let tables: [(&[&str], Vec<&shape::Table>); 4] = [
        (&["monitor", "add"], vec![&keys::MONITOR, &keys::HTTP]),
        (&["heartbeat", "add"], vec![&keys::HEARTBEAT]),
        (&["channel", "add"], vec![&keys::CHANNEL]),
        (&["route", "add"], vec![&keys::ROUTE]),
    ];
    for (path, mut tables) in tables {
        let mut inner = Vec::new();
        for table in &tables {
            for key in table.keys {
                if let shape::Shape::Map(table) = &key.shape {
                    inner.push(*table);
                }
            }
        }
        tables.extend(inner);
        for flag in at(path).get_arguments().filter_map(clap::Arg::get_long) {
            let name = flag.replace('-', "_");
            let global = command
                .get_arguments()
                .any(|arg| arg.get_long() == Some(flag));
            let known = tables.iter().any(|table| table.key(&name).is_some());
            assert!(
                known
                    || global
                    || flag == "help"
                    || flag == "version"
                    || WITHOUT_KEY.contains(&flag),
                "{path:?} --{flag} has no key"
            );
        }
    }
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../../../docs/configuration.md");
    let mut tables = vec![&keys::DOCUMENT];
    while let Some(table) = tables.pop() {
        for key in table.keys {
            if let shape::Shape::Map(inner) | shape::Shape::Maps(inner) = &key.shape {
                tables.push(*inner);
            }
            let name = key.name;
            let said =
                page.contains(&format!("`{name}`")) || page.contains(&format!("### {name}\n"));
            assert!(said, "docs/configuration.md does not know `{name}`");
        }
    }
}

proptest::proptest! {
    /// YAML reads `no`, `1e3`, `- a`, `# b` and blanks as something else, unless it is quoted well.
    #[test]
    fn whatever_text_is_exported_is_read_again(text in "([ -~]|[\\n\\t]|\\PC|\\$\\{|\\$|: |- |#|null|~|no|1e3){1,12}") {
        let http = v1::HttpSpec {
            url: "https://example.com".to_owned(),
            body: text.clone(),
            contains: vec![text.clone(), "x".to_owned()],
            ..v1::HttpSpec::default()
        };
        let spec = v1::MonitorSpec {
            kind: Some(v1::monitor_spec::Kind::Http(http)),
            labels: [("label".to_owned(), text.clone())].into(),
            ..v1::MonitorSpec::default()
        };
        let given = v1::Configuration {
            monitors: vec![v1::Monitor {
                name: "api".to_owned(),
                spec: Some(spec),
                ..v1::Monitor::default()
            }],
            ..v1::Configuration::default()
        };
        for written in [
            serde_saphyr::to_string(&document(&given)).unwrap(),
            serde_json::to_string(&document(&given)).unwrap(),
        ] {
            let read = texts(&[("a.yaml", &written)]);
            proptest::prop_assert_eq!(read.faults.lines(), Vec::<String>::new(), "{}", &written);
            let http = self::http(&read.wanted);
            proptest::prop_assert_eq!(&http.body, &text, "{}", &written);
            proptest::prop_assert_eq!(&http.contains[0], &text, "{}", &written);
            let labels = &read.wanted.monitors[0].spec.as_ref().unwrap().labels;
            proptest::prop_assert_eq!(&labels["label"], &text, "{}", &written);
        }
    }
}
