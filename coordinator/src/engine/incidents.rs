//! Incidents as last committed: the open ones and those closed lately. Owners put them here after
//! each commit; doors read them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use vigilmon_common::id::IncidentId;
use vigilmon_common::incident::Incident;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct SharedIncidents(Arc<RwLock<BTreeMap<IncidentId, Arc<Incident>>>>);

impl SharedIncidents {
    /// Those that the store holds.
    #[must_use]
    pub fn load(incidents: &BTreeMap<IncidentId, Incident>) -> Self {
        let all = incidents
            .iter()
            .map(|(&id, i)| (id, Arc::new(i.clone())))
            .collect();
        Self(Arc::new(RwLock::new(all)))
    }

    /// One by id.
    #[must_use]
    pub fn get(&self, id: IncidentId) -> Option<Arc<Incident>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    /// All, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Incident>> {
        let mut all: Vec<_> = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        all.sort_by_key(|i| std::cmp::Reverse((i.decided_at, i.id)));
        all
    }

    pub(crate) fn put(&self, incident: Incident) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(incident.id, Arc::new(incident));
    }

    pub(crate) fn remove(&self, id: IncidentId) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
    }
}
