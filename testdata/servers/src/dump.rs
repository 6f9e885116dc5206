//! Everything that users stored on a server, in a form that compares byte by byte.
//!
//! The products' own dump programs round floats and leave the rows of a table
//! without a key in whatever order they come. Here text and binary values are
//! the hex of their stored bytes, floats are printed as doubles with all their
//! digits, enumerations and sets are numbers, and rows are sorted.
//!
//! In a dump: databases, tables, sequences, views, routines, events, triggers,
//! prepared XA transactions. Not in it: the `mysql` database (accounts and
//! grants), and times of creation.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use crate::client::unescape;
use crate::instance::Server;
use crate::product::Product;

/// Databases that belong to the server.
const SYSTEM: &str = "('mysql','sys','information_schema','performance_schema')";

/// What a dump leaves out.
#[derive(Clone, Debug, Default)]
pub struct DumpOptions {
    /// Leave the AUTO_INCREMENT counters out of the table definitions.
    pub without_auto_increment: bool,
    /// Leave out the rows, and the AUTO_INCREMENT counters, of these tables,
    /// each named `database.table`; their definitions stay.
    pub without_rows_of: Vec<String>,
}

/// One object: its title, such as "rows of `shop`.`users`", and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it is.
    pub title: String,
    /// Its lines in an order that depends on their content only.
    pub lines: Vec<Vec<u8>>,
}

/// All that users stored, as comparable sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// The sections; their order depends on the objects' names only.
    pub sections: Vec<Section>,
}

impl Dump {
    /// The whole dump as one text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for section in &self.sections {
            bytes.extend_from_slice(format!("== {}\n", section.title).as_bytes());
            for line in &section.lines {
                bytes.extend_from_slice(line);
                bytes.push(b'\n');
            }
        }
        bytes
    }

    /// The lines of the section with this title, or none.
    pub fn lines(&self, title: &str) -> &[Vec<u8>] {
        self.sections
            .iter()
            .find(|section| section.title == title)
            .map_or(&[], |section| &section.lines)
    }

    /// How `other` differs: the first few lines that only one side has, by
    /// section; `None` where both are the same.
    pub fn difference(&self, other: &Dump) -> Option<String> {
        if self == other {
            return None;
        }
        let mut report = String::new();
        for section in &self.sections {
            compare(&mut report, section, other.lines(&section.title));
        }
        for section in &other.sections {
            if !self.sections.iter().any(|s| s.title == section.title) {
                let _ = writeln!(report, "== only on the right: {}", section.title);
            }
        }
        if report.is_empty() {
            report.push_str("the sections are in another order\n");
        }
        Some(report)
    }
}

/// Reports what is on one side only; both sides are sorted or short.
fn compare(report: &mut String, left: &Section, right: &[Vec<u8>]) {
    const SHOWN: usize = 5;
    if left.lines == right {
        return;
    }
    let counts = (left.lines.len(), right.len());
    let _ = writeln!(report, "== {}: {} lines, {} lines", left.title, counts.0, counts.1);
    for (sign, from, to) in [('<', left.lines.as_slice(), right), ('>', right, &left.lines)] {
        for line in only_in(from, to).into_iter().take(SHOWN) {
            let _ = writeln!(report, "{sign} {}", String::from_utf8_lossy(line));
        }
    }
}

/// The lines of `from` that `to` has not, or has fewer of.
fn only_in<'a>(from: &'a [Vec<u8>], to: &[Vec<u8>]) -> Vec<&'a [u8]> {
    let mut left: std::collections::HashMap<&[u8], usize> = std::collections::HashMap::new();
    for line in to {
        *left.entry(line).or_default() += 1;
    }
    from.iter()
        .map(Vec::as_slice)
        .filter(|line| match left.get_mut(line) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .collect()
}

impl Server {
    /// Everything that users stored.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub fn dump(&self) -> Result<Dump> {
        self.dump_with(&DumpOptions::default())
    }

    /// Everything that users stored, less what `options` leave out.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub fn dump_with(&self, options: &DumpOptions) -> Result<Dump> {
        let requests = requests(self.product(), &self.sql(LISTING.replace("SYSTEM", SYSTEM))?)?;
        let mut script =
            String::from("SET time_zone = '+00:00', sql_mode = '', sql_quote_show_create = 1;\n");
        for (number, request) in requests.iter().enumerate() {
            let _ = writeln!(script, "SELECT '{}';", mark(number));
            script.push_str(&request.statement);
        }
        let answer = self.sql(script)?;
        let mut sections = split(&answer, requests)?;
        for (request, section) in &mut sections {
            finish(request, section, options);
        }
        Ok(Dump { sections: sections.into_iter().map(|(_, section)| section).collect() })
    }
}

/// Lists the objects; names as hex, for they may hold anything.
const LISTING: &str = "SET NAMES utf8mb4;
SELECT 'table', HEX(CONVERT(table_schema USING utf8mb4)), HEX(CONVERT(table_name USING utf8mb4)),
  table_type FROM information_schema.tables WHERE table_schema NOT IN SYSTEM
  ORDER BY 2, 3;
SELECT 'column', HEX(CONVERT(table_schema USING utf8mb4)), HEX(CONVERT(table_name USING utf8mb4)),
  HEX(CONVERT(column_name USING utf8mb4)), data_type
  FROM information_schema.columns WHERE table_schema NOT IN SYSTEM
  ORDER BY 2, 3, ordinal_position;
SELECT 'routine', HEX(CONVERT(routine_schema USING utf8mb4)),
  HEX(CONVERT(routine_name USING utf8mb4)), routine_type
  FROM information_schema.routines WHERE routine_schema NOT IN SYSTEM
  ORDER BY 2, 4, 3;
SELECT 'routine', HEX(CONVERT(event_schema USING utf8mb4)),
  HEX(CONVERT(event_name USING utf8mb4)), 'EVENT'
  FROM information_schema.events WHERE event_schema NOT IN SYSTEM
  ORDER BY 2, 3;
";

/// A statement whose answer makes one section.
struct Request {
    title: String,
    /// `database.table`, where it is about a table.
    table: String,
    /// Whether its answer is rows, to be sorted and perhaps left out.
    rows: bool,
    statement: String,
}

impl Request {
    /// A request whose statement holds names; it goes as hex, because the
    /// client would act on some names.
    fn named(title: String, table: &str, rows: bool, statement: &str) -> Request {
        let hex: String = statement.bytes().map(|b| format!("{b:02X}")).collect();
        Request {
            title,
            table: table.to_owned(),
            rows,
            statement: format!(
                "SET @statement = _utf8mb4 X'{hex}';\n\
                 PREPARE statement FROM @statement;\nEXECUTE statement;\n"
            ),
        }
    }

    fn plain(title: &str, statement: &str) -> Request {
        Request {
            title: title.to_owned(),
            table: String::new(),
            rows: true,
            statement: statement.replace("SYSTEM", SYSTEM),
        }
    }
}

fn requests(product: Product, listing: &[u8]) -> Result<Vec<Request>> {
    let lines: Vec<Vec<&str>> =
        std::str::from_utf8(listing)?.lines().map(|line| line.split('\t').collect()).collect();
    let mut requests = vec![Request::plain(
        "databases",
        "SELECT schema_name, default_character_set_name, default_collation_name
         FROM information_schema.schemata WHERE schema_name NOT IN SYSTEM;\n",
    )];
    for line in &lines {
        match line.as_slice() {
            ["table", database, table, kind] => {
                let columns = columns_of(&lines, database, table)?;
                requests.extend(table_requests(&unhex(database)?, &unhex(table)?, kind, &columns));
            }
            ["routine", database, name, kind] => {
                let name = format!("{}.{}", quoted(&unhex(database)?), quoted(&unhex(name)?));
                let statement = format!("SHOW CREATE {kind} {name}");
                requests.push(Request::named(format!("{kind} {name}"), "", false, &statement));
            }
            ["column", ..] => {}
            other => bail!("not an object: {other:?}"),
        }
    }
    requests.push(Request::plain(
        "triggers",
        "SELECT trigger_schema, trigger_name, action_timing, event_manipulation,
         event_object_table, action_order, action_statement, sql_mode, definer,
         character_set_client, collation_connection, database_collation
         FROM information_schema.triggers WHERE trigger_schema NOT IN SYSTEM;\n",
    ));
    let recover = if product.is_mariadb() {
        "XA RECOVER FORMAT='SQL';\n"
    } else {
        "XA RECOVER CONVERT XID;\n"
    };
    requests.push(Request::plain("prepared XA transactions", recover));
    Ok(requests)
}

/// The names and types of a table's columns in their order.
fn columns_of<'a>(
    lines: &[Vec<&'a str>],
    database: &str,
    table: &str,
) -> Result<Vec<(String, &'a str)>> {
    lines
        .iter()
        .filter_map(|line| match line.as_slice() {
            ["column", d, t, name, kind] if *d == database && *t == table => {
                Some(unhex(name).map(|name| (name, *kind)))
            }
            _ => None,
        })
        .collect()
}

fn table_requests(
    database: &str,
    table: &str,
    kind: &str,
    columns: &[(String, &str)],
) -> Vec<Request> {
    let name = format!("{}.{}", quoted(database), quoted(table));
    let key = format!("{database}.{table}");
    let show = match kind {
        "VIEW" => "VIEW",
        "SEQUENCE" => "SEQUENCE",
        _ => "TABLE",
    };
    let mut requests = vec![Request::named(
        format!("definition of {name}"),
        &key,
        false,
        &format!("SHOW CREATE {show} {name}"),
    )];
    if show != "VIEW" {
        let values: Vec<String> = columns.iter().map(|(c, t)| exact(&quoted(c), t)).collect();
        requests.push(Request::named(
            format!("rows of {name}"),
            &key,
            true,
            &format!("SELECT {} FROM {name}", values.join(", ")),
        ));
    }
    requests
}

/// An expression that shows every difference between two values of a type.
fn exact(column: &str, data_type: &str) -> String {
    match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "date" | "time"
        | "datetime" | "timestamp" | "year" | "inet4" | "inet6" | "uuid" => column.to_owned(),
        // As a double with all its digits; multiplied, a negative zero stays one.
        "float" | "double" => format!("{column} * 1e0"),
        // By number: an invalid enumeration reads like an empty label.
        "bit" | "enum" | "set" => format!("CAST({column} AS UNSIGNED)"),
        "json" => format!("HEX(CAST({column} AS CHAR CHARACTER SET utf8mb4))"),
        _ => format!("HEX({column})"),
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn unhex(hex: &str) -> Result<String> {
    let bytes = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect::<Result<Vec<u8>>>()?;
    Ok(String::from_utf8(bytes)?)
}

/// The line that comes before a section's answer.
fn mark(number: usize) -> String {
    format!("#{number}#")
}

fn split(answer: &[u8], requests: Vec<Request>) -> Result<Vec<(Request, Section)>> {
    let mut lines = answer.split(|b| *b == b'\n').peekable();
    if lines.next() != Some(mark(0).as_bytes()) {
        bail!("the dump does not begin with its first mark");
    }
    let mut sections = Vec::with_capacity(requests.len());
    for (number, request) in requests.into_iter().enumerate() {
        let next = mark(number + 1);
        let own: Vec<Vec<u8>> = lines
            .by_ref()
            .take_while(|line| *line != next.as_bytes())
            .filter(|line| !line.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        let title = request.title.clone();
        sections.push((request, Section { title, lines: own }));
    }
    if lines.peek().is_some() {
        bail!("the dump goes on after its last section");
    }
    Ok(sections)
}

/// Sorts rows, makes definitions readable, and leaves out what shall be.
fn finish(request: &Request, section: &mut Section, options: &DumpOptions) {
    let rowless = options.without_rows_of.contains(&request.table);
    if request.rows {
        if rowless {
            section.lines.clear();
        }
        section.lines.sort_unstable();
        return;
    }
    for line in &mut section.lines {
        if rowless || options.without_auto_increment {
            strip_auto_increment(line);
        }
    }
    let text = section.lines.join(&b'\n');
    section.lines = unescape(&text).split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
}

/// Removes ` AUTO_INCREMENT=N` from the options of a (still escaped) definition.
fn strip_auto_increment(line: &mut Vec<u8>) {
    const ENGINE: &[u8] = b"\\n) ENGINE=";
    const COUNTER: &[u8] = b" AUTO_INCREMENT=";
    let Some(options) = line.windows(ENGINE.len()).rposition(|w| w == ENGINE) else {
        return;
    };
    let start = options + ENGINE.len();
    let Some(at) = line[start..].iter().position(|b| *b == b' ').map(|p| p + start) else {
        return;
    };
    if line[at..].starts_with(COUNTER) {
        let digits = line[at + COUNTER.len()..].iter().take_while(|b| b.is_ascii_digit()).count();
        line.drain(at..at + COUNTER.len() + digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(title: &str, lines: &[&str]) -> Dump {
        Dump {
            sections: vec![Section {
                title: title.to_owned(),
                lines: lines.iter().map(|l| l.as_bytes().to_vec()).collect(),
            }],
        }
    }

    #[test]
    fn a_difference_names_the_section_and_the_lines_of_each_side() {
        let (left, right) = (dump("rows", &["1", "2", "2"]), dump("rows", &["2", "3"]));
        assert_eq!(left.difference(&left.clone()), None);
        assert_eq!(
            left.difference(&right).as_deref(),
            Some("== rows: 3 lines, 2 lines\n< 1\n< 2\n> 3\n")
        );
        assert!(left.difference(&dump("other", &[])).unwrap().contains("only on the right"));
    }

    #[test]
    fn counters_go_and_look_alikes_in_comments_stay() {
        let mut line = br"t	CREATE TABLE `t` (\n  `a` int COMMENT 'x AUTO_INCREMENT=9'\n) ENGINE=InnoDB AUTO_INCREMENT=12 COMMENT='AUTO_INCREMENT=7'".to_vec();
        strip_auto_increment(&mut line);
        assert!(line.ends_with(br"ENGINE=InnoDB COMMENT='AUTO_INCREMENT=7'"));
        assert!(line.windows(18).any(|w| w == b"x AUTO_INCREMENT=9"));
    }

    #[test]
    fn sections_end_at_their_marks() {
        let requests = || vec![Request::plain("a", ""), Request::plain("b", "")];
        let sections = split(b"#0#\nx\n#1#\n", requests()).unwrap();
        assert_eq!(sections[0].1.lines, [b"x".to_vec()]);
        assert!(sections[1].1.lines.is_empty());
        assert!(split(b"x\n", requests()).is_err());
    }
}
