//! `deny.toml`, held without cargo-deny: licences, bans, versions and sources of what is built.

use std::collections::{BTreeMap, BTreeSet};

use crate::files;
use crate::none;

/// Of these only one version may exist: their types cross our own borders.
const ONE_VERSION: &[&str] = &[
    "aws-lc-rs",
    "axum",
    "h2",
    "http",
    "http-body",
    "hyper",
    "prost",
    "rustls",
    "rustls-pki-types",
    "rustls-webpki",
    "tokio",
    "tokio-rustls",
    "tonic",
    "tracing",
];

#[test]
fn nothing_banned_is_built() {
    let rules = rules();
    let banned = entries(&rules, "deny");
    let findings: Vec<String> = built()
        .keys()
        .filter_map(|name| {
            banned
                .get(name.as_str())
                .map(|why| format!("{name}: {why}"))
        })
        .collect();
    none("deny.toml bans:", &findings);
}

#[test]
fn a_crate_is_built_in_one_version_unless_deny_toml_says_why() {
    let rules = rules();
    let skipped = entries(&rules, "skip");
    let skips = |name: &str, version: &str| {
        skipped.keys().any(|skip| {
            skip.split_once('@').is_some_and(|(of, prefix)| {
                of == name && format!("{version}.").starts_with(&format!("{prefix}."))
            })
        })
    };
    let mut findings = Vec::new();
    let built = built();
    for (name, versions) in &built {
        let kept: Vec<&str> = versions
            .keys()
            .map(String::as_str)
            .filter(|v| !skips(name, v))
            .collect();
        if kept.len() > 1 {
            findings.push(format!("{name}: {}", kept.join(", ")));
        }
    }
    for skip in skipped.keys() {
        let (name, _) = skip.split_once('@').unwrap_or((skip, ""));
        if built.get(name).is_none_or(|versions| versions.len() < 2) {
            findings.push(format!("{skip} is skipped, but is not built twice"));
        }
    }
    none(
        "one version each, but for the skips of deny.toml:",
        &findings,
    );
}

#[test]
fn what_crosses_our_borders_is_built_in_one_version() {
    let built = built();
    let findings: Vec<String> = ONE_VERSION
        .iter()
        .filter(|name| built.get(**name).is_some_and(|versions| versions.len() > 1))
        .map(|name| format!("{name}: {:?}", built[*name].keys()))
        .collect();
    none("their types cross our own borders:", &findings);
}

#[test]
fn every_licence_is_allowed() {
    let rules = rules();
    let allow = rules["licenses"]["allow"]
        .as_array()
        .expect("a list of licences");
    let allow: BTreeSet<&str> = allow.iter().filter_map(toml::Value::as_str).collect();
    let mut findings = Vec::new();
    for (name, versions) in built() {
        for (version, licence) in versions {
            if !allowed(&licence, &allow) {
                findings.push(format!("{name} {version}: {licence:?}"));
            }
        }
    }
    none("deny.toml allows no such licence:", &findings);
}

#[test]
fn everything_comes_from_the_registry_or_from_here() {
    let metadata = files::metadata();
    let packages = metadata["packages"].as_array().expect("it lists packages");
    let findings: Vec<String> = packages
        .iter()
        .filter(|package| {
            package["source"]
                .as_str()
                .is_some_and(|source| !source.starts_with("registry+"))
        })
        .map(|package| format!("{} from {}", package["name"], package["source"]))
        .collect();
    none("no git sources:", &findings);
}

#[test]
fn alternatives_and_sums_of_licences_are_read() {
    let allow = BTreeSet::from(["MIT", "ISC"]);
    assert!(allowed("MIT OR GPL-3.0", &allow));
    assert!(allowed("MIT/Apache-2.0", &allow));
    assert!(allowed("ISC AND (Apache-2.0 OR MIT)", &allow));
    assert!(!allowed("ISC AND (Apache-2.0 OR GPL-3.0)", &allow));
    assert!(!allowed("ISC AND Apache-2.0", &allow));
    assert!(!allowed("", &allow));
}

fn rules() -> toml::Table {
    let text =
        std::fs::read_to_string(files::root().join("deny.toml")).expect("deny.toml is there");
    text.parse().expect("deny.toml is TOML")
}

/// The crates of one list of `[bans]`, each with its reason.
fn entries<'a>(rules: &'a toml::Table, list: &str) -> BTreeMap<&'a str, &'a str> {
    let entries = rules["bans"][list].as_array().expect("a list of crates");
    let text = |entry: &'a toml::Value, key: &str| {
        let value = entry.get(key).and_then(toml::Value::as_str);
        value.unwrap_or_else(|| panic!("{entry}: {key} is missing"))
    };
    entries
        .iter()
        .map(|entry| (text(entry, "crate"), text(entry, "reason")))
        .collect()
}

/// Everything that is built here: name → version → licence. Cargo's metadata would also list what
/// only a disabled feature would need.
fn built() -> BTreeMap<String, BTreeMap<String, String>> {
    let tree = files::cargo(&[
        "tree",
        "--workspace",
        "--locked",
        "-e",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}|{l}",
    ]);
    let mut built: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in tree.lines() {
        let Some((package, licence)) = line.split_once('|') else {
            continue;
        };
        let mut words = package.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            continue;
        };
        let licence = licence.trim_end_matches(" (*)").to_owned();
        let version = version.trim_start_matches('v').to_owned();
        built
            .entry(name.to_owned())
            .or_default()
            .insert(version, licence);
    }
    assert!(built.len() > 100, "cargo tree prints what is built: {tree}");
    built
}

/// Whether an SPDX expression can be met with the allowed licences.
fn allowed(expression: &str, allow: &BTreeSet<&str>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    any_of(&mut words, allow) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allow: &BTreeSet<&str>) -> bool {
    let mut met = all_of(words, allow);
    while words.next_if_eq(&"OR").is_some() {
        met |= all_of(words, allow);
    }
    met
}

fn all_of(words: &mut Words<'_>, allow: &BTreeSet<&str>) -> bool {
    let mut met = one(words, allow);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allow);
    }
    met
}

fn one(words: &mut Words<'_>, allow: &BTreeSet<&str>) -> bool {
    let Some(word) = words.next() else {
        return false;
    };
    if word == "(" {
        let met = any_of(words, allow);
        return words.next() == Some(")") && met;
    }
    match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
        Some(exception) => allow.contains(format!("{word} WITH {exception}").as_str()),
        None => allow.contains(word),
    }
}
