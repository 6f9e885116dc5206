//! `binlog info`: a summary of each log.

use std::collections::BTreeMap;
use std::io::{self, Write};

use binlog_parser::source::log::Log;
use clap::Args;
use serde::Serialize;

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, OutputArgs};
use crate::args::time::{TimeArgs, Zone, rfc3339};
use crate::damage::DamageLine;
use crate::exit::{Exit, Outcome};
use crate::json;
use crate::summary::Summary;
use crate::text::{one_line, safe};
use crate::ui::{Paint, Ui};

const EXAMPLES: &str = "\
Examples:
  binlog info /var/lib/mysql/binlog.index
  binlog info --format json archive/ | jq -r '[.log, .first_time, .last_time] | @tsv'";

/// Summarises each log: server, format, time and GTID range, events, rows by table, damage.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct InfoArgs {
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    time: TimeArgs,
}

/// A log as JSON.
#[derive(Debug, Serialize)]
struct InfoLine<'a> {
    log: &'a str,
    path: String,
    bytes: u64,
    server: &'static str,
    server_version: &'a str,
    server_id: u32,
    binlog_version: u16,
    common_header_length: u8,
    checksum: &'static str,
    in_use: bool,
    relay_log: bool,
    encryption: Option<EncryptionLine<'a>>,
    /// Start of the server, if this is its first log since.
    server_started: Option<String>,
    first_time: Option<String>,
    last_time: Option<String>,
    previous_gtids: Option<&'a str>,
    gtids: String,
    gtid_count: u64,
    events: u64,
    events_by_type: &'a BTreeMap<&'static str, u64>,
    transactions: u64,
    open_transaction: Option<&'a str>,
    tables: Vec<TableLine<'a>>,
    damage: &'a [DamageLine],
    next_log: Option<&'a str>,
}

/// How a log was encrypted.
#[derive(Debug, Serialize)]
struct EncryptionLine<'a> {
    cipher: &'a str,
    key_id: &'a str,
    key_version: Option<u32>,
}

/// Rows changed in a table.
#[derive(Debug, Serialize)]
struct TableLine<'a> {
    database: &'a str,
    table: &'a str,
    inserts: u64,
    updates: u64,
    deletes: u64,
}

impl InfoArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where a log cannot be read or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open(ui)?;
        let mut out = self.output.open(logs::paths(&set))?;
        let progress = ui.progress(set.total_bytes());
        let (mut sound, mut read) = (!logs::is_incomplete(&set), 0);
        for log in set.logs() {
            let summary = Summary::of(log, |position| progress.at(read + position));
            read += log.len();
            sound &= summary.is_sound(log);
            progress.aside(|| summary.faults.iter().for_each(|fault| ui.warn(fault)));
            let line = InfoLine::of(log, &summary);
            match self.format.format {
                Format::Json => json::write_line(&mut out, &line)?,
                Format::Text => {
                    let zone = self.time.time_zone;
                    line.print(&summary, zone, &mut out, ui.paint(&self.output))?;
                }
            }
        }
        drop(progress);
        out.finish()?;
        Ok(if sound { Exit::Done } else { Exit::Damaged })
    }
}

impl<'a> InfoLine<'a> {
    fn of(log: &'a Log, summary: &'a Summary) -> Self {
        let format = log.format();
        let tables = summary.tables.iter().map(|((database, table), rows)| TableLine {
            database,
            table,
            inserts: rows.inserts,
            updates: rows.updates,
            deletes: rows.deletes,
        });
        InfoLine {
            log: log.name(),
            path: log.path().to_string_lossy().into_owned(),
            bytes: log.len(),
            server: format.family.name(),
            server_version: &format.server_version,
            server_id: log.header().server_id,
            binlog_version: format.binlog_version,
            common_header_length: format.common_header_length,
            checksum: format.checksum.name(),
            in_use: log.in_use(),
            relay_log: log.is_relay_log(),
            encryption: log.encryption().map(|encryption| EncryptionLine {
                cipher: &encryption.cipher,
                key_id: &encryption.key_id,
                key_version: encryption.key_version,
            }),
            server_started: (format.created != 0).then(|| rfc3339(format.created)),
            first_time: summary.time.map(|(first, _)| rfc3339(first)),
            last_time: summary.time.map(|(_, last)| rfc3339(last)),
            previous_gtids: summary.previous_gtids.as_deref(),
            gtids: one_line(&summary.gtids),
            gtid_count: summary.gtids.count(),
            events: summary.events,
            events_by_type: &summary.events_by_type,
            transactions: summary.transactions,
            open_transaction: summary.open_transaction.as_deref(),
            tables: tables.collect(),
            damage: &summary.damage,
            next_log: summary.next_log.as_deref(),
        }
    }

    fn print(
        &self,
        summary: &Summary,
        zone: Zone,
        out: &mut impl Write,
        paint: Paint,
    ) -> io::Result<()> {
        writeln!(out, "{}", paint.bold(safe(self.log)))?;
        for (name, value) in self.facts(summary, zone) {
            writeln!(out, "  {}  {}", paint.dim(format_args!("{name:14}")), safe(&value))?;
        }
        if !self.tables.is_empty() {
            print_tables(&self.tables, out, paint)?;
        }
        for damage in self.damage {
            damage.print(out, paint)?;
        }
        writeln!(out)
    }

    /// What is said in a line each.
    fn facts(&self, summary: &Summary, zone: Zone) -> Vec<(&'static str, String)> {
        let mut facts = vec![];
        let kind = if self.relay_log { ", a relay log" } else { "" };
        let server =
            format!("{} {}, server_id {}{kind}", self.server, self.server_version, self.server_id);
        facts.push(("server", server));
        let state =
            if self.in_use { "in use, or not closed when its server died" } else { "closed" };
        facts.push(("file", format!("{} bytes, {state}; checksum {}", self.bytes, self.checksum)));
        if let Some(EncryptionLine { cipher, key_id, key_version }) = self.encryption {
            let version = key_version.map(|version| format!(", version {version}"));
            let version = version.unwrap_or_default();
            facts.push(("encrypted", format!("{cipher}, key {key_id}{version}")));
        }
        if let Some((first, last)) = summary.time {
            let [first, last] = [first, last].map(|time| zone.show_with_offset(time));
            facts.push(("time", format!("{first} to {last}")));
        }
        let none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        if let Some(previous) = self.previous_gtids {
            facts.push(("gtids before", none(previous)));
        }
        if self.gtid_count > 0 {
            facts.push(("gtids", self.gtids.clone()));
        }
        facts.push(("transactions", self.transactions.to_string()));
        if let Some(open) = self.open_transaction {
            facts.push(("not finished", format!("{open}: the log ends in this transaction")));
        }
        let types = self.events_by_type.iter().map(|(name, count)| format!("{name} {count}"));
        let types: Vec<_> = types.collect();
        facts.push(("events", format!("{}: {}", self.events, types.join(", "))));
        if let Some(next) = self.next_log {
            facts.push(("next log", next.to_owned()));
        }
        facts
    }
}

fn print_tables(tables: &[TableLine<'_>], out: &mut impl Write, paint: Paint) -> io::Result<()> {
    let name = |table: &TableLine<'_>| format!("{}.{}", safe(table.database), safe(table.table));
    let width = tables.iter().map(|table| name(table).chars().count()).max().unwrap_or(0).max(14);
    let head = format!(
        "{:width$}  {:>10}  {:>10}  {:>10}",
        "rows by table", "inserts", "updates", "deletes"
    );
    writeln!(out, "  {}", paint.dim(head))?;
    for table in tables {
        let TableLine { inserts, updates, deletes, .. } = table;
        let name = name(table);
        writeln!(out, "  {name:width$}  {inserts:>10}  {updates:>10}  {deletes:>10}")?;
    }
    Ok(())
}
