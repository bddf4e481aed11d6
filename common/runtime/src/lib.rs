//! The process kit of Vigilmon's daemons: what `common` must not know — clock, randomness,
//! settings, signals, tasks, logs, TLS files — in one small place each, so that tests can bring their own.

pub mod clock;
pub mod descriptors;
pub mod fault;
pub mod random;
pub mod service;
pub mod settings;
pub mod signals;
pub mod supervisor;
pub mod telemetry;
pub mod tls;
