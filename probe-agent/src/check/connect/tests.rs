use std::io;
use std::net::TcpListener;

use tokio::net::TcpSocket;

use super::*;

fn ips(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|ip| ip.parse().unwrap()).collect()
}

fn local(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap()
}

/// A port that nobody else gets, and on which nobody listens.
fn closed_port() -> (TcpSocket, SocketAddr) {
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    (taken, address)
}

#[tokio::test]
async fn the_next_address_is_tried_at_once_when_one_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_taken, closed) = closed_port();
    let (_, address) = race(closed, [local(&listener)].into()).await.unwrap();
    assert_eq!(address, local(&listener));
}

#[tokio::test]
async fn when_every_address_fails_the_first_failure_tells() {
    let ((_taken, first), (_also, second)) = (closed_port(), closed_port());
    let failure = race(first, [second].into()).await.unwrap_err();
    let text = format!("{first} refused the connection");
    assert_eq!(failure, Failure::down(ReasonCode::TcpRefused, text));
}

#[test]
fn families_take_turns_beginning_with_the_first() {
    let order = interleaved(ips(&["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"]), 80);
    let hosts: Vec<IpAddr> = order.iter().map(SocketAddr::ip).collect();
    assert_eq!(hosts, ips(&["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]));
    let order = interleaved(ips(&["127.0.0.1", "::1"]), 80);
    assert!(order[0].is_ipv4());
    let many: Vec<IpAddr> = (0..100_u8).map(|n| [10, 0, 0, n].into()).collect();
    assert!(interleaved(many, 80).len() <= ADDRESSES_MAX + 1);
}

#[test]
fn denied_addresses_are_left_out_and_refused_when_nothing_else_is_there() {
    let policy = AddressPolicy::default();
    let mixed = permitted(ips(&["10.0.0.1", "1.1.1.1"]), &policy).unwrap();
    assert_eq!(mixed, ips(&["1.1.1.1"]));
    let denied = permitted(ips(&["10.0.0.1", "::1"]), &policy).unwrap_err();
    let reason = denied.outcome.reason().unwrap();
    assert_eq!(reason.code, ReasonCode::AddressDenied);
    assert_eq!(
        reason.text,
        "10.0.0.1 is a private address, which this agent may not reach"
    );
    assert!(denied.hint.contains("--allow-net 10.0.0.1/32"));
}

#[test]
fn of_several_failures_the_one_that_tells_most_is_kept() {
    let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let failed = |errno| failure::connect(&io::Error::from_raw_os_error(errno), address);
    let refused = failure::connect(&io::ErrorKind::ConnectionRefused.into(), address);
    let (descriptors, no_route) = (failed(24), Failure::ours(ReasonCode::AgentRoute, ""));
    assert_eq!(telling(Some(no_route.clone()), refused.clone()), refused);
    assert_eq!(telling(Some(refused.clone()), no_route), refused);
    assert_eq!(telling(Some(refused), descriptors.clone()), descriptors);
}
