//! What `--snippets` prints is run as it stands: only where the job lies is the test's. What needs a
//! cluster or a service of others is parsed, and the commands in it are run.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vigilmon_tests::cli::Done;
use vigilmon_tests::docs::Reader;
use vigilmon_tests::programs;

use super::{Ward, pings, signals};

/// Where snippets have the job.
const JOB: &str = "/usr/local/bin/nightly-cleanup";

/// Somebody who copies snippets of one heartbeat into files of their folder.
pub(super) struct Desk {
    pub(super) ward: Ward,
    pub(super) reader: Reader,
}

impl Desk {
    /// With a heartbeat that is expected so.
    pub(super) fn start(more: &[&str]) -> Self {
        let ward = Ward::start();
        ward.add("nightly cleanup", more);
        let reader = Reader::new();
        Self { ward, reader }
    }

    /// The snippet for a tool, its job being this command.
    #[track_caller]
    pub(super) fn snippet(&self, tool: &str, job: &str) -> String {
        let show = ["heartbeat", "show", "nightly cleanup", "--snippets"];
        let all = self.ward.cli.json(&show);
        let all = all["snippets"].as_array().expect("there are some").clone();
        let found = all.iter().find(|snippet| snippet["tool"] == tool);
        let found = found.unwrap_or_else(|| panic!("none for {tool}"));
        found["text"].as_str().unwrap().replace(JOB, job)
    }

    /// Copies it into a file.
    #[track_caller]
    pub(super) fn copy(&self, tool: &str, job: &str, file: &str) {
        self.reader.write(file, &self.snippet(tool, job));
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Done {
        self.reader.run(program, arguments)
    }

    /// The newest pings said so, the newest first, all of them of one run.
    #[track_caller]
    fn heard(&self, said: &[&str]) {
        let shown = self.ward.show("nightly cleanup");
        assert_eq!(signals(&shown)[..said.len()], *said, "{shown:#}");
        let rid = |ping: &Value| ping["rid"].clone();
        let rids: Vec<Value> = pings(&shown)[..said.len()].iter().map(rid).collect();
        assert!(rids.iter().all(|rid| *rid == rids[0]), "{rids:?}");
    }
}

/// The units in a text, each with the name in the line above it.
fn units(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split("# /etc/systemd/system/").skip(1);
    parts.map(|part| part.split_once('\n').unwrap()).collect()
}

/// What YAML says.
#[track_caller]
fn yaml(reader: &Reader, text: &str) -> Vec<Value> {
    reader.write("parsed.yaml", text);
    let parses =
        "import json, yaml; print(json.dumps(list(yaml.safe_load_all(open('parsed.yaml')))))";
    let printed = reader.must("python", &["-c", parses]);
    serde_json::from_str(&printed).unwrap()
}

#[test]
fn the_shell_script_and_the_line_of_a_crontab_say_how_a_job_ended() {
    let desk = Desk::start(&["--cron", "0 2 * * *"]);
    desk.copy("shell", "true", "heartbeat.sh");
    assert_eq!(desk.run("sh", &["heartbeat.sh", "true"]).code, 0);
    desk.heard(&["exit 0", "start"]);
    let failed = desk.run("sh", &["heartbeat.sh", "sh", "-c", "exit 3"]);
    assert_eq!(failed.code, 3, "the job's own exit code: {failed:#?}");
    desk.heard(&["exit 3", "start"]);

    for (job, said) in [("true", "exit 0"), ("false", "exit 1")] {
        let crontab = desk.snippet("cron", job);
        let lines = crontab.lines().filter(|line| !line.starts_with('#'));
        let (variables, lines): (Vec<&str>, Vec<&str>) = lines.partition(|line| {
            line.split_once('=')
                .is_some_and(|(name, _)| !name.contains(' '))
        });
        let [line] = lines[..] else {
            panic!("{crontab}")
        };
        let command = line
            .strip_prefix("0 2 * * * ")
            .expect("the times come first");
        let exports = variables.iter().map(|line| format!("export {line}\n"));
        let script = exports.collect::<String>() + command;
        let _ = desk.run("sh", &["-c", &script]);
        desk.heard(&[said, "start"]);
    }
}

#[test]
fn the_units_of_systemd_are_good_and_say_how_a_job_ended() {
    let desk = Desk::start(&["--every", "25h", "--max-run", "2h"]);
    let text = desk.snippet("systemd", "/bin/true");
    let units = units(&text);
    assert_eq!(units.len(), 2, "a service and a timer");
    for (name, text) in &units {
        desk.reader.write(name, text);
    }
    for (name, _) in &units {
        let path = desk.reader.folder().join(name);
        let done = Command::new("systemd-analyze")
            .arg("verify")
            .arg(&path)
            .output();
        let done = done.unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.is_empty(), "{name}: {said}");
    }
    let calendar = units[1]
        .1
        .lines()
        .find_map(|line| line.strip_prefix("OnCalendar="));
    let known = Command::new("systemd-analyze")
        .args(["calendar", calendar.unwrap()])
        .output();
    assert!(known.unwrap().status.success(), "{calendar:?}");

    let file = text.lines().next().unwrap().strip_prefix("# ").unwrap();
    let named = format!("EnvironmentFile={file}");
    assert!(units[0].1.lines().any(|line| line == named), "{text}");
    let url = text.lines().find_map(|line| line.strip_prefix("VIGILMON="));
    let url = url.expect("the file has the URL");

    // systemd itself does not run here: its lines are run as it would.
    for (status, said) in [("0", "exit 0"), ("3", "exit 3"), ("TERM", "fail")] {
        let line = |key: &str| {
            let lines = units[0].1.lines();
            let found = lines.filter_map(|line| line.strip_prefix(key)).next();
            found
                .unwrap_or_else(|| panic!("{key}"))
                .trim_start_matches('-')
                .to_owned()
        };
        let run = |command: &str| {
            let command = command.replace("$$", "$");
            let plan = desk.reader.plan("sh").args(["-c", &command]);
            let plan = plan.env("INVOCATION_ID", status).env("EXIT_STATUS", status);
            let done = plan.env("VIGILMON", url).command().output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        run(&line("ExecStartPre="));
        run(&line("ExecStopPost="));
        desk.heard(&[said, "start"]);
    }
}

#[test]
fn the_job_of_kubernetes_is_one_and_its_script_says_how_the_job_ended() {
    let desk = Desk::start(&["--cron", "0 2 * * 1-5", "--tz", "Europe/Berlin"]);
    for (job, code) in [("true", 0), ("exit_with 3", 3)] {
        let objects = yaml(&desk.reader, &desk.snippet("kubernetes", job));
        let [secret, cron_job] = &objects[..] else {
            panic!("{objects:#?}")
        };
        assert_eq!(
            (&secret["apiVersion"], &secret["kind"]),
            (&"v1".into(), &"Secret".into())
        );
        assert_eq!(cron_job["apiVersion"], "batch/v1");
        assert_eq!(cron_job["kind"], "CronJob");
        let spec = &cron_job["spec"];
        assert_eq!(spec["schedule"], "0 2 * * 1,2,3,4,5");
        assert_eq!(spec["timeZone"], "Europe/Berlin");
        let pod = &spec["jobTemplate"]["spec"]["template"]["spec"];
        assert_eq!(pod["restartPolicy"], "Never");
        let container = &pod["containers"][0];
        assert!(container["name"].is_string() && container["image"].is_string());
        let environment = container["env"].as_array().unwrap();
        let of_secret = &environment[0]["valueFrom"]["secretKeyRef"];
        assert_eq!(of_secret["name"], secret["metadata"]["name"]);
        let url = &secret["stringData"][of_secret["key"].as_str().unwrap()];

        let command = container["command"].as_array().unwrap().iter();
        let words = command.chain(container["args"].as_array().unwrap());
        let words: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
        let script = format!("exit_with() {{ return $1; }}\n{}", words[2]);
        let plan = desk.reader.plan(words[0]).args([words[1], &script]);
        let plan = plan.env(
            environment[0]["name"].as_str().unwrap(),
            url.as_str().unwrap(),
        );
        let plan = plan.env(
            environment[1]["name"].as_str().unwrap(),
            format!("pod-{code}"),
        );
        assert_eq!(plan.command().status().unwrap().code(), Some(code));
        desk.heard(&[&format!("exit {code}"), "start"]);
    }
}

#[test]
fn the_workflow_of_github_is_one_and_its_commands_ping() {
    let desk = Desk::start(&["--cron", "0 2 * * *"]);
    let text = desk.snippet("github-actions", "true");
    let workflow = yaml(&desk.reader, &text).remove(0);
    // YAML 1.1 takes the key `on` for a truth value.
    assert_eq!(workflow["true"]["schedule"][0]["cron"], "0 2 * * *");
    let job = &workflow["jobs"]["job"];
    assert!(job["runs-on"].is_string() && job["timeout-minutes"].is_number());
    let steps = job["steps"].as_array().unwrap();
    let each = |step: &Value| step["uses"].is_string() != step["run"].is_string();
    assert!(steps.iter().all(each), "{steps:#?}");
    let url = text.lines().find_map(|line| line.strip_prefix("# http"));
    let url = format!("http{}", url.expect("it stands outside of the file"));
    let pinging = steps.iter().filter_map(|step| step["run"].as_str());
    let pinging: Vec<&str> = pinging.filter(|run| run.contains("$VIGILMON")).collect();
    for command in &pinging {
        let plan = desk
            .reader
            .plan("sh")
            .args(["-c", command])
            .env("VIGILMON", &url);
        assert!(plan.env("RID", "1-1").command().status().unwrap().success());
    }
    desk.heard(&["fail", "success", "start"]);
    let ends: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["if"].as_str())
        .collect();
    assert_eq!(ends, ["success()", "failure() || cancelled()"]);
}

/// Makes the job of a snippet in Python fail.
const FAILS: &str = "\ndef job() -> None:\n    raise RuntimeError('out of space')\n";

#[test]
fn the_programs_in_python_ping_when_the_job_is_done_and_when_it_failed() {
    let desk = Desk::start(&["--every", "25h"]);
    for tool in ["httpx", "requests"] {
        desk.copy(tool, "true", "job.py");
        let done = desk.run("python", &["job.py"]);
        assert_eq!(done.code, 0, "{done:#?}");
        desk.heard(&["success", "start"]);
        let (program, main) = split_at_main(&desk.snippet(tool, "true"));
        desk.reader
            .write("job.py", &format!("{program}{FAILS}{main}"));
        let done = desk.run("python", &["job.py"]);
        assert_eq!(done.code, 1, "the error goes on: {done:#?}");
        desk.heard(&["fail", "start"]);
    }
}

fn split_at_main(program: &str) -> (String, String) {
    let at = program.find("\nif __name__").expect("it can be run");
    (program[..at].to_owned(), program[at..].to_owned())
}

/// Runs the one job of the scheduler of `job.py` now instead of at its time, and ends it.
const RUNS_NOW: &str = "
import datetime, threading
from apscheduler import events
from job import scheduler
(job,) = scheduler.get_jobs()
job.modify(next_run_time=datetime.datetime.now(datetime.timezone.utc))
end = lambda event: threading.Thread(target=scheduler.shutdown).start()
scheduler.add_listener(end, events.EVENT_JOB_EXECUTED | events.EVENT_JOB_ERROR)
scheduler.start()
";

/// Runs the task of `job.py` in this process, and holds the schedule against the tasks.
const RUNS_HERE: &str = "
import job
(entry,) = job.app.conf.beat_schedule.values()
task = job.app.tasks[entry['task']]
print(entry['schedule'].remaining_estimate(job.app.now()))
task.apply(throw=True)
";

#[test]
fn the_schedulers_in_python_run_the_job_and_it_pings() {
    let desk = Desk::start(&["--cron", "*/5 8-18 * * 1-5", "--tz", "Europe/Berlin"]);
    for (tool, runs) in [("apscheduler", RUNS_NOW), ("celery", RUNS_HERE)] {
        desk.copy(tool, "true", "job.py");
        let done = desk.run("python", &["-c", runs]);
        assert_eq!(done.code, 0, "{tool}: {done:#?}");
        desk.heard(&["success", "start"]);
        let failing = desk.snippet(tool, "true").replace(
            "print(\"Here the work is done.\")",
            "raise RuntimeError('out of space')",
        );
        desk.reader.write("job.py", &failing);
        let _ = desk.run("python", &["-c", runs]);
        desk.heard(&["fail", "start"]);
    }
}

#[test]
fn the_program_in_javascript_pings_when_the_job_is_done_and_when_it_failed() {
    let desk = Desk::start(&["--every", "25h", "--post-only"]);
    desk.copy("node", "true", "heartbeat.mjs");
    let done = desk.run("node", &["heartbeat.mjs"]);
    assert_eq!(done.code, 0, "{done:#?}");
    desk.heard(&["success", "start"]);
    let failing = desk.snippet("node", "true").replace(
        "console.log(\"Here the work is done.\");",
        "throw new Error(\"out of space\");",
    );
    desk.reader.write("heartbeat.mjs", &failing);
    assert_eq!(desk.run("node", &["heartbeat.mjs"]).code, 1);
    desk.heard(&["fail", "start"]);
}

/// Says whether a file is Go.
const PARSES_GO: &str = "
import sys, tree_sitter, tree_sitter_go
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_go.language()))
sys.exit('no Go' if parser.parse(open('main.go', 'rb').read()).root_node.has_error else 0)
";

#[test]
fn the_program_in_go_is_go() {
    let desk = Desk::start(&["--every", "25h"]);
    desk.copy("go", "true", "main.go");
    desk.reader.must("python", &["-c", PARSES_GO]);
    let broken = desk
        .snippet("go", "true")
        .replacen("func main() {", "func main( {", 1);
    desk.reader.write("main.go", &broken);
    assert_eq!(desk.run("python", &["-c", PARSES_GO]).code, 1);
}

#[test]
fn the_program_in_rust_pings_when_the_job_is_done_and_when_it_failed() {
    let desk = Desk::start(&["--every", "25h"]);
    let crates = Crates::of_this_suite();
    let works = desk.snippet("rust", "true");
    let fails = works.replace(
        "    Ok(())\n}\n\n#[tokio",
        "    Err(\"out of space\".into())\n}\n\n#[tokio",
    );
    assert_ne!(works, fails);
    for (name, text, code, said) in [
        ("works", works, 0, ["success", "start"]),
        ("fails", fails, 1, ["fail", "start"]),
    ] {
        let file = format!("{name}.rs");
        desk.reader.write(&file, &text);
        crates.compile(desk.reader.folder(), &file);
        let program = desk.reader.folder().join(name);
        let done = Command::new(program).output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{done:?}");
        desk.heard(&said);
    }
}

/// The workspace's own builds of the crates that the snippet in Rust needs.
struct Crates(Vec<(String, String)>);

impl Crates {
    /// Asks cargo what this suite was built with, which builds nothing.
    fn of_this_suite() -> Self {
        let here = std::env::current_exe().unwrap();
        let is_release = here.components().any(|part| part.as_os_str() == "release");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(programs::tests().parent().unwrap());
        cargo.args([
            "test",
            "--no-run",
            "--locked",
            "--offline",
            "--message-format=json",
        ]);
        cargo.args(["--workspace", "--test", "e2e"]);
        cargo.args(is_release.then_some("--release"));
        let done = cargo.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        let messages = String::from_utf8_lossy(&done.stdout);
        let messages = messages
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let library = |message: Value| {
            let name = message["target"]["name"].as_str()?.to_owned();
            let wanted = ["reqwest", "tokio"].contains(&&*name);
            let files = message["filenames"].as_array().filter(|_| wanted)?;
            let mut files = files.iter().filter_map(Value::as_str);
            let file = files.find(|file| file.ends_with(".rlib"))?;
            Some((name, file.to_owned()))
        };
        Self(messages.filter_map(library).collect())
    }

    /// Compiles a program as `cargo run` of a new package would.
    #[track_caller]
    fn compile(&self, folder: &Path, file: &str) {
        let mut compiler = Command::new("rustc");
        compiler
            .current_dir(folder)
            .args(["--edition", "2024", file]);
        for (name, path) in &self.0 {
            compiler.args(["--extern", &format!("{name}={path}")]);
            let beside = Path::new(path).parent().unwrap();
            compiler
                .arg("-L")
                .arg(format!("dependency={}", beside.display()));
        }
        let done = compiler.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
    }
}
