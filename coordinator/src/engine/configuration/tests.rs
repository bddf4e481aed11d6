use std::time::Duration;

use vigilmon_common::heartbeat::PingToken;
use vigilmon_common::monitor::draft::HttpDraft;
use vigilmon_common::time::Time;
use vigilmon_runtime::random;

use super::*;
use crate::engine::configuration::plan::{Ground, plan};

mod heartbeats;

fn monitor(name: &str) -> MonitorDraft {
    MonitorDraft {
        name: Some(name.to_owned()),
        http: Some(HttpDraft {
            url: Some("https://example.com/health".to_owned()),
            ..HttpDraft::default()
        }),
        ..MonitorDraft::default()
    }
}

fn mail(name: &str, fallback: &str) -> WantedChannel {
    WantedChannel {
        name: name.to_owned(),
        kind: Some(ChannelKind::Email {
            to: vec!["ops@example.com".to_owned()],
        }),
        fallback: fallback.to_owned(),
    }
}

fn route(name: &str, to: &str) -> RouteDraft {
    RouteDraft {
        name: name.to_owned(),
        to: vec![to.to_owned()],
        ..RouteDraft::default()
    }
}

fn region(name: &str) -> WantedRegion {
    WantedRegion {
        name: name.to_owned(),
        display_name: String::new(),
    }
}

fn new_token() -> PingToken {
    PingToken {
        digest: random::bytes(),
        sealed: Vec::new(),
        until: None,
    }
}

fn planned(
    on: &Configuration,
    wanted: &Wanted,
) -> Result<Plan, vigilmon_common::problem::Problems> {
    let ground = Ground {
        on,
        addresses: None,
        now: Time::EPOCH,
        new_token: &new_token,
    };
    plan(&ground, wanted, vigilmon_common::problem::Problems::none())
}

/// What exists once a plan is carried out.
fn carried_out(on: &Configuration, plan: &Plan) -> Configuration {
    let mut after = on.clone();
    for save in &plan.regions {
        after
            .regions
            .insert(save.now.region.clone(), save.now.clone());
    }
    for save in &plan.channels {
        after.channels.insert(save.now.id, save.now.clone());
    }
    for save in &plan.routes {
        after.routes.insert(save.now.id, save.now.clone());
    }
    for save in &plan.monitors {
        let name = save.now.spec.name.clone();
        after.monitors.insert(name, Arc::clone(&save.now));
    }
    for gone in &plan.gone {
        after.monitors.remove(&gone.spec.name);
    }
    for save in &plan.heartbeats {
        let name = save.now.spec.name.clone();
        after.heartbeats.insert(name, Arc::clone(&save.now));
    }
    for gone in &plan.gone_heartbeats {
        after.heartbeats.remove(&gone.spec.name);
    }
    after
}

fn fields(plan: Result<Plan, vigilmon_common::problem::Problems>) -> Vec<String> {
    let problems = plan.expect_err("something is wrong");
    problems
        .as_slice()
        .iter()
        .map(|p| p.field.clone())
        .collect()
}

#[test]
fn new_objects_may_name_each_other_in_any_order() {
    let mut api = monitor("api");
    api.notify = Some(vec!["second".to_owned()]);
    let wanted = Wanted {
        regions: vec![region("us-east")],
        channels: vec![mail("first", "second"), mail("second", "")],
        routes: vec![RouteDraft {
            monitors: vec!["api".to_owned()],
            ..route("all", "first")
        }],
        monitors: vec![api],
        ..Wanted::default()
    };
    let plan = planned(&Configuration::default(), &wanted).unwrap();
    assert_eq!(plan.monitors[0].now.spec.regions.len(), 1);
    assert_eq!(plan.channels[0].now.fallback, Some(plan.channels[1].now.id));
    assert_eq!(plan.routes[0].now.to, [plan.channels[0].now.id]);
}

#[test]
fn what_is_as_wanted_stays() {
    let wanted = Wanted {
        regions: vec![region("us-east")],
        channels: vec![mail("first", "second"), mail("second", "")],
        routes: vec![route("all", "first")],
        monitors: vec![monitor("api"), monitor("web")],
        ..Wanted::default()
    };
    let first = planned(&Configuration::default(), &wanted).unwrap();
    let after = carried_out(&Configuration::default(), &first);
    let second = planned(&after, &wanted).unwrap();
    assert!(second.is_empty());
    assert_eq!(second.unchanged, 6);
}

#[test]
fn an_absent_field_has_its_default_again() {
    let mut slow = monitor("api");
    slow.every = Some(Duration::from_secs(300));
    let wanted = |draft| Wanted {
        regions: vec![region("us-east")],
        monitors: vec![draft],
        ..Wanted::default()
    };
    let first = planned(&Configuration::default(), &wanted(slow)).unwrap();
    let after = carried_out(&Configuration::default(), &first);
    let second = planned(&after, &wanted(monitor("api"))).unwrap();
    let save = &second.monitors[0];
    assert_eq!(save.now.spec.interval, Duration::from_secs(30));
    assert_eq!(
        (save.now.id, save.now.version),
        (first.monitors[0].now.id, 2)
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    let mut quorum = monitor("web");
    quorum.quorum = Some("9".to_owned());
    quorum.notify = Some(vec!["nobody".to_owned()]);
    let wanted = Wanted {
        regions: vec![region("us-east"), region("US EAST")],
        channels: vec![mail("a", "b"), mail("b", "a"), mail("c", "z")],
        routes: vec![route("all", "nowhere"), route("a/b", "a")],
        monitors: vec![monitor("api"), quorum, monitor("api")],
        ..Wanted::default()
    };
    assert_eq!(
        fields(planned(&Configuration::default(), &wanted)),
        [
            "regions[1].name",
            "channels[2].fallback",
            "channels[0].fallback",
            "channels[1].fallback",
            "monitors[1].quorum",
            "monitors[1].notify",
            "monitors[2].name",
            "routes[0].to",
            "routes[1].name",
        ]
    );
}

#[test]
fn what_is_wrong_still_counts_as_there() {
    let mut broken = monitor("api");
    broken.every = Some(Duration::ZERO);
    let mut channel = mail("ops", "");
    channel.kind = None;
    let wanted = Wanted {
        regions: vec![region("us-east")],
        channels: vec![channel],
        routes: vec![RouteDraft {
            monitors: vec!["api".to_owned()],
            ..route("all", "ops")
        }],
        monitors: vec![broken],
        ..Wanted::default()
    };
    let mut noted = vigilmon_common::problem::Problems::none();
    noted.add("channels[0].webhook.url", "is no URL", "");
    let on = Configuration::default();
    let ground = Ground {
        on: &on,
        addresses: None,
        now: Time::EPOCH,
        new_token: &new_token,
    };
    let said = fields(plan(&ground, &wanted, noted));
    assert_eq!(said, ["channels[0].webhook.url", "monitors[0].every"]);
}

#[test]
fn only_what_the_labels_cover_goes() {
    let labelled = |name: &str, team: &str| {
        let mut draft = monitor(name);
        draft.labels = Some(BTreeMap::from([("team".to_owned(), team.to_owned())]));
        draft
    };
    let wanted = Wanted {
        regions: vec![region("us-east")],
        monitors: vec![
            labelled("a", "web"),
            labelled("b", "web"),
            labelled("c", "db"),
            monitor("d"),
        ],
        ..Wanted::default()
    };
    let first = planned(&Configuration::default(), &wanted).unwrap();
    let after = carried_out(&Configuration::default(), &first);
    let prune = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
    let mut wanted = Wanted {
        monitors: vec![labelled("b", "web")],
        prune: Some(prune),
        ..Wanted::default()
    };
    let gone = planned(&after, &wanted).unwrap().gone;
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].spec.name.as_str(), "a");

    wanted.prune = Some(BTreeMap::new());
    assert_eq!(fields(planned(&after, &wanted)), ["prune.labels"]);
}

#[test]
fn a_route_cannot_name_a_monitor_that_goes() {
    let mut old = monitor("old");
    let labels = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
    old.labels = Some(labels.clone());
    let wanted = Wanted {
        regions: vec![region("us-east")],
        channels: vec![mail("ops", "")],
        monitors: vec![old],
        ..Wanted::default()
    };
    let first = planned(&Configuration::default(), &wanted).unwrap();
    let after = carried_out(&Configuration::default(), &first);
    let wanted = Wanted {
        routes: vec![RouteDraft {
            monitors: vec!["old".to_owned()],
            ..route("all", "ops")
        }],
        prune: Some(labels),
        ..Wanted::default()
    };
    assert_eq!(fields(planned(&after, &wanted)), ["routes[0].monitor"]);
}
