//! The wire formats this server speaks, one folder each. Nothing in one is known to another.

pub mod magneteco;
pub mod metacogna;
pub mod metorial;
pub mod mnemoverse;
pub mod tex;
