use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::incident::{Scope, TransitionKind};
use crate::notify::body::Body;
use crate::notify::testkit::{hostile, incident, step};

fn of(scope: Scope, kinds: &[TransitionKind]) -> Value {
    let mut incident = incident(scope);
    kinds.iter().for_each(|kind| step(&mut incident, *kind));
    let body = Body::of_incident("x", &incident, "https://mon.example.org").unwrap();
    read(&Message::render(&body, &BTreeMap::new(), None))
}

fn read(message: &Message) -> Value {
    serde_json::from_str(&payload(message)).unwrap()
}

#[test]
fn down_is_a_heading_and_facts_beside_a_red_bar() {
    let url = "https://mon.example.org/incidents/07070707-0707-0707-0707-070707070707";
    let title = "🔴 DOWN: api.example.com/health (api)";
    let expected = json!({
        "text": format!(
            "{title}\nReason: 503 Service Unavailable\nFailing: EU-West, US-East — 2 of 3\n\
             Started: 2026-03-01 10:02:03 UTC\n{url}"
        ),
        "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": title, "emoji": false } },
        ],
        "attachments": [{
            "color": "#d0342c",
            "fallback": title,
            "blocks": [
                { "type": "section", "text": {
                    "type": "mrkdwn",
                    "verbatim": true,
                    "text": "*Reason:* 503 Service Unavailable\n\
                             *Failing:* EU-West, US-East — 2 of 3\n\
                             *Started:* 2026-03-01 10:02:03 UTC",
                } },
                { "type": "section", "text": {
                    "type": "mrkdwn",
                    "verbatim": true,
                    "text": format!("<{url}|Open the incident>"),
                } },
            ],
        }],
    });
    assert_eq!(of(Scope::Global, &[TransitionKind::Opened]), expected);
}

#[test]
fn the_bar_has_the_colour_of_what_happened() {
    use TransitionKind::{Acknowledged, Opened, Resolved};
    for (scope, kinds, color, sign) in [
        (Scope::Global, &[Opened][..], "#d0342c", "🔴 DOWN"),
        (Scope::Regional, &[Opened], "#c98a00", "🟡 REGIONAL"),
        (Scope::Global, &[Opened, Resolved], "#2e8b57", "🟢 UP"),
        (Scope::Global, &[Opened, Acknowledged], "#7a8494", "⚪ ACK"),
    ] {
        let payload = of(scope, kinds);
        assert_eq!(payload["attachments"][0]["color"], color);
        assert!(payload["text"].as_str().unwrap().starts_with(sign));
    }
}

#[test]
fn a_test_has_no_link_and_no_empty_attachment() {
    let test = read(&Message::render(
        &Body::of_test(crate::time::Time::EPOCH),
        &BTreeMap::new(),
        None,
    ));
    assert_eq!(
        test["attachments"][0]["blocks"].as_array().unwrap().len(),
        1
    );
    let mut bare = Message::render(
        &Body::of_test(crate::time::Time::EPOCH),
        &BTreeMap::new(),
        None,
    );
    bare.facts.clear();
    assert!(read(&bare).get("attachments").is_none());
}

#[test]
fn what_a_target_said_is_neither_a_link_nor_a_call() {
    let mut incident = incident(Scope::Global);
    incident.reason.text = "<!channel> <https://evil.example|click> & more".to_owned();
    step(&mut incident, TransitionKind::Opened);
    let body = Body::of_incident("x", &incident, "").unwrap();
    let text = payload(&Message::render(&body, &BTreeMap::new(), None));
    assert!(
        !text.contains("<!channel>") && !text.contains("<https://evil"),
        "{text}"
    );
    assert!(text.contains("&lt;!channel&gt; &lt;https://evil.example|click&gt; &amp; more"));
}

/// Every text of a payload with the most that Slack takes of it.
fn texts(payload: &Value) -> Vec<(String, usize)> {
    let attached = payload["attachments"][0]["blocks"].as_array();
    let blocks = payload["blocks"].as_array().unwrap().iter();
    let blocks: Vec<&Value> = blocks.chain(attached.into_iter().flatten()).collect();
    assert!(blocks.len() <= 50);
    let text = |block: &Value| {
        let max = if block["type"] == "header" { 150 } else { 3000 };
        (block["text"]["text"].as_str().unwrap().to_owned(), max)
    };
    let mut texts: Vec<_> = blocks.into_iter().map(text).collect();
    texts.push((payload["text"].as_str().unwrap().to_owned(), 4000));
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_message_is_beyond_a_limit_or_carries_markup(message in hostile()) {
        let link = message.link.as_deref().and_then(chat::link);
        for (text, max) in texts(&read(&message)) {
            prop_assert!(!text.is_empty());
            prop_assert!(text.encode_utf16().count() <= max, "{}", text);
            let own = link.as_ref().map(|link| format!("<{}|", link.replace('&', "&amp;")));
            let brackets = text.matches('<').count();
            let is_link = own.is_some_and(|own| text.starts_with(&own));
            prop_assert_eq!(brackets, usize::from(is_link), "{}", text);
            for (at, _) in text.match_indices('&') {
                let rest = &text[at..];
                let whole = ["&amp;", "&lt;", "&gt;"].iter().any(|e| rest.starts_with(e));
                prop_assert!(whole, "a cut escape: {}", text);
            }
        }
    }
}
