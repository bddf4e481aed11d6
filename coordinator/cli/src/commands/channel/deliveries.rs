//! `vigilmon channel deliveries …`

use clap::Args;
use serde_json::{Value, json};
use vigilmon_proto::v1;

use crate::client::Client;
use crate::commands::done;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// What was tried for a channel.
#[derive(Args, Debug)]
pub(crate) struct DeliveriesArgs {
    /// The channel's name or id
    name: String,
    /// Show at most this many attempts
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Send a settled message again, by its id or key: the same key, the same body
    #[arg(long, value_name = "ID", conflicts_with = "limit")]
    resend: Option<String>,
}

/// Does it; the exit code.
pub(crate) async fn run(
    args: &DeliveriesArgs,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    if let Some(delivery) = &args.resend {
        return resend(&args.name, delivery, client, format).await;
    }
    let all = read(&args.name, args.limit as usize, client).await?;
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &all.iter().map(to_json).collect::<Value>());
        }
        Format::Table => output::table(
            ["ID", "TIME", "SUBJECT…", "RESULT", "DETAIL…"],
            all.iter().map(row).collect(),
        ),
    }
    Ok(exit::DONE)
}

async fn resend(
    name: &str,
    delivery: &str,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    let request = v1::ResendDeliveryRequest {
        project: client.project.clone(),
        r#ref: name.to_owned(),
        delivery: delivery.to_owned(),
    };
    let answer = client
        .channels()
        .resend_delivery(request)
        .await?
        .into_inner();
    if !answer.delivered {
        let message = format!(
            "sent again as {}, not taken yet: {}",
            answer.id, answer.detail
        );
        let hint = format!("see what becomes of it with `vigilmon channel deliveries {name}`");
        return Err(Failure::new(exit::FAILED, message, hint));
    }
    let value = json!({
        "delivered": true,
        "detail": answer.detail,
        "key": answer.key,
        "id": answer.id,
    });
    let line = format!("sent again as {}: {}", answer.id, answer.detail);
    Ok(done(format, &line, &value))
}

/// What waits, then what was tried, newest first.
async fn read(name: &str, limit: usize, client: &Client) -> Result<Vec<v1::Delivery>, Failure> {
    let mut all = Vec::new();
    let mut tried = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListDeliveriesRequest {
            project: client.project.clone(),
            r#ref: name.to_owned(),
            page_size: i32::try_from(limit - tried.len()).unwrap_or(i32::MAX),
            page_token,
        };
        let page = client
            .channels()
            .list_deliveries(request)
            .await?
            .into_inner();
        all.extend(page.waiting);
        tried.extend(page.deliveries);
        page_token = page.next_page_token;
        if page_token.is_empty() || tried.len() >= limit {
            all.extend(tried);
            return Ok(all);
        }
    }
}

fn result(delivery: &v1::Delivery) -> String {
    match v1::DeliveryResult::try_from(delivery.result) {
        Ok(known) => format::word(known.as_str_name(), "DELIVERY_RESULT_"),
        Err(_) => "unknown".to_owned(),
    }
}

fn row(delivery: &v1::Delivery) -> [String; 5] {
    let result = match (result(delivery), delivery.attempt) {
        (result, 0 | 1) => result,
        (result, attempt) => format!("{result} ({attempt})"),
    };
    let detail = match &delivery.next_attempt_time {
        // What the last attempt met stands in its own row.
        Some(next) => format!("next at {}", format::time_text(Some(next))),
        None => delivery.detail.clone(),
    };
    let subject = match delivery.subject.as_str() {
        "" => &delivery.event,
        subject => subject,
    };
    [
        delivery.id.clone(),
        format::time_text(delivery.time.as_ref()),
        subject.to_owned(),
        result,
        detail,
    ]
}

fn to_json(delivery: &v1::Delivery) -> Value {
    json!({
        "id": delivery.id,
        "key": delivery.key,
        "event": delivery.event,
        "subject": format::text(&delivery.subject),
        "incident": format::text(&delivery.incident),
        "attempt": delivery.attempt,
        "result": result(delivery),
        "detail": format::text(&delivery.detail),
        "at": format::time_json(delivery.time.as_ref()),
        "took_seconds": format::seconds(format::span(delivery.took.as_ref())),
        "next_attempt_at": format::time_json(delivery.next_attempt_time.as_ref()),
        "can_resend": delivery.can_resend,
    })
}
