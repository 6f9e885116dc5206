//! What is kept of a day: the logs, a schema dump, and the facts about them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use servers::shop::{Moment, rows_of};
use servers::{Dump, Server};

/// Where the logs say that the users were deleted.
pub struct Disaster {
    /// The name of the log.
    log: String,
    /// Where its transaction's first event (the GTID) starts.
    start: u64,
    /// Where its first rows event starts.
    rows: u64,
    /// Where its last event ends.
    end: u64,
    gtid: String,
    /// GTIDs executed before it.
    executed: String,
}

/// The day's facts.
pub struct Record {
    pub disaster: Disaster,
    pub before: Dump,
    pub damaged: Dump,
    pub unharmed: Dump,
}

/// Runs the disaster and asks the server where it logged it.
pub fn observe(server: &Server, disaster: impl FnOnce() -> Result<()>) -> Result<Disaster> {
    let executed = server.gtid_executed()?;
    let (log, start) = position(server)?;
    disaster()?;
    let (same, end) = position(server)?;
    if same != log {
        bail!("the log was rotated within the disaster");
    }
    let events = server.show_binlog_events(&log)?;
    let mut own = events.iter().filter(|e| e.position >= start && e.position < end);
    let rows = own.find(|e| e.event_type.starts_with("Delete_rows")).context("no rows")?.position;
    let gtid = if server.product().is_mariadb() {
        server.value("SELECT @@GLOBAL.gtid_binlog_pos;")?
    } else {
        server.value(&format!("SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, '{executed}');"))?
    };
    Ok(Disaster { log, start, rows, end, gtid, executed })
}

/// The log that is being written, and where its next event will start.
fn position(server: &Server) -> Result<(String, u64)> {
    let show = if server.product().is_mariadb() { "MASTER" } else { "BINARY LOG" };
    let status = server.value(&format!("SHOW {show} STATUS;"))?;
    let mut columns = status.split('\t');
    let (log, at) = (columns.next().context("no log")?, columns.next().context("no position")?);
    Ok((log.to_owned(), at.parse()?))
}

impl Record {
    /// Stops the server and writes its logs, their index, the schema and
    /// `FACTS.tsv` into a folder, in place of what a former run left there.
    pub fn keep(self, mut server: Server, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let facts = self.facts(&server)?;
        fs::write(folder.join("FACTS.tsv"), facts)?;
        fs::write(folder.join("schema.sql"), schema(&server)?)?;
        server.stop_cleanly()?;
        let mut index = String::new();
        for log in server.binary_logs()? {
            let name = log.file_name().context("a log without a name")?.to_string_lossy();
            fs::copy(&log, folder.join(&*name))?;
            // As a server writes it whose logs are in its data directory.
            writeln!(index, "./{name}")?;
        }
        fs::write(folder.join(format!("{}.index", server.product().log_name())), index)?;
        make_readable(folder)
    }

    fn facts(&self, server: &Server) -> Result<String> {
        let mut facts = String::new();
        let disaster = &self.disaster;
        for (name, value) in [
            ("version", server.value("SELECT VERSION();")?),
            ("disaster", format!("{}:{}", disaster.log, disaster.start)),
            ("disaster_rows", format!("{}:{}", disaster.log, disaster.rows)),
            ("disaster_end", format!("{}:{}", disaster.log, disaster.end)),
            ("disaster_gtid", disaster.gtid.clone()),
            ("gtids_before", disaster.executed.clone()),
            ("gtids_after", server.gtid_executed()?),
        ] {
            writeln!(facts, "{name}\t{value}")?;
        }
        let dumps = [&self.before, &self.damaged, &self.unharmed];
        for (moment, dump) in Moment::ALL.into_iter().zip(dumps) {
            for (title, (rows, checksum)) in rows_of(dump) {
                writeln!(facts, "{}: {title}\t{rows}\t{checksum}", moment.name())?;
            }
        }
        Ok(facts)
    }
}

/// The schema as the product's own dump program writes it.
fn schema(server: &Server) -> Result<Vec<u8>> {
    let output = server
        .tool(server.product().dump_tool())?
        .args(["--no-data", "--skip-dump-date", "--triggers", "--databases", "shop"])
        .args(if server.product().is_mariadb() { &[][..] } else { &["--set-gtid-purged=OFF"] })
        .output()?;
    if !output.status.success() {
        bail!("no schema dump: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

/// Servers write their logs for themselves; what is committed is for all.
fn make_readable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(folder)? {
        fs::set_permissions(entry?.path(), fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}
