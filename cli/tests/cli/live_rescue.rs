//! Three commands and the data is back: the shop's logs, rescued onto real servers.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use servers::shop::{self, Moment};
use servers::{Product, Server, ServerOptions};

use crate::common::binlog;

fn start(product: Product) -> Result<Server> {
    let gtids = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"];
    let arguments = if product.is_mariadb() { &[][..] } else { &gtids };
    Server::start(product, &ServerOptions::with_args(arguments.iter().copied()))
}

/// Runs the program on the shop's logs; fails unless it ends with 0.
fn run(product: Product, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = binlog().args(arguments).arg(shop::folder(product)).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {}: {stderr}", output.status);
    Ok(output.stdout)
}

/// Gives a stream to a server, as the reports say.
fn feed(server: &Server, stream: impl Read) -> Result<()> {
    server.pipe(stream, ["--comments"])?.success().map(drop)
}

fn check(server: &Server, moment: Moment) -> Result<()> {
    let product = server.product();
    let rows = shop::rows_of(&server.dump()?);
    assert_eq!(rows, shop::recorded(product, moment)?, "{} {}", product.name(), moment.name());
    Ok(())
}

#[test]
fn the_folder_of_a_rescue_brings_the_data_back() -> Result<()> {
    for product in servers::live() {
        rescue(product).with_context(|| product.name())?;
    }
    Ok(())
}

fn rescue(product: Product) -> Result<()> {
    let parent = tempfile::tempdir()?;
    let folder = parent.path().join("saved");
    let saved = folder.to_str().context("a path in UTF-8")?;
    let report = run(product, &["rescue", "--format=json", "--output", saved])?;
    let report: Value = serde_json::from_slice(&report)?;
    assert_eq!(report["transaction"], shop::fact(product, "disaster")?);
    let file = |part: &str| -> Result<File> {
        let path = report[part]["file"].as_str().context("a file")?;
        Ok(File::open(Path::new(path))?)
    };

    // A server restored from a backup comes to the moment before.
    let restored = start(product)?;
    feed(&restored, file("replay")?)?;
    check(&restored, Moment::Before)?;
    if !product.is_mariadb() {
        assert_eq!(restored.gtid_executed()?, shop::fact(product, "gtids_before")?);
    }

    // The damaged server gets its rows back, and nothing else.
    let damaged = start(product)?;
    feed(&damaged, &run(product, &["replay"])?[..])?;
    check(&damaged, Moment::Damaged)?;
    feed(&damaged, file("undo")?)?;
    check(&damaged, Moment::Unharmed)?;
    Ok(())
}

#[test]
fn the_day_without_the_disaster() -> Result<()> {
    for product in servers::live() {
        let disaster = shop::fact(product, "disaster")?;
        let server = start(product)?;
        feed(&server, &run(product, &["replay", "--skip", &disaster])?[..])?;
        check(&server, Moment::Unharmed).with_context(|| product.name())?;
        if !product.is_mariadb() {
            assert_eq!(server.gtid_executed()?, shop::fact(product, "gtids_after")?);
        }
    }
    Ok(())
}

#[test]
fn the_undo_works_in_both_forms() -> Result<()> {
    for product in servers::live() {
        let disaster = shop::fact(product, "disaster")?;
        for format in ["sql", "base64"] {
            let server = start(product)?;
            feed(&server, &run(product, &["replay"])?[..])?;
            let undo = run(product, &["undo", "--format", format, "--only", &disaster])?;
            feed(&server, &undo[..])?;
            check(&server, Moment::Unharmed)
                .with_context(|| format!("{} {format}", product.name()))?;
        }
    }
    Ok(())
}

#[test]
fn the_disaster_is_the_first_finding_of_every_shop() -> Result<()> {
    for product in Product::ALL {
        let found = run(product, &["find", "--format=json"])?;
        let first = String::from_utf8(found)?;
        let first: Value = serde_json::from_str(first.lines().next().context("a finding")?)?;
        assert_eq!(first["transaction"], shop::fact(product, "disaster")?, "{}", product.name());
        assert_eq!((&first["rows"], &first["table"]), (&444.into(), &"users".into()));
        assert_eq!(first["severity"], "critical", "{}", product.name());
    }
    Ok(())
}

#[test]
fn no_rescue_touches_a_log() -> Result<()> {
    let product = Product::Mysql97;
    let before: Vec<_> = shop::logs(product)?.iter().map(fs::read).collect::<Result<_, _>>()?;
    let parent = tempfile::tempdir()?;
    let saved = parent.path().join("saved");
    run(product, &["rescue", "--output", saved.to_str().context("a path in UTF-8")?])?;
    let after: Vec<_> = shop::logs(product)?.iter().map(fs::read).collect::<Result<_, _>>()?;
    assert!(before == after);
    Ok(())
}
