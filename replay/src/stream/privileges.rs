//! The privileges that a stream needs, which `GRANT … ON *.*` gives.
//!
//! What the stream itself needs was found on the servers: of MySQL 9.7, BINLOG takes BINLOG_ADMIN
//! and rows of a session with REPLICATION_APPLIER alone end in "Unknown error", whatever its message
//! asks for; of MariaDB, BINLOG REPLAY does not cover `binlog_annotate_row_events` and
//! `sql_log_bin`, which are BINLOG ADMIN's, and from 11.x on SUPER covers neither. Rows need no
//! privilege on their tables. What statements of text need is what the manuals' pages on GRANT and
//! on each statement say.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use binlog_parser::event::format_description::{FormatDescription, ServerVersion};
use binlog_parser::header::Family;

use crate::sql::statement::{Object, StatementHead, StatementVerb};
use crate::sql::{Dialect, Family as SqlFamily, Token, lex_code, mentions};

/// Privileges by the names that GRANT takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Their names.
    pub names: BTreeSet<&'static str>,
    /// Whether stored functions or triggers are created: a server with its binary log on lets only
    /// those with SUPER, unless `log_bin_trust_function_creators` is ON.
    pub trust_function_creators: bool,
    /// How many statements need what is not known here.
    pub unknown: u64,
}

impl Privileges {
    /// Adds those of `other`.
    pub(super) fn add_all(&mut self, other: &Privileges) {
        self.names.extend(&other.names);
        self.trust_function_creators |= other.trust_function_creators;
        self.unknown += other.unknown;
    }

    /// Adds what every stream for servers of this kind needs.
    pub(super) fn add_stream(&mut self, format: &FormatDescription) {
        let names: &[&str] = match format.family {
            Family::Mysql if format.version >= ServerVersion(8, 0, 14) => {
                &["BINLOG_ADMIN", "SESSION_VARIABLES_ADMIN"]
            }
            Family::Mariadb if format.version >= ServerVersion(10, 5, 2) => {
                &["BINLOG ADMIN", "BINLOG REPLAY"]
            }
            _ => &["SUPER"],
        };
        self.names.extend(names);
    }

    /// Adds what a statement of text needs.
    pub(super) fn add_statement(&mut self, text: &[u8], head: StatementHead, dialect: &Dialect) {
        let tokens = LazyCell::new(|| lex_code(text, dialect).unwrap_or_default());
        let words = Words { text, tokens: &tokens, mysql: dialect.family == SqlFamily::Mysql };
        match words.privileges(head) {
            Some(names) => self.names.extend(names),
            None => self.unknown += 1,
        }
        let creates = matches!(head.verb, StatementVerb::Create | StatementVerb::Alter);
        if creates && words.has("DEFINER") {
            self.names.extend(words.definer(dialect.version));
        }
        if creates && head.object == Object::StoredProgram {
            let kind = words.program();
            self.trust_function_creators |= matches!(kind, "FUNCTION" | "TRIGGER");
        }
    }
}

/// The words of a statement.
struct Words<'t, 'a, F> {
    text: &'a [u8],
    /// Its tokens, which most statements of an application do not need.
    tokens: &'t LazyCell<Vec<Token<'a>>, F>,
    mysql: bool,
}

impl<'a, F: FnOnce() -> Vec<Token<'a>>> Words<'_, 'a, F> {
    fn has(&self, word: &str) -> bool {
        mentions(self.text, word) && self.tokens.iter().any(|token| token.is_word(word))
    }

    /// What kind of stored program a statement is about.
    fn program(&self) -> &'static str {
        const KINDS: [&str; 5] = ["PROCEDURE", "FUNCTION", "PACKAGE", "TRIGGER", "EVENT"];
        let kind = |token: &Token<'_>| KINDS.into_iter().find(|kind| token.is_word(kind));
        self.tokens.iter().find_map(kind).unwrap_or("PROCEDURE")
    }

    /// What it takes to name another account as the definer; that of an administrator has
    /// SYSTEM_USER.
    fn definer(&self, version: u32) -> &'static [&'static str] {
        match (self.mysql, version) {
            (true, 80_200..) => &["SET_ANY_DEFINER", "SYSTEM_USER"],
            (true, 80_000..) => &["SET_USER_ID", "SYSTEM_USER"],
            (false, 100_502..) => &["SET USER"],
            _ => &["SUPER"],
        }
    }

    /// The privileges of a statement; none if it is not known what it takes.
    fn privileges(&self, head: StatementHead) -> Option<Vec<&'static str>> {
        use StatementVerb as V;
        let mut names = match (head.verb, head.object) {
            (V::Create | V::Drop, Object::Table) if head.temporary => {
                vec!["CREATE TEMPORARY TABLES"]
            }
            (V::Create, Object::Table | Object::Sequence | Object::Database) => vec!["CREATE"],
            (V::Create | V::Alter, Object::View) => vec!["CREATE VIEW", "SELECT"],
            (V::Create | V::Drop, Object::Index) => vec!["INDEX"],
            (V::Create | V::Alter | V::Drop, Object::StoredProgram) => self.routine(head.verb),
            (V::Create | V::Drop, Object::Role) if self.mysql => vec!["CREATE ROLE", "DROP ROLE"],
            (V::Create | V::Alter | V::Drop | V::Rename, Object::User | Object::Role)
            | (V::SetPassword, _) => vec!["CREATE USER"],
            (V::Alter, Object::Table) if self.mysql => vec!["ALTER", "CREATE", "INSERT"],
            (V::Alter, Object::Table | Object::Sequence | Object::Database) => vec!["ALTER"],
            (V::Drop, Object::Table | Object::View | Object::Sequence | Object::Database)
            | (V::Truncate, _) => vec!["DROP"],
            (V::Rename, _) => vec!["ALTER", "CREATE", "DROP", "INSERT"],
            (V::Insert, _) => vec!["INSERT"],
            (V::Replace, _) => vec!["DELETE", "INSERT"],
            (V::Update, _) => vec!["SELECT", "UPDATE"],
            (V::Delete, _) => vec!["DELETE", "SELECT"],
            (V::Load, _) => vec!["DELETE", "INSERT"],
            (V::Maintenance, _) => vec!["INSERT", "SELECT"],
            (verb, _) if verb.is_transaction_control() || verb == V::Empty => vec![],
            _ => return None,
        };
        if head.or_replace {
            names.push("DROP");
        }
        let table = head.object == Object::Table;
        let reads = table && head.verb == V::Create && (self.has("LIKE") || self.has("SELECT"));
        if reads || matches!(head.verb, V::Insert | V::Replace) && self.has("SELECT") {
            names.push("SELECT");
        }
        if head.verb == V::Insert && self.has("DUPLICATE") {
            names.push("UPDATE");
        }
        if table && self.has("REFERENCES") {
            names.push("REFERENCES");
        }
        if table && head.verb == V::Alter && (self.has("RENAME") || self.has("PARTITION")) {
            names.extend(["CREATE", "DROP", "INSERT"]);
        }
        Some(names)
    }

    fn routine(&self, verb: StatementVerb) -> Vec<&'static str> {
        match (self.program(), verb) {
            ("TRIGGER", _) => vec!["TRIGGER"],
            ("EVENT", _) => vec!["EVENT"],
            (_, StatementVerb::Create) => vec!["ALTER ROUTINE", "CREATE ROUTINE"],
            _ => vec!["ALTER ROUTINE"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::statement::head;

    fn of(version: &str, text: &str) -> String {
        let dialect = Dialect::from_server_version(version.as_bytes());
        let mut privileges = Privileges::default();
        privileges.add_statement(text.as_bytes(), head(text.as_bytes(), &dialect), &dialect);
        let mut names: Vec<_> = privileges.names.into_iter().collect();
        if privileges.trust_function_creators {
            names.push("trust");
        }
        if privileges.unknown > 0 {
            names.push("?");
        }
        names.join(", ")
    }

    #[test]
    fn a_statement_needs_what_the_manuals_say() {
        const MYSQL: &str = "9.7.0";
        const MARIADB: &str = "11.8.3-MariaDB";
        for (version, text, needed) in [
            (MYSQL, "CREATE TABLE t (a INT REFERENCES u (a))", "CREATE, REFERENCES"),
            (MYSQL, "CREATE TABLE t LIKE u", "CREATE, SELECT"),
            (MYSQL, "CREATE TEMPORARY TABLE t (a INT)", "CREATE TEMPORARY TABLES"),
            (MARIADB, "CREATE OR REPLACE TABLE t (a INT)", "CREATE, DROP"),
            (MYSQL, "ALTER TABLE t ADD b INT", "ALTER, CREATE, INSERT"),
            (MARIADB, "ALTER TABLE t ADD b INT", "ALTER"),
            (MARIADB, "ALTER TABLE t RENAME TO u", "ALTER, CREATE, DROP, INSERT"),
            (MYSQL, "DROP DATABASE d", "DROP"),
            (
                MYSQL,
                "CREATE DEFINER=`r`@`h` TRIGGER x AFTER INSERT ON t FOR EACH ROW SET @a = 1",
                "SET_ANY_DEFINER, SYSTEM_USER, TRIGGER, trust",
            ),
            (
                MARIADB,
                "CREATE DEFINER=`r`@`h` PROCEDURE p() SELECT 1",
                "ALTER ROUTINE, CREATE ROUTINE, SET USER",
            ),
            (MYSQL, "DROP EVENT e", "EVENT"),
            (MYSQL, "CREATE USER u", "CREATE USER"),
            (
                MYSQL,
                "INSERT INTO t SELECT * FROM u ON DUPLICATE KEY UPDATE a = 1",
                "INSERT, SELECT, UPDATE",
            ),
            (MYSQL, "GRANT SELECT ON *.* TO u", "?"),
            (MYSQL, "SAVEPOINT a", ""),
        ] {
            assert_eq!(of(version, text), needed, "{text}");
        }
    }
}
