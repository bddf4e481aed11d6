use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn policy(allow: &[&str]) -> AddressPolicy {
    AddressPolicy::new(allow.iter().map(|net| net.parse().unwrap()).collect())
}

#[test]
fn public_addresses_are_reachable_by_default() {
    for public in [
        "93.184.215.14",
        "1.1.1.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "64:ff9b::1.1.1.1",
    ] {
        assert_eq!(
            AddressPolicy::default().check(ip(public)),
            Ok(()),
            "{public}"
        );
    }
}

#[test]
fn every_other_address_is_denied_by_default() {
    let denied = [
        ("127.0.0.1", AddressClass::Loopback),
        ("127.255.0.9", AddressClass::Loopback),
        ("::1", AddressClass::Loopback),
        ("10.1.2.3", AddressClass::Private),
        ("172.31.255.255", AddressClass::Private),
        ("192.168.0.1", AddressClass::Private),
        ("100.64.0.1", AddressClass::Private),
        ("fd12::1", AddressClass::Private),
        ("fec0::1", AddressClass::Private),
        ("64:ff9b:1::1", AddressClass::Private),
        ("169.254.1.1", AddressClass::LinkLocal),
        ("fe80::1", AddressClass::LinkLocal),
        ("169.254.169.254", AddressClass::Metadata),
        ("100.100.100.200", AddressClass::Metadata),
        ("168.63.129.16", AddressClass::Metadata),
        ("fd00:ec2::254", AddressClass::Metadata),
        ("224.0.0.1", AddressClass::Multicast),
        ("ff02::1", AddressClass::Multicast),
        ("0.0.0.0", AddressClass::Unspecified),
        ("::", AddressClass::Unspecified),
        ("255.255.255.255", AddressClass::Reserved),
        ("240.0.0.1", AddressClass::Reserved),
        ("192.0.2.1", AddressClass::Reserved),
        ("2001:db8::1", AddressClass::Reserved),
        ("2001::1", AddressClass::Reserved),
        ("100::1", AddressClass::Reserved),
    ];
    for (address, class) in denied {
        let refused = AddressPolicy::default().check(ip(address)).unwrap_err();
        assert_eq!(refused.class, class, "{address}");
    }
}

#[test]
fn an_address_inside_another_form_is_judged_by_itself() {
    for hidden in [
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2606::5efe:7f00:1",
    ] {
        let refused = AddressPolicy::default().check(ip(hidden)).unwrap_err();
        assert_eq!(
            (refused.ip, refused.class),
            (ip("127.0.0.1"), AddressClass::Loopback),
            "{hidden}"
        );
    }
    assert_eq!(
        policy(&["127.0.0.0/8"]).check(ip("::ffff:127.0.0.1")),
        Ok(())
    );
}

#[test]
fn a_wide_range_opens_neither_metadata_nor_link_local() {
    let wide = policy(&["0.0.0.0/0", "::/0"]);
    assert_eq!(wide.check(ip("10.0.0.1")), Ok(()));
    assert_eq!(wide.check(ip("::1")), Ok(()));
    for closed in [
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "fd00:ec2::254",
        "224.0.0.1",
        "0.0.0.0",
    ] {
        assert!(wide.check(ip(closed)).is_err(), "{closed}");
    }
    let exact = policy(&["169.254.169.254/32", "fe80::1/128"]);
    assert_eq!(exact.check(ip("169.254.169.254")), Ok(()));
    assert_eq!(exact.check(ip("fe80::1")), Ok(()));
}

#[test]
fn two_policies_together_only_tighten() {
    let both = policy(&["10.0.0.0/8", "127.0.0.0/8"]).and(policy(&["10.0.0.0/8"]));
    assert_eq!(both.check(ip("10.1.1.1")), Ok(()));
    assert!(both.check(ip("127.0.0.1")).is_err());
    assert!(
        both.and(AddressPolicy::default())
            .check(ip("10.1.1.1"))
            .is_err()
    );
}

#[test]
fn the_local_policy_allows_loopback_and_private_addresses_only() {
    let local = AddressPolicy::local();
    for open in [
        "127.0.0.1",
        "::1",
        "10.0.0.1",
        "172.20.0.1",
        "192.168.1.1",
        "fd00::1",
    ] {
        assert_eq!(local.check(ip(open)), Ok(()), "{open}");
    }
    for closed in [
        "169.254.169.254",
        "fe80::1",
        "100.100.100.200",
        "fd00:ec2::254",
    ] {
        assert!(local.check(ip(closed)).is_err(), "{closed}");
    }
}

#[test]
fn a_refusal_says_what_would_allow_it() {
    let refused = AddressPolicy::default().check(ip("10.0.0.7")).unwrap_err();
    assert_eq!(refused.to_string(), "10.0.0.7 is a private address");
    assert!(
        refused.remedy().contains("--allow-net 10.0.0.7/32"),
        "{}",
        refused.remedy()
    );
}

proptest! {
    #[test]
    fn a_policy_combined_with_another_allows_no_more_than_either(
        address in any::<IpAddr>(), base in any::<Ipv4Addr>(), prefix in 0_u8..=32,
    ) {
        let one = AddressPolicy::new(vec![IpNet::new(base.into(), prefix).unwrap()]);
        let both = one.clone().and(AddressPolicy::local());
        if both.check(address).is_ok() {
            prop_assert!(one.check(address).is_ok() && AddressPolicy::local().check(address).is_ok());
        }
    }

    #[test]
    fn a_mapped_address_is_judged_like_the_plain_one(address in any::<Ipv4Addr>()) {
        let policy = AddressPolicy::default();
        prop_assert_eq!(
            policy.check(address.into()),
            policy.check(address.to_ipv6_mapped().into())
        );
    }
}
