//! A server that logs statements, its logs, and what becomes of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use binlog_parser::source::log_set::LogSet;
use replay::stream::{self, Manifest, Options, PACKET_BYTES};
use servers::fixtures::run_script;
use servers::{Dump, DumpOptions, Product, Server, ServerOptions};
use tempfile::TempDir;

/// `binlog_format` of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Statement,
    Mixed,
}

const COMMON: &str = include_str!("common.sql");
const MYSQL: &str = include_str!("mysql.sql");
const MARIADB: &str = include_str!("mariadb.sql");
const MIXED: &str = include_str!("mixed.sql");

/// Statements that fail part-way, and the one that their effects show by.
const FAILING: &str = "USE only_mariadb;
CREATE TABLE aria (a INT PRIMARY KEY, b VARCHAR(60)) ENGINE = Aria TRANSACTIONAL = 0;
SET @stays = 0.1e0 + 0.2e0;
INSERT INTO aria VALUES (1, @stays), (2, RAND() > 2), (1, 'again');
INSERT INTO aria VALUES (3, 'x'), (4, 'x');
UPDATE aria SET a = 9, b = CONCAT(b, RAND() > 2);
INSERT INTO aria VALUES (10, 'after a failure');";

/// What MariaDB 11.8 does not log of a session.
const UNCHECKED: &str = "USE only_mariadb;
SET check_constraint_checks = 0;
INSERT INTO t (x) VALUES ('much too long for the check');
SET check_constraint_checks = 1;
INSERT INTO t (x) VALUES ('short');";

/// A named time zone, which servers have only where somebody loads one.
const TIME_ZONE: &str = "SET sql_log_bin = 0;
INSERT INTO mysql.time_zone VALUES (9001, 'N');
INSERT INTO mysql.time_zone_name VALUES ('Test/Zone', 9001);
INSERT INTO mysql.time_zone_transition_type VALUES (9001, 0, 5400, 0, 'TZ');";

/// Starts a server that logs in this format.
pub fn start(product: Product, format: Format) -> Result<Server> {
    let mut options = ServerOptions::with_args([
        format!("--binlog-format={format:?}"),
        "--log-bin-trust-function-creators=1".to_owned(),
        "--local-infile=1".to_owned(),
        "--secure-file-priv=".to_owned(),
        "--event-scheduler=OFF".to_owned(),
    ]);
    if !product.is_mariadb() && format == Format::Mixed {
        options = options.and_args(["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]);
    }
    options.server_uuid = Some("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee".into());
    let server = Server::start(product, &options)?;
    server.sql(TIME_ZONE)?;
    Ok(server)
}

/// All that is stored. As rows, INSERT … SELECT does not tell of the numbers that it reserved, so
/// that not even a replica has the same counters then.
pub fn dump(server: &Server, format: Format) -> Result<Dump> {
    let without_auto_increment = format == Format::Mixed;
    server.dump_with(&DumpOptions { without_auto_increment, ..DumpOptions::default() })
}

/// How two dumps differ, for a message.
pub fn difference(had: &Dump, needed: &Dump) -> String {
    had.difference(needed).unwrap_or_default()
}

/// Options of a replay of everything.
pub fn options() -> Options {
    Options { packet_bytes: PACKET_BYTES, ..Options::default() }
}

/// What happened on a server that is gone by now.
pub struct Story {
    product: Product,
    format: Format,
    logs: LogSet,
    paths: Vec<PathBuf>,
    /// Keeps the copies of the logs, and the files that were loaded.
    folder: TempDir,
    pub after: Dump,
    pub gtids: String,
}

impl Story {
    pub fn tell(product: Product, format: Format) -> Result<Story> {
        let folder = tempfile::tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        write_files(folder.path())?;
        let server = start(product, format)?;
        let family = if product.is_mariadb() { MARIADB } else { MYSQL };
        for script in [COMMON, family] {
            let script = script.replace("@FOLDER@", &folder.path().display().to_string());
            run_script(&server, script.as_bytes())?;
        }
        if format == Format::Mixed {
            run_script(&server, MIXED.as_bytes())?;
        }
        if product == Product::Mariadb1011 {
            server.sql(UNCHECKED)?;
        }
        if product.is_mariadb() {
            let run = server.pipe(FAILING.as_bytes(), ["--force"])?;
            ensure!(run.stderr.matches("Duplicate entry").count() == 2, "{}", run.stderr);
        }
        let mut paths = vec![];
        for log in server.binary_logs()? {
            let copy = folder.path().join(log.file_name().unwrap_or_default());
            fs::copy(&log, &copy)?;
            paths.push(copy);
        }
        let logs = LogSet::open(&paths)?;
        ensure!(logs.problems().is_empty(), "{:?}", logs.problems());
        let (after, gtids) = (dump(&server, format)?, server.gtid_executed()?);
        Ok(Story { product, format, logs, paths, folder, after, gtids })
    }

    /// Writes the stream with so many threads.
    pub fn stream(&self, options: &Options, threads: usize) -> Result<Stream> {
        let load = self.folder.path().join("load");
        if load.exists() {
            fs::remove_dir_all(&load)?;
        }
        let options = Options { load_folder: Some(load), ..options.clone() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        pool.install(|| {
            let mut bytes = vec![];
            let manifest = stream::replay(&self.logs, &options, &mut bytes, &mut |_| {})?;
            Ok(Stream { bytes, manifest })
        })
    }

    /// What is there after the stream of the product's own tool, its errors passed over.
    pub fn replay_by_rival(&self) -> Result<Dump> {
        let server = start(self.product, self.format)?;
        let name = if self.product.is_mariadb() { "mariadb-binlog" } else { "mysqlbinlog" };
        // A tool of a server, so that it is run as the server's programs are.
        let mut tool = server.installation().tool(name)?;
        tool.arg("--no-defaults").arg("--local-load").arg(self.folder.path());
        let output = tool.args(&self.paths).output()?;
        let arguments = ["--comments", "--local-infile=1", "--force"];
        server.pipe(&output.stdout[..], arguments)?;
        dump(&server, self.format)
    }

    /// Nothing from the logs has run on the client.
    pub fn assert_untouched(&self) -> Result<()> {
        for canary in [self.folder.path().join("canary"), "canary".into()] {
            ensure!(!canary.exists(), "a log has run a command");
        }
        Ok(())
    }
}

/// A stream, and what it says of itself.
pub struct Stream {
    pub bytes: Vec<u8>,
    pub manifest: Manifest,
}

impl Stream {
    /// Feeds it to a client with what it says that it needs.
    pub fn feed(&self, server: &Server) -> Result<()> {
        let options = self.manifest.client_options();
        server.pipe(&self.bytes[..], &options)?.success().map(drop)
    }
}

/// The files that the scripts load.
fn write_files(folder: &Path) -> Result<()> {
    let big: String = (0..900).map(|i| format!("{i}\t{}\n", "x".repeat(i % 500))).collect();
    let files: [(&str, &[u8]); 6] = [
        ("plain.txt", "1\té\tit's\n2\t☕\t\\N\n3\ta\\tb\tc\\\\d\n".as_bytes()),
        ("odd.txt", b"head\n>1,\"a,b\",c\n>4,d\\,e,\"f\"\"g\"\nnone\nx>5,h,i\n"),
        ("latin.txt", b"1\t\xE9\t\xE8\n2\tx\ty\n"),
        ("slash.txt", b"1|a\\nb|c\n2|d\\|e|f\n"),
        ("more.txt", b"500\tmore\trows\n"),
        ("big.txt", big.as_bytes()),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::write(&path, bytes)?;
        // The servers load only what everybody may read.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}
