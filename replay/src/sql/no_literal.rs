//! Why a value cannot be written as SQL.

use binlog_parser::Fault;

/// Why a value has no literal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLiteral {
    /// Its bytes are no value of its type.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Nothing tells whether it has a sign.
    #[error("nothing tells whether the integer has a sign")]
    Sign,
    /// Nothing tells in which character set it is.
    #[error("nothing tells in which character set the text is")]
    Charset,
    /// Only what changed in a JSON document is known.
    #[error("only what changed in the JSON document is logged")]
    JsonDiffs,
    /// A JSON document holds a value that no expression makes.
    #[error("no SQL expression makes the JSON value of type {0} in the document")]
    Json(u8),
}
