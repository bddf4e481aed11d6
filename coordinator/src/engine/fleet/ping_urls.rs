//! Commands on ping URLs: another token for a heartbeat, and the project's key.

use std::sync::Arc;
use std::time::Duration;

use vigilmon_common::duration;
use vigilmon_common::heartbeat::{Heartbeat, PingToken};
use vigilmon_common::problem::Problems;
use vigilmon_common::time::Time;

use super::api_tokens::DEFAULT_PROJECT;
use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError};
use crate::store::{Change, PingKeyRecord};

/// How long a replaced ping token counts yet where the user says nothing.
pub const OVERLAP_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// The longest that it may.
pub const OVERLAP_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

impl Fleet {
    pub(super) async fn rotate(
        &mut self,
        by: &Actor,
        reference: &str,
        token: PingToken,
        overlap: Option<Duration>,
    ) -> Result<Arc<Heartbeat>, Failure> {
        let overlap = overlap.unwrap_or(OVERLAP_DEFAULT);
        if overlap > OVERLAP_MAX {
            let mut problems = Problems::none();
            let message = format!("{} is too long", duration::format(overlap));
            let most = duration::format(OVERLAP_MAX);
            problems.add("overlap", message, format!("use at most {most}"));
            return Err(problems.into());
        }
        let former = self.find_heartbeat(reference, None)?;
        let now = self.env.clock.now();
        if !overlap.is_zero() {
            refuse_third(&former, now)?;
        }
        let present = former.tokens.iter().find(|token| token.until.is_none());
        let present = present.filter(|_| !overlap.is_zero()).cloned();
        let replaced = present.map(|present| PingToken {
            until: Some(now + overlap),
            ..present
        });
        let heartbeat = Heartbeat {
            tokens: std::iter::once(token).chain(replaced).collect(),
            ..former.saved_again(now)
        };
        self.save_heartbeat(by, "heartbeat.rotate", heartbeat, now)
            .await
    }

    /// Gives the project another key, or its first.
    pub(super) async fn set_ping_key(
        &mut self,
        by: &Actor,
        key: PingKeyRecord,
    ) -> Result<(), Failure> {
        let now = self.env.clock.now();
        let is_first = self.directory.read().ping_key().is_none();
        let action = if is_first {
            "ping_key.create"
        } else {
            "ping_key.rotate"
        };
        let object = format!("project {DEFAULT_PROJECT}");
        let changes = vec![
            Change::PutPingKey(key.clone()),
            audit::entry(by, action, &object, DEFAULT_PROJECT, "", now),
        ];
        self.commit(changes).await?;
        self.directory.write().put_ping_key(key);
        Ok(())
    }

    /// Gives the project its first key, and answers the one that it then has: of several who ask
    /// at once, all hear the same.
    pub(super) async fn first_ping_key(
        &mut self,
        by: &Actor,
        key: PingKeyRecord,
    ) -> Result<PingKeyRecord, Failure> {
        let kept = self.directory.read().ping_key().cloned();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        self.set_ping_key(by, key.clone()).await?;
        Ok(key)
    }
}

/// Two ping URLs count at most, and none that jobs may still use ends unless that was asked for.
fn refuse_third(former: &Heartbeat, now: Time) -> Result<(), CommandError> {
    let good = former.tokens.iter().filter(|token| token.is_good(now));
    match good.filter_map(|token| token.until).max() {
        None => Ok(()),
        Some(until) => Err(CommandError::Refused {
            message: format!(
                "the URL before this one still counts until {}",
                until.to_rfc3339()
            ),
            hint: "wait, or rotate with --overlap 0s, which ends both former ones at once"
                .to_owned(),
        }),
    }
}
