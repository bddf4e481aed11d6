//! What was tried for a channel, and sending it again.

use std::collections::BTreeMap;
use std::time::Duration;

use tonic::Code;
use vigilmon_common::time::Time;
use vigilmon_proto::v1;
use vigilmon_proto::v1::channel_service_client::ChannelServiceClient;

use super::scene::Scene;
use crate::engine::{Actor, NewApiToken};
use crate::store::{DeliveryRecord, DeliveryResult, HistoryRecord, KeptMessage, PendingId, Role};

#[tokio::test]
async fn deliveries_come_newest_first_in_pages_and_a_settled_one_is_sent_again() {
    let scene = Scene::start().await;
    let mut channels = ChannelServiceClient::new(scene.authorized());
    let url = "https://example.com/T0".to_owned();
    let made = channels.create_channel(v1::CreateChannelRequest {
        channel: Some(v1::Channel {
            name: "ops".to_owned(),
            kind: Some(v1::channel::Kind::Slack(v1::SlackChannel { url })),
            ..Default::default()
        }),
        ..Default::default()
    });
    made.await.unwrap();
    let channel = scene.engine.directory().read().channel("ops").unwrap().id;
    let record = |row, attempt, result| DeliveryRecord {
        row,
        key: format!("msg_{row}"),
        channel,
        incident: None,
        event: "test".to_owned(),
        attempt,
        // All within one millisecond: pages are told apart by row and attempt.
        at: Time::from_millis(1_772_359_323_004),
        took: Duration::from_millis(5),
        result,
        detail: "answered 503".to_owned(),
        subject: "TEST".to_owned(),
        message: (result == DeliveryResult::Dead && row == 2).then(|| KeptMessage {
            seq: 1,
            copy_of: None,
            body: "{}".to_owned(),
            region_names: BTreeMap::new(),
        }),
    };
    let records = vec![
        record(1, 1, DeliveryResult::Failed),
        record(1, 2, DeliveryResult::Dead),
        record(2, 1, DeliveryResult::Failed),
        record(2, 2, DeliveryResult::Dead),
        record(3, 1, DeliveryResult::Failed),
    ];
    let records = records.into_iter().map(HistoryRecord::Delivery).collect();
    scene.engine.stores().history.record(records).await.unwrap();

    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = channels.list_deliveries(v1::ListDeliveriesRequest {
            r#ref: "ops".to_owned(),
            page_size: 2,
            page_token,
            ..Default::default()
        });
        let page = page.await.unwrap().into_inner();
        seen.extend(
            page.deliveries
                .into_iter()
                .map(|d| (d.id, d.attempt, d.can_resend)),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected = [
        ("3", 1, false),
        ("2", 2, true),
        ("2", 1, false),
        ("1", 2, false),
        ("1", 1, false),
    ];
    assert_eq!(seen, expected.map(|(id, n, can)| (id.to_owned(), n, can)));

    let mut resend = async |delivery: &str| {
        let request = v1::ResendDeliveryRequest {
            r#ref: "ops".to_owned(),
            delivery: delivery.to_owned(),
            ..Default::default()
        };
        channels.resend_delivery(request).await
    };
    assert_eq!(resend("9").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(
        resend("3").await.unwrap_err().code(),
        Code::NotFound,
        "it is not settled"
    );
    let refused = resend("1").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    let again = resend("msg_2").await.unwrap().into_inner();
    assert_eq!(
        (again.key.as_str(), again.delivered),
        ("msg_2", false),
        "nobody sends here"
    );
    let rows = scene.engine.stores().state.load().await.unwrap().rows;
    let row = &rows[&again.id.parse::<u64>().unwrap()];
    assert_eq!(
        (row.key.as_str(), row.body.as_str(), row.attempts),
        ("msg_2", "{}", 0)
    );

    let by = Actor::coordinator();
    let viewer = NewApiToken {
        role: Role::Viewer,
        ..NewApiToken::admin("looks")
    };
    let (_, viewer) = scene.engine.create_api_token(by, viewer).await.unwrap();
    let mut viewer = ChannelServiceClient::new(scene.with_token(&viewer));
    let list = v1::ListDeliveriesRequest {
        r#ref: "ops".to_owned(),
        ..Default::default()
    };
    assert!(viewer.list_deliveries(list).await.is_ok());
    let resend = v1::ResendDeliveryRequest {
        r#ref: "ops".to_owned(),
        delivery: "2".to_owned(),
        ..Default::default()
    };
    let denied = viewer.resend_delivery(resend).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let audit = scene
        .engine
        .stores()
        .audit((Time::FAR_FUTURE, PendingId::START), 9)
        .await
        .unwrap();
    let resent = audit
        .iter()
        .find(|entry| entry.action == "channel.resend")
        .unwrap();
    assert_eq!((&*resent.name, &*resent.detail), ("ops", "msg_2"));
    scene.stop().await;
}
