//! Relay logs, taken by the parallel appliers of real servers as their script says: whole dumps and
//! GTIDs are compared. The server that applies has the id of the one that wrote the logs.

mod story;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use binlog_parser::source::log_set::LogSet;
use replay::relay_log::{self, FILE_BYTES, Manifest, SCRIPT};
use replay::stream::Options;
use servers::{ClientRun, Product, Server};
use story::{Story, assert_same, dump, options};

/// What a server needs, so that its log tells the same story as the source's.
fn arguments(product: Product) -> &'static [&'static str] {
    if product.is_mariadb() {
        &["--log-slave-updates"]
    } else {
        &["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]
    }
}

fn write(logs: &LogSet, options: &Options, file_bytes: u64, folder: &Path) -> Result<Manifest> {
    let mut files = |name: &str| -> std::io::Result<Box<dyn Write>> {
        Ok(Box::new(BufWriter::new(File::create(folder.join(name))?)))
    };
    Ok(relay_log::write(logs, options, file_bytes, &mut files, &mut |_| {})?)
}

/// Does what the script says: its commands, then the script itself.
fn apply(server: &Server, folder: &Path) -> Result<ClientRun> {
    let script = fs::read_to_string(folder.join(SCRIPT))?;
    let commands: Vec<_> =
        script.lines().filter_map(|line| line.strip_prefix("--      ")).collect();
    ensure!(commands.len() > 5, "no commands in {script}");
    let programs = tempfile::tempdir()?;
    let client = server.tool(server.product().client())?;
    let words = std::iter::once(client.get_program()).chain(client.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let program = programs.path().join(server.product().client());
    fs::write(&program, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700))?;
    let path = std::env::var("PATH")?;
    let output = Command::new("sh")
        .args(["-ec", &commands.join("\n")])
        .env("PATH", format!("{}:{path}", programs.path().display()))
        .envs(client.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(folder)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.pipe(script.as_bytes(), [""; 0])
}

/// Applies what `options` select in an empty server.
fn replay(
    product: Product,
    logs: &LogSet,
    replayed: &Options,
    file_bytes: u64,
) -> Result<(Server, Manifest)> {
    let folder = tempfile::tempdir()?;
    let manifest = write(logs, replayed, file_bytes, folder.path())?;
    let server = Server::start(product, &options(arguments(product)))?;
    apply(&server, folder.path())?.success().with_context(|| server.error_log())?;
    let left = fs::read_dir(server.data_folder())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| relay_log::is_ours(name) || name.contains("binlog_replay"))
        .collect::<Vec<_>>();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok((server, manifest))
}

fn live(product: Product, test: impl FnOnce(Product) -> Result<()>) -> Result<()> {
    if servers::live().contains(&product) { test(product) } else { Ok(()) }
}

/// The story up to its disaster, and the story without it.
fn applies_exactly(product: Product) -> Result<()> {
    let story = Story::tell(product, arguments(product))?;
    let cut = Options { stop_before: Some(story.target()?), ..Options::default() };
    // Files so small that there are many.
    let (server, manifest) = replay(product, &story.logs, &cut, 100_000)?;
    assert_same("--stop-before the disaster", &dump(&server)?, &story.before)?;
    assert_eq!(server.gtid_executed()?, story.gtids_before);
    ensure!(manifest.files.len() > 2, "{manifest:?}");

    let skip = Options { skip: vec![story.target()?], ..Options::default() };
    let (server, manifest) = replay(product, &story.logs, &skip, FILE_BYTES)?;
    assert_same("--skip the disaster", &dump(&server)?, &story.spared)?;
    assert_eq!(server.gtid_executed()?, story.gtids);
    assert_eq!((manifest.stream.skipped.len(), manifest.files.len()), (1, 1));

    // MySQL gives GTIDs of its own where they are taken away; in MariaDB they cannot be.
    let whole = Options { skip_gtids: !product.is_mariadb(), ..Options::default() };
    let (server, _) = replay(story.product, &story.logs, &whole, FILE_BYTES)?;
    assert_same("all logs", &dump(&server)?, &story.after)?;
    Ok(())
}

#[test]
fn mysql_9_7_applies_exactly() -> Result<()> {
    live(Product::Mysql97, applies_exactly)
}

#[test]
fn mariadb_10_11_applies_exactly() -> Result<()> {
    live(Product::Mariadb1011, applies_exactly)
}

#[test]
fn mariadb_11_8_applies_exactly() -> Result<()> {
    live(Product::Mariadb118, applies_exactly)
}
