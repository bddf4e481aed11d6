//! The built programs' pages in a real browser. How soon a page shows what happened is a part of
//! what is tested, so these run one by one and beside nothing else.

mod dashboard;
mod heartbeats;
