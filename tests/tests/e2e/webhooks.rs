//! Receivers of webhooks, as integrators write them by the documentation: what is signed is
//! taken, once; what is not is refused.

use std::collections::BTreeMap;
use std::net::TcpStream;

use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use vigilmon_tests::docs::{Reader, blocks};
use vigilmon_tests::process::Process;
use vigilmon_tests::receiver::{Delivery, SECRET};
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::{background, ports, wait};

use crate::scene::{HOOK, SOON, Scene};

const PAGE: &str = "integrations/webhooks.md";
const OTHER_SECRET: &str = "whsec_YW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3RzLCBsb25n";

/// A program of the page that receives.
struct Receiving {
    process: Process,
    url: String,
}

impl Receiving {
    fn python(reader: &Reader, port: u16, secrets: &str) -> Self {
        reader.write("receive.py", &blocks(PAGE, "python").concat());
        Self::start(reader, port, "python", "receive.py", secrets)
    }

    fn node(reader: &Reader, port: u16, secrets: &str) -> Self {
        reader.write("receive.mjs", &blocks(PAGE, "js").concat());
        Self::start(reader, port, "node", "receive.mjs", secrets)
    }

    fn start(reader: &Reader, port: u16, program: &str, file: &str, secrets: &str) -> Self {
        let plan = reader.plan(program).args([file, &port.to_string()]);
        let plan = plan.env("WEBHOOK_SECRETS", secrets);
        let log = reader.folder().join(format!("log-{file}-{port}"));
        let mut process = plan.start(&log);
        wait::until_true(&format!("{file} listens"), SOON, || {
            process.must_run();
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        let url = format!("http://127.0.0.1:{port}/vigilmon");
        Self { process, url }
    }

    /// How often it has handled an event, which it prints.
    fn handled(&self, event: &str) -> usize {
        let log = self.process.log();
        log.lines().filter(|line| *line == event).count()
    }

    #[track_caller]
    fn wait_for(&self, event: &str) {
        wait::until_true(event, SOON, || self.handled(event) == 1);
    }
}

#[test]
fn a_receiver_in_python_gets_what_vigilmon_sends_also_while_its_secret_is_replaced() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    let reader = Reader::new();
    reader.link(&scene.up.data(), "vigilmon-data");
    let port = ports::free();
    let url = format!("http://127.0.0.1:{port}/vigilmon");
    let mut lines = blocks(PAGE, "sh").into_iter();

    let made = lines.next().unwrap();
    let made = made.replace("https://tickets.example.com/vigilmon", &url);
    let (add, test) = made.trim().split_once('\n').unwrap();
    let printed = reader.types(add);
    let secret = printed
        .split_whitespace()
        .find(|word| word.starts_with("whsec_"));
    let secret = secret.unwrap_or_else(|| panic!("the secret is printed once: {printed}"));
    let both = format!("{OTHER_SECRET} {secret}");
    let receiving = Receiving::python(&reader, port, &both);
    reader.types(test);
    receiving.wait_for("test -");
    target.behave(Behaviour::status(503));
    receiving.wait_for("incident.opened site");

    let prepared = blocks("integrations/grpcurl.md", "sh").remove(0);
    let prepared = prepared.replace("127.0.0.1:8441", &scene.up.grpc());
    let replaced = lines
        .next()
        .unwrap()
        .replace("whsec_YOUR_NEW_SECRET", OTHER_SECRET);
    drop(receiving);
    let receiving = Receiving::python(&reader, port, OTHER_SECRET);
    let before = reader.run("sh", &["-euc", test]);
    assert_ne!(
        before.code, 0,
        "what the old secret signed is refused: {before:#?}"
    );
    reader.types(&format!("{prepared}{replaced}"));
    assert_eq!(receiving.handled("test -"), 2);
    target.behave(Behaviour::well());
    receiving.wait_for("incident.resolved site");
}

#[test]
fn receivers_take_what_is_signed_once_and_refuse_a_changed_byte_an_old_one_and_a_strangers() {
    let (_scene, _target, opened) = an_opened_incident();
    let reader = Reader::new();
    let both = format!("{OTHER_SECRET} {SECRET}");
    for receiving in [
        Receiving::python(&reader, ports::free(), &both),
        Receiving::node(&reader, ports::free(), &both),
    ] {
        let send = |headers: &HeaderMap, body: &[u8]| {
            background::post(&receiving.url, headers, body)
                .unwrap()
                .status
        };
        let genuine = opened.headers.clone();
        let mut changed = opened.raw.to_vec();
        changed[0] = b'[';
        assert_eq!(send(&genuine, &changed), 401, "a byte is another");
        for (name, secret, age) in [
            ("stale", SECRET, 600),
            ("a stranger's", "whsec_c3RyYW5nZXI=", 0),
        ] {
            let headers = signed(&opened, secret, age);
            assert_eq!(send(&headers, &opened.raw), 401, "{name}");
        }
        assert_eq!(
            send(&HeaderMap::new(), &opened.raw),
            401,
            "not signed at all"
        );
        assert_eq!(receiving.handled("incident.opened site"), 0);

        assert_eq!(send(&genuine, &opened.raw), 204);
        assert_eq!(
            send(&genuine, &opened.raw),
            204,
            "again: its answer was lost"
        );
        assert_eq!(receiving.handled("incident.opened site"), 1);
        let new = signed(&opened, OTHER_SECRET, 0);
        assert_eq!(send(&new, &opened.raw), 204, "by either secret of the two");
    }
}

#[test]
fn a_signature_is_verified_in_a_shell() {
    let (_scene, _target, opened) = an_opened_incident();
    let reader = Reader::new();
    reader.write("verify.sh", &blocks(PAGE, "bash").concat());
    let header = |name: &str| opened.headers[name].to_str().unwrap();
    let verify = |body: &str| {
        reader.write("body", body);
        let [id, timestamp] = ["webhook-id", "webhook-timestamp"].map(header);
        let signature = header("webhook-signature");
        let line = format!("sh verify.sh {SECRET} {id} {timestamp} {signature} <body");
        reader.run("sh", &["-euc", &line])
    };
    let body = std::str::from_utf8(&opened.raw).unwrap();
    let genuine = verify(body);
    assert_eq!(genuine.code, 0, "{genuine:#?}");
    assert_eq!(genuine.out.trim(), header("webhook-signature"));
    let changed = verify(&body.replacen('{', "[", 1));
    assert_eq!(changed.code, 1, "{changed:#?}");
}

#[test]
fn messages_have_the_shape_that_the_page_shows() {
    let (scene, target, opened) = an_opened_incident();
    scene
        .cli
        .ok(&["incident", "ack", opened.incident(), "--note", "on it"]);
    let updated = scene.wait_for("incident.updated", "site");
    scene.cli.ok(&["channel", "test", HOOK]);
    let is_test = |delivery: &Delivery| delivery.kind() == "test";
    let test = scene.receiver.wait_for(HOOK, "a test", SOON, is_test);
    target.behave(Behaviour::well());
    let resolved = scene.wait_for("incident.resolved", "site");
    let add = ["heartbeat", "add", "nightly_cleanup", "--every", "1s"];
    let url = scene.cli.ok(&add).trim().to_owned();
    assert_eq!(background::get(&url).unwrap().status, 200);
    let missed = scene.wait_for("incident.opened", "nightly_cleanup");

    let sent = [opened, updated, resolved, missed, test];
    let shown: Vec<Value> = blocks(PAGE, "json")
        .iter()
        .map(|block| serde_json::from_str(block).unwrap())
        .collect();
    assert_eq!(shown.len(), sent.len());
    for (shown, sent) in shown.iter().zip(&sent) {
        let mut shapes = [shown, &sent.body].map(|body| {
            let mut shape = BTreeMap::new();
            describe(body, String::new(), &mut shape);
            shape
        });
        // How it ended and how the regions stood differ from case to case, and may be empty.
        for shape in &mut shapes {
            shape.retain(|path, _| !path.starts_with(".data.regions.") || path.ends_with("ed"));
        }
        assert_eq!(shapes[0], shapes[1], "{}", sent.kind());
        assert_eq!(shown["type"], sent.kind());
    }
}

/// What is at each path of a document.
fn describe(value: &Value, path: String, shape: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(entries) => {
            for (name, value) in entries {
                describe(value, format!("{path}.{name}"), shape);
            }
            "object"
        }
    };
    shape.insert(path, kind);
}

/// A scene in which a site with a label is down, and the message about it.
fn an_opened_incident() -> (Scene, Target, Delivery) {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &["--label", "team=web"]);
    target.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    (scene, target, opened)
}

/// The headers of a message, as if signed with a secret some seconds ago.
fn signed(message: &Delivery, secret: &str, age: i64) -> HeaderMap {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let at = i64::try_from(now.as_secs()).unwrap() - age;
    let signer = standardwebhooks::Webhook::new(secret).unwrap();
    // As another message: the id is signed too.
    let id = format!("{}-{at}-{}", message.id, secret.len());
    let signature = signer.sign(&id, at, &message.raw).unwrap();
    [
        ("webhook-id", id),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signature),
    ]
    .into_iter()
    .map(|(name, value)| {
        (
            name.parse().unwrap(),
            HeaderValue::from_str(&value).unwrap(),
        )
    })
    .collect()
}
