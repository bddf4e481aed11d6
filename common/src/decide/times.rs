//! Times: when what was decided had begun.
//!
//! `started_at` is the earliest run start among the deciding agents that is later than every
//! result of theirs of the other sort; `ended_at` mirrors it. So an agent that has failed for
//! days, alone, does not date an outage that two others have seen for a minute.

use super::seat::Trail;

/// The run that dates a decision; `None` without any trail.
pub(super) fn dating<'a>(trails: impl Iterator<Item = &'a Trail> + Clone) -> Option<&'a Trail> {
    let last_other = trails.clone().filter_map(|trail| trail.other).max();
    let later = trails
        .clone()
        .filter(|trail| Some(trail.run_started) > last_other);
    later
        .min_by_key(|trail| trail.run_started)
        // Ages in summaries are rounded, so the runs may seem to begin when the others end.
        .or_else(|| trails.max_by_key(|trail| trail.run_started))
}
