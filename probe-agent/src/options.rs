//! What an agent is told at its start, checked.

use url::{Host, Url};
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::redact::Secret;
use vigilmon_common::schedule::Limits;

/// What an agent is told at its start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its coordinators are: tried in turn until one answers.
    pub coordinators: Coordinators,
    /// Where it votes.
    pub region: Region,
    /// What it calls itself; with its token this makes its id, so a restart should keep it.
    pub name: Name,
    /// What it shows to the coordinator.
    pub token: Secret,
    /// The authorities that may vouch for a coordinator, in PEM form; `None`: the system's.
    pub ca: Option<Vec<u8>>,
    /// Which addresses it may check.
    pub addresses: AddressPolicy,
    /// How many checks run at once.
    pub limits: Limits,
}

/// The addresses of one or more coordinators.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Coordinators(Vec<Url>);

/// An address that cannot be a coordinator's; the message says what would be one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidCoordinator {
    /// None was given.
    #[error("an agent needs at least one coordinator")]
    None,
    /// Not a URL.
    #[error("`{0}` is not a URL")]
    NotAUrl(String),
    /// Without TLS the token would be readable on the way.
    #[error("`{0}` is not https: an agent shows its token")]
    NotHttps(String),
    /// More than scheme, host and port.
    #[error("`{0}` has more than a scheme, a host and a port")]
    TooMuch(String),
}

impl Coordinators {
    /// Checks and takes addresses such as `https://coordinator.example.org:8441`.
    ///
    /// # Errors
    /// There is none, or one of them cannot be used.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, InvalidCoordinator> {
        let urls: Result<Vec<_>, _> = texts.iter().map(|text| parse(text.as_ref())).collect();
        let urls = urls?;
        if urls.is_empty() {
            return Err(InvalidCoordinator::None);
        }
        Ok(Self(urls))
    }

    pub(crate) fn as_slice(&self) -> &[Url] {
        &self.0
    }
}

fn parse(text: &str) -> Result<Url, InvalidCoordinator> {
    let url = Url::parse(text).map_err(|_| InvalidCoordinator::NotAUrl(text.to_owned()))?;
    if url.scheme() != "https" {
        return Err(InvalidCoordinator::NotHttps(text.to_owned()));
    }
    let plain = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain {
        Ok(url)
    } else {
        // The text may hold a password; the host does not.
        let host = url.host().unwrap_or(Host::Domain("")).to_string();
        Err(InvalidCoordinator::TooMuch(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coordinator_is_an_https_address_and_nothing_more() {
        let parse = |text: &str| Coordinators::parse(&[text]);
        for good in [
            "https://localhost:8441",
            "https://[::1]:8441/",
            "https://a.example",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "localhost:8441",
            "http://localhost:8441",
            "",
            "https://a/b",
            "https://a?b",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let secret = parse("https://user:hunter2@a.example").unwrap_err();
        assert!(!secret.to_string().contains("hunter2"));
        assert_eq!(
            Coordinators::parse::<&str>(&[]),
            Err(InvalidCoordinator::None)
        );
    }
}
