//! What the outbox machine is told, and what it asks for.

use super::Answer;
use crate::id::ChannelId;
use crate::notify::row::Row;
use crate::time::Time;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// These rows are in the store: new ones, steps as their owners decided, or after a start all.
    Added(Vec<Row>),
    /// An attempt has ended.
    Finished {
        /// The number of the row.
        row: u64,
        /// What it met.
        answer: Answer,
        /// Any number, for the backoff.
        random: u64,
    },
    /// A channel was saved: it may lead elsewhere now, so what waits for it is tried at once.
    ChannelSaved(ChannelId),
    /// Time has passed.
    Tick,
}

/// What must follow, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Save these in one commit, first of all.
    pub changes: Vec<Change>,
    /// Try these; each answer comes back as [`Input::Finished`].
    pub attempts: Vec<Row>,
    /// Steps that are due: ask the owners of their incidents. Each stores its answer, and the row as
    /// it then is comes back as [`Input::Added`].
    pub steps: Vec<Row>,
    /// Tell the fleet. It may hear the same twice, after a start for instance.
    pub reports: Vec<Report>,
}

/// A change to the stored outbox.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Keep the row as it is now; it may be settled, and still be needed.
    Save(Row),
    /// The row is settled and done with: it leaves the outbox.
    Settle(Row),
    /// The row, settled and saved earlier, is needed no more: it leaves the outbox.
    Forget(u64),
}

/// What the fleet must know of a channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// Its receiver wants nothing any more: switch it off.
    Disable {
        /// Which channel.
        channel: ChannelId,
        /// Why.
        reason: String,
    },
    /// Nothing gets through: a system incident, if there is none yet.
    Failing {
        /// Which channel.
        channel: ChannelId,
        /// Since when.
        since: Time,
        /// What the last attempt met.
        error: String,
    },
    /// Something got through: the end of that incident, if there is one.
    Working {
        /// Which channel.
        channel: ChannelId,
    },
}
