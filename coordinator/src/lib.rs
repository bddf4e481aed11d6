//! The coordinator: stores, engine, doors, notifications. ARCHITECTURE.md has the map.

pub mod store;
