//! `vigilmon incident list`: a line for each, which says what happened to what, however narrow the
//! terminal is.

use vigilmon_common::outcome::ReasonCode;
use vigilmon_proto::v1;

use super::{name, status};
use crate::format;
use crate::output::{self, GAP};

/// So much of an id is shown at least; more where that alone is not the only one.
const ID_SHOWN_MIN: usize = 8;
/// With less room reasons are left out.
const REASON_MIN: usize = 10;

const HEAD: [&str; 4] = ["ID", "STATUS", "STARTED (UTC)", "WHAT…"];

/// Prints them.
pub(super) fn print(all: &[v1::Incident]) {
    let shown = id_shown(all.iter().map(|one| one.id.as_str()).collect());
    let row = |one: &v1::Incident| {
        [
            one.id.chars().take(shown).collect(),
            status(one),
            format::minute_text(one.start_time.as_ref()),
            what(one),
        ]
    };
    let rows: Vec<[String; 4]> = all.iter().map(row).collect();
    let room = room(&rows, output::width());
    if room < REASON_MIN {
        return output::table(HEAD, rows);
    }
    let [id, state, started, happened] = HEAD;
    let reasons = all.iter().map(|one| {
        let reason = format::reason_text(one.reason.as_ref());
        cut(&reason, room)
    });
    let rows = rows.into_iter().zip(reasons).map(|(row, reason)| {
        let [id, state, started, happened] = row;
        [id, state, started, happened, reason]
    });
    output::table([id, state, started, happened, "REASON"], rows.collect());
}

/// What a line has left for a reason: what happened to what is not shortened for why.
fn room(rows: &[[String; 4]], width: usize) -> usize {
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        let head = HEAD[column].trim_end_matches('…').len();
        cells.chain([head]).max().unwrap_or_default()
    };
    let taken: usize = (0..HEAD.len())
        .map(|column| widest(column) + usize::from(GAP))
        .sum();
    width.saturating_sub(taken)
}

/// The beginning of a text that is too long.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// How many characters tell all of these ids apart; commands take as many.
fn id_shown(mut ids: Vec<&str>) -> usize {
    ids.sort_unstable();
    ids.dedup();
    let same = |pair: &[&str]| {
        let both = pair[0].chars().zip(pair[1].chars());
        both.take_while(|(a, b)| a == b).count()
    };
    let longest = ids.windows(2).map(same).max();
    longest.map_or(ID_SHOWN_MIN, |same| ID_SHOWN_MIN.max(same + 1))
}

/// What happened to what, in the words of messages: `MISSED nightly_cleanup`.
fn what(incident: &v1::Incident) -> String {
    let Some(v1::incident::Subject::Monitor(_)) = incident.subject else {
        return name(incident);
    };
    let reason = incident.reason.as_ref();
    let code = reason.map_or("", |reason| reason.code.as_str());
    let is = |of: ReasonCode| code == of.as_str();
    let word = match incident.scope() {
        _ if is(ReasonCode::HeartbeatMissed) => "MISSED",
        _ if is(ReasonCode::HeartbeatFailed) => "FAILED",
        _ if is(ReasonCode::HeartbeatOverrun) => "OVERRUN",
        v1::Scope::Regional => "REGIONAL",
        _ => "DOWN",
    };
    format!("{word} {}", name(incident))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_as_long_as_it_must_be_to_be_the_only_one() {
        assert_eq!(id_shown(Vec::new()), 8);
        let alone = "0199f2c4-77a0-7d51-9b3e-6a1f0c2d4e58";
        assert_eq!(id_shown(vec![alone]), 8);
        // Of one minute, and of one millisecond.
        let later = "0199f2c4-88a0-7d51-9b3e-6a1f0c2d4e58";
        assert_eq!(id_shown(vec![alone, "0199f2c5-77a0", later]), 10);
        let same = "0199f2c4-77a0-7d52-9b3e-6a1f0c2d4e58";
        assert_eq!(id_shown(vec![same, later, alone]), 18);
    }

    #[test]
    fn a_reason_has_the_room_that_the_rest_leaves() {
        let row = ["36cc48ca", "resolved", "2026-11-27 01:06", "MISSED job"].map(str::to_owned);
        let rows = [row];
        assert_eq!(room(&rows, 80), 80 - 8 - 8 - 16 - 10 - 8);
        assert_eq!(room(&rows, 40), 0);
        assert_eq!(cut("no ping since 01:06", 19), "no ping since 01:06");
        assert_eq!(cut("no ping since 01:06", 9), "no ping…");
    }

    #[test]
    fn what_happened_is_said_in_the_words_of_messages() {
        let of = |code: &str, scope: v1::Scope| {
            let facts = v1::MonitorFacts {
                name: "job".to_owned(),
                ..Default::default()
            };
            what(&v1::Incident {
                scope: scope.into(),
                subject: Some(v1::incident::Subject::Monitor(facts)),
                reason: Some(v1::Reason {
                    code: code.to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            })
        };
        let global = v1::Scope::Global;
        assert_eq!(of("heartbeat_missed", global), "MISSED job");
        assert_eq!(of("heartbeat_failed", global), "FAILED job");
        assert_eq!(of("heartbeat_overrun", global), "OVERRUN job");
        assert_eq!(of("http_status", global), "DOWN job");
        assert_eq!(of("http_status", v1::Scope::Regional), "REGIONAL job");
    }
}
