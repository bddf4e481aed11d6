use super::*;

fn heartbeat(name: &str) -> HeartbeatDraft {
    HeartbeatDraft {
        name: Some(name.to_owned()),
        every: Some(Duration::from_secs(90_000)),
        ..HeartbeatDraft::default()
    }
}

fn labels(team: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), team.to_owned())])
}

/// What exists after a configuration was applied to nothing.
fn after(wanted: &Wanted) -> Configuration {
    let nothing = Configuration::default();
    let first = planned(&nothing, wanted).unwrap();
    carried_out(&nothing, &first)
}

fn with_heartbeats(heartbeats: Vec<HeartbeatDraft>) -> Wanted {
    Wanted {
        regions: vec![region("us-east")],
        channels: vec![mail("ops", "")],
        heartbeats,
        ..Wanted::default()
    }
}

#[test]
fn a_new_heartbeat_gets_a_token_and_keeps_it() {
    let on = after(&with_heartbeats(vec![heartbeat("nightly")]));
    let first = on.heartbeats.values().next().unwrap();
    assert_eq!(first.tokens.len(), 1);

    let again = planned(&on, &with_heartbeats(vec![heartbeat("nightly")])).unwrap();
    assert!(again.is_empty());
    assert_eq!(again.unchanged, 3);

    let mut slower = heartbeat("nightly");
    slower.every = Some(Duration::from_secs(100_000));
    let changed = planned(&on, &with_heartbeats(vec![slower])).unwrap();
    let save = &changed.heartbeats[0];
    assert_eq!((save.now.id, save.now.version), (first.id, 2));
    assert_eq!(save.now.tokens, first.tokens);
}

#[test]
fn an_absent_field_of_a_heartbeat_has_its_default_again() {
    let mut strict = heartbeat("nightly");
    (strict.every, strict.cron) = (None, Some("0 2 * * *".to_owned()));
    strict.grace = Some(Duration::ZERO);
    strict.post_only = Some(true);
    let on = after(&with_heartbeats(vec![strict]));
    let plain = planned(&on, &with_heartbeats(vec![heartbeat("nightly")])).unwrap();
    let spec = &plain.heartbeats[0].now.spec;
    assert_eq!(spec.schedule.to_string(), "every 25h");
    assert!(!spec.post_only && spec.grace.is_zero());
}

#[test]
fn routes_and_heartbeats_name_each_other_and_channels_in_any_order() {
    let mut nightly = heartbeat("nightly");
    nightly.notify = Some(vec!["ops".to_owned()]);
    let mut wanted = with_heartbeats(vec![nightly]);
    wanted.routes = vec![RouteDraft {
        monitors: vec!["nightly".to_owned()],
        ..route("all", "ops")
    }];
    let plan = planned(&Configuration::default(), &wanted).unwrap();
    assert_eq!(plan.routes[0].now.monitors[0].as_str(), "nightly");
    let channel = plan.channels[0].now.id;
    assert_eq!(plan.heartbeats[0].now.spec.notify, [channel]);

    let on = carried_out(&Configuration::default(), &plan);
    let id = plan.heartbeats[0].now.id.to_string();
    wanted.routes[0].monitors = vec![id];
    assert!(planned(&on, &wanted).unwrap().is_empty(), "by id as well");
}

#[test]
fn no_heartbeat_has_the_name_of_a_monitor() {
    let both = Wanted {
        monitors: vec![monitor("web"), monitor("api")],
        ..with_heartbeats(vec![heartbeat("api")])
    };
    let problems = planned(&Configuration::default(), &both).unwrap_err();
    let [problem] = problems.as_slice() else {
        panic!("{problems}");
    };
    assert_eq!(problem.field, "heartbeats[0].name");
    assert_eq!(problem.message, "`api` is the name of monitors[1] too");

    let twice = with_heartbeats(vec![heartbeat("a"), heartbeat("a")]);
    let said = fields(planned(&Configuration::default(), &twice));
    assert_eq!(said, ["heartbeats[1].name"]);
}

#[test]
fn a_monitor_does_not_become_a_heartbeat_nor_back() {
    let mut api = monitor("api");
    api.labels = Some(labels("web"));
    let on = after(&Wanted {
        monitors: vec![api],
        ..with_heartbeats(vec![heartbeat("job")])
    });
    let mut turned = Wanted {
        monitors: vec![monitor("job")],
        ..with_heartbeats(vec![heartbeat("api")])
    };
    let problems = planned(&on, &turned).unwrap_err();
    let said: Vec<String> = problems
        .as_slice()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "monitors[0].name: `job` is a heartbeat that exists, and cannot become a monitor; \
             take another name, or remove the heartbeat first",
            "heartbeats[0].name: `api` is a monitor that exists, and cannot become a heartbeat; \
             take another name, or remove the monitor first",
        ]
    );
    turned.prune = Some(labels("web"));
    assert_eq!(
        fields(planned(&on, &turned)).len(),
        2,
        "not by pruning either"
    );
}

#[test]
fn what_is_wrong_with_heartbeats_is_said_with_all_the_rest() {
    let mut both = heartbeat("both");
    both.cron = Some("0 2 * * *".to_owned());
    let mut zone = heartbeat("zone");
    (zone.every, zone.cron) = (None, Some("99 * * * *".to_owned()));
    zone.notify = Some(vec!["nobody".to_owned()]);
    let mut wanted = with_heartbeats(vec![both, heartbeat("a/b"), zone]);
    wanted.routes = vec![RouteDraft {
        monitors: vec!["zone".to_owned(), "ghost".to_owned()],
        ..route("all", "ops")
    }];
    assert_eq!(
        fields(planned(&Configuration::default(), &wanted)),
        [
            "heartbeats[0].cron",
            "heartbeats[1].name",
            "heartbeats[2].cron",
            "heartbeats[2].notify",
            "routes[0].monitor",
        ]
    );
}

#[test]
fn heartbeats_that_the_labels_cover_go_with_the_monitors() {
    let labelled = |name: &str, team: &str| HeartbeatDraft {
        labels: Some(labels(team)),
        ..heartbeat(name)
    };
    let mut web = monitor("web");
    web.labels = Some(labels("web"));
    let on = after(&Wanted {
        monitors: vec![web],
        ..with_heartbeats(vec![
            labelled("a", "web"),
            labelled("b", "web"),
            labelled("c", "db"),
            heartbeat("d"),
        ])
    });
    let mut wanted = with_heartbeats(vec![labelled("b", "web")]);
    wanted.prune = Some(labels("web"));
    let plan = planned(&on, &wanted).unwrap();
    let gone = plan.gone_heartbeats.iter();
    let gone: Vec<&str> = gone.map(|gone| gone.spec.name.as_str()).collect();
    assert_eq!((plan.gone.len(), gone), (1, vec!["a"]));

    wanted.routes = vec![RouteDraft {
        monitors: vec!["a".to_owned()],
        ..route("all", "ops")
    }];
    assert_eq!(fields(planned(&on, &wanted)), ["routes[0].monitor"]);
}

#[test]
fn a_new_heartbeat_takes_the_slug_of_none_that_there_will_be() {
    let old = HeartbeatDraft {
        labels: Some(labels("web")),
        ..heartbeat("db backup")
    };
    let on = after(&with_heartbeats(vec![old.clone()]));
    let mut wanted = with_heartbeats(vec![
        heartbeat("db.backup"),
        heartbeat("x"),
        heartbeat("X"),
        HeartbeatDraft {
            severity: Some("foo".to_owned()),
            ..heartbeat("x.")
        },
        HeartbeatDraft {
            severity: Some("foo".to_owned()),
            ..heartbeat("a.b")
        },
        heartbeat("a b"),
    ]);
    let problems = planned(&on, &wanted).unwrap_err();
    let said = problems.as_slice().iter();
    let said: Vec<(&str, &str)> = said
        .map(|one| (one.field.as_str(), one.message.as_str()))
        .filter(|(field, _)| !field.ends_with("severity"))
        .collect();
    assert_eq!(
        said[1..],
        [
            (
                "heartbeats[0].name",
                "`db.backup` has the slug `db-backup` in ping URLs, as heartbeat `db backup` has"
            ),
            (
                "heartbeats[2].name",
                "`X` has the slug `x` in ping URLs, as heartbeat `x` has"
            ),
            (
                "heartbeats[5].name",
                "`a b` has the slug `a-b` in ping URLs, as heartbeat `a.b` has"
            ),
        ]
    );
    assert_eq!(said[0].0, "heartbeats[3].name", "that is no name");

    // What goes in the same apply makes room; what exists already keeps what it has.
    wanted = with_heartbeats(vec![heartbeat("db.backup")]);
    wanted.prune = Some(labels("web"));
    let plan = planned(&on, &wanted).unwrap();
    assert_eq!((plan.heartbeats.len(), plan.gone_heartbeats.len()), (1, 1));
    let mut both = carried_out(&on, &plan);
    both.heartbeats.extend(on.heartbeats);
    let again = with_heartbeats(vec![heartbeat("db.backup"), old]);
    assert!(planned(&both, &again).unwrap().is_empty());
    let third = with_heartbeats(vec![heartbeat("DB backup")]);
    assert_eq!(fields(planned(&both, &third)), ["heartbeats[0].name"]);
}
