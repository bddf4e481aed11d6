//! What a process has used, as the system accounts it.

use std::fs;

/// The unit of the system's accounting, on every Linux that we know.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of CPU that a process has used.
pub(crate) fn cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let (_, fields) = stat.rsplit_once(") ").expect("its name is in parentheses");
    let ticks = |field: usize| {
        let text = fields.split(' ').nth(field).expect("the system writes it");
        text.parse::<f64>().expect("it is a number")
    };
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// Memory that a process holds, in MB.
pub(crate) fn resident(process: u32) -> f64 {
    memory(process, "VmRSS:")
}

/// The most memory that a process ever held, in MB.
pub(crate) fn peak(process: u32) -> f64 {
    memory(process, "VmHWM:")
}

fn memory(process: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib
        .and_then(|kib| kib.parse().ok())
        .expect("the system writes it");
    kib * 1024.0 / 1e6
}
