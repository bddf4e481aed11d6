//! `vigilmon channel …`

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigilmon_proto::v1;

use super::done;
use crate::client::Client;
use crate::context::secret;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};
use crate::pages;

mod deliveries;
mod reach;

/// What is done with channels.
#[derive(Debug, Subcommand)]
pub(crate) enum ChannelCommand {
    /// A new channel
    Add(AddArgs),
    /// All channels
    List,
    /// One channel
    Show(Named),
    /// Send a test message and say whether it arrived
    Test(Named),
    /// What was tried for it and what waits, newest first; or send one again
    Deliveries(deliveries::DeliveriesArgs),
    /// Remove it
    Remove(Named),
}

/// A channel by name or id.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// Its name or id
    name: String,
}

/// A new channel.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("kind").required(true).args(["slack", "discord", "webhook", "email"])))]
pub(crate) struct AddArgs {
    /// Its name
    name: String,
    /// A Slack incoming webhook, or a service that takes the same; @FILE or env:NAME
    #[arg(long, value_name = "URL")]
    slack: Option<String>,
    /// A Discord webhook; @FILE or env:NAME
    #[arg(long, value_name = "URL")]
    discord: Option<String>,
    /// Standard Webhooks are sent to this URL; @FILE or env:NAME
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// The webhook's signing secret, whsec_…; made when absent; @FILE or env:NAME
    #[arg(long, value_name = "whsec_…", requires = "webhook")]
    secret: Option<String>,
    /// Mail goes to these addresses
    #[arg(long, value_name = "ADDR[,ADDR]", value_delimiter = ',')]
    email: Option<Vec<String>>,
    /// The channel that gets a copy of what this one cannot deliver
    #[arg(long, value_name = "CHANNEL")]
    fallback: Option<String>,
}

impl std::fmt::Debug for AddArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // URL and secret are keys.
        f.debug_struct("AddArgs")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &ChannelCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    match command {
        ChannelCommand::Add(args) => add(args, client, format).await,
        ChannelCommand::List => {
            let all = all(client).await?;
            match format {
                Format::Json | Format::Yaml => {
                    output::data(format, &all.iter().map(to_json).collect::<Value>())
                }
                Format::Table => output::table(
                    ["NAME…", "KIND", "TARGET…", "FALLBACK…", "STATE…"],
                    all.iter().map(row).collect(),
                ),
            }
            Ok(exit::DONE)
        }
        ChannelCommand::Show(Named { name }) => {
            let channel = get(client, name).await?;
            match format {
                Format::Json | Format::Yaml => output::data(format, &to_json(&channel)),
                Format::Table => {
                    let reached = reach::of(&channel, client).await?;
                    output::lines(&lines(&channel, &reached));
                }
            }
            Ok(exit::DONE)
        }
        ChannelCommand::Test(Named { name }) => test(name, client, format).await,
        ChannelCommand::Deliveries(args) => deliveries::run(args, client, format).await,
        ChannelCommand::Remove(Named { name }) => {
            let channel = get(client, name).await?;
            let request = v1::DeleteChannelRequest {
                project: client.project.clone(),
                r#ref: channel.id.clone(),
                etag: String::new(),
            };
            client.channels().delete_channel(request).await?;
            let value = json!({ "id": channel.id, "name": channel.name, "removed": true });
            Ok(done(format, &format!("removed {}", channel.name), &value))
        }
    }
}

async fn get(client: &Client, name: &str) -> Result<v1::Channel, Failure> {
    let request = v1::GetChannelRequest {
        project: client.project.clone(),
        r#ref: name.to_owned(),
    };
    Ok(client.channels().get_channel(request).await?.into_inner())
}

async fn test(name: &str, client: &Client, format: Format) -> Result<u8, Failure> {
    let request = v1::TestChannelRequest {
        project: client.project.clone(),
        r#ref: name.to_owned(),
    };
    let answer = client.channels().test(request).await?.into_inner();
    if !answer.delivered {
        let message = format!("the test to {name} did not arrive: {}", answer.detail);
        return Err(Failure::new(
            exit::FAILED,
            message,
            "a test is tried once; mend the channel and test it again",
        ));
    }
    let value = json!({ "delivered": true, "detail": answer.detail, "key": answer.key });
    Ok(done(
        format,
        &format!("the test arrived: {}", answer.detail),
        &value,
    ))
}

async fn add(args: &AddArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let kind = wanted(args)?;
    let channel = v1::Channel {
        name: args.name.clone(),
        kind: Some(kind),
        fallback: args.fallback.clone().unwrap_or_default(),
        ..Default::default()
    };
    let request = v1::CreateChannelRequest {
        project: client.project.clone(),
        channel: Some(channel),
    };
    let made = client
        .channels()
        .create_channel(request)
        .await?
        .into_inner();
    let fresh = match &made.kind {
        Some(v1::channel::Kind::Webhook(hook)) if args.secret.is_none() => hook.secret.clone(),
        _ => String::new(),
    };
    let reached = reach::of(&made, client).await?;
    let mut value = to_json(&made);
    if !fresh.is_empty() {
        value["secret"] = json!(fresh);
    }
    done(
        format,
        &format!("added {}: {}", made.name, made.target),
        &value,
    );
    if !fresh.is_empty() && format == Format::Table {
        output::lines(&[format!("secret (shown this once): {fresh}")]);
    }
    output::note(&reached);
    Ok(exit::DONE)
}

/// The kind that the flags name; clap has seen to it that they name one.
fn wanted(args: &AddArgs) -> Result<v1::channel::Kind, Failure> {
    if let Some(url) = &args.slack {
        let url = secret("--slack", url)?;
        return Ok(v1::channel::Kind::Slack(v1::SlackChannel { url }));
    }
    if let Some(url) = &args.discord {
        let url = secret("--discord", url)?;
        return Ok(v1::channel::Kind::Discord(v1::DiscordChannel { url }));
    }
    if let Some(url) = &args.webhook {
        return Ok(v1::channel::Kind::Webhook(v1::WebhookChannel {
            url: secret("--webhook", url)?,
            secret: match &args.secret {
                Some(given) => secret("--secret", given)?,
                None => String::new(),
            },
        }));
    }
    let to = args.email.clone().unwrap_or_default();
    Ok(v1::channel::Kind::Email(v1::EmailChannel { to }))
}

async fn all(client: &Client) -> Result<Vec<v1::Channel>, Failure> {
    pages::all(async |page_token| {
        let request = v1::ListChannelsRequest {
            project: client.project.clone(),
            page_size: 0,
            page_token,
        };
        let page = client.channels().list_channels(request).await?.into_inner();
        Ok((page.channels, page.next_page_token))
    })
    .await
}

fn kind(channel: &v1::Channel) -> &'static str {
    match channel.kind {
        Some(v1::channel::Kind::Webhook(_)) => "webhook",
        Some(v1::channel::Kind::Slack(_)) => "slack",
        Some(v1::channel::Kind::Discord(_)) => "discord",
        Some(v1::channel::Kind::Email(_)) => "email",
        Some(v1::channel::Kind::Inbox(_)) => "inbox",
        None => "unknown",
    }
}

fn state(channel: &v1::Channel) -> String {
    match channel.disabled.as_str() {
        "" => "enabled".to_owned(),
        why => format!("disabled: {why}"),
    }
}

fn row(channel: &v1::Channel) -> [String; 5] {
    [
        channel.name.clone(),
        kind(channel).to_owned(),
        channel.target.clone(),
        match channel.fallback.as_str() {
            "" => "-".to_owned(),
            fallback => fallback.to_owned(),
        },
        state(channel),
    ]
}

fn lines(channel: &v1::Channel, reached: &str) -> Vec<String> {
    let mut lines = vec![
        format!("{} ({})", channel.name, channel.id),
        format!("  {:9} {}", kind(channel), channel.target),
        format!("  state     {}", state(channel)),
    ];
    if !channel.fallback.is_empty() {
        lines.push(format!("  fallback  {}", channel.fallback));
    }
    let words = reached.split_whitespace().map(str::to_owned);
    lines.extend(format::filled("reach", words, " "));
    lines
}

fn to_json(channel: &v1::Channel) -> Value {
    json!({
        "id": channel.id,
        "name": channel.name,
        "kind": kind(channel),
        "target": channel.target,
        "fallback": format::text(&channel.fallback),
        "disabled": format::text(&channel.disabled),
        "created_at": format::time_json(channel.create_time.as_ref()),
        "etag": channel.etag,
    })
}
