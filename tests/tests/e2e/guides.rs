//! The pages on monitoring applications: their code is that of applications that run, and their
//! commands do what they say.

use std::fs;

use vigilmon_tests::application::{Application, Databases};
use vigilmon_tests::background;
use vigilmon_tests::docs::{Reader, blocks};
use vigilmon_tests::programs;

use crate::scene::Scene;

/// The application that the pages speak of.
const PLACE: &str = "https://app.example.com";

#[test]
fn the_page_on_flask_does_what_it_says() {
    follow("flask", Application::flask);
}

#[test]
fn the_page_on_litestar_does_what_it_says() {
    follow("litestar", Application::litestar);
}

fn follow(name: &str, start: fn(&Databases) -> Application) {
    let page = format!("monitoring-apps/{name}.md");
    its_code_runs(name, &page);
    let databases = Databases::start();
    let application = start(&databases);
    let scene = Scene::start();
    let reader = Reader::new();
    reader.link(&scene.up.data(), "vigilmon-data");
    let here = |lines: &str| lines.replace(PLACE, &application.url(""));
    let mut parts = blocks(&page, "sh").into_iter();

    let listed = reader.types(&here(&parts.next().unwrap()));
    for monitor in ["app", "app-live", "app-report"] {
        assert!(listed.contains(monitor), "{listed}");
        scene.wait_for_status(monitor, "up");
    }
    near_miss_is_as_shown(&reader, &blocks(&page, "console").concat(), here);
    reader.types(&here(&parts.next().unwrap()));
    scene.wait_for_status("app-report", "up");
    let url = reader.types(&parts.next().unwrap());
    assert_eq!(background::get(url.trim()).unwrap().status, 200);
    assert_eq!(parts.next(), None, "every line was typed");
    assert_eq!(scene.messages(), 0);
}

#[track_caller]
fn its_code_runs(name: &str, page: &str) {
    let folder = programs::tests().join("apps").join(name);
    let files = fs::read_dir(folder).unwrap();
    let sources: String = files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    for block in blocks(page, "python") {
        assert!(sources.contains(&block), "of no application:\n{block}");
    }
}

/// The command of the block fails and prints what is shown below it, but for how long it took.
#[track_caller]
fn near_miss_is_as_shown(reader: &Reader, block: &str, here: impl Fn(&str) -> String) {
    let (command, shown) = block.split_once('\n').unwrap();
    let done = reader.run("sh", &["-euc", &here(command.strip_prefix("$ ").unwrap())]);
    assert_eq!(done.code, 1, "{done:#?}");
    let printed = format!("{}{}", done.out, done.err);
    assert_eq!(without_times(shown), without_times(&printed));
}

/// The words of each line, those that are numbers left out, and so are the columns' widths.
fn without_times(text: &str) -> Vec<String> {
    let words = |line: &str| {
        let words = line.split_whitespace();
        let words: Vec<&str> = words.filter(|word| word.parse::<f64>().is_err()).collect();
        // How much of a reason has room depends on the columns before it.
        words
            .join(" ")
            .split_once("body does")
            .map_or(words.join(" "), |(before, _)| before.to_owned())
    };
    text.lines().map(words).collect()
}
