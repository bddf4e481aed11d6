//! Channels and routes, and the configuration as a whole.

use std::sync::Arc;

use vigilmon_common::heartbeat::PingToken;
use vigilmon_common::id::{ChannelId, RouteId};
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::{Channel, ChannelKind, Route};
use vigilmon_common::problem::Problems;

use super::Handle;
use crate::engine::command::{Actor, CommandError};
use crate::engine::configuration::{Configuration, Ground, Plan, Wanted, plan};
use crate::engine::fleet::{ChannelChange, FleetMessage, RouteDraft};
use crate::notify::Waiting;
use crate::store::DeliveryRecord;

impl Handle {
    /// Channels and routes as messages are planned by now.
    #[must_use]
    pub fn notify_directory(&self) -> Arc<vigilmon_common::notify::plan::Directory> {
        self.env.notify_directory.load_full()
    }

    /// Saves a new channel; its kind was checked and sealed before.
    ///
    /// # Errors
    /// The name is taken, or the fallback does not exist or leads in a circle.
    pub async fn create_channel(
        &self,
        by: Actor,
        name: Name,
        kind: ChannelKind,
        fallback: Option<String>,
    ) -> Result<Channel, CommandError> {
        let kind = Box::new(kind);
        self.fleet(|reply| FleetMessage::CreateChannel {
            by,
            name,
            kind,
            fallback,
            reply,
        })
        .await
    }

    /// Changes a channel, and enables it again.
    ///
    /// # Errors
    /// There is no such channel, somebody was faster, or the fallback is none.
    pub async fn update_channel(
        &self,
        by: Actor,
        reference: &str,
        change: ChannelChange,
        etag: Option<u64>,
    ) -> Result<Channel, CommandError> {
        let reference = reference.to_owned();
        let change = Box::new(change);
        self.fleet(|reply| FleetMessage::UpdateChannel {
            by,
            reference,
            change,
            etag,
            reply,
        })
        .await
    }

    /// Removes a channel that no route, monitor or fallback names.
    ///
    /// # Errors
    /// There is no such channel, or something names it.
    pub async fn remove_channel(&self, by: Actor, reference: &str) -> Result<(), CommandError> {
        let reference = reference.to_owned();
        self.fleet(|reply| FleetMessage::RemoveChannel {
            by,
            reference,
            reply,
        })
        .await
    }

    /// Puts a test message in a channel's outbox and returns its key.
    ///
    /// # Errors
    /// There is no such channel.
    pub async fn test_channel(&self, by: Actor, reference: &str) -> Result<String, CommandError> {
        let reference = reference.to_owned();
        self.fleet(|reply| FleetMessage::TestChannel {
            by,
            reference,
            reply,
        })
        .await
    }

    /// Puts a settled message into its channel's outbox again, under the same key; the number of
    /// its new row.
    ///
    /// # Errors
    /// There is no such channel, or what the message said is not kept.
    pub async fn resend_delivery(
        &self,
        by: Actor,
        reference: &str,
        record: DeliveryRecord,
    ) -> Result<u64, CommandError> {
        let reference = reference.to_owned();
        let record = Box::new(record);
        self.fleet(|reply| FleetMessage::ResendDelivery {
            by,
            reference,
            record,
            reply,
        })
        .await
    }

    /// What waits for a channel, the row that is due first in front.
    ///
    /// # Errors
    /// The notifier does not answer.
    pub async fn waiting_for(&self, channel: ChannelId) -> Result<Vec<Waiting>, CommandError> {
        let waiting = self.env.notifier.waiting(channel).await;
        let busy = "its notifier does not answer".to_owned();
        waiting.ok_or(CommandError::Unavailable(busy))
    }

    /// Saves a route: a new one, or over the one with this id.
    ///
    /// # Errors
    /// It breaks rules, its name is taken, or somebody was faster.
    pub async fn save_route(
        &self,
        by: Actor,
        draft: RouteDraft,
        over: Option<(RouteId, Option<u64>)>,
    ) -> Result<Route, CommandError> {
        let draft = Box::new(draft);
        self.fleet(|reply| FleetMessage::SaveRoute {
            by,
            draft,
            over,
            reply,
        })
        .await
    }

    /// Removes a route.
    ///
    /// # Errors
    /// There is no such route.
    pub async fn remove_route(&self, by: Actor, reference: &str) -> Result<(), CommandError> {
        let reference = reference.to_owned();
        self.fleet(|reply| FleetMessage::RemoveRoute {
            by,
            reference,
            reply,
        })
        .await
    }

    // ---- the configuration as a whole

    /// What exists of the configuration.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        self.directory.read().configuration()
    }

    /// Plans how `on` becomes as `wanted`; `noted` are problems that were found before, and
    /// `new_token` makes the token of a new heartbeat.
    ///
    /// # Errors
    /// Everything that is wrong, by `list[index].field`.
    pub fn plan(
        &self,
        on: &Configuration,
        wanted: &Wanted,
        noted: Problems,
        new_token: &dyn Fn() -> PingToken,
    ) -> Result<Plan, Problems> {
        let ground = Ground {
            on,
            addresses: self.env.probe_addresses.as_deref(),
            now: self.env.clock.now(),
            new_token,
        };
        plan(&ground, wanted, noted)
    }

    /// Carries out a plan, all of it or nothing.
    ///
    /// # Errors
    /// The configuration has changed since the plan was made.
    pub async fn apply(&self, by: Actor, plan: Plan) -> Result<(), CommandError> {
        let plan = Box::new(plan);
        self.fleet(|reply| FleetMessage::ApplyPlan { by, plan, reply })
            .await
    }
}
