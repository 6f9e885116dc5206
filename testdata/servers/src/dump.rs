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

mod request;

use std::fmt::Write as _;

use anyhow::{Result, bail};

use self::request::{Request, listing, requests};
use crate::client::unescape;
use crate::instance::Server;

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
        let requests = requests(self.product(), &self.sql(listing())?)?;
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
