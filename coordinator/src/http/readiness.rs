//! Whether the coordinator is ready: a list of what it still waits for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by the parts that wait and the page that tells. Stores are asked directly.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeSet<String>>>);

impl Readiness {
    /// Not ready before all of these are there.
    #[must_use]
    pub fn waiting_for(what: impl IntoIterator<Item = String>) -> Self {
        Self(Arc::new(Mutex::new(what.into_iter().collect())))
    }

    /// One of them is there.
    pub fn there(&self, what: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(what);
    }

    /// One of them went away.
    pub fn gone(&self, what: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(what.to_owned());
    }

    /// What is still missing.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_when_nothing_is_missing() {
        let readiness = Readiness::waiting_for(["grpc".to_owned(), "agents".to_owned()]);
        readiness.there("grpc");
        assert_eq!(readiness.missing(), ["agents"]);
        readiness.there("agents");
        assert!(readiness.missing().is_empty());
        readiness.gone("grpc");
        assert_eq!(readiness.missing(), ["grpc"]);
    }
}
