use super::*;

fn reason(failure: &Failure) -> (bool, ReasonCode) {
    let reason = failure.outcome.reason().unwrap();
    (failure.outcome.is_down(), reason.code)
}

fn connecting(kind: io::ErrorKind) -> (bool, ReasonCode) {
    reason(&connect(&kind.into(), "127.0.0.1:80".parse().unwrap()))
}

#[test]
fn want_of_descriptors_is_ours_wherever_it_strikes() {
    for errno in [23, 24] {
        let error = io::Error::from_raw_os_error(errno);
        let address = "127.0.0.1:80".parse().unwrap();
        for failure in [connect(&error, address), broken(&error, "before an answer")] {
            assert_eq!(reason(&failure), (false, ReasonCode::AgentDescriptors));
        }
    }
}

#[test]
fn want_of_ports_is_ours_where_there_is_a_route() {
    assert_eq!(
        connecting(io::ErrorKind::AddrNotAvailable),
        (false, ReasonCode::AgentPorts)
    );
}

#[test]
fn what_the_road_says_is_held_against_the_target() {
    assert_eq!(
        connecting(io::ErrorKind::ConnectionRefused),
        (true, ReasonCode::TcpRefused)
    );
    assert_eq!(
        connecting(io::ErrorKind::ConnectionReset),
        (true, ReasonCode::TcpReset)
    );
    assert_eq!(
        connecting(io::ErrorKind::HostUnreachable),
        (true, ReasonCode::TcpUnreachable)
    );
    assert_eq!(
        connecting(io::ErrorKind::TimedOut),
        (true, ReasonCode::Timeout)
    );
}

#[test]
fn an_unreachable_network_is_the_targets_only_if_we_have_a_way_out() {
    for (address, public) in [
        ("10.0.0.1:80", has_way_out(Ipv4Addr::LOCALHOST.into())),
        ("[fd00::1]:80", has_way_out(Ipv6Addr::LOCALHOST.into())),
    ] {
        let error = io::ErrorKind::NetworkUnreachable.into();
        let expected = if public {
            (true, ReasonCode::TcpUnreachable)
        } else {
            (false, ReasonCode::AgentRoute)
        };
        assert_eq!(
            reason(&connect(&error, address.parse().unwrap())),
            expected,
            "{address}"
        );
    }
}

#[test]
fn the_systems_numbers_are_left_out() {
    let error = io::Error::from_raw_os_error(113);
    let failure = connect(&error, "127.0.0.1:80".parse().unwrap());
    assert!(!failure.outcome.reason().unwrap().text.contains("os error"));
}
