//! The session that a statement ran in, restored by as few assignments as are needed.
//!
//! A Query event carries the variables that its statement depends on. What the stream has set last
//! is remembered, so that only differences are written; at first nothing is known, so the first
//! event sets everything it has. A variable that is absent means its default where the servers
//! write only what differs from it (auto_increment, lc_time_names, collation_database).

use binlog_parser::event::format_description::{FormatDescription, ServerVersion};
use binlog_parser::event::status_vars::{SessionCharset, StatusVars, flags2};
use binlog_parser::header::Family;

use crate::sql::quote::{hex_literal, push_integer};

/// What is known of the session at the other end of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    family: Family,
    version: ServerVersion,
    flags2: Option<u32>,
    sql_mode: Option<u64>,
    auto_increment: Option<(u16, u16)>,
    charset: Option<SessionCharset>,
    time_zone: Option<Vec<u8>>,
    lc_time_names: Option<u16>,
    collation_database: Option<u16>,
    explicit_defaults_for_timestamp: Option<u8>,
    default_collation_for_utf8mb4: Option<u16>,
    sql_require_primary_key: Option<u8>,
    default_table_encryption: Option<u8>,
    character_set_collations: Option<Vec<u8>>,
    database: Option<Vec<u8>>,
    thread_id: Option<u32>,
}

/// Bits of sql_mode that MySQL 8.0.5 and later no longer have (`MODE_ALLOWED_MASK`).
const REMOVED_SQL_MODES: u64 = 0x1003_FF00;

/// The bits of flags2 that a session variable stands for, with the variable's name and whether the
/// bit means that it is off. `autocommit` is left alone: the stream says BEGIN and COMMIT itself.
const FLAGS: [(u32, &str, bool); 3] = [
    (flags2::NO_FOREIGN_KEY_CHECKS, "FOREIGN_KEY_CHECKS", true),
    (flags2::AUTO_IS_NULL, "SQL_AUTO_IS_NULL", false),
    (flags2::RELAXED_UNIQUE_CHECKS, "UNIQUE_CHECKS", true),
];

/// As [`FLAGS`], for MariaDB, with the first version that knows the bit.
const MARIADB_FLAGS: [(u32, &str, bool, ServerVersion); 4] = [
    (flags2::NO_CHECK_CONSTRAINT_CHECKS, "CHECK_CONSTRAINT_CHECKS", true, ServerVersion(10, 2, 1)),
    (flags2::IF_EXISTS, "SQL_IF_EXISTS", false, ServerVersion(10, 5, 2)),
    (
        flags2::EXPLICIT_DEFAULTS_FOR_TIMESTAMP,
        "EXPLICIT_DEFAULTS_FOR_TIMESTAMP",
        false,
        ServerVersion(10, 10, 2),
    ),
    (flags2::INSERT_HISTORY, "SYSTEM_VERSIONING_INSERT_HISTORY", false, ServerVersion(10, 11, 0)),
];

impl Session {
    /// A session of which nothing is known, for logs of this format.
    #[must_use]
    pub fn new(format: &FormatDescription) -> Self {
        Session::of(format.family, format.version)
    }

    fn of(family: Family, version: ServerVersion) -> Self {
        Session {
            family,
            version,
            flags2: None,
            sql_mode: None,
            auto_increment: None,
            charset: None,
            time_zone: None,
            lc_time_names: None,
            collation_database: None,
            explicit_defaults_for_timestamp: None,
            default_collation_for_utf8mb4: None,
            sql_require_primary_key: None,
            default_table_encryption: None,
            character_set_collations: None,
            database: None,
            thread_id: None,
        }
    }

    /// Whose session it is.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// Forgets everything, as at first.
    pub fn forget(&mut self) {
        *self = Session::of(self.family, self.version);
    }

    /// Forgets the collations: the client was told to change them by itself.
    pub fn forget_charset(&mut self) {
        self.charset = None;
    }

    /// `collation_connection`, where it is known.
    #[must_use]
    pub fn connection_collation(&self) -> Option<u16> {
        self.charset.map(|charset| charset.connection)
    }

    /// Appends the assignments that lead from the session as it is to the one of `vars`.
    pub fn enter(&mut self, set: &mut Assignments<'_>, vars: &StatusVars<'_>) {
        self.enter_flags(set, vars.flags2);
        if let Some(sql_mode) = vars.sql_mode {
            let removed = self.family == Family::Mysql && self.version >= ServerVersion(8, 0, 5);
            let mode = if removed { sql_mode & !REMOVED_SQL_MODES } else { sql_mode };
            changed(&mut self.sql_mode, mode, |mode| set.integer("SQL_MODE", mode));
        }
        changed(&mut self.auto_increment, vars.auto_increment.unwrap_or((1, 1)), |(by, from)| {
            set.integer("AUTO_INCREMENT_INCREMENT", by);
            set.integer("AUTO_INCREMENT_OFFSET", from);
        });
        if let Some(charset) = vars.charset {
            changed(&mut self.charset, charset, |charset| {
                set.integer("CHARACTER_SET_CLIENT", charset.client);
                set.integer("COLLATION_CONNECTION", charset.connection);
                set.integer("COLLATION_SERVER", charset.server);
            });
        }
        self.enter_character_set_collations(set, vars);
        if let Some(zone) = vars.time_zone.filter(|zone| Some(*zone) != self.time_zone.as_deref()) {
            self.time_zone = Some(zone.to_vec());
            set.with("TIME_ZONE", |out| {
                out.extend(b"_utf8mb4 ");
                hex_literal(out, zone);
            });
        }
        self.enter_defaults(set, vars);
    }

    fn enter_flags(&mut self, set: &mut Assignments<'_>, new: Option<u32>) {
        let Some(new) = new else { return };
        let old = self.flags2.replace(new);
        let mut write = |bit: u32, name, inverse: bool| {
            if old.is_none_or(|old| (old ^ new) & bit != 0) {
                set.integer(name, u8::from((new & bit != 0) != inverse));
            }
        };
        for (bit, name, inverse) in FLAGS {
            write(bit, name, inverse);
        }
        for (bit, name, inverse, since) in MARIADB_FLAGS {
            if self.family == Family::Mariadb && self.version >= since {
                write(bit, name, inverse);
            }
        }
    }

    fn enter_defaults(&mut self, set: &mut Assignments<'_>, vars: &StatusVars<'_>) {
        changed(&mut self.lc_time_names, vars.lc_time_names.unwrap_or(0), |number| {
            set.integer("LC_TIME_NAMES", number);
        });
        self.enter_collation_database(set, vars);
        if self.family == Family::Mariadb {
            return;
        }
        let mut optional = |known: &mut Option<u8>, new: Option<u8>, name| {
            if let Some(new) = new {
                changed(known, new, |new| set.integer(name, new));
            }
        };
        let explicit = vars.explicit_defaults_for_timestamp;
        optional(
            &mut self.explicit_defaults_for_timestamp,
            explicit,
            "EXPLICIT_DEFAULTS_FOR_TIMESTAMP",
        );
        let required = vars.sql_require_primary_key;
        optional(&mut self.sql_require_primary_key, required, "SQL_REQUIRE_PRIMARY_KEY");
        let encrypted = vars.default_table_encryption;
        optional(&mut self.default_table_encryption, encrypted, "DEFAULT_TABLE_ENCRYPTION");
        if let Some(id) = vars.default_collation_for_utf8mb4 {
            changed(&mut self.default_collation_for_utf8mb4, id, |id| {
                set.integer("DEFAULT_COLLATION_FOR_UTF8MB4", id);
            });
        }
    }

    /// `collation_database`, which entering a database changes.
    pub fn enter_collation_database(&mut self, set: &mut Assignments<'_>, vars: &StatusVars<'_>) {
        let id = vars.collation_database.unwrap_or(0);
        changed(&mut self.collation_database, id, |id| match id {
            0 => set.with("COLLATION_DATABASE", |out| out.extend(b"DEFAULT")),
            id => set.integer("COLLATION_DATABASE", id),
        });
    }

    /// MariaDB logs `character_set_collations` as numbers and takes it as names, which only the
    /// server knows: so it is asked for them.
    fn enter_character_set_collations(&mut self, set: &mut Assignments<'_>, vars: &StatusVars<'_>) {
        let Some(pairs) = vars.character_set_collations else { return };
        if self.character_set_collations.as_deref() == Some(pairs) {
            return;
        }
        self.character_set_collations = Some(pairs.to_vec());
        set.with("CHARACTER_SET_COLLATIONS", |out| {
            if pairs.is_empty() {
                out.extend(b"''");
                return;
            }
            out.extend(
                b"(SELECT GROUP_CONCAT(CHARACTER_SET_NAME,'=',FULL_COLLATION_NAME ORDER BY ID) \
                FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE ID IN (0",
            );
            for pair in pairs.chunks_exact(4) {
                out.push(b',');
                push_integer(out, i128::from(u16::from_le_bytes([pair[2], pair[3]])));
            }
            out.extend(b"))");
        });
    }

    /// Whether `database` has to be entered first; it is the current one from here on. To enter one
    /// sets `collation_database` to its default.
    pub fn use_database(&mut self, database: &[u8]) -> bool {
        if self.database.as_deref() == Some(database) {
            return false;
        }
        self.database = Some(database.to_vec());
        self.collation_database = Some(0);
        true
    }

    /// Forgets the current database: a statement may have dropped it.
    pub fn forget_database(&mut self) {
        self.database = None;
    }

    /// Forgets the connection number: MariaDB does at the end of a prepared XA transaction.
    pub fn forget_thread(&mut self) {
        self.thread_id = None;
    }

    /// Appends the connection number of the original session, by which it named its temporary
    /// tables and which CONNECTION_ID() gave.
    pub fn use_thread(&mut self, set: &mut Assignments<'_>, thread_id: u32) {
        changed(&mut self.thread_id, thread_id, |id| set.integer("PSEUDO_THREAD_ID", id));
    }
}

/// Runs `write` if `new` is another value than the known one, and remembers it.
fn changed<T: Copy + PartialEq>(known: &mut Option<T>, new: T, write: impl FnOnce(T)) {
    if *known != Some(new) {
        *known = Some(new);
        write(new);
    }
}

/// One `SET` statement with as many assignments as come; nothing at all if none does.
#[derive(Debug)]
pub struct Assignments<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> Assignments<'b> {
    /// Appends to `out`, which is empty at first.
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        Assignments { out }
    }

    /// `name = number`.
    pub fn integer(&mut self, name: &str, value: impl Into<i128>) {
        self.with(name, |out| push_integer(out, value.into()));
    }

    /// `name = ` a time in seconds, with six digits of fraction where there is one.
    pub fn time(&mut self, name: &str, seconds: u32, micros: u32) {
        self.with(name, |out| {
            push_integer(out, i128::from(seconds));
            if micros != 0 {
                out.extend(format!(".{micros:06}").as_bytes());
            }
        });
    }

    /// `name = ` what `value` appends.
    pub fn with(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        self.out.extend(if self.out.is_empty() { &b"SET @@SESSION."[..] } else { b",@@SESSION." });
        self.out.extend(name.as_bytes());
        self.out.push(b'=');
        value(self.out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(family: Family, version: ServerVersion) -> FormatDescription {
        FormatDescription {
            binlog_version: 4,
            server_version: version.to_string(),
            version,
            family,
            created: 0,
            common_header_length: 19,
            post_header_lengths: vec![],
            checksum: binlog_parser::event::format_description::ChecksumAlgorithm::Crc32,
        }
    }

    fn enter(session: &mut Session, vars: &StatusVars<'_>) -> String {
        let mut out = vec![];
        session.enter(&mut Assignments::new(&mut out), vars);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_differs_is_set() {
        let mut session = Session::new(&format(Family::Mysql, ServerVersion(9, 7, 1)));
        let charset = SessionCharset { client: 255, connection: 255, server: 8 };
        let vars = StatusVars {
            flags2: Some(0),
            sql_mode: Some(0x20 | 0x1000_0000), // the second bit is NO_AUTO_CREATE_USER
            charset: Some(charset),
            time_zone: Some(b"SYSTEM"),
            ..StatusVars::default()
        };
        assert_eq!(
            enter(&mut session, &vars),
            "SET @@SESSION.FOREIGN_KEY_CHECKS=1,@@SESSION.SQL_AUTO_IS_NULL=0,\
             @@SESSION.UNIQUE_CHECKS=1,@@SESSION.SQL_MODE=32,@@SESSION.AUTO_INCREMENT_INCREMENT=1,\
             @@SESSION.AUTO_INCREMENT_OFFSET=1,@@SESSION.CHARACTER_SET_CLIENT=255,\
             @@SESSION.COLLATION_CONNECTION=255,@@SESSION.COLLATION_SERVER=8,\
             @@SESSION.TIME_ZONE=_utf8mb4 0x53595354454D,@@SESSION.LC_TIME_NAMES=0,\
             @@SESSION.COLLATION_DATABASE=DEFAULT"
        );
        assert_eq!(enter(&mut session, &vars), "");
        let off = StatusVars { flags2: Some(flags2::NO_FOREIGN_KEY_CHECKS), ..vars };
        assert_eq!(enter(&mut session, &off), "SET @@SESSION.FOREIGN_KEY_CHECKS=0");
    }

    #[test]
    fn what_is_absent_goes_back_to_its_default() {
        let mut session = Session::new(&format(Family::Mysql, ServerVersion(9, 7, 1)));
        let odd = StatusVars {
            auto_increment: Some((2, 1)),
            lc_time_names: Some(4),
            collation_database: Some(33),
            ..StatusVars::default()
        };
        enter(&mut session, &odd);
        assert_eq!(
            enter(&mut session, &StatusVars::default()),
            "SET @@SESSION.AUTO_INCREMENT_INCREMENT=1,@@SESSION.AUTO_INCREMENT_OFFSET=1,\
             @@SESSION.LC_TIME_NAMES=0,@@SESSION.COLLATION_DATABASE=DEFAULT"
        );
    }

    #[test]
    fn neither_family_gets_the_variables_of_the_other() {
        let vars = StatusVars {
            flags2: Some(0),
            explicit_defaults_for_timestamp: Some(1),
            sql_require_primary_key: Some(0),
            ..StatusVars::default()
        };
        let mut mariadb = Session::new(&format(Family::Mariadb, ServerVersion(10, 11, 14)));
        let text = enter(&mut mariadb, &vars);
        assert!(text.contains("CHECK_CONSTRAINT_CHECKS=1"), "{text}");
        assert!(!text.contains("REQUIRE_PRIMARY_KEY"), "{text}");
        let mut old = Session::new(&format(Family::Mariadb, ServerVersion(10, 3, 2)));
        assert!(!enter(&mut old, &vars).contains("SQL_IF_EXISTS"));
        let mut mysql = Session::new(&format(Family::Mysql, ServerVersion(9, 7, 1)));
        let text = enter(&mut mysql, &vars);
        assert!(!text.contains("CHECK_CONSTRAINT"), "{text}");
        assert!(text.contains("SQL_REQUIRE_PRIMARY_KEY=0"), "{text}");
    }
}
