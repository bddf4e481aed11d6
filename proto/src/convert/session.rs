//! What agents and the coordinator say to each other.
//!
//! A decoder takes the time of receipt: ages become starts by the receiver's clock. A message
//! that cannot be read is refused whole and ends the session; two things are not: a result
//! ([`batch_from_wire`] tells its number and goes on, or it would be sent for ever) and a monitor of
//! the assignment, which is rejected by itself.

mod agent;
mod assignment;
mod coordinator;

pub use agent::{agent_message_from_wire, agent_message_to_wire, batch_from_wire, batch_to_wire};
pub use assignment::{assigned_from_wire, assigned_to_wire};
pub use coordinator::{
    ack_from_wire, ack_to_wire, coordinator_message_from_wire, coordinator_message_to_wire,
};
