use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::incident::{Scope, TransitionKind};
use crate::notify::body::Body;
use crate::notify::testkit::{hostile, incident, step};

fn of(reason: &str, kinds: &[TransitionKind]) -> Value {
    let mut incident = incident(Scope::Global);
    reason.clone_into(&mut incident.reason.text);
    kinds.iter().for_each(|kind| step(&mut incident, *kind));
    let body = Body::of_incident("x", &incident, "https://mon.example.org").unwrap();
    read(&Message::render(&body, &BTreeMap::new(), None))
}

fn read(message: &Message) -> Value {
    serde_json::from_str(&payload(message)).unwrap()
}

#[test]
fn up_is_a_green_embed_with_a_field_for_each_fact() {
    let url = "https://mon.example.org/incidents/07070707-0707-0707-0707-070707070707";
    let field = |name, value: &str| json!({ "name": name, "value": value, "inline": false });
    let expected = json!({
        "embeds": [{
            "title": "🟢 UP: api.example.com/health \\(api\\)",
            "color": 0x002e_8b57,
            "fields": [
                field("Down for", "4m 12s"),
                field("Regions", "AP-Southeast, EU-West, US-East — 3 of 3"),
                field("Started", "2026-03-01 10:02:03 UTC"),
                field("Link", url),
            ],
        }],
        "allowed_mentions": { "parse": [] },
    });
    let kinds = [TransitionKind::Opened, TransitionKind::Resolved];
    assert_eq!(of("", &kinds), expected);
}

#[test]
fn what_a_target_said_is_not_read_as_markup() {
    let said = "@everyone <@123> [click](https://evil.example) **bold** `x` \\";
    let payload = of(said, &[TransitionKind::Opened]);
    assert_eq!(
        payload["embeds"][0]["fields"][0]["value"],
        "@everyone \\<@123\\> \\[click\\]\\(https://evil.example\\) \\*\\*bold\\*\\* \\`x\\` \\\\"
    );
    assert_eq!(payload["allowed_mentions"]["parse"], json!([]));
}

#[test]
fn a_fact_of_white_space_is_no_empty_field() {
    let payload = of(" \n\u{202e} ", &[TransitionKind::Opened]);
    assert_eq!(payload["embeds"][0]["fields"][0]["value"], "–");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_message_is_beyond_a_limit(message in hostile()) {
        let payload = read(&message);
        let embed = &payload["embeds"][0];
        let size = |value: &Value| value.as_str().unwrap().encode_utf16().count();
        let fields = embed["fields"].as_array().unwrap();
        prop_assert!(size(&embed["title"]) <= 256);
        prop_assert!(fields.len() <= 25);
        let mut total = size(&embed["title"]);
        for field in fields {
            prop_assert!((1..=256).contains(&size(&field["name"])));
            prop_assert!((1..=1024).contains(&size(&field["value"])));
            prop_assert!(!field["value"].as_str().unwrap().trim().is_empty());
            total += size(&field["name"]) + size(&field["value"]);
        }
        prop_assert!(total <= 6000, "{}", total);
        let link = message.link.as_deref().and_then(chat::link);
        let last = fields.last().filter(|f| f["name"] == LINK).map(|f| f["value"].clone());
        prop_assert_eq!(last, link.map(Value::from));
    }
}
