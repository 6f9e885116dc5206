//! The definitions of tables, known without asking a server: column names, types, signs, character
//! sets, keys, generated and invisible columns.
//!
//! They come from three places, in this order: the metadata of a table map, the DDL statements in
//! the logs, a dump that the user has. [`resolve`] asks all three and believes none of them that
//! does not fit the table map at hand.

mod alter;
mod build;
mod catalog;
mod collation;
mod ddl;
mod dump;
mod fit;
mod from_map;
mod history;
mod known;
mod names;
mod print;
mod resolve;
mod resolved;
mod table;
mod types;

pub use catalog::{Effect, NotUnderstood, Schema, TableState};
pub use collation::Charset;
pub use ddl::{StatementContext, defining_texts, may_define};
pub use dump::{Dump, DumpRow, DumpValue, read_dump, read_rows};
pub use history::{SchemaHistory, Stamp};
pub use known::{Knowledge, Known, KnownTable, known_tables};
pub use resolve::{ResolveError, resolve};
pub use resolved::{KeyOrigin, ResolvedColumn, ResolvedTable, RowKey, Source};
pub use table::{
    ColumnDef, ForeignKey, Generated, Key, KeyKind, KeyPart, ReferenceOption, TableDef, TableName,
};
pub use types::{GeometryKind, IntegerSize, LobSize, SqlType};

/// Text of a log or a dump for a message: letters and digits of any script and printable ASCII as
/// they are, everything else escaped.
pub(crate) fn readable(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => shown.push('\\'),
                ' '..='~' => shown.push(character),
                other if other.is_alphanumeric() => shown.push(other),
                other => shown.extend(other.escape_default()),
            }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests;
