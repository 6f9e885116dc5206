//! Is a statement's text destructive? Judged by the text alone, as the server that logged it read
//! it: comments, strings and the bodies of stored programs do not count.

use std::fmt;

use memchr::{memchr, memmem};

use super::classify_ddl::{self, Ddl};
use super::classify_dml;
use super::classify_kind::{FindingKind, Severity};
use crate::sql::statement::{self, Object, StatementHead, StatementVerb, read_head};
use crate::sql::{Cursor, Dialect, Lexer, TableName, Token, TokenKind};

/// How sure the text makes us that all the data it names was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Something in the statement limits it, or it is routine work.
    Possible,
    /// Only rows that the text cannot tell of may have escaped.
    Likely,
    /// The statement says so.
    Certain,
}

impl Confidence {
    /// The word for output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a statement is a finding, or why it may be less than it seems. [`fmt::Display`] gives the
/// sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is no WHERE clause.
    NoWhere,
    /// The condition holds for every row.
    AlwaysTrue,
    /// The condition compares a column with itself, or with everything: NULLs escape it.
    TrueUnlessNull,
    /// A LIMIT clause bounds the rows.
    LimitClause,
    /// An inner join's condition may hold rows back.
    JoinLimits,
    /// Only the partitions named are concerned.
    PartitionOnly,
    /// DELETE HISTORY: only old versions of rows.
    HistoryOnly,
    /// FOR PORTION OF: only a period of time.
    PortionOnly,
    /// What the statement drops, discards or replaces.
    Drops(&'static str),
    /// What it does to accounts.
    Changes(&'static str),
    /// The table got another name; its rows are still there.
    Renamed,
    /// The server wrote this text for a statement of the user.
    GeneratedByServer,
    /// The server emptied a MEMORY table after a restart; nobody ran a statement.
    EmptiedMemoryTable,
    /// The text ends in the middle: what would limit the statement may be missing.
    IncompleteText,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWhere => "no WHERE clause",
            Self::AlwaysTrue => "the WHERE condition is true for every row",
            Self::TrueUnlessNull => {
                "the WHERE condition is true for every row whose column is not NULL"
            }
            Self::LimitClause => "a LIMIT clause bounds the rows",
            Self::JoinLimits => "a join condition may hold rows back",
            Self::PartitionOnly => "only the partitions named are concerned",
            Self::HistoryOnly => "only old versions of rows are concerned",
            Self::PortionOnly => "only a portion of time is concerned",
            Self::Drops(what) | Self::Changes(what) => what,
            Self::Renamed => "the table goes by another name, with its rows",
            Self::GeneratedByServer => "the server wrote this text for a user's statement",
            Self::EmptiedMemoryTable => "the server emptied a MEMORY table after a restart",
            Self::IncompleteText => "the text ends in the middle of the statement",
        })
    }
}

/// A destructive statement, as its text shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What it is.
    pub kind: FindingKind,
    /// The tables concerned; a database alone has an empty table name. A rename names the old and
    /// the new one, in turn.
    pub tables: Vec<TableName>,
    /// Names of what was dropped inside or beside a table: columns, partitions, indexes, views.
    pub objects: Vec<Vec<u8>>,
    /// Why, most telling first.
    pub reasons: Vec<Reason>,
    /// How sure the text makes us.
    pub confidence: Confidence,
}

impl Verdict {
    pub(super) fn new(kind: FindingKind, tables: Vec<TableName>, reason: Reason) -> Self {
        Self {
            kind,
            tables,
            objects: Vec::new(),
            reasons: vec![reason],
            confidence: Confidence::Certain,
        }
    }

    /// Adds what makes it less sure.
    pub(super) fn soften(&mut self, reason: Reason, at_most: Confidence) {
        self.reasons.push(reason);
        self.confidence = self.confidence.min(at_most);
    }

    /// How bad it is: the kind's severity, lowered where the confidence is.
    pub fn severity(&self) -> Severity {
        match self.confidence {
            Confidence::Certain | Confidence::Likely => self.kind.severity(),
            Confidence::Possible => self.kind.severity().lowered(),
        }
    }
}

/// Judges a statement. An ALTER TABLE may give several verdicts; a harmless statement gives none.
///
/// Not found are: what a temporary table loses, for it belonged to one session; EXPLAIN, which
/// runs nothing; the bodies of CREATE PROCEDURE, TRIGGER, EVENT, which ran later if at all. A
/// DROP TABLE `/* generated by server */` is found: the server rewrites every DROP TABLE of a user
/// in that way.
pub fn classify(text: &[u8], dialect: &Dialect, default_db: &[u8]) -> Vec<Verdict> {
    // A day's traffic is INSERTs: their values need no reading where no statement can follow.
    if !may_be_destructive(statement::head(text, dialect)) && memchr(b';', text).is_none() {
        return Vec::new();
    }
    let mut tokens = Vec::new();
    let mut generated = None;
    let mut incomplete = false;
    for token in Lexer::new(text, dialect) {
        match token {
            Ok(token) if token.kind == TokenKind::Comment => {
                generated = generated.or(generated_reason(&token));
            }
            Ok(token) if token.is_trivia() => {}
            Ok(token) => tokens.push(token),
            Err(_) => incomplete = true,
        }
    }
    let mut verdicts = Vec::new();
    for statement in statements(&tokens, dialect) {
        verdicts.append(&mut classify_one(statement, dialect));
    }
    for verdict in &mut verdicts {
        for table in &mut verdict.tables {
            if table.database.is_none() && !default_db.is_empty() {
                table.database = Some(default_db.to_vec());
            }
        }
        match generated {
            Some(Reason::EmptiedMemoryTable) => {
                verdict.soften(Reason::EmptiedMemoryTable, Confidence::Possible);
            }
            Some(reason) => verdict.reasons.push(reason),
            None => {}
        }
        if incomplete {
            verdict.soften(Reason::IncompleteText, Confidence::Possible);
        }
    }
    verdicts
}

/// Whether the verb is one that this file judges.
fn may_be_destructive(head: StatementHead) -> bool {
    use StatementVerb::*;
    matches!(
        head.verb,
        Delete
            | Update
            | Truncate
            | Create
            | Alter
            | Drop
            | Rename
            | Grant
            | Revoke
            | SetPassword
            | Set
    )
}

/// What the server's own comment says about the origin of a text.
fn generated_reason(comment: &Token<'_>) -> Option<Reason> {
    memmem::find(comment.bytes, b"generated by server")?;
    let emptied = memmem::find(comment.bytes, b"implicitly emptying").is_some();
    Some(if emptied { Reason::EmptiedMemoryTable } else { Reason::GeneratedByServer })
}

/// A text is one statement; where it is several after all, each is judged. The body of a stored
/// program is not taken apart.
fn statements<'t, 'a>(tokens: &'t [Token<'a>], dialect: &Dialect) -> Vec<&'t [Token<'a>]> {
    let head = read_head(&mut Cursor::new(tokens, dialect.charset));
    if head.verb == StatementVerb::Compound || head.object == Object::StoredProgram {
        return vec![tokens];
    }
    tokens.split(|token| token.is_operator(";")).collect()
}

fn classify_one(tokens: &[Token<'_>], dialect: &Dialect) -> Vec<Verdict> {
    let mut cursor = Cursor::new(tokens, dialect.charset);
    let head = read_head(&mut cursor);
    match head.verb {
        StatementVerb::Delete | StatementVerb::Update => {
            Vec::from_iter(classify_dml::classify(head.verb, &mut cursor, dialect))
        }
        StatementVerb::Alter if head.object == Object::Table => {
            classify_ddl::alter_table(&mut cursor)
        }
        _ => Vec::from_iter(other(head, &mut cursor)),
    }
}

/// Everything that gives one verdict at most.
fn other(head: StatementHead, cursor: &mut Cursor<'_, '_>) -> Option<Verdict> {
    if let Some(change) = privilege_change(head, cursor) {
        let reason = Reason::Changes(change);
        return Some(Verdict::new(FindingKind::PrivilegeChange, Vec::new(), reason));
    }
    let ddl = Ddl { head };
    match head.verb {
        StatementVerb::Truncate => Some(ddl.truncate(cursor)),
        StatementVerb::Drop => ddl.drop(cursor),
        StatementVerb::Create if head.or_replace => ddl.replace(cursor),
        StatementVerb::Rename if head.object == Object::Table => ddl.rename(cursor),
        _ => None,
    }
}

fn privilege_change(head: StatementHead, cursor: &Cursor<'_, '_>) -> Option<&'static str> {
    use StatementVerb::{Alter, Create, Drop, Grant, Rename, Revoke, Set, SetPassword};
    match (head.verb, head.object) {
        (Grant, _) => Some("grants privileges or roles"),
        (Revoke, _) => Some("revokes privileges or roles"),
        (SetPassword, _) => Some("sets a password"),
        (Set, _) if cursor.at_word("DEFAULT") => Some("sets a default role"),
        (Create, Object::User | Object::Role) => Some("creates an account or a role"),
        (Alter, Object::User | Object::Role) => Some("alters an account"),
        (Drop, Object::User | Object::Role) => Some("drops an account or a role"),
        (Rename, Object::User) => Some("renames an account"),
        _ => None,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
