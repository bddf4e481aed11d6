//! Channels: kept, tested, and what became of their messages.

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::id::ChannelId;
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::Channel;
use vigilmon_common::problem::Problems;
use vigilmon_proto::convert::channel::channel_to_wire;
use vigilmon_proto::v1;
use vigilmon_proto::v1::channel_service_server::ChannelService;

use super::auth::Caller;
use super::{Api, error, etag, page};
use crate::engine::{ChannelChange, Object};

mod deliveries;
mod seal;

pub use seal::SealChannels;
use seal::show_once;

#[async_trait]
impl ChannelService for Api {
    async fn list_channels(
        &self,
        request: Request<v1::ListChannelsRequest>,
    ) -> Result<Response<v1::ListChannelsResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let page = page::ByName::asked(request.page_size, &request.page_token)?;
        let directory = self.engine.directory();
        let found = page.of(directory.read().channels().values(), |one| &one.name);
        let wire = found.iter().map(|one| self.channel_wire(one, project));
        let (channels, next_page_token) = page.fill(wire, |one| &one.name);
        Ok(Response::new(v1::ListChannelsResponse {
            channels,
            next_page_token,
        }))
    }

    async fn get_channel(
        &self,
        request: Request<v1::GetChannelRequest>,
    ) -> Result<Response<v1::Channel>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let channel = self.stored_channel(&request.r#ref)?;
        Ok(Response::new(self.channel_wire(&channel, project)))
    }

    async fn create_channel(
        &self,
        request: Request<v1::CreateChannelRequest>,
    ) -> Result<Response<v1::Channel>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let given = request.channel.ok_or_else(|| error::absent("channel"))?;
        let mut problems = Problems::none();
        let name = name(&given.name, &mut problems);
        let sealed = self.seal(given.kind.as_ref(), None, &mut problems);
        let (Some(name), Some(sealed)) = (name, sealed) else {
            return Err(error::invalid(&problems));
        };
        let fallback = Some(given.fallback).filter(|fallback| !fallback.is_empty());
        let made = self
            .engine
            .create_channel(caller.actor(), name, sealed.kind, fallback)
            .await;
        let channel = made.map_err(error::status)?;
        Ok(Response::new(show_once(
            self.channel_wire(&channel, project),
            sealed.made,
        )))
    }

    async fn update_channel(
        &self,
        request: Request<v1::UpdateChannelRequest>,
    ) -> Result<Response<v1::Channel>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let given = request.channel.ok_or_else(|| error::absent("channel"))?;
        let stored = self.stored_channel(&request.r#ref)?;
        let paths = request.update_mask.unwrap_or_default().paths;
        let wanted = Wanted::of(&given, &paths)?;
        let mut problems = Problems::none();
        let change_name = wanted
            .name
            .then(|| name(&given.name, &mut problems))
            .flatten();
        let sealed = if wanted.kind {
            self.seal(given.kind.as_ref(), Some(&stored.kind), &mut problems)
        } else {
            None
        };
        problems
            .or(())
            .map_err(|problems| error::invalid(&problems))?;
        let (kind, made) = sealed.map(|sealed| (sealed.kind, sealed.made)).unzip();
        let change = ChannelChange {
            name: change_name,
            kind,
            fallback: wanted.fallback.then_some(given.fallback),
        };
        let id = stored.id.to_string();
        let saved = self
            .engine
            .update_channel(caller.actor(), &id, change, etag(&given.etag))
            .await;
        let channel = saved.map_err(error::status)?;
        Ok(Response::new(show_once(
            self.channel_wire(&channel, project),
            made.flatten(),
        )))
    }

    async fn delete_channel(
        &self,
        request: Request<v1::DeleteChannelRequest>,
    ) -> Result<Response<()>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let stored = self.stored_channel(&request.r#ref)?;
        error::same_version(
            &request.etag,
            stored.version,
            Object::Channel,
            &request.r#ref,
        )?;
        let removed = self
            .engine
            .remove_channel(caller.actor(), &stored.id.to_string())
            .await;
        removed.map(Response::new).map_err(error::status)
    }

    async fn test(
        &self,
        request: Request<v1::TestChannelRequest>,
    ) -> Result<Response<v1::TestChannelResponse>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let channel = self.stored_channel(&request.r#ref)?;
        let key = self
            .engine
            .test_channel(caller.actor(), &channel.id.to_string())
            .await;
        let key = key.map_err(error::status)?;
        let first = self.first_attempt(channel.id, |one| one.key == key).await?;
        Ok(Response::new(v1::TestChannelResponse {
            delivered: first.delivered,
            detail: first.detail,
            key,
        }))
    }

    async fn list_deliveries(
        &self,
        request: Request<v1::ListDeliveriesRequest>,
    ) -> Result<Response<v1::ListDeliveriesResponse>, Status> {
        self.deliveries_page(request).await
    }

    async fn resend_delivery(
        &self,
        request: Request<v1::ResendDeliveryRequest>,
    ) -> Result<Response<v1::ResendDeliveryResponse>, Status> {
        self.resent(request).await
    }
}

impl Api {
    pub(super) fn channel_name(&self, id: ChannelId) -> Option<Name> {
        let directory = self.engine.directory().read();
        directory
            .channels()
            .get(&id)
            .map(|channel| channel.name.clone())
    }

    pub(super) fn channel_wire(&self, channel: &Channel, project: &str) -> v1::Channel {
        channel_to_wire(channel, project, &|id| self.channel_name(id))
    }

    fn stored_channel(&self, reference: &str) -> Result<Channel, Status> {
        let directory = self.engine.directory().read();
        let found = directory.channel(reference).cloned();
        found.ok_or_else(|| error::not_found(Object::Channel, reference))
    }
}

/// What an update changes.
struct Wanted {
    name: bool,
    kind: bool,
    fallback: bool,
}

impl Wanted {
    fn of(given: &v1::Channel, paths: &[String]) -> Result<Self, Status> {
        let mut wanted = Self {
            name: false,
            kind: false,
            fallback: false,
        };
        if paths.is_empty() {
            wanted.name = !given.name.is_empty();
            wanted.kind = given.kind.is_some();
            wanted.fallback = !given.fallback.is_empty();
        }
        for path in paths {
            match path.as_str() {
                "name" => wanted.name = true,
                "webhook" | "slack" | "discord" | "email" => wanted.kind = true,
                "fallback" => wanted.fallback = true,
                _ => {
                    let remedy = "name, webhook, slack, discord, email, fallback";
                    return Err(error::invalid_field(
                        "update_mask",
                        "names no field",
                        remedy,
                    ));
                }
            }
        }
        Ok(wanted)
    }
}

fn name(text: &str, problems: &mut Problems) -> Option<Name> {
    let refused = |error: vigilmon_common::name::InvalidName| {
        let shown: String = text.chars().take(60).collect();
        problems.add(
            "name",
            format!("`{shown}` cannot be a name"),
            error.to_string(),
        );
    };
    Name::parse(text).map_err(refused).ok()
}
