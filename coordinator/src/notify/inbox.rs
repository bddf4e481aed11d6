//! The demonstration's inbox: the last messages, kept in memory and shown on `/demo`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use vigilmon_common::time::Time;

/// How many messages are kept; older ones go.
const KEPT_MAX: usize = 200;

/// The last messages; cheap to clone, all clones are one inbox.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Mutex<VecDeque<InboxMessage>>>);

/// A message as it arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InboxMessage {
    /// Its key.
    pub key: String,
    /// When it arrived.
    pub at: Time,
    /// The event's type.
    pub event: String,
    /// The first fact.
    pub subject: String,
    /// All facts, a line each.
    pub text: String,
}

impl Inbox {
    /// The messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<InboxMessage> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }

    /// Takes a message, once per key.
    pub(super) fn take(&self, message: InboxMessage) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().any(|known| known.key == message.key) {
            return;
        }
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(key: usize) -> InboxMessage {
        InboxMessage {
            key: key.to_string(),
            at: Time::EPOCH,
            event: "test".to_owned(),
            subject: String::new(),
            text: String::new(),
        }
    }

    #[test]
    fn the_inbox_is_bounded_and_takes_a_key_once() {
        let inbox = Inbox::default();
        for key in (0..KEPT_MAX + 5).flat_map(|key| [key, key]) {
            inbox.take(message(key));
        }
        let kept = inbox.messages();
        assert_eq!(kept.len(), KEPT_MAX);
        assert_eq!(kept[0].key, "5");
    }
}
