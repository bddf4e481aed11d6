//! What a check has seen so far. It lives outside the check's future, so that it survives when
//! the timeout drops that.

use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use vigilmon_common::duration;
use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};
use vigilmon_common::result::{Observation, Phases};
use vigilmon_runtime::clock::Stopwatch;

use super::tls;

/// A part of a check that takes time of its own.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Phase {
    #[default]
    Dns,
    Connect,
    Tls,
    FirstByte,
    Transfer,
}

/// The trace of a check; of a redirected one, the last hop's.
#[derive(Debug)]
pub(super) struct Trace {
    phase: Phase,
    since: Stopwatch,
    pub(super) phases: Phases,
    pub(super) address: Option<SocketAddr>,
    pub(super) certificate: Option<CertificateDer<'static>>,
    pub(super) status: Option<u16>,
    pub(super) redirects: Vec<String>,
}

impl Trace {
    pub(super) fn begin() -> Self {
        Self {
            phase: Phase::default(),
            since: Stopwatch::start(),
            phases: Phases::default(),
            address: None,
            certificate: None,
            status: None,
            redirects: Vec::new(),
        }
    }

    /// Begins a phase.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Stopwatch::start();
    }

    /// Ends the phase that was begun last and notes how long it took.
    pub(super) fn leave(&mut self) {
        let took = Some(self.since.elapsed());
        match self.phase {
            Phase::Dns => self.phases.dns = took,
            Phase::Connect => self.phases.connect = took,
            Phase::Tls => self.phases.tls = took,
            Phase::FirstByte => self.phases.first_byte = took,
            Phase::Transfer => self.phases.transfer = took,
        }
    }

    /// Forgets the hop that led elsewhere, but not that it did.
    pub(super) fn hop(&mut self, to: String) {
        let redirects = std::mem::take(&mut self.redirects);
        *self = Self::begin();
        self.redirects = redirects;
        self.redirects.push(to);
    }

    /// The outcome of a check that did not end in time.
    pub(super) fn timed_out(&self, timeout: Duration) -> Outcome {
        let doing = match self.phase {
            Phase::Dns => "resolving the name",
            Phase::Connect => "connecting",
            Phase::Tls => "in the TLS handshake",
            Phase::FirstByte => "waiting for the first byte of the answer",
            Phase::Transfer => "reading the body",
        };
        let text = format!("timeout after {} {doing}", duration::format(timeout));
        let reason = Reason::new(ReasonCode::Timeout, text);
        Outcome::Down(match self.status {
            Some(status) => reason.with_status(status),
            None => reason,
        })
    }

    /// What the trace tells, without body and assertions.
    pub(super) fn observation(&self, hint: String) -> Observation {
        let address = self.address.map(|address| address.to_string());
        Observation {
            status_code: self.status,
            address: address.unwrap_or_default(),
            redirects: self.redirects.clone(),
            certificate_not_after: self.certificate.as_ref().and_then(tls::not_after),
            hint,
            ..Observation::default()
        }
    }
}
