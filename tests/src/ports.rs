//! Ports for servers that cannot be told to take any free one.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the system takes ports for outgoing connections, so that none of
/// those is in the way when a server comes back to its port.
const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;

/// A port on which nobody listens and that this process hands out once.
#[must_use]
pub fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % u32::from(COUNT)).expect("it was reduced");
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = (u32::from(process) * 61 + u32::from(step)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("it was reduced");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
