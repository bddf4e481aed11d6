//! The program as a user starts it.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use vigilmon_common::session::messages::Sync;
use vigilmon_proto::v1;

use crate::fake::{Fake, PATIENCE, TOKEN};
use crate::sessions::monitor;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running agent; ends with this value.
struct Program {
    child: Child,
    folder: TempDir,
}

impl Program {
    fn start(arguments: &[&str], environment: &[(&str, &str)], ca: Option<&[u8]>) -> Self {
        let folder = TempDir::with_prefix("vigilmon-agent-").unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigilmon-agent"));
        if let Some(ca) = ca {
            let file = folder.path().join("ca.pem");
            std::fs::write(&file, ca).unwrap();
            command.arg("--ca-file").arg(file);
        }
        let child = command
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// With all that it needs to reach the fake.
    fn of(fake: &Fake, token: &str) -> Self {
        let url = fake.url();
        let environment = [
            ("VIGILMON_AGENT_TOKEN", token),
            ("VIGILMON_COORDINATOR", &url),
        ];
        let arguments = ["--region=eu-west", "--name=p-1", "--allow=127.0.0.1"];
        Self::start(&arguments, &environment, Some(&fake.ca))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn says(&self, text: &str) {
        let said = async {
            while !self.log().contains(text) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let said = tokio::time::timeout(PATIENCE, said).await;
        assert!(said.is_ok(), "`{text}` is missing in:\n{}", self.log());
    }

    async fn ended(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.unwrap()
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn sigterm_ends_it_in_order_with_exit_code_0() {
    let mut fake = Fake::start().await;
    let mut program = Program::of(&fake, TOKEN);
    let mut session = fake.session().await;
    assert_eq!(session.hello.name, "p-1");
    session.welcome(Sync::Snapshot).await;
    program.says("session stands").await;
    program.terminate();
    session.closed().await;
    assert_eq!(program.ended().await.code(), Some(0));
}

/// Answers everything with 200, as long as the set lives.
async fn target() -> (JoinSet<()>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
            let _ = stream.write_all(answer).await;
        }
    });
    (tasks, address)
}

#[tokio::test]
async fn a_real_target_is_checked_and_the_result_tells_where_the_time_went() {
    let (_target, address) = target().await;
    let mut fake = Fake::start().await;
    let _program = Program::of(&fake, TOKEN);
    let mut session = fake.session().await;
    session.welcome(Sync::Snapshot).await;
    let url = format!("http://{address}/health");
    session.assign(vec![monitor(1, &url).into()]).await;
    let result = session.result().await;
    assert_eq!(result.outcome, i32::from(v1::Outcome::Up));
    assert!(result.took_us > 0);
    let phases = result.phases.unwrap();
    assert!(phases.connect_us.is_some() && phases.first_byte_us.is_some());
    assert!(phases.tls_us.is_none());
}

#[tokio::test]
async fn a_token_that_the_coordinator_does_not_know_is_said_and_the_agent_waits() {
    let fake = Fake::start().await;
    let mut program = Program::of(&fake, "vta_unknown");
    program.says("coordinator refuses this agent").await;
    program.says("unknown agent token").await;
    assert!(program.is_running());
    assert!(!program.log().contains("vta_unknown"));
    program.terminate();
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_coordinator_that_cannot_be_reached_is_waited_for() {
    let mut fake = Fake::start().await;
    // A port of which the certificate's names are no concern: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let coordinators = format!("https://localhost:{port},{}", fake.url());
    let environment = [("VIGILMON_AGENT_TOKEN", TOKEN)];
    let arguments = [
        "--region=eu-west",
        "--name=p-1",
        "--coordinator",
        &coordinators,
    ];
    let program = Program::start(&arguments, &environment, Some(&fake.ca));
    program.says("cannot reach the coordinator").await;
    assert_eq!(fake.session().await.hello.name, "p-1");
}

#[tokio::test]
async fn a_coordinator_of_a_strange_authority_is_refused() {
    let fake = Fake::start().await;
    let stranger = Fake::start().await;
    let (url, ca) = (fake.url(), Some(stranger.ca.as_slice()));
    let arguments = ["--region=eu-west", "--name=p-1", "--coordinator", &url];
    let program = Program::start(&arguments, &[("VIGILMON_AGENT_TOKEN", TOKEN)], ca);
    program.says("certificate").await;
    assert!(program.log().contains("cannot reach the coordinator"));
}

#[tokio::test]
async fn all_that_is_wrong_with_the_flags_is_named_and_nothing_starts() {
    let arguments = [
        "--coordinator=http://h",
        "--region=EU",
        "--name=p-1",
        "--checks=0",
    ];
    let mut program = Program::start(&arguments, &[], None);
    assert_eq!(program.ended().await.code(), Some(2));
    let log = program.log();
    for wrong in ["--coordinator", "--region", "--token-file", "--checks"] {
        assert!(log.contains(wrong), "`{wrong}` is missing in:\n{log}");
    }
}
