//! Other programs use the API as its documentation says: generated code, reflection.

use vigilmon_tests::docs::{Reader, blocks};
use vigilmon_tests::programs;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{Options, REGIONS, Up};

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

    let driver = programs::tests().join("apps/integrators/grpc_client.py");
    let driver = driver.to_str().unwrap();
    let step = |name: &str| reader.must("python", &[driver, name, context, &target.url()]);
    step("monitors");
    target.behave(Behaviour::status(503));
    step("incident");
    target.behave(Behaviour::body(WELL));
    step("recovered");
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
