//! The schema of every type, key shape and awkward name, and traffic on it: the
//! SQL files of `testdata/schema`.
//!
//! A part is the file for all products (`before.sql`), then the family's
//! (`before.mysql.sql`, `before.mariadb.sql`), then the version's
//! (`before.mariadb-11.8.sql`), where there are such. The files are SQL for the
//! client, with three additions:
//! - `-- session NAME` runs what follows in the session of that name, which is
//!   opened when first named and stays open (`main` to begin with);
//! - `-- close NAME` closes a session;
//! - `{{835C}}` stands for those bytes, for text in charsets that are not UTF-8.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::client::Session;
use crate::instance::Server;
use crate::product::Product;

/// A part of the story that the fixtures tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Databases, tables, routines.
    Schema,
    /// The traffic before the disaster, several log rotations in it.
    Before,
    /// The traffic after it, which does the same on data that were not destroyed.
    After,
}

/// The disaster of the story: a table of every type, emptied.
pub const DISASTER: &str = "DELETE FROM every.types";

/// Tables that a `DELETE` without WHERE may empty between [`Part::Before`] and
/// [`Part::After`], each with another difficulty: types, charsets, key shapes,
/// generated and invisible columns, names, a trigger, many row events. The
/// first is [`DISASTER`]'s.
pub const DESTRUCTIBLE: [&str; 15] = [
    "every.types",
    "every.charsets",
    "every.composite",
    "every.no_key",
    "every.nullable_unique",
    "every.not_null_unique",
    "every.text_key",
    "every.computed",
    "every.touched",
    "every.hidden",
    "every.parted",
    "every.audited",
    "every.bulk",
    "every.zoned",
    "`odd ``db`.`select`",
];

/// The table that triggers write: [`DumpOptions::without_rows_of`] takes it
/// where an undo may fire them again.
///
/// [`DumpOptions::without_rows_of`]: crate::DumpOptions::without_rows_of
pub const TRIGGER_TABLE: &str = "every.audit";

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Schema => "schema",
            Part::Before => "before",
            Part::After => "after",
        }
    }

    /// Its files for a product, in the order in which they run.
    pub fn files(self, product: Product) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema");
        let family = if product.is_mariadb() { ".mariadb" } else { ".mysql" };
        ["", family, &format!(".{}", product.name())]
            .map(|suffix| folder.join(format!("{}{suffix}.sql", self.name())))
            .into_iter()
            .filter(|path| path.exists())
            .collect()
    }

    /// Runs the part on a server.
    ///
    /// # Errors
    /// Where a statement fails; the file and the session are named.
    pub fn run(self, server: &Server) -> Result<()> {
        for path in self.files(server.product()) {
            let text = fs::read(&path).with_context(|| path.display().to_string())?;
            run_script(server, &text).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

/// Runs a script with the additions that this module describes.
///
/// # Errors
/// Where a statement fails.
pub fn run_script(server: &Server, script: &[u8]) -> Result<()> {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    for step in steps(script) {
        match step {
            Step::Run { session, sql } => {
                if !sessions.contains_key(&session) {
                    sessions.insert(session.clone(), server.session()?);
                }
                if let Some(open) = sessions.get_mut(&session) {
                    open.run(sql).with_context(|| format!("session {session}"))?;
                }
            }
            Step::Close { session } => {
                if let Some(closed) = sessions.remove(&session) {
                    close(server, closed).with_context(|| format!("session {session}"))?;
                }
            }
        }
    }
    Ok(())
}

/// Closes a session, and waits until the server has let go of what it held: an XA transaction that
/// it prepared can be decided by others only then.
fn close(server: &Server, mut session: Session) -> Result<()> {
    let id = String::from_utf8(session.run("SELECT CONNECTION_ID();")?)?;
    drop(session);
    let query = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE id = {};",
        id.trim_end()
    );
    while server.value(&query)? != "0" {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Run { session: String, sql: Vec<u8> },
    Close { session: String },
}

fn steps(script: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut session = "main".to_owned();
    let mut sql = Vec::new();
    for line in script.split_inclusive(|b| *b == b'\n') {
        let text = String::from_utf8_lossy(line);
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["--", "session", name] => {
                flush(&mut steps, &session, &mut sql);
                session = (*name).to_owned();
            }
            ["--", "close", name] => {
                flush(&mut steps, &session, &mut sql);
                steps.push(Step::Close { session: (*name).to_owned() });
            }
            _ => sql.extend(with_bytes(line)),
        }
    }
    flush(&mut steps, &session, &mut sql);
    steps
}

fn flush(steps: &mut Vec<Step>, session: &str, sql: &mut Vec<u8>) {
    if !sql.is_empty() {
        let (session, sql) = (session.to_owned(), std::mem::take(sql));
        steps.push(Step::Run { session, sql });
    }
}

/// Puts bytes in the place of each `{{HEX}}`.
fn with_bytes(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.windows(2).position(|w| w == b"{{") {
        let inner = &rest[start + 2..];
        let Some(bytes) = inner
            .windows(2)
            .position(|w| w == b"}}")
            .and_then(|end| Some((from_hex(&inner[..end])?, end)))
        else {
            break;
        };
        out.extend_from_slice(&rest[..start]);
        out.extend_from_slice(&bytes.0);
        rest = &inner[bytes.1 + 2..];
    }
    out.extend_from_slice(rest);
    out
}

fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let pairs = digits.chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_at_its_sessions() {
        let script = b"A;\n-- session two\nB;\n-- close two\n-- session main\nC;\n";
        let run = |session: &str, sql: &str| Step::Run {
            session: session.to_owned(),
            sql: sql.as_bytes().to_vec(),
        };
        let close = Step::Close { session: "two".to_owned() };
        assert_eq!(
            steps(script),
            [run("main", "A;\n"), run("two", "B;\n"), close, run("main", "C;\n")]
        );
    }

    #[test]
    fn bytes_stand_where_their_hex_stood() {
        assert_eq!(with_bytes(b"x {{835C}}, {{E9}} {{no}}"), b"x \x83\x5c, \xe9 {{no}}");
    }

    #[test]
    fn each_product_has_its_own_files_after_the_common_one() {
        let names = |part: Part, product| -> Vec<String> {
            let files = part.files(product).into_iter();
            files.map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(Part::Schema, Product::Mysql97), ["schema.sql", "schema.mysql.sql"]);
        assert_eq!(
            names(Part::Before, Product::Mariadb118),
            ["before.sql", "before.mariadb.sql", "before.mariadb-11.8.sql"]
        );
        assert_eq!(names(Part::After, Product::Mariadb1011), ["after.sql"]);
    }
}
