//! The rows in a dump of mysqldump or mariadb-dump, one after another, as the dump has them.

use std::borrow::Cow;
use std::io::{self, Read};

use super::splitter::{Piece, Splitter};
use super::{Dump, Session};
use crate::schema::catalog::{Schema, TableState};
use crate::schema::resolved::Source;
use crate::schema::table::{TableDef, TableName};
use crate::sql::cursor::Cursor;
use crate::sql::lexer::Lexer;
use crate::sql::{Dialect, Token, TokenKind};

/// Most bytes of a statement of rows that is read. The programs write about a MiB of rows at a time,
/// but never less than one row.
const MOST_ROWS: usize = 256 << 20;

/// A value of a dump, as far as its form tells what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DumpValue<'a> {
    /// NULL.
    Null,
    /// A number, with its sign.
    Number(Cow<'a, [u8]>),
    /// Text in quotes, in the character set of the dump: see [`DumpRow::is_utf8`]. Bytes, too, where
    /// the program wrote them so.
    Text(Cow<'a, [u8]>),
    /// Bytes: `0x…`, `b'…'`, `_binary '…'`.
    Bytes(Cow<'a, [u8]>),
}

/// A row of a dump.
#[derive(Debug)]
pub struct DumpRow<'r> {
    /// Its table; without a database if the dump names none.
    pub table: &'r TableName,
    /// The table's definition in the dump.
    pub definition: &'r TableDef,
    /// Names of the columns of which there are values, in their order.
    pub columns: &'r [Vec<u8>],
    /// The values, one for each of them.
    pub values: &'r [DumpValue<'r>],
    /// Whether text is in UTF-8.
    pub is_utf8: bool,
    /// Whether TIMESTAMPs are in UTC.
    pub is_utc: bool,
}

/// Reads the rows of a dump of the tables that `wanted` says, and calls `each` for them. Returns how
/// many statements of rows were too long to be read.
///
/// `dialect` counts as for [`super::read_dump`].
///
/// # Errors
/// What `input` gives.
pub fn read_rows(
    input: impl Read,
    dialect: Dialect,
    wanted: impl Fn(&TableName) -> bool,
    mut each: impl FnMut(&DumpRow<'_>),
) -> io::Result<u64> {
    let mut dump = Dump { schema: Schema::new(Source::Dump), not_understood: Vec::new() };
    let mut session = Session { dialect, default_db: Vec::new(), names: dialect.charset };
    let mut splitter = Splitter::new(input).with_rows(MOST_ROWS);
    let (mut is_utf8, mut is_utc, mut too_long) = (false, false, 0);
    while let Some(piece) = splitter.next_piece()? {
        match piece {
            Piece::Comment(text) => session.comment(text),
            Piece::TooLong(text) => too_long += u64::from(is_insert(text)),
            Piece::Statement(text) if is_insert(text) => {
                let dialect = session.dialect;
                let insert = Insert { text, dialect: &dialect, is_utf8, is_utc };
                insert.read(&session.default_db, &dump.schema, &wanted, &mut each);
            }
            Piece::Statement(text) => {
                settings(text, &session.dialect, &mut is_utf8, &mut is_utc);
                session.statement(text, &mut dump);
                dump.not_understood.clear();
            }
        }
    }
    Ok(too_long)
}

fn is_insert(text: &[u8]) -> bool {
    ["INSERT", "REPLACE"].iter().any(|word| {
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// Takes in SET NAMES and SET time_zone.
fn settings(text: &[u8], dialect: &Dialect, is_utf8: &mut bool, is_utc: &mut bool) {
    // Definitions are longer than any setting.
    if text.len() > 1000 {
        return;
    }
    let tokens: Vec<_> = Lexer::new(text, dialect).code().map_while(Result::ok).collect();
    for three in tokens.windows(3) {
        let [first, second, third] = three else { continue };
        if first.is_word("SET") && second.is_word("NAMES") {
            let name = third.string_value(dialect).unwrap_or(Cow::Borrowed(third.bytes));
            *is_utf8 = name.to_ascii_lowercase().starts_with(b"utf8");
        }
        if first.is_word("TIME_ZONE") && second.is_operator("=") {
            *is_utc = third.string_value(dialect).is_some_and(|zone| *zone == *b"+00:00");
        }
    }
}

/// `INSERT [IGNORE] INTO table [(columns)] VALUES (…),(…)`.
struct Insert<'s> {
    text: &'s [u8],
    dialect: &'s Dialect,
    is_utf8: bool,
    is_utc: bool,
}

impl Insert<'_> {
    /// Reads the rows, up to the first that is not of this form.
    fn read(
        &self,
        default_db: &[u8],
        schema: &Schema,
        wanted: &impl Fn(&TableName) -> bool,
        each: &mut impl FnMut(&DumpRow<'_>),
    ) -> Option<()> {
        let mut tokens = Lexer::new(self.text, self.dialect).code().map_while(Result::ok);
        let mut head = vec![];
        loop {
            let token = tokens.next()?;
            if token.is_any_word(&["VALUES", "VALUE"]) {
                break;
            }
            head.push(token);
        }
        let mut cursor = Cursor::new(&head, self.dialect.charset);
        cursor.skip_any_words(&["INSERT", "REPLACE", "IGNORE", "DELAYED", "LOW_PRIORITY", "INTO"]);
        let name = cursor.table_name()?.or_database(default_db);
        let table = TableName::new(name.database.unwrap_or_default(), name.table);
        if !wanted(&table) {
            return None;
        }
        let Some(TableState::Known { definition, .. }) = schema.table(&table) else { return None };
        let mut columns: Vec<Vec<u8>> = vec![];
        if cursor.eat_operator("(") {
            while let Some(name) = cursor.name() {
                columns.push(name.into_owned());
                cursor.eat_operator(",");
            }
        } else {
            columns.extend(definition.columns.iter().map(|column| column.name.clone()));
        }
        let mut tokens = tokens.peekable();
        loop {
            let mut values = vec![];
            if !tokens.next()?.is_operator("(") {
                return None;
            }
            loop {
                values.push(self.value(&mut tokens)?);
                let token = tokens.next()?;
                if token.is_operator(")") {
                    break;
                }
                if !token.is_operator(",") {
                    return None;
                }
            }
            if values.len() != columns.len() {
                return None;
            }
            each(&DumpRow {
                table: &table,
                definition,
                columns: &columns,
                values: &values,
                is_utf8: self.is_utf8,
                is_utc: self.is_utc,
            });
            if !tokens.next()?.is_operator(",") {
                return None;
            }
        }
    }

    fn value<'t>(&self, tokens: &mut impl Iterator<Item = Token<'t>>) -> Option<DumpValue<'t>> {
        let token = tokens.next()?;
        match token.kind {
            TokenKind::Word if token.is_word("NULL") => Some(DumpValue::Null),
            TokenKind::Number => Some(DumpValue::Number(Cow::Borrowed(token.bytes))),
            TokenKind::Operator if token.is_operator("-") => {
                let number = tokens.next().filter(|token| token.kind == TokenKind::Number)?;
                Some(DumpValue::Number([b"-", number.bytes].concat().into()))
            }
            TokenKind::String => token.string_value(self.dialect).map(DumpValue::Text),
            TokenKind::HexLiteral => Some(DumpValue::Bytes(hex(token.bytes)?.into())),
            TokenKind::BitLiteral => Some(DumpValue::Bytes(bits(token.bytes)?.into())),
            TokenKind::Introducer if token.bytes.eq_ignore_ascii_case(b"_binary") => {
                match self.value(tokens)? {
                    DumpValue::Text(bytes) | DumpValue::Bytes(bytes) => {
                        Some(DumpValue::Bytes(bytes))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// The digits of `0x…` or `x'…'`.
fn digits(literal: &[u8]) -> &[u8] {
    let inner = literal.get(2..).unwrap_or_default();
    inner.strip_suffix(b"'").unwrap_or(inner)
}

fn hex(literal: &[u8]) -> Option<Vec<u8>> {
    let digits = digits(literal);
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8);
    let padded: Vec<u8> =
        if digits.len() % 2 == 1 { [b"0", digits].concat() } else { digits.to_vec() };
    padded.chunks(2).map(|pair| Some(nibble(pair.first()?)? << 4 | nibble(pair.get(1)?)?)).collect()
}

fn bits(literal: &[u8]) -> Option<Vec<u8>> {
    let digits = digits(literal);
    let value = digits.iter().try_fold(0u64, |value, digit| match digit {
        b'0' | b'1' => Some(value << 1 | u64::from(digit - b'0')),
        _ => None,
    });
    (digits.len() <= 64).then_some(value?.to_be_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use binlog_parser::header::Family;

    /// The rows of table `t`, each as text.
    fn rows(dump: &str) -> Vec<String> {
        let mut rows = vec![];
        let dialect = Dialect::new(Family::Mysql, 90700);
        let wanted = |name: &TableName| name.table == b"t";
        let too_long = read_rows(dump.as_bytes(), dialect, wanted, |row| {
            let columns: Vec<_> =
                row.columns.iter().map(|name| String::from_utf8_lossy(name)).collect();
            let values: Vec<_> = row
                .values
                .iter()
                .map(|value| match value {
                    DumpValue::Null => "NULL".into(),
                    DumpValue::Number(text) => String::from_utf8_lossy(text).into_owned(),
                    DumpValue::Text(text) => format!("'{}'", text.escape_ascii()),
                    DumpValue::Bytes(bytes) => format!("{bytes:02x?}"),
                })
                .collect();
            let session = (row.is_utf8, row.is_utc);
            rows.push(format!("{} = {} {session:?}", columns.join(","), values.join(",")));
        });
        assert_eq!(too_long.unwrap(), 0);
        rows
    }

    const HEAD: &str = "/*!50503 SET NAMES utf8mb4 */;\n/*!40103 SET TIME_ZONE='+00:00' */;\n\
        USE `d`;\nCREATE TABLE `t` (a INT, b TEXT, c BLOB);\nCREATE TABLE `u` (a INT);\n\
        LOCK TABLES `t` WRITE;\n/*!40000 ALTER TABLE `t` DISABLE KEYS */;\n";

    #[test]
    fn rows_of_mysqldump_and_mariadb_dump() {
        let text = format!(
            "{HEAD}INSERT INTO `u` VALUES (1);\n\
             INSERT INTO `t` VALUES (1,'it\\'s; (x),\\n',_binary '\\0\u{1}'),(-2,NULL,0x00fF);\n\
             INSERT INTO `t` (`a`, `c`) VALUES (3,'x');\n\
             REPLACE INTO `t` VALUES\n(4,'',b'101'),\n(5,'z','');\nUNLOCK TABLES;\n"
        );
        assert_eq!(
            rows(&text),
            [
                r"a,b,c = 1,'it\'s; (x),\n',[00, 01] (true, true)",
                "a,b,c = -2,NULL,[00, ff] (true, true)",
                "a,c = 3,'x' (true, true)",
                "a,b,c = 4,'',[00, 00, 00, 00, 00, 00, 00, 05] (true, true)",
                "a,b,c = 5,'z','' (true, true)",
            ]
        );
    }

    #[test]
    fn what_is_no_row_ends_its_statement() {
        let text = format!(
            "{HEAD}INSERT INTO t VALUES (1,2),(1,2,3);\nINSERT INTO t VALUES (1,NOW(),3);\n"
        );
        assert_eq!(rows(&text), [""; 0]);
    }

    #[test]
    fn a_dump_in_another_character_set_says_so() {
        let text = "SET NAMES latin1;\nCREATE TABLE t (a INT);\nINSERT INTO t VALUES (1);\n";
        assert_eq!(rows(text), ["a = 1 (false, false)"]);
    }
}
