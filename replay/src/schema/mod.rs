//! The definitions of tables, known without asking a server: column names, types, signs, character
//! sets, keys, generated and invisible columns.
//!
//! They come from three places, in this order: the metadata of a table map, the DDL statements in
//! the logs, a dump that the user has. [`resolve`] asks all three and believes none of them that
//! does not fit the table map at hand.

mod collation;
mod resolved;
mod table;
mod types;

pub use collation::Charset;
pub use resolved::{KeyOrigin, ResolvedColumn, ResolvedTable, RowKey, Source};
pub use table::{
    ColumnDef, ForeignKey, Generated, Key, KeyKind, KeyPart, ReferenceOption, TableDef, TableName,
};
pub use types::{GeometryKind, IntegerSize, LobSize, SqlType};

/// Text of a log or a dump for a message: what is not printable is escaped.
pub(crate) fn readable(text: &[u8]) -> String {
    text.iter()
        .flat_map(|byte| match byte {
            b'\\' => b"\\".to_vec(),
            _ => std::ascii::escape_default(*byte).collect(),
        })
        .map(char::from)
        .collect()
}
