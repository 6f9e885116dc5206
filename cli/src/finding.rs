//! A finding, for people and for programs.

use std::borrow::Cow;
use std::io::{self, Write};

use binlog_parser::source::log_set::LogSet;
use binlog_parser::source::relay::{SourcePosition, SourceTracker};
use replay::find::{Finding, Severity};
use serde::Serialize;

use crate::args::time::{Zone, rfc3339_micros};
use crate::event_line::source_address;
use crate::json::hex_unless_exact;
use crate::notes::count;
use crate::text::{Decoded, decode, safe, shorten, utf8};
use crate::ui::Paint;

/// A finding as JSON. Its keys are a contract.
#[derive(Debug, Serialize)]
pub struct FindingLine<'a> {
    id: String,
    kind: &'static str,
    severity: &'static str,
    confidence: &'static str,
    reasons: Vec<String>,
    time: Option<String>,
    gtid: Option<String>,
    log: &'a str,
    position: u64,
    end_position: u64,
    transaction: String,
    /// Name of the source's log that a relay log has the statement from; only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_log: Option<Cow<'a, str>>,
    /// Position of the statement's first event in that log.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_position: Option<u64>,
    database: Option<Cow<'a, str>>,
    table: Option<Cow<'a, str>>,
    rows: Option<u64>,
    statement: Option<Cow<'a, str>>,
    /// All the bytes of a statement that is no text in its character set.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement_hex: Option<String>,
    /// Bytes of the statement that were left out at its end.
    #[serde(skip_serializing_if = "is_zero")]
    statement_cut: usize,
    statement_source: &'static str,
    thread_id: Option<u32>,
    server_id: u32,
    user: Option<Cow<'a, str>>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the form that serde calls
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl<'a> FindingLine<'a> {
    /// The line of `finding`.
    #[must_use]
    pub fn new(set: &'a LogSet, finding: &'a Finding) -> Self {
        let source = source(set, finding);
        let statement = statement(finding);
        let bytes = finding.statement.as_deref().unwrap_or_default();
        let name = |name: &'a Option<Vec<u8>>| name.as_deref().map(|name| utf8(name).text);
        FindingLine {
            id: finding.id.to_string(),
            kind: finding.kind.as_str(),
            severity: finding.severity.as_str(),
            confidence: finding.confidence.as_str(),
            reasons: finding.reasons.iter().map(ToString::to_string).collect(),
            time: (finding.timestamp != 0)
                .then(|| rfc3339_micros(finding.timestamp, finding.microseconds)),
            gtid: finding.gtid.as_ref().map(ToString::to_string),
            log: set.logs().get(finding.log).map_or("", |log| log.name()),
            position: finding.position,
            end_position: finding.end_position,
            transaction: finding.transaction.to_string(),
            source_log: source.and_then(|at| at.log).map(|name| utf8(name).text),
            source_position: source.map(|at| at.start),
            database: name(&finding.database),
            table: name(&finding.table),
            rows: finding.rows,
            statement_hex: statement.as_ref().and_then(|text| hex_unless_exact(text, bytes)),
            statement: statement.map(|decoded| decoded.text),
            statement_cut: finding.statement_cut,
            statement_source: finding.statement_source.as_str(),
            thread_id: finding.thread_id,
            server_id: finding.server_id,
            user: name(&finding.user),
        }
    }
}

/// Where a finding of a relay log stands at the source.
fn source<'a>(set: &'a LogSet, finding: &Finding) -> Option<SourcePosition<'a>> {
    let log = set.logs().get(finding.log).filter(|log| log.is_relay_log())?;
    let event = log.scan_from(finding.position).trusting().events().next()?;
    SourceTracker::up_to(log, finding.position).follow(&event)
}

fn statement(finding: &Finding) -> Option<Decoded<'_>> {
    finding.statement.as_deref().map(|text| decode(text, finding.client_collation))
}

/// `database.table`, or as much of it as there is.
#[must_use]
pub fn subject(finding: &Finding) -> String {
    let names = [&finding.database, &finding.table].into_iter().flatten();
    let names: Vec<_> = names.map(|name| utf8(name).text).collect();
    safe(&names.join(".")).into_owned()
}

/// Lines of a statement that are printed; the rest is for `show`.
const STATEMENT_LINES: usize = 12;

/// Prints a finding: what, where, the statement, why.
///
/// # Errors
/// What `out` fails with.
pub fn print(
    set: &LogSet,
    finding: &Finding,
    zone: Zone,
    width: Option<usize>,
    out: &mut impl Write,
    paint: Paint,
) -> io::Result<()> {
    let severity = finding.severity.as_str().to_uppercase();
    let severity = match finding.severity {
        Severity::Critical => paint.red(severity).to_string(),
        Severity::High => paint.yellow(severity).to_string(),
        Severity::Medium | Severity::Low => severity,
    };
    let mut what = vec![finding.kind.to_string(), subject(finding)];
    what.extend(finding.rows.map(|rows| count(rows, "row")));
    what.push(format!("({})", finding.confidence));
    what.retain(|word| !word.is_empty());
    let what = what.join("  ");
    writeln!(out, "{severity}  {}", paint.bold(what))?;
    writeln!(out, "  {}", facts(finding, zone))?;
    if let Some(source) = source(set, finding) {
        writeln!(out, "  at the source: {}", safe(&source_address(&source)))?;
    }
    if let Some(statement) = statement(finding) {
        print_statement(&statement.text, finding.statement_cut, width, out)?;
    }
    for reason in &finding.reasons {
        writeln!(out, "  - {}", safe(&reason.to_string()))?;
    }
    writeln!(out)
}

/// Where, when and who, in a line.
fn facts(finding: &Finding, zone: Zone) -> String {
    let mut facts = vec![finding.id.to_string()];
    if finding.timestamp != 0 {
        facts.push(zone.show_with_offset(finding.timestamp));
    }
    facts.extend(finding.gtid.as_ref().map(|gtid| format!("gtid {gtid}")));
    facts.extend(finding.thread_id.map(|thread| format!("thread {thread}")));
    facts.push(format!("server {}", finding.server_id));
    facts.extend(finding.user.as_deref().map(|user| utf8(user).text.into_owned()));
    safe(&facts.join("  ")).into_owned()
}

fn print_statement(
    text: &str,
    cut: usize,
    width: Option<usize>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut lines = text.lines();
    for line in lines.by_ref().take(STATEMENT_LINES) {
        let line = safe(line);
        let line = width.map_or(line.clone(), |width| shorten(&line, width).into_owned().into());
        writeln!(out, "    {line}")?;
    }
    let more = lines.count();
    match (more, cut) {
        (0, 0) => Ok(()),
        (0, cut) => writeln!(out, "    … and {cut} bytes"),
        (more, _) => writeln!(out, "    … and {more} lines"),
    }
}
