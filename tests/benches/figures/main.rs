//! Figures: what Vigilmon promises in numbers, measured on the built programs and printed.
//!
//! Nothing here passes or fails by a number; a figure beside its target is for people to judge.
//! Each is measured through the doors that users and agents use.

mod alerts;
mod api;
mod apply;
mod burst;
mod first;
mod heartbeats;
mod pages;
mod results;
mod system;
mod usage;
mod wrk;

fn main() {
    // `cargo bench` passes flags that are meant for other harnesses; a bare word is a choice.
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let figures: [(&str, fn()); 6] = [
        ("first", first::print),
        ("alerts", alerts::print),
        ("results", results::print),
        ("apply", apply::print),
        ("heartbeats", heartbeats::print),
        ("system", system::print),
    ];
    for (name, print) in figures {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            print();
        }
    }
}

/// A number from the environment.
fn given(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().expect("it is a number"))
}
