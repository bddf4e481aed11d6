use vigilmon_common::schedule::Limits;

use super::*;

fn token(text: &str) -> Surroundings {
    Surroundings {
        token: Some(text.to_owned()),
        host_name: Some("probe-7\n".to_owned()),
    }
}

fn parse(line: &[&str]) -> Flags {
    Flags::try_parse_from(std::iter::once("vigilmon-agent").chain(line.iter().copied())).unwrap()
}

#[test]
fn the_least_that_an_agent_needs_is_a_coordinator_a_region_and_a_token() {
    let flags = parse(&[
        "--coordinator",
        "https://localhost:8441",
        "--region",
        "eu-west",
    ]);
    let plan = flags.check(&token("vta_0123\n")).unwrap();
    assert_eq!(plan.options.name.as_str(), "probe-7");
    assert_eq!(plan.options.region.as_str(), "eu-west");
    assert_eq!(plan.options.token.expose(), "vta_0123");
    assert_eq!(plan.options.limits, Limits::default());
    assert!(plan.options.addresses.allowed().is_empty());
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let flags = parse(&[
        "--coordinator=http://localhost:8441",
        "--region=EU",
        "--name=-x-",
        "--ca-file=/nowhere/ca.pem",
        "--token-file=/nowhere/token",
        "--allow-net=10.0.0.0/8,fish",
        "--checks=none",
        "--log-format=xml",
    ]);
    let problems = flags.check(&Surroundings::default()).unwrap_err();
    let fields: Vec<_> = problems
        .as_slice()
        .iter()
        .map(|p| p.field.as_str())
        .collect();
    let expected = [
        "--coordinator",
        "--region",
        "--name",
        "--token-file",
        "--ca-file",
        "--allow-net",
        "--checks",
        "--log-format",
    ];
    assert_eq!(fields, expected);
    assert!(problems.as_slice().iter().all(|p| !p.remedy.is_empty()));
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let problems = parse(&[]).check(&Surroundings::default()).unwrap_err();
    let text = problems.to_string();
    assert_eq!(problems.as_slice().len(), 4, "{text}");
    for needed in [
        "--coordinator",
        "--region",
        "--name",
        "VIGILMON_AGENT_TOKEN",
    ] {
        assert!(text.contains(needed), "{text}");
    }
}

#[test]
fn a_secret_of_another_sort_is_refused_and_not_shown() {
    let flags = parse(&["--coordinator=https://localhost:8441", "--region=eu-west"]);
    let problems = flags.check(&token("vtk_hunter2")).unwrap_err();
    assert!(!problems.to_string().contains("hunter2"));
}

#[test]
fn ranges_and_single_addresses_are_allowed() {
    let flags = parse(&[
        "--coordinator=https://localhost:8441",
        "--region=eu-west",
        "--allow-net=10.0.0.0/8",
        "--allow-net=127.0.0.1,::1",
    ]);
    let plan = flags.check(&token("vta_0123")).unwrap();
    let allowed = plan
        .options
        .addresses
        .allowed()
        .iter()
        .map(ToString::to_string);
    assert_eq!(
        allowed.collect::<Vec<_>>(),
        ["10.0.0.0/8", "127.0.0.1/32", "::1/128"]
    );
}

#[test]
fn a_file_is_understood_and_flags_go_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.toml");
    std::fs::write(folder.path().join("agent.token"), "vta_file\n").unwrap();
    let text = r#"
        coordinator = ["https://a.example:8441", "https://b.example:8441"]
        region = "eu-west"
        name = "eu-west-1"
        token_file = "agent.token"
        [addresses]
        allow = ["10.0.0.0/8"]
        [limits]
        checks = 64
        [metrics]
        listen = "127.0.0.1:9464"
        [log]
        filter = "debug"
        format = "json"
    "#;
    std::fs::write(&path, text).unwrap();
    let config = format!("--config={}", path.display());
    let nothing = Surroundings::default();
    let plan = parse(&[&config]).check(&nothing).unwrap();
    assert_eq!(plan.options.name.as_str(), "eu-west-1");
    assert_eq!(plan.options.token.expose(), "vta_file", "beside the file");
    assert_eq!(plan.options.limits.checks, 64);
    assert_eq!(plan.metrics.unwrap().port(), 9464);
    assert_eq!(
        (plan.log_filter.as_str(), plan.log_format),
        ("debug", Format::Json)
    );

    let flags = parse(&[&config, "--name=other", "--checks=65"]);
    let plan = flags.check(&token("vta_environment")).unwrap();
    assert_eq!(plan.options.name.as_str(), "other");
    assert_eq!(plan.options.limits.checks, 65);
    assert_eq!(plan.options.token.expose(), "vta_environment");
}

#[test]
fn all_that_is_wrong_with_a_file_is_said_at_once_with_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.toml");
    let text = "coordinator = [\n\"http://a\",\n\"fish\"]\nregion = \"EU\"\ndata_dir = \"/x\"\n\
                token_file = \"nowhere\"\n[limits]\nchecks = \"many\"\n[metrics]\nlisten = \"x\"\n";
    std::fs::write(&path, text).unwrap();
    let flags = parse(&[&format!("--config={}", path.display()), "--name=p-1"]);
    let problems = flags.check(&Surroundings::default()).unwrap_err();
    let said = problems.to_string();
    for place in [
        "2: coordinator",
        "3: coordinator",
        "4: region",
        "5: data_dir",
        "6: token_file",
        "8: limits.checks",
        "10: metrics.listen",
    ] {
        let field = format!("{}:{place}: ", path.display());
        assert!(said.contains(&field), "{field} in\n{said}");
    }
    assert_eq!(problems.as_slice().len(), 7, "{said}");
}
