//! Figures: what Vigilmon promises in numbers, measured on the built programs and printed.
//!
//! Nothing here passes or fails by a number; a figure beside its target is for people to judge.
//! Each is measured through the doors that users and agents use.

mod alerts;
mod api;
mod apply;
mod first;
mod pages;
mod results;
mod system;
mod usage;

fn main() {
    // `cargo bench` passes flags that are meant for other harnesses; a bare word is a choice.
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let figures: [(&str, fn()); 5] = [
        ("first", first::print),
        ("alerts", alerts::print),
        ("results", results::print),
        ("apply", apply::print),
        ("system", system::print),
    ];
    for (name, print) in figures {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            print();
        }
    }
}
