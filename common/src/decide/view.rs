//! View: how a monitor stands, for people.

use std::time::Duration;

use super::area::Area;
use super::{Activity, MonitorState};
use crate::id::IncidentId;
use crate::incident::Standing;
use crate::name::Region;
use crate::outcome::{OutcomeKind, Reason};
use crate::time::Time;

/// What a monitor is, in one word for lists.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// The verdict is Up.
    Up,
    /// Up, but slower or closer to expiry than it should be.
    Degraded,
    /// A global incident is open.
    Down,
    /// Too few votes to say.
    Unknown,
    /// Its checks are suspended.
    Paused,
}

impl Status {
    /// The word for it in all interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Paused => "paused",
        }
    }
}

/// How a monitor stands, as far as lists sort and count by it: small, and without its regions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Brief {
    /// In one word.
    pub status: Status,
    /// Since when.
    pub since: Time,
    /// Whether at least one region votes Down.
    pub failing: bool,
}

/// How a monitor stands, for people: `monitor show`, lists, pages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct View {
    /// In one word.
    pub status: Status,
    /// Since when.
    pub since: Time,
    /// Why, where there is more to say: why Unknown, what fails.
    pub reason: String,
    /// How many regions must agree.
    pub required: u8,
    /// The open incident.
    pub incident: Option<IncidentId>,
    /// Since when at least one region has failed without a break.
    pub failing_since: Option<Time>,
    /// Every assigned region, sorted.
    pub regions: Vec<RegionView>,
}

/// How a region stands on a monitor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegionView {
    /// The region's id.
    pub region: Region,
    /// Failing is `down`, passing is `up`, the others `none`.
    pub standing: Standing,
    /// The age of its newest conclusive result.
    pub age: Option<Duration>,
    /// That result's outcome.
    pub outcome: Option<OutcomeKind>,
    /// Why it fails, abstains or is degraded.
    pub reason: Option<Reason>,
    /// Why it has no vote; empty for a vote.
    pub because: String,
}

impl MonitorState {
    /// How it stands, as far as lists sort and count by it. Reads three fields, so it may be asked
    /// after each input.
    #[must_use]
    pub fn brief(&self) -> Brief {
        Brief {
            status: self.status,
            since: self.since,
            failing: self.failing_since.is_some(),
        }
    }

    pub(super) fn view_at(&self, now: Time) -> View {
        let places = 0..self.areas.len();
        View {
            status: self.status,
            since: self.since,
            reason: self.reason(),
            required: self.rules.quorum.required(),
            incident: self.durable.incident.as_ref().map(|incident| incident.id),
            failing_since: self.failing_since,
            regions: places.map(|place| self.region_view(place, now)).collect(),
        }
    }

    fn region_view(&self, place: usize, now: Time) -> RegionView {
        let area = &self.areas[place];
        let (standing, because) = self.standing(place, now);
        // The newest result that agrees with the vote speaks for the region.
        let seats = self
            .seats_of(place)
            .filter_map(|seat| Some((seat, seat.trail.as_ref()?)));
        let newest =
            seats.max_by_key(|(_, trail)| (trail.is_down() == area.is_down(), trail.started));
        let inconclusive = || {
            let mut seats = self.seats_of(place);
            seats.find_map(|seat| seat.inconclusive.clone())
        };
        let reason: Option<Reason> = match newest {
            Some((_, trail)) => trail.reason.clone(),
            None => inconclusive(),
        };
        RegionView {
            region: area.region.clone(),
            standing,
            age: newest.map(|(_, trail)| now.since(trail.started)),
            outcome: newest.map(|(_, trail)| trail.kind),
            reason,
            because,
        }
    }

    fn reason(&self) -> String {
        let quorum = self.rules.quorum;
        let (required, assigned) = (quorum.required(), quorum.assigned());
        let heard = self.count.heard();
        if self.activity != Activity::Active {
            return String::new();
        }
        if self.status == Status::Unknown {
            let ever = self.seats.iter().any(|seat| seat.vote.is_some());
            return match (heard, ever) {
                (0, false) => "no votes yet".to_owned(),
                _ => format!("{heard} of {assigned} regions heard; {required} needed"),
            };
        }
        match self.failing_since {
            Some(since) => format!(
                "{} of {assigned} failing since {} ({}); {required} needed",
                self.count.down,
                clock(since),
                self.names(Area::is_down, ", "),
            ),
            None => String::new(),
        }
    }
}

/// Hour and minute, UTC.
fn clock(at: Time) -> String {
    let text = at.to_rfc3339();
    text.get(11..16).unwrap_or(&text).to_owned()
}
