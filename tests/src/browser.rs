//! A real browser: headless Chromium, driven over WebDriver, the W3C's protocol of JSON over HTTP.
//!
//! The protocol is spoken here in a few lines, because the crates that speak it come with licences
//! or TLS stacks that the project does not take.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::background::wait_for;
use crate::process::{Plan, Process};
use crate::{ports, wait};

const START_WITHIN: Duration = Duration::from_secs(30);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const ARGUMENTS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with a profile of its own.
pub struct Browser {
    client: reqwest::Client,
    session: String,
    // Dropped in this order: the driver, and the browser with it, before their folder.
    _driver: Process,
    _folder: TempDir,
}

impl Browser {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("vigilmon-browser-").expect("a folder can be made");
        let port = ports::free();
        let driver = Plan::new("chromedriver")
            .args([format!("--port={port}")])
            .folder(folder.path())
            .start(&folder.path().join("driver.log"));
        let client = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()
            .expect("a client can be made");
        let base = format!("http://127.0.0.1:{port}");
        let options = capabilities(&folder.path().join("profile"));
        let session = wait::until("the browser has started", START_WITHIN, || {
            let answer = call(&client, &format!("{base}/session"), &options)?;
            answer["sessionId"].as_str().map(str::to_owned)
        });
        Self {
            client,
            session: format!("{base}/session/{session}"),
            _driver: driver,
            _folder: folder,
        }
    }

    /// Opens a page and waits until it is loaded.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.ask("url", &json!({ "url": url }));
    }

    /// What a script of one expression gives.
    #[track_caller]
    pub fn eval(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.ask("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The text of the first element that matches; empty where there is none.
    #[track_caller]
    #[must_use]
    pub fn text(&self, selector: &str) -> String {
        let found = self.eval(&format!(
            "document.querySelector({})?.innerText ?? ''",
            json!(selector)
        ));
        found.as_str().unwrap_or_default().to_owned()
    }

    /// Presses the first element that matches, as a reader would.
    #[track_caller]
    pub fn press(&self, selector: &str) {
        let by = json!({ "using": "css selector", "value": selector });
        let found = self.ask("element", &by);
        let id = found.as_object().and_then(|found| found.values().next());
        let id = id.and_then(Value::as_str).expect("an element has an id");
        self.ask(&format!("element/{id}/click"), &json!({}));
    }

    /// Shows pages as on a screen of this width, in light or dark colours.
    #[track_caller]
    pub fn show_as(&self, width: u32, dark: bool) {
        let screen = json!({
            "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &media);
    }

    /// What the console said that is an error, since it was asked last.
    #[track_caller]
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        let log = self.ask("se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].to_string()).collect()
    }

    #[track_caller]
    fn devtools(&self, command: &str, parameters: &Value) {
        let what = json!({ "cmd": command, "params": parameters });
        self.ask("goog/cdp/execute", &what);
    }

    #[track_caller]
    fn ask(&self, path: &str, body: &Value) -> Value {
        call(&self.client, &format!("{}/{path}", self.session), body)
            .unwrap_or_else(|| panic!("the browser does not answer {path} {body}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser that is gone already needs no goodbye.
        let _ = wait_for(async { self.client.delete(&self.session).send().await });
    }
}

fn capabilities(profile: &Path) -> Value {
    let mut arguments: Vec<String> = ARGUMENTS.iter().map(ToString::to_string).collect();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    }}})
}

/// The answer's value; `None` when nothing answers, or with an error.
fn call(client: &reqwest::Client, url: &str, body: &Value) -> Option<Value> {
    wait_for(async {
        let answer = client.post(url).json(body).send().await.ok()?;
        if !answer.status().is_success() {
            eprintln!("the browser refused {url}: {}", answer.text().await.ok()?);
            return None;
        }
        let mut answer: Value = answer.json().await.ok()?;
        Some(answer["value"].take())
    })
}
