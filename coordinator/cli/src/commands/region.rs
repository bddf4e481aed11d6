//! `vigilmon region …`

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigilmon_proto::v1;

use super::done;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::output::{self, Format};

/// What is done with regions.
#[derive(Debug, Subcommand)]
pub(crate) enum RegionCommand {
    /// All regions and how many agents each has
    List,
    /// Name a region before its first agent comes
    Add(AddArgs),
    /// Change how people read its name
    Set(SetArgs),
    /// Forget a region that no monitor, agent or agent token names
    Remove(Id),
}

/// A new region.
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Its id: small letters, digits and `-`, such as us-east
    name: String,
    /// Its name in messages and on pages; made from the id when absent
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    display_name: String,
}

/// What changes.
#[derive(Args, Debug)]
pub(crate) struct SetArgs {
    /// Its id
    name: String,
    /// Its name in messages and on pages; empty: made from the id
    #[arg(long, value_name = "TEXT")]
    display_name: String,
}

/// A region by id.
#[derive(Args, Debug)]
pub(crate) struct Id {
    /// Its id
    name: String,
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &RegionCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    match command {
        RegionCommand::List => {
            let request = v1::ListRegionsRequest {};
            let regions = client
                .fleet()
                .list_regions(request)
                .await?
                .into_inner()
                .regions;
            match format {
                Format::Json | Format::Yaml => {
                    output::data(format, &regions.iter().map(to_json).collect::<Value>())
                }
                Format::Table => output::table(
                    ["REGION", "NAME", "AGENTS CONNECTED", "LOST"],
                    regions.iter().map(row).collect(),
                ),
            }
            Ok(exit::DONE)
        }
        RegionCommand::Add(AddArgs { name, display_name }) => {
            let (id, display_name) = (name.clone(), display_name.clone());
            let request = v1::CreateRegionRequest { id, display_name };
            let made = client.fleet().create_region(request).await?.into_inner();
            let text = format!("added {}, shown as {}", made.id, made.display_name);
            Ok(done(format, &text, &to_json(&made)))
        }
        RegionCommand::Set(SetArgs { name, display_name }) => {
            let (id, display_name) = (name.clone(), display_name.clone());
            let request = v1::UpdateRegionRequest { id, display_name };
            let region = client.fleet().update_region(request).await?.into_inner();
            let text = format!("{} is shown as {}", region.id, region.display_name);
            Ok(done(format, &text, &to_json(&region)))
        }
        RegionCommand::Remove(Id { name }) => {
            let request = v1::DeleteRegionRequest { id: name.clone() };
            client.fleet().delete_region(request).await?;
            let value = json!({ "region": name, "removed": true });
            Ok(done(format, &format!("removed {name}"), &value))
        }
    }
}

fn row(region: &v1::Region) -> [String; 4] {
    [
        region.id.clone(),
        region.display_name.clone(),
        region.agents_connected.to_string(),
        region.agents_lost.to_string(),
    ]
}

fn to_json(region: &v1::Region) -> Value {
    json!({
        "region": region.id,
        "display_name": region.display_name,
        "agents_connected": region.agents_connected,
        "agents_lost": region.agents_lost,
    })
}
