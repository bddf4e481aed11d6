//! What one check told us, and whose fault it was.

use std::fmt;
use std::str::FromStr;

/// What one check saw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The target answered as the monitor demands.
    Up,
    /// It answered, but slower or closer to expiry than the monitor likes. Counts as up.
    Degraded(Reason),
    /// The target, or the road to it, failed. Counts as a down vote.
    Down(Reason),
    /// *We* failed: no file descriptors, no local resolver, overload. Never a vote.
    Inconclusive(Reason),
}

impl Outcome {
    /// The outcome without its reason.
    #[must_use]
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Up => OutcomeKind::Up,
            Self::Degraded(_) => OutcomeKind::Degraded,
            Self::Down(_) => OutcomeKind::Down,
            Self::Inconclusive(_) => OutcomeKind::Inconclusive,
        }
    }

    /// Why it is not simply up.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Up => None,
            Self::Degraded(reason) | Self::Down(reason) | Self::Inconclusive(reason) => {
                Some(reason)
            }
        }
    }

    /// Whether it may make a vote.
    #[must_use]
    pub const fn is_conclusive(&self) -> bool {
        !matches!(self, Self::Inconclusive(_))
    }

    /// Whether it counts as a failure of the target.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        matches!(self, Self::Down(_))
    }
}

/// An [`Outcome`] without its reason: what metrics, tables and JSON name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum OutcomeKind {
    /// See [`Outcome::Up`].
    Up,
    /// See [`Outcome::Degraded`].
    Degraded,
    /// See [`Outcome::Down`].
    Down,
    /// See [`Outcome::Inconclusive`].
    Inconclusive,
}

impl OutcomeKind {
    /// The word for it in JSON, metrics and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Longest text of a reason, in bytes; longer ones are cut when they are made.
pub const REASON_TEXT_MAX: usize = 300;

/// Why an outcome, a transition or a decision is as it is: a stable code and one line for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reason {
    /// The stable code.
    pub code: ReasonCode,
    /// One line, such as `503 Service Unavailable`; carries no secret.
    pub text: String,
    /// The HTTP status, where there was one.
    pub status_code: Option<u16>,
}

impl Reason {
    /// A reason whose text is cut to one line of at most [`REASON_TEXT_MAX`] bytes.
    #[must_use]
    pub fn new(code: ReasonCode, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if let Some(end) = text.find(['\n', '\r']) {
            text.truncate(end);
        }
        if text.len() > REASON_TEXT_MAX {
            let mut end = REASON_TEXT_MAX - '…'.len_utf8();
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push('…');
        }
        Self {
            code,
            text,
            status_code: None,
        }
    }

    /// The same with the HTTP status that was seen.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status_code = Some(status);
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() {
            f.write_str(self.code.as_str())
        } else {
            f.write_str(&self.text)
        }
    }
}

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// The stable reason codes.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum ReasonCode {
            $($(#[$doc])* $variant,)*
        }

        impl ReasonCode {
            /// Every code, in the order of their definition.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as JSON, metrics and logs spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl FromStr for ReasonCode {
            type Err = UnknownReasonCode;
            fn from_str(text: &str) -> Result<Self, UnknownReasonCode> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(UnknownReasonCode(text.to_owned())),
                }
            }
        }
    };
}

/// A reason code that this version does not know.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a reason code that this version knows")]
pub struct UnknownReasonCode(String);

reason_codes! {
    /// The status was not one of those expected.
    HttpStatus = "http_status";
    /// A header was not as expected.
    HttpHeader = "http_header";
    /// The body did not contain, or did contain, what it should (not).
    HttpBody = "http_body";
    /// A JSON assertion did not hold.
    HttpJson = "http_json";
    /// The body was longer than is read, and an assertion was not met within that.
    HttpBodyTruncated = "http_body_truncated";
    /// The header section was longer than is read.
    HttpHeadersTooLarge = "http_headers_too_large";
    /// The answer was not HTTP.
    HttpProtocol = "http_protocol";
    /// More redirects than allowed, or one that leads nowhere.
    HttpRedirects = "http_redirects";
    /// Slower than the monitor's limit.
    Latency = "latency";
    /// The timeout passed; the text names the phase.
    Timeout = "timeout";
    /// The name does not exist.
    DnsNxdomain = "dns_nxdomain";
    /// The name could not be resolved.
    DnsFailure = "dns_failure";
    /// The connection was refused.
    TcpRefused = "tcp_refused";
    /// The connection was reset.
    TcpReset = "tcp_reset";
    /// No route to the address.
    TcpUnreachable = "tcp_unreachable";
    /// The certificate is of no trusted authority.
    TlsUntrusted = "tls_untrusted";
    /// The certificate has expired.
    TlsExpired = "tls_expired";
    /// The certificate is not valid yet.
    TlsNotYetValid = "tls_not_yet_valid";
    /// The certificate is for other names.
    TlsWrongHost = "tls_wrong_host";
    /// The TLS handshake failed otherwise.
    TlsHandshake = "tls_handshake";
    /// The certificate expires soon.
    CertificateExpiring = "certificate_expiring";
    /// The address is denied by the agent's policy.
    AddressDenied = "address_denied";
    /// No ping came in time.
    HeartbeatMissed = "heartbeat_missed";
    /// The job said that it failed.
    HeartbeatFailed = "heartbeat_failed";
    /// A run took longer than allowed.
    HeartbeatOverrun = "heartbeat_overrun";
    /// The monitor was removed.
    MonitorRemoved = "monitor_removed";
    /// The monitor was paused.
    MonitorPaused = "monitor_paused";
    /// The agent has no file descriptors left.
    AgentDescriptors = "agent_descriptors";
    /// The agent has no route at all.
    AgentRoute = "agent_route";
    /// The agent's resolver does not answer.
    AgentResolver = "agent_resolver";
    /// The agent has no local ports left.
    AgentPorts = "agent_ports";
    /// The agent's clock jumped.
    AgentClock = "agent_clock";
    /// The agent could not start the check in time.
    AgentOverload = "agent_overload";
    /// The agent cannot do this kind of check.
    AgentCapability = "agent_capability";
    /// A region with monitors has no agent.
    RegionLost = "region_lost";
    /// A channel fails.
    ChannelFailing = "channel_failing";
    /// A store fails.
    StoreFailing = "store_failing";
    /// A clock is off.
    ClockOff = "clock_off";
    /// Pings were due while Vigilmon could not hear them.
    OwnDowntime = "own_downtime";
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_code_survives_its_text_form() {
        for &code in ReasonCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
        assert!("no_such_code".parse::<ReasonCode>().is_err());
    }

    #[test]
    fn a_reason_is_one_bounded_line() {
        let reason = Reason::new(ReasonCode::HttpBody, format!("{}\nsecond", "ä".repeat(400)));
        assert!(reason.text.len() <= REASON_TEXT_MAX && !reason.text.contains("second"));
        assert!(reason.text.ends_with('…'));
    }
}
