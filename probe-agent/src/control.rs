//! What a running agent can be asked and told by the process around it.

use tokio::sync::{mpsc, oneshot};

use crate::link::{Dialer, InvalidLink};
use crate::options::Options;

/// Orders that wait for the runner; whoever brings more waits.
pub(crate) const ORDERS_MAX: usize = 4;

/// What the runner is asked and told.
#[derive(Debug)]
pub(crate) enum Order {
    /// Says that it is alive.
    Answer(oneshot::Sender<()>),
    /// Dials so from now on.
    Dial(Box<Dialer>),
}

/// The way to a running agent; cheap to clone.
#[derive(Clone, Debug)]
pub struct Control(mpsc::Sender<Order>);

impl Control {
    pub(crate) const fn new(orders: mpsc::Sender<Order>) -> Self {
        Self(orders)
    }

    /// Whether the part that does the work still answers.
    pub async fn answers(&self) -> bool {
        let (reply, answer) = oneshot::channel();
        self.0.send(Order::Answer(reply)).await.is_ok() && answer.await.is_ok()
    }

    /// Dials the coordinators with this token and these authorities from now on; a session that
    /// stands goes on.
    ///
    /// # Errors
    /// They cannot be used: all stays as it was.
    pub async fn change(&self, options: &Options) -> Result<(), InvalidLink> {
        let dialer = Box::new(Dialer::new(options)?);
        // An error says that the agent has ended.
        let _ = self.0.send(Order::Dial(dialer)).await;
        Ok(())
    }
}
