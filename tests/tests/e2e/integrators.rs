//! Other programs use the API as its documentation says: generated code, reflection.

use vigilmon_tests::docs::{Reader, blocks};
use vigilmon_tests::process::Process;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{Options, REGIONS, Up};
use vigilmon_tests::{programs, wait};

use crate::scene::{SOON, Scene};

const PYTHON: &str = "integrations/grpc-python.md";
const GRPCURL: &str = "integrations/grpcurl.md";
const WELL: &str = r#"{"status": "ok"}"#;

/// A reader who has built the client of the page.
fn reader_with_client() -> Reader {
    let reader = Reader::new();
    for lines in blocks(PYTHON, "sh") {
        reader.types(&lines);
    }
    let client = blocks(PYTHON, "python").join("\n\n");
    reader.write("client/vigilmon_client.py", &client);
    reader
}

#[test]
fn a_generated_client_in_python_does_what_its_page_says() {
    let up = Up::start(&Options::new());
    let target = Target::start();
    target.behave(Behaviour::body(WELL));
    let reader = reader_with_client();
    let context = up.data().join("context.toml");
    let context = context.to_str().unwrap();

    let program = "client/vigilmon_client.py";
    let printed = reader.must("python", &[program, context, &target.url()]);
    for region in REGIONS {
        assert!(
            printed.contains(&format!("{region} OUTCOME_UP")),
            "{printed}"
        );
    }
    assert!(printed.contains("0 open incidents"), "{printed}");
    let again = reader.run("python", &[program, context, "ftp://x"]);
    assert_eq!(again.code, 1, "{again:#?}");
    assert!(
        again.err.contains("INVALID_ARGUMENT") && again.err.contains("http.url"),
        "{again:#?}"
    );

    let driver = driver();
    let step = |name: &str| reader.must("python", &[&driver, name, context, &target.url()]);
    step("monitors");
    target.behave(Behaviour::status(503));
    step("incident");
    target.behave(Behaviour::body(WELL));
    step("recovered");
}

/// What uses the client, step by step.
fn driver() -> String {
    let driver = programs::tests().join("apps/integrators/grpc_client.py");
    driver.to_str().unwrap().to_owned()
}

#[test]
fn events_reach_a_client_in_python_once_and_in_order_over_a_crash_of_the_coordinator() {
    let mut scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    let reader = reader_with_client();
    let context = scene.up.data().join("context.toml");
    let watch = |cursor: &str, log: &str| {
        let plan = reader.plan("python").args([&driver(), "events"]);
        let plan = plan.args([&context]).args([cursor]);
        plan.start(&reader.folder().join(log))
    };
    // What it printed of the site: the type, and the cursor.
    let printed = |process: &Process| -> Vec<(String, String)> {
        let log = process.log();
        let words = log.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        words
            .filter(|words| words.len() == 3 && words[1] == "site")
            .map(|words| (words[0].to_owned(), words[2].to_owned()))
            .collect()
    };
    let mut first = watch("oldest", "first");

    target.behave(Behaviour::status(503));
    wait::until_true("it hears of the beginning", SOON, || {
        printed(&first).len() == 1
    });
    scene.restart();
    target.behave(Behaviour::well());
    scene.wait_for("incident.resolved", "site");
    wait::until_true("it hears of the end", SOON, || printed(&first).len() == 2);
    first.must_run();
    let heard = printed(&first);
    let kinds = [&heard[0].0, &heard[1].0];
    assert_eq!(kinds, ["incident.opened", "incident.resolved"]);

    let second = watch(&heard[0].1, "second");
    wait::until_true("another goes on from there", SOON, || {
        printed(&second) == heard[1..]
    });
}

#[test]
fn what_is_installed_for_a_client_is_what_the_tests_have() {
    let installed = std::fs::read_to_string(programs::tests().join("requirements.txt")).unwrap();
    let line = blocks(PYTHON, "console").concat();
    let line = line
        .lines()
        .next()
        .unwrap()
        .strip_prefix("$ pip install ")
        .unwrap()
        .to_owned();
    for package in line.split(' ') {
        assert!(installed.contains(&format!("\n{package}==")), "{package}");
    }
}

#[test]
fn a_client_that_knows_nothing_learns_the_api_by_reflection() {
    let up = Up::start(&Options::new());
    let target = Target::start();
    let reader = Reader::new();
    reader.link(&up.data(), "vigilmon-data");
    // Where this coordinator and this target are; all else is as written.
    let here = |lines: &str| {
        let lines = lines.replace("127.0.0.1:8441", &up.grpc());
        lines.replace("https://shop.example.com/health", &target.url())
    };
    let page: Vec<String> = blocks(GRPCURL, "sh")
        .iter()
        .map(|lines| here(lines))
        .collect();
    let printed = reader.types(&page.concat());

    for name in [
        "vigilmon.v1.MonitorService",
        "grpc.health.v1.Health",
        "vigilmon.v1.MonitorService.GetState",
        r#""target": "http://127.0.0.1"#,
        "OUTCOME_UP",
        "SERVING",
    ] {
        assert!(printed.contains(name), "{name}: {printed}");
    }
    let prepared = &page[0];
    let wrong = r#"call -d '{"monitor": {"name": "-"}}' $coordinator vigilmon.v1.MonitorService/CreateMonitor"#;
    let refused = reader.run("sh", &["-euc", &format!("{prepared}{wrong}")]);
    assert_eq!(refused.code, 64 + 3, "{refused:#?}");
    assert!(refused.err.contains("fieldViolations"), "{refused:#?}");
    let stranger = format!("{prepared}token=vtk_nobody\ncall $coordinator list");
    let refused = reader.run("sh", &["-euc", &stranger]);
    assert_eq!(refused.code, 64 + 16, "UNAUTHENTICATED: {refused:#?}");
}
