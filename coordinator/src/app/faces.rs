//! What the doors show of who they are, and how that changes while they serve.

use crate::options::Options;
use crate::tls::{Certificate, Shown};

/// What the doors show of who they are.
#[derive(Clone)]
pub(super) struct Faces {
    /// `None`: pages are served without TLS.
    pub(super) http: Option<Shown>,
    pub(super) grpc: Shown,
}

impl Faces {
    pub(super) fn new(own: Certificate, options: &Options) -> Self {
        let given = options.http_certificate.clone();
        Self {
            http: given.map(|given| Shown::new(None, Some(given))),
            grpc: Shown::new(Some(own), options.grpc_certificate.clone()),
        }
    }

    pub(super) fn change(&self, options: &Options) {
        self.grpc.change(options.grpc_certificate.clone());
        match (&self.http, &options.http_certificate) {
            (Some(shown), Some(_)) => shown.change(options.http_certificate.clone()),
            (None, None) => {}
            _ => tracing::warn!("pages come to TLS or leave it at the next start only"),
        }
    }
}
