//! Evidence: what a decision rested on, the rule that made it, and what would have changed it;
//! enough to answer "why was I paged?" for ever, whatever is edited later.

use std::time::Duration;

use super::MonitorState;
use super::area::Area;
use super::scope::NARROW_AFTER;
use super::seat::{Seat, Vote};
use crate::incident::{AgentEvidence, Evidence, RegionEvidence, Standing};
use crate::time::Time;

/// A decision, as far as its evidence words it differently.
pub(super) enum Decided<'a> {
    OpenedGlobal,
    /// The places of the regions whose failure lasted.
    OpenedRegional(&'a [usize]),
    Widened,
    Narrowed,
    Recovered,
    Unobserved,
    Refuted,
    ByHand,
    Paused,
    Removed,
    Reassigned,
}

impl MonitorState {
    /// The evidence of a decision made now; the areas must have been counted now.
    pub(super) fn evidence(&self, decided: &Decided<'_>, now: Time) -> Evidence {
        let (rule, otherwise) = self.wording(decided);
        let places = 0..self.areas.len();
        Evidence {
            rule,
            policy: self.rules.policy.to_string(),
            required: self.rules.quorum.required(),
            otherwise,
            regions: places
                .map(|place| self.region_evidence(place, now))
                .collect(),
            heartbeat: None,
        }
    }

    fn region_evidence(&self, place: usize, now: Time) -> RegionEvidence {
        let area = &self.areas[place];
        let (standing, because) = self.standing(place, now);
        let mut agents: Vec<AgentEvidence> = self
            .seats_of(place)
            .map(|seat| agent_evidence(seat, now))
            .collect();
        agents.sort_by_key(|agent| agent.agent);
        RegionEvidence {
            region: area.region.clone(),
            standing,
            confirmed: area.confirmed,
            because,
            agents,
        }
    }

    /// How a region stands, and why it has no vote if it has none.
    pub(super) fn standing(&self, place: usize, now: Time) -> (Standing, String) {
        match self.areas[place].vote {
            Some(Vote::Down) => (Standing::Failing, String::new()),
            Some(Vote::Up) => (Standing::Passing, String::new()),
            None => {
                let voted = |seat: &&Seat| seat.vote.is_some();
                let last = self
                    .seats_of(place)
                    .filter(voted)
                    .max_by_key(|seat| started(seat));
                match last {
                    Some(seat) => (Standing::Stale, self.why_stale(seat, now)),
                    None => (Standing::Abstaining, self.why_abstaining(place)),
                }
            }
        }
    }

    fn why_stale(&self, seat: &Seat, now: Time) -> String {
        let age = now.since(started(seat));
        match seat.lost {
            Some(at) if age < self.rules.window() => {
                format!("its agent has been away for {}", span(now.since(at)))
            }
            Some(_) | None => format!(
                "its newest result is {} old, more than {}",
                span(age),
                span(self.rules.window())
            ),
        }
    }

    fn why_abstaining(&self, place: usize) -> String {
        let mut seats = self.seats_of(place);
        match seats.find_map(|seat| seat.inconclusive.as_ref()) {
            Some(reason) => format!("inconclusive: {reason}"),
            None if self.seats_of(place).next().is_none() => "no agent checks it".to_owned(),
            None => "no vote yet".to_owned(),
        }
    }

    pub(super) fn seats_of(&self, place: usize) -> impl Iterator<Item = &Seat> {
        self.seats
            .iter()
            .filter(move |seat| seat.area == Some(place))
    }

    fn wording(&self, decided: &Decided<'_>) -> (String, String) {
        let quorum = self.rules.quorum;
        let (k, all) = (quorum.required(), quorum.assigned());
        let (down, up) = (self.count.down, self.count.live_up);
        match decided {
            Decided::OpenedGlobal => (
                self.met(),
                format!("{}, nothing would have opened", self.without_down()),
            ),
            Decided::Widened => (
                self.met(),
                format!("{}, it would have stayed regional", self.without_down()),
            ),
            Decided::OpenedRegional(places) => self.lasting(places),
            Decided::Narrowed => (
                self.refuted(),
                format!("{}, it would have stayed global", self.without_up()),
            ),
            Decided::Refuted => (
                format!("{}, and regional incidents are off", self.refuted()),
                format!("{}, it would have stayed open", self.without_up()),
            ),
            Decided::Recovered => (
                format!(
                    "no region votes Down, {up} of {all} vote Up ({k} needed), and every named \
                     region has voted Up since its last Down"
                ),
                format!(
                    "with one Down vote, or fewer than {k} Up votes, it would have stayed open"
                ),
            ),
            Decided::Unobserved => (
                format!(
                    "no region votes Down, {up} of {all} vote Up ({k} needed), and nothing was \
                     heard from {} for {} or more: nobody saw it up there",
                    self.names(|area| area.vote.is_none() && !area.healed, ", "),
                    span(self.rules.silence()),
                ),
                "an Up vote from there would have ended it as recovered".to_owned(),
            ),
            Decided::ByHand => (
                match down {
                    0 => "closed by hand".to_owned(),
                    _ => format!("closed by hand while {down} of {all} regions vote Down"),
                },
                "left alone it would have stayed open until every named region voted Up".to_owned(),
            ),
            Decided::Paused => by_edit("the monitor was paused"),
            Decided::Removed => by_edit("the monitor was removed"),
            Decided::Reassigned => by_edit("none of the named regions is assigned any more"),
        }
    }

    fn met(&self) -> String {
        let quorum = self.rules.quorum;
        let confirmed = self.areas.iter().filter(|area| area.confirmed).count();
        format!(
            "{} vote Down, {confirmed} confirmed; {} of {} needed ({})",
            self.names(Area::is_down, ", "),
            quorum.required(),
            quorum.assigned(),
            self.rules.policy,
        )
    }

    /// What had to be missing for the quorum not to be met.
    fn without_down(&self) -> String {
        let confirmed = self.areas.iter().filter(|area| area.confirmed).count();
        let spare = confirmed.saturating_sub(self.rules.quorum.required().into());
        match spare {
            0 => format!(
                "without any one of {}",
                self.names(|area| area.confirmed, ", ")
            ),
            _ => format!(
                "without {} of {}",
                spare + 1,
                self.names(|area| area.confirmed, ", ")
            ),
        }
    }

    fn refuted(&self) -> String {
        let quorum = self.rules.quorum;
        format!(
            "{} of {} have voted Up for {}: the others cannot make {}",
            self.count.live_up,
            quorum.assigned(),
            span(NARROW_AFTER),
            quorum.required(),
        )
    }

    fn without_up(&self) -> String {
        let spare = self
            .count
            .live_up
            .saturating_sub(self.rules.quorum.refuting());
        format!("with {} Up votes fewer", spare + 1).replace("1 Up votes", "one Up vote")
    }

    fn lasting(&self, places: &[usize]) -> (String, String) {
        let after = span(self.rules.regional_after.unwrap_or_default());
        let regions: Vec<&str> = places
            .iter()
            .map(|&place| self.areas[place].region.as_str())
            .collect();
        let regions = regions.join(", ");
        let quorum = self.rules.quorum;
        let missing = quorum.required().saturating_sub(self.count.deciding);
        (
            format!(
                "{regions} failed for {after} or more without a break, {} of {} heard ({} needed)",
                self.count.heard(),
                quorum.assigned(),
                quorum.required(),
            ),
            format!(
                "one other result from there within {after}, and nothing would have opened; \
                 {missing} more confirmed Down, and it would have been global"
            ),
        )
    }

    pub(super) fn names(&self, holds: impl Fn(&Area) -> bool, between: &str) -> String {
        let areas = self.areas.iter().filter(|area| holds(area));
        let names: Vec<&str> = areas.map(|area| area.region.as_str()).collect();
        names.join(between)
    }
}

fn by_edit(rule: &str) -> (String, String) {
    (
        rule.to_owned(),
        "without that it would have stayed open until every named region voted Up".to_owned(),
    )
}

fn started(seat: &Seat) -> Time {
    seat.trail
        .as_ref()
        .map_or(Time::EPOCH, |trail| trail.started)
}

fn agent_evidence(seat: &Seat, now: Time) -> AgentEvidence {
    let trail = seat.trail.as_ref();
    AgentEvidence {
        agent: seat.agent,
        outcome: trail.map(|trail| trail.kind),
        reason: trail.and_then(|trail| trail.reason.clone()),
        age: trail.map_or(Duration::ZERO, |trail| now.since(trail.started)),
        run_started: trail.map(|trail| trail.run_started),
        run_length: trail.map_or(0, |trail| trail.run_length),
    }
}

/// A span as people write it, to the second.
fn span(span: Duration) -> String {
    crate::duration::format(Duration::from_secs(span.as_secs()))
}
