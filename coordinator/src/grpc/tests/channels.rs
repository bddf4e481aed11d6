//! Channels and routes.

use tonic::Code;
use vigilmon_proto::v1;
use vigilmon_proto::v1::channel_service_client::ChannelServiceClient;
use vigilmon_proto::v1::route_service_client::RouteServiceClient;

use super::scene::Scene;

#[tokio::test]
async fn a_channel_never_shows_its_secrets_again() {
    let scene = Scene::start().await;
    let mut channels = ChannelServiceClient::new(scene.authorized());
    let webhook = |url: &str, secret: &str| {
        v1::channel::Kind::Webhook(v1::WebhookChannel {
            url: url.to_owned(),
            secret: secret.to_owned(),
        })
    };
    let hook = |kind| v1::Channel {
        name: "hook".to_owned(),
        kind: Some(kind),
        ..Default::default()
    };
    let request = v1::CreateChannelRequest {
        channel: Some(hook(webhook("https://example.com/hidden", ""))),
        ..Default::default()
    };
    let made = channels.create_channel(request).await.unwrap().into_inner();
    assert_eq!(
        made.kind,
        Some(webhook("…", "whsec_made")),
        "one that was made is shown once"
    );
    let get = v1::GetChannelRequest {
        r#ref: "hook".to_owned(),
        ..Default::default()
    };
    let shown = channels.get_channel(get).await.unwrap().into_inner();
    assert_eq!(shown.kind, Some(webhook("…", "…")));
    assert_eq!(shown.target, "https://example.com/…");

    let before = scene
        .engine
        .directory()
        .read()
        .channel("hook")
        .unwrap()
        .clone();
    let update = v1::UpdateChannelRequest {
        r#ref: "hook".to_owned(),
        channel: Some(v1::Channel {
            name: "renamed".to_owned(),
            ..shown
        }),
        ..Default::default()
    };
    channels.update_channel(update).await.unwrap();
    let after = scene
        .engine
        .directory()
        .read()
        .channel("renamed")
        .unwrap()
        .clone();
    assert_eq!(
        after.kind, before.kind,
        "a mask that comes back keeps what is stored"
    );

    let bad = v1::CreateChannelRequest {
        channel: Some(v1::Channel {
            name: "x".to_owned(),
            kind: Some(webhook("no", "")),
            ..Default::default()
        }),
        ..Default::default()
    };
    let refused = channels.create_channel(bad).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("webhook.url: "), "{refused}");
    scene.stop().await;
}

#[tokio::test]
async fn a_route_leads_to_channels_by_name() {
    let scene = Scene::start().await;
    let mut channels = ChannelServiceClient::new(scene.authorized());
    let mut routes = RouteServiceClient::new(scene.authorized());
    let to = v1::EmailChannel {
        to: vec!["ops@example.com".to_owned()],
    };
    let mail = v1::CreateChannelRequest {
        channel: Some(v1::Channel {
            name: "mail".to_owned(),
            kind: Some(v1::channel::Kind::Email(to)),
            ..Default::default()
        }),
        ..Default::default()
    };
    channels.create_channel(mail).await.unwrap();
    let route = |to: &str| v1::CreateRouteRequest {
        route: Some(v1::Route {
            name: "critical".to_owned(),
            severities: vec![v1::Severity::Critical.into()],
            scopes: vec![v1::Scope::Global.into(), v1::Scope::Regional.into()],
            to: vec![to.to_owned()],
            ..Default::default()
        }),
        ..Default::default()
    };
    let refused = routes.create_route(route("nobody")).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    let made = routes
        .create_route(route("mail"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(made.to, ["mail"]);
    let update = v1::UpdateRouteRequest {
        r#ref: "critical".to_owned(),
        route: Some(v1::Route {
            etag: made.etag.clone(),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["scopes".to_owned()],
        }),
        ..Default::default()
    };
    let changed = routes.update_route(update).await.unwrap().into_inner();
    assert!(changed.scopes.is_empty() && changed.severities == made.severities);
    let in_use = v1::DeleteChannelRequest {
        r#ref: "mail".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        channels.delete_channel(in_use).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    let stale = v1::DeleteRouteRequest {
        r#ref: "critical".to_owned(),
        etag: made.etag,
        ..Default::default()
    };
    assert_eq!(
        routes.delete_route(stale).await.unwrap_err().code(),
        Code::Aborted
    );
    scene.stop().await;
}

#[tokio::test]
async fn the_url_of_a_chat_service_is_a_secret_like_any_other() {
    use v1::channel::Kind;
    let scene = Scene::start().await;
    let mut channels = ChannelServiceClient::new(scene.authorized());
    let slack = |url: &str| {
        let url = url.to_owned();
        Kind::Slack(v1::SlackChannel { url })
    };
    let discord = |url: &str| {
        let url = url.to_owned();
        Kind::Discord(v1::DiscordChannel { url })
    };
    let named = |name: &str, kind: Kind| v1::Channel {
        name: name.to_owned(),
        kind: Some(kind),
        ..Default::default()
    };
    for (name, given, shown, bad) in [
        (
            "slack",
            slack("https://example.com/T0"),
            slack("…"),
            slack("no"),
        ),
        (
            "discord",
            discord("https://example.com/1"),
            discord("…"),
            discord("no"),
        ),
    ] {
        let create = |kind| v1::CreateChannelRequest {
            channel: Some(named(name, kind)),
            ..Default::default()
        };
        let refused = channels.create_channel(create(bad)).await.unwrap_err();
        let field = format!("{name}.url: ");
        assert!(refused.message().starts_with(&field), "{refused}");
        let made = channels.create_channel(create(given)).await.unwrap();
        assert_eq!(made.into_inner().kind, Some(shown.clone()));
        let before = scene
            .engine
            .directory()
            .read()
            .channel(name)
            .unwrap()
            .clone();
        let update = v1::UpdateChannelRequest {
            r#ref: name.to_owned(),
            channel: Some(named(name, shown)),
            update_mask: Some(prost_types::FieldMask {
                paths: vec![name.to_owned()],
            }),
            ..Default::default()
        };
        channels.update_channel(update).await.unwrap();
        let after = scene
            .engine
            .directory()
            .read()
            .channel(name)
            .unwrap()
            .clone();
        assert_eq!(after.kind, before.kind, "a mask keeps what is stored");
    }
    // Of another kind, a mask stands for nothing that is stored.
    let update = v1::UpdateChannelRequest {
        r#ref: "slack".to_owned(),
        channel: Some(named("slack", discord("…"))),
        ..Default::default()
    };
    let refused = channels.update_channel(update).await.unwrap_err();
    assert!(refused.message().starts_with("discord.url: "), "{refused}");
    scene.stop().await;
}

#[tokio::test]
async fn a_route_with_steps_says_who_hears_later_and_why_others_pass() {
    let scene = Scene::start().await;
    let mut channels = ChannelServiceClient::new(scene.authorized());
    let mut routes = RouteServiceClient::new(scene.authorized());
    for name in ["mail", "on-call"] {
        let to = v1::EmailChannel {
            to: vec!["ops@example.com".to_owned()],
        };
        let channel = v1::CreateChannelRequest {
            channel: Some(v1::Channel {
                name: name.to_owned(),
                kind: Some(v1::channel::Kind::Email(to)),
                ..Default::default()
            }),
            ..Default::default()
        };
        channels.create_channel(channel).await.unwrap();
    }
    let step = |seconds: i64, to: &str| v1::RouteStep {
        after: Some(prost_types::Duration { seconds, nanos: 0 }),
        to: vec![to.to_owned()],
    };
    let route = |then| v1::CreateRouteRequest {
        route: Some(v1::Route {
            name: "all".to_owned(),
            to: vec!["mail".to_owned()],
            then,
            ..Default::default()
        }),
        ..Default::default()
    };
    let twice = route(vec![step(300, "mail")]);
    let refused = routes.create_route(twice).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().contains("`mail` was told before"),
        "{refused}"
    );
    let timeless = v1::RouteStep {
        after: None,
        to: vec!["on-call".to_owned()],
    };
    let refused = routes
        .create_route(route(vec![timeless]))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);

    let made = routes.create_route(route(vec![step(300, "on-call")])).await;
    assert_eq!(made.unwrap().into_inner().then, [step(300, "on-call")]);
    let in_use = v1::DeleteChannelRequest {
        r#ref: "on-call".to_owned(),
        ..Default::default()
    };
    let refused = channels.delete_channel(in_use).await.unwrap_err();
    assert!(refused.message().contains("route `all`"), "{refused}");

    let unknown = v1::ExplainRequest {
        monitor: "nothing".to_owned(),
        ..Default::default()
    };
    let refused = routes.explain(unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    scene.stop().await;
}
