//! Results that agents bring, live and by backfill.

use super::*;

#[tokio::test]
async fn results_of_assigned_monitors_are_readable_once_they_are_acked() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let monitor = house.monitor(&["us-east"]).await;
    let (mut agent, welcome) = house.agent(&token, "us-east", boot(1)).await;
    assert_eq!(welcome.sync, Sync::Snapshot);
    let assigned = agent.assignment().await;
    assert_eq!(assigned.len(), 1);
    let foreign = MonitorId::from_bytes([9; 16]);
    let results = vec![
        agent.result(monitor, Outcome::Up),
        agent.result(foreign, Outcome::Up),
    ];
    agent.results(1, results).await;
    let ack = agent.until(ack).await;
    assert_eq!((ack.seq, ack.refused.len(), ack.refused[0].seq), (2, 1, 2));
    assert_eq!(
        (house.stored(monitor).await, house.stored(foreign).await),
        (1, 0)
    );
}

#[tokio::test]
async fn the_first_failing_result_makes_the_other_regions_check_now() {
    let house = House::build().await;
    let (_, east) = house.token("us-east").await;
    let (_, west) = house.token("eu-west").await;
    let monitor = house.monitor(&["us-east", "eu-west"]).await;
    let (mut accuser, _) = house.agent(&east, "us-east", boot(1)).await;
    let (mut other, _) = house.agent(&west, "eu-west", boot(1)).await;
    let assigned = accuser.assignment().await;
    let Assigned::Known(assignment) = &assigned[0] else {
        panic!("it is known")
    };
    let mut failed = accuser.result(monitor, down());
    failed.meaning = assignment.meaning;
    accuser.results(1, vec![failed]).await;
    let asked = other
        .until(|message| match message {
            CoordinatorMessage::CheckNow(ask) => Some(ask.what),
            _ => None,
        })
        .await;
    assert!(matches!(asked, Target::Monitor { monitor: of, .. } if of == monitor));
}

#[tokio::test]
async fn a_backfill_is_stored_and_acked_and_changes_no_vote() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let monitor = house.monitor(&["us-east"]).await;
    let (mut agent, welcome) = house.agent(&token, "us-east", boot(1)).await;
    let assigned = agent.assignment().await;
    let Assigned::Known(assignment) = &assigned[0] else {
        panic!("it is known")
    };
    let mut failed = agent.result(monitor, down());
    failed.meaning = assignment.meaning;
    let open = v1::BackfillOpen {
        session: welcome.session.as_bytes().to_vec().into(),
    };
    let messages = [
        v1::backfill_message::Message::Open(open),
        v1::backfill_message::Message::Results(batch_to_wire(&agent.batch(1, vec![failed]))),
    ];
    let messages = messages.map(|message| v1::BackfillMessage {
        message: Some(message),
    });
    let request = bearing(&agent.token, tokio_stream::iter(messages));
    let mut acks = agent.client.backfill(request).await.unwrap().into_inner();
    let ack = tokio::time::timeout(PATIENCE, acks.message())
        .await
        .unwrap();
    assert_eq!(ack.unwrap().unwrap().seq, 1);
    assert_eq!(house.stored(monitor).await, 1);
    let view = house.engine.view(monitor).await.unwrap();
    assert!(view.failing_since.is_none() && view.regions[0].outcome.is_none());
    // A start that finds it above the mark of what was applied does not take it for live either.
    let next = House::build_on(house.engine.stores().clone()).await;
    let view = next.engine.view(monitor).await.unwrap();
    assert!(view.failing_since.is_none() && view.regions[0].outcome.is_none());
}

#[tokio::test]
async fn a_backfill_without_its_live_session_is_refused() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let (mut agent, _) = house.agent(&token, "us-east", boot(1)).await;
    let open = v1::BackfillMessage {
        message: Some(v1::backfill_message::Message::Open(v1::BackfillOpen {
            session: vec![3; 16].into(),
        })),
    };
    let request = bearing(&agent.token, tokio_stream::iter([open]));
    let mut acks = agent.client.backfill(request).await.unwrap().into_inner();
    let refused = tokio::time::timeout(PATIENCE, acks.message())
        .await
        .unwrap();
    assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
}
