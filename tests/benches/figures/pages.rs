//! How soon the dashboard's pages come, and how large they are, on a coordinator with many monitors
//! at work. Taken at the client, over one connection of loopback: the server's time and a little.

use std::time::{Duration, Instant};

use http::header;
use vigilmon_tests::background::wait_for;
use vigilmon_tests::up::Up;

use crate::api;

/// How often each page is asked for.
const ASKED: usize = 300;
/// The pages that people open most.
const PAGES: [&str; 4] = ["/", "/?q=load-99", "/incidents", "/monitors/load-1"];

pub(crate) fn report(up: &Up) {
    wait_for(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client can be made");
        let cookie = sign_in(&client, up).await;
        for page in PAGES {
            let mut took = Vec::with_capacity(ASKED);
            let mut bytes = 0;
            for _ in 0..ASKED {
                let start = Instant::now();
                let request = client
                    .get(up.url(page))
                    .header(header::COOKIE, cookie.as_str());
                let answer = request.send().await.expect("it is served");
                assert_eq!(answer.status(), 200, "{page}");
                bytes = answer.bytes().await.expect("it is whole").len();
                took.push(start.elapsed());
            }
            took.sort();
            println!(
                "  page {page:<18} p50 {:>5.1} ms, p99 {:>5.1} ms, {:>5.1} kB   (target of `/`: p99 < 50 ms)",
                ms(took[ASKED / 2]),
                ms(took[ASKED * 99 / 100]),
                bytes as f64 / 1000.0
            );
        }
    });
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// Signs in by the context file's token; the cookie.
async fn sign_in(client: &reqwest::Client, up: &Up) -> String {
    let form = format!("token={}", api::token(up));
    let request = client
        .post(up.url("/sign-in"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(form);
    let answer = request.send().await.expect("it is served");
    let cookie = answer.headers().get(header::SET_COOKIE);
    let cookie = cookie.and_then(|cookie| cookie.to_str().ok());
    let pair = cookie.and_then(|cookie| cookie.split(';').next());
    pair.expect("the token signs in").to_owned()
}
