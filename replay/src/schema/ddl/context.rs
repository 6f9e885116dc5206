//! The session that a statement ran in, as far as definitions depend on it.

use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::flags2;

use super::super::collation::Charset;
use crate::sql::{Dialect, Family};

/// Bits of sql_mode that change a type's meaning (sql/sql_class.h of both families).
pub(crate) mod sql_mode {
    /// REAL is FLOAT.
    pub(crate) const REAL_AS_FLOAT: u64 = 1;
    /// MariaDB's Oracle mode.
    pub(crate) const ORACLE: u64 = 1 << 9;
}

/// The session of a statement.
#[derive(Debug, Clone)]
pub struct StatementContext<'a> {
    /// How the text is read.
    pub dialect: Dialect,
    /// The default database, in UTF-8; empty if there is none.
    pub default_db: &'a [u8],
    /// The session's sql_mode, as the Query event's status variable holds it.
    pub sql_mode: u64,
    /// Character set of `collation_server`, which a new database takes.
    pub server_charset: Option<&'static Charset>,
    /// Whether TIMESTAMP columns that say nothing are nullable and without a default.
    pub explicit_defaults_for_timestamp: Option<bool>,
    /// MariaDB's `sql_if_exists`: every statement is read as with IF EXISTS.
    pub if_exists: bool,
}

impl<'a> StatementContext<'a> {
    /// A session with the defaults of its server.
    pub fn new(dialect: Dialect, default_db: &'a [u8]) -> Self {
        Self {
            dialect,
            default_db,
            sql_mode: 0,
            server_charset: None,
            explicit_defaults_for_timestamp: None,
            if_exists: false,
        }
    }

    /// The session of a Query event of a server with this dialect. Status variables that cannot be
    /// read count as absent.
    pub fn of_query(server: &Dialect, query: &QueryEvent<'a>) -> Self {
        let vars = query.status_vars().unwrap_or_default();
        let sql_mode = vars.sql_mode.unwrap_or(0);
        let mut dialect = server.with_sql_mode(sql_mode);
        if let Some(charset) = vars.charset {
            dialect = dialect.with_client_collation(charset.client);
        }
        let bits = vars.flags2.unwrap_or(0);
        let mariadb = dialect.family == Family::Mariadb;
        let explicit = match vars.explicit_defaults_for_timestamp {
            Some(value) => Some(value != 0),
            None if mariadb && bits & flags2::EXPLICIT_DEFAULTS_FOR_TIMESTAMP != 0 => Some(true),
            // The flag is older than 10.10, but not by much.
            None if mariadb && dialect.version >= 101000 && vars.flags2.is_some() => Some(false),
            None => None,
        };
        Self {
            dialect,
            default_db: query.database,
            sql_mode,
            server_charset: vars.charset.and_then(|c| Charset::of_collation_id(c.server)),
            explicit_defaults_for_timestamp: explicit,
            if_exists: mariadb && bits & flags2::IF_EXISTS != 0,
        }
    }
}
