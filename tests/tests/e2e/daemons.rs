//! Both daemons as operators configure them: by files, checked before a start and read again at
//! SIGHUP.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use vigilmon_tests::agent::Agent;
use vigilmon_tests::background;
use vigilmon_tests::ports;
use vigilmon_tests::process::{Plan, Process};
use vigilmon_tests::programs::{self, Build};
use vigilmon_tests::receiver::{self, Receiver};
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{REGIONS, Up};
use vigilmon_tests::wait;

use crate::scene::{HOOK, SOON};

const ENDS_WITHIN: Duration = Duration::from_secs(20);

fn folder() -> TempDir {
    TempDir::with_prefix("vigilmon-daemons-").unwrap()
}

/// What a program says and how it ends.
fn run(program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let done = Plan::new(programs::vigilmon(program, Build::Plain))
        .args(arguments)
        .command()
        .output()
        .unwrap();
    (
        done.status.code(),
        String::from_utf8_lossy(&done.stderr).into_owned(),
    )
}

#[test]
fn three_regions_of_processes_with_files_do_the_main_job() {
    let coordinator = Up::start_from_file(|http, grpc| {
        format!(
            "data_dir = \"data\"\n\
             public_url = \"https://status.example.org\"\n\
             [[regions]]\nname = \"us-east\"\n\
             [[regions]]\nname = \"eu-west\"\ndisplay_name = \"Frankfurt\"\n\
             [[regions]]\nname = \"ap-southeast\"\n\
             [http]\nlisten = \"127.0.0.1:{http}\"\n\
             [grpc]\nlisten = \"127.0.0.1:{grpc}\"\n\
             [addresses]\nallow = [\"127.0.0.0/8\"]\n\
             [log]\nformat = \"json\"\n"
        )
    });
    let mut agents = REGIONS.map(|region| Agent::start_from_file(&coordinator, region));
    let (receiver, target, cli) = (Receiver::start(), Target::start(), coordinator.cli());
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
    let site = target.url();
    cli.ok(&[
        "monitor",
        "add",
        "site",
        "--http",
        &site,
        "--every",
        "1s",
        "--timeout",
        "1s",
    ]);
    target.wait_for_hits(&REGIONS, 2, SOON);

    target.behave_in("us-east", Behaviour::status(503));
    wait::until_a_command_says("one region of three says down", SOON, || {
        let site = cli.json(&["monitor", "show", "site"]);
        let regions = site["regions"].as_array().unwrap();
        regions.iter().any(|row| row["vote"] == "down") && site["status"] == "up"
    });
    assert!(
        receiver.messages(HOOK).is_empty(),
        "one region is no quorum"
    );
    target.behave(Behaviour::status(503));
    let opened = receiver.wait_for(HOOK, "the alert", SOON, |told| {
        told.kind() == "incident.opened"
    });
    let link = opened.body["data"]["incident"]["url"].as_str().unwrap();
    assert!(link.starts_with("https://status.example.org/"), "{link}");
    target.behave(Behaviour::well());
    receiver.wait_for(HOOK, "the recovery", SOON, |told| {
        told.kind() == "incident.resolved"
    });

    let regions = cli.rows(&["region", "list"]);
    let frankfurt = regions.iter().find(|row| row["region"] == "eu-west");
    assert_eq!(
        frankfurt.unwrap()["display_name"],
        "Frankfurt",
        "{regions:#?}"
    );
    agents[0].process().signal(Signal::TERM);
    assert_eq!(agents[0].process().wait(ENDS_WITHIN).code(), Some(0));
    wait::until_a_command_says("the agent is away", SOON, || {
        let rows = cli.rows(&["agent", "list"]);
        let away = rows.iter().find(|row| row["region"] == "us-east");
        away.is_some_and(|row| row["state"] != "connected")
    });
}

#[test]
fn everything_wrong_with_a_file_is_named_with_its_line_and_nothing_starts() {
    let folder = folder();
    let file = folder.path().join("wrong.toml");
    let config = file.to_str().unwrap();
    fs::write(
        &file,
        "data_dir = \"made\"\n[http]\nlisten = \"here\"\nport = 1\n[grpc]\nlisten = 8441\n",
    )
    .unwrap();
    for arguments in [
        &["--config", config][..],
        &["--config", config, "--check-config"],
    ] {
        let (code, said) = run("vigilmon-coordinator", arguments);
        assert_eq!(code, Some(2), "{said}");
        for wrong in [
            ":3: http.listen",
            ":4: http.port",
            ":6: grpc.listen",
            "3 problems",
        ] {
            assert!(said.contains(wrong), "`{wrong}` is missing in:\n{said}");
        }
    }
    fs::write(
        &file,
        "coordinator = [\"http://h\"]\nregion = \"EU\"\ntoken = \"vta_x\"\n",
    )
    .unwrap();
    let (code, said) = run("vigilmon-agent", &["--config", config, "--check-config"]);
    assert_eq!(code, Some(2), "{said}");
    for wrong in [":1: coordinator", ":2: region", ":3: token", "--token-file"] {
        assert!(said.contains(wrong), "`{wrong}` is missing in:\n{said}");
    }
    let (code, said) = run("vigilmon-agent", &["--config", "/nowhere/agent.toml"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("/nowhere/agent.toml: cannot read it"),
        "{said}"
    );

    fs::write(&file, "data_dir = \"made\"\n").unwrap();
    let (code, said) = run(
        "vigilmon-coordinator",
        &["--config", config, "--check-config"],
    );
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(
        !folder.path().join("made").exists(),
        "a check starts nothing"
    );
}

/// A certificate that vouches for itself, and its key, written as `cert.pem` and `key.pem`.
fn write_certificate(folder: &Path, name: &str) -> reqwest::Certificate {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
}

/// Whether a server at this port shows, under this name, a certificate that `trusted` vouches for.
fn shows(port: u16, name: &str, trusted: &reqwest::Certificate) -> bool {
    let client = reqwest::Client::builder()
        .tls_certs_only([trusted.clone()])
        .no_proxy()
        .resolve(name, ([127, 0, 0, 1], port).into())
        .build()
        .unwrap();
    let url = format!("https://{name}:{port}/health/live");
    background::wait_for(async { client.get(url).send().await.is_ok() })
}

fn coordinator(file: &Path) -> Process {
    Plan::new(programs::vigilmon("vigilmon-coordinator", Build::Plain))
        .args([Path::new("--config"), file])
        .start(&file.with_extension("log"))
}

#[test]
fn sighup_brings_new_certificates_and_log_filter_and_a_bad_file_keeps_the_old() {
    let folder = folder();
    let (http, grpc) = (ports::free(), ports::free());
    let file = folder.path().join("coordinator.toml");
    let settings = |filter: &str| {
        let tls = "tls_cert_file = \"cert.pem\"\ntls_key_file = \"key.pem\"\n";
        format!(
            "data_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n{tls}\
             [grpc]\nlisten = \"127.0.0.1:{grpc}\"\n{tls}[log]\nfilter = \"{filter}\"\n"
        )
    };
    let name = "mon.example.org";
    let first = write_certificate(folder.path(), name);
    fs::write(&file, settings("info")).unwrap();
    let mut process = coordinator(&file);
    wait::until_true("pages are served by TLS", SOON, || {
        process.must_run();
        shows(http, name, &first)
    });
    assert!(shows(grpc, name, &first), "agents see it too");
    let own = fs::read(folder.path().join("data/ca.pem")).unwrap();
    let own = reqwest::Certificate::from_pem(&own).unwrap();
    assert!(
        shows(grpc, "localhost", &own),
        "and others the coordinator's own"
    );
    let config = file.to_str().unwrap();
    assert_eq!(
        run("vigilmon-coordinator", &["--config", config, "--health"]).0,
        Some(0)
    );

    let second = write_certificate(folder.path(), name);
    fs::write(&file, settings("warn")).unwrap();
    process.signal(Signal::HUP);
    wait::until_true("the new certificate is shown", SOON, || {
        shows(http, name, &second)
    });
    assert!(shows(grpc, name, &second) && !shows(http, name, &first));
    // What is said at `info` is not, with the filter that came with it.
    assert!(!process.log().contains("read again"), "{}", process.log());

    fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    process.signal(Signal::HUP);
    let refused = "settings not read again";
    wait::until_true("the bad file is refused", SOON, || {
        process.log().contains(refused)
    });
    assert!(
        process.log().contains("http.tls_cert_file"),
        "{}",
        process.log()
    );
    assert!(shows(http, name, &second) && shows(grpc, name, &second));
    process.signal(Signal::TERM);
    assert_eq!(process.wait(ENDS_WITHIN).code(), Some(0));
    assert_eq!(
        run("vigilmon-coordinator", &["--config", config, "--health"]).0,
        Some(2)
    );
}

#[test]
fn an_agent_shows_how_it_stands_and_takes_a_new_token_at_sighup() {
    let up = Up::start_from_file(|http, grpc| {
        format!(
            "data_dir = \"data\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[grpc]\nlisten = \"127.0.0.1:{grpc}\"\n"
        )
    });
    let folder = folder();
    let metrics = ports::free();
    let (token, authority) = (folder.path().join("token"), up.data().join("ca.pem"));
    fs::write(&token, "vta_unknown").unwrap();
    let coordinator = format!("https://{}", up.grpc());
    let plan = Plan::new(programs::vigilmon("vigilmon-agent", Build::Plain))
        .args([
            "--coordinator",
            &coordinator,
            "--region",
            "eu-west",
            "--name",
            "p-1",
        ])
        .env("VIGILMON_CA_FILE", &authority)
        .env("VIGILMON_AGENT_TOKEN_FILE", &token)
        .env("VIGILMON_METRICS", format!("127.0.0.1:{metrics}"));
    let health = || plan.command().arg("--health").status().unwrap().code();
    assert_eq!(health(), Some(1), "nobody is there yet");
    let mut process = plan.start(&folder.path().join("log"));
    let status = |path: &str| {
        background::get(&format!("http://127.0.0.1:{metrics}{path}")).map(|answer| answer.status)
    };
    wait::until_true("it is refused", SOON, || {
        process.must_run();
        process.log().contains("coordinator refuses this agent")
    });
    assert_eq!(status("/health/live"), Some(200));
    assert_eq!(status("/health/ready"), Some(503));
    assert_eq!(health(), Some(0));

    let made = up
        .cli()
        .ok(&["agent", "token", "add", "--region", "eu-west"]);
    fs::write(&token, made).unwrap();
    process.signal(Signal::HUP);
    let soon = Duration::from_secs(60);
    wait::until_true("it is let in", soon, || {
        status("/health/ready") == Some(200)
    });
    let url = format!("http://127.0.0.1:{metrics}/metrics");
    let text = background::get(&url).unwrap().body;
    for line in [
        "vigilmon_agent_connected 1",
        "vigilmon_agent_monitors 0",
        "vigilmon_build_info",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    process.signal(Signal::TERM);
    assert_eq!(process.wait(ENDS_WITHIN).code(), Some(0));
}
