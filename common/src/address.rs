//! Which addresses may be reached: the guard against being used to look into private networks.
//!
//! Enforced on the *resolved* address at connect, for each redirect and retry, literals included;
//! names say nothing. What is not reachable by everybody is denied unless the operator allowed
//! it. Link-local and metadata addresses are allowed only one by one: a wide range does not open
//! them. Forms that carry an IPv4 address inside (mapped, NAT64, 6to4) are judged by that one.
//!
//! The policy of the agent is the law; others combine with it by [`AddressPolicy::and`], which
//! can only tighten.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Which addresses may be reached.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AddressPolicy {
    allow: Vec<IpNet>,
    /// What must hold as well.
    also: Vec<Vec<IpNet>>,
}

/// Why an address is not simply public.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressClass {
    /// This machine.
    Loopback,
    /// A private or shared network.
    Private,
    /// Only on the same link.
    LinkLocal,
    /// Where clouds hand out credentials.
    Metadata,
    /// A group of receivers.
    Multicast,
    /// No address: `0.0.0.0`, `::`.
    Unspecified,
    /// Kept for documentation, protocols or the future.
    Reserved,
}

/// An address that the policy denies.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{ip} is {}", .class.as_str())]
pub struct Denied {
    /// The address, or the IPv4 address inside it.
    pub ip: IpAddr,
    /// Of what class it is.
    pub class: AddressClass,
}

impl Denied {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self.class {
            AddressClass::Multicast | AddressClass::Unspecified => {
                "use the address of a single machine".to_owned()
            }
            AddressClass::Loopback
            | AddressClass::Private
            | AddressClass::LinkLocal
            | AddressClass::Metadata
            | AddressClass::Reserved => format!(
                "to allow it, start the agents with --allow-net {}",
                IpNet::from(self.ip)
            ),
        }
    }
}

impl AddressClass {
    /// The class as a sentence names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud metadata address",
            Self::Multicast => "a multicast address",
            Self::Unspecified => "an unspecified address",
            Self::Reserved => "a reserved address",
        }
    }

    /// The class of an address; `None` for one that everybody may reach.
    #[must_use]
    pub fn of(ip: IpAddr) -> Option<Self> {
        if METADATA.contains(&ip) {
            return Some(Self::Metadata);
        }
        match ip {
            IpAddr::V4(v4) => class_v4(v4),
            IpAddr::V6(v6) => class_v6(v6),
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl AddressPolicy {
    /// Public addresses, and those in `allow`.
    #[must_use]
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self {
            allow,
            also: Vec::new(),
        }
    }

    /// Public addresses, loopback and private networks: what `up` does while it is reachable
    /// only from its own machine.
    #[must_use]
    pub fn local() -> Self {
        let v4 = |a, b, prefix| (IpAddr::from(Ipv4Addr::new(a, b, 0, 0)), prefix);
        let v6 = |first, last, prefix| (IpAddr::from([first, 0, 0, 0, 0, 0, 0, last]), prefix);
        let ranges = [
            v4(127, 0, 8),
            v4(10, 0, 8),
            v4(172, 16, 12),
            v4(192, 168, 16),
            v4(100, 64, 10),
            v6(0, 1, 128),
            v6(0xfc00, 0, 7),
        ];
        let net = |(ip, prefix)| IpNet::new(ip, prefix).expect("the prefixes fit their family");
        Self::new(ranges.into_iter().map(net).collect())
    }

    /// The same with further ranges allowed.
    #[must_use]
    pub fn with(mut self, allow: impl IntoIterator<Item = IpNet>) -> Self {
        self.allow.extend(allow);
        self
    }

    /// What both allow.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.also.push(other.allow);
        self.also.extend(other.also);
        self
    }

    /// The ranges that are allowed beside public addresses, to be printed at the start.
    #[must_use]
    pub fn allowed(&self) -> &[IpNet] {
        &self.allow
    }

    /// Whether an address may be reached.
    ///
    /// # Errors
    /// It is of a class that is denied, and not allowed here.
    pub fn check(&self, ip: IpAddr) -> Result<(), Denied> {
        let ip = inner(ip);
        let Some(class) = AddressClass::of(ip) else {
            return Ok(());
        };
        let mut layers = std::iter::once(&self.allow).chain(&self.also);
        if layers.all(|allow| allow.iter().any(|net| opens(*net, ip, class))) {
            Ok(())
        } else {
            Err(Denied { ip, class })
        }
    }
}

/// Whether an allowed range opens an address of this class.
fn opens(net: IpNet, ip: IpAddr, class: AddressClass) -> bool {
    if !net.contains(&ip) {
        return false;
    }
    match class {
        AddressClass::Loopback | AddressClass::Private | AddressClass::Reserved => true,
        AddressClass::LinkLocal | AddressClass::Metadata => {
            net.prefix_len() == net.max_prefix_len()
        }
        AddressClass::Multicast | AddressClass::Unspecified => false,
    }
}

/// Addresses at which clouds hand out credentials. `169.254.169.254` is link-local as well; the
/// others lie in private or even public ranges.
const METADATA: [IpAddr; 8] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// The IPv4 address inside an IPv6 form of it, else the address itself.
fn inner(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        // mapped, and the translated form of RFC 2765
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) => v4(g, h),
        // NAT64's well-known prefix
        (0x64, 0xff9b, 0, 0, 0, 0) => v4(g, h),
        // 6to4
        (0x2002, high, low, _, _, _) => v4(high, low),
        // the deprecated compatible form, but not `::` and `::1`
        (0, 0, 0, 0, 0, 0) if g != 0 => v4(g, h),
        // ISATAP
        (_, _, _, _, 0 | 0x0200, 0x5efe) => v4(g, h),
        _ => ip,
    }
}

fn class_v4(ip: Ipv4Addr) -> Option<AddressClass> {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (0, _, _) => Some(AddressClass::Unspecified),
        (127, _, _) => Some(AddressClass::Loopback),
        (10, _, _) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => {
            Some(AddressClass::Private)
        }
        (169, 254, _) => Some(AddressClass::LinkLocal),
        (224..=239, _, _) => Some(AddressClass::Multicast),
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) => {
            Some(AddressClass::Reserved)
        }
        (198, 18 | 19, _) | (240..=255, _, _) => Some(AddressClass::Reserved),
        _ => None,
    }
}

fn class_v6(ip: Ipv6Addr) -> Option<AddressClass> {
    let [a, b, c, ..] = ip.segments();
    match (a, b, c) {
        _ if ip.is_unspecified() => Some(AddressClass::Unspecified),
        _ if ip.is_loopback() => Some(AddressClass::Loopback),
        (0xfe80..=0xfebf, _, _) => Some(AddressClass::LinkLocal),
        // unique local; site local, long deprecated
        (0xfc00..=0xfdff | 0xfec0..=0xfeff, _, _) => Some(AddressClass::Private),
        // an operator's own NAT64 prefix leads where the operator wants
        (0x64, 0xff9b, 1) => Some(AddressClass::Private),
        (0xff00..=0xffff, _, _) => Some(AddressClass::Multicast),
        // protocol assignments with Teredo, documentation, segment routing
        (0x2001, 0..=0x1ff | 0xdb8, _) | (0x3fff, 0..=0xfff, _) | (0x5f00, _, _) => {
            Some(AddressClass::Reserved)
        }
        // everything public lies in 2000::/3
        (0x2000..=0x3fff, _, _) => None,
        _ => Some(AddressClass::Reserved),
    }
}

#[cfg(test)]
mod tests;
