//! What lies in `deploy/`: every file is loaded by the program that it is for, or taken apart and
//! held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use vigilmon_tests::process::{Plan, Process};
use vigilmon_tests::programs::{self, Build};
use vigilmon_tests::{background, cli, ports, wait};

use crate::scene::SOON;

/// Least safe that `systemd-analyze security` may call a unit, in tenths; 10 is its worst.
const EXPOSURE_TENTHS_MAX: u32 = 20;

fn root() -> &'static Path {
    programs::tests().parent().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn program(name: &str) -> PathBuf {
    programs::vigilmon(name, Build::Plain)
}

fn folder() -> TempDir {
    TempDir::with_prefix("vigilmon-deploy-").unwrap()
}

fn help(name: &str) -> String {
    let done = Command::new(program(name)).arg("--help").output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

#[track_caller]
fn checks(name: &str, file: &Path) {
    let done = Plan::new(program(name))
        .args([Path::new("--check-config"), Path::new("--config"), file])
        .command()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}");
}

/// An example with all that it shows as comments put in force: `#key = …` and `#[section]`, written
/// without the blank that prose has.
fn in_full(example: &str) -> String {
    let lines = example.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => {
            setting
        }
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn example_settings_are_good_as_they_are_and_with_all_that_they_show() {
    let folder = folder();
    let certificate = rcgen::generate_simple_self_signed(["mon.example.org".to_owned()]).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("tls")).unwrap();
    write("tls/cert.pem", &certificate.cert.pem());
    write("tls/key.pem", &certificate.signing_key.serialize_pem());
    write("smtp.url", "smtps://user:password@mail.example.org\n");
    write("ca.pem", &certificate.cert.pem());
    write("agent.token", "vta_0123\n");
    for (name, example) in [
        ("vigilmon-coordinator", "deploy/config/coordinator.toml"),
        ("vigilmon-agent", "deploy/config/agent.toml"),
    ] {
        let example = read(example);
        let full = in_full(&example);
        assert_ne!(example, full);
        for text in [example, full] {
            write("settings.toml", &text);
            checks(name, &folder.path().join("settings.toml"));
        }
    }
}

#[test]
fn systemd_takes_the_units_and_calls_them_well_shut_in() {
    let folder = folder();
    for name in ["vigilmon-coordinator", "vigilmon-agent"] {
        let unit = read(&format!("deploy/systemd/{name}.service"));
        let installed = format!("/usr/local/bin/{name}");
        assert!(
            unit.contains(&format!("ExecStart={installed} --config /etc/vigilmon/")),
            "{unit}"
        );
        let built = unit.replace(&installed, program(name).to_str().unwrap());
        let file = folder.path().join(format!("{name}.service"));
        fs::write(&file, built).unwrap();
        let verified = Command::new("systemd-analyze")
            .arg("verify")
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(
            verified.status.success() && said.is_empty(),
            "{name}: {said}"
        );
        let shut_in = Command::new("systemd-analyze")
            .args([
                "security",
                "--offline=true",
                &format!("--threshold={EXPOSURE_TENTHS_MAX}"),
            ])
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            shut_in.status.success(),
            "{}",
            String::from_utf8_lossy(&shut_in.stdout)
        );
    }
}

#[test]
fn the_page_for_operators_names_files_that_there_are_and_flags_that_are_known() {
    let page = read("docs/deploy.md");
    let known = help("vigilmon-coordinator") + &help("vigilmon-agent") + &help("vigilmon");
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    for word in page.split(|c| !is_of_word(c)) {
        let word = word.trim_end_matches(['.', '-']);
        if word.starts_with("deploy/") {
            assert!(root().join(word).exists(), "{word}");
        }
        if let Some(name) = word.strip_prefix("VIGILMON_")
            && !["", "CONTEXT"].contains(&name)
        {
            assert!(known.contains(&format!("VIGILMON_{name}")), "{word}");
        }
    }
}

// ---- containers

/// One build stage of the Dockerfile.
#[derive(Default)]
struct Stage {
    base: String,
    copies: Vec<(Option<String>, Vec<String>)>,
    env: BTreeMap<String, String>,
    lines: Vec<String>,
}

impl Stage {
    /// What stands behind a word of it, such as `USER`.
    #[track_caller]
    fn line(&self, word: &str) -> &str {
        let found = self.lines.iter().find_map(|line| line.strip_prefix(word));
        found
            .unwrap_or_else(|| panic!("no {word} in {:#?}", self.lines))
            .trim()
    }

    fn health(&self) -> Vec<String> {
        let line = self.line("HEALTHCHECK");
        let (_, command) = line.split_once("CMD").unwrap();
        serde_json::from_str(command.trim()).expect("HEALTHCHECK is in the form of a list")
    }
}

fn stages() -> BTreeMap<String, Stage> {
    let joined = read("deploy/docker/Dockerfile").replace("\\\n", " ");
    let mut stages: BTreeMap<String, Stage> = BTreeMap::new();
    let mut now = String::new();
    for line in joined
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["FROM", base, "AS", name] => {
                now = (*name).to_owned();
                stages.entry(now.clone()).or_default().base = (*base).to_owned();
            }
            ["COPY", words @ ..] => {
                let from = words[0].strip_prefix("--from=").map(str::to_owned);
                let sources = &words[usize::from(from.is_some())..words.len() - 1];
                let sources = sources.iter().map(|s| (*s).to_owned()).collect();
                stages.get_mut(&now).unwrap().copies.push((from, sources));
            }
            ["ENV", pairs @ ..] => {
                let pairs = pairs
                    .iter()
                    .map(|pair| pair.split_once('=').expect("NAME=value"));
                let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
                stages.get_mut(&now).unwrap().env.extend(pairs);
            }
            _ => stages.get_mut(&now).unwrap().lines.push(words.join(" ")),
        }
    }
    stages
}

#[test]
fn the_dockerfile_copies_what_there_is_and_runs_what_it_built_without_root() {
    let stages = stages();
    let ignored = read("deploy/docker/Dockerfile.dockerignore");
    let sent: BTreeSet<&str> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let build = &stages["build"];
    let copied = build.copies.iter().flat_map(|(_, sources)| sources);
    let copied: BTreeSet<&str> = copied.map(String::as_str).collect();
    assert_eq!(
        copied, sent,
        "what is copied is sent to the builder, and nothing else"
    );
    for source in &copied {
        assert!(root().join(source).exists(), "COPY {source}");
    }
    let cargo: toml::Table = read("Cargo.toml").parse().unwrap();
    for member in cargo["workspace"]["members"].as_array().unwrap() {
        let top = member.as_str().unwrap().split('/').next().unwrap();
        assert!(copied.contains(top), "cargo needs {member}");
    }
    let rust = cargo["workspace"]["package"]["rust-version"]
        .as_str()
        .unwrap();
    assert!(
        build.base.starts_with(&format!("rust:{rust}-")),
        "{}",
        build.base
    );
    let built = build.line("RUN cargo build --locked --profile dist");
    assert!(cargo["profile"].get("dist").is_some());

    for name in ["coordinator", "agent"] {
        let stage = &stages[name];
        let main = format!("vigilmon-{name}");
        let (user, group) = stage.line("USER").split_once(':').unwrap();
        assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
        assert_eq!(stage.line("ENTRYPOINT"), format!("[\"{main}\"]"));
        assert_eq!(stage.health()[0], main);
        for (from, sources) in &stage.copies {
            assert_eq!(from.as_deref(), Some("build"));
            for source in sources {
                let program = source.strip_prefix("/src/target/dist/").unwrap();
                assert!(
                    built.contains(&format!("--bin {program}")),
                    "{program} is built"
                );
            }
        }
    }
}

/// The compose file, read by a YAML parser that is not ours.
fn compose() -> Value {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let file = fs::File::open(root().join("deploy/docker/compose.yaml")).unwrap();
    let done = Command::new(programs::python("python"))
        .args(["-c", script])
        .stdin(Stdio::from(file))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    serde_json::from_slice(&done.stdout).unwrap()
}

fn environment(service: &Value) -> BTreeMap<String, String> {
    let environment = service["environment"].as_object().unwrap();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    environment
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

#[test]
fn containers_are_told_only_what_the_programs_know() {
    let (stages, compose) = (stages(), compose());
    let services = compose["services"].as_object().unwrap();
    // The command line names where it looks for its context when it finds none.
    let lost = cli::run_without_context(folder().path(), &["monitor", "list"]).err;
    let command_line = help("vigilmon") + &lost;
    for service in services.values() {
        let target = service["build"]["target"].as_str().unwrap();
        let context = root()
            .join("deploy/docker")
            .join(service["build"]["context"].as_str().unwrap());
        let file = context.join(service["build"]["dockerfile"].as_str().unwrap());
        assert!(file.exists(), "{}", file.display());
        let known = help(&format!("vigilmon-{target}")) + &command_line;
        // Wherever its lines are broken.
        let known = known.split_whitespace().collect::<Vec<_>>().join(" ");
        for name in environment(service).keys().chain(stages[target].env.keys()) {
            let shown =
                known.contains(&format!("[env: {name}=")) || known.contains(&format!("${name}"));
            assert!(shown, "{name} is not known to {target}");
        }
    }
    let listens = |name: &str| {
        stages["coordinator"].env[name]
            .rsplit_once(':')
            .unwrap()
            .1
            .to_owned()
    };
    let inside = [listens("VIGILMON_HTTP"), listens("VIGILMON_GRPC")];
    assert_eq!(stages["coordinator"].line("EXPOSE"), inside.join(" "));
    let published = services["coordinator"]["ports"].as_array().unwrap().iter();
    let published = published.map(|port| port.as_str().unwrap().rsplit_once(':').unwrap().1);
    assert_eq!(published.collect::<Vec<_>>(), inside);
    for agent in services
        .values()
        .filter(|service| service["build"]["target"] == "agent")
    {
        let coordinator = environment(agent)["VIGILMON_COORDINATOR"].clone();
        let host = services["coordinator"]["hostname"].as_str().unwrap();
        assert_eq!(coordinator, format!("https://{host}:{}", inside[1]));
    }
}

/// The containers of the compose file as processes: their variables as they are, but for folders
/// and ports, which a machine has only once.
struct Containers {
    folder: TempDir,
    ports: [(&'static str, u16); 3],
    processes: Vec<Process>,
}

impl Containers {
    /// A text of a container, for here.
    fn here(&self, text: &str) -> String {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let mut text = text
            .replace("/var/lib/vigilmon", &at("data"))
            .replace("/agents", &at("agents"))
            .replace("0.0.0.0:", "127.0.0.1:")
            .replace("//coordinator:", "//127.0.0.1:");
        for (port, here) in self.ports {
            text = text.replace(port, &format!(":{here}"));
        }
        text
    }

    fn plan(&self, stage: &Stage, service: &Value, program: PathBuf) -> Plan {
        let mut all = stage.env.clone();
        all.extend(environment(service));
        let all = all.iter().map(|(name, value)| (name, self.here(value)));
        all.fold(Plan::new(program), |plan, (name, value)| {
            plan.env(name, value)
        })
    }

    #[track_caller]
    fn is_healthy(&self, stage: &Stage, service: &Value) -> bool {
        let health = stage.health();
        let plan = self
            .plan(stage, service, program(&health[0]))
            .args(&health[1..]);
        plan.command()
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    }
}

#[test]
fn the_compose_file_followed_as_it_says_connects_three_regions() {
    let (stages, compose) = (stages(), compose());
    let services = compose["services"].as_object().unwrap();
    let ports = [
        (":8440", ports::free()),
        (":8441", ports::free()),
        (":9464", ports::free()),
    ];
    let mut here = Containers {
        folder: folder(),
        ports,
        processes: vec![],
    };
    fs::create_dir(here.folder.path().join("agents")).unwrap();
    let (stage, service) = (&stages["coordinator"], &services["coordinator"]);
    assert!(!here.is_healthy(stage, service), "nobody is there yet");
    let started = here.plan(stage, service, program("vigilmon-coordinator"));
    here.processes
        .push(started.start(&here.folder.path().join("coordinator.log")));
    wait::until_a_command_says("its health check passes", SOON, || {
        here.is_healthy(stage, service)
    });

    // `docker compose exec -T coordinator sh -s … <tokens.sh`, twice: it keeps what is there.
    let header = read("deploy/docker/compose.yaml");
    let line = header
        .lines()
        .find_map(|line| line.split_once("exec -T coordinator sh -s "));
    let regions = line
        .and_then(|(_, rest)| rest.strip_suffix(" <tokens.sh"))
        .unwrap();
    let regions: BTreeSet<&str> = regions.split(' ').collect();
    let script = here.folder.path().join("tokens.sh");
    fs::write(&script, here.here(&read("deploy/docker/tokens.sh"))).unwrap();
    let path = format!(
        "{}:/usr/bin:/bin",
        program("vigilmon").parent().unwrap().display()
    );
    let token = here.folder.path().join("agents/eu-west.token");
    let mut kept = String::new();
    for _ in 0..2 {
        let shell = here
            .plan(stage, service, "/bin/sh".into())
            .env("PATH", &path);
        let shell = shell.args(["-s"]).args(&regions);
        let input = fs::File::open(&script).unwrap();
        let done = shell.command().stdin(Stdio::from(input)).output().unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        let made = fs::read_to_string(&token).unwrap();
        assert!(
            kept.is_empty() || kept == made,
            "a token that is there is kept"
        );
        kept = made;
    }

    let agents: Vec<(&String, &Value)> = services
        .iter()
        .filter(|(_, service)| service["build"]["target"] == "agent")
        .collect();
    for (name, service) in &agents {
        // Each container has its own loopback.
        here.ports[2].1 = ports::free();
        let started = here.plan(&stages["agent"], service, program("vigilmon-agent"));
        let log = here.folder.path().join(format!("{name}.log"));
        here.processes.push(started.start(&log));
        wait::until_a_command_says("its health check passes", SOON, || {
            here.is_healthy(&stages["agent"], service)
        });
    }
    let context = here.folder.path().join("data/context.toml");
    let cli = cli::Cli::new(&context, here.folder.path());
    wait::until_a_command_says("three regions are connected", SOON, || {
        let rows = cli.rows(&["agent", "list"]);
        let connected = rows.iter().filter(|row| row["state"] == "connected");
        connected
            .filter_map(|row| row["region"].as_str())
            .collect::<BTreeSet<_>>()
            == regions
    });
    let ready = format!("http://127.0.0.1:{}/health/ready", here.ports[0].1);
    assert_eq!(
        background::get(&ready).map(|answer| answer.status),
        Some(200)
    );
}
