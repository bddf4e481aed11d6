//! Incidents of all times: those that the state holds and those that only the history has.

use std::cmp::Reverse;
use std::sync::Arc;

use vigilmon_common::id::{IncidentId, MonitorId};
use vigilmon_common::incident::{Incident, Subject};
use vigilmon_common::time::Time;

use super::{Handle, not_found};
use crate::engine::command::{CommandError, Object};
use crate::store::StoreError;

/// How many old incidents are read at once when one is looked for.
const SEARCH_STEP: usize = 1000;

/// Where an incident stands in the list of all, the newest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct IncidentPlace {
    decided: Time,
    id: IncidentId,
}

impl IncidentPlace {
    /// The place of an incident.
    #[must_use]
    pub fn of(incident: &Incident) -> Self {
        Self {
            decided: incident.decided_at,
            id: incident.id,
        }
    }

    /// Reads what [`Self::write`] wrote.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (decided, id) = text.strip_prefix("i:")?.split_once(':')?;
        let decided = Time::from_millis(decided.parse().ok()?);
        Some(Self {
            decided,
            id: id.parse().ok()?,
        })
    }

    /// As a page token.
    #[must_use]
    pub fn write(self) -> String {
        format!("i:{}:{}", self.decided.as_millis(), self.id)
    }
}

impl Handle {
    /// An incident by id, however old.
    ///
    /// # Errors
    /// There is none, or the history fails.
    pub async fn incident_ever(&self, id: IncidentId) -> Result<Arc<Incident>, CommandError> {
        if let Ok(found) = self.incident(id) {
            return Ok(found);
        }
        let found = self.find_older(|one| one.id == id, 1).await?.pop();
        let found = found.ok_or_else(|| not_found(Object::Incident, &id.to_string()))?;
        Ok(Arc::new(found))
    }

    /// The ids of incidents that begin so: of those in the state, or where there is none, of those
    /// in the history. More than one tells that more of the id is needed.
    ///
    /// # Errors
    /// The history fails.
    pub async fn incidents_beginning(&self, begin: &str) -> Result<Vec<IncidentId>, CommandError> {
        let begins = |one: &Incident| one.id.to_string().starts_with(begin);
        let present = self.incidents(false);
        let present = present.iter().filter(|one| begins(one)).map(|one| one.id);
        let mut found: Vec<IncidentId> = present.collect();
        if found.is_empty() {
            let older = self.find_older(begins, 2).await?;
            found.extend(older.iter().map(|one| one.id));
        }
        Ok(found)
    }

    /// The first so many that are wanted of the history, newest first.
    async fn find_older(
        &self,
        is_wanted: impl Fn(&Incident) -> bool,
        enough: usize,
    ) -> Result<Vec<Incident>, CommandError> {
        let mut found = Vec::new();
        let mut before = Time::FAR_FUTURE;
        loop {
            let history = &self.stores().history;
            let older = history.incidents(None, before, SEARCH_STEP).await;
            let older = older.map_err(unavailable)?;
            let last = older.last().map(|one| one.decided_at);
            let full = older.len() == SEARCH_STEP;
            found.extend(older.into_iter().filter(&is_wanted));
            found.truncate(enough);
            match last {
                Some(last) if full && last < before && found.len() < enough => before = last,
                _ => return Ok(found),
            }
        }
    }

    /// The newest incidents behind a place, of one monitor or of all.
    ///
    /// # Errors
    /// The history fails.
    pub async fn incidents_behind(
        &self,
        monitor: Option<MonitorId>,
        place: Option<IncidentPlace>,
        only_open: bool,
        limit: usize,
    ) -> Result<Vec<Arc<Incident>>, CommandError> {
        let mut all = self.incidents(only_open);
        all.retain(|one| monitor.is_none_or(|id| is_about(one, id)));
        if !only_open {
            let before = place.map_or(Time::FAR_FUTURE, |place| place.decided);
            let history = &self.stores().history;
            let older = history.incidents(monitor, before, limit).await;
            all.extend(older.map_err(unavailable)?.into_iter().map(Arc::new));
        }
        all.retain(|one| place.is_none_or(|place| IncidentPlace::of(one) < place));
        all.sort_by_key(|one| Reverse(IncidentPlace::of(one)));
        // One that just moved from the state to the history may have been met in both.
        all.dedup_by_key(|one| one.id);
        all.truncate(limit);
        Ok(all)
    }
}

fn is_about(incident: &Incident, monitor: MonitorId) -> bool {
    match &incident.subject {
        Subject::Monitor(facts) => facts.id == monitor,
        Subject::System(_) => false,
    }
}

fn unavailable(error: StoreError) -> CommandError {
    CommandError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_page_token() {
        let place = IncidentPlace {
            decided: Time::from_secs(5),
            id: IncidentId::from_bytes([3; 16]),
        };
        assert_eq!(IncidentPlace::read(&place.write()), Some(place));
        for bad in ["", "i:", "i:5", "i:5:x", "n:api"] {
            assert_eq!(IncidentPlace::read(bad), None, "{bad}");
        }
    }
}
