//! What every engine must do alike, and what only those on disk must survive.

mod backup;
mod bed;
mod conformance;
mod crash;
mod damage;
mod folder;
mod growth;
mod records;
mod samples;
mod secrets;
