//! The ways to restore.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use servers::{Product, Server};

use super::Race;
use super::logs::RestoreLogs;

/// A way to restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The rival's stream.
    Rival,
    /// Our stream.
    Stream,
    /// Our relay logs: writing them, giving them to the server, and its applying them.
    RelayLog,
}

impl Way {
    /// The rival first: the others are compared with it.
    pub const ALL: [Way; 3] = [Way::Rival, Way::Stream, Way::RelayLog];

    /// What people would type.
    pub fn label(self, product: Product) -> &'static str {
        match (self, product.is_mariadb()) {
            (Way::Rival, false) => "mysqlbinlog | mysql --binary-mode",
            (Way::Rival, true) => "mariadb-binlog | mariadb --binary-mode",
            (Way::Stream, false) => "binlog replay | mysql --binary-mode",
            (Way::Stream, true) => "binlog replay | mariadb --binary-mode",
            (Way::RelayLog, _) => "binlog replay --format relay-log; apply.sql",
        }
    }

    /// Restores `logs` in `server`; returns the seconds that it took.
    pub fn restore(self, race: &Race, server: &Server, logs: &RestoreLogs) -> Result<f64> {
        let since = Instant::now();
        match self {
            Way::Rival => {
                let product = server.product();
                let mut tool = server.installation().tool(product.binlog_tool())?;
                tool.arg("--no-defaults").args(&logs.paths);
                pipe(tool, server)?;
            }
            Way::Stream => {
                let mut binlog = Command::new(&race.binlog);
                binlog.arg("replay").args(&logs.paths);
                pipe(binlog, server)?;
            }
            Way::RelayLog => relay_log(race, server, logs)?,
        }
        Ok(since.elapsed().as_secs_f64())
    }
}

/// Runs `writer | client`, in the way of a shell: nobody stands between.
fn pipe(mut writer: Command, server: &Server) -> Result<()> {
    let complaints = tempfile::NamedTempFile::new()?;
    let said = || -> Result<Stdio> { Ok(File::options().append(true).open(&complaints)?.into()) };
    let mut writer = writer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said()?).spawn()?;
    let stream = writer.stdout.take().context("no stdout")?;
    let mut client = server.client()?;
    let client =
        client.arg("--comments").stdin(stream).stdout(Stdio::null()).stderr(said()?).status();
    let (client, writer) = (client?, writer.wait()?);
    let said = fs::read_to_string(&complaints)?;
    ensure!(client.success() && writer.success(), "{writer}, {client}: {said}");
    Ok(())
}

fn relay_log(race: &Race, server: &Server, logs: &RestoreLogs) -> Result<()> {
    let home = tempfile::tempdir()?;
    let folder = home.path().join("relay-logs");
    let output = Command::new(&race.binlog)
        .args(["replay", "--format", "relay-log", "--output"])
        .arg(&folder)
        .args(&logs.paths)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    apply(race.workers, server, &folder)
}

/// Does what `apply.sql` says.
fn apply(workers: u32, server: &Server, folder: &Path) -> Result<()> {
    let script = fs::read_to_string(folder.join("apply.sql"))?;
    let commands = script.lines().filter_map(|line| line.strip_prefix("--      "));
    server.shell(&commands.collect::<Vec<_>>().join("\n"), folder)?;
    let (before, after) = ("@binlog_replay_workers = 4;", "@binlog_replay_workers = ");
    ensure!(script.contains(before), "apply.sql has no number of workers");
    let script = script.replace(before, &format!("{after}{workers};"));
    server.pipe(script.as_bytes(), [""; 0])?.success()?;
    Ok(())
}
