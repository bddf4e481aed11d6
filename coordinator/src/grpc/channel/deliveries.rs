//! What was tried for a channel and what waits, and sending a settled message again.

use std::time::Duration;

use tonic::{Request, Response, Status};
use vigilmon_common::id::ChannelId;
use vigilmon_common::notify::row::RowSubject;
use vigilmon_common::time::Time;
use vigilmon_proto::convert::{duration, timestamp};
use vigilmon_proto::v1;

use crate::engine::{CommandError, Object, Waiting};
use crate::grpc::auth::Caller;
use crate::grpc::{Api, error, page};
use crate::store::{DeliveryPlace, DeliveryRecord, DeliveryResult};

/// How long a caller waits for a first attempt.
const FIRST_WITHIN: Duration = Duration::from_secs(12);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many of a channel's newest deliveries are looked through for a new one.
const NEW_LOOK: usize = 50;
/// How many of a channel's newest deliveries are looked through for one to send again.
const OLD_LOOK: usize = 10_000;
/// How many of them are read at once.
const OLD_STEP: usize = 500;

/// What became of a first attempt, in the words of the answers.
pub(super) struct First {
    pub(super) delivered: bool,
    pub(super) detail: String,
}

impl Api {
    pub(super) async fn deliveries_page(
        &self,
        request: Request<v1::ListDeliveriesRequest>,
    ) -> Result<Response<v1::ListDeliveriesResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let size = page::size(request.page_size)?;
        let place = page::token(&request.page_token, read_place)?;
        let channel = self.stored_channel(&request.r#ref)?.id;
        let waiting = match place {
            None => self
                .engine
                .waiting_for(channel)
                .await
                .map_err(error::status)?,
            Some(_) => Vec::new(),
        };
        let before = place.unwrap_or(DeliveryPlace::END);
        let found = self.tried(channel, before, size + 1).await?;
        let (deliveries, more) = page::fill(size, found.iter().map(tried_to_wire));
        let last = found.get(deliveries.len().wrapping_sub(1)).filter(|_| more);
        Ok(Response::new(v1::ListDeliveriesResponse {
            deliveries,
            next_page_token: last.map(write_place).unwrap_or_default(),
            waiting: waiting.iter().map(waiting_to_wire).collect(),
        }))
    }

    pub(super) async fn resent(
        &self,
        request: Request<v1::ResendDeliveryRequest>,
    ) -> Result<Response<v1::ResendDeliveryResponse>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        if request.delivery.is_empty() {
            return Err(error::absent("delivery"));
        }
        let channel = self.stored_channel(&request.r#ref)?.id;
        self.refuse_waiting(channel, &request.delivery).await?;
        let record = self.settled(channel, &request.delivery).await?;
        let key = record.key.clone();
        self.refuse_waiting(channel, &key).await?;
        let again = self
            .engine
            .resend_delivery(caller.actor(), &channel.to_string(), record)
            .await;
        let row = again.map_err(error::status)?;
        let first = self.first_attempt(channel, |one| one.row == row).await?;
        Ok(Response::new(v1::ResendDeliveryResponse {
            delivered: first.delivered,
            detail: first.detail,
            key,
            id: row.to_string(),
        }))
    }

    /// Waits for the first attempt at a message, as long as a caller may be kept waiting.
    pub(super) async fn first_attempt(
        &self,
        channel: ChannelId,
        is_it: impl Fn(&DeliveryRecord) -> bool,
    ) -> Result<First, Status> {
        let attempt = async {
            let mut tick = tokio::time::interval(LOOK_EVERY);
            loop {
                tick.tick().await;
                if let Some(attempt) = self.newest(channel, &is_it).await? {
                    return Ok::<_, Status>(attempt);
                }
            }
        };
        let attempt = match tokio::time::timeout(FIRST_WITHIN, attempt).await {
            Ok(attempt) => Some(attempt?),
            // It may have been told while a look took its time.
            Err(_) => self.newest(channel, &is_it).await?,
        };
        Ok(match attempt {
            Some(attempt) => First {
                delivered: attempt.result == DeliveryResult::Sent,
                detail: attempt.detail,
            },
            None => First {
                delivered: false,
                detail: "no answer yet".to_owned(),
            },
        })
    }

    /// The one among a channel's newest deliveries that is so.
    async fn newest(
        &self,
        channel: ChannelId,
        is_it: impl Fn(&DeliveryRecord) -> bool,
    ) -> Result<Option<DeliveryRecord>, Status> {
        let tried = self.tried(channel, DeliveryPlace::END, NEW_LOOK).await?;
        Ok(tried.into_iter().find(is_it))
    }

    async fn tried(
        &self,
        channel: ChannelId,
        before: DeliveryPlace,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, Status> {
        let stores = self.engine.stores();
        // Deliveries are committed with the outbox and move to the history from there.
        let settled = stores.settle().await;
        settled.map_err(|error| error::unavailable(&error))?;
        let tried = stores.history.deliveries(channel, before, limit).await;
        tried.map_err(|error| error::unavailable(&error))
    }

    /// A message that is still being tried needs no second sending.
    async fn refuse_waiting(&self, channel: ChannelId, wanted: &str) -> Result<(), Status> {
        let waiting = self.engine.waiting_for(channel).await;
        let waiting = waiting.map_err(error::status)?;
        let is_it = |w: &&Waiting| w.row.key == wanted || w.row.id.to_string() == wanted;
        let Some(found) = waiting.iter().find(is_it) else {
            return Ok(());
        };
        let next = match found.in_flight {
            true => "it is being tried right now".to_owned(),
            false => format!(
                "its next attempt is due at {}",
                found.row.next_at.to_rfc3339()
            ),
        };
        Err(error::status(CommandError::Refused {
            message: format!("delivery `{wanted}` is not settled: {next}"),
            hint: "it is tried for 24 hours by itself".to_owned(),
        }))
    }

    /// The newest settled delivery of this id or key.
    async fn settled(&self, channel: ChannelId, wanted: &str) -> Result<DeliveryRecord, Status> {
        let id = wanted.parse::<u64>().ok();
        let mut before = DeliveryPlace::END;
        for _ in 0..OLD_LOOK / OLD_STEP {
            let tried = self.tried(channel, before, OLD_STEP).await?;
            let Some(last) = tried.last() else {
                break;
            };
            before = last.place();
            let is_it = |one: &DeliveryRecord| Some(one.row) == id || one.key == wanted;
            let settled = |one: &DeliveryRecord| one.result != DeliveryResult::Failed;
            if let Some(found) = tried.into_iter().find(|one| is_it(one) && settled(one)) {
                return Ok(found);
            }
        }
        Err(error::not_found(Object::Delivery, wanted))
    }
}

fn tried_to_wire(record: &DeliveryRecord) -> v1::Delivery {
    let result = match record.result {
        DeliveryResult::Sent => v1::DeliveryResult::Sent,
        DeliveryResult::Failed => v1::DeliveryResult::Failed,
        DeliveryResult::Dead => v1::DeliveryResult::Dead,
        DeliveryResult::Suppressed => v1::DeliveryResult::Suppressed,
        DeliveryResult::Superseded => v1::DeliveryResult::Superseded,
    };
    v1::Delivery {
        id: record.row.to_string(),
        key: record.key.clone(),
        event: record.event.clone(),
        subject: record.subject.clone(),
        incident: record.incident.map(|id| id.to_string()).unwrap_or_default(),
        attempt: record.attempt,
        result: result.into(),
        detail: record.detail.clone(),
        time: Some(timestamp(record.at)),
        took: Some(duration(record.took)),
        next_attempt_time: None,
        can_resend: record.message.is_some(),
    }
}

fn waiting_to_wire(waiting: &Waiting) -> v1::Delivery {
    let row = &waiting.row;
    let result = match waiting.in_flight {
        true => v1::DeliveryResult::Sending,
        false => v1::DeliveryResult::Waiting,
    };
    v1::Delivery {
        id: row.id.to_string(),
        key: row.key.clone(),
        event: row.event.clone(),
        subject: waiting.subject.clone(),
        incident: match &row.subject {
            RowSubject::Incident(id) => id.to_string(),
            RowSubject::Test(_) => String::new(),
        },
        attempt: row.attempts,
        result: result.into(),
        detail: row.last_error.clone(),
        time: Some(timestamp(row.created_at)),
        took: None,
        next_attempt_time: Some(timestamp(row.next_at)),
        can_resend: false,
    }
}

fn write_place(record: &DeliveryRecord) -> String {
    let place = record.place();
    format!("d:{}:{}:{}", place.at.as_millis(), place.row, place.attempt)
}

fn read_place(token: &str) -> Option<DeliveryPlace> {
    let mut parts = token.strip_prefix("d:")?.split(':');
    let place = DeliveryPlace {
        at: Time::from_millis(parts.next()?.parse().ok()?),
        row: parts.next()?.parse().ok()?,
        attempt: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(place)
}
