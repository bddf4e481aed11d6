//! What must hold after every input, whatever it was.

use super::*;

pub(super) fn check(
    state: &MonitorState,
    before: Option<&Incident>,
    effects: &[Effect],
    now: Time,
) {
    let mut open = before.cloned();
    for effect in effects {
        match effect {
            Effect::Transition(incident) => {
                check_transition(state, open.as_ref(), incident, now);
                open = incident.is_open().then(|| (**incident).clone());
            }
            Effect::CheckNow(check) => assert!(check.count > 0 && check.spacing >= secs(1)),
            Effect::Status { from, to } => assert_ne!(from, to),
            Effect::Save => {}
        }
    }
    let ids = (open.map(|i| i.id), state.incident().map(|i| i.id));
    assert_eq!(
        ids.0, ids.1,
        "an incident came or went without a transition"
    );
    if let Some(incident) = state.incident() {
        assert!(incident.is_open() && !incident.named.is_empty());
        assert!(incident.named.is_sorted());
        assert!(incident.started_at <= incident.decided_at && incident.decided_at <= now);
    }
    let refuted = state.rules.quorum.is_refuted(state.count.up);
    assert!(!(state.rules.quorum.is_met(state.count.down) && refuted));
    if let Some(wake) = state.next_wake() {
        assert!(wake > now, "a timer in the past");
    }
}

fn check_transition(state: &MonitorState, before: Option<&Incident>, after: &Incident, now: Time) {
    let last = after.transitions.last().unwrap();
    assert_eq!(last.at, now);
    assert_eq!(after.transitions.len(), usize::try_from(last.seq).unwrap());
    let status = |incident: &Incident| incident.status;
    let allowed = match last.kind {
        TransitionKind::Opened => before.is_none() && after.status == IncidentStatus::Open,
        TransitionKind::Widened => {
            let from = before.map(|i| i.scope);
            from == Some(Scope::Regional) && after.status == IncidentStatus::Open
        }
        TransitionKind::Narrowed => {
            let from = before.map(|i| i.scope);
            from == Some(Scope::Global) && before.map(status) == Some(after.status)
        }
        TransitionKind::Acknowledged => after.status == IncidentStatus::Acknowledged,
        TransitionKind::Commented => before.map(status) == Some(after.status),
        TransitionKind::Flapping => false,
        TransitionKind::Resolved => before.is_some() && !after.is_open(),
    };
    assert!(
        allowed,
        "{:?} from {:?}",
        last.kind,
        before.map(|i| (i.status, i.scope))
    );
    if let Some(before) = before {
        assert_eq!(before.id, after.id, "two open incidents");
        assert_eq!(before.started_at, after.started_at);
        assert_eq!(
            before.transitions[..],
            after.transitions[..before.transitions.len()]
        );
    }
    check_proof(state, before, after);
}

/// The evidence proves what was decided, and the votes of the moment allow it.
fn check_proof(state: &MonitorState, before: Option<&Incident>, after: &Incident) {
    let last = after.transitions.last().unwrap();
    let evidence = last.evidence.as_ref();
    let quorum = state.rules.quorum;
    if let Some(evidence) = evidence {
        assert!(!evidence.rule.is_empty() && !evidence.otherwise.is_empty());
        assert_eq!(usize::from(quorum.assigned()), evidence.regions.len());
        let confirmed = evidence.regions.iter().filter(|r| r.confirmed).count();
        let opens = matches!(last.kind, TransitionKind::Opened | TransitionKind::Widened);
        if opens && after.scope == Scope::Global {
            assert!(confirmed >= usize::from(quorum.required()));
        }
    }
    if let (Some(before), Some(resolution)) = (before, after.resolution) {
        let (ended, resolved) = (after.ended_at.unwrap(), after.resolved_at.unwrap());
        assert!(ended >= after.started_at && resolved >= ended);
        let unhealed = state
            .areas
            .iter()
            .filter(|area| before.named.contains(&area.region) && !area.healed);
        match resolution {
            Resolution::Recovered => assert_eq!(unhealed.count(), 0),
            Resolution::Unobserved => assert!(unhealed.count() > 0),
            Resolution::Refuted => assert!(state.rules.regional_after.is_none()),
            Resolution::Forced
            | Resolution::Paused
            | Resolution::Removed
            | Resolution::Reassigned => {}
        }
    }
}
