//! Heartbeats in a real browser: added by the form, pinged, missed, and seen so without a reload.

use vigilmon_tests::background::get;
use vigilmon_tests::browser::Browser;
use vigilmon_tests::up::{Options, Up};
use vigilmon_tests::wait;

use crate::dashboard::{PAGE_WITHIN, SOON, sign_in};

/// Fills in fields of the form.
fn fill(browser: &Browser, fields: &[(&str, &str)]) {
    for (field, value) in fields {
        let value = serde_json::json!(value);
        browser.eval(&format!(
            "document.getElementById('{field}').value = {value}"
        ));
    }
}

/// Fills in the form for a new heartbeat and sends it.
fn add(browser: &Browser, name: &str, every: &str) {
    fill(browser, &[("name", name), ("every", every)]);
    browser.press("#new button");
}

/// How far ahead the next ping is expected, in hours.
fn hours_until_expected(browser: &Browser) -> Option<f64> {
    let ahead = "(Date.parse(document.querySelector('.facts time.until')?.dateTime) - Date.now())";
    Some(browser.eval(ahead).as_f64()? / 3_600_000.0)
}

/// Whether it is expected in about so many hours.
fn is_expected_in(browser: &Browser, hours: f64) -> bool {
    hours_until_expected(browser).is_some_and(|ahead| (ahead - hours).abs() < 0.1)
}

fn status_is(browser: &Browser, what: &str) -> bool {
    browser.text(".lead .pill") == what
}

#[test]
fn a_heartbeat_is_added_in_the_browser_goes_up_by_a_ping_and_down_by_silence() {
    let up = Up::start(&Options::new());
    let browser = Browser::start();
    sign_in(&up, &browser, &[]);
    browser.open(&up.url("/heartbeats"));
    assert!(browser.text(".empty").contains("No heartbeats yet"));
    browser.press(".empty .button");
    add(&browser, "-", "often");
    wait::until_true("what is wrong is said", SOON, || {
        browser.text(".problem").contains("not saved")
    });
    assert!(browser.text("#every-wrong").contains("not a duration"));
    assert!(browser.text("#name-wrong").contains("cannot be a name"));
    let kept = browser.eval("document.getElementById('every').value");
    assert_eq!(kept, "often");
    let refused = browser.errors();
    assert!(
        refused.iter().all(|line| line.contains("422")),
        "{refused:?}"
    );

    add(&browser, "import", "6s");
    wait::until_true("its page is shown", SOON, || browser.text("h1") == "import");
    assert!(status_is(&browser, "new"));
    let url = browser.text("#ping-url");
    assert!(url.starts_with(&up.url("/ping/")), "{url}");
    assert!(browser.text(".panels").contains(&url));
    browser.eval("window.same = true");
    browser.press(".copied .copy");
    // A browser that lets no page write to its clipboard selects the text.
    wait::until_true("the URL is copied, or selected", SOON, || {
        browser.text(".copied .copy") == "Copied" || browser.eval("String(getSelection())") == url
    });

    assert_eq!(get(&url).unwrap().status, 200);
    wait::until_true("the page shows that it is up", PAGE_WITHIN, || {
        status_is(&browser, "up")
    });
    assert!(browser.text(".pings").contains("success"));
    wait::until_true("the page shows that it was missed", SOON, || {
        status_is(&browser, "down")
    });
    wait::until_true("the navigation counts it", SOON, || {
        browser.text("#wrong") == "1"
    });
    assert_eq!(get(&format!("{url}/0")).unwrap().status, 200);
    wait::until_true("the page shows that it is back", PAGE_WITHIN, || {
        status_is(&browser, "up")
    });
    assert_eq!(browser.eval("window.same"), true, "it was not loaded anew");

    browser.press(".incidents a.name");
    wait::until_true("the incident is shown", SOON, || {
        browser.text(".ledger").contains("every 6 seconds")
    });
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn an_editor_pauses_rotates_and_removes_and_a_viewer_sees_no_ping_url() {
    let up = Up::start(&Options::new());
    let browser = Browser::start();
    sign_in(&up, &browser, &[]);
    browser.open(&up.url("/heartbeats/new"));
    add(&browser, "nightly", "25h");
    wait::until_true("its page is shown", SOON, || {
        browser.text("h1") == "nightly"
    });
    let page = browser.eval("location.href");
    let former = browser.text("#ping-url");

    browser.press("form[action$='/pause'] button");
    wait::until_true("it is paused", SOON, || status_is(&browser, "paused"));
    browser.press("form[action$='/resume'] button");
    wait::until_true("it is resumed", SOON, || status_is(&browser, "new"));
    browser.eval("document.querySelectorAll('.deeds details').forEach(one => one.open = true)");
    browser.press("form[action$='/rotate'] button");
    wait::until_true("it has another URL", SOON, || {
        let url = browser.text("#ping-url");
        !url.is_empty() && url != former
    });
    assert!(browser.text(".ping-url").contains("counts until"));
    for url in [&former, &browser.text("#ping-url")] {
        assert_eq!(get(url).unwrap().status, 200);
    }

    let viewer = Browser::start();
    sign_in(&up, &viewer, &["--read-only"]);
    viewer.open(page.as_str().unwrap());
    assert_eq!(viewer.text("h1"), "nightly");
    let html = viewer.eval("document.documentElement.innerHTML");
    assert!(!html.as_str().unwrap().contains("/ping/"));
    viewer.open(&up.url("/heartbeats/new"));
    assert_eq!(viewer.text("h1"), "Not allowed");

    browser.eval("document.querySelectorAll('.deeds details').forEach(one => one.open = true)");
    browser.press("form[action$='/remove'] input[name=sure]");
    browser.press("form[action$='/remove'] button");
    wait::until_true("it is gone", SOON, || {
        browser.text(".empty").contains("No heartbeats yet")
    });
    assert_eq!(get(&former).unwrap().status, 404);
}

#[test]
fn an_edit_in_the_browser_moves_the_next_expected_ping_on_every_open_page() {
    let up = Up::start(&Options::new());
    let url = up
        .cli()
        .ok(&["heartbeat", "add", "import", "--every", "25h"]);
    assert_eq!(get(url.trim()).unwrap().status, 200);
    let watcher = Browser::start();
    sign_in(&up, &watcher, &["--read-only"]);
    watcher.open(&up.url("/heartbeats"));
    watcher.press(".heartbeats a.name");
    wait::until_true("its page is shown", SOON, || is_expected_in(&watcher, 25.0));
    watcher.eval("window.same = true");

    let browser = Browser::start();
    sign_in(&up, &browser, &[]);
    browser.open(&up.url("/heartbeats/import"));
    browser.press(".deeds a.button");
    wait::until_true("the form is filled", SOON, || {
        browser.eval("document.getElementById('every')?.value") == "25h"
    });
    fill(
        &browser,
        &[("name", "-"), ("every", "2h"), ("grace", "soon")],
    );
    browser.press("#edit button");
    wait::until_true("what is wrong is said", SOON, || {
        browser.text("#grace-wrong").contains("not a duration")
    });
    assert!(browser.text("#name-wrong").contains("cannot be a name"));
    let focus = browser.eval("document.activeElement.id");
    assert_eq!(focus, "name", "the first that is wrong is at hand");
    fill(&browser, &[("name", "nightly import"), ("grace", "5m")]);
    browser.press("#edit button");
    wait::until_true("its page is shown", SOON, || {
        browser.text("h1") == "nightly import"
    });
    assert!(
        is_expected_in(&browser, 2.0),
        "what was typed first was kept"
    );
    wait::until_true("the other page shows it too", PAGE_WITHIN, || {
        is_expected_in(&watcher, 2.0) && watcher.text("h1") == "nightly import"
    });
    assert_eq!(watcher.eval("window.same"), true, "it was not loaded anew");

    // At fixed times, in a zone; only the fields of that are there.
    browser.press(".deeds a.button");
    wait::until_true("the form is there", SOON, || {
        browser.eval("document.getElementById('edit') !== null") == true
    });
    browser.press("input[value=cron]");
    let shown = "['every', 'cron'].map(id => document.getElementById(id).checkVisibility())";
    assert_eq!(browser.eval(shown), serde_json::json!([false, true]));
    fill(&browser, &[("cron", "0 3 * * *"), ("tz", "Asia/Kathmandu")]);
    // Meanwhile somebody else saves it.
    up.cli()
        .ok(&["heartbeat", "edit", "nightly import", "--every", "3h"]);
    browser.press("#edit button");
    wait::until_true("it is too late", SOON, || {
        browser
            .text(".too-late")
            .contains("somebody else changed it")
    });
    assert!(browser.text(".over").contains("3h → –"));
    assert_eq!(
        browser.eval("document.getElementById('cron').value"),
        "0 3 * * *"
    );
    browser.press("#edit button");
    wait::until_true("its page is shown", SOON, || {
        browser
            .text(".facts")
            .contains("every day at 03:00, Asia/Kathmandu")
    });
    wait::until_true("the other page shows it too", PAGE_WITHIN, || {
        watcher
            .text(".facts")
            .contains("every day at 03:00, Asia/Kathmandu")
    });
    assert_eq!(watcher.errors(), [""; 0]);
    let refused = browser.errors();
    let is_refusal = |line: &String| line.contains("422") || line.contains("409");
    assert!(refused.iter().all(is_refusal), "{refused:?}");
}
