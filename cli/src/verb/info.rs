//! `binlog info`: a summary of each log.

use std::io::{self, Write};

use clap::Args;

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, OutputArgs};
use crate::args::time::{TimeArgs, Zone};
use crate::chain::Chain;
use crate::exit::{Exit, Outcome};
use crate::json;
use crate::log_line::{EncryptionLine, LogLine, TableLine};
use crate::summary::Summary;
use crate::text::safe;
use crate::ui::{Paint, Ui};
use crate::verb::verify::print_step;

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

impl InfoArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where a log cannot be read or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open_early(ui)?;
        let mut out = self.output.open(logs::paths(&set))?;
        let progress = ui.progress(set.known_bytes());
        let (mut sound, mut read) = (!logs::is_incomplete(&set), 0);
        let mut chain = Chain::new(&set);
        set.open_indexes(0..set.logs().len());
        for (number, log) in set.logs().iter().enumerate() {
            let summary = Summary::indexed(&set, number, |at| progress.at(read + at));
            logs::whole(&set)?;
            read += log.len();
            sound &= summary.is_sound(log);
            progress.aside(|| summary.faults.iter().for_each(|fault| ui.warn(fault)));
            let known = chain.problems.len();
            let link = chain.next(log, &summary.extent);
            progress.aside(|| chain.problems[known..].iter().for_each(|problem| ui.warn(problem)));
            let line = LogLine::of(log, &summary, &link);
            match self.format.format {
                Format::Json => json::write_line(&mut out, &line)?,
                Format::Text => {
                    let (line, summary, zone) = (&line, &summary, self.time.time_zone);
                    Printed { line, summary, zone }.print(&mut out, ui.paint(&self.output))?;
                }
            }
        }
        sound &= chain.problems.is_empty();
        drop(progress);
        out.finish()?;
        Ok(if sound { Exit::Done } else { Exit::Damaged })
    }
}

/// A log as people read of it.
struct Printed<'a> {
    line: &'a LogLine<'a>,
    summary: &'a Summary,
    zone: Zone,
}

impl Printed<'_> {
    fn print(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        let line = self.line;
        writeln!(out, "{}", paint.bold(safe(line.log)))?;
        for (name, value) in self.facts() {
            writeln!(out, "  {}  {}", paint.dim(format_args!("{name:14}")), safe(&value))?;
        }
        if !line.tables.is_empty() {
            print_tables(&line.tables, out, paint)?;
        }
        for damage in line.damage {
            damage.print(out, paint)?;
        }
        for step in &line.clock_steps {
            print_step(step, out)?;
        }
        writeln!(out)
    }

    /// What is said in a line each.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let (line, summary, zone) = (self.line, self.summary, self.zone);
        let mut facts = vec![];
        let kind = if line.relay_log { ", a relay log" } else { "" };
        let uuid = line.server_uuid.map(|uuid| format!(", UUID {uuid}")).unwrap_or_default();
        let LogLine { server, server_version, server_id, .. } = line;
        facts.push((
            "server",
            format!("{server} {server_version}, server_id {server_id}{uuid}{kind}"),
        ));
        let state =
            if line.in_use { "in use, or not closed when its server died" } else { "closed" };
        facts.push(("file", format!("{} bytes, {state}; checksum {}", line.bytes, line.checksum)));
        if let (Some(archive), Some(bytes)) = (line.archive, line.packed_bytes) {
            facts.push(("archive", format!("{archive}, {bytes} bytes")));
        }
        if line.binlog_version != 4 {
            facts.push(("binlog version", line.binlog_version.to_string()));
        }
        if let Some(EncryptionLine { cipher, key_id, key_version }) = line.encryption {
            let version = key_version.map(|version| format!(", version {version}"));
            let version = version.unwrap_or_default();
            facts.push(("encrypted", format!("{cipher}, key {key_id}{version}")));
        }
        if let (Some(first), Some(last)) = (&line.source_first, &line.source_last) {
            facts.push(("of the source", format!("{first} to {last}")));
        }
        if let Some((first, last)) = summary.time {
            let [first, last] = [first, last].map(|time| zone.show_with_offset(time));
            facts.push(("time", format!("{first} to {last}")));
        }
        if let Some(gap) = &line.gap_before {
            let gtids = if gap.gtids.is_empty() { "" } else { "; GTIDs " };
            let names = match (gap.first, gap.last) {
                (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
                (first, last) => first.or(last).unwrap_or("logs or transactions").to_owned(),
            };
            facts.push(("missing before", format!("{names}{gtids}{}", gap.gtids)));
        }
        let none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        if let Some(previous) = line.previous_gtids {
            facts.push(("gtids before", none(previous)));
        }
        if line.gtid_count > 0 {
            facts.push(("gtids", line.gtids.clone()));
        }
        if !line.repeated_gtids.is_empty() {
            facts.push(("there twice", line.repeated_gtids.clone()));
        }
        facts.push(("transactions", line.transactions.to_string()));
        if let Some(open) = &summary.open_transaction {
            let open = open.name();
            facts.push(("not finished", format!("{open}: the log ends in this transaction")));
        }
        let types = line.events_by_type.iter().map(|(name, count)| format!("{name} {count}"));
        let types: Vec<_> = types.collect();
        facts.push(("events", format!("{}: {}", line.events, types.join(", "))));
        if let Some(next) = line.next_log {
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
