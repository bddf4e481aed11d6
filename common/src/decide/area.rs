//! Areas: what each assigned region votes, how firmly, and what must be remembered of it.
//!
//! A region votes Down iff a strict majority of its countable agents do; otherwise, with any
//! countable agent, Up; with none it abstains. Each firmer property asks for a strict majority of
//! the countable agents as well, so that an agent which is always wrong adds nothing to a lost
//! packet of its neighbour:
//!
//! | property    | of a Down vote: so many of its agents …                               |
//! |-------------|------------------------------------------------------------------------|
//! | `live`      | have a Down result as their newest, and not from a summary alone      |
//! | `in_window` | … that started no earlier than the accuser's, while a round runs      |
//! | `seconded`  | … and that started 1 s or more after the first of its run             |
//! | `confirmed` | it is live, and seconded or another live region turned Down with it   |
//!
//! An Up vote is `live` when it would stand even if all that rests on summaries alone were Down.

use super::rules::{Rules, SPACING};
use super::seat::{Seat, Vote};
use crate::name::Region;
use crate::time::Time;

/// One assigned region.
#[derive(Clone, Debug)]
pub(super) struct Area {
    pub(super) region: Region,
    pub(super) vote: Option<Vote>,
    pub(super) live: bool,
    pub(super) in_window: bool,
    pub(super) confirmed: bool,
    seconded: bool,
    pub(super) degraded: bool,
    /// When enough of its agents had turned Down; only of a Down vote.
    pub(super) turned_down: Time,
    /// When enough of its agents were in their present run; only of a live Down vote.
    pub(super) run_started: Time,
    /// The start of the newest result behind a live Down vote.
    pub(super) newest: Time,
    /// Whether it has voted Up, live, since its last Down.
    pub(super) healed: bool,
    /// Since when it has abstained.
    pub(super) silent_since: Option<Time>,
    /// The run for which it was asked whether it lasts.
    pub(super) asked_run: Option<Time>,
}

/// How the regions stand, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) down: u8,
    pub(super) up: u8,
    /// Up votes that may close.
    pub(super) live_up: u8,
    /// Confirmed Down votes that may open.
    pub(super) deciding: u8,
    pub(super) degraded: u8,
}

impl Count {
    pub(super) fn heard(self) -> u8 {
        self.down + self.up
    }
}

/// Times of the agents behind a Down vote; kept to save allocations.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    turned: Vec<Time>,
    runs: Vec<Time>,
}

impl Area {
    pub(super) fn new(region: Region, now: Time) -> Self {
        Self {
            region,
            vote: None,
            live: false,
            in_window: false,
            confirmed: false,
            seconded: false,
            degraded: false,
            turned_down: Time::EPOCH,
            run_started: Time::EPOCH,
            newest: Time::EPOCH,
            healed: false,
            silent_since: Some(now),
            asked_run: None,
        }
    }

    /// Whether it votes Down.
    pub(super) fn is_down(&self) -> bool {
        self.vote == Some(Vote::Down)
    }

    /// Whether it votes Down and its newest results, live ones, say so.
    pub(super) fn is_live_down(&self) -> bool {
        self.is_down() && self.live
    }

    /// Whether it votes Up in a way that may close.
    pub(super) fn is_live_up(&self) -> bool {
        self.vote == Some(Vote::Up) && self.live
    }
}

/// Counts all areas anew. `accused` is the start of the accuser's result while a round runs.
pub(super) fn tally(
    areas: &mut [Area],
    seats: &[Seat],
    rules: &Rules,
    accused: Option<Time>,
    now: Time,
    scratch: &mut Scratch,
) -> Count {
    for (place, area) in areas.iter_mut().enumerate() {
        let here = seats.iter().filter(|seat| seat.area == Some(place));
        tally_one(area, here, rules, accused, now, scratch);
    }
    confirm(areas, rules);
    let mut count = Count::default();
    for area in areas.iter() {
        count.down += u8::from(area.is_down());
        count.up += u8::from(area.vote == Some(Vote::Up));
        count.live_up += u8::from(area.is_live_up());
        count.deciding += u8::from(area.confirmed && area.in_window);
        count.degraded += u8::from(area.degraded);
    }
    count
}

fn tally_one<'a>(
    area: &mut Area,
    seats: impl Iterator<Item = &'a Seat>,
    rules: &Rules,
    accused: Option<Time>,
    now: Time,
    scratch: &mut Scratch,
) {
    let window = rules.window();
    let (mut total, mut in_window, mut seconded) = (0, 0, 0);
    let (mut degraded, mut hearsay, mut newest) = (0, 0, Time::EPOCH);
    scratch.turned.clear();
    scratch.runs.clear();
    for seat in seats.filter(|seat| seat.counts(now, window)) {
        let Some(trail) = &seat.trail else { continue };
        total += 1;
        degraded += usize::from(seat.degraded);
        if seat.vote != Some(Vote::Down) {
            hearsay += usize::from(!seat.renewed);
            continue;
        }
        scratch.turned.push(seat.turned_down);
        if trail.is_down() && seat.renewed {
            scratch.runs.push(trail.run_started);
            newest = newest.max(trail.started);
            in_window += usize::from(accused.is_none_or(|at| trail.started >= at));
            seconded += usize::from(trail.started >= trail.run_started + SPACING);
        }
    }
    let majority = |n: usize| n * 2 > total;
    let down = scratch.turned.len();
    area.vote = match total {
        0 => None,
        _ if majority(down) => Some(Vote::Down),
        _ => Some(Vote::Up),
    };
    area.live = match area.vote {
        None => false,
        Some(Vote::Down) => majority(scratch.runs.len()),
        Some(Vote::Up) => !majority(down + hearsay),
    };
    area.in_window = area.is_down() && majority(in_window);
    area.seconded = area.is_down() && majority(seconded);
    area.degraded = majority(degraded);
    area.newest = newest;
    if area.is_down() {
        area.turned_down = nth(&mut scratch.turned, total / 2);
    }
    if area.is_live_down() {
        area.run_started = nth(&mut scratch.runs, total / 2);
    }
}

/// When the majority was made: the time of its last needed member.
fn nth(times: &mut [Time], place: usize) -> Time {
    times.sort_unstable();
    times[place]
}

fn confirm(areas: &mut [Area], rules: &Rules) {
    let together = rules.together();
    for place in 0..areas.len() {
        let area = &areas[place];
        let with = |other: &Area| {
            let apart = other.turned_down.since(area.turned_down);
            let apart = apart.max(area.turned_down.since(other.turned_down));
            other.is_live_down() && apart <= together
        };
        let mut others = areas.iter().enumerate().filter(|&(p, _)| p != place);
        let confirmed =
            area.is_live_down() && (area.seconded || others.any(|(_, other)| with(other)));
        areas[place].confirmed = confirmed;
    }
}
