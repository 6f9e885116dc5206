//! Statements of text: in their session, in their database, with what they take from their context.

use std::borrow::Cow;

use binlog_parser::Fault;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::header::EventType;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Statement, Step, step};

use super::context::Context;
use super::edit::with_checksum;
use super::gtid::PendingGtid;
use super::load::{LoadFault, LoadStatement, NO_WARNING_CHECK, Strictness};
use super::named::name;
use super::packet::DELIMITER;
use super::session::Assignments;
use super::statement::{Place, StatementError, parse};
use super::text::{self, TextStatement};
use super::writer::Writer;
use crate::error::Result;

impl Writer<'_, '_> {
    /// Writes a statement of text.
    pub fn query(
        &mut self,
        log: &Log,
        statement: &Statement<'_, '_>,
    ) -> Result<(), StatementError> {
        let Some(event) = statement.last() else { return Ok(()) };
        if self.gtid.as_ref().is_some_and(PendingGtid::is_half_of_an_alter) {
            // The second half holds the whole statement, and stands where it took effect.
            return Ok(());
        }
        if event.event_type() == EventType::EXECUTE_LOAD_QUERY {
            return self.load(log, event, statement.events);
        }
        let query = parse(event, |_| event.query())?;
        let vars = parse(event, |_| query.status_vars())?;
        if text::is_plain(query.text) {
            // XA END, XA COMMIT, XA ROLLBACK: the server's own words.
            self.open(Some(&vars), Some(time(event, &vars)))?;
            self.words(query.text)?;
            self.decide(query.text);
            return Ok(());
        }
        let context = Context::of(statement.events)?;
        let text = TextStatement::new(event, &query, &vars, &self.server_version());
        if !text.is_selected(self.options) {
            return Ok(());
        }
        if text.schedules() {
            name(&mut self.manifest.scheduled, event.address(log));
        }
        if text.undetermined().is_some() {
            name(&mut self.manifest.undetermined, event.address(log));
        }
        if text.goes_as_event(self.options) {
            text.add_privileges(&mut self.manifest.privileges);
            return self.as_event(event, &vars, &context);
        }
        self.text(event, &text, &query, &vars, &context)
    }

    fn server_version(&self) -> String {
        self.format.as_ref().map_or_else(String::new, |format| format.server_version.clone())
    }

    /// A statement that failed part-way, or whose text no client forwards: MariaDB's BINLOG takes
    /// the event itself, and expects its error.
    fn as_event(
        &mut self,
        event: &RawEvent<'_>,
        vars: &StatusVars<'_>,
        context: &Context<'_>,
    ) -> Result<(), StatementError> {
        self.manifest.statements += 1;
        let readable = text::is_utf8(vars);
        if !readable {
            self.enter_wide_names(context)?;
        }
        self.open(Some(vars), Some(time(event, vars)))?;
        self.enter_context(context, readable)?;
        let bytes = with_checksum(event, self.checksum_bytes());
        self.packets.events(&bytes)?;
        self.packets.end()?;
        // The event brought its own session, and left some of it behind.
        self.session.forget();
        self.timestamp = None;
        Ok(())
    }

    fn text(
        &mut self,
        event: &RawEvent<'_>,
        statement: &TextStatement<'_, '_>,
        query: &QueryEvent<'_>,
        vars: &StatusVars<'_>,
        context: &Context<'_>,
    ) -> Result<(), StatementError> {
        // The check has refused what cannot be passed on; this is for what changed since.
        let prepared = statement.prepare(&mut self.charset).map_err(|refusal| {
            let fault = Fault::unsupported("statement", refusal.to_string());
            StatementError::Fault(fault, Place::of(event))
        })?;
        self.manifest.statements += 1;
        statement.add_privileges(&mut self.manifest.privileges);
        self.manifest.needs_binary_mode |= prepared.needs_binary_mode;
        let readable = text::is_utf8(vars);
        if !readable {
            self.enter_wide_names(context)?;
            self.enter_wide_database(statement, query)?;
        }
        if let Some(line) = &prepared.charset_line {
            self.commit()?;
            self.packets.line(line)?;
            self.session.forget_charset();
        }
        if prepared.binary_mode_check {
            self.words(text::BINARY_MODE_CHECK)?;
        }
        self.open(Some(vars), Some(time(event, vars)))?;
        self.enter_database(statement, query, vars)?;
        self.enter_context(context, readable)?;
        let text: Cow<'_, [u8]> = prepared.text;
        match &prepared.delimiter {
            None => self.packets.text(&text)?,
            Some(delimiter) => {
                self.packets.line(format!("DELIMITER {delimiter}").as_bytes())?;
                self.packets.line(&[&text[..], b"\n", delimiter.as_bytes()].concat())?;
                self.packets.line(&[b"DELIMITER ", DELIMITER].concat())?;
            }
        }
        if statement.changes_databases() {
            self.session.forget_database();
        }
        if statement.creates_table()
            && let Some(group) = self.group.take()
        {
            // It committed by itself, and took the group's name with it; the rows of CREATE TABLE …
            // SELECT belong to the same name.
            self.gtid = Some(group);
            self.begin_group(event)?;
        }
        Ok(())
    }

    /// Enters a database whose name cannot be read in the statement's own charset.
    fn enter_wide_database(
        &mut self,
        statement: &TextStatement<'_, '_>,
        query: &QueryEvent<'_>,
    ) -> Result<()> {
        let database = self.options.rewritten(query.database);
        if !database.is_ascii() && statement.needs_database() && self.session.use_database(database)
        {
            self.enter_names_charset()?;
            self.use_statement(database)?;
        }
        Ok(())
    }

    /// Enters the database and the connection number that a statement depends on.
    fn enter_database(
        &mut self,
        statement: &TextStatement<'_, '_>,
        query: &QueryEvent<'_>,
        vars: &StatusVars<'_>,
    ) -> Result<()> {
        let mut set = vec![];
        self.session.use_thread(&mut Assignments::new(&mut set), query.thread_id);
        let database = self.options.rewritten(query.database);
        if statement.needs_database() && self.session.use_database(database) {
            self.use_statement(database)?;
            self.session.enter_collation_database(&mut Assignments::new(&mut set), vars);
        }
        if !set.is_empty() {
            self.words(&set)?;
        }
        Ok(())
    }

    fn use_statement(&mut self, database: &[u8]) -> Result<()> {
        Ok(self.packets.statement(|out| {
            out.extend(b"USE ");
            crate::sql::quote::quote_identifier(out, database);
        })?)
    }

    /// LOAD DATA: its file goes into a folder of the stream's own.
    fn load(
        &mut self,
        log: &Log,
        event: &RawEvent<'_>,
        events: &[RawEvent<'_>],
    ) -> Result<(), StatementError> {
        let fault = |fault| StatementError::Fault(fault, Place::of(event));
        let load = LoadStatement::new(events).map_err(|error| match error {
            LoadFault::Fault(error) => fault(error),
            LoadFault::NoFile => fault(Fault::unsupported("file", "its blocks stand elsewhere")),
        })?;
        let vars = load.status_vars().map_err(fault)?;
        let version = self.server_version();
        if !TextStatement::new(event, load.query(), &vars, &version).is_selected(self.options) {
            return Ok(());
        }
        let file = load_name(self.index, event);
        let path = self.folder.write(&file, load.blocks())?;
        self.manifest.load_files.insert(file);
        let text = load.text(&path);
        let query = QueryEvent { text: &text, ..*load.query() };
        let statement = TextStatement::new(event, &query, &vars, &version);
        let context = Context::of(events)?;
        let strictness = load.strictness();
        if strictness == Strictness::Lost {
            name(&mut self.manifest.lenient_loads, event.address(log));
        }
        let checked = strictness == Strictness::Checked;
        if checked {
            // Notes are no warnings, but would be counted with them.
            self.commit()?;
            self.words(b"SET @@SESSION.SQL_NOTES=0")?;
        }
        self.text(event, &statement, &query, &vars, &context)?;
        if checked {
            self.words(NO_WARNING_CHECK)?;
            self.words(b"SET @@SESSION.SQL_NOTES=1")?;
        }
        Ok(())
    }

    /// Notes the decision about a prepared XA transaction.
    fn decide(&mut self, text: &[u8]) {
        if step(text) == Step::XaDecision {
            let text = String::from_utf8_lossy(text);
            self.manifest.prepared.retain(|xid| !text.contains(xid.as_str()));
            self.decided.push(text.into_owned());
            self.session.forget_thread();
        }
    }
}

/// Name of the file of a LOAD DATA statement: the same in every run.
fn load_name(log: usize, event: &RawEvent<'_>) -> String {
    match event.inner() {
        None => format!("{}-{}", log + 1, event.offset),
        Some(inner) => format!("{}-{}+{inner}", log + 1, event.offset),
    }
}

/// When a statement started: seconds since 1970 and microseconds.
fn time(event: &RawEvent<'_>, vars: &StatusVars<'_>) -> (u32, u32) {
    (event.header().timestamp, vars.microseconds.unwrap_or(0))
}
