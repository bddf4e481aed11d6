//! Commands on regions.
//!
//! A region is a name that monitors, agents and tokens use: it is forgotten only when none of them
//! does. Its display name is what people read in messages and on pages.

use vigilmon_common::name::Region;
use vigilmon_common::time::Time;

use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError, Object};
use crate::engine::handle::not_found;
use crate::store::{Change, RegionRecord};

/// Most users of a region that a refusal names.
const NAMED_MAX: usize = 5;

impl Fleet {
    /// Names a region unless it is known.
    pub(super) async fn add_region(&mut self, by: &Actor, region: Region) -> Result<(), Failure> {
        if self.directory.read().regions().contains_key(&region) {
            return Ok(());
        }
        let record = RegionRecord {
            region,
            display_name: None,
            created_at: self.env.clock.now(),
        };
        self.save_region(by, "region.add", record).await
    }

    pub(super) async fn create_region(
        &mut self,
        by: &Actor,
        region: Region,
        display_name: Option<String>,
    ) -> Result<RegionRecord, Failure> {
        if self.directory.read().regions().contains_key(&region) {
            let name = region.to_string();
            let object = Object::Region;
            return Err(CommandError::Exists { object, name }.into());
        }
        let record = RegionRecord {
            region,
            display_name,
            created_at: self.env.clock.now(),
        };
        self.save_region(by, "region.add", record.clone()).await?;
        Ok(record)
    }

    pub(super) async fn update_region(
        &mut self,
        by: &Actor,
        region: Region,
        display_name: Option<String>,
    ) -> Result<RegionRecord, Failure> {
        let mut record = self.known_region(&region)?;
        if record.display_name != display_name {
            record.display_name = display_name;
            self.save_region(by, "region.set", record.clone()).await?;
        }
        Ok(record)
    }

    pub(super) async fn remove_region(
        &mut self,
        by: &Actor,
        region: &Region,
    ) -> Result<(), Failure> {
        self.known_region(region)?;
        let now = self.env.clock.now();
        self.unused(region, now)?;
        let object = format!("region {region}");
        let changes = vec![
            Change::RemoveRegion(region.clone()),
            audit::entry(by, "region.remove", &object, region.as_str(), "", now),
        ];
        self.commit(changes).await?;
        self.directory.write().remove_region(region);
        self.publish_directory();
        Ok(())
    }

    fn known_region(&self, region: &Region) -> Result<RegionRecord, CommandError> {
        let known = self.directory.read().regions().get(region).cloned();
        known.ok_or_else(|| not_found(Object::Region, region.as_str()))
    }

    async fn save_region(
        &mut self,
        by: &Actor,
        action: &str,
        record: RegionRecord,
    ) -> Result<(), Failure> {
        let now = self.env.clock.now();
        let object = format!("region {}", record.region);
        let shown = record.display_name.as_deref();
        let detail = shown.map_or_else(String::new, |shown| format!("display name {shown}"));
        let changes = vec![
            Change::PutRegion(record.clone()),
            audit::entry(by, action, &object, record.region.as_str(), &detail, now),
        ];
        self.commit(changes).await?;
        self.directory.write().put_region(record);
        self.publish_directory();
        Ok(())
    }

    /// Refuses while something names the region, and says what.
    fn unused(&self, region: &Region, now: Time) -> Result<(), CommandError> {
        let directory = self.directory.read();
        let monitors = directory
            .monitors()
            .filter(|m| m.spec.regions.contains(region));
        let monitors: Vec<String> = monitors.map(|m| m.spec.name.to_string()).collect();
        let agents = directory.agents().values();
        let agents = agents.filter(|a| a.record.region == *region && a.record.revoked_at.is_none());
        let agents: Vec<String> = agents.map(|a| a.record.name.to_string()).collect();
        let tokens = directory.agent_tokens().into_iter();
        let tokens = tokens.filter(|t| t.region == *region && t.is_good(now));
        let tokens: Vec<String> = tokens.map(|t| t.id.to_string()).collect();
        let users = [
            (
                "monitors",
                monitors,
                "take it out of them (`monitor edit --regions`)",
            ),
            ("agents", agents, "revoke them (`agent revoke`)"),
            ("agent tokens", tokens, "revoke them (`agent token revoke`)"),
        ];
        let users: Vec<_> = users
            .iter()
            .filter(|(_, names, _)| !names.is_empty())
            .collect();
        if users.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = users
            .iter()
            .map(|(what, names, _)| some(what, names))
            .collect();
        let hints: Vec<_> = users.iter().map(|(_, _, hint)| *hint).collect();
        Err(CommandError::Refused {
            message: format!("region {region} is in use by the {}", named.join(", the ")),
            hint: hints.join("; "),
        })
    }
}

/// `monitors a, b and 3 more`.
fn some(what: &str, names: &[String]) -> String {
    let shown = names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>();
    let more = names.len() - shown.len();
    let rest = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{what} {}{rest}", shown.join(", "))
}
