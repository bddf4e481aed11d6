//! The sorts of values that options have, each from what users write.

use std::net::SocketAddr;

use ipnet::IpNet;
use url::Url;
use vigilmon_common::name::Region;
use vigilmon_common::problem::Problems;
use vigilmon_runtime::settings::Given;
use vigilmon_runtime::telemetry::Format;

pub(super) fn address(given: &Given<String>, problems: &mut Problems) -> SocketAddr {
    given.value.parse().unwrap_or_else(|_| {
        let remedy = "write an IP address and a port, such as 127.0.0.1:8440 or [::]:8440";
        let message = format!("`{}` is not an address to listen on", given.value);
        problems.add(given.place.as_str(), message, remedy);
        SocketAddr::from(([127, 0, 0, 1], 0))
    })
}

pub(super) fn public_url(given: &Given<String>, problems: &mut Problems) -> Option<Url> {
    let url = Url::parse(&given.value).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
    });
    if url.is_none() {
        let remedy = "write http:// or https:// and a host, such as https://status.example.org";
        let message = format!("`{}` is not such a URL", given.value);
        problems.add(given.place.as_str(), message, remedy);
    }
    url
}

/// Region ids; each once.
pub(super) fn regions(texts: &[Given<String>], problems: &mut Problems) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for Given { value: text, place } in texts {
        match Region::parse(text) {
            Ok(region) if regions.contains(&region) => {
                let message = format!("`{text}` is named twice");
                problems.add(place.as_str(), message, "name each once");
            }
            Ok(region) => regions.push(region),
            Err(error) => {
                let message = format!("`{text}` is no region");
                problems.add(place.as_str(), message, error.to_string());
            }
        }
    }
    regions
}

pub(super) fn networks(texts: &[Given<String>], problems: &mut Problems) -> Vec<IpNet> {
    let parse = |text: &String| {
        let net = text.parse::<IpNet>().ok();
        net.or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
    };
    let mut nets = Vec::new();
    for Given { value: text, place } in texts {
        match parse(text) {
            Some(net) => nets.push(net),
            None => {
                let remedy = "write an address with a prefix length, such as 10.0.0.0/8";
                problems.add(place.as_str(), format!("`{text}` is no network"), remedy);
            }
        }
    }
    nets
}

pub(super) fn format(given: &Given<String>, problems: &mut Problems) -> Format {
    match given.value.as_str() {
        "text" => Format::Text,
        "json" => Format::Json,
        other => {
            let message = format!("`{other}` is no format");
            problems.add(given.place.as_str(), message, "use text or json");
            Format::Text
        }
    }
}
