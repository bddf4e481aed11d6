//! Scope: what opens an incident, moves it between global and regional, and ends it.
//!
//! | open     | condition                                                           | becomes     |
//! |----------|---------------------------------------------------------------------|-------------|
//! | none     | k confirmed Down votes                                              | global      |
//! | none     | floor held, a live Down result ≥ `regional_after` into its run      | regional    |
//! | regional | k confirmed Down votes                                              | global      |
//! | global   | refuted for 60 s                                                    | regional; resolved where regional incidents are off |
//! | either   | D = 0, U ≥ k, every named region voted Up since its last Down       | resolved: recovered |
//! | regional | D = 0, U ≥ k, every named region voted Up since or is silent        | resolved: unobserved |
//!
//! Below the floor nothing opens and nothing closes. Votes from summaries alone never open and
//! never close. A region joins those named when its Down vote is confirmed.
//!
//! # What this module does not do
//! Deeds by hand, pauses and edits end incidents in [`super::by_hand`] and [`super::saved`].

use std::time::Duration;

use super::area::Area;
use super::evidence::Decided;
use super::seat::{Trail, Vote};
use super::times::dating;
use super::{Effect, MonitorState};
use crate::identity;
use crate::incident::{
    Evidence, Hand, Incident, IncidentStatus, Resolution, Scope, Subject, TransitionKind,
};
use crate::time::Time;

/// How long a global incident must be refuted before it narrows.
pub(super) const NARROW_AFTER: Duration = Duration::from_secs(60);

impl MonitorState {
    /// Takes one step of the table; `false` when none is possible. A step may make another
    /// possible: an incident that has just narrowed may be unobserved already.
    pub(super) fn step(&mut self, now: Time, effects: &mut Vec<Effect>) -> bool {
        match self.scope() {
            None => self.try_open(now, effects),
            Some(Scope::Global) => {
                self.name_confirmed();
                self.resolve_if_recovered(now, effects) || self.narrow_if_refuted(now, effects)
            }
            Some(Scope::Regional) => {
                self.name_confirmed();
                self.widen_if_met(now, effects)
                    || self.resolve_if_recovered(now, effects)
                    || self.resolve_if_unobserved(now, effects)
            }
            Some(Scope::System) => false,
        }
    }

    /// The scope of the open incident.
    pub(super) fn scope(&self) -> Option<Scope> {
        self.durable
            .incident
            .as_ref()
            .map(|incident| incident.scope)
    }

    fn try_open(&mut self, now: Time, effects: &mut Vec<Effect>) -> bool {
        if self.durable.muted_until_not_down {
            return false;
        }
        if self.rules.quorum.is_met(self.count.deciding) {
            let deciding = self.places(|area| area.confirmed);
            return self.open(Scope::Global, &deciding, now, effects);
        }
        if !self.rules.quorum.is_heard(self.count.heard()) {
            return false;
        }
        let lasting: Vec<usize> = (0..self.areas.len())
            .filter(|&place| {
                let from = self.lasts_from(place);
                from.is_some_and(|at| self.areas[place].newest >= at)
            })
            .collect();
        !lasting.is_empty() && self.open(Scope::Regional, &lasting, now, effects)
    }

    fn open(
        &mut self,
        scope: Scope,
        deciding: &[usize],
        now: Time,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(first) = dating(self.down_trails(deciding, now)) else {
            return false;
        };
        let Some(reason) = first.reason.clone() else {
            return false;
        };
        let not_before = self.durable.last_ended_at.unwrap_or(Time::EPOCH);
        let started_at = first.run_started.max(not_before).min(now);
        let decided = match scope {
            Scope::Global => Decided::OpenedGlobal,
            Scope::Regional | Scope::System => Decided::OpenedRegional(deciding),
        };
        let evidence = self.evidence(&decided, now);
        self.durable.generation += 1;
        self.asked_down = now;
        self.refuted_since = None;
        self.durable.incident = Some(Incident {
            id: identity::incident_id(self.epoch, self.id, self.durable.generation),
            scope,
            severity: self.severity_of(scope),
            status: IncidentStatus::Open,
            subject: Subject::Monitor(self.facts.clone()),
            named: self.regions_of(deciding),
            reason,
            started_at,
            decided_at: now,
            ended_at: None,
            resolved_at: None,
            resolution: None,
            acknowledged_by: None,
            transitions: Vec::new(),
            told: Vec::new(),
        });
        self.transition(
            TransitionKind::Opened,
            Hand::default(),
            Some(evidence),
            now,
            effects,
        );
        self.end_rounds(now);
        true
    }

    /// Confirmed Down votes join the named regions.
    fn name_confirmed(&mut self) {
        let confirmed = self.places(|area| area.confirmed);
        let Some(incident) = &mut self.durable.incident else {
            return;
        };
        for place in confirmed {
            let region = &self.areas[place].region;
            if let Err(at) = incident.named.binary_search(region) {
                incident.named.insert(at, region.clone());
                self.unsaved = true;
            }
        }
    }

    fn widen_if_met(&mut self, now: Time, effects: &mut Vec<Effect>) -> bool {
        if !self.rules.quorum.is_met(self.count.deciding) {
            return false;
        }
        let evidence = self.evidence(&Decided::Widened, now);
        self.rescope(Scope::Global);
        self.transition(
            TransitionKind::Widened,
            Hand::default(),
            Some(evidence),
            now,
            effects,
        );
        self.end_rounds(now);
        true
    }

    fn narrow_if_refuted(&mut self, now: Time, effects: &mut Vec<Effect>) -> bool {
        let quorum = self.rules.quorum;
        let heard = quorum.is_heard(self.count.heard());
        if !heard || !quorum.is_refuted(self.count.live_up) {
            self.refuted_since = None;
            return false;
        }
        let since = *self.refuted_since.get_or_insert(now);
        if now < since + NARROW_AFTER {
            return false;
        }
        if self.rules.regional_after.is_none() {
            let evidence = self.evidence(&Decided::Refuted, now);
            let ended_at = self.recovered_at().unwrap_or(since);
            self.close(
                Resolution::Refuted,
                ended_at,
                Hand::default(),
                Some(evidence),
                now,
                effects,
            );
            return true;
        }
        let Some(incident) = &self.durable.incident else {
            return false;
        };
        let unwell = |area: &Area| {
            let named = incident.named.binary_search(&area.region).is_ok();
            area.is_down() || (named && !area.healed)
        };
        let named = self.regions_of(&self.places(unwell));
        if named.is_empty() {
            // All that is missing for the end is that a summary's Up vote is renewed.
            return false;
        }
        let evidence = self.evidence(&Decided::Narrowed, now);
        if let Some(incident) = &mut self.durable.incident {
            incident.named = named;
        }
        self.rescope(Scope::Regional);
        self.transition(
            TransitionKind::Narrowed,
            Hand::default(),
            Some(evidence),
            now,
            effects,
        );
        true
    }

    fn resolve_if_recovered(&mut self, now: Time, effects: &mut Vec<Effect>) -> bool {
        if !self.all_up() || !self.named_all(|area| area.healed) {
            return false;
        }
        let evidence = self.evidence(&Decided::Recovered, now);
        let ended_at = self.recovered_at().unwrap_or(now);
        self.close(
            Resolution::Recovered,
            ended_at,
            Hand::default(),
            Some(evidence),
            now,
            effects,
        );
        true
    }

    fn resolve_if_unobserved(&mut self, now: Time, effects: &mut Vec<Effect>) -> bool {
        let given_up = |area: &Area| self.given_up_at(area).is_some_and(|at| at <= now);
        if !self.all_up() || !self.named_all(|area| area.healed || given_up(area)) {
            return false;
        }
        let evidence = self.evidence(&Decided::Unobserved, now);
        self.close(
            Resolution::Unobserved,
            now,
            Hand::default(),
            Some(evidence),
            now,
            effects,
        );
        true
    }

    /// When a silent region is given up, unless it was heard well since it failed.
    pub(super) fn given_up_at(&self, area: &Area) -> Option<Time> {
        let silent = area.silent_since.filter(|_| !area.healed)?;
        Some(silent + self.rules.silence())
    }

    /// Nobody votes Down, and enough vote Up to end what is open.
    pub(super) fn all_up(&self) -> bool {
        self.count.down == 0 && self.rules.quorum.is_met(self.count.live_up)
    }

    /// Whether it holds of every named region that is still assigned.
    fn named_all(&self, holds: impl Fn(&Area) -> bool) -> bool {
        let Some(incident) = &self.durable.incident else {
            return false;
        };
        let named = |area: &&Area| incident.named.binary_search(&area.region).is_ok();
        self.areas.iter().filter(named).all(holds)
    }

    /// Ends the open incident.
    pub(super) fn close(
        &mut self,
        resolution: Resolution,
        ended_at: Time,
        hand: Hand,
        evidence: Option<Evidence>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        let Some(incident) = &mut self.durable.incident else {
            return;
        };
        incident.end(resolution, ended_at, now);
        self.durable.last_ended_at = incident.ended_at;
        self.refuted_since = None;
        self.recovery = None;
        self.transition(TransitionKind::Resolved, hand, evidence, now, effects);
        self.durable.incident = None;
    }

    /// Adds a transition to the incident and says so.
    pub(super) fn transition(
        &mut self,
        kind: TransitionKind,
        hand: Hand,
        evidence: Option<Evidence>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        let Some(incident) = &mut self.durable.incident else {
            return;
        };
        incident.add(kind, hand, evidence, now);
        // What a transition commits includes everything else that must last.
        self.unsaved = false;
        effects.push(Effect::Transition(Box::new(incident.clone())));
    }

    /// Moves the incident to another scope. Widening voids the acknowledgement.
    fn rescope(&mut self, scope: Scope) {
        let severity = self.severity_of(scope);
        let Some(incident) = &mut self.durable.incident else {
            return;
        };
        incident.scope = scope;
        incident.severity = severity;
        if scope == Scope::Global {
            incident.status = IncidentStatus::Open;
            incident.acknowledged_by = None;
        }
        self.refuted_since = None;
    }

    fn severity_of(&self, scope: Scope) -> crate::monitor::Severity {
        match scope {
            Scope::Global | Scope::System => self.rules.severity,
            Scope::Regional => self.rules.severity.lower(),
        }
    }

    fn places(&self, holds: impl Fn(&Area) -> bool) -> Vec<usize> {
        let areas = self.areas.iter().enumerate();
        areas
            .filter(|(_, area)| holds(area))
            .map(|(place, _)| place)
            .collect()
    }

    fn regions_of(&self, places: &[usize]) -> Vec<crate::name::Region> {
        places
            .iter()
            .map(|&place| self.areas[place].region.clone())
            .collect()
    }

    /// The Down runs behind the votes of these regions.
    fn down_trails(&self, places: &[usize], now: Time) -> impl Iterator<Item = &Trail> + Clone {
        let window = self.rules.window();
        let here = |area: Option<usize>| area.is_some_and(|place| places.contains(&place));
        let seats = self.seats.iter().filter(move |seat| here(seat.area));
        let down =
            seats.filter(move |seat| seat.vote == Some(Vote::Down) && seat.counts(now, window));
        down.filter_map(|seat| seat.trail.as_ref())
            .filter(|trail| trail.is_down())
    }

    /// When the recovery of the named regions began, as far as they were heard.
    fn recovered_at(&self) -> Option<Time> {
        let incident = self.durable.incident.as_ref()?;
        let named = |seat: &&super::seat::Seat| {
            seat.area.is_some() && incident.named.binary_search(&seat.region).is_ok()
        };
        let seats = self.seats.iter().filter(named);
        let up = seats.filter(|seat| seat.vote == Some(Vote::Up));
        let trails = up
            .filter_map(|seat| seat.trail.as_ref())
            .filter(|trail| !trail.is_down());
        dating(trails).map(|trail| trail.run_started)
    }
}
