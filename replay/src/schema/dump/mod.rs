//! The definitions in a dump of mysqldump or mariadb-dump.

mod rows;
mod splitter;

use std::io::{self, Read};

use super::catalog::{NotUnderstood, Schema};
use super::collation::Charset;
use super::ddl::StatementContext;
use super::readable;
use super::resolved::Source;
use crate::sql::{ClientCharset, Dialect, Token, TokenKind, lex_code};
pub use rows::{DumpRow, DumpValue, read_rows};
use splitter::{Piece, Splitter};

/// What a dump says of definitions.
#[derive(Debug, Clone)]
pub struct Dump {
    /// Its tables. Those of a dump that names no database are found in every one.
    pub schema: Schema,
    /// Statements that concern definitions but are not understood; their tables are unknown.
    pub not_understood: Vec<NotUnderstood>,
}

/// Reads a dump: `CREATE`, `ALTER`, `DROP`, `RENAME` and `USE`, also in `/*!…*/`. Rows are passed
/// over without being kept, so that memory does not grow with them.
///
/// `dialect` counts until the dump's own `-- Server version` line. A dump of one database has no
/// USE: its tables belong to the one of the `-- Host: …    Database: …` line.
///
/// # Errors
/// What `input` gives.
pub fn read_dump(input: impl Read, dialect: Dialect) -> io::Result<Dump> {
    let mut dump = Dump { schema: Schema::new(Source::Dump), not_understood: Vec::new() };
    let mut session = Session { dialect, default_db: Vec::new(), names: dialect.charset };
    let mut splitter = Splitter::new(input);
    while let Some(piece) = splitter.next_piece()? {
        match piece {
            Piece::Comment(text) => session.comment(text),
            Piece::Statement(text) => session.statement(text, &mut dump),
            Piece::TooLong(text) => dump.not_understood.push(NotUnderstood {
                tables: Vec::new(),
                reason: "the statement is longer than a definition can be".into(),
                statement: readable(text.get(..400).unwrap_or(text)),
            }),
        }
    }
    Ok(dump)
}

/// What a client that reads the dump would have set.
struct Session {
    dialect: Dialect,
    default_db: Vec<u8>,
    /// The character set of SET NAMES, to which `@saved_cs_client` goes back.
    names: ClientCharset,
}

impl Session {
    /// `-- Host: localhost    Database: shop`, and the line of the server's version.
    fn comment(&mut self, text: &[u8]) {
        let after = |mark: &[u8]| {
            let at = memchr::memmem::find(text, mark)?;
            Some(text.get(at + mark.len()..)?.trim_ascii())
        };
        if let Some(version) = text.strip_prefix(b" Server version") {
            let charset = self.dialect.charset;
            self.dialect = Dialect::from_server_version(version.trim_ascii());
            self.dialect.charset = charset;
        } else if text.starts_with(b" Host: ")
            && let Some(database) = after(b"Database: ")
        {
            self.default_db = database.to_vec();
        }
    }

    fn statement(&mut self, text: &[u8], dump: &mut Dump) {
        let mut context = StatementContext::new(self.dialect, &self.default_db);
        // SHOW CREATE TABLE tells all that a TIMESTAMP has.
        context.explicit_defaults_for_timestamp = Some(true);
        if let Err(why) = dump.schema.apply(text, &context) {
            dump.not_understood.push(why);
        }
        let Ok(tokens) = lex_code(text, &self.dialect) else { return };
        match tokens.as_slice() {
            [first, name, ..] if first.is_word("USE") => {
                if let Some(name) = name.identifier(self.dialect.charset) {
                    self.default_db = name.into_owned();
                }
            }
            [first, rest @ ..] if first.is_word("SET") => self.set(rest),
            _ => {}
        }
    }

    /// SET NAMES, SET character_set_client, SET sql_mode.
    fn set(&mut self, tokens: &[Token<'_>]) {
        match tokens {
            [names, charset, ..] if names.is_word("NAMES") => {
                self.names = client_charset(charset).unwrap_or(self.names);
                self.dialect.charset = self.names;
            }
            [variable, _, value, ..] if variable.is_word("character_set_client") => {
                self.dialect.charset = client_charset(value).unwrap_or(self.names);
            }
            _ => {}
        }
        let mode = tokens.windows(3).find(|three| {
            three.first().is_some_and(|token| token.is_word("sql_mode"))
                && three.get(1).is_some_and(|token| token.is_operator("="))
        });
        if let Some(mode) = mode.and_then(|three| three.get(2)?.string_value(&self.dialect)) {
            let has = |flag: &[u8]| memchr::memmem::find(&mode, flag).is_some();
            self.dialect.ansi_quotes = has(b"ANSI");
            self.dialect.no_backslash_escapes = has(b"NO_BACKSLASH_ESCAPES");
        }
    }
}

fn client_charset(name: &Token<'_>) -> Option<ClientCharset> {
    let quoted = matches!(name.kind, TokenKind::String);
    let name = if quoted { name.bytes.get(1..name.bytes.len() - 1)? } else { name.bytes };
    Charset::by_name(name).map(|charset| ClientCharset::from_collation(charset.a_collation_id()))
}

#[cfg(test)]
mod tests;
