//! The undo of one large DELETE, `race undo-large`: seconds and memory, from a plain log, from one
//! whose transaction the server compressed, and from a packed one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use servers::{Product, Server, ServerOptions};

use crate::measure::time;

/// What is undone, and by which program.
#[derive(Debug, Clone)]
pub struct UndoLarge {
    /// Rows that one transaction deletes.
    pub rows: u64,
    /// The program.
    pub binlog: PathBuf,
}

/// A log whose last transaction is the DELETE.
struct Deleted {
    what: &'static str,
    log: PathBuf,
    address: String,
}

impl UndoLarge {
    /// Has a server delete the rows, measures the undos, and prints a table.
    ///
    /// # Errors
    /// Where a server or a program fails, or an undo has fewer rows than were deleted.
    pub fn run(&self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let deleted = self.logs(folder.path())?;
        println!("DELETE of {} rows in one transaction, MySQL 9.7", self.rows);
        println!(
            "log, bytes | format | seconds | processor s | private MiB | resident MiB | output bytes"
        );
        for Deleted { what, log, address } in &deleted {
            for format in ["sql", "base64"] {
                let out = folder.path().join("undo");
                let mut command = Command::new(&self.binlog);
                command.args(["undo", "--only", address, "--format", format, "--output"]);
                command.arg(&out).arg(log);
                let (status, cost) = time(command)?;
                ensure!(status.success(), "undo of {what} as {format}: {status}");
                let bytes = fs::metadata(&out)?.len();
                self.prove(&out, format)?;
                fs::remove_file(&out)?;
                println!(
                    "{what}, {} | {format} | {:.1} | {:.1} | {:.1} | {:.1} | {bytes}",
                    fs::metadata(log)?.len(),
                    cost.seconds,
                    cost.cpu_seconds,
                    mib(cost.private_bytes),
                    mib(cost.resident_bytes),
                );
            }
        }
        Ok(())
    }

    /// The logs: plain, compressed by the server, and the plain one packed.
    fn logs(&self, folder: &Path) -> Result<Vec<Deleted>> {
        let options = ServerOptions::with_args([
            "--binlog-row-metadata=FULL",
            "--innodb-redo-log-capacity=1G",
            "--innodb-buffer-pool-size=512M",
        ]);
        let server = Server::start(Product::Mysql97, &options)?;
        server.sql(
            "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, a INT, b VARCHAR(40));",
        )?;
        let mut deleted = vec![];
        for (what, compression) in [("plain", "OFF"), ("compressed payload", "ON")] {
            eprintln!("filling and emptying a table, {what}");
            self.fill(&server)?;
            server.flush_logs()?;
            let log = server.binary_logs()?.pop().context("no log")?;
            let name = log.file_name().context("no name")?.to_string_lossy().into_owned();
            let address = format!("{name}:{}", fs::metadata(&log)?.len());
            server.sql(format!(
                "SET binlog_transaction_compression={compression}; DELETE FROM d.t;"
            ))?;
            server.flush_logs()?;
            let kept = folder.join(&name);
            fs::copy(&log, &kept)?;
            fs::remove_file(&log)?;
            deleted.push(Deleted { what, log: kept, address });
        }
        drop(server);
        let packed = folder.join("packed");
        fs::create_dir(&packed)?;
        let plain = &deleted[0];
        let name = plain.log.file_name().context("no name")?.to_string_lossy().into_owned();
        let log = packed.join(format!("{name}.zst"));
        zstd::stream::copy_encode(File::open(&plain.log)?, File::create(&log)?, 3)?;
        let address = plain.address.clone();
        deleted.push(Deleted { what: "zst archive", log, address });
        Ok(deleted)
    }

    /// Fills the table, past the log.
    fn fill(&self, server: &Server) -> Result<()> {
        const BATCH: u64 = 500_000;
        for start in (0..self.rows).step_by(BATCH as usize) {
            let end = (start + BATCH).min(self.rows);
            server.sql(format!(
                "SET sql_log_bin=0, cte_max_recursion_depth=1000000;
                 INSERT INTO d.t WITH RECURSIVE n (i) AS
                   (SELECT {start} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {end})
                   SELECT i, i * 7 % 1000003, CONCAT('row number ', i * 31 % 999983) FROM n;"
            ))?;
        }
        let count = server.value("SELECT COUNT(*) FROM d.t;")?;
        ensure!(count == self.rows.to_string(), "{count} rows for {}", self.rows);
        Ok(())
    }

    /// Whether an undo is long enough to hold all rows: as SQL each has its key and its text, as
    /// base64 at least four thirds of both.
    fn prove(&self, undo: &Path, format: &str) -> Result<()> {
        let bytes = fs::metadata(undo)?.len();
        if bytes < self.rows * 24 {
            bail!("the undo as {format} has {bytes} bytes: too few for {} rows", self.rows);
        }
        Ok(())
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
