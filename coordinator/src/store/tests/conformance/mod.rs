//! One suite for all engines: the same calls have the same answers, before and after a reopen.

mod history;
mod pings;
mod state;

/// Each test on each engine.
macro_rules! on_every_engine {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&mut crate::store::tests::bed::Bed::memory().await).await;
            })*
        }
        mod disk {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&mut crate::store::tests::bed::Bed::disk().await).await;
            })*
        }
    };
}

use on_every_engine;
