//! The built programs among real servers: what a user would see.

mod application;
