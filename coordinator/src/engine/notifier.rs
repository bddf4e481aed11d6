//! Where the engine and the notifier meet: the engine wakes it, and it asks for channels.

use async_trait::async_trait;
use tokio::sync::oneshot;
use vigilmon_common::id::ChannelId;
use vigilmon_common::incident::Subject;
use vigilmon_common::notify::channel::Channel;
use vigilmon_common::notify::row::{Row, RowSubject};
use vigilmon_common::notify::steps;

use super::env::Notifier;
use super::fleet::FleetMessage;
use super::handle::Handle;
use super::heartbeats::HeartbeatMessage;
use super::owner::ShardMessage;
use crate::notify::{Channels, Sender, Waiting};

#[async_trait]
impl Notifier for Sender {
    fn added(&self, rows: Vec<Row>) {
        Sender::added(self, rows);
    }

    fn channel_changed(&self, channel: &Channel) {
        self.channel_saved(channel.id);
    }

    async fn waiting(&self, channel: ChannelId) -> Option<Vec<Waiting>> {
        Sender::waiting(self, channel).await
    }
}

#[async_trait]
impl Channels for Handle {
    fn channel(&self, id: ChannelId) -> Option<Channel> {
        self.directory().read().channels().get(&id).cloned()
    }

    fn next_row(&self) -> u64 {
        self.env.rows.next()
    }

    async fn disable(&self, id: ChannelId, why: String) {
        // Nobody waits for the answer: messages must not wait for the fleet. An error means that
        // the engine stops; the next attempt meets the same answer.
        let (reply, _) = oneshot::channel();
        let message = FleetMessage::DisableChannel {
            channel: id,
            why,
            reply,
        };
        let _ = self.fleet.send(message).await;
    }

    async fn failing(&self, id: ChannelId, how: Option<String>) {
        // As above; the worker tells it again after the next start.
        let (reply, _) = oneshot::channel();
        let message = FleetMessage::ChannelFailing {
            channel: id,
            failing: how,
            reply,
        };
        let _ = self.fleet.send(message).await;
    }

    async fn step_due(&self, row: Row) {
        let incident = match &row.subject {
            RowSubject::Incident(id) => self.incident(*id).ok(),
            RowSubject::Test(_) => None,
        };
        let row = Box::new(row);
        // A refusal means that the engine stops; the step is due again after the next start.
        match incident.as_ref().map(|i| &i.subject) {
            Some(Subject::Monitor(facts)) if facts.is_heartbeat() => {
                let heartbeat = facts.id;
                let message = HeartbeatMessage::StepDue { heartbeat, row };
                let _ = self.heartbeats.mailbox.send(message).await;
            }
            Some(Subject::Monitor(facts)) => {
                let monitor = facts.id;
                let message = ShardMessage::StepDue { monitor, row };
                let _ = self.owner(monitor).send(message).await;
            }
            Some(Subject::System(_)) => {
                let _ = self.fleet.send(FleetMessage::StepDue { row }).await;
            }
            // Of an incident that the janitor took away nobody decides anything any more.
            None => self
                .env
                .notifier
                .added(vec![steps::withdraw(*row, steps::OVER)]),
        }
    }
}
