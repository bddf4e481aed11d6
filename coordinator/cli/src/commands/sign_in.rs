//! `vigilmon sign-in`

use clap::Args;
use serde_json::json;
use vigilmon_proto::v1;

use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// Print a link that signs one browser in to the dashboard, once, within ten minutes
#[derive(Args, Debug)]
pub(crate) struct SignInArgs {
    /// Whoever follows the link may look, and change nothing
    #[arg(long)]
    read_only: bool,
}

/// Does it; the exit code.
pub(crate) async fn run(args: &SignInArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let request = v1::CreateSignInLinkRequest {
        project: client.project.clone(),
        read_only: args.read_only,
    };
    let made = client
        .sign_in()
        .create_sign_in_link(request)
        .await?
        .into_inner();
    let value = json!({
        "url": made.url,
        "expires_at": format::time_json(made.expire_time.as_ref()),
        "read_only": args.read_only,
    });
    match format {
        // Alone, so that it can be handed on: `xdg-open "$(vigilmon sign-in)"`.
        Format::Table => output::lines(&[made.url]),
        Format::Json | Format::Yaml => output::data(format, &value),
    }
    Ok(exit::DONE)
}
