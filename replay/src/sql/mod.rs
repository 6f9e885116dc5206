//! SQL text as the servers read it: tokens, quoting and literals, on bytes.
//!
//! A statement in a log is bytes in the client's character set, to be read with the sql_mode and
//! the version of the server that logged it; a [`Dialect`] carries all three.

mod charset;
pub mod client;
mod comparison;
pub mod condition;
mod constant;
pub mod cursor;
mod dialect;
pub mod dml;
mod harmless;
mod json_literal;
pub mod lexer;
pub mod literal;
mod no_literal;
mod operand;
pub mod quote;
pub mod secrets;
pub mod split;
pub mod statement;
pub mod table_refs;
mod token;
mod words;
pub mod written;

pub use charset::ClientCharset;
pub use cursor::{Cursor, TableName};
pub use dialect::{Dialect, Family};
pub use lexer::{LexError, LexErrorKind, Lexer, lex_code};
pub use statement::{Object, StatementHead, StatementVerb};
pub use token::{Token, TokenKind};
pub use words::mentions;
pub use written::written_tables;
