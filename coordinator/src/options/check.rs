//! The layers on each other: for each setting the flag, else the file, else the default.

use std::path::{Path, PathBuf};

use vigilmon_common::name::{self, Region};
use vigilmon_common::problem::{Problem, Problems};
use vigilmon_common::redact::Secret;
use vigilmon_runtime::settings::{Given, Settings, all_over};
use vigilmon_runtime::telemetry::{self, Format};

use super::parse;
use super::{DATA_DEFAULT, DaemonFlags, FILTER_DEFAULT, GRPC_DEFAULT, HTTP_DEFAULT};
use super::{Logging, Options};
use crate::notify::email::Smtp;
use crate::tls::Certificate;

/// Most shard owners: as many as there are shards.
const OWNERS_MAX: usize = 64;
/// Longest file that holds the mail relay's URL.
const SMTP_URL_FILE_MAX: u64 = 4096;

/// Checks everything at once; what is wrong with the file itself comes last.
pub(super) fn check(
    daemon: &DaemonFlags,
    mut file: Settings,
) -> Result<(Options, Logging), Problems> {
    let flags = &daemon.flags;
    let mut problems = Problems::none();
    let data = file.path_under("--data", &flags.data, "data_dir");
    let http = file.text_under("--http", &flags.http, "http.listen");
    let http = parse::address(&or("--http", http, HTTP_DEFAULT), &mut problems);
    let grpc = file.text_under("--grpc", &flags.grpc, "grpc.listen");
    let grpc = parse::address(&or("--grpc", grpc, GRPC_DEFAULT), &mut problems);
    let metrics = file.text_under("--metrics", &daemon.metrics, "metrics.listen");
    let metrics = metrics.map(|given| parse::address(&given, &mut problems));
    let public_url = file.text_under("--public-url", &flags.public_url, "public_url");
    let public_url = public_url.and_then(|given| parse::public_url(&given, &mut problems));
    let (regions, display_names) = regions(&daemon.regions, &mut file, &mut problems);
    let allow = file.texts("addresses.allow");
    let allow = all_over("--allow-net", &flags.allow_net, allow);
    let allow_net = parse::networks(&allow, &mut problems);
    let http_files = [&daemon.http_tls_cert_file, &daemon.http_tls_key_file];
    let http_certificate = certificate("http", http_files, &mut file, &mut problems);
    let grpc_files = [&daemon.grpc_tls_cert_file, &daemon.grpc_tls_key_file];
    let grpc_certificate = certificate("grpc", grpc_files, &mut file, &mut problems);
    let reflection = file.truth("grpc.reflection").map(|given| given.value);
    let smtp = smtp(daemon, &mut file, &mut problems);
    on_damage(&mut file, &mut problems);
    let logging = logging(daemon, &mut file, &mut problems);
    let owners = owners(flags.owners, &mut problems);
    problems.extend(file.finish());
    let options = Options {
        data: data.map_or_else(|| PathBuf::from(DATA_DEFAULT), |given| given.value),
        http,
        grpc,
        metrics,
        public_url,
        http_certificate,
        grpc_certificate,
        reflection: daemon.reflection.or(reflection).unwrap_or(true),
        regions,
        display_names,
        allow_net,
        smtp,
        owners,
    };
    problems.or((options, logging))
}

fn owners(given: Option<usize>, problems: &mut Problems) -> usize {
    let owners = given.unwrap_or(1);
    if !(1..=OWNERS_MAX).contains(&owners) {
        let remedy = format!("use 1 to {OWNERS_MAX}");
        problems.add("--owners", format!("{owners} is out of bounds"), remedy);
    }
    owners
}

fn or(flag: &str, given: Option<Given<String>>, default: &str) -> Given<String> {
    given.unwrap_or_else(|| Given::flag(flag, default.to_owned()))
}

fn logging(daemon: &DaemonFlags, file: &mut Settings, problems: &mut Problems) -> Logging {
    let flags = &daemon.flags;
    let filter = file.text_under("--log-filter", &flags.log_filter, "log.filter");
    let filter = or("--log-filter", filter, FILTER_DEFAULT);
    if let Err(error) = telemetry::check(&filter.value) {
        problems.add(filter.place, error.to_string(), "");
    }
    let format = file.text_under("--log-format", &flags.log_format, "log.format");
    let format = format.map(|given| parse::format(&given, problems));
    Logging {
        filter: filter.value,
        format: format.unwrap_or(Format::Text),
    }
}

/// The regions, and how people call some of them. A flag replaces the file's list; names that the
/// file has for regions still hold.
fn regions(
    given: &[String],
    file: &mut Settings,
    problems: &mut Problems,
) -> (Vec<Region>, Vec<(Region, String)>) {
    let mut texts = Vec::new();
    let mut names = Vec::new();
    for section in file.each("regions") {
        let shown = file.text(&format!("{section}.display_name"));
        let shown = shown.and_then(|given| display_name(given, problems));
        match file.text(&format!("{section}.name")) {
            Some(name) => {
                names.extend(Region::parse(&name.value).ok().zip(shown));
                texts.push(name);
            }
            None => {
                let remedy = "write name = \"eu-west\" below it";
                problems.add(file.head(&section), "a region needs its name", remedy);
            }
        }
    }
    let in_file = parse::regions(&texts, problems);
    if given.is_empty() {
        return (in_file, names);
    }
    let regions = parse::regions(&all_over("--regions", given, Vec::new()), problems);
    names.retain(|(region, _)| regions.contains(region));
    (regions, names)
}

fn display_name(given: Given<String>, problems: &mut Problems) -> Option<String> {
    match name::display_name(&given.value) {
        Ok(name) => Some(name),
        Err(error) => {
            let message = format!("`{}` cannot be a display name", given.value);
            problems.add(given.place, message, error.to_string());
            None
        }
    }
}

fn certificate(
    door: &str,
    flags: [&Option<PathBuf>; 2],
    file: &mut Settings,
    problems: &mut Problems,
) -> Option<Certificate> {
    let [cert, key] = ["cert", "key"].map(|part| {
        let flag = format!("--{door}-tls-{part}-file");
        let given = flags[usize::from(part == "key")];
        file.path_under(&flag, given, &format!("{door}.tls_{part}_file"))
    });
    match (cert, key) {
        (None, None) => None,
        (Some(cert), Some(key)) => match Certificate::read(&cert.value, &key.value) {
            Ok(certificate) => Some(certificate),
            Err(error) => {
                let place = if error.is_of_key() {
                    key.place
                } else {
                    cert.place
                };
                problems.add(place, error.to_string(), error.remedy());
                None
            }
        },
        (Some(cert), None) => {
            problems.add(
                cert.place,
                "is a certificate without its key",
                "give the key's file too",
            );
            None
        }
        (None, Some(key)) => {
            problems.add(
                key.place,
                "is a key without its certificate",
                "give the certificate's file too",
            );
            None
        }
    }
}

fn smtp(daemon: &DaemonFlags, file: &mut Settings, problems: &mut Problems) -> Option<Smtp> {
    let flags = &daemon.flags;
    let from = file.text_under("--smtp-from", &flags.smtp_from, "smtp.from");
    let in_file = (file.text("smtp.url"), file.path("smtp.url_file"));
    let url = flags
        .smtp_url
        .clone()
        .map(|url| Given::flag("--smtp-url", url));
    let by_flag = daemon
        .smtp_url_file
        .clone()
        .map(|path| Given::flag("--smtp-url-file", path));
    // A flag of either sort goes over the file's setting of either sort.
    let (url, url_file) = match (url, by_flag) {
        (None, None) => in_file,
        given => given,
    };
    if let (Some(url), Some(path)) = (&url, &url_file) {
        let message = format!("is given beside {}", path.place);
        problems.add(url.place.as_str(), message, "give one of the two");
        return None;
    }
    let url = match (url, url_file) {
        (Some(url), _) => url,
        (None, Some(path)) => read_url(path, problems)?,
        (None, None) => {
            if let Some(from) = from {
                let remedy = "give the mail relay's URL too, or leave this out";
                problems.add(from.place, "is a sender without a mail relay", remedy);
            }
            return None;
        }
    };
    let sender = from.as_ref().map(|from| from.value.as_str());
    match Smtp::parse(&Secret::new(url.value), sender.unwrap_or_default()) {
        Ok(smtp) => Some(smtp),
        Err(found) => {
            let of_sender = from.map_or_else(|| "--smtp-from".to_owned(), |from| from.place);
            for Problem {
                field,
                message,
                remedy,
                ..
            } in found.as_slice()
            {
                let of_url = field == crate::notify::email::URL_FIELD;
                let place = if of_url { &url.place } else { &of_sender };
                problems.add(place.as_str(), message.as_str(), remedy.as_str());
            }
            None
        }
    }
}

fn read_url(path: Given<PathBuf>, problems: &mut Problems) -> Option<Given<String>> {
    let read = |path: &Path| {
        if std::fs::metadata(path)?.len() > SMTP_URL_FILE_MAX {
            return Err(std::io::Error::other("it is too long for a URL"));
        }
        std::fs::read_to_string(path)
    };
    match read(&path.value) {
        Ok(text) => Some(Given {
            value: text.trim().to_owned(),
            place: path.place,
        }),
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.value.display());
            problems.add(
                path.place,
                message,
                "give a file that holds the mail relay's URL",
            );
            None
        }
    }
}

fn on_damage(file: &mut Settings, problems: &mut Problems) {
    if let Some(given) = file.text("store.on_damage")
        && given.value != "stop"
    {
        let message = format!("`{}` is not known", given.value);
        problems.add(
            given.place,
            message,
            "write stop: a damaged store ends the start",
        );
    }
}
