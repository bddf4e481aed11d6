//! What is wrong, or soon will be: one line each, with its remedy.

use std::collections::BTreeMap;
use std::time::Duration;

use tonic::Status;
use vigilmon_common::incident::{Incident, Subject};
use vigilmon_common::name::Region;
use vigilmon_common::outcome::ReasonCode;
use vigilmon_common::session::assignment::RejectWhy;
use vigilmon_common::time::Time;
use vigilmon_proto::v1::{Finding, FindingLevel};

use super::Disk;
use crate::engine::{AgentView, Directory};
use crate::grpc::{Api, error};

/// An incident that is open for longer is worth a look.
const LONG: Duration = Duration::from_secs(24 * 3600);
/// Less free disk than this, in percent, is worth a look, or too little.
const FREE_WARN: u64 = 10;
const FREE_FAIL: u64 = 2;
/// Most findings of one kind.
const FINDINGS_MAX: usize = 50;

impl Api {
    pub(super) async fn findings(&self) -> Result<Vec<Finding>, Status> {
        let now = self.engine.clock().now();
        let mut found = Vec::new();
        {
            let directory = self.engine.directory().read();
            found.extend(regions(&directory));
            found.extend(agents(&directory, now));
            found.extend(channels(&directory));
        }
        found.extend(mail(self.surroundings.mail().await));
        let stores = self.engine.stores();
        let sizes = (stores.state.size().await, stores.history.size().await);
        let (Ok(state), Ok(history)) = sizes else {
            let failure = stores.failure();
            let closed = Status::unavailable("the stores are closed");
            return Err(failure.map_or(closed, |failure| error::unavailable(&failure)));
        };
        found.push(store(state + history, self.surroundings.disk()));
        found.extend(incidents(&self.engine.incidents(true), now));
        Ok(found)
    }
}

fn finding(check: &str, level: FindingLevel, text: String, remedy: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        level: level.into(),
        text,
        remedy: remedy.to_owned(),
    }
}

/// What was found, or that all is well.
fn or_well(check: &str, mut found: Vec<Finding>, well: String) -> Vec<Finding> {
    if found.is_empty() {
        found.push(finding(check, FindingLevel::Ok, well, ""));
    }
    found.truncate(FINDINGS_MAX);
    found
}

fn regions(directory: &Directory) -> Vec<Finding> {
    let mut watched: BTreeMap<&Region, usize> = BTreeMap::new();
    for monitor in directory.monitors().filter(|m| !m.paused) {
        for region in &monitor.spec.regions {
            *watched.entry(region).or_default() += 1;
        }
    }
    let empty = watched
        .iter()
        .filter(|(region, _)| directory.connected_agent(region).is_none());
    let empty = empty.map(|(region, count)| {
        let text = format!("{region} has no agent; {count} monitors are watched from it");
        let remedy = format!("start one: `vigilmon agent token add --region {region}`");
        finding("regions", FindingLevel::Fail, text, &remedy)
    });
    let all = directory.regions().len();
    or_well(
        "regions",
        empty.collect(),
        format!("{all} regions, none lacks an agent"),
    )
}

fn agents(directory: &Directory, now: Time) -> Vec<Finding> {
    let good = directory.agents().values();
    let good: Vec<_> = good
        .filter(|agent| agent.record.revoked_at.is_none())
        .collect();
    let found = good.iter().flat_map(|agent| of_agent(agent, now)).collect();
    or_well(
        "agents",
        found,
        format!("{} agents, all connected", good.len()),
    )
}

fn of_agent(agent: &AgentView, now: Time) -> Vec<Finding> {
    let warn = |text, remedy| finding("agents", FindingLevel::Warn, text, remedy);
    let name = format!("{} of {}", agent.record.name, agent.record.region);
    if agent.session.is_none() {
        let gone = Duration::from_secs(now.since(agent.since).as_secs());
        let gone = vigilmon_common::duration::format(gone);
        let remedy = "start it, or revoke it for good (`vigilmon agent revoke`)";
        return vec![warn(format!("{name} is gone for {gone}"), remedy)];
    }
    let faults = agent.health.iter().flat_map(|health| &health.faults);
    let remedy = "look at its log; it abstains meanwhile";
    let mut found: Vec<_> = faults
        .map(|fault| warn(format!("{name}: {} {}", fault.code, fault.text), remedy))
        .collect();
    let denied = agent
        .rejected
        .iter()
        .filter(|r| r.why == RejectWhy::AddressDenied);
    let denied = denied.count();
    if denied > 0 {
        let text = format!("{name} may not reach the targets of {denied} monitors");
        found.push(warn(
            text,
            "allow their range where it runs (--allow-net CIDR)",
        ));
    }
    let others = agent.rejected.len() - denied;
    if others > 0 {
        let text = format!("{name} cannot check {others} monitors");
        found.push(warn(text, "`vigilmon agent show` says which, and why"));
    }
    found
}

fn channels(directory: &Directory) -> Vec<Finding> {
    let all = directory.channels();
    if all.is_empty() {
        let remedy = "`vigilmon channel add`";
        let text = "there is no channel: nobody is told of an incident".to_owned();
        return vec![finding("channels", FindingLevel::Warn, text, remedy)];
    }
    let off = all.values().filter_map(|channel| {
        let why = channel.disabled.as_ref()?;
        let text = format!("{} is switched off: {why}", channel.name);
        let remedy = "add it again with an address that its receiver takes";
        Some(finding("channels", FindingLevel::Fail, text, remedy))
    });
    or_well(
        "channels",
        off.collect(),
        format!("{} channels, none is switched off", all.len()),
    )
}

fn mail(reached: Option<Result<(), String>>) -> Option<Finding> {
    Some(match reached? {
        Ok(()) => finding(
            "mail",
            FindingLevel::Ok,
            "the mail relay answers".to_owned(),
            "",
        ),
        Err(why) => {
            let remedy = "look at the relay, or at the coordinator's SMTP settings";
            let text = format!("the mail relay cannot be used: {why}");
            finding("mail", FindingLevel::Fail, text, remedy)
        }
    })
}

fn store(size: u64, disk: Option<Disk>) -> Finding {
    let size = megabytes(size);
    let Some(disk) = disk.filter(|disk| disk.total > 0) else {
        return finding("store", FindingLevel::Ok, format!("{size} stored"), "");
    };
    let percent = disk.free.saturating_mul(100) / disk.total;
    let level = match percent {
        percent if percent < FREE_FAIL => FindingLevel::Fail,
        percent if percent < FREE_WARN => FindingLevel::Warn,
        _ => FindingLevel::Ok,
    };
    let remedy = match level {
        FindingLevel::Ok => "",
        _ => "free the disk of the data folder: a full one stops the coordinator",
    };
    let free = megabytes(disk.free);
    let text = format!("{size} stored, {free} free ({percent} % of the disk)");
    finding("store", level, text, remedy)
}

fn megabytes(bytes: u64) -> String {
    match bytes / 1_000_000 {
        0 => "less than 1 MB".to_owned(),
        mega if mega >= 10_000 => format!("{} GB", mega / 1000),
        mega => format!("{mega} MB"),
    }
}

fn incidents(open: &[std::sync::Arc<Incident>], now: Time) -> Vec<Finding> {
    let found = open.iter().filter_map(|incident| {
        let id = incident.id;
        match &incident.subject {
            // Its region is among the findings already.
            Subject::System(_) if incident.reason.code == ReasonCode::RegionLost => None,
            Subject::System(facts) => {
                let remedy = format!("`vigilmon incident show {id}`");
                let text = facts.summary.clone();
                Some(finding("incidents", FindingLevel::Fail, text, &remedy))
            }
            Subject::Monitor(facts) => {
                let lasts = now.since(incident.started_at);
                (lasts > LONG).then(|| {
                    let days = lasts.as_secs() / LONG.as_secs();
                    let text = format!("{} is down for {days} days", facts.name);
                    let remedy = "mend it, pause or remove its monitor";
                    finding("incidents", FindingLevel::Warn, text, remedy)
                })
            }
        }
    });
    or_well(
        "incidents",
        found.collect(),
        format!("{} open, none for long", open.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_fills_up_is_told_before_it_is_full() {
        let level = |free| {
            let disk = Disk {
                free,
                total: 100_000_000_000,
            };
            store(5_000_000, Some(disk)).level()
        };
        assert_eq!(level(50_000_000_000), FindingLevel::Ok);
        assert_eq!(level(9_000_000_000), FindingLevel::Warn);
        assert_eq!(level(1_000_000_000), FindingLevel::Fail);
        let said = store(
            5_000_000,
            Some(Disk {
                free: 9_000_000_000,
                total: 100_000_000_000,
            }),
        );
        assert_eq!(said.text, "5 MB stored, 9000 MB free (9 % of the disk)");
    }
}
