//! Stored results, newest first.

use std::time::Duration;

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::name::Region;
use vigilmon_common::time::Time;
use vigilmon_proto::convert::result::stored_to_wire;
use vigilmon_proto::convert::time;
use vigilmon_proto::v1;
use vigilmon_proto::v1::result_service_server::ResultService;

use super::auth::Caller;
use super::{Api, error, page};
use crate::store::ResultQuery;

/// How far back results are shown where the caller does not say.
const SINCE_DEFAULT: Duration = Duration::from_secs(3600);
/// Most results that may share a start with the end of a page: agents of one monitor.
const SAME_START_MAX: usize = 10_000;

#[async_trait]
impl ResultService for Api {
    async fn list_results(
        &self,
        request: Request<v1::ListResultsRequest>,
    ) -> Result<Response<v1::ListResultsResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let monitor = self
            .engine
            .monitor(&request.monitor)
            .map_err(error::status)?;
        let size = page::size(request.page_size)?;
        let place = page::token(&request.page_token, Place::read)?;
        let now = self.engine.clock().now();
        let until = request.until.as_ref().map_or(now, time);
        let query = ResultQuery {
            monitor: monitor.id,
            region: region(&request.region)?,
            from: request.since.as_ref().map_or(now - SINCE_DEFAULT, time),
            to: place.as_ref().map_or(until, |place| place.behind()),
            limit: size + 1 + place.as_ref().map_or(0, |place| place.skip),
        };
        let found = self.engine.stores().history.results(&query).await;
        let found = found.map_err(|error| error::unavailable(&error))?;
        let skip = place.as_ref().map_or(0, |place| {
            let same = found
                .iter()
                .take_while(|one| one.result.started >= place.started);
            same.count().min(place.skip)
        });
        let rest = &found[skip..];
        let wire = rest
            .iter()
            .map(|one| stored_to_wire(&one.result, one.region.as_str()));
        let (results, more) = page::fill(size, wire);
        let shown = rest[..results.len()].iter().map(|one| one.result.started);
        let next = more.then(|| Place::at_end(place, shown.collect()));
        Ok(Response::new(v1::ListResultsResponse {
            results,
            next_page_token: next.map(|place| place.write()).unwrap_or_default(),
        }))
    }
}

/// Where a page ended: at the start of its last result, of which `skip` were shown already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Place {
    started: Time,
    skip: usize,
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let (started, skip) = text.strip_prefix("r:")?.split_once(':')?;
        let skip = skip.parse().ok().filter(|skip| *skip <= SAME_START_MAX)?;
        Some(Self {
            started: Time::from_millis(started.parse().ok()?),
            skip,
        })
    }

    fn write(self) -> String {
        format!("r:{}:{}", self.started.as_millis(), self.skip)
    }

    /// The first moment that is not wanted any more.
    fn behind(&self) -> Time {
        self.started + Duration::from_millis(1)
    }

    fn at_end(before: Option<Self>, shown: Vec<Time>) -> Self {
        let started = shown.last().copied().unwrap_or_default();
        let same = shown.iter().filter(|at| **at == started).count();
        let earlier = before.filter(|before| before.started == started);
        Self {
            started,
            skip: same + earlier.map_or(0, |before| before.skip),
        }
    }
}

fn region(text: &str) -> Result<Option<Region>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let refused = |error: vigilmon_common::name::InvalidName| {
        error::invalid_field("region", "is no region", &error.to_string())
    };
    Region::parse(text).map(Some).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_that_start_together_are_neither_repeated_nor_lost_at_a_page_end() {
        let at = Time::from_secs;
        let first = Place::at_end(None, vec![at(9), at(7), at(7)]);
        assert_eq!(
            first,
            Place {
                started: at(7),
                skip: 2
            }
        );
        let second = Place::at_end(Some(first), vec![at(7)]);
        assert_eq!(
            second,
            Place {
                started: at(7),
                skip: 3
            }
        );
        assert_eq!(Place::read(&second.write()), Some(second));
        for bad in ["", "r:", "r:1", "r:x:1", "r:1:-1", "r:1:99999999", "n:api"] {
            assert_eq!(Place::read(bad), None, "{bad}");
        }
    }
}
