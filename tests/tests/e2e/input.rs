//! What is refused at the command line: with field, value and remedy, and nothing changed.

use vigilmon_tests::up::{Options, Up};

/// What is refused: arguments, the exit code, and what stderr must name.
type Refused = (&'static [&'static str], i32, &'static [&'static str]);

const URL: &str = "http://127.0.0.1:9/health";

const MONITORS: &[Refused] = &[
    (&["--http", "not a url"], 1, &["url", "not a url"]),
    (&["--http", "ftp://example.com/"], 1, &["ftp", "http"]),
    (&["--http", "http://"], 1, &["url"]),
    (&["--http", URL, "--every", "30x"], 2, &["--every", "30x"]),
    (
        &["--http", URL, "--every", "10ms"],
        1,
        &["every", "10ms", "1s"],
    ),
    (
        &["--http", URL, "--timeout", "1ms"],
        1,
        &["timeout", "1ms", "100ms"],
    ),
    (
        &["--http", URL, "--every", "5s", "--timeout", "10s"],
        1,
        &["timeout", "10s", "5s"],
    ),
    (
        &["--http", URL, "--regions", "mars"],
        1,
        &["regions", "mars"],
    ),
    (&["--http", URL, "--quorum", "4"], 1, &["quorum", "4", "3"]),
    (&["--http", URL, "--quorum", "0"], 1, &["quorum"]),
    (
        &["--http", URL, "--quorum", "most"],
        1,
        &["quorum", "most", "majority"],
    ),
    (&["--http", URL, "--failures", "0"], 1, &["failures"]),
    (
        &["--http", URL, "--severity", "loud"],
        1,
        &["severity", "loud", "critical"],
    ),
    (
        &["--http", URL, "--expect-status", "2x"],
        1,
        &["expect", "2x"],
    ),
    (
        &["--http", URL, "--expect-status", "400-200"],
        1,
        &["400-200"],
    ),
    (&["--http", URL, "--expect-status", "1000"], 1, &["1000"]),
    (
        &["--http", URL, "--json", "$.status =="],
        1,
        &["json", "$.status =="],
    ),
    (&["--http", URL, "--json", "$[ == 1"], 1, &["json"]),
    (
        &["--http", URL, "--header", "no colon"],
        1,
        &["header", "no colon"],
    ),
    (&["--http", URL, "--method", "GE T"], 1, &["method", "GE T"]),
    (&["--http", URL, "--notify", "nobody"], 1, &["nobody"]),
    (
        &["--http", "http://169.254.169.254/latest"],
        1,
        &["169.254.169.254"],
    ),
    (&["--nonsense"], 2, &["--nonsense"]),
    (&[], 2, &["--http"]),
];

const OTHERS: &[Refused] = &[
    (&["monitor", "show", "nothing"], 3, &["nothing"]),
    (&["monitor", "remove", "nothing"], 3, &["nothing"]),
    (&["incident", "show", "0193"], 3, &["0193"]),
    (
        &["channel", "add", "x", "--webhook", "nowhere"],
        1,
        &["--webhook", "https://"],
    ),
    (
        &["channel", "add", "x", "--slack", "ftp://example.com/"],
        1,
        &["--slack", "ftp", "https://"],
    ),
    (
        &[
            "channel",
            "add",
            "x",
            "--discord",
            "http://169.254.169.254/",
        ],
        1,
        &["--discord", "169.254.169.254"],
    ),
    (
        &["channel", "add", "x", "--slack", URL, "--discord", URL],
        2,
        &["--discord"],
    ),
    (&["channel", "deliveries", "nothing"], 3, &["nothing"]),
    (
        &["channel", "add", "x", "--email", "nobody"],
        1,
        &["nobody"],
    ),
    (
        &[
            "channel",
            "add",
            "x",
            "--webhook",
            "http://127.0.0.1/",
            "--secret",
            "short",
        ],
        1,
        &["secret"],
    ),
    (&["channel", "test", "nothing"], 3, &["nothing"]),
    (&["route", "add", "r", "--to", "nobody"], 1, &["nobody"]),
    (
        &["route", "add", "r", "--to", "c", "--event", "reminder"],
        1,
        &["event", "reminder", "opened, updated, resolved, system"],
    ),
    (
        &["route", "add", "r", "--to", "c", "--then", "5m"],
        2,
        &["--then", "5m="],
    ),
    (
        &["route", "add", "r", "--to", "c", "--then", "8d=nobody"],
        1,
        &["then", "8d", "7d", "nobody"],
    ),
    (&["route", "edit", "nothing", "--to", "c"], 3, &["nothing"]),
    (&["route", "explain", "nothing"], 3, &["nothing"]),
    (&["frobnicate"], 2, &["frobnicate"]),
];

#[test]
fn what_is_malformed_is_refused_with_field_value_and_remedy_and_changes_nothing() {
    let mut up = Up::start(&Options::new());
    let cli = up.cli();
    let mut wrong = Vec::new();
    let mut judge = |arguments: &[&str], code: i32, named: &[&str]| {
        let done = cli.run(arguments);
        let says = named.iter().all(|word| done.err.contains(word));
        let said_so = done.err.contains("error:") && done.out.is_empty();
        if done.code != code || !says || !said_so || done.err.contains("panicked") {
            wrong.push(format!("expected {code} and {named:?}: {done:#?}"));
        }
    };
    for (arguments, code, named) in MONITORS {
        judge(
            &[&["monitor", "add", "bad"], *arguments].concat(),
            *code,
            named,
        );
    }
    for (arguments, code, named) in OTHERS {
        judge(arguments, *code, named);
    }
    let nested = format!("${} == 1", "[?(".repeat(3000));
    judge(
        &["monitor", "add", "bad", "--http", URL, "--json", &nested],
        1,
        &["json"],
    );
    judge(
        &["monitor", "add", &"n".repeat(101), "--http", URL],
        1,
        &["name"],
    );

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cli.rows(&["monitor", "list"]).is_empty());
    assert!(cli.rows(&["channel", "list"]).is_empty());
    up.process().must_run();
}

#[test]
fn a_name_is_given_once() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    cli.ok(&["monitor", "add", "site", "--http", URL]);
    let again = cli.run(&["monitor", "add", "site", "--http", URL]);
    assert_eq!(again.code, 1, "{again:#?}");
    assert!(again.err.contains("site"), "{again:#?}");
    assert_eq!(cli.rows(&["monitor", "list"]).len(), 1);
}

#[test]
fn without_a_context_the_error_names_where_one_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let done = vigilmon_tests::cli::run_without_context(folder.path(), &["monitor", "list"]);
    assert_ne!(done.code, 0);
    for place in [
        "--context",
        "VIGILMON_CONTEXT",
        "vigilmon-data/context.toml",
        ".config/vigilmon",
    ] {
        assert!(done.err.contains(place), "{place}: {done:#?}");
    }
}

#[test]
fn a_coordinator_that_is_away_is_told_apart_from_a_refusal() {
    let mut up = Up::start(&Options::new());
    let cli = up.cli();
    up.stop();
    let done = cli.run(&["monitor", "list"]);
    assert_eq!(done.code, 4, "{done:#?}");
    assert!(done.err.contains(&up.grpc()), "{done:#?}");
}

#[test]
fn a_token_of_somebody_else_is_not_allowed() {
    let up = Up::start(&Options::new());
    let done = up
        .cli()
        .run(&["--token", "vtk_of_somebody_else", "monitor", "list"]);
    assert_eq!(done.code, 5, "{done:#?}");
}
