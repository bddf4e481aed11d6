//! `vigilmon demo …`

use clap::Subcommand;
use serde_json::json;
use tonic::Code;
use vigilmon_proto::v1;

use super::done;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::output::Format;

/// What is done with the demonstration's site.
#[derive(Debug, Subcommand)]
pub(crate) enum DemoCommand {
    /// Break the site, everywhere or for one region
    Break {
        /// Only the agents of this region find it broken
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
    },
    /// Mend the site
    Mend {
        /// Only for this region
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
    },
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &DemoCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    let named = |region: &Option<String>| region.clone().unwrap_or_default();
    let answer = match command {
        DemoCommand::Break { region } => {
            let region = named(region);
            client.demo().r#break(v1::BreakDemoRequest { region }).await
        }
        DemoCommand::Mend { region } => {
            let region = named(region);
            client.demo().mend(v1::MendDemoRequest { region }).await
        }
    };
    let site = match answer {
        Ok(site) => site.into_inner(),
        Err(status) if status.code() == Code::Unimplemented => {
            return Err(Failure::new(
                exit::FAILED,
                "this coordinator runs no demonstration".to_owned(),
                "start one with `vigilmon up --demo`",
            ));
        }
        Err(status) => return Err(status.into()),
    };
    let text = match (site.broken_everywhere, site.broken_regions.as_slice()) {
        (true, _) => "the site is broken everywhere".to_owned(),
        (false, []) => "the site is well".to_owned(),
        (false, regions) => format!("the site is broken for {}", regions.join(", ")),
    };
    let value = json!({
        "broken_everywhere": site.broken_everywhere,
        "broken_regions": site.broken_regions,
    });
    Ok(done(format, &text, &value))
}
