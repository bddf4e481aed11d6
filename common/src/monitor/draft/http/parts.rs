//! Parts of the kind `http`: named addresses, user info, headers, lists of texts.

use std::net::IpAddr;

use url::{Host, Url};

use crate::address::AddressPolicy;
use crate::monitor::draft::bounds::cut;
use crate::monitor::http::Basic;
use crate::problem::Problems;

/// Most assertions of one sort, and most headers.
const LIST_MAX: usize = 32;

/// `localhost` and literal addresses need no resolver to be known as denied.
pub(super) fn check_named_address(url: &Url, policy: &AddressPolicy, problems: &mut Problems) {
    let named: Vec<IpAddr> = match url.host() {
        Some(Host::Ipv4(ip)) => vec![ip.into()],
        Some(Host::Ipv6(ip)) => vec![ip.into()],
        Some(Host::Domain(name)) if is_localhost(name) => vec![
            std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::Ipv6Addr::LOCALHOST.into(),
        ],
        Some(Host::Domain(_)) | None => return,
    };
    let denied: Result<Vec<_>, ()> = named
        .iter()
        .map(|ip| policy.check(*ip).err().ok_or(()))
        .collect();
    if let Some(first) = denied.ok().and_then(|all| all.into_iter().next()) {
        problems.add(
            "url",
            format!("{first}, which agents may not reach"),
            first.remedy(),
        );
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

pub(super) fn take_user_info(url: &mut Url) -> Option<Basic> {
    let has = !url.username().is_empty() || url.password().is_some();
    let basic = has.then(|| Basic {
        user: decoded(url.username()),
        password: decoded(url.password().unwrap_or_default()).into(),
    });
    // Neither fails on a URL with a host, which every http URL has.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    basic
}

/// Undoes percent-encoding; what is not UTF-8 then is replaced.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |b: u8| {
            char::from(b)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Splits `K: V`; the name in lower case.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    // What follows the colon may be a credential, so messages name only what precedes it.
    let Some((name, value)) = text.split_once(':') else {
        return Err("a header without `:`".to_owned());
    };
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("`{}` cannot be a header's name", cut(name)));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!(
            "the value of `{}` is not one line of text",
            cut(name)
        ));
    }
    Ok((name.to_ascii_lowercase(), value.to_owned()))
}

/// Headers that the check sets itself, and what to do instead.
pub(super) fn set_by_the_check(name: &str) -> Option<&'static str> {
    match name {
        "content-length" | "transfer-encoding" => Some("it follows from the body"),
        "connection" | "keep-alive" | "upgrade" | "te" | "trailer" | "proxy-connection" => {
            Some("every check has a connection of its own")
        }
        "expect" => Some("leave it out"),
        _ => None,
    }
}

pub(super) fn texts(field: &str, given: Option<&[String]>, problems: &mut Problems) -> Vec<String> {
    check_length(field, given, problems);
    let given = given.unwrap_or_default();
    if given.iter().any(String::is_empty) {
        problems.add(field, "an empty text", "leave it out");
    }
    given.to_vec()
}

pub(super) fn check_length(field: &str, given: Option<&[String]>, problems: &mut Problems) {
    let length = given.map_or(0, <[String]>::len);
    if length > LIST_MAX {
        problems.add(
            field,
            format!("{length} are too many"),
            format!("give at most {LIST_MAX}"),
        );
    }
}
