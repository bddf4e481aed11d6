//! The fleet: agents, who of them checks what, how often they may be asked, and which regions
//! have none.

pub mod assignment;
pub mod budget;
pub mod presence;
pub mod system;
