//! Errors of the system as outcomes: whose fault was it?
//!
//! Descriptors, ports and routes that *we* lack say nothing about the target. A network that is
//! unreachable is the target's only if the agent has a way out in that family of addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};

/// Why a check ended before there was an answer to judge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) hint: String,
}

impl Failure {
    /// The target's fault, or the road's.
    pub(super) fn down(code: ReasonCode, text: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Down(Reason::new(code, text)),
            hint: String::new(),
        }
    }

    /// Ours.
    pub(super) fn ours(code: ReasonCode, text: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Inconclusive(Reason::new(code, text)),
            hint: String::new(),
        }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// No descriptors left in this process; in the whole system. The numbers are those of Linux, the
/// BSDs and macOS.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// Whether the agent has run out of file descriptors.
pub(super) fn descriptors(error: &io::Error) -> Option<Failure> {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE)).then(|| {
        let text = "the agent has no file descriptors left";
        Failure::ours(ReasonCode::AgentDescriptors, text)
    })
}

/// The outcome of a connection that could not be made.
pub(super) fn connect(error: &io::Error, address: SocketAddr) -> Failure {
    use io::ErrorKind as Kind;
    if let Some(failure) = descriptors(error) {
        return failure;
    }
    match error.kind() {
        Kind::ConnectionRefused => Failure::down(
            ReasonCode::TcpRefused,
            format!("{address} refused the connection"),
        ),
        Kind::ConnectionReset | Kind::ConnectionAborted => Failure::down(
            ReasonCode::TcpReset,
            format!("{address} reset the connection"),
        ),
        Kind::TimedOut => Failure::down(
            ReasonCode::Timeout,
            format!("{address} did not answer: connecting"),
        ),
        // The kernel says the same for want of ports and for want of an address to come from.
        Kind::AddrNotAvailable if has_route(address) => {
            let text = format!("the agent has no local ports left towards {address}");
            Failure::ours(ReasonCode::AgentPorts, text)
        }
        Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable
            if !has_way_out(address.ip()) =>
        {
            let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
            Failure::ours(
                ReasonCode::AgentRoute,
                format!("the agent has no {family} route"),
            )
        }
        _ => Failure::down(
            ReasonCode::TcpUnreachable,
            format!("{address} is unreachable: {}", plain(error)),
        ),
    }
}

/// The outcome of a connection that broke.
pub(super) fn broken(error: &io::Error, doing: &str) -> Failure {
    use io::ErrorKind as Kind;
    if let Some(failure) = descriptors(error) {
        return failure;
    }
    match error.kind() {
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            Failure::down(ReasonCode::TcpReset, format!("connection reset {doing}"))
        }
        Kind::UnexpectedEof => Failure::down(
            ReasonCode::HttpProtocol,
            format!("connection closed {doing}"),
        ),
        Kind::TimedOut => Failure::down(ReasonCode::Timeout, format!("connection lost {doing}")),
        _ => Failure::down(
            ReasonCode::HttpProtocol,
            format!("connection broke {doing}: {}", plain(error)),
        ),
    }
}

/// The system's own words without its numbers.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// Whether a packet to this address would leave. Connecting a datagram socket asks the routing
/// table and sends nothing.
fn has_route(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect(address).is_ok())
}

/// Whether the agent reaches public addresses of this family at all.
fn has_way_out(ip: IpAddr) -> bool {
    /// Addresses that have been public for long; nothing is sent to them.
    const V4: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);
    const V6: Ipv6Addr = Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111);
    /// The discard port.
    const PORT: u16 = 9;
    match ip {
        IpAddr::V4(_) => has_route((V4, PORT).into()),
        IpAddr::V6(_) => has_route((V6, PORT).into()),
    }
}

#[cfg(test)]
mod tests;
