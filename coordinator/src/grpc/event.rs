//! Events as they happen.
//!
//! A cursor on the wire names the life of the stores, the commit and the place in it: after a
//! restore, commits count anew, and an old cursor must not be taken for one of theirs.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::id::Epoch;
use vigilmon_proto::convert::timestamp;
use vigilmon_proto::v1;
use vigilmon_proto::v1::event_service_server::EventService;

use super::auth::Caller;
use super::{Api, error};
use crate::engine::{Handle, WatchError, Watcher};
use crate::store::{CommitNo, EventRecord, PendingId};

/// Where the answer says at which cursor it begins.
const CURSOR_HEADER: &str = "vigilmon-cursor";
/// The cursor that means: with the oldest event that is kept.
const OLDEST: &str = "oldest";
/// Whether the caller's token is still good is looked at this often.
const TOKEN_EVERY: Duration = Duration::from_secs(2);

#[async_trait]
impl EventService for Api {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::Event, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let epoch = self.engine.epoch();
        let cursor = match request.cursor.as_str() {
            "" => None,
            OLDEST => Some(self.oldest().await?),
            text => match read(text, epoch) {
                Some(cursor) => Some(cursor),
                None => {
                    let oldest = self.oldest().await?;
                    let said = "is no cursor of this coordinator's events";
                    return Err(error::out_of_range(said, &write(oldest, epoch)));
                }
            },
        };
        let watcher = self.engine.watch(cursor).await;
        let watcher = watcher.map_err(|error| refused(error, epoch))?;
        let begin = write(watcher.cursor(), epoch);
        let watching = Watching {
            watcher,
            engine: self.engine.clone(),
            caller,
            stop: self.stop.clone(),
            ready: VecDeque::new(),
        };
        let events = futures_util::stream::unfold(Some(watching), |watching| async {
            let mut watching = watching?;
            match watching.next().await {
                Ok(event) => Some((Ok(event), Some(watching))),
                Err(status) => Some((Err(status), None)),
            }
        });
        let mut response = Response::new(Box::pin(events) as Self::WatchStream);
        if let Ok(begin) = begin.parse() {
            response.metadata_mut().insert(CURSOR_HEADER, begin);
        }
        Ok(response)
    }
}

impl Api {
    async fn oldest(&self) -> Result<PendingId, Status> {
        let oldest = self.engine.stores().history.events_dropped().await;
        oldest.map_err(|error| error::unavailable(&error))
    }
}

/// One who watches.
struct Watching {
    watcher: Watcher,
    engine: Handle,
    caller: Caller,
    stop: CancellationToken,
    ready: VecDeque<EventRecord>,
}

impl Watching {
    async fn next(&mut self) -> Result<v1::Event, Status> {
        loop {
            if !self.caller.is_good(&self.engine) {
                return Err(error::unauthenticated("this token is expired or revoked"));
            }
            let epoch = self.engine.epoch();
            if let Some(event) = self.ready.pop_front() {
                return Ok(to_wire(event, epoch));
            }
            tokio::select! {
                () = self.stop.cancelled() => {
                    return Err(Status::unavailable("the coordinator is stopping"));
                }
                found = self.watcher.next() => {
                    self.ready.extend(found.map_err(|error| refused(error, epoch))?);
                }
                () = tokio::time::sleep(TOKEN_EVERY) => {}
            }
        }
    }
}

fn refused(error: WatchError, epoch: Epoch) -> Status {
    match &error {
        WatchError::TooOld { oldest: at } | WatchError::Unknown { newest: at } => {
            error::out_of_range(&error.to_string(), &write(*at, epoch))
        }
        WatchError::TooMany => Status::resource_exhausted(error.to_string()),
        WatchError::Store(failed) => error::unavailable(failed),
    }
}

fn to_wire(event: EventRecord, epoch: Epoch) -> v1::Event {
    v1::Event {
        cursor: write(event.cursor, epoch),
        r#type: event.event,
        time: Some(timestamp(event.at)),
        data: event.data,
    }
}

fn life(epoch: Epoch) -> String {
    let [.., a, b, c, d] = *epoch.as_bytes();
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

fn write(cursor: PendingId, epoch: Epoch) -> String {
    format!("{}-{}-{}", life(epoch), cursor.commit.0, cursor.place)
}

fn read(text: &str, epoch: Epoch) -> Option<PendingId> {
    let (commit, place) = text
        .strip_prefix(&life(epoch))?
        .strip_prefix('-')?
        .split_once('-')?;
    Some(PendingId {
        commit: CommitNo(commit.parse().ok()?),
        place: place.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_in_the_same_life_only() {
        let (one, other) = (Epoch::from_bytes([1; 16]), Epoch::from_bytes([2; 16]));
        let cursor = PendingId::end_of(CommitNo(7));
        assert_eq!(read(&write(cursor, one), one), Some(cursor));
        assert_eq!(read(&write(cursor, one), other), None);
        for bad in ["", "x", "01010101", "01010101-7", "01010101-7-x"] {
            assert_eq!(read(bad, one), None, "{bad}");
        }
    }
}
