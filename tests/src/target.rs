//! A web site that answers as the test says, to each region as the test says.
//!
//! Regions are told apart by the `User-Agent` of Vigilmon's agents.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use crate::background::{Served, Shared};
use crate::wait;

/// How the site answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Behaviour {
    /// With this status,
    pub status: u16,
    /// this body,
    pub body: String,
    /// after this long.
    pub after: Duration,
}

impl Behaviour {
    /// All is well.
    #[must_use]
    pub fn well() -> Self {
        Self::status(200)
    }

    /// Answers with a status at once.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let body = format!("status {status}\n");
        Self {
            status,
            body,
            after: Duration::ZERO,
        }
    }

    /// Does not answer in any time that a check would wait.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            after: Duration::from_secs(3600),
            ..Self::well()
        }
    }

    /// Answers well, but with another body.
    #[must_use]
    pub fn body(body: &str) -> Self {
        Self {
            body: body.to_owned(),
            ..Self::well()
        }
    }
}

/// One request that the site got.
#[derive(Clone, Debug)]
pub struct Hit {
    /// When it came.
    pub at: Instant,
    /// From which region, empty when it names none.
    pub region: String,
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// The status that it is answered with.
    pub status: u16,
}

#[derive(Default)]
struct Site {
    everywhere: Option<Behaviour>,
    regions: HashMap<String, Behaviour>,
    once: HashMap<String, Behaviour>,
    hits: Vec<Hit>,
}

/// The site; it ends when dropped.
pub struct Target {
    served: Served<Site>,
}

impl Target {
    /// Starts a site that is well.
    #[must_use]
    pub fn start() -> Self {
        let router = axum::Router::new().fallback(answer);
        Self {
            served: Served::start(router),
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/health", self.served.address())
    }

    /// From now on it answers so to all regions, whatever was said of single ones.
    pub fn behave(&self, behaviour: Behaviour) {
        let mut site = self.served.lock();
        site.regions.clear();
        site.once.clear();
        site.everywhere = Some(behaviour);
    }

    /// From now on it answers so to one region.
    pub fn behave_in(&self, region: &str, behaviour: Behaviour) {
        let mut site = self.served.lock();
        site.regions.insert(region.to_owned(), behaviour);
    }

    /// The next request of one region alone is answered so.
    pub fn behave_once_in(&self, region: &str, behaviour: Behaviour) {
        let mut site = self.served.lock();
        site.once.insert(region.to_owned(), behaviour);
    }

    /// All requests so far.
    #[must_use]
    pub fn hits(&self) -> Vec<Hit> {
        self.served.lock().hits.clone()
    }

    /// How many requests a region has made.
    #[must_use]
    pub fn hits_from(&self, region: &str) -> usize {
        let site = self.served.lock();
        site.hits.iter().filter(|hit| hit.region == region).count()
    }

    /// Waits until each of these regions has asked `more` times again.
    #[track_caller]
    pub fn wait_for_hits(&self, regions: &[&str], more: usize, within: Duration) {
        let before: Vec<usize> = regions
            .iter()
            .map(|region| self.hits_from(region))
            .collect();
        let what = format!("{regions:?} each ask {more} times more");
        wait::until_true(&what, within, || {
            let mut each = regions.iter().zip(&before);
            each.all(|(region, before)| self.hits_from(region) >= before + more)
        });
    }
}

async fn answer(State(site): State<Shared<Site>>, request: Request) -> Response {
    let region = region(request.headers());
    let behaviour = {
        let mut site = site.lock();
        let once = site.once.remove(&region);
        let usual = site.regions.get(&region).or(site.everywhere.as_ref());
        let behaviour = once.or_else(|| usual.cloned());
        let behaviour = behaviour.unwrap_or_else(Behaviour::well);
        site.hits.push(Hit {
            at: Instant::now(),
            region,
            path: request.uri().path().to_owned(),
            headers: request.headers().clone(),
            status: behaviour.status,
        });
        behaviour
    };
    tokio::time::sleep(behaviour.after).await;
    let status = StatusCode::from_u16(behaviour.status).expect("a test names a real status");
    (status, behaviour.body).into_response()
}

/// `us-east` of `Vigilmon/1.0 (region=us-east; +https://…)`.
fn region(headers: &HeaderMap) -> String {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let after = agent
        .and_then(|agent| agent.split_once("region="))
        .map(|(_, after)| after);
    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    after
        .and_then(|after| after.split(end).next())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_read_from_the_user_agent() {
        let mut headers = HeaderMap::new();
        assert_eq!(region(&headers), "");
        headers.insert(
            header::USER_AGENT,
            "Vigilmon/0.1.0 (region=us-east; +https://example.org)"
                .parse()
                .unwrap(),
        );
        assert_eq!(region(&headers), "us-east");
    }

    #[test]
    fn a_site_answers_each_region_as_the_test_says() {
        let target = Target::start();
        target.behave_in("us-east", Behaviour::status(503));
        let answer = crate::background::get(&target.url()).unwrap();
        assert_eq!(answer.status, 200);
        target.behave(Behaviour::status(500));
        let answer = crate::background::get(&target.url()).unwrap();
        assert_eq!((answer.status, target.hits().len()), (500, 2));
        // Whoever names no region is of the one without a name.
        target.behave_once_in("", Behaviour::status(503));
        let answers = [(); 2].map(|()| crate::background::get(&target.url()).unwrap().status);
        assert_eq!(answers, [503, 500]);
    }
}
