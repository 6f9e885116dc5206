//! Writes the binary logs of the fixtures, disaster included, into a folder.
//!
//! `cargo run -p servers --bin fixture-logs -- PRODUCT FOLDER [SERVER ARGUMENT...]`

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use servers::fixtures::{DISASTER, Part};
use servers::{Product, Server, ServerOptions};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(folder)) = (arguments.next(), arguments.next()) else {
        bail!("usage: fixture-logs PRODUCT FOLDER [SERVER ARGUMENT...]");
    };
    let product = Product::from_name(&name).with_context(|| {
        format!("no product {name}; known: {:?}", Product::ALL.map(Product::name))
    })?;
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;

    let mut server = Server::start(product, &ServerOptions::with_args(arguments))?;
    Part::Schema.run(&server)?;
    Part::Before.run(&server)?;
    server.sql(format!("{DISASTER};"))?;
    Part::After.run(&server)?;
    server.stop_cleanly()?;
    for log in server.binary_logs()? {
        let name = log.file_name().context("a log without a name")?;
        fs::copy(&log, folder.join(name))?;
        println!("{}", folder.join(name).display());
    }
    Ok(())
}
