//! Backfill: results that were not acked when a session broke. They are stored and acked, and
//! make no votes: the vote summary has spoken for the present.
//!
//! One batch at a time, so that live results go first.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tonic::{Status, Streaming};
use vigilmon_common::id::SessionId;
use vigilmon_common::name::Region;
use vigilmon_common::session::coordinator::{CREDITS, Judge};
use vigilmon_common::session::messages::{Ack, FIRST_SEQ};
use vigilmon_proto::convert::session::{ack_to_wire, batch_from_wire};
use vigilmon_proto::v1;
use vigilmon_proto::v1::backfill_message::Message;
use vigilmon_runtime::fault;

use super::{Door, first, malformed};
use crate::grpc::error;
use crate::store::AgentTokenRecord;

type Outbound = mpsc::Sender<Result<v1::Ack, Status>>;

/// Serves one backfill until the agent has sent everything, or its session ends.
pub(super) async fn serve(
    door: Arc<Door>,
    token: AgentTokenRecord,
    mut inbound: Streaming<v1::BackfillMessage>,
    out: Outbound,
) {
    if let Err(status) = fill(&door, &token, &mut inbound, &out).await {
        tracing::info!(region = %token.region, error = status.message(), "backfill ended");
        // Where the agent has gone there is nobody to tell.
        let _ = out.try_send(Err(status));
    }
}

async fn fill(
    door: &Door,
    token: &AgentTokenRecord,
    inbound: &mut Streaming<v1::BackfillMessage>,
    out: &Outbound,
) -> Result<(), Status> {
    let Some(Message::Open(open)) = first(inbound, "BackfillOpen").await?.message else {
        return Err(Status::invalid_argument("the first message must be `open`"));
    };
    let session = open.session.as_ref().try_into().map(SessionId::from_bytes);
    let session = session.map_err(|_| Status::invalid_argument("session: must be 16 bytes"))?;
    let judge = judge(door, token, session).await?;
    let stop = door.tasks.stop_token();
    let mut next_seq = FIRST_SEQ;
    loop {
        let message = tokio::select! {
            message = inbound.message() => message?,
            () = stop.cancelled() => return Err(Status::unavailable("the coordinator stops")),
        };
        let Some(message) = message else {
            return Ok(());
        };
        let Some(Message::Results(batch)) = message.message else {
            return Err(Status::invalid_argument("results follow `open`"));
        };
        if !door.engine.is_live(judge.agent, session) {
            return Err(over());
        }
        let came = batch.first_seq;
        if came != next_seq {
            let text = format!("number {came} came, {next_seq} was next");
            return Err(Status::invalid_argument(text));
        }
        let ack = store(door, &token.region, &judge, batch).await?;
        next_seq = ack.seq + 1;
        fault::point("before-ack");
        if out.send(Ok(ack_to_wire(&ack))).await.is_err() {
            return Ok(());
        }
    }
}

/// By what the results are judged: that is the live session's to say.
async fn judge(door: &Door, token: &AgentTokenRecord, session: SessionId) -> Result<Judge, Status> {
    let live = door.live().get(&session).cloned().ok_or_else(over)?;
    if live.token != token.id || !door.engine.is_live(live.agent, session) {
        return Err(over());
    }
    let (ask, answer) = oneshot::channel();
    live.judge.send(ask).await.map_err(|_| over())?;
    answer.await.map_err(|_| over())
}

async fn store(
    door: &Door,
    region: &Region,
    judge: &Judge,
    wire: v1::ResultBatch,
) -> Result<Ack, Status> {
    let now = door.engine.clock().now();
    let batch = batch_from_wire(wire, judge.agent, now);
    let batch = batch.map_err(|invalid| malformed(&invalid))?;
    let seq = batch.end_seq() - 1;
    let mut refused = Vec::new();
    let usable = judge.usable(batch, now, &mut refused);
    if !usable.is_empty() {
        let stored = door.engine.backfill(region, usable).await;
        stored.map_err(error::status)?;
    }
    Ok(Ack {
        seq,
        refused,
        credits: CREDITS,
    })
}

fn over() -> Status {
    Status::failed_precondition("the session that this backfill belongs to is over")
}
