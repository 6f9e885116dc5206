//! The story of the fixtures, told on a server that is gone by now.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use binlog_parser::source::log_set::LogSet;
use replay::select::{Target, resolve};
use servers::fixtures::{DISASTER, Part};
use servers::{Dump, DumpOptions, Product, Server, ServerOptions};

/// Options of a server, so that every GTID of two servers with one story is the same.
pub fn options(extra: &[&str]) -> ServerOptions {
    let mut options = ServerOptions::with_args(extra.iter().copied());
    options.server_uuid = Some("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee".into());
    options
}

/// The story of the fixtures, told on a server that is gone by now.
pub struct Story {
    pub product: Product,
    pub logs: LogSet,
    /// Keeps the copies of the logs.
    _folder: tempfile::TempDir,
    /// Address of the disaster's transaction.
    disaster: String,
    pub before: Dump,
    pub after: Dump,
    /// What would be there without the disaster.
    pub spared: Dump,
    pub gtids: String,
    pub gtids_before: String,
}

impl Story {
    pub fn tell(product: Product, extra: &[&str]) -> Result<Story> {
        let source = Server::start(product, &options(extra))?;
        Part::Schema.run(&source)?;
        Part::Before.run(&source)?;
        let (before, gtids_before) = (dump(&source)?, source.gtid_executed()?);
        let status = if product.is_mariadb() { "MASTER" } else { "BINARY LOG" };
        let status = source.sql(format!("SHOW {status} STATUS;"))?;
        let status = String::from_utf8(status)?;
        let mut fields = status.split('\t');
        let mut field = || fields.next().unwrap_or_default().to_owned();
        let disaster = format!("{}:{}", field(), field());
        source.sql(DISASTER)?;
        Part::After.run(&source)?;
        let (after, gtids) = (dump(&source)?, source.gtid_executed()?);

        let spared = Server::start(product, &options(extra))?;
        for part in [Part::Schema, Part::Before, Part::After] {
            part.run(&spared)?;
        }
        let spared = dump(&spared)?;
        ensure!(spared.difference(&after).is_some(), "the disaster must make a difference");

        let folder = tempfile::tempdir()?;
        let mut paths: Vec<PathBuf> = vec![];
        for log in source.binary_logs()? {
            let copy = folder.path().join(log.file_name().unwrap_or_default());
            std::fs::copy(&log, &copy)?;
            paths.push(copy);
        }
        let logs = LogSet::open(&paths)?;
        ensure!(logs.problems().is_empty(), "{:?}", logs.problems());
        ensure!(logs.logs().len() > 2, "the story rotates its logs");
        let events = logs.logs().iter().flat_map(|log| log.scan().events());
        let compressed = events.filter(|event| event.event_type().is_compressed()).count();
        let wanted = extra.iter().any(|option| option.contains("compress"));
        ensure!((compressed > 50) == wanted, "{compressed} compressed events");
        Ok(Story {
            product,
            logs,
            _folder: folder,
            disaster,
            before,
            after,
            spared,
            gtids,
            gtids_before,
        })
    }

    pub fn target(&self) -> Result<Target> {
        Ok(resolve(&self.logs, &self.disaster.parse()?)?)
    }
}

/// Whole dumps but for AUTO_INCREMENT counters: INSERT … SELECT reserves numbers that no row event
/// tells of, so that not even a replica has the same counters until rows reach beyond the gap.
pub fn dump(server: &Server) -> Result<Dump> {
    server.dump_with(&DumpOptions { without_auto_increment: true, ..DumpOptions::default() })
}

pub fn assert_same(what: &str, had: &Dump, needed: &Dump) -> Result<()> {
    match had.difference(needed) {
        None => Ok(()),
        Some(difference) => anyhow::bail!("{what}: {difference}"),
    }
}
