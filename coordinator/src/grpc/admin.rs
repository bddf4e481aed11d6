//! Backups, and what is wrong with this coordinator.

use std::pin::Pin;

use bytes::Bytes;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, async_trait};
use vigilmon_proto::convert::timestamp;
use vigilmon_proto::v1;
use vigilmon_proto::v1::admin_service_server::AdminService;

use super::auth::Caller;
use super::{Api, error};
use crate::store::backup;

mod diagnose;

/// A piece of a backup, in bytes: below gRPC's default limit.
const CHUNK: usize = 256 * 1024;
/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How full the disk of the data folder is.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// Bytes that can be written.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// What is around the coordinator, as far as it can be asked.
#[async_trait]
pub trait Surroundings: Send + Sync {
    /// Whether the mail relay takes connections, or why not; `None` without a relay.
    async fn mail(&self) -> Option<Result<(), String>>;

    /// The disk of the data folder, where it can be asked.
    fn disk(&self) -> Option<Disk>;
}

#[async_trait]
impl AdminService for Api {
    type BackupStream = Pin<Box<dyn Stream<Item = Result<v1::BackupChunk, Status>> + Send>>;

    async fn backup(
        &self,
        request: Request<v1::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        Caller::admin(&request)?;
        let now = self.engine.clock().now();
        let file = backup::of(&self.engine.stores().state, VERSION, now).await;
        let file = Bytes::from(file.map_err(|error| error::unavailable(&error))?);
        let starts = (0..file.len()).step_by(CHUNK);
        let chunks = starts.map(move |at| {
            let data = file.slice(at..file.len().min(at + CHUNK));
            Ok(v1::BackupChunk { data })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn diagnose(
        &self,
        request: Request<v1::DiagnoseRequest>,
    ) -> Result<Response<v1::DiagnoseResponse>, Status> {
        Caller::admin(&request)?;
        let findings = self.findings().await?;
        Ok(Response::new(v1::DiagnoseResponse {
            version: VERSION.to_owned(),
            time: Some(timestamp(self.engine.clock().now())),
            findings,
        }))
    }
}
