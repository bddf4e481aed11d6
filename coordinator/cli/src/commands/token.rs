//! `vigilmon token …`

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use vigilmon_proto::v1;

use super::done;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// What is done with tokens of the API.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, this once
    Add(AddArgs),
    /// All tokens, newest first
    List,
    /// Revoke a token: what calls with it is refused at once
    Revoke(Named),
}

/// A new token.
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// What it may do: admin everything, editor all but tokens and agents, viewer read
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "admin|editor|viewer"
    )]
    role: Role,
    /// How long it is good, such as 90d; until it is revoked when absent
    #[arg(long, value_name = "DURATION", value_parser = vigilmon_common::duration::parse)]
    ttl: Option<Duration>,
    /// Its name: under it stands in the audit log what is done with it
    #[arg(long, value_name = "NAME", default_value = "")]
    label: String,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Admin,
    Editor,
    Viewer,
}

/// A token by id or name.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// Its id, or its name
    name: String,
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &TokenCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    match command {
        TokenCommand::Add(args) => add(args, client, format).await,
        TokenCommand::List => {
            let request = v1::ListTokensRequest {};
            let answer = client.tokens().list_tokens(request).await?;
            let tokens = answer.into_inner().tokens;
            match format {
                Format::Json | Format::Yaml => {
                    output::data(format, &tokens.iter().map(to_json).collect::<Value>());
                }
                Format::Table => output::table(
                    ["ID", "NAME…", "ROLE", "STATE", "UNTIL (UTC)"],
                    tokens.iter().map(row).collect(),
                ),
            }
            Ok(exit::DONE)
        }
        TokenCommand::Revoke(Named { name }) => {
            let request = v1::RevokeTokenRequest {
                r#ref: name.clone(),
            };
            let token = client.tokens().revoke_token(request).await?.into_inner();
            let text = format!("revoked {}", called(&token));
            Ok(done(format, &text, &to_json(&token)))
        }
    }
}

async fn add(args: &AddArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let role = match args.role {
        Role::Admin => v1::Role::Admin,
        Role::Editor => v1::Role::Editor,
        Role::Viewer => v1::Role::Viewer,
    };
    let request = v1::CreateTokenRequest {
        role: role.into(),
        label: args.label.clone(),
        ttl: args.ttl.map(vigilmon_proto::convert::duration),
    };
    let made = client.tokens().create_token(request).await?.into_inner();
    let mut value = to_json(&made.token.unwrap_or_default());
    value["token"] = json!(made.secret);
    done(format, &made.secret, &value);
    if format == Format::Table {
        output::note("shown this once; give it to its user as VIGILMON_TOKEN");
    }
    Ok(exit::DONE)
}

fn called(token: &v1::Token) -> &str {
    match token.label.as_str() {
        "" => &token.id,
        label => label,
    }
}

fn role(token: &v1::Token) -> String {
    format::word(token.role().as_str_name(), "ROLE_")
}

/// How a token stands by the clock of this machine.
fn state(token: &v1::Token) -> &'static str {
    let (revoked, expires) = (token.revoke_time.as_ref(), token.expire_time.as_ref());
    format::token_state(revoked, expires, format::now())
}

fn row(token: &v1::Token) -> [String; 5] {
    let until = token.revoke_time.as_ref().or(token.expire_time.as_ref());
    [
        token.id.clone(),
        token.label.clone(),
        role(token),
        state(token).to_owned(),
        format::minute_text(until),
    ]
}

fn to_json(token: &v1::Token) -> Value {
    json!({
        "id": token.id,
        "name": format::text(&token.label),
        "project": token.project,
        "role": role(token),
        "state": state(token),
        "created_at": format::time_json(token.create_time.as_ref()),
        "expires_at": format::time_json(token.expire_time.as_ref()),
        "revoked_at": format::time_json(token.revoke_time.as_ref()),
    })
}
