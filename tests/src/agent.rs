//! `vigilmon-agent`, as the operator of a region starts it.

use std::ffi::OsStr;
use std::path::Path;

use tempfile::TempDir;

use crate::process::{Plan, Process};
use crate::programs::{self, Build};
use crate::up::Up;

/// An agent of its own process.
pub struct Agent {
    // Dropped in this order: the process first, then the folder with its log.
    process: Process,
    folder: TempDir,
    token: String,
    grpc: String,
    authority: std::path::PathBuf,
    region: String,
}

impl Agent {
    /// Asks for a token and starts an agent with it; its region comes to be by that.
    #[must_use]
    pub fn start(up: &Up, region: &str) -> Self {
        let made = up
            .cli()
            .json(&["agent", "token", "add", "--region", region]);
        let token = made["token"]
            .as_str()
            .expect("the token is printed once")
            .to_owned();
        let folder = TempDir::with_prefix("vigilmon-agent-").expect("a folder can be made");
        let authority = up.data().join("ca.pem");
        let process = launch(folder.path(), &up.grpc(), &authority, region, &token);
        let region = region.to_owned();
        Self {
            folder,
            token,
            grpc: up.grpc(),
            authority,
            region,
            process,
        }
    }

    /// As [`Agent::start`], from a file of settings.
    #[must_use]
    pub fn start_from_file(up: &Up, region: &str) -> Self {
        let made = up.cli().ok(&["agent", "token", "add", "--region", region]);
        let folder = TempDir::with_prefix("vigilmon-agent-").expect("a folder can be made");
        let (file, token) = (folder.path().join("agent.toml"), made.trim().to_owned());
        let authority = up.data().join("ca.pem");
        let settings = format!(
            "coordinator = [\"https://{}\"]\nregion = \"{region}\"\nname = \"{region}-1\"\n\
             ca_file = \"{}\"\ntoken_file = \"agent.token\"\n[addresses]\nallow = [\"127.0.0.0/8\"]\n",
            up.grpc(),
            authority.display()
        );
        std::fs::write(folder.path().join("agent.token"), &made).expect("a file can be written");
        std::fs::write(&file, settings).expect("a file can be written");
        let process = Plan::new(programs::vigilmon("vigilmon-agent", Build::Plain))
            .args([OsStr::new("--config"), file.as_os_str()])
            .folder("/")
            .start(&folder.path().join("log"));
        Self {
            process,
            folder,
            token,
            grpc: up.grpc(),
            authority,
            region: region.to_owned(),
        }
    }

    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Starts it again, after it has ended.
    pub fn start_again(&mut self) {
        self.process.kill();
        let folder = self.folder.path();
        self.process = launch(
            folder,
            &self.grpc,
            &self.authority,
            &self.region,
            &self.token,
        );
    }
}

fn launch(folder: &Path, grpc: &str, authority: &Path, region: &str, token: &str) -> Process {
    Plan::new(programs::vigilmon("vigilmon-agent", Build::Plain))
        .args([
            "--coordinator",
            &format!("https://{grpc}"),
            "--region",
            region,
        ])
        .args(["--allow-net", "127.0.0.0/8", "--ca-file"])
        .args([authority])
        .env("VIGILMON_AGENT_TOKEN", token)
        .folder(folder)
        .start(&folder.join("log"))
}
