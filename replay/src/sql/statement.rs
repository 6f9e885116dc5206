//! What a statement is, from its first words: its verb and the kind of object. Cheap enough to ask of every Query event of a log.

use super::cursor::Cursor;
use super::dialect::Dialect;
use super::lexer::Lexer;
use super::token::{Token, TokenKind};

pub use super::written::written_tables;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementVerb {
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK of the whole transaction.
    Rollback,
    /// ROLLBACK TO a savepoint.
    RollbackToSavepoint,
    /// SAVEPOINT.
    Savepoint,
    /// RELEASE SAVEPOINT.
    ReleaseSavepoint,
    /// XA START, XA BEGIN.
    XaStart,
    /// XA END.
    XaEnd,
    /// XA PREPARE.
    XaPrepare,
    /// XA COMMIT, with ONE PHASE or without.
    XaCommit,
    /// XA ROLLBACK.
    XaRollback,
    /// SELECT, VALUES, TABLE, and WITH before them: in a log because of a function's effects.
    Select,
    /// INSERT.
    Insert,
    /// REPLACE.
    Replace,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// LOAD DATA, LOAD XML.
    Load,
    /// CALL.
    Call,
    /// DO.
    Do,
    /// TRUNCATE TABLE.
    Truncate,
    /// CREATE; see [`Object`].
    Create,
    /// ALTER; see [`Object`].
    Alter,
    /// DROP; see [`Object`].
    Drop,
    /// RENAME TABLE, RENAME USER.
    Rename,
    /// GRANT.
    Grant,
    /// REVOKE.
    Revoke,
    /// SET PASSWORD.
    SetPassword,
    /// Any other SET.
    Set,
    /// ANALYZE, OPTIMIZE, REPAIR, CHECK: maintenance of tables.
    Maintenance,
    /// BEGIN NOT ATOMIC … END (MariaDB).
    Compound,
    /// Nothing but comments, such as MariaDB's dummy events.
    Empty,
    /// Any other statement.
    Other,
}

impl StatementVerb {
    /// Whether it starts, ends or divides a transaction rather than doing work in it.
    pub fn is_transaction_control(self) -> bool {
        use StatementVerb::*;
        matches!(
            self,
            Begin
                | Commit
                | Rollback
                | RollbackToSavepoint
                | Savepoint
                | ReleaseSavepoint
                | XaStart
                | XaEnd
                | XaPrepare
                | XaCommit
                | XaRollback
        )
    }

    /// Whether it ends the transaction that it stands in, or its XA branch's life.
    pub fn ends_transaction(self) -> bool {
        use StatementVerb::*;
        matches!(self, Commit | Rollback | XaPrepare | XaCommit | XaRollback)
    }
}

/// The kind of object behind CREATE, ALTER, DROP, RENAME.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Object {
    /// TABLE.
    Table,
    /// VIEW.
    View,
    /// INDEX.
    Index,
    /// DATABASE, SCHEMA.
    Database,
    /// PROCEDURE, FUNCTION, TRIGGER, EVENT, PACKAGE: they hold statements of their own.
    StoredProgram,
    /// USER.
    User,
    /// ROLE.
    Role,
    /// SEQUENCE (MariaDB).
    Sequence,
    /// SERVER, TABLESPACE, LOGFILE GROUP and the rest.
    Other,
    /// The verb has no such word.
    None,
}

/// The first words of a statement, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementHead {
    /// What it does.
    pub verb: StatementVerb,
    /// To what kind of object.
    pub object: Object,
    /// CREATE OR REPLACE.
    pub or_replace: bool,
    /// TEMPORARY: it concerns one session's table only.
    pub temporary: bool,
}

/// Tokens that the head of a statement may take: modifiers, DEFINER, SQL SECURITY.
const HEAD_TOKENS: usize = 24;

/// Reads the head of a statement; a text that does not lex counts as far as it does.
pub fn head(text: &[u8], dialect: &Dialect) -> StatementHead {
    if let Some(verb) = traffic(text) {
        let (object, or_replace, temporary) = (Object::None, false, false);
        return StatementHead { verb, object, or_replace, temporary };
    }
    let mut first: Vec<Token<'_>> = Vec::with_capacity(HEAD_TOKENS);
    let mut code = Lexer::new(text, dialect).code();
    first.extend(code.by_ref().map_while(Result::ok).take(HEAD_TOKENS));
    // Only these put the verb anywhere; the rest shows itself at once.
    if matches!(first.as_slice(), [token, ..] if token.is_any_word(&["WITH", "SET"])) {
        first.extend(code.map_while(Result::ok));
    }
    read_head(&mut Cursor::new(&first, dialect.charset))
}

/// The verb of a text that begins as nearly all of an application's do.
fn traffic(text: &[u8]) -> Option<StatementVerb> {
    use StatementVerb::{Delete, Insert, Replace, Update};
    const VERBS: [(&[u8], StatementVerb); 4] =
        [(b"INSERT", Insert), (b"UPDATE", Update), (b"DELETE", Delete), (b"REPLACE", Replace)];
    let begins = |word: &[u8]| {
        let head = text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        head && matches!(text.get(word.len()), Some(b' ' | b'\n' | b'\t'))
    };
    VERBS.iter().find(|(word, _)| begins(word)).map(|(_, verb)| *verb)
}

/// Takes the head of a statement, up to and with the word that names the kind of object.
pub(crate) fn read_head(cursor: &mut Cursor<'_, '_>) -> StatementHead {
    skip_wrappers(cursor);
    let mut head = StatementHead {
        verb: StatementVerb::Other,
        object: Object::None,
        or_replace: false,
        temporary: false,
    };
    let Some(word) = cursor.bump() else {
        head.verb = StatementVerb::Empty;
        return head;
    };
    head.verb = verb_of(word, cursor);
    if matches!(
        head.verb,
        StatementVerb::Create | StatementVerb::Alter | StatementVerb::Drop | StatementVerb::Rename
    ) {
        skip_object_modifiers(cursor, &mut head);
        head.object = cursor.bump().map_or(Object::None, object_of);
    }
    head
}

/// Takes what may stand before the statement that runs: SET STATEMENT … FOR, MariaDB's ANALYZE
/// before a DML statement, and the queries of WITH.
fn skip_wrappers(cursor: &mut Cursor<'_, '_>) {
    if cursor.eat_words(&["SET", "STATEMENT"]) && cursor.seek_word(&["FOR"]) {
        cursor.bump();
    }
    if cursor.at_word("ANALYZE") {
        let mut inner = *cursor;
        inner.bump();
        if inner.eat_word("FORMAT") {
            inner.bump();
            inner.bump();
        }
        if inner.at_any_word(&["UPDATE", "DELETE", "INSERT", "REPLACE", "SELECT", "WITH"]) {
            *cursor = inner;
        }
    }
    if cursor.at_word("WITH") {
        cursor.seek_word(&["SELECT", "UPDATE", "DELETE", "INSERT", "REPLACE", "VALUES"]);
    }
}

fn verb_of(word: &Token<'_>, cursor: &Cursor<'_, '_>) -> StatementVerb {
    use StatementVerb::*;
    const VERBS: [(&str, StatementVerb); 33] = [
        ("INSERT", Insert),
        ("UPDATE", Update),
        ("DELETE", Delete),
        ("REPLACE", Replace),
        ("COMMIT", Commit),
        ("SELECT", Select),
        ("VALUES", Select),
        ("TABLE", Select),
        ("LOAD", Load),
        ("CALL", Call),
        ("DO", Do),
        ("TRUNCATE", Truncate),
        ("CREATE", Create),
        ("ALTER", Alter),
        ("DROP", Drop),
        ("RENAME", Rename),
        ("GRANT", Grant),
        ("REVOKE", Revoke),
        ("SAVEPOINT", Savepoint),
        ("RELEASE", ReleaseSavepoint),
        ("ANALYZE", Maintenance),
        ("OPTIMIZE", Maintenance),
        ("REPAIR", Maintenance),
        ("CHECK", Maintenance),
        ("BEGIN", Begin),
        ("START", Begin),
        ("ROLLBACK", Rollback),
        ("SET", Set),
        ("XA", XaStart),
        ("(", Select),
        ("DECLARE", Compound),
        ("END", Other),
        ("FLUSH", Other),
    ];
    let verb = VERBS
        .iter()
        .find(|(name, _)| word.is_word(name) || word.is_operator(name))
        .map_or(Other, |(_, verb)| *verb);
    match verb {
        Begin if word.is_word("START") && !cursor.at_word("TRANSACTION") => Other,
        Begin if word.is_word("BEGIN") && !(cursor.is_at_end() || cursor.at_word("WORK")) => {
            Compound
        }
        Rollback => {
            let mut rest = *cursor;
            rest.eat_word("WORK");
            if rest.at_word("TO") { RollbackToSavepoint } else { Rollback }
        }
        Set if cursor.at_word("PASSWORD") => SetPassword,
        XaStart if cursor.at_word("END") => XaEnd,
        XaStart if cursor.at_word("PREPARE") => XaPrepare,
        XaStart if cursor.at_word("COMMIT") => XaCommit,
        XaStart if cursor.at_word("ROLLBACK") => XaRollback,
        XaStart if !cursor.at_any_word(&["START", "BEGIN"]) => Other,
        other => other,
    }
}

/// Takes what may stand between CREATE, ALTER or DROP and the kind of object.
fn skip_object_modifiers(cursor: &mut Cursor<'_, '_>, head: &mut StatementHead) {
    while let Some(token) = cursor.peek() {
        if cursor.eat_words(&["OR", "REPLACE"]) {
            head.or_replace = true;
        } else if token.is_word("TEMPORARY") {
            head.temporary = true;
            cursor.bump();
        } else if token.is_any_word(&["DEFINER", "ALGORITHM"]) {
            cursor.bump();
            cursor.eat_operator("=");
            cursor.bump();
            if cursor.eat_operator("(") {
                cursor.eat_operator(")");
            }
            if cursor.peek().is_some_and(|t| t.kind == TokenKind::UserVariable) {
                cursor.bump();
            }
        } else if cursor.eat_words(&["SQL", "SECURITY"]) || token.is_any_word(&MODIFIERS) {
            cursor.bump();
        } else {
            return;
        }
    }
}

const MODIFIERS: [&str; 11] = [
    "AGGREGATE",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "VECTOR",
    "ONLINE",
    "OFFLINE",
    "IGNORE",
    "UNDO",
    "EXTERNAL",
    "MATERIALIZED",
];

fn object_of(word: &Token<'_>) -> Object {
    const OBJECTS: [(&str, Object); 14] = [
        ("TABLE", Object::Table),
        ("TABLES", Object::Table),
        ("VIEW", Object::View),
        ("INDEX", Object::Index),
        ("DATABASE", Object::Database),
        ("SCHEMA", Object::Database),
        ("PROCEDURE", Object::StoredProgram),
        ("FUNCTION", Object::StoredProgram),
        ("TRIGGER", Object::StoredProgram),
        ("EVENT", Object::StoredProgram),
        ("PACKAGE", Object::StoredProgram),
        ("USER", Object::User),
        ("ROLE", Object::Role),
        ("SEQUENCE", Object::Sequence),
    ];
    OBJECTS.iter().find(|(name, _)| word.is_word(name)).map_or(Object::Other, |(_, object)| *object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Family;
    use StatementVerb::*;

    fn dialect() -> Dialect {
        Dialect::new(Family::Mariadb, 101106)
    }

    #[test]
    fn traffic_is_what_its_first_token_says() {
        for text in ["INSERT INTO t SELECT 1", "update\nt set a=1", "Delete\tFROM t", "REPLACE t"] {
            let verb = traffic(text.as_bytes()).unwrap();
            let tokens: Vec<_> =
                Lexer::new(text.as_bytes(), &dialect()).code().map_while(Result::ok).collect();
            let read = read_head(&mut Cursor::new(&tokens, dialect().charset));
            assert_eq!(head(text.as_bytes(), &dialect()), read, "{text}");
            assert_eq!(verb, read.verb);
        }
        for text in ["INSERTS t", "INSERT", "UPDATE(t)", " DELETE FROM t", "REPLACE/**/t"] {
            assert_eq!(traffic(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn verbs_are_known_by_their_first_words() {
        let cases = [
            ("BEGIN", Begin),
            ("begin work", Begin),
            ("/* x */ START TRANSACTION", Begin),
            ("START SLAVE", Other),
            ("BEGIN NOT ATOMIC DELETE FROM t; END", Compound),
            ("COMMIT", Commit),
            ("ROLLBACK", Rollback),
            ("ROLLBACK TO `a`", RollbackToSavepoint),
            ("SAVEPOINT `a`", Savepoint),
            ("XA START X'61',X'',1", XaStart),
            ("XA END X'61',X'',1", XaEnd),
            ("XA COMMIT X'61',X'',1", XaCommit),
            ("SET PASSWORD FOR a='x'", SetPassword),
            ("SET STATEMENT max_statement_time=1 FOR DELETE FROM t", Delete),
            ("WITH a AS (SELECT 1) UPDATE t SET x=1", Update),
            ("ANALYZE FORMAT=JSON DELETE FROM t", Delete),
            ("ANALYZE TABLE t", Maintenance),
            ("EXPLAIN DELETE FROM t", Other),
            ("# Dum", Empty),
            ("", Empty),
            ("(SELECT 1)", Select),
        ];
        for (text, verb) in cases {
            assert_eq!(head(text.as_bytes(), &dialect()).verb, verb, "{text}");
        }
    }

    #[test]
    fn objects_are_found_behind_their_modifiers() {
        let cases = [
            ("CREATE TABLE t (a INT)", Object::Table),
            ("CREATE OR REPLACE TEMPORARY TABLE t (a INT)", Object::Table),
            ("CREATE DEFINER=`a`@`b` TRIGGER x", Object::StoredProgram),
            ("CREATE ALGORITHM=MERGE DEFINER=a@b SQL SECURITY INVOKER VIEW v", Object::View),
            ("CREATE DEFINER=CURRENT_USER() EVENT e", Object::StoredProgram),
            ("ALTER ONLINE IGNORE TABLE t ADD b INT", Object::Table),
            ("DROP UNDO TABLESPACE t", Object::Other),
            ("DROP ROLE r", Object::Role),
        ];
        for (text, object) in cases {
            assert_eq!(head(text.as_bytes(), &dialect()).object, object, "{text}");
        }
        let replaced = head(cases[1].0.as_bytes(), &dialect());
        assert!(replaced.or_replace && replaced.temporary);
    }
}
