//! The built programs among real servers: what a user would see.

mod agent_program;
mod agents;
mod application;
mod chat;
mod commands;
mod configuration;
mod daemons;
mod delivery;
mod deploy;
mod folders;
mod guides;
mod input;
mod integrators;
mod keywords;
mod mail;
mod pages;
mod regions;
mod reload;
mod restarts;
mod routes;
mod scene;
mod secrets;
mod service;
mod tokens;
mod watch;
mod webhooks;
