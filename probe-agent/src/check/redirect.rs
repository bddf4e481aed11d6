//! Where a hop leads, and what goes along.
//!
//! Like browsers: 303, and 301 or 302 after POST, turn into GET without a body; 307 and 308
//! repeat the request. What identifies us (user, token, cookies, headers that look like
//! credentials) stays at the origin that the monitor names: scheme, host and port.

use url::Url;
use vigilmon_common::monitor::HttpSpec;
use vigilmon_common::outcome::ReasonCode;
use vigilmon_common::redact;

use super::failure::Failure;

/// Whether an answer with this status leads elsewhere, given that it says where.
pub(super) fn is_one(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// One request of a check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hop {
    pub(super) url: Url,
    pub(super) method: String,
    /// Whether the monitor's body goes along.
    pub(super) with_body: bool,
    /// Whether its credentials go along.
    pub(super) with_credentials: bool,
}

impl Hop {
    /// The request as the monitor says.
    pub(super) fn first(spec: &HttpSpec) -> Self {
        Self {
            url: spec.url.clone(),
            method: spec.method.as_str().to_owned(),
            with_body: spec.body.is_some(),
            with_credentials: true,
        }
    }

    /// The hop that an answer asks for; `None` when it is no redirect.
    pub(super) fn after(
        &self,
        status: u16,
        location: Option<&[u8]>,
        spec: &HttpSpec,
    ) -> Result<Option<Self>, Failure> {
        let Some(location) = location.filter(|_| is_one(status)) else {
            return Ok(None);
        };
        let keeps_method = match status {
            301 | 302 => self.method != "POST",
            303 => self.method == "HEAD",
            _ => true,
        };
        let location = String::from_utf8_lossy(location);
        let url = self.target(&location)?;
        let with_credentials = self.with_credentials && url.origin() == spec.url.origin();
        Ok(Some(Self {
            url,
            method: if keeps_method {
                self.method.clone()
            } else {
                "GET".to_owned()
            },
            with_body: self.with_body && keeps_method,
            with_credentials,
        }))
    }

    fn target(&self, location: &str) -> Result<Url, Failure> {
        let nowhere = || {
            let text = format!("redirect to `{}` leads nowhere", redact::url_like(location));
            Failure::down(ReasonCode::HttpRedirects, text)
        };
        let mut url = self.url.join(location).map_err(|_| nowhere())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(nowhere());
        }
        // Credentials in a redirect are not the monitor's.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Ok(url)
    }
}

#[cfg(test)]
mod tests;
