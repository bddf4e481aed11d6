//! The dashboard in a real browser: the newcomer's path, and who is let in.

use std::time::Duration;

use http::Method;
use vigilmon_tests::background::{ask, get};
use vigilmon_tests::browser::Browser;
use vigilmon_tests::up::{Options, Up};
use vigilmon_tests::wait;

/// What is waited for must be there by then.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// An open page shows a change by then, without a reload.
pub(crate) const PAGE_WITHIN: Duration = Duration::from_secs(2);

pub(crate) fn sign_in(up: &Up, browser: &Browser, more: &[&str]) -> String {
    let link = up.cli().ok(&[&["sign-in"], more].concat());
    browser.open(link.trim());
    wait::until_true("the link leads to the overview", SOON, || {
        browser.eval("location.pathname") == "/"
    });
    link.trim().to_owned()
}

fn verdict_is(browser: &Browser, what: &str) -> bool {
    browser.text("h1") == what
}

/// How many monitors are down.
fn is_down(up: &Up) -> usize {
    let rows = up.cli().rows(&["monitor", "list"]);
    rows.iter().filter(|row| row["status"] == "down").count()
}

#[test]
fn a_newcomer_sees_the_site_break_be_explained_and_mend_without_a_reload() {
    let up = Up::start(&Options::new().args(&["--demo"]));
    let browser = Browser::start();
    sign_in(&up, &browser, &[]);
    wait::until_true("both monitors are up", SOON, || {
        verdict_is(&browser, "All monitors are up")
    });
    browser.eval("window.same = true");

    up.cli().ok(&["demo", "break"]);
    wait::until_a_command_says("one is down", SOON, || is_down(&up) > 0);
    wait::until_true("the page shows the break", PAGE_WITHIN, || {
        browser.text("h1").contains("down")
    });
    wait::until_true("both are down", SOON, || {
        verdict_is(&browser, "All monitors are down")
    });
    up.cli().ok(&["demo", "mend"]);
    wait::until_a_command_says("one is up again", SOON, || is_down(&up) < 2);
    wait::until_true("the page shows the mend", PAGE_WITHIN, || {
        !verdict_is(&browser, "All monitors are down")
    });
    wait::until_true("both are up again", SOON, || {
        verdict_is(&browser, "All monitors are up")
    });
    assert_eq!(browser.eval("window.same"), true, "it was not loaded anew");

    up.cli().ok(&["demo", "break"]);
    wait::until_true("both are down once more", SOON, || {
        verdict_is(&browser, "All monitors are down")
    });
    let open = up.cli().rows(&["incident", "list", "--open"]);
    let incident = open.iter().find(|row| row["monitor"]["name"] == "demo-api");
    let incident = incident.unwrap_or_else(|| panic!("{open:#?}"));
    browser.open(&up.url("/incidents"));
    browser.press(&format!("#i-{} a.name", incident["id"].as_str().unwrap()));
    wait::until_true("the incident is shown", SOON, || {
        browser
            .text(".ledger")
            .contains("nothing would have opened")
    });
    assert!(browser.text(".rule").contains("2 of 3 needed (majority)"));
    wait::until_true("its message is told", SOON, || {
        browser.text(".deliveries").contains("demo-inbox")
    });

    up.cli().ok(&["demo", "mend"]);
    wait::until_true("the incident's page shows the end", SOON, || {
        browser.text(".lead").contains("resolved")
    });
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn one_region_that_fails_alone_is_shown_as_that() {
    let up = Up::start(&Options::new().args(&["--demo"]));
    let browser = Browser::start();
    sign_in(&up, &browser, &[]);
    wait::until_true("both monitors are up", SOON, || {
        verdict_is(&browser, "All monitors are up")
    });
    let said = up.cli().ok(&["demo", "break", "--region", "us-east"]);
    assert_eq!(said.trim(), "the site is broken for us-east");
    wait::until_true("the page says so", SOON, || {
        verdict_is(&browser, "All monitors are failing in some regions")
    });
    assert!(browser.text(".monitors .why").contains("US-East, 1 of 3"));
    let said = up.cli().ok(&["demo", "mend"]);
    assert_eq!(said.trim(), "the site is well");
    wait::until_true("the page says so", SOON, || {
        verdict_is(&browser, "All monitors are up")
    });
    let unknown = up.cli().run(&["demo", "break", "--region", "mars"]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
}

#[test]
fn every_page_fits_a_phone_in_light_and_dark() {
    let up = Up::start(&Options::new().args(&["--demo"]));
    let browser = Browser::start();
    browser.open(&up.url("/sign-in"));
    fits(&browser, "/sign-in");
    sign_in(&up, &browser, &[]);
    let name = "a-name-as-long-as-names-may-be-".repeat(4);
    let url = format!("http://127.0.0.1:9/{}", "path".repeat(60));
    up.cli()
        .ok(&["monitor", "add", &name[..99], "--http", &url]);
    wait::until_true("an incident is open", SOON, || {
        !up.cli().rows(&["incident", "list", "--open"]).is_empty()
    });
    let incident = up.cli().rows(&["incident", "list"])[0]["id"].clone();
    let incident = format!("/incidents/{}", incident.as_str().unwrap());
    let monitor = format!("/monitors/{}", &name[..99]);
    let pages = [
        "/",
        &monitor,
        "/heartbeats",
        "/heartbeats/new",
        "/heartbeats/demo-job",
        "/heartbeats/demo-job/edit",
        "/incidents",
        &incident,
        "/agents",
        "/demo",
    ];
    for path in pages {
        browser.open(&up.url(path));
        fits(&browser, path);
    }
    assert_eq!(browser.errors(), [""; 0]);
}

fn fits(browser: &Browser, path: &str) {
    for (width, dark) in [(390, false), (390, true), (1280, false)] {
        browser.show_as(width, dark);
        let beyond = browser.eval("document.documentElement.scrollWidth - innerWidth");
        assert!(
            beyond.as_f64().unwrap() <= 0.0,
            "{path} at {width}: {beyond}"
        );
        let dark_is = browser.eval("matchMedia('(prefers-color-scheme: dark)').matches");
        assert_eq!(dark_is, dark);
    }
}

#[test]
fn a_link_works_once_and_a_message_s_link_leads_through_the_sign_in() {
    let up = Up::start(&Options::new().args(&["--demo"]));
    let browser = Browser::start();
    browser.open(&up.url("/agents"));
    assert_eq!(browser.eval("location.search"), "?to=%2Fagents");
    let context = std::fs::read_to_string(up.data().join("context.toml")).unwrap();
    let token = context.split('"').find(|part| part.starts_with("vtk_"));
    let token = serde_json::json!(token.unwrap());
    browser.eval(&format!("document.getElementById('token').value = {token}"));
    browser.press("button.main");
    wait::until_true("it leads to where it was asked for", SOON, || {
        browser.eval("location.pathname") == "/agents"
    });
    browser.press(".who button");
    wait::until_true("signing out ends it", SOON, || {
        browser.eval("location.pathname") == "/sign-in"
    });

    let link = sign_in(&up, &browser, &[]);
    browser.open(&link);
    assert_eq!(browser.text("h1"), "This link was used already");
    assert_eq!(get(&link).unwrap().status, 410);
    assert_eq!(get(&up.url("/")).unwrap().status, 303);
    let forged = ask(Method::GET, &up.url("/"), &[("host", "evil.example")]);
    assert_eq!(forged.unwrap().status, 421);
    // Whoever has the cookie, but not our page, changes nothing.
    let foreign = ask(
        Method::POST,
        &up.url("/sign-out"),
        &[("sec-fetch-site", "cross-site")],
    );
    assert_eq!(foreign.unwrap().status, 403);
}

#[test]
fn who_may_only_look_is_offered_no_deed() {
    let up = Up::start(&Options::new().args(&["--demo"]));
    let browser = Browser::start();
    sign_in(&up, &browser, &["--read-only"]);
    browser.open(&up.url("/monitors/demo-api"));
    assert_eq!(browser.text("h1"), "demo-api");
    assert!(!browser.text("main").contains("Run now"));
    let status = "(() => { const ask = new XMLHttpRequest(); \
                  ask.open('POST', '/monitors/demo-api/check', false); ask.send(); \
                  return ask.status; })()";
    assert_eq!(browser.eval(status), 403);
}
