//! Webhooks: signed POSTs by the Standard Webhooks specification.

use reqwest::header::{HeaderMap, HeaderValue};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
use vigilmon_common::notify::delivery::{Failure, FailureKind};
use vigilmon_common::time::Time;

use super::attempt::Attempted;
use super::post::Poster;

/// Posts a body under its key. The body is sent as it is: its signature is over these bytes.
pub(super) async fn send(
    poster: &Poster,
    url: &str,
    secret: &str,
    key: &str,
    body: &str,
    now: Time,
) -> Attempted {
    let headers = match signed(secret, key, body, now) {
        Ok(headers) => headers,
        Err(failure) => return Attempted::failed(failure),
    };
    match poster.post(url, headers, body.to_owned(), now).await {
        // What a receiver of one's own answers may hold anything: it is not repeated.
        Ok(reply) => reply.meaning(""),
        Err(failure) => Attempted::failed(failure),
    }
}

fn signed(secret: &str, key: &str, body: &str, now: Time) -> Result<HeaderMap, Failure> {
    let malformed =
        |what: &str| Failure::new(FailureKind::Permanent, format!("its {what} is malformed"));
    let timestamp = now.as_millis().div_euclid(1000);
    let signature = Webhook::new(secret)
        .and_then(|webhook| webhook.sign(key, timestamp, body.as_bytes()))
        .map_err(|_| malformed("signing secret"))?;
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| malformed("key"));
    let mut headers = HeaderMap::new();
    headers.insert(HEADER_WEBHOOK_ID, value(key)?);
    headers.insert(HEADER_WEBHOOK_TIMESTAMP, HeaderValue::from(timestamp));
    headers.insert(HEADER_WEBHOOK_SIGNATURE, value(&signature)?);
    Ok(headers)
}

#[cfg(test)]
mod tests;
