//! The harness: real servers, receivers and targets for the tests, and the built programs.
