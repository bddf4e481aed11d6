//! Sessions: who gets one, what it is told, and how it ends.

use super::*;

#[tokio::test]
async fn a_token_that_is_not_good_opens_nothing() {
    let house = House::build().await;
    for token in ["vta_guessed", "vtk_of_the_api", ""] {
        let status = house.dial(token).await.err().unwrap();
        assert_eq!(status.code(), Code::Unauthenticated, "{token}");
    }
}

#[tokio::test]
async fn a_token_of_another_region_is_refused_with_the_remedy() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let mut agent = house.dial(&token).await.unwrap();
    agent.hello("eu-west", boot(1)).await;
    let status = agent.refusal().await;
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("--region us-east"), "{status}");
}

#[tokio::test]
async fn another_first_message_than_hello_is_refused() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let mut agent = house.dial(&token).await.unwrap();
    agent.say(&AgentMessage::AskSnapshot).await;
    assert_eq!(agent.refusal().await.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_monitor_that_is_added_reaches_the_agent_as_a_delta() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let (mut agent, _) = house.agent(&token, "us-east", boot(1)).await;
    assert!(agent.assignment().await.is_empty());
    let monitor = house.monitor(&["us-east"]).await;
    let upserts = agent
        .until(|message| match message {
            CoordinatorMessage::Delta(delta) => Some(delta.upserts),
            _ => None,
        })
        .await;
    assert_eq!(upserts[0].monitor(), monitor);
}

#[tokio::test]
async fn a_revoked_token_closes_its_open_streams() {
    let house = House::build().await;
    let (record, token) = house.token("us-east").await;
    let (mut agent, _) = house.agent(&token, "us-east", boot(1)).await;
    let by = Actor::coordinator();
    let id = record.id.to_string();
    house.engine.revoke_agent_token(by, &id).await.unwrap();
    assert_eq!(agent.until(leave).await, Leave::Revoked);
    assert!(agent.try_next().await.unwrap().is_none(), "the stream ends");
    let again = house.dial(&token).await.err().unwrap();
    assert_eq!(again.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_newer_process_replaces_the_older_for_good() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let (mut older, first) = house.agent(&token, "us-east", boot(1)).await;
    let (_newer, second) = house.agent(&token, "us-east", boot(2)).await;
    assert_eq!(first.agent, second.agent);
    assert_eq!(older.until(leave).await, Leave::Replaced);
    let mut back = house.dial(&token).await.unwrap();
    back.hello("us-east", boot(1)).await;
    assert_eq!(back.refusal().await.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn sessions_that_are_let_go_are_acked_first() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let monitor = house.monitor(&["us-east"]).await;
    let (mut agent, _) = house.agent(&token, "us-east", boot(1)).await;
    agent.assignment().await;
    let result = agent.result(monitor, Outcome::Up);
    agent.results(1, vec![result]).await;
    agent.until(ack).await;
    house.engine.close_sessions();
    assert_eq!(agent.until(leave).await, Leave::Drain);
    assert!(agent.try_next().await.unwrap().is_none(), "the stream ends");
}

#[tokio::test]
async fn a_stop_acks_what_came_and_says_goodbye() {
    let house = House::build().await;
    let (_, token) = house.token("us-east").await;
    let monitor = house.monitor(&["us-east"]).await;
    let (mut agent, _) = house.agent(&token, "us-east", boot(1)).await;
    agent.assignment().await;
    agent
        .results(1, vec![agent.result(monitor, Outcome::Up)])
        .await;
    assert_eq!(agent.until(ack).await.seq, 1);
    assert!(house.doors.shut_down(PATIENCE).await);
    assert_eq!(agent.until(leave).await, Leave::Drain);
    assert!(agent.try_next().await.unwrap().is_none(), "the stream ends");
}
