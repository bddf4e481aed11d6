//! `vigilmon region …`

use clap::Subcommand;
use serde_json::{Value, json};
use vigilmon_proto::v1;

use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::output::{self, Format};

/// What is done with regions.
#[derive(Debug, Subcommand)]
pub(crate) enum RegionCommand {
    /// All regions and how many agents each has
    List,
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
