//! Who hears of a monitor, as the public API explains it.

use vigilmon_common::id::{ChannelId, RouteId};
use vigilmon_common::notify::explain::{By, Explanation, Heard, Passed};
use vigilmon_common::notify::plan::Directory;

use super::duration;
use crate::v1;

/// An explanation as it is answered: channels and routes by name.
#[must_use]
pub fn explanation_to_wire(one: &Explanation, directory: &Directory) -> v1::RouteExplanation {
    v1::RouteExplanation {
        scope: v1::Scope::from(one.scope).into(),
        severity: v1::Severity::from(one.severity).into(),
        heard: one.heard.iter().map(|h| heard(h, directory)).collect(),
        passed: one.passed.iter().map(|p| passed(p, directory)).collect(),
    }
}

fn heard(heard: &Heard, directory: &Directory) -> v1::HeardBy {
    let channel = directory.channels.get(&heard.channel);
    v1::HeardBy {
        channel: channel_name(heard.channel, directory),
        after: heard.after.map(duration),
        by: heard
            .by
            .iter()
            .map(|by| picked_by(*by, directory))
            .collect(),
        events: heard.events.clone(),
        disabled: channel.and_then(|c| c.disabled.clone()).unwrap_or_default(),
    }
}

fn picked_by(by: By, directory: &Directory) -> v1::PickedBy {
    use v1::picked_by::Picker;
    let picker = match by {
        By::Route(route) => Picker::Route(route_name(route, directory)),
        By::Step(route, number) => Picker::Step(v1::PickingStep {
            route: route_name(route, directory),
            number: u32::try_from(number).unwrap_or(u32::MAX),
        }),
        By::Notify => Picker::Notify(()),
        By::Default => Picker::DefaultRule(()),
    };
    v1::PickedBy {
        picker: Some(picker),
    }
}

fn passed(passed: &Passed, directory: &Directory) -> v1::PassedRoute {
    let because = passed.because.iter().map(|because| v1::PassedBecause {
        matcher: because.matcher.to_owned(),
        text: because.text.clone(),
    });
    v1::PassedRoute {
        route: route_name(passed.route, directory),
        because: because.collect(),
    }
}

fn channel_name(id: ChannelId, directory: &Directory) -> String {
    let channel = directory.channels.get(&id);
    channel.map_or_else(|| id.to_string(), |c| c.name.to_string())
}

fn route_name(id: RouteId, directory: &Directory) -> String {
    let route = directory.routes.get(&id);
    route.map_or_else(|| id.to_string(), |r| r.name.to_string())
}
