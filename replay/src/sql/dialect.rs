//! What changes the reading of a statement: the server's family and version, the session's
//! sql_mode and the client's character set.

pub use binlog_parser::header::Family;

use super::charset::ClientCharset;

/// How the server that logged a statement read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// MySQL or MariaDB.
    pub family: Family,
    /// The server's version as `MYSQL_VERSION_ID`: major × 10000 + minor × 100 + patch.
    pub version: u32,
    /// sql_mode ANSI_QUOTES: `"…"` is an identifier.
    pub ansi_quotes: bool,
    /// sql_mode NO_BACKSLASH_ESCAPES: a backslash stands for itself.
    pub no_backslash_escapes: bool,
    /// sql_mode PIPES_AS_CONCAT: `||` joins strings, else it is OR.
    pub pipes_as_concat: bool,
    /// sql_mode HIGH_NOT_PRECEDENCE: NOT binds as `!` does.
    pub high_not_precedence: bool,
    /// MariaDB's sql_mode MSSQL: `[…]` is an identifier.
    pub bracket_identifiers: bool,
    /// The character set of the statement's bytes.
    pub charset: ClientCharset,
}

/// Bits of sql_mode (sql/sql_const.h, sql/sql_class.h); the same in both families.
const MODE_PIPES_AS_CONCAT: u64 = 1 << 1;
const MODE_ANSI_QUOTES: u64 = 1 << 2;
const MODE_MSSQL: u64 = 1 << 10;
const MODE_NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
const MODE_HIGH_NOT_PRECEDENCE: u64 = 1 << 29;

impl Dialect {
    /// A server with default sql_mode and a client whose character set is ASCII-safe.
    pub fn new(family: Family, version: u32) -> Self {
        Self {
            family,
            version,
            ansi_quotes: false,
            no_backslash_escapes: false,
            pipes_as_concat: false,
            high_not_precedence: false,
            bracket_identifiers: false,
            charset: ClientCharset::AsciiSafe,
        }
    }

    /// The dialect of a server version string, as a format description event holds it:
    /// `9.7.0`, `8.0.36-log`, `10.11.6-MariaDB-log`, `5.5.5-10.3.2-MariaDB`.
    ///
    /// A version that cannot be read counts as 5.0.0, which executes the fewest `/*!…*/` bodies.
    pub fn from_server_version(version: &[u8]) -> Self {
        let mariadb = version.windows(7).any(|part| part.eq_ignore_ascii_case(b"mariadb"));
        // Old replication clients need a 5.x prefix; MariaDB 10 wrote one for them.
        let digits = version.strip_prefix(b"5.5.5-").filter(|_| mariadb).unwrap_or(version);
        let family = if mariadb { Family::Mariadb } else { Family::Mysql };
        Self::new(family, parse_version(digits).unwrap_or(50000))
    }

    /// The same dialect under a session's sql_mode, as the Query event's status variable holds it.
    pub fn with_sql_mode(mut self, sql_mode: u64) -> Self {
        self.ansi_quotes = sql_mode & MODE_ANSI_QUOTES != 0;
        self.no_backslash_escapes = sql_mode & MODE_NO_BACKSLASH_ESCAPES != 0;
        self.pipes_as_concat = sql_mode & MODE_PIPES_AS_CONCAT != 0;
        self.high_not_precedence = sql_mode & MODE_HIGH_NOT_PRECEDENCE != 0;
        self.bracket_identifiers = self.family == Family::Mariadb && sql_mode & MODE_MSSQL != 0;
        self
    }

    /// The same dialect for text of a client whose character_set_client has this collation id.
    pub fn with_client_collation(mut self, collation: u16) -> Self {
        self.charset = ClientCharset::from_collation(collation);
        self
    }

    /// Whether the server executes the body of `/*!…*/` (or of `/*M!…*/`, when `maria`) rather
    /// than taking it as a comment, and how many digits of version stand before the body.
    ///
    /// `body` is what follows the `!`. The rule is `MY_LEX_LONG_COMMENT` in sql/sql_lex.cc: MySQL
    /// takes five digits, from 8.1 on six when a space follows; MariaDB takes five or six, and
    /// ignores the versions 50700 to 99999 unless the comment is its own. Without digits the body
    /// always runs.
    pub(crate) fn executes(&self, maria: bool, body: &[u8]) -> (bool, usize) {
        let digits = body.iter().take(6).take_while(|b| b.is_ascii_digit()).count();
        if digits < 5 {
            return (true, 0);
        }
        let six = digits == 6
            && match self.family {
                Family::Mariadb => true,
                Family::Mysql => {
                    self.version >= 80100 && body.get(6).is_some_and(|b| self.charset.is_space(*b))
                }
            };
        let length = if six { 6 } else { 5 };
        let version = body.iter().take(length).fold(0u32, |sum, b| sum * 10 + u32::from(b - b'0'));
        let ours = match self.family {
            Family::Mysql => true,
            Family::Mariadb => maria || !(50700..=99999).contains(&version),
        };
        (ours && version <= self.version, length)
    }

    /// Whether `$tag$…$tag$` is a string: MySQL from 8.1 on (sql/sql_lex.cc,
    /// `MY_LEX_IDENT_OR_DOLLAR_QUOTED_TEXT`).
    pub(crate) fn has_dollar_quotes(&self) -> bool {
        self.family == Family::Mysql && self.version >= 80100
    }
}

/// `major.minor.patch` at the start of `text` as a version id.
fn parse_version(text: &[u8]) -> Option<u32> {
    let mut parts = text.split(|b| *b == b'.').take(3).map(|part| {
        let digits = part.iter().take_while(|b| b.is_ascii_digit()).count();
        std::str::from_utf8(part.get(..digits)?)
            .ok()?
            .parse::<u32>()
            .ok()
            .filter(|number| *number < 100)
    });
    let (major, minor) = (parts.next()??, parts.next()??);
    let patch = parts.next().flatten().unwrap_or(0);
    Some(major * 10000 + minor * 100 + patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_families_are_read() {
        let cases: [(&[u8], Family, u32); 6] = [
            (b"9.7.0", Family::Mysql, 90700),
            (b"8.0.36-28.1", Family::Mysql, 80036),
            (b"5.1.73-log", Family::Mysql, 50173),
            (b"10.11.6-MariaDB-log", Family::Mariadb, 101106),
            (b"5.5.5-10.3.39-MariaDB", Family::Mariadb, 100339),
            (b"nonsense", Family::Mysql, 50000),
        ];
        for (text, family, version) in cases {
            let dialect = Dialect::from_server_version(text);
            assert_eq!((dialect.family, dialect.version), (family, version));
        }
    }

    #[test]
    fn executable_comments_run_by_version() {
        let mysql = Dialect::new(Family::Mysql, 80036);
        let maria = Dialect::new(Family::Mariadb, 101106);
        assert_eq!(mysql.executes(false, b"80000 x"), (true, 5));
        assert_eq!(mysql.executes(false, b"90000 x"), (false, 5));
        assert_eq!(mysql.executes(false, b" x"), (true, 0));
        assert_eq!(maria.executes(false, b"50601 x"), (true, 5));
        assert_eq!(maria.executes(false, b"80000 x"), (false, 5));
        assert_eq!(maria.executes(true, b"80000 x"), (true, 5));
        assert_eq!(maria.executes(true, b"100100 x"), (true, 6));
        assert_eq!(maria.executes(true, b"999999\\- x"), (false, 6));
        let nine = Dialect::new(Family::Mysql, 90700);
        assert_eq!(nine.executes(false, b"080000 x"), (true, 6));
        // Without the space it is 5 digits, and the sixth belongs to the body.
        assert_eq!(nine.executes(false, b"990000x"), (false, 5));
        assert_eq!(nine.executes(false, b"800001"), (true, 5));
    }

    #[test]
    fn sql_mode_bits_set_the_flags() {
        let mysql = Dialect::new(Family::Mysql, 80036);
        assert!(mysql.with_sql_mode(4).ansi_quotes);
        assert!(mysql.with_sql_mode(1 << 20).no_backslash_escapes);
        assert!(!mysql.with_sql_mode(1 << 10).bracket_identifiers);
        assert!(Dialect::new(Family::Mariadb, 101106).with_sql_mode(1 << 10).bracket_identifiers);
    }
}
