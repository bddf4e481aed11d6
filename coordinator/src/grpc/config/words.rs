//! A plan in words: what is done to which object, and which fields an update changes.

use std::collections::BTreeMap;

use vigilmon_common::difference::{Field, difference};
use vigilmon_common::id::ChannelId;
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::{Channel, Route};
use vigilmon_common::{duration, heartbeat, monitor};
use vigilmon_proto::convert::channel::{channel_to_wire, route_to_wire};
use vigilmon_proto::v1;

use crate::engine::{Configuration, Object, Plan, Save};
use crate::store::RegionRecord;

/// Longest text of one side of a change, in characters.
const TEXT_MAX: usize = 200;
/// All changes of one answer together, in bytes; steps beyond it are named without them.
const CHANGES_MAX: usize = 8 * 1024 * 1024;
/// What stands for a secret.
const HIDDEN: &str = "…";

/// Finds words.
pub(super) struct Words {
    channels: BTreeMap<ChannelId, Name>,
    room: usize,
}

impl Words {
    /// Words for a plan that was made on this.
    pub(super) fn of(on: &Configuration, plan: &Plan) -> Self {
        let saved = plan.channels.iter().map(|save| &save.now);
        let all = on.channels.values().chain(saved);
        Self {
            channels: all.map(|c| (c.id, c.name.clone())).collect(),
            room: CHANGES_MAX,
        }
    }

    /// What is done, object by object.
    pub(super) fn steps(mut self, plan: &Plan) -> Vec<v1::ConfigStep> {
        let mut steps = Vec::new();
        for save in &plan.regions {
            let changes = self.changes(save, Self::region);
            steps.push(step(Object::Region, &save.now.region, save, changes));
        }
        for save in &plan.channels {
            let mut changes = self.changes(save, Self::channel);
            if save.former.is_some() && changes.is_empty() {
                // What is not shown is what differs.
                changes.push(v1::ConfigChange {
                    field: "secret".to_owned(),
                    from: HIDDEN.to_owned(),
                    to: HIDDEN.to_owned(),
                });
            }
            steps.push(step(Object::Channel, &save.now.name, save, changes));
        }
        for save in &plan.routes {
            let changes = self.changes(save, Self::route);
            steps.push(step(Object::Route, &save.now.name, save, changes));
        }
        for save in &plan.monitors {
            let changes = self.changes(save, |words, monitor| {
                monitor::fields(&monitor.spec, &|id| words.name(id))
            });
            let name = &save.now.spec.name;
            steps.push(step(Object::Monitor, name, save, changes));
        }
        let gone = plan.gone.iter().map(|gone| &gone.spec.name);
        steps.extend(gone.map(|name| removal(Object::Monitor, name)));
        for save in &plan.heartbeats {
            let changes = self.changes(save, |words, heartbeat| {
                heartbeat::fields(&heartbeat.spec, &|id| words.name(id))
            });
            let name = &save.now.spec.name;
            steps.push(step(Object::Heartbeat, name, save, changes));
        }
        let gone = plan.gone_heartbeats.iter().map(|gone| &gone.spec.name);
        steps.extend(gone.map(|name| removal(Object::Heartbeat, name)));
        steps
    }

    fn changes<T>(
        &mut self,
        save: &Save<T>,
        fields: impl Fn(&Self, &T) -> Vec<Field>,
    ) -> Vec<v1::ConfigChange> {
        let Some(former) = save.former.as_ref().filter(|_| self.room > 0) else {
            return Vec::new();
        };
        let changes = difference(&fields(self, former), &fields(self, &save.now));
        let cut = |text: &str| text.chars().take(TEXT_MAX).collect::<String>();
        let changes: Vec<_> = changes
            .into_iter()
            .map(|change| v1::ConfigChange {
                field: change.field.to_owned(),
                from: cut(&change.from),
                to: cut(&change.to),
            })
            .collect();
        let bytes: usize = changes.iter().map(prost::Message::encoded_len).sum();
        self.room = self.room.saturating_sub(bytes);
        changes
    }

    fn name(&self, id: ChannelId) -> String {
        self.channels
            .get(&id)
            .map_or_else(|| id.to_string(), ToString::to_string)
    }

    fn region(&self, region: &RegionRecord) -> Vec<Field> {
        let name = region.display_name.clone().unwrap_or_default();
        vec![Field::new("display_name", name)]
    }

    fn channel(&self, channel: &Channel) -> Vec<Field> {
        let wire = channel_to_wire(channel, "", &|id| self.channels.get(&id).cloned());
        vec![
            Field::new("kind", channel.kind.as_str()),
            Field::new("target", wire.target),
            Field::new("fallback", wire.fallback),
        ]
    }

    fn route(&self, route: &Route) -> Vec<Field> {
        let wire = route_to_wire(route, "", &|id| self.channels.get(&id).cloned());
        let list = |words: Vec<String>| words.join(",");
        let severity = route.severity.iter().map(ToString::to_string).collect();
        let scope = route.scopes.iter().map(ToString::to_string).collect();
        let labels = route.labels.iter().map(|(k, v)| format!("{k}={v}"));
        let then = route.then.iter().zip(&wire.then);
        let then = then.map(|(step, wire)| {
            let after = duration::format(step.after);
            format!("{after}={}", wire.to.join(","))
        });
        vec![
            Field::new("match.severity", list(severity)),
            Field::new("match.labels", list(labels.collect())),
            Field::new("match.monitor", list(wire.monitors)),
            Field::new("match.event", list(wire.events)),
            Field::new("match.scope", list(scope)),
            Field::new("to", list(wire.to)),
            Field::new("then", then.collect::<Vec<_>>().join("; ")),
        ]
    }
}

fn step<T>(
    object: Object,
    name: &impl ToString,
    save: &Save<T>,
    changes: Vec<v1::ConfigChange>,
) -> v1::ConfigStep {
    let action = if save.former.is_some() {
        v1::ConfigAction::Update
    } else {
        v1::ConfigAction::Create
    };
    v1::ConfigStep {
        action: action.into(),
        object: object.as_str().to_owned(),
        name: name.to_string(),
        changes,
    }
}

fn removal(object: Object, name: &Name) -> v1::ConfigStep {
    v1::ConfigStep {
        action: v1::ConfigAction::Delete.into(),
        object: object.as_str().to_owned(),
        name: name.to_string(),
        changes: Vec::new(),
    }
}
