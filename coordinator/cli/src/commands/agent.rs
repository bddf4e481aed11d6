//! `vigilmon agent …`

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigilmon_proto::v1;

use super::done;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// What is done with agents.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// All agents, by region
    List(ListArgs),
    /// One agent
    Show(Named),
    /// Revoke one agent: it is let go at once and cannot come back
    Revoke(Named),
    /// Tokens that let agents in
    #[command(subcommand)]
    Token(TokenCommand),
}

/// Which agents.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only of this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

/// An agent by name or id.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// Its id, or its name where only one agent has it
    name: String,
}

/// What is done with tokens of agents.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for the agents of a region; the region exists from then on
    Add(TokenAddArgs),
    /// All tokens, newest first
    List,
    /// Revoke a token: its agents are let go at once
    Revoke(TokenId),
}

/// A new token.
#[derive(Args, Debug)]
pub(crate) struct TokenAddArgs {
    /// The region that its agents vote for
    #[arg(long, value_name = "REGION")]
    region: String,
    /// How long it is good; until it is revoked when absent
    #[arg(long, value_name = "DURATION", value_parser = vigilmon_common::duration::parse)]
    ttl: Option<std::time::Duration>,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

/// A token by id.
#[derive(Args, Debug)]
pub(crate) struct TokenId {
    /// Its id
    id: String,
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &AgentCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    match command {
        AgentCommand::List(args) => {
            let region = args.region.clone().unwrap_or_default();
            let request = v1::ListAgentsRequest { region };
            let agents = client
                .fleet()
                .list_agents(request)
                .await?
                .into_inner()
                .agents;
            match format {
                Format::Json | Format::Yaml => {
                    output::data(format, &agents.iter().map(agent_json).collect::<Value>())
                }
                Format::Table => output::table(
                    ["NAME…", "REGION", "STATE", "SINCE (UTC)", "MONITORS"],
                    agents.iter().map(agent_row).collect(),
                ),
            }
            Ok(exit::DONE)
        }
        AgentCommand::Show(Named { name }) => {
            let request = v1::GetAgentRequest {
                r#ref: name.clone(),
            };
            let agent = client.fleet().get_agent(request).await?.into_inner();
            match format {
                Format::Json | Format::Yaml => output::data(format, &agent_json(&agent)),
                Format::Table => output::lines(&agent_lines(&agent)),
            }
            Ok(exit::DONE)
        }
        AgentCommand::Revoke(Named { name }) => {
            let request = v1::RevokeAgentRequest {
                r#ref: name.clone(),
            };
            let agent = client.fleet().revoke_agent(request).await?.into_inner();
            let text = format!("revoked {} of {}", agent.name, agent.region);
            Ok(done(format, &text, &agent_json(&agent)))
        }
        AgentCommand::Token(command) => token(command, client, format).await,
    }
}

async fn token(command: &TokenCommand, client: &Client, format: Format) -> Result<u8, Failure> {
    match command {
        TokenCommand::Add(args) => {
            let request = v1::CreateAgentTokenRequest {
                region: args.region.clone(),
                label: args.label.clone(),
                ttl: args.ttl.map(vigilmon_proto::convert::duration),
            };
            let made = client
                .fleet()
                .create_agent_token(request)
                .await?
                .into_inner();
            let mut value = token_json(&made.token.unwrap_or_default());
            value["token"] = json!(made.secret);
            done(format, &made.secret, &value);
            if format == Format::Table {
                output::note("shown this once; give it to the agent as VIGILMON_AGENT_TOKEN");
            }
            Ok(exit::DONE)
        }
        TokenCommand::List => {
            let request = v1::ListAgentTokensRequest {};
            let tokens = client
                .fleet()
                .list_agent_tokens(request)
                .await?
                .into_inner()
                .tokens;
            match format {
                Format::Json | Format::Yaml => {
                    output::data(format, &tokens.iter().map(token_json).collect::<Value>())
                }
                Format::Table => output::table(
                    ["ID", "REGION…", "STATE", "UNTIL", "LABEL…"],
                    tokens.iter().map(token_row).collect(),
                ),
            }
            Ok(exit::DONE)
        }
        TokenCommand::Revoke(TokenId { id }) => {
            let request = v1::RevokeAgentTokenRequest { r#ref: id.clone() };
            let token = client
                .fleet()
                .revoke_agent_token(request)
                .await?
                .into_inner();
            Ok(done(
                format,
                &format!("revoked {}", token.id),
                &token_json(&token),
            ))
        }
    }
}

fn state(agent: &v1::Agent) -> String {
    let state = v1::AgentState::try_from(agent.state).unwrap_or_default();
    format::word(state.as_str_name(), "AGENT_STATE_")
}

fn agent_row(agent: &v1::Agent) -> [String; 5] {
    [
        agent.name.clone(),
        agent.region.clone(),
        state(agent),
        format::time_text(agent.since.as_ref()),
        agent.monitors.to_string(),
    ]
}

fn agent_lines(agent: &v1::Agent) -> Vec<String> {
    let mut lines = vec![
        format!("{} ({})", agent.name, agent.id),
        format!("  region    {}", agent.region),
        format!(
            "  state     {} since {} UTC",
            state(agent),
            format::time_text(agent.since.as_ref())
        ),
        format!("  build     {}", agent.build),
        format!("  monitors  {}", agent.monitors),
    ];
    for rejected in &agent.rejected {
        lines.push(format!(
            "  cannot check {}: {}",
            rejected.monitor, rejected.text
        ));
    }
    for fault in &agent.faults {
        lines.push(format!("  fault     {}", format::reason_text(Some(fault))));
    }
    lines
}

fn agent_json(agent: &v1::Agent) -> Value {
    let rejected = |r: &v1::RejectedMonitor| json!({ "monitor": r.monitor, "text": r.text });
    let fault = |fault: &v1::Reason| json!({ "code": fault.code, "text": fault.text });
    json!({
        "id": agent.id,
        "name": agent.name,
        "region": agent.region,
        "state": state(agent),
        "since": format::time_json(agent.since.as_ref()),
        "build": agent.build,
        "monitors": agent.monitors,
        "rejected": agent.rejected.iter().map(rejected).collect::<Value>(),
        "faults": agent.faults.iter().map(fault).collect::<Value>(),
        "token_id": agent.token,
    })
}

/// How a token stands by the clock of this machine.
fn token_state(token: &v1::AgentToken) -> &'static str {
    let (revoked, expires) = (token.revoke_time.as_ref(), token.expire_time.as_ref());
    format::token_state(revoked, expires, format::now())
}

fn token_row(token: &v1::AgentToken) -> [String; 5] {
    let until = token.revoke_time.as_ref().or(token.expire_time.as_ref());
    [
        token.id.clone(),
        token.region.clone(),
        token_state(token).to_owned(),
        format::day_text(until),
        token.label.clone(),
    ]
}

fn token_json(token: &v1::AgentToken) -> Value {
    json!({
        "id": token.id,
        "region": token.region,
        "label": token.label,
        "state": token_state(token),
        "expires_at": format::time_json(token.expire_time.as_ref()),
        "created_at": format::time_json(token.create_time.as_ref()),
        "revoked_at": format::time_json(token.revoke_time.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_read_what_is_wrong_with_an_agent() {
        let fault = v1::Reason {
            code: "agent_clock".to_owned(),
            text: "the clock is 4s off".to_owned(),
            status_code: None,
        };
        let agent = v1::Agent {
            faults: vec![fault],
            ..Default::default()
        };
        let shown = agent_json(&agent);
        let said = json!([{ "code": "agent_clock", "text": "the clock is 4s off" }]);
        assert_eq!(shown["faults"], said);
        assert_eq!(agent_json(&v1::Agent::default())["faults"], json!([]));
    }

    #[test]
    fn an_expired_token_of_agents_is_shown_as_expired_and_since_when() {
        let token = v1::AgentToken {
            id: "t-1".to_owned(),
            region: "eu-west".to_owned(),
            expire_time: Some(prost_types::Timestamp {
                seconds: 1_772_359_323,
                nanos: 0,
            }),
            ..Default::default()
        };
        let row = token_row(&token);
        assert_eq!(row[2..4], ["expired", "2026-03-01"]);
        assert_eq!(token_json(&token)["state"], "expired");
        let for_ever = v1::AgentToken {
            expire_time: None,
            ..token
        };
        assert_eq!(token_row(&for_ever)[2..4], ["good", "-"]);
    }
}
