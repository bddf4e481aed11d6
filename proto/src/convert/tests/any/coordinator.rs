//! What the coordinator says.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use vigilmon_common::id::{AgentId, Epoch, SessionId};
use vigilmon_common::session::assignment::Delta;
use vigilmon_common::session::messages::{
    Ack, CheckNow, CoordinatorMessage, Leave, Refused, RefusedWhy, Sync, Target, Welcome,
};

use super::super::SENT;
use super::*;
use crate::convert::*;

fn welcome() -> impl Strategy<Value = Welcome> {
    let sync = proptest::sample::select(vec![Sync::Resume, Sync::Snapshot]);
    let ids = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 16]>());
    (ids, any::<(u32, u32, u64)>(), 1..100_000_u64, sync, ms()).prop_map(
        |((session, agent, epoch), (protocol, credits, scope), pulse, sync, assignment_ttl)| {
            Welcome {
                session: SessionId::from_bytes(session),
                agent: AgentId::from_bytes(agent),
                protocol,
                credits,
                pulse: Duration::from_millis(pulse),
                epoch: Epoch::from_bytes(epoch),
                sync,
                scope,
                assignment_ttl,
                clock: SENT,
            }
        },
    )
}

fn check_now() -> impl Strategy<Value = CheckNow> {
    let what = prop_oneof![
        (monitor(), any::<u64>())
            .prop_map(|(monitor, revision)| Target::Monitor { monitor, revision }),
        (http(), 100..10_000_u64)
            .prop_map(|(http, timeout)| Target::Inline(Some(check(http, timeout)))),
        Just(Target::Inline(None)),
    ];
    let timeout = option::of((1..10_000_u64).prop_map(Duration::from_millis));
    (
        any::<u64>(),
        1..100_u32,
        ms(),
        ms(),
        timeout,
        what,
        any::<bool>(),
    )
        .prop_map(
            |(nonce, count, spacing, delay, timeout, what, answer)| CheckNow {
                nonce,
                count,
                spacing,
                delay,
                timeout,
                what,
                answer,
            },
        )
}

fn ack() -> impl Strategy<Value = Ack> {
    let why = proptest::sample::select(vec![
        RefusedWhy::MonitorGone,
        RefusedWhy::TooOld,
        RefusedWhy::ClockOff,
        RefusedWhy::Invalid,
    ]);
    let refused = (0..1000_u64, why).prop_map(|(seq, why)| Refused { seq, why });
    (1000..u64::MAX, vec(refused, 0..4), any::<u32>()).prop_map(|(seq, refused, credits)| Ack {
        seq,
        refused,
        credits,
    })
}

pub(in crate::convert::tests) fn coordinator_message() -> impl Strategy<Value = CoordinatorMessage>
{
    let why = proptest::sample::select(vec![Leave::Drain, Leave::Replaced, Leave::Revoked]);
    let delta = (
        position(),
        any::<u64>(),
        vec(assigned(), 0..3),
        vec(monitor(), 0..3),
    );
    prop_oneof![
        welcome().prop_map(CoordinatorMessage::Welcome),
        (position(), any::<u32>()).prop_map(|(position, monitors)| {
            CoordinatorMessage::SnapshotBegin { position, monitors }
        }),
        vec(assigned(), 0..3).prop_map(CoordinatorMessage::SnapshotPart),
        Just(CoordinatorMessage::SnapshotEnd),
        delta.prop_map(|(position, prev_revision, upserts, removes)| {
            CoordinatorMessage::Delta(Delta {
                position,
                prev_revision,
                upserts,
                removes,
            })
        }),
        check_now().prop_map(CoordinatorMessage::CheckNow),
        ack().prop_map(CoordinatorMessage::Ack),
        Just(CoordinatorMessage::Pulse { clock: SENT }),
        (any::<u64>(), vec(monitor(), 0..4))
            .prop_map(|(ask, monitors)| CoordinatorMessage::AskSummary { ask, monitors }),
        (ms(), why).prop_map(|(window, why)| CoordinatorMessage::GoAway { window, why }),
    ]
}
