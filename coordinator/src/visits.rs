//! Who visits the dashboard: sign-in links and visits, shared by the doors.
//!
//! A visit rests on a token of the API, by its digest: it ends when the token is revoked or
//! expires, and may never do more than the token.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vigilmon_common::time::Time;
use vigilmon_common::visit::{self, Attempts, LinkRefused};
use vigilmon_runtime::random;

use crate::engine::Handle;
use crate::store::{ApiTokenRecord, Role};
use crate::token;

/// What a visit may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pass {
    token: [u8; 32],
    role: Role,
}

impl Pass {
    /// As much as a token may do, or less.
    #[must_use]
    pub fn of(token: &ApiTokenRecord, role: Role) -> Self {
        let token_digest = token.digest;
        Self {
            token: token_digest,
            // Roles are sorted from the one that may do most.
            role: role.max(token.role),
        }
    }
}

/// The address that a link's secret makes.
#[must_use]
pub fn link_url(public_url: &str, secret: &str) -> String {
    let base = public_url.trim_end_matches('/');
    format!("{base}/sign-in/{secret}")
}

/// Somebody who signed in, at one request.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The token that the visit rests on.
    pub token: ApiTokenRecord,
    /// What they may do.
    pub role: Role,
}

impl Visitor {
    /// As the audit log and transitions name them: by their token.
    #[must_use]
    pub fn name(&self) -> String {
        match self.token.label.as_str() {
            "" => self.token.id.to_string(),
            label => label.to_owned(),
        }
    }

    /// Whether they may change anything.
    #[must_use]
    pub fn may_act(&self) -> bool {
        matches!(self.role, Role::Admin | Role::Editor)
    }
}

/// See the module; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SharedVisits(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    visits: visit::Visits<Pass>,
    attempts: Attempts,
}

impl SharedVisits {
    /// Makes a link; its secret.
    #[must_use]
    pub fn link(&self, pass: Pass, now: Time) -> String {
        let secret = random::token("");
        self.lock().visits.link(token::digest(&secret), pass, now);
        secret
    }

    /// Whether a link would let somebody in; it stays unused.
    ///
    /// # Errors
    /// It would not.
    pub fn look(&self, secret: &str, now: Time) -> Result<(), LinkRefused> {
        self.lock().visits.look(&token::digest(secret), now)
    }

    /// Follows a link; the secret of the visit that begins.
    ///
    /// # Errors
    /// It lets nobody in.
    pub fn follow(&self, secret: &str, now: Time) -> Result<String, LinkRefused> {
        let pass = self.lock().visits.follow(&token::digest(secret), now)?;
        Ok(self.begin(pass, now))
    }

    /// A visit begins; its secret.
    #[must_use]
    pub fn begin(&self, pass: Pass, now: Time) -> String {
        let secret = random::token("");
        self.lock().visits.begin(token::digest(&secret), pass, now);
        secret
    }

    /// Who asks, if the visit and its token are still good.
    #[must_use]
    pub fn visitor(&self, secret: &str, engine: &Handle, now: Time) -> Option<Visitor> {
        let digest = token::digest(secret);
        let pass = self.lock().visits.request(&digest, now)?;
        let Some(token) = engine.api_token_of(&pass.token) else {
            self.lock().visits.end(&digest);
            return None;
        };
        let role = pass.role.max(token.role);
        Some(Visitor { token, role })
    }

    /// A visit ends.
    pub fn end(&self, secret: &str) {
        self.lock().visits.end(&token::digest(secret));
    }

    /// Whether a peer may try to sign in.
    ///
    /// # Errors
    /// It may not before this time has passed.
    pub fn may_try(&self, peer: IpAddr, now: Time) -> Result<(), Duration> {
        self.lock().attempts.may_try(peer, now)
    }

    /// A peer tried and failed.
    pub fn failed(&self, peer: IpAddr, now: Time) {
        self.lock().attempts.failed(peer, now);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
