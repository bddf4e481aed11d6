//! Quorum: how many of a monitor's regions must agree before it is called down.
//!
//! # Why a quorum
//! One failing place is more often a broken road than a broken house. A monitor is down only when
//! enough *independent* regions say so at about the same time.
//!
//! # The rule
//! `assigned` is fixed when the monitor is saved: it never shrinks because agents die. With `down`
//! and `up` the regions that vote so, and `required` the policy's number:
//!
//! | holds                                | means                                             |
//! |--------------------------------------|---------------------------------------------------|
//! | `down + up < required`               | below the floor: `Unknown`, nothing opens or closes |
//! | `down >= required`                   | met: a global incident may open                   |
//! | `up >= assigned - required + 1`      | refuted: the others cannot make it, whatever they say |
//!
//! Met and refuted are never both true. Which votes count, and what else opening and closing ask
//! for, is [`crate::decide`].

use crate::monitor::Policy;

/// How many of a monitor's regions must agree: `1 <= required <= assigned`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quorum {
    required: u8,
    assigned: u8,
}

/// Why a quorum was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidQuorum {
    /// Nobody to agree.
    #[error("a quorum needs at least one region")]
    NoRegions,
    /// More regions than a monitor may have.
    #[error("{0} regions are more than the 255 that a monitor may have")]
    TooManyRegions(usize),
    /// More must agree than there are.
    #[error("{required} of {assigned} regions can never agree")]
    Unreachable {
        /// How many must agree.
        required: u8,
        /// How many there are.
        assigned: u8,
    },
}

impl Quorum {
    /// The quorum of a policy among `regions` assigned regions.
    ///
    /// # Errors
    /// There are no regions, too many, or fewer than must agree.
    pub fn new(policy: Policy, regions: usize) -> Result<Self, InvalidQuorum> {
        let Ok(assigned) = u8::try_from(regions) else {
            return Err(InvalidQuorum::TooManyRegions(regions));
        };
        let required = match policy {
            Policy::Majority => assigned / 2 + 1,
            Policy::Any => 1,
            Policy::All => assigned,
            Policy::AtLeast(n) => n.get(),
        };
        match assigned {
            0 => Err(InvalidQuorum::NoRegions),
            _ if required > assigned => Err(InvalidQuorum::Unreachable { required, assigned }),
            _ => Ok(Self { required, assigned }),
        }
    }

    /// How many regions must agree: `k`.
    #[must_use]
    pub const fn required(self) -> u8 {
        self.required
    }

    /// How many regions there are: `S`.
    #[must_use]
    pub const fn assigned(self) -> u8 {
        self.assigned
    }

    /// Whether so many votes, of either sort, are enough to say anything: the floor.
    #[must_use]
    pub const fn is_heard(self, votes: u8) -> bool {
        votes >= self.required
    }

    /// Whether so many Down votes make it.
    #[must_use]
    pub const fn is_met(self, down: u8) -> bool {
        down >= self.required
    }

    /// How many Up votes refute it: with these, the others cannot make it.
    #[must_use]
    pub const fn refuting(self) -> u8 {
        self.assigned - self.required + 1
    }

    /// Whether so many Up votes refute it.
    #[must_use]
    pub const fn is_refuted(self, up: u8) -> bool {
        up >= self.refuting()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::*;

    fn quorum(policy: Policy, regions: usize) -> Quorum {
        Quorum::new(policy, regions).unwrap()
    }

    #[test]
    fn a_majority_is_more_than_half() {
        for (regions, required) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)] {
            assert_eq!(quorum(Policy::Majority, regions).required(), required);
        }
    }

    #[test]
    fn any_is_one_and_all_is_every_region() {
        for regions in 1..=7 {
            assert_eq!(quorum(Policy::Any, regions).required(), 1);
            let all = quorum(Policy::All, regions);
            assert_eq!(usize::from(all.required()), regions);
        }
    }

    #[test]
    fn a_quorum_that_cannot_be_met_is_refused() {
        let four = Policy::AtLeast(NonZeroU8::new(4).unwrap());
        assert_eq!(
            Quorum::new(four, 3),
            Err(InvalidQuorum::Unreachable {
                required: 4,
                assigned: 3
            })
        );
        assert_eq!(Quorum::new(Policy::Any, 0), Err(InvalidQuorum::NoRegions));
        assert_eq!(
            Quorum::new(Policy::Any, 256),
            Err(InvalidQuorum::TooManyRegions(256))
        );
    }

    #[test]
    fn met_and_refuted_are_never_both_true_and_one_is_where_all_are_heard() {
        for regions in 1..=7_u8 {
            for required in 1..=regions {
                let policy = Policy::AtLeast(NonZeroU8::new(required).unwrap());
                let quorum = quorum(policy, regions.into());
                for down in 0..=regions {
                    for up in 0..=regions - down {
                        let both = quorum.is_met(down) && quorum.is_refuted(up);
                        assert!(!both, "{quorum:?} {down} {up}");
                        if down + up == regions {
                            assert!(quorum.is_met(down) || quorum.is_refuted(up));
                        }
                    }
                }
            }
        }
    }
}
