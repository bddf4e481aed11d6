//! Listening: when we could not hear pings, told from two clocks and the last alive mark.
//!
//! An alive mark says that pings could be heard *and* committed. Its owner looks at least every
//! second and marks every five. Where more time lies between a look and the last mark than that
//! leaves, we were down, suspended, stalled, could not commit, or the wall clock was set forward:
//! a ping may have been lost. The monotonic clock tells apart what the wall clock alone cannot: that it was set
//! back.

use std::time::Duration;

use super::interface::Spell;
use crate::time::Time;

/// How often the alive mark is stored.
pub const MARK_EVERY: Duration = Duration::from_secs(5);
/// A longer gap since the last mark is a spell: a mark, and a look late by a second.
pub const GAP_MAX: Duration = Duration::from_secs(6);
/// A clock that goes back by more was set; less is how clocks are.
pub const SET_BACK_MIN: Duration = Duration::from_secs(1);

/// What a look found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Heard {
    /// For a while pings could not be heard.
    Deaf(Spell),
    /// The wall clock was set back by so much.
    SetBack(Duration),
}

/// When we last listened.
#[derive(Clone, Debug)]
pub struct Listening {
    /// By the wall clock; `None` until the first mark of all.
    marked: Option<Time>,
    /// The same moment by the monotonic clock; `None`: before this start.
    marked_mono: Option<Duration>,
    /// When last looked, by both clocks.
    looked: (Time, Duration),
    /// A spell was found that the stored mark does not cover yet.
    owes_mark: bool,
}

impl Listening {
    /// From the mark that was stored last, before this start.
    #[must_use]
    pub const fn new(last_mark: Option<Time>) -> Self {
        Self {
            marked: last_mark,
            marked_mono: None,
            looked: (Time::EPOCH, Duration::ZERO),
            owes_mark: true,
        }
    }

    /// Compares the clocks with the last mark. Must be asked before pings and deadlines of each
    /// wake, and again until it finds nothing: a clock may have been set back while we slept.
    pub fn look(&mut self, wall: Time, mono: Duration) -> Option<Heard> {
        self.looked = (wall, mono);
        let Some(marked) = self.marked else {
            self.take(wall, mono);
            return None;
        };
        let Some(marked_mono) = self.marked_mono else {
            return self.first_look(marked, wall, mono);
        };
        let passed = mono.saturating_sub(marked_mono);
        let back = (marked + passed).since(wall);
        if back > SET_BACK_MIN {
            self.marked = Some(marked - back);
            self.owes_mark = true;
            return Some(Heard::SetBack(back));
        }
        if wall.since(marked) <= GAP_MAX {
            return None;
        }
        self.take(wall, mono);
        Some(Heard::Deaf(Spell {
            from: marked,
            to: wall,
            stepped: wall.since(marked + passed),
        }))
    }

    /// Any gap at a start is one: we were down.
    fn first_look(&mut self, marked: Time, wall: Time, mono: Duration) -> Option<Heard> {
        self.take(wall, mono);
        let back = marked.since(wall);
        if back > SET_BACK_MIN {
            return Some(Heard::SetBack(back));
        }
        (wall > marked).then_some(Heard::Deaf(Spell {
            from: marked,
            to: wall,
            stepped: Duration::ZERO,
        }))
    }

    fn take(&mut self, wall: Time, mono: Duration) {
        self.marked = Some(wall);
        self.marked_mono = Some(mono);
        self.owes_mark = true;
    }

    /// Whether the mark should be stored now.
    #[must_use]
    pub fn mark_due(&self, now: Time) -> bool {
        self.owes_mark || self.marked.is_none_or(|at| now.since(at) >= MARK_EVERY)
    }

    /// Notes that a mark of this time has been committed; it is the time of the last look, or of
    /// a moment soon after. Where the wall clock was set between, the look is what counts.
    pub fn marked(&mut self, at: Time) {
        let (wall, mono) = self.looked;
        let soon = Some(at.since(wall)).filter(|after| *after <= GAP_MAX);
        let after = soon.unwrap_or_default();
        self.marked = Some(wall + after);
        self.marked_mono = Some(mono + after);
        self.owes_mark = false;
    }
}
