//! Golden values: computed apart from this code (Python's hashlib), pinned for ever.

use super::*;

fn monitor() -> MonitorId {
    "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5".parse().unwrap()
}

fn channel(last: u8) -> ChannelId {
    let mut bytes = [0; 16];
    bytes[15] = last;
    ChannelId::from_bytes(bytes)
}

const INTERVAL: Duration = Duration::from_secs(30);

fn at(rank: u16, regions: u16, replica: u16, replicas: u16) -> Duration {
    let place = Place::new(rank, regions, replica, replicas).unwrap();
    phase(monitor(), INTERVAL, place)
}

#[test]
fn h_is_the_start_of_sha_256() {
    assert_eq!(h(b""), 0xe3b0_c442_98fc_1c14);
    assert_eq!(h(b"abc"), 0xba78_16bf_8f01_cfea);
}

#[test]
fn golden_values_of_shard_and_phase_stand() {
    assert_eq!(h(monitor().as_bytes()), GOLDEN_H);
    assert_eq!(u64::from(shard(monitor())), GOLDEN_H % 64);
    let base = GOLDEN_H % 30_000;
    let millis = |n: u64| Duration::from_millis(n % 30_000);
    assert_eq!(at(0, 1, 0, 1), millis(base));
    assert_eq!(at(1, 3, 0, 1), millis(base + 10_000));
    assert_eq!(at(2, 3, 0, 1), millis(base + 20_000));
    assert_eq!(at(2, 3, 1, 2), millis(base + 25_000));
    assert_eq!(phase(monitor(), INTERVAL, Place::ALONE), at(0, 1, 0, 1));
}

#[test]
fn a_phase_lies_within_its_interval() {
    for millis in [1, 7, 1_000, 86_400_000] {
        let interval = Duration::from_millis(millis);
        for rank in 0..7 {
            let place = Place::new(rank, 7, 0, 1).unwrap();
            assert!(phase(monitor(), interval, place) < interval);
        }
    }
    assert_eq!(
        phase(monitor(), Duration::ZERO, Place::ALONE),
        Duration::ZERO
    );
}

#[test]
fn a_place_outside_its_totals_is_refused() {
    for (rank, regions, replica, replicas) in
        [(3, 3, 0, 1), (0, 0, 0, 1), (0, 1, 1, 1), (0, 1, 0, 0)]
    {
        assert!(Place::new(rank, regions, replica, replicas).is_err());
    }
}

#[test]
fn a_digest_forgets_what_was_counted_out_and_knows_no_order() {
    let other = MonitorId::from_bytes([7; 16]);
    let mut one = AssignmentDigest::EMPTY;
    one.add(monitor(), 1);
    assert_eq!(one.as_u64(), GOLDEN_ITEM);
    one.add(other, 2);
    let mut two = AssignmentDigest::EMPTY;
    two.add(other, 2);
    two.add(monitor(), 1);
    assert_eq!(one, two);
    one.remove(other, 2);
    one.remove(monitor(), 1);
    assert_eq!(one, AssignmentDigest::EMPTY);
}

#[test]
fn the_golden_value_of_a_spec_hash_stands() {
    let hash = |seconds| {
        let timeout = Duration::from_secs(seconds);
        spec_hash(
            Meaning(9),
            INTERVAL,
            timeout,
            Place::new(2, 3, 1, 2).unwrap(),
        )
    };
    assert_eq!(hash(10), GOLDEN_SPEC);
    assert_ne!(hash(10), hash(11));
}

#[test]
fn golden_values_of_derived_ids_stand() {
    let token = TokenId::from_bytes([1; 16]);
    assert_eq!(agent_id(token, "eu-west-1").to_string(), GOLDEN_AGENT);
    assert_ne!(agent_id(token, "eu-west-1"), agent_id(token, "eu-west-2"));
    let epoch = Epoch::from_bytes([2; 16]);
    assert_eq!(
        incident_id(epoch, monitor(), 3).to_string(),
        GOLDEN_INCIDENT
    );
    assert_ne!(
        incident_id(epoch, monitor(), 3),
        incident_id(epoch, monitor(), 4)
    );
    let now = Time::from_millis(1_772_359_323_004);
    assert_eq!(nonce(monitor(), now, 5), GOLDEN_NONCE);
}

#[test]
fn golden_values_of_notification_keys_stand() {
    let incident = RowSubject::Incident(IncidentId::from_bytes([3; 16]));
    let notice = notification_key(EPOCH, &incident, 1, channel(1), Purpose::Notice, 0);
    assert_eq!(notice, GOLDEN_NOTICE);
    let fallback = copy_key(&notice, channel(2));
    assert_eq!(fallback, GOLDEN_FALLBACK);
}

#[test]
fn notifications_that_differ_in_anything_share_no_key() {
    let incident = RowSubject::Incident(IncidentId::from_bytes([3; 16]));
    let test = RowSubject::Test("3".to_owned());
    let keys = [
        notification_key(EPOCH, &incident, 1, channel(1), Purpose::Notice, 0),
        notification_key(EPOCH, &incident, 2, channel(1), Purpose::Notice, 0),
        notification_key(EPOCH, &incident, 1, channel(2), Purpose::Notice, 0),
        notification_key(
            EPOCH,
            &incident,
            1,
            channel(1),
            Purpose::Fallback(channel(1)),
            0,
        ),
        notification_key(EPOCH, &incident, 1, channel(1), Purpose::Step, 0),
        notification_key(EPOCH, &incident, 1, channel(1), Purpose::Notice, 1),
        notification_key(EPOCH, &test, 1, channel(1), Purpose::Notice, 0),
        notification_key(
            Epoch::from_bytes([8; 16]),
            &incident,
            1,
            channel(1),
            Purpose::Notice,
            0,
        ),
        copy_key("msg_1", channel(1)),
        copy_key("msg_2", channel(1)),
        copy_key("msg_1", channel(2)),
    ];
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

const EPOCH: Epoch = Epoch::from_bytes([7; 16]);
const GOLDEN_H: u64 = 0xd68d_4a12_a167_49cf;
const GOLDEN_ITEM: u64 = 0xe2a4_3692_9680_39a8;
const GOLDEN_AGENT: &str = "c81bfddf-57c6-8289-bfec-a4e2e0ba8336";
const GOLDEN_INCIDENT: &str = "caa7562b-92ca-88f9-96b2-a0ae3fb2ed21";
const GOLDEN_NONCE: u64 = 0xaaf0_2fd8_6292_baa3;
const GOLDEN_NOTICE: &str = "msg_5658e321713b10015b5048079873c891";
const GOLDEN_FALLBACK: &str = "msg_d7eed0e7c10e8791f65c9cc526b3a258";
const GOLDEN_SPEC: u64 = 0xd540_6004_ddfd_63dc;
