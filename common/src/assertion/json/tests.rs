use proptest::prelude::*;
use serde_json::json;

use super::*;

fn held(text: &str, document: &Value) -> Held {
    JsonAssertion::parse(text).unwrap().judge(document)
}

fn holds(text: &str, document: &Value) -> bool {
    held(text, document) == Held::Yes
}

#[test]
fn every_selected_node_must_satisfy_and_one_must_be_there() {
    let document = json!({"checks": [{"up": true}, {"up": false}], "none": []});
    assert_eq!(
        held("$.checks[*].up == true", &document),
        Held::Was("false".into())
    );
    assert!(holds("$.checks[0].up == true", &document));
    assert_eq!(held("$.none[*] == true", &document), Held::NothingSelected);
    assert_eq!(held("$.missing != 1", &document), Held::NothingSelected);
}

#[test]
fn operators_compare_as_people_expect() {
    let document =
        json!({"n": 5, "f": 5.0, "s": "abc", "a": [1, "x"], "o": {"k": null}, "z": null});
    for yes in [
        "$.n == 5",
        "$.n == 5.0",
        "$.f == 5",
        "$.n != 6",
        "$.n < 6",
        "$.n <= 5",
        "$.n > -1",
        "$.n >= 5",
        "$.s == \"abc\"",
        "$.s < \"abd\"",
        "$.s contains \"b\"",
        "$.a contains 1.0",
        "$.a contains \"x\"",
        "$.o contains \"k\"",
        "$.z exists",
        "$.z == null",
        "$.a == [1, \"x\"]",
        "$.o == {\"k\": null}",
        "$.s != 5",
        "$.n>4",
        "$.n==5",
    ] {
        assert!(holds(yes, &document), "{yes}");
    }
    for no in [
        "$.n == \"5\"",
        "$.s < 5",
        "$.s > 5",
        "$.a contains 2",
        "$.n contains 5",
        "$.q exists",
        "$.o contains \"q\"",
        "$.z < 1",
    ] {
        assert!(!holds(no, &document), "{no}");
    }
}

#[test]
fn the_last_operator_outside_brackets_and_quotes_splits() {
    let document = json!({
        "items": [{"id": 1, "ok": true}, {"id": 2, "ok": false}],
        "contains": 1, "exists": "a == b", "q": "it's"
    });
    for yes in [
        "$.items[?@.id == 1].ok == true",
        "$.items[?(@.id > 1 && @.ok == false)].id == 2",
        "$.contains == 1",
        "$.exists == \"a == b\"",
        "$['exists'] contains \"==\"",
        "$.q == \"it's\"",
        "$.exists exists",
    ] {
        assert!(holds(yes, &document), "{yes}");
    }
}

#[test]
fn a_malformed_assertion_is_refused_by_what_is_wrong_with_it() {
    let refused = |text: &str| JsonAssertion::parse(text).unwrap_err();
    assert!(matches!(refused(""), InvalidJsonAssertion::NoOperator(_)));
    assert!(matches!(
        refused("$.status"),
        InvalidJsonAssertion::NoOperator(_)
    ));
    assert!(matches!(
        refused("$.status == ok"),
        InvalidJsonAssertion::Value(_)
    ));
    assert!(matches!(
        refused("$.status =="),
        InvalidJsonAssertion::Value(_)
    ));
    assert!(matches!(
        refused("status == 1"),
        InvalidJsonAssertion::Path(..)
    ));
    assert!(matches!(
        refused("$.[ == 1"),
        InvalidJsonAssertion::NoOperator(_)
    ));
    assert!(matches!(
        refused("$.a exists 1"),
        InvalidJsonAssertion::ValueAfterExists(_)
    ));
    assert_eq!(refused(&"x".repeat(5000)), InvalidJsonAssertion::TooLong);
    assert!(
        refused("$.status == ok")
            .to_string()
            .contains("double quotes")
    );
}

#[test]
fn paths_that_would_overflow_the_stack_are_refused_before_they_are_parsed() {
    let refused = |path: &str| JsonAssertion::parse(&format!("{path} == 1")).unwrap_err();
    let nested =
        |open: &str, close: &str, n: usize| format!("$[?{}@.a{}]", open.repeat(n), close.repeat(n));
    assert_eq!(
        refused(&nested("(", ")", 100)),
        InvalidJsonAssertion::Refused(Refused::TooDeep)
    );
    assert_eq!(
        refused(&nested("(", ")", 3000)),
        InvalidJsonAssertion::TooLong
    );
    assert_eq!(
        refused(&format!("$.{}", "a".repeat(1500))),
        InvalidJsonAssertion::Refused(Refused::TooLong)
    );
    assert!(JsonAssertion::parse(&format!("{} == 1", nested("(", ")", 60))).is_ok());
    // Brackets in strings nest nothing.
    assert!(JsonAssertion::parse(&format!("$['{}'] == 1", "[".repeat(200))).is_ok());
}

#[test]
fn paths_that_would_select_far_too_much_are_refused() {
    let costly = [
        "$..*..*..*",
        "$[*,*,*][*,*,*][*,*,*][*,*,*][*,*,*]",
        "$..[*,*,*]",
        "$[?@[?@[?@.a]]]",
        "$[?count($.*) > 1]",
        "$[?match(@.a, \"(x{900}){900}\")]",
    ];
    for path in costly {
        let refused = JsonAssertion::parse(&format!("{path} == 1")).unwrap_err();
        assert!(
            matches!(
                refused,
                InvalidJsonAssertion::Refused(Refused::TooCostly(_))
            ),
            "{path}: {refused}"
        );
    }
    for fine in [
        "$..status == \"ok\"",
        "$.a['b','c'].d == 1",
        "$[?@.a == 1 && @.b == 2]['x'] == 1",
        "$.items[?@.name == 'a, b, c'].up == true",
        "$[?search(@.name, 'db-.*')].up == true",
        "$[?@.a][?@.b][?@.c] exists",
    ] {
        assert!(JsonAssertion::parse(fine).is_ok(), "{fine}");
    }
}

#[test]
fn an_assertion_is_equal_however_it_is_spaced() {
    let parse = |text| JsonAssertion::parse(text).unwrap();
    assert_eq!(parse("$.a==1"), parse("  $.a  ==  1 "));
    assert_eq!(parse("$.a==1").as_str(), "$.a == 1");
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,80}") {
        let _ = JsonAssertion::parse(&text);
    }

    #[test]
    fn no_near_miss_panics(text in r#"\$[\[\]().?@*,:&|!<>='"\\ a0$-]{0,60} (==|contains|exists) [0-9a"]{0,4}"#) {
        if let Ok(assertion) = JsonAssertion::parse(&text) {
            let _ = assertion.judge(&json!({"a": [0, {"a": "a"}], "0": null}));
            prop_assert_eq!(JsonAssertion::parse(assertion.as_str()), Ok(assertion.clone()));
        }
    }
}
