//! The layers on each other: for each setting the flag, else the file, else the default; and what
//! the values are.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::name::{InvalidName, Name, Region};
use vigilmon_common::problem::Problems;
use vigilmon_common::redact::Secret;
use vigilmon_common::schedule::Limits;
use vigilmon_runtime::settings::{Given, Settings, all_over};
use vigilmon_runtime::telemetry::{self, Format};
use vigilmon_runtime::tls;

use super::{Flags, Plan, Surroundings};
use crate::options::{Coordinators, InvalidCoordinator, Options};

/// Most checks at once that may be asked for: each holds a socket.
const CHECKS_MAX: u32 = 65_536;
/// Longest token file; a token is far shorter.
const TOKEN_FILE_MAX: usize = 4096;
/// What is logged by default.
const FILTER_DEFAULT: &str = "info";

/// Checks everything at once; what is wrong with the file itself comes last.
pub(super) fn check(
    flags: &Flags,
    around: &Surroundings,
    mut file: Settings,
) -> Result<Plan, Problems> {
    let mut problems = Problems::none();
    let coordinators = file.texts("coordinator");
    let coordinators = all_over("--coordinator", &flags.coordinator, coordinators);
    let coordinators = check_coordinators(&coordinators, &mut problems);
    let region = file.text_under("--region", &flags.region, "region");
    let region = check_region(region, &mut problems);
    let name = file.text_under("--name", &flags.name, "name");
    let name = check_name(name, around, &mut problems);
    let in_file = file.path("token_file");
    let token = check_token(&flags.token_file, around, in_file, &mut problems);
    let ca = file.path_under("--ca-file", &flags.ca_file, "ca_file");
    let ca = ca.and_then(|path| check_ca(path, &mut problems));
    let allow = file.texts("addresses.allow");
    let allow = all_over("--allow-net", &flags.allow_net, allow);
    let addresses = check_allow(&allow, &mut problems);
    let checks = file.number("limits.checks");
    let by_flag = flags.checks.clone();
    let checks = by_flag.map(|text| Given::flag("--checks", text)).or(checks);
    let limits = check_checks(checks, &mut problems);
    let metrics = file.text_under("--metrics", &flags.metrics, "metrics.listen");
    let metrics = metrics.and_then(|given| check_listen(given, &mut problems));
    let filter = file.text_under("--log-filter", &flags.log_filter, "log.filter");
    let log_filter = check_filter(filter, &mut problems);
    let format = file.text_under("--log-format", &flags.log_format, "log.format");
    let log_format = check_format(format, &mut problems);
    problems.extend(file.finish());
    let (Some(coordinators), Some(region), Some(name), Some(token)) =
        (coordinators, region, name, token)
    else {
        return Err(problems);
    };
    let options = Options {
        coordinators,
        region,
        name,
        token,
        ca,
        addresses,
        limits,
    };
    problems.or(Plan {
        options,
        metrics,
        log_filter,
        log_format,
    })
}

fn check_coordinators(given: &[Given<String>], problems: &mut Problems) -> Option<Coordinators> {
    let example = "write --coordinator https://coordinator.example.org:8441";
    let mut refuse = |place: &str, error: &InvalidCoordinator| {
        let remedy = match error {
            InvalidCoordinator::TooMuch(_) => "leave out path, query and user",
            InvalidCoordinator::None
            | InvalidCoordinator::NotAUrl(_)
            | InvalidCoordinator::NotHttps(_) => example,
        };
        problems.add(place, error.to_string(), remedy);
    };
    if given.is_empty() {
        refuse("--coordinator", &InvalidCoordinator::None);
    }
    for Given { value, place } in given {
        if let Err(error) = Coordinators::parse(&[value]) {
            refuse(place, &error);
        }
    }
    let texts: Vec<&str> = given.iter().map(|given| given.value.as_str()).collect();
    Coordinators::parse(&texts).ok()
}

fn check_region(given: Option<Given<String>>, problems: &mut Problems) -> Option<Region> {
    let Some(Given { value, place }) = given else {
        let remedy = "write --region eu-west, the region of the agent's token";
        problems.add("--region", "an agent votes for one region", remedy);
        return None;
    };
    let refused = |error: InvalidName| {
        problems.add(
            place,
            format!("`{value}` cannot be a region"),
            error.to_string(),
        );
    };
    Region::parse(&value).map_err(refused).ok()
}

fn check_name(
    given: Option<Given<String>>,
    around: &Surroundings,
    problems: &mut Problems,
) -> Option<Name> {
    let host = around
        .host_name
        .clone()
        .map(|name| Given::flag("--name", name));
    let Some(Given { value, place }) = given.or(host) else {
        problems.add(
            "--name",
            "the host name cannot be read",
            "write --name eu-west-1",
        );
        return None;
    };
    let name = value.trim();
    let refused = |error: InvalidName| {
        problems.add(
            place,
            format!("`{name}` cannot be a name"),
            error.to_string(),
        );
    };
    Name::parse(name).map_err(refused).ok()
}

/// A flag goes over the token in the environment, and that over the file.
fn check_token(
    flag: &Option<PathBuf>,
    around: &Surroundings,
    file: Option<Given<PathBuf>>,
    problems: &mut Problems,
) -> Option<Secret> {
    let remedy = "make one with `vigilmon agent token add --region REGION`";
    let flag = flag.clone().map(|path| Given::flag("--token-file", path));
    let given = match (flag, &around.token, file) {
        (Some(path), _, _) | (None, None, Some(path)) => read_token(path, problems)?,
        (None, Some(token), _) => Given::flag("VIGILMON_AGENT_TOKEN", token.clone()),
        (None, None, None) => {
            let message = "an agent needs a token, here or in VIGILMON_AGENT_TOKEN";
            problems.add("--token-file", message, remedy);
            return None;
        }
    };
    let token = given.value.trim();
    if !token.starts_with("vta_") || !token.bytes().all(|b| b.is_ascii_graphic()) {
        // What was given is not shown: it may be a secret of another sort.
        let message = "this is no agent token: those begin with vta_";
        problems.add(given.place, message, remedy);
        return None;
    }
    Some(Secret::new(token))
}

fn read_token(path: Given<PathBuf>, problems: &mut Problems) -> Option<Given<String>> {
    let Given { value: path, place } = path;
    let read = |path: &Path| {
        let text =
            std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        if text.len() > TOKEN_FILE_MAX {
            return Err(format!("{} is too long for a token", path.display()));
        }
        String::from_utf8(text).map_err(|_| format!("{} is not text", path.display()))
    };
    match read(&path) {
        Ok(value) => Some(Given { value, place }),
        Err(error) => {
            problems.add(place, error, "give a file that holds the token");
            None
        }
    }
}

fn check_ca(given: Given<PathBuf>, problems: &mut Problems) -> Option<Vec<u8>> {
    let Given { value: path, place } = given;
    let read = tls::read(&path).and_then(|pem| {
        tls::certificates(&pem, &path.display().to_string())?;
        Ok(pem)
    });
    let remedy = "give the coordinator's CA in PEM form, such as ca.pem of its data folder";
    read.map_err(|error| problems.add(place, error.to_string(), remedy))
        .ok()
}

fn check_allow(given: &[Given<String>], problems: &mut Problems) -> AddressPolicy {
    let mut allow = Vec::new();
    for Given { value: text, place } in given {
        let parsed = text.parse::<IpNet>().ok();
        match parsed.or_else(|| text.parse().ok().map(|ip: IpAddr| ip.into())) {
            Some(net) => allow.push(net),
            None => {
                let message = format!("`{text}` is not a range of addresses");
                problems.add(place.as_str(), message, "write 10.0.0.0/8 or an address");
            }
        }
    }
    AddressPolicy::new(allow)
}

fn check_checks(given: Option<Given<String>>, problems: &mut Problems) -> Limits {
    let default = Limits::default();
    let Some(Given { value, place }) = given else {
        return default;
    };
    let checks = value.parse().ok();
    let checks = checks.filter(|checks| (1..=CHECKS_MAX).contains(checks));
    if checks.is_none() {
        let message = format!("`{value}` is not a number of checks");
        problems.add(
            place,
            message,
            format!("write a number from 1 to {CHECKS_MAX}"),
        );
    }
    Limits {
        checks: checks.unwrap_or(default.checks),
        ..default
    }
}

fn check_listen(given: Given<String>, problems: &mut Problems) -> Option<SocketAddr> {
    let address = given.value.parse().ok();
    if address.is_none() {
        let message = format!("`{}` is not an address to listen on", given.value);
        let remedy = "write an IP address and a port, such as 127.0.0.1:9464";
        problems.add(given.place, message, remedy);
    }
    address
}

fn check_filter(given: Option<Given<String>>, problems: &mut Problems) -> String {
    let Some(Given { value, place }) = given else {
        return FILTER_DEFAULT.to_owned();
    };
    if let Err(error) = telemetry::check(&value) {
        problems.add(place, error.to_string(), "");
    }
    value
}

fn check_format(given: Option<Given<String>>, problems: &mut Problems) -> Format {
    match given.as_ref().map(|given| given.value.as_str()) {
        None | Some("text") => Format::Text,
        Some("json") => Format::Json,
        Some(other) => {
            let message = format!("`{other}` is not a log format");
            let place = given.as_ref().map_or("", |given| given.place.as_str());
            problems.add(place, message, "write text or json");
            Format::Text
        }
    }
}
