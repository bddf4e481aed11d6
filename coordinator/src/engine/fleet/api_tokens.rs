//! Commands on tokens of the API.
//!
//! What is done with a token stands under its name in the audit log and in incidents, so no two good
//! tokens have the same one. The last good token of role admin cannot be revoked: nobody could
//! administer the coordinator without it.

use std::time::Duration;

use vigilmon_common::id::TokenId;
use vigilmon_common::time::Time;
use vigilmon_runtime::random;

use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError, Object};
use crate::engine::handle::not_found;
use crate::store::{ApiTokenRecord, Change, Role};
use crate::token;

/// The project that exists from the start.
pub(super) const DEFAULT_PROJECT: &str = "default";

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// What it may do.
    pub role: Role,
    /// Its name; may be empty.
    pub label: String,
    /// How long it is good; `None`: until it is revoked.
    pub ttl: Option<Duration>,
}

impl NewApiToken {
    /// One that may do everything until it is revoked.
    #[must_use]
    pub fn admin(label: &str) -> Self {
        Self {
            role: Role::Admin,
            label: label.to_owned(),
            ttl: None,
        }
    }
}

impl Fleet {
    pub(super) async fn create_api_token(
        &mut self,
        by: &Actor,
        new: NewApiToken,
    ) -> Result<(ApiTokenRecord, String), Failure> {
        let now = self.env.clock.now();
        // What the process makes for itself replaces one whose secret was lost: the name stays.
        if *by != Actor::coordinator() {
            self.free_label(&new.label, now)?;
        }
        let secret = random::token(token::API_PREFIX);
        let (at, bytes) = random::for_id(now);
        let record = ApiTokenRecord {
            id: TokenId::new(at, bytes),
            digest: token::digest(&secret),
            role: new.role,
            project: DEFAULT_PROJECT.to_owned(),
            label: new.label,
            created_at: now,
            expires_at: new.ttl.map(|ttl| now + ttl),
            revoked_at: None,
        };
        let detail = format!("role {}", record.role.as_str());
        self.save_api_token(by, "token.create", &record, &detail, now)
            .await?;
        Ok((record, secret))
    }

    pub(super) async fn revoke_api_token(
        &mut self,
        by: &Actor,
        reference: &str,
    ) -> Result<ApiTokenRecord, Failure> {
        let now = self.env.clock.now();
        let all = self.directory.read().api_tokens();
        let mut record = find(&all, reference, now)?;
        if record.revoked_at.is_some() {
            return Ok(record);
        }
        let is_admin = |t: &&ApiTokenRecord| t.role == Role::Admin && t.is_good(now);
        let others = all.iter().filter(is_admin).filter(|t| t.id != record.id);
        if record.role == Role::Admin && record.is_good(now) && others.count() == 0 {
            return Err(CommandError::Refused {
                message: format!(
                    "token {} is the last good one of role admin: nobody could administer this \
                     coordinator without it",
                    shown(&record)
                ),
                hint: "make another first: `vigilmon token add --role admin`".to_owned(),
            }
            .into());
        }
        record.revoked_at = Some(now);
        self.save_api_token(by, "token.revoke", &record, "", now)
            .await?;
        Ok(record)
    }

    async fn save_api_token(
        &mut self,
        by: &Actor,
        action: &str,
        record: &ApiTokenRecord,
        detail: &str,
        now: Time,
    ) -> Result<(), Failure> {
        let object = format!("token {}", record.id);
        let changes = vec![
            Change::PutApiToken(record.clone()),
            audit::entry(by, action, &object, &record.label, detail, now),
        ];
        self.commit(changes).await?;
        self.directory.write().put_api_token(record.clone());
        Ok(())
    }

    fn free_label(&self, label: &str, now: Time) -> Result<(), CommandError> {
        // Who reads the audit log must be able to tell tokens from what acts without one.
        let own = [Actor::coordinator(), Actor::slug_ping()];
        let is_own = own.iter().any(|actor| actor.name == label);
        let all = self.directory.read().api_tokens();
        let mut good = all.iter().filter(|t| t.is_good(now));
        if is_own || (!label.is_empty() && good.any(|t| t.label == label)) {
            return Err(CommandError::Exists {
                object: Object::Token,
                name: label.to_owned(),
            });
        }
        Ok(())
    }
}

/// A token by id, or by name: the good one of that name, else the only one.
fn find(
    all: &[ApiTokenRecord],
    reference: &str,
    now: Time,
) -> Result<ApiTokenRecord, CommandError> {
    if let Ok(id) = reference.parse::<TokenId>()
        && let Some(found) = all.iter().find(|t| t.id == id)
    {
        return Ok(found.clone());
    }
    let named: Vec<_> = all
        .iter()
        .filter(|t| !t.label.is_empty() && t.label == reference)
        .collect();
    let good: Vec<_> = named.iter().filter(|t| t.is_good(now)).collect();
    match (good.as_slice(), named.as_slice()) {
        ([only], _) => Ok((**only).clone()),
        ([], [only]) => Ok((*only).clone()),
        ([], []) => Err(not_found(Object::Token, reference)),
        _ => Err(CommandError::Refused {
            message: format!("{} tokens are called `{reference}`", named.len()),
            hint: "name it by its id (`vigilmon token list`)".to_owned(),
        }),
    }
}

fn shown(record: &ApiTokenRecord) -> String {
    match record.label.is_empty() {
        true => record.id.to_string(),
        false => format!("`{}`", record.label),
    }
}
