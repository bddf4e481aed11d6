//! Arrows point one way: between the packages, and inside the coordinator.

use std::collections::{BTreeMap, BTreeSet};

use crate::files;
use crate::none;

/// Which packages of ours a package may depend on. Tests may depend on all.
const ARROWS: &[(&str, &[&str])] = &[
    ("vigilmon-common", &[]),
    ("vigilmon-runtime", &["vigilmon-common"]),
    ("vigilmon-proto", &["vigilmon-common"]),
    (
        "vigilmon-coordinator",
        &["vigilmon-common", "vigilmon-runtime", "vigilmon-proto"],
    ),
    (
        "vigilmon-agent",
        &["vigilmon-common", "vigilmon-runtime", "vigilmon-proto"],
    ),
    (
        "vigilmon",
        &[
            "vigilmon-common",
            "vigilmon-runtime",
            "vigilmon-proto",
            "vigilmon-coordinator",
            "vigilmon-agent",
        ],
    ),
];

/// All that the domain core may know of the world.
const CORE_MAY_USE: &[&str] = &[
    "ipnet",
    "jiff",
    "regex",
    "serde",
    "serde_json",
    "serde_json_path",
    "sha2",
    "sketches-ddsketch",
    "thiserror",
    "url",
    "uuid",
];

/// What must not even come to the core by way of another library.
const CORE_NEVER: &[&str] = &[
    "tokio", "tonic", "prost", "hyper", "axum", "tracing", "rand", "rustls", "sled", "fjall",
];

/// Which parts of the coordinator a part must not name.
const PARTS: &[(&str, &[&str])] = &[
    ("grpc", &["app", "http", "notify"]),
    ("http", &["app", "grpc", "notify"]),
    ("notify", &["app", "engine", "grpc", "http"]),
    ("store", &["app", "engine", "grpc", "http", "notify"]),
    ("engine", &["app", "grpc", "http"]),
];

/// Storage engines, each known to one file only.
const ENGINES: &[&str] = &["sled", "fjall", "tokio_postgres"];

#[test]
fn packages_depend_on_each_other_only_along_the_arrows() {
    let mut findings = Vec::new();
    for (package, dependencies) in ours() {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
            if package != "vigilmon-tests" {
                findings.push(format!("{package} is in no row of the table"));
            }
            continue;
        };
        for on in dependencies.iter().filter(|on| on.starts_with("vigilmon")) {
            if !allowed.contains(&on.as_str()) {
                findings.push(format!("{package} depends on {on}"));
            }
        }
    }
    none(
        "packages depend along the arrows of ARCHITECTURE.md:",
        &findings,
    );
}

#[test]
fn the_core_knows_no_runtime_no_network_and_no_randomness() {
    let ours = ours();
    let direct = ours["vigilmon-common"]
        .iter()
        .filter(|on| !CORE_MAY_USE.contains(&on.as_str()));
    let mut findings: Vec<String> = direct.map(|on| format!("it depends on {on}")).collect();
    let tree = files::cargo(&[
        "tree",
        "--locked",
        "-p",
        "vigilmon-common",
        "-e",
        "normal",
        "--prefix",
        "none",
    ]);
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        if CORE_NEVER.contains(&name) {
            findings.push(format!("it reaches {name}"));
        }
    }
    none("vigilmon-common decides, without I/O:", &findings);
}

#[test]
fn each_storage_engine_is_named_by_one_file() {
    let mut findings = Vec::new();
    for engine in ENGINES {
        let naming: Vec<String> = files::rust()
            .filter(|file| !file.path.starts_with("tests/") && !file.is_test())
            .filter(|file| code(&file.text).any(|line| names_path(line, engine)))
            .map(|file| file.path)
            .collect();
        if naming.len() > 1 {
            findings.push(format!("{engine}: {}", naming.join(", ")));
        }
    }
    none("a storage engine has one file that knows it:", &findings);
}

#[test]
fn only_the_all_in_one_command_links_coordinator_and_agent() {
    let findings: Vec<String> = files::rust()
        .filter(|file| file.path.starts_with("coordinator/cli/src/"))
        .filter(|file| !file.path.starts_with("coordinator/cli/src/commands/up"))
        .filter(|file| {
            code(&file.text).any(|line| {
                names_path(line, "vigilmon_coordinator") || names_path(line, "vigilmon_agent")
            })
        })
        .map(|file| file.path)
        .collect();
    none(
        "the CLI speaks the public API; only `up` links the daemons:",
        &findings,
    );
}

#[test]
fn inside_the_coordinator_the_doors_stay_apart() {
    let mut findings = Vec::new();
    for file in files::rust().filter(|file| !file.is_test()) {
        let Some(inner) = file.path.strip_prefix("coordinator/src/") else {
            continue;
        };
        let part = inner.split(['/', '.']).next().unwrap_or_default();
        let Some((_, denied)) = PARTS.iter().find(|(name, _)| *name == part) else {
            continue;
        };
        for (at, line) in code(&file.text).enumerate() {
            for other in denied.iter().filter(|other| names_part(line, other)) {
                findings.push(format!(
                    "{}: line of code {}: names {other}",
                    file.path,
                    at + 1
                ));
            }
        }
    }
    none(
        "the parts of the coordinator know each other along the arrows:",
        &findings,
    );
}

#[test]
fn the_doors_read_the_store_and_never_write_it() {
    let findings: Vec<String> = files::rust()
        .filter(|file| {
            file.path.starts_with("coordinator/src/grpc")
                || file.path.starts_with("coordinator/src/http")
        })
        .filter(|file| !file.is_test())
        .filter(|file| code(&file.text).any(|line| line.contains("StateStore")))
        .map(|file| file.path)
        .collect();
    none("only the engine writes the state:", &findings);
}

/// Our packages and what each depends on, tests and build scripts left out.
fn ours() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = files::metadata();
    let packages = metadata["packages"].as_array().expect("it lists packages");
    let ours = packages
        .iter()
        .filter(|package| package["source"].is_null());
    let name = |value: &serde_json::Value| value["name"].as_str().expect("a name").to_owned();
    ours.map(|package| {
        let on = package["dependencies"]
            .as_array()
            .expect("it lists dependencies");
        (
            name(package),
            on.iter()
                .filter(|on| on["kind"].is_null())
                .map(name)
                .collect(),
        )
    })
    .collect()
}

/// The lines without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
}

/// Whether the line names a path that begins with this crate.
fn names_path(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let begins = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        begins
            && (after.starts_with("::")
                || line.trim_start().starts_with("use ") && after.starts_with(';'))
    })
}

/// Whether the line names this part of its own crate, also in a braced import.
fn names_part(line: &str, part: &str) -> bool {
    let direct = format!("crate::{part}");
    line.match_indices(&direct).any(|(at, _)| {
        !line[at + direct.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    }) || line.split("crate::{").nth(1).is_some_and(|list| {
        list.split([',', '}', ' '])
            .any(|item| item.split("::").next() == Some(part))
    })
}
