//! `binlog schema`: what the logs know of the tables.

use std::collections::BTreeSet;
use std::io::Write;

use binlog_parser::address::Address;
use clap::Args;
use replay::schema::{Knowledge, KnownTable, Source, Stamp, TableDef, known_tables};
use replay::select::{Filter, TableName};
use replay::sql::quote::quote_identifier;
use serde::Serialize;

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, OutputArgs};
use crate::args::schema::SchemaArgs;
use crate::args::select::table_name;
use crate::args::target::resolve;
use crate::exit::{Exit, Outcome};
use crate::json;
use crate::text::{is_unsafe, safe, utf8};
use crate::ui::Ui;

const EXAMPLES: &str = "\
What is known comes from the table maps' metadata (binlog_row_metadata=FULL), from the DDL in the logs \
and from a dump, in this order; which of them, a comment says. The text form is SQL that a server like \
the logs' takes. It holds columns, keys and foreign keys. Engines, comments, CHECK constraints, \
partitions, display widths and counters are not kept.

Exit code 1 says that no table is known, 3 that of some nothing certain is.

Examples:
  binlog schema /var/lib/mysql/binlog.index
  binlog schema --at binlog.000007:4711 --table shop.users binlog.0*
  binlog schema --schema yesterday.sql --format json binlog.0* | jq -r .create";

/// Prints the definitions of tables as of a place in the logs.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct SchemaVerbArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// As they were when the event at ADDR was written, instead of at the end of the logs
    #[arg(long, value_name = "ADDR")]
    at: Option<Address>,

    /// Only this table, TABLE or DATABASE.TABLE; may be repeated
    #[arg(long, value_name = "NAME", value_parser = table_name)]
    table: Vec<TableName>,

    /// Only tables of this database; may be repeated
    #[arg(long, short, value_name = "NAME")]
    database: Vec<String>,

    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A table as JSON.
#[derive(Serialize)]
struct TableLine<'a> {
    database: std::borrow::Cow<'a, str>,
    table: std::borrow::Cow<'a, str>,
    /// metadata, logs, dump, dump_and_logs; null where nothing certain is known.
    source: Option<&'static str>,
    /// The statement that makes it.
    create: Option<String>,
    /// Why there is none.
    problem: Option<String>,
}

impl SchemaVerbArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where the address names nothing, a log cannot be read or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open(ui)?;
        let target = resolve(&set, self.at.as_ref())?;
        let until = target.map(|target| {
            let (offset, inner) = target.place();
            Stamp { log: target.log, offset, inner: inner.unwrap_or(0) }
        });
        let filter = Filter {
            tables: self.table.clone(),
            databases: self.database.iter().map(|name| name.clone().into_bytes()).collect(),
            ..Filter::default()
        };
        let dump = self.schema.read(ui, &set)?;
        let mut out = self.output.open(logs::paths(&set))?;
        let known = known_tables(&set, until, dump, |name| {
            filter.selects_table(&name.database, &name.table)
        })?;
        if self.format.format == Format::Text && !known.tables.is_empty() {
            writeln!(
                out,
                "SET NAMES utf8mb4;\nSET SESSION sql_mode = '', foreign_key_checks = 0;"
            )?;
        }
        let mut databases = BTreeSet::new();
        let mut certain = true;
        for table in &known.tables {
            let made = made(table);
            certain &= made.is_ok();
            match self.format.format {
                Format::Json => json::write_line(&mut out, &line(table, made))?,
                Format::Text => {
                    if databases.insert(&table.name.database) {
                        create_database(&mut out, &table.name.database)?;
                    }
                    print(&mut out, table, made)?;
                }
            }
        }
        out.finish()?;
        known.lost.iter().for_each(|lost| ui.warn(lost));
        if known.tables.is_empty() {
            ui.note("no table is known");
            return Ok(Exit::NotFound);
        }
        let whole = certain && known.lost.is_empty() && !logs::is_incomplete(&set);
        Ok(if whole { Exit::Done } else { Exit::Damaged })
    }
}

/// What is known, and the statement that makes the table; else why there is none.
fn made(table: &KnownTable) -> Result<(&'static str, &'static str, String), String> {
    let (source, words, definition): (_, _, &TableDef) = match &table.knowledge {
        Knowledge::Defined { definition, source } => match source {
            Source::Metadata | Source::Logs => ("logs", "the statements in the logs", definition),
            Source::Dump => ("dump", "the dump", definition),
            Source::DumpAndLogs => {
                ("dump_and_logs", "the dump, changed as the logs say", definition)
            }
        },
        Knowledge::Logged(definition) => (
            "metadata",
            "the metadata of its rows alone: types as they are logged; nothing is known of \
             defaults, generated columns, other keys than the primary one, and collations",
            definition,
        ),
        Knowledge::Nothing(why) => return Err(why.clone()),
    };
    // Whatever the statements called it then, this is what it is called.
    let mut definition = definition.clone();
    if !table.name.database.is_empty() {
        definition.name = table.name.clone();
    }
    Ok((source, words, definition.create_statement()?))
}

fn line<'a>(
    table: &'a KnownTable,
    made: Result<(&'static str, &'static str, String), String>,
) -> TableLine<'a> {
    let (source, create, problem) = match made {
        Ok((source, _, create)) => (Some(source), Some(create), None),
        Err(why) => (None, None, Some(why)),
    };
    TableLine {
        database: utf8(&table.name.database).text,
        table: utf8(&table.name.table).text,
        source,
        create,
        problem,
    }
}

fn print(
    out: &mut impl Write,
    table: &KnownTable,
    made: Result<(&'static str, &'static str, String), String>,
) -> Outcome<()> {
    match made {
        Ok((_, words, create)) => writeln!(out, "\n-- From {words}.\n{create}")?,
        Err(why) => {
            // Names of a log stay out of comments that a client reads: only of what is left out.
            writeln!(
                out,
                "\n-- Nothing certain is known of {}:",
                comment(&table.name.to_string())
            )?;
            for line in why.lines() {
                writeln!(out, "--   {}", comment(line))?;
            }
        }
    }
    Ok(())
}

/// Text in a comment of one line.
fn comment(text: &str) -> String {
    safe(text).replace('\\', "\\\\")
}

fn create_database(out: &mut impl Write, name: &[u8]) -> Outcome<()> {
    let mut sql = b"CREATE DATABASE IF NOT EXISTS ".to_vec();
    quote_identifier(&mut sql, name);
    let sql = String::from_utf8_lossy(&sql).into_owned();
    if name.is_empty() {
        return Ok(());
    }
    if !sql.chars().any(is_unsafe) {
        writeln!(out, "\n{sql};")?;
        return Ok(());
    }
    let hex = json::hex(sql.as_bytes());
    writeln!(out, "\nSET @binlog_schema = CONVERT(0x{hex} USING utf8mb4);")?;
    writeln!(out, "PREPARE binlog_schema FROM @binlog_schema;\nEXECUTE binlog_schema;")?;
    Ok(())
}
