//! What every engine must do alike, and what only those on disk must survive.

mod bed;
mod conformance;
mod samples;
