//! Heartbeats in files: applied, exported and applied again, without their URLs.

use std::fs;

use super::{Ward, ping};

const FILE: &str = "\
heartbeats:
  - {name: nightly_cleanup, every: 25h}
  - name: reports
    cron: '0 6 * * mon-fri'
    tz: Europe/Berlin
    grace: 20m
    max_run: 2h
    alarm_before_first_ping: true
    post_only: true
    severity: warning
    labels: {team: data}
";

#[test]
fn what_is_exported_is_what_was_applied_and_keeps_the_urls_of_the_jobs() {
    let ward = Ward::start();
    let file = ward.up.folder().join("heartbeats.yaml");
    fs::write(&file, FILE).unwrap();
    let apply = ["apply", "-f", file.to_str().unwrap()];
    let planned = ward.cli.ok(&apply);
    for line in ["+ heartbeat nightly_cleanup", "+ heartbeat reports"] {
        assert!(planned.lines().any(|planned| planned == line), "{planned}");
    }
    assert_eq!(ward.cli.ok(&apply).trim(), "no changes");
    let url = ward.show("nightly_cleanup")["ping_url"].clone();
    let url = url.as_str().expect("an editor is shown it");
    ping(url);
    let reports = ward.show("reports");
    assert_eq!(reports["cron"], "0 6 * * mon-fri");
    assert_eq!(reports["time_zone"], "Europe/Berlin");
    assert_eq!(reports["grace_seconds"], 1200);
    assert_eq!(reports["max_run_seconds"], 7200);
    assert_eq!(reports["severity"], "warning");
    assert_eq!(reports["labels"]["team"], "data");

    let exported = ward.cli.ok(&["export"]);
    assert!(exported.contains("name: nightly_cleanup"), "{exported}");
    let again = ward.up.folder().join("exported.yaml");
    fs::write(&again, &exported).unwrap();
    let apply = ["apply", "-f", again.to_str().unwrap()];
    assert_eq!(ward.cli.ok(&apply).trim(), "no changes", "{exported}");

    let edited = FILE.replace("25h", "26h");
    fs::write(&file, edited).unwrap();
    let apply = ["apply", "-f", file.to_str().unwrap()];
    let planned = ward.cli.ok(&apply);
    assert!(planned.contains("~ heartbeat nightly_cleanup"), "{planned}");
    ping(url);
    let shown = ward.show("nightly_cleanup");
    assert_eq!(
        (&shown["every_seconds"], &shown["pings"]),
        (&93_600.into(), &2.into())
    );
    let taken = "monitors: [{name: reports, http: {url: 'http://127.0.0.1:9/'}}]\n";
    fs::write(&file, taken).unwrap();
    let refused = ward.cli.run(&apply);
    assert_eq!(refused.code, 1, "one name space: {refused:#?}");
}
