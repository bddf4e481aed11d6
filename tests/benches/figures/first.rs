//! From `vigilmon up` in an empty folder to the first result of a new monitor.

use std::time::{Duration, Instant};

use vigilmon_tests::target::Target;
use vigilmon_tests::up::{Options, Up};
use vigilmon_tests::wait;

pub(crate) fn print() {
    let target = Target::start();
    let start = Instant::now();
    let up = Up::start(&Options::new());
    let ready = start.elapsed();
    let cli = up.cli();
    let asked = Instant::now();
    cli.ok(&[
        "monitor",
        "add",
        "site",
        "--http",
        &target.url(),
        "--every",
        "1h",
    ]);
    wait::until_true("the monitor is up", Duration::from_secs(30), || {
        cli.json(&["monitor", "show", "site"])["status"] == "up"
    });
    println!("\nup, empty folder, to ready:              {:>8.0?}", ready);
    println!(
        "monitor added to its first verdict:      {:>8.0?}   (target < 5 s)",
        asked.elapsed()
    );
}
