//! The verbs, one a file. Help text lives on the argument structs; a verb ends by calling the
//! libraries.

pub mod events;
pub mod verify;
