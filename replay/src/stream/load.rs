//! LOAD DATA: the file that a log holds in blocks, and the statement that loads it again.
//!
//! A client can only send a file of its own, so every statement becomes `LOAD DATA LOCAL`, and that
//! takes a missing IGNORE or REPLACE for IGNORE: a row whose key is there already would be passed
//! over, where the original failed. Under a strict sql_mode a statement behind it fails if the
//! server warned of anything, for then the original cannot have had a warning either; otherwise the
//! manifest says so.

use binlog_parser::Fault;
use binlog_parser::event::execute_load_query::{DuplicateHandling, ExecuteLoadQueryEvent};
use binlog_parser::event::file_block::FileBlockEvent;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::header::EventType;
use binlog_parser::scan::RawEvent;

use super::load_folder::is_inert;
use crate::sql::{Dialect, lex_code, mentions};

/// Fails where the statement before gave a warning.
pub(super) const NO_WARNING_CHECK: &[u8] =
    b"SET @binlog_loaded=IF(@@warning_count=0,1,(SELECT 1 UNION SELECT 2))";

/// Bits of sql_mode (`MODE_STRICT_TRANS_TABLES`, `MODE_STRICT_ALL_TABLES`,
/// `MODE_NO_BACKSLASH_ESCAPES`); the same in both families.
const STRICT: u64 = 1 << 21 | 1 << 22;
const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;

/// A LOAD DATA statement with its file.
pub(super) struct LoadStatement<'a> {
    event: ExecuteLoadQueryEvent<'a>,
    blocks: Vec<&'a [u8]>,
    /// Whether the statement has to run without NO_BACKSLASH_ESCAPES.
    escapes: bool,
}

impl<'a> LoadStatement<'a> {
    /// Puts a statement together from its events, the last of which is EXECUTE_LOAD_QUERY.
    ///
    /// # Errors
    /// Why it cannot be loaded again.
    pub fn new(events: &[RawEvent<'a>]) -> Result<Self, LoadFault> {
        let Some((last, before)) = events.split_last() else { return Err(LoadFault::NoFile) };
        let event = ExecuteLoadQueryEvent::parse(last.body())?;
        let mut load = LoadStatement { event, blocks: vec![], escapes: false };
        let mut begun = false;
        for block in before {
            let first = block.event_type() == EventType::BEGIN_LOAD_QUERY;
            if !first && block.event_type() != EventType::APPEND_BLOCK {
                continue;
            }
            let block = FileBlockEvent::parse(block.body())?;
            if block.file_id != event.file_id {
                continue;
            }
            if first {
                load.blocks.clear();
                begun = true;
            }
            load.blocks.push(block.block);
        }
        if !begun {
            return Err(LoadFault::NoFile);
        }
        let vars = event.query.status_vars()?;
        let unescaping = vars.sql_mode.is_some_and(|mode| mode & NO_BACKSLASH_ESCAPES != 0);
        load.escapes = unescaping && event.query.text.contains(&b'\\');
        Ok(load)
    }

    /// The bytes of its file, a run after the other.
    pub fn blocks(&self) -> &[&'a [u8]] {
        &self.blocks
    }

    /// The statement as the log has it, with its session.
    pub fn query(&self) -> &QueryEvent<'a> {
        &self.event.query
    }

    /// The session to run it in. A server writes the clauses of the statement anew, and escapes
    /// them even where its sql_mode has no escapes.
    ///
    /// # Errors
    /// Variables that cannot be read.
    pub fn status_vars(&self) -> Result<StatusVars<'a>, Fault> {
        let mut vars = self.event.query.status_vars()?;
        if self.escapes {
            vars.sql_mode = vars.sql_mode.map(|mode| mode & !NO_BACKSLASH_ESCAPES);
        }
        Ok(vars)
    }

    /// The statement that loads `path` of the client's machine.
    pub fn text(&self, path: &str) -> Vec<u8> {
        let text = self.event.query.text;
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        let mut out = part(0..self.event.file_name_start as usize).to_vec();
        out.extend(b" LOCAL INFILE '");
        out.extend(path.as_bytes());
        out.extend(match self.event.duplicates {
            DuplicateHandling::Error => &b"' INTO"[..],
            DuplicateHandling::Ignore => b"' IGNORE INTO",
            DuplicateHandling::Replace => b"' REPLACE INTO",
        });
        out.extend(part(self.event.file_name_end as usize..text.len()));
        out
    }

    /// Whether LOCAL makes the statement pass over what the original would have failed of.
    pub fn strictness(&self) -> Strictness {
        let mode = self.event.query.status_vars().ok().and_then(|vars| vars.sql_mode);
        match self.event.duplicates {
            DuplicateHandling::Error if mode.is_some_and(|mode| mode & STRICT != 0) => {
                Strictness::Checked
            }
            DuplicateHandling::Error => Strictness::Lost,
            _ => Strictness::Same,
        }
    }

    /// Why the statement cannot be loaded again, if it cannot.
    pub fn refusal(&self, server_version: &str) -> Option<String> {
        let query = &self.event.query;
        let dialect = Dialect::from_server_version(server_version.as_bytes());
        const PATH: &str = "/f";
        let text = self.text(PATH);
        if !loads(&text, PATH, &dialect) {
            return Some("its file name does not stand where the event says".into());
        }
        if self.escapes && sets_escapes(query.text, &dialect) {
            return Some("its clauses have escapes, and its sql_mode has none".into());
        }
        None
    }
}

/// Whether the client's own words, which SET begins, hold a backslash.
fn sets_escapes(text: &[u8], dialect: &Dialect) -> bool {
    let Ok(tokens) = lex_code(text, dialect) else { return true };
    let set = tokens
        .windows(2)
        .position(|pair| pair[1].is_word("SET") && !pair[0].is_any_word(&["CHARACTER", "CHAR"]));
    let own = set.and_then(|before| tokens.get(before + 1..)).unwrap_or_default();
    own.iter().any(|token| token.bytes.contains(&b'\\'))
}

/// What becomes of rows that the original would have failed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// The statement says itself what to do with them.
    Same,
    /// A check behind the statement fails.
    Checked,
    /// They are passed over: without a strict sql_mode, warnings may be the original's.
    Lost,
}

/// Why a LOAD DATA cannot be put together.
#[derive(Debug)]
pub(super) enum LoadFault {
    /// The blocks of its file are not with it.
    NoFile,
    /// An event cannot be read.
    Fault(Fault),
}

impl From<Fault> for LoadFault {
    fn from(fault: Fault) -> Self {
        LoadFault::Fault(fault)
    }
}

/// Whether a text is a LOAD DATA that loads this file and no other. A log that was made to harm
/// could else have the client send any file of its machine.
fn loads(text: &[u8], path: &str, dialect: &Dialect) -> bool {
    let Ok(tokens) = lex_code(text, dialect) else { return false };
    let mut rest = tokens.as_slice();
    let mut take = |words: &[&str]| match rest.split_first() {
        Some((first, others)) if first.is_any_word(words) => {
            rest = others;
            true
        }
        _ => false,
    };
    if !take(&["LOAD"]) || !take(&["DATA", "XML"]) {
        return false;
    }
    take(&["LOW_PRIORITY", "CONCURRENT"]);
    if !take(&["LOCAL"]) || !take(&["INFILE"]) {
        return false;
    }
    let named = rest.first().and_then(|token| token.string_value(dialect));
    is_inert(path) && named.is_some_and(|named| *named == *path.as_bytes())
}

/// Whether a statement of text would have the client send a file: no server logs one so.
pub(super) fn sends_a_file(text: &[u8], dialect: &Dialect) -> bool {
    mentions(text, "INFILE")
        && lex_code(text, dialect).map_or(true, |tokens| {
            tokens.windows(2).any(|pair| pair[0].is_word("LOCAL") && pair[1].is_word("INFILE"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Family;

    fn mysql() -> Dialect {
        Dialect::new(Family::Mysql, 90700)
    }

    #[test]
    fn only_our_own_file_is_loaded() {
        let loads = |text: &str| loads(text.as_bytes(), "/tmp/l/1-4", &mysql());
        assert!(loads("LOAD DATA LOCAL INFILE '/tmp/l/1-4' INTO TABLE `t` (`a`)"));
        assert!(loads("load xml concurrent local infile '/tmp/l/1-4' REPLACE INTO TABLE t"));
        for text in [
            "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t /* '/tmp/l/1-4' */",
            "LOAD DATA LOCAL INFILE /* LOCAL INFILE '/tmp/l/1-4' */ '/etc/passwd' INTO TABLE t",
            "DELETE FROM t",
            "LOAD DATA LOCAL INFILE",
        ] {
            assert!(!loads(text), "{text}");
        }
    }

    #[test]
    fn text_that_would_send_a_file_is_known() {
        let sends = |text: &str| sends_a_file(text.as_bytes(), &mysql());
        assert!(sends("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t"));
        assert!(sends("/*!50000 LOAD DATA local*/ /* x */ inFile '/etc/passwd' INTO TABLE t"));
        assert!(!sends("INSERT INTO t VALUES ('LOAD DATA LOCAL INFILE')"));
        assert!(!sends("DELETE FROM t"));
    }
}
