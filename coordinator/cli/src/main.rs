//! Vigilmon.
fn main() {}
