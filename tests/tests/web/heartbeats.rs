//! Heartbeats in a real browser: added by the form, pinged, missed, and seen so without a reload.

use vigilmon_tests::background::get;
use vigilmon_tests::browser::Browser;
use vigilmon_tests::up::{Options, Up};
use vigilmon_tests::wait;

use crate::dashboard::{PAGE_WITHIN, SOON, sign_in};

/// Fills in the form for a new heartbeat and sends it.
fn add(browser: &Browser, name: &str, every: &str) {
    for (field, value) in [("name", name), ("every", every)] {
        let value = serde_json::json!(value);
        browser.eval(&format!(
            "document.getElementById('{field}').value = {value}"
        ));
    }
    browser.press("#new button");
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
    browser.press("input[name=sure]");
    browser.press("form[action$='/remove'] button");
    wait::until_true("it is gone", SOON, || {
        browser.text(".empty").contains("No heartbeats yet")
    });
    assert_eq!(get(&former).unwrap().status, 404);
}
