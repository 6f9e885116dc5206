//! A server on which undos are applied, compared, and taken back.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use binlog_parser::address::{Address, EventAddress};
use binlog_parser::source::log::MAGIC;
use binlog_parser::source::log_set::LogSet;
use replay::Error;
use replay::select::{Filter, TableName, Target, resolve};
use replay::undo::{Conflicts, Format, Report, Request, Scope, plan, survey};
use servers::{ClientRun, Product, Server, ServerOptions, Session};

use crate::history::{History, play, read_rows, show_rows};
use crate::oracle::{At, Expected, Oracle};
use crate::settings::Setting;
use crate::tables::{DATABASE, State, TABLES};
use crate::traffic::Traffic;

/// What an undo may be written as.
pub const FORMATS: [Format; 3] = [Format::Base64, Format::Sql, Format::Binlog];

/// Those that look at the rows before they change any.
pub const CHECKED: [Format; 2] = [Format::Base64, Format::Sql];

/// How much is shown of a script that fails.
const SHOWN_BYTES: usize = 10_000;

/// Transactions of the traffic.
const TRANSACTIONS: usize = 60;

/// A server after the traffic. Every check leaves it as it was.
pub struct Stage {
    pub history: History,
    server: Server,
    /// Asks for rows.
    session: Session,
    /// The logs of the traffic.
    logs: LogSet,
    /// The tables of which rows are undone; all if empty.
    tables: Vec<usize>,
}

impl Stage {
    /// Plays the traffic of a seed.
    pub fn build(product: Product, seed: u64, setting: &Setting) -> Result<Stage> {
        let options = ServerOptions::with_args(setting.arguments.iter().copied());
        let server = Server::start(product, &options)?;
        let history = play(&server, Traffic::new(product, seed), TRANSACTIONS)?;
        let mut logs: Vec<PathBuf> = server.binary_logs()?;
        ensure!(logs.len() > 5, "the traffic rotates its logs");
        logs.pop();
        let (session, logs) = (server.session()?, LogSet::open(&logs)?);
        Ok(Stage { history, session, logs, server, tables: vec![] })
    }

    pub fn oracle(&self) -> Oracle<'_> {
        Oracle::new(&self.history, &self.tables)
    }

    /// Has all undos from now on leave out the rows of other tables than these; of none if empty.
    pub fn select(&mut self, tables: &[usize]) {
        self.tables = tables.to_vec();
    }

    /// The rows of all tables now.
    pub fn rows(&mut self) -> Result<State> {
        let answer = self.session.run(show_rows(self.server.product()))?;
        read_rows(std::str::from_utf8(&answer)?.lines())
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    fn target(&self, transaction: usize) -> Result<Target> {
        Ok(resolve(&self.logs, &self.history.transactions[transaction].address)?)
    }

    fn request(&self, targets: &[usize], mode: Conflicts, format: Format) -> Result<Request> {
        let targets: Result<Vec<Target>> = targets.iter().map(|at| self.target(*at)).collect();
        let named = self.tables.iter().map(|table| TABLES[*table].name.as_bytes().to_vec());
        let tables = named.map(|table| TableName { database: None, table }).collect();
        let filter = Filter { tables, ..Filter::default() };
        Ok(Request { conflicts: mode, filter, ..Request::new(Scope::Only(targets?), format) })
    }

    /// Writes the undo of transactions.
    pub fn write(
        &self,
        targets: &[usize],
        mode: Conflicts,
        format: Format,
    ) -> Result<(Vec<u8>, Report)> {
        let request = self.request(targets, mode, format)?;
        let mut script = vec![];
        let report = plan(&self.logs, &request)?.write(&mut script)?;
        Ok((script, report))
    }

    /// Undoes transactions, compares report and rows with what is expected, and takes it back.
    pub fn undo(
        &mut self,
        targets: &[usize],
        mode: Conflicts,
        format: Format,
        expected: &Expected,
    ) -> Result<()> {
        let told = format!("--only {targets:?}, {mode:?}, {format:?}");
        let (script, report) = self.write(targets, mode, format).context(told.clone())?;
        let checked = self.check_report(&report, expected);
        checked
            .and_then(|()| self.apply_and_return(&script, &report, &expected.state))
            .with_context(|| format!("{told}:\n{}", self.told(targets, expected)))
    }

    /// An undo that takes later changes along is refused, and the refusal names those of tables that
    /// are left out.
    pub fn refused_by_table(
        &mut self,
        targets: &[usize],
        mode: Conflicts,
        expected: &Expected,
    ) -> Result<()> {
        let request = self.request(targets, mode, Format::Base64)?;
        let refusal = plan(&self.logs, &request).err();
        let Some(Error::Refused { what, .. }) = refusal else {
            return Err(anyhow!("{targets:?}: not refused but {refusal:?}"));
        };
        let oracle = self.oracle();
        let named = expected.left_out.iter().map(|at| self.named(&oracle, *at));
        for (_, table, key) in named.take(20) {
            let name = format!("`{DATABASE}`.`{}` {key}: ", String::from_utf8_lossy(&table));
            ensure!(what.contains(&name), "{targets:?}, {mode:?}: {name} is missing in {what}");
        }
        let count = what.matches("the filters leave this table out").count();
        ensure!(count == expected.left_out.len().min(20), "{:?}: {what}", expected.left_out);
        Ok(())
    }

    /// Transactions and those that touch them, for messages.
    pub fn told(&self, targets: &[usize], expected: &Expected) -> String {
        let mut all: Vec<usize> =
            expected.hits.iter().map(|at| at.0).chain(targets.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        let text = all.iter().map(|at| format!("-- {at}\n{}", self.history.transactions[*at].text));
        format!("{targets:?} of\n{}", text.collect::<String>())
    }

    /// Undoes everything since a transaction, and takes it back.
    pub fn undo_back_to(&mut self, target: usize, format: Format) -> Result<()> {
        let request = Request::new(Scope::BackTo(self.target(target)?), format);
        let mut script = vec![];
        let report = plan(&self.logs, &request)?.write(&mut script)?;
        let expected = self.history.transactions[target].before.clone();
        self.apply_and_return(&script, &report, &expected)
            .with_context(|| format!("--back-to {target}, {format:?}"))
    }

    /// An undo is refused, and the refusal names the later changes.
    pub fn refused(&mut self, targets: &[usize], expected: &Expected) -> Result<()> {
        for format in FORMATS {
            let request = self.request(targets, Conflicts::Refuse, format)?;
            let refusal = plan(&self.logs, &request).err();
            let Some(Error::Refused { what, .. }) = refusal else {
                return Err(anyhow!("{targets:?}: not refused but {refusal:?}"));
            };
            let (plan, refusal) = survey(&self.logs, &request)?;
            ensure!(refusal.is_some(), "{targets:?}: plan refuses, survey does not");
            self.check_report(plan.report(), expected)
                .with_context(|| self.told(targets, expected))?;
            for conflict in plan.report().conflicts.iter().take(20) {
                ensure!(
                    what.contains(&conflict.later.address.to_string()),
                    "{targets:?}: {conflict} is missing in {what}"
                );
            }
        }
        Ok(())
    }

    fn check_report(&self, report: &Report, expected: &Expected) -> Result<()> {
        let oracle = self.oracle();
        let mut wanted: Vec<_> = expected.hits.iter().map(|at| self.named(&oracle, *at)).collect();
        let mut named = vec![];
        for conflict in &report.conflicts {
            let number = self.history.transaction_of(&conflict.later.address);
            let number = number.with_context(|| format!("whose is {conflict}?"))?;
            let undone =
                conflict.undone.as_ref().context("the change that is undone is missing")?;
            let undone = self.history.transaction_of(&undone.address).context("whose?")?;
            ensure!(
                expected.undone.iter().chain(&expected.spared).any(|at| at.0 == undone),
                "{conflict}: {undone} is not undone"
            );
            named.push((number, conflict.table.table.clone(), conflict.key.clone()));
        }
        wanted.sort();
        named.sort();
        ensure!(wanted == named, "conflicts: wanted {wanted:#?}\nnamed {named:#?}");
        ensure!(report.conflict_count == named.len() as u64);
        let dependent = report.dependent.iter().map(|at| self.history.transaction_of(at));
        let dependent: Option<Vec<usize>> = dependent.collect();
        let wanted: Vec<usize> = expected.dependent.iter().copied().collect();
        ensure!(dependent.as_ref() == Some(&wanted), "dependent: {wanted:?}, not {dependent:?}");
        let spared: u64 = report.spared.values().map(|counts| counts.total()).sum();
        ensure!(
            spared == expected.spared.len() as u64,
            "{spared} rows are spared, not {}",
            expected.spared.len()
        );
        let rows = report.rows();
        ensure!(
            rows == expected.undone.len() as u64,
            "{rows} rows are undone, not {}",
            expected.undone.len()
        );
        Ok(())
    }

    fn named(&self, oracle: &Oracle<'_>, at: At) -> (usize, Vec<u8>, String) {
        let change = oracle.change(at);
        let table = &TABLES[change.table];
        let row = change.before.as_ref().or(change.after.as_ref());
        let key = row.map(|row| table.key_text(row)).unwrap_or_default();
        (at.0, table.name.into(), key)
    }

    /// Applies an undo, compares, undoes it, and compares again.
    fn apply_and_return(&mut self, script: &[u8], report: &Report, wanted: &State) -> Result<()> {
        let end = self.end_of_log()?;
        self.apply(script)?;
        let rows = self.rows()?;
        same(&rows, wanted).context("after the undo")?;
        if report.rows() == 0 {
            return same(&rows, &self.history.end);
        }
        self.take_back(end, report.rows())
    }

    /// Undoes the last transaction, which was an undo of so many rows; before it, the log ended at
    /// `end`. Then everything is as the traffic left it.
    pub fn take_back(&mut self, end: Address, rows: u64) -> Result<()> {
        let place = match self.server.product().is_mariadb() {
            // Where the log ended may be an event of the server's own by now.
            true => self.server.value("SELECT @@gtid_binlog_pos;")?.parse()?,
            false => end,
        };
        let set = LogSet::open(&self.server.binary_logs()?)?;
        let target = resolve(&set, &place)?;
        let request = Request::new(Scope::Only(vec![target]), Format::Base64);
        let mut back = vec![];
        let again = plan(&set, &request).context("the undo of the undo")?.write(&mut back)?;
        ensure!(again.rows() == rows, "{place} has {} rows, the undo {rows}", again.rows());
        self.apply(&back).context("the undo of the undo")?;
        same(&self.rows()?, &self.history.end).context("after the undo of the undo")
    }

    /// Feeds a script to the client, one that is a log by way of the server's own program.
    pub fn feed(&self, script: &[u8], arguments: &[&str]) -> Result<ClientRun> {
        let stream = script.starts_with(&MAGIC).then(|| self.stream_of(script)).transpose()?;
        let script = stream.as_deref().unwrap_or(script);
        self.server.pipe(script, ["--max-allowed-packet=1G"].iter().chain(arguments))
    }

    /// What the server's own program makes of a log.
    fn stream_of(&self, log: &[u8]) -> Result<Vec<u8>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), log)?;
        let product = self.server.product();
        let mut tool = self.server.installation().tool(product.binlog_tool())?;
        tool.args(["--no-defaults", "--verify-binlog-checksum"]);
        if !product.is_mariadb() {
            tool.arg("--skip-gtids");
        }
        let output = tool.arg(file.path()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && !said.contains("ERROR"), "{said}");
        Ok(output.stdout)
    }

    /// Applies a script that has to go through.
    pub fn apply(&self, script: &[u8]) -> Result<()> {
        let ran = self.feed(script, &[])?.success();
        let start = &script[..script.len().min(SHOWN_BYTES)];
        ran.map(drop).with_context(|| String::from_utf8_lossy(start).into_owned())
    }

    /// Makes the rows what the traffic left, whatever they are. Not for values of every type.
    pub fn restore(&mut self) -> Result<()> {
        let rows = self.rows()?;
        let mut script = format!("USE {DATABASE};\nSET foreign_key_checks = 0;\n");
        for ((table, had), wanted) in TABLES.iter().zip(&rows).zip(&self.history.end) {
            let name = table.name;
            for (rid, _) in had.iter().filter(|(rid, row)| wanted.get(rid) != Some(row)) {
                script.push_str(&format!("DELETE FROM {name} WHERE rid = {rid};\n"));
            }
            for (_, row) in wanted.iter().filter(|(rid, row)| had.get(rid) != Some(row)) {
                script.push_str(&format!("INSERT INTO {name} VALUES ({});\n", table.literals(row)));
            }
        }
        self.server.sql(script)?;
        same(&self.rows()?, &self.history.end)
    }

    /// Where the next event will stand.
    pub fn end_of_log(&self) -> Result<Address> {
        let path = self.server.binary_logs()?.pop().context("no log")?;
        let name = path.file_name().and_then(|name| name.to_str()).context("no name")?;
        let end = std::fs::metadata(&path)?.len();
        Ok(Address::Event(EventAddress::new(&name.into(), end)))
    }
}

/// Whether two states are the same, row by row.
pub fn same(had: &State, wanted: &State) -> Result<()> {
    for ((table, had), wanted) in TABLES.iter().zip(had).zip(wanted) {
        let only = |one: &crate::tables::Rows, other: &crate::tables::Rows| {
            let rows = one.iter().filter(|(rid, row)| other.get(rid) != Some(row));
            rows.map(|(_, row)| row.join(", ")).collect::<Vec<_>>()
        };
        let (more, less) = (only(had, wanted), only(wanted, had));
        ensure!(more.is_empty() && less.is_empty(), "{}: {more:?} for {less:?}", table.name);
    }
    Ok(())
}
