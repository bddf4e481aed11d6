use std::path::Path;

use super::*;

fn file(text: &str) -> Settings {
    Settings::parse(Path::new("/etc/vigilmon/coordinator.toml"), text)
}

fn fields(problems: &Problems) -> Vec<&str> {
    problems
        .as_slice()
        .iter()
        .map(|p| p.field.as_str())
        .collect()
}

#[test]
fn all_that_is_wrong_with_flags_is_said_at_once() {
    let flags = Flags {
        http: Some("127.0.0.1:99999".to_owned()),
        grpc: Some("nowhere".to_owned()),
        public_url: Some("ftp://x".to_owned()),
        allow_net: vec!["10.0.0.0/99".to_owned()],
        log_filter: Some("a=b=c".to_owned()),
        log_format: Some("xml".to_owned()),
        owners: Some(0),
        ..Flags::default()
    };
    let wrong = flags.check(&["US".to_owned()]).unwrap_err();
    let all = [
        "--http",
        "--grpc",
        "--public-url",
        "--regions",
        "--allow-net",
        "--log-filter",
        "--log-format",
        "--owners",
    ];
    assert_eq!(fields(&wrong), all);
}

#[test]
fn a_whole_file_is_understood() {
    let text = r#"
        data_dir = "/var/lib/vigilmon"
        public_url = "https://status.example.org"
        [[regions]]
        name = "us-east"
        [[regions]]
        name = "eu-west"
        display_name = "Frankfurt"
        [http]
        listen = "0.0.0.0:80"
        [grpc]
        listen = "[::]:8441"
        reflection = false
        [metrics]
        listen = "127.0.0.1:9090"
        [addresses]
        allow = ["10.0.0.0/8"]
        [smtp]
        url = "smtps://user:hunter2@mail.example.org"
        from = "vigilmon@example.org"
        [store]
        on_damage = "stop"
        [log]
        filter = "debug"
        format = "json"
    "#;
    let (options, logging) = check::check(&DaemonFlags::default(), file(text)).unwrap();
    assert_eq!(options.data, Path::new("/var/lib/vigilmon"));
    assert_eq!(options.http.to_string(), "0.0.0.0:80");
    assert_eq!(options.regions.len(), 2);
    assert_eq!(options.display_names[0].1, "Frankfurt");
    assert!(!options.reflection && options.smtp.is_some() && options.metrics.is_some());
    assert_eq!(
        (logging.filter.as_str(), logging.format),
        ("debug", Format::Json)
    );
}

#[test]
fn flags_go_over_the_file_and_the_file_over_defaults() {
    let mut daemon = DaemonFlags::default();
    let text = "[http]\nlisten = \"127.0.0.1:1\"\n[smtp]\nurl_file = \"/nowhere\"\n";
    daemon.flags.grpc = Some("127.0.0.1:2".to_owned());
    daemon.flags.smtp_url = Some("smtp://h".to_owned());
    daemon.flags.smtp_from = Some("a@example.org".to_owned());
    let (options, _) = check::check(&daemon, file(text)).unwrap();
    assert_eq!((options.http.port(), options.grpc.port()), (1, 2));
    daemon.flags.http = Some("127.0.0.1:3".to_owned());
    let (options, _) = check::check(&daemon, file(text)).unwrap();
    assert_eq!(options.http.port(), 3);
    assert_eq!(options.data, Path::new(DATA_DEFAULT));
}

#[test]
fn all_that_is_wrong_with_a_file_is_said_at_once_with_its_lines() {
    let text = r#"data = "/var/lib/vigilmon"
[[regions]]
name = "US"
[[regions]]
display_name = ""
[http]
listen = "here"
tls_cert_file = "/nowhere/cert.pem"
[smtp]
url = "imap://user:hunter2@h"
from = "nobody"
[store]
on_damage = "restore"
[log]
format = 3
"#;
    let wrong = check::check(&DaemonFlags::default(), file(text)).unwrap_err();
    let said = wrong.to_string();
    for place in [
        "1: data",
        "3: regions[0].name",
        "4: regions[1]",
        "5: regions[1].display_name",
        "7: http.listen",
        "8: http.tls_cert_file",
        "10: smtp.url",
        "11: smtp.from",
        "13: store.on_damage",
        "15: log.format",
    ] {
        let field = format!("/etc/vigilmon/coordinator.toml:{place}: ");
        assert!(said.contains(&field), "{field} in\n{said}");
    }
    assert_eq!(wrong.as_slice().len(), 10, "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
