//! The verbs, one a file. Help text lives on the argument structs; a verb ends by calling the
//! libraries.

pub mod events;
pub mod find;
pub mod history;
pub mod index;
pub mod info;
pub mod replay;
pub mod rescue;
pub mod schema;
pub mod show;
pub mod undo;
pub mod verify;
