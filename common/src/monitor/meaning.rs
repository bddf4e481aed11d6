//! The hash of what a monitor means.
//!
//! Both sides, all versions and everything stored must agree on these numbers, so they are made
//! from a byte form of their own: a version, then for each field that is set a tag, a length and
//! the bytes. Fields that a later version adds stay away while they are unset, so they change no
//! hash of monitors that do not use them. Golden values in the tests hold it in place.

use std::time::Duration;

use super::http::{HttpSpec, IpFamily};
use super::{Kind, MonitorSpec};
use crate::identity;

/// The hash of what a monitor means: kind, target, request, assertions and timeout; not its name,
/// labels, severity, interval, regions or quorum. Votes made under another meaning do not count.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Meaning(pub u64);

impl MonitorSpec {
    /// What this monitor means.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        Meaning(identity::h(&self.meaning_bytes()))
    }

    /// The canonical byte form of what this monitor means.
    pub(super) fn meaning_bytes(&self) -> Vec<u8> {
        let mut fields = Fields::begin(b"vigilmon.meaning.1");
        fields.span(1, self.timeout);
        match &self.kind {
            Kind::Http(http) => fields.http(http),
        }
        fields.bytes
    }
}

struct Fields {
    bytes: Vec<u8>,
}

impl Fields {
    fn begin(version: &[u8]) -> Self {
        let mut fields = Self {
            bytes: Vec::with_capacity(256),
        };
        fields.put(0, version);
        fields
    }

    fn put(&mut self, tag: u8, value: &[u8]) {
        let length = u32::try_from(value.len()).expect("specifications are far below 4 GiB");
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
    }

    fn text(&mut self, tag: u8, value: &str) {
        self.put(tag, value.as_bytes());
    }

    fn span(&mut self, tag: u8, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.put(tag, &millis.to_be_bytes());
    }

    /// Two texts under one tag, told apart by the length of the first.
    fn pair(&mut self, tag: u8, first: &str, second: &str) {
        let mut inner = Self { bytes: Vec::new() };
        inner.text(0, first);
        inner.text(1, second);
        self.put(tag, &inner.bytes);
    }

    /// Tags of kind http begin at 16. A tag is never used for something else.
    fn http(&mut self, http: &HttpSpec) {
        self.text(16, http.url.as_str());
        self.text(17, http.method.as_str());
        for header in &http.headers {
            self.pair(18, &header.name, &header.value);
        }
        if let Some(body) = &http.body {
            self.text(19, body);
        }
        if let Some(basic) = &http.basic {
            self.pair(20, &basic.user, basic.password.expose());
        }
        if let Some(bearer) = &http.bearer {
            self.text(21, bearer.expose());
        }
        self.put(22, &http.follow_redirects.to_be_bytes());
        if http.insecure {
            self.put(23, &[1]);
        }
        if http.ip != IpFamily::Any {
            self.text(24, http.ip.as_str());
        }
        self.text(25, &http.expect_status.to_string());
        for header in &http.expect_headers {
            self.pair(26, &header.name, &header.value);
        }
        http.contains.iter().for_each(|text| self.text(27, text));
        http.not_contains
            .iter()
            .for_each(|text| self.text(28, text));
        http.matches
            .iter()
            .for_each(|pattern| self.text(29, pattern.as_str()));
        http.json
            .iter()
            .for_each(|json| self.text(30, json.as_str()));
        if let Some(limit) = http.max_latency {
            self.span(31, limit);
        }
        if let Some(degraded) = http.degraded_latency {
            self.span(32, degraded.warning);
            if let Some(critical) = degraded.critical {
                self.span(33, critical);
            }
        }
    }
}

#[cfg(test)]
mod tests;
