//! No token in any log, however much is logged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::scene::Scene;
use crate::engine::Actor;
use crate::token;

/// What was logged.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_token_is_logged_however_much_is() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(written.clone())
        .finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let (key, record) = token::project_key(&scene.key);
    let by = Actor::coordinator();
    scene.engine.set_ping_key(by, record).await.unwrap();

    let (token, foreign) = (&made.token, "canary5f1ccanary5f1cca");
    for path in [
        format!("/ping/{token}"),
        format!("/ping/{token}/nonsense"),
        format!("/ping/{token}?rid=%20"),
        format!("/ping/{foreign}"),
        format!("/ping/s/{key}/nightly"),
        format!("/ping/s/{key}/other?create=1"),
        format!("/ping/s/pk_{foreign}/nightly"),
    ] {
        scene.ask("GET", &path).await;
        scene.ask("DELETE", &path).await;
    }
    let malformed = format!("GET /ping/{token} x HTTP/1.1\r\n\r\n");
    assert_eq!(scene.send(malformed.as_bytes()).await.status, 400);
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .no_proxy();
    let url = format!("http://{}/ping/{token}", scene.address);
    client.build().unwrap().get(&url).send().await.unwrap();
    scene.stop().await;

    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("TRACE"), "much is logged");
    for secret in [token.as_str(), key.as_str(), foreign] {
        // The client of this test says what it asks for; that is not ours.
        let told = log
            .lines()
            .find(|line| line.contains(secret) && !line.contains("reqwest"));
        assert_eq!(told, None);
    }
}
