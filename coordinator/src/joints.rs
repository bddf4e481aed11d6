//! Where parts meet that do not know each other: the gRPC door hands channels to the notifier's
//! checks, and asks for what is around the coordinator.

use std::path::PathBuf;

use tonic::async_trait;

use vigilmon_common::notify::channel::Sealed;
use vigilmon_common::problem::Problems;
use vigilmon_runtime::random;

use crate::grpc::{Disk, SealChannels, Surroundings};
use crate::notify::check::Checker;
use crate::notify::email::Smtp;

/// The mail relay and the disk.
pub(crate) struct Around {
    /// The relay, where there is one.
    pub(crate) smtp: Option<Smtp>,
    /// The data folder.
    pub(crate) data: PathBuf,
}

#[async_trait]
impl Surroundings for Around {
    async fn mail(&self) -> Option<Result<(), String>> {
        Some(self.smtp.as_ref()?.reach().await)
    }

    fn disk(&self) -> Option<Disk> {
        let disk = rustix::fs::statvfs(&self.data).ok()?;
        Some(Disk {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            total: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }
}

impl SealChannels for Checker {
    fn url(&self, kind: &str, url: &str) -> Result<(String, Sealed), Problems> {
        Checker::url(self, kind, url)
    }

    fn webhook_secret(&self, given: Option<&str>) -> Result<(Sealed, Option<String>), Problems> {
        Checker::webhook_secret(self, given, random::bytes())
    }

    fn same(&self, one: &Sealed, other: &Sealed) -> bool {
        match (self.key.unseal(&one.0), self.key.unseal(&other.0)) {
            (Ok(one), Ok(other)) => *one == *other,
            (Ok(_) | Err(_), _) => false,
        }
    }

    fn email(&self, to: &[String]) -> Result<Vec<String>, Problems> {
        Checker::email(self, to)
    }
}
