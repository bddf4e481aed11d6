//! What an HTTP monitor asks and what it demands of the answer.

use std::fmt;

use url::Url;

/// A request and the assertions on its answer.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct HttpSpec {
    /// An `http` or `https` URL.
    pub url: Url,
}

impl fmt::Debug for HttpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSpec").finish_non_exhaustive()
    }
}
