//! Runs a small shop for a day on a real server, lets its users be deleted at
//! 15:15, goes on for an hour, and keeps the binary logs.
//!
//! `cargo run -p servers --bin make-shop -- PRODUCT FOLDER`
//!
//! The server's clock is set, so that every time in the logs is of that day. The
//! same day is lived a second time without the disaster, for the checksums of
//! what an undo has to bring back.

mod chance;
mod record;
mod traffic;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use servers::{Dump, Product, Server, ServerOptions};

use record::{Disaster, Record};
use traffic::Shop;

/// 2026-03-10 00:00:00 UTC, a Tuesday.
const DAY: u64 = 1_773_100_800;

/// MySQL's server_uuid, the same in every run.
const UUID: &str = "5b0f0000-5b0f-11f1-8000-000000001515";

/// The statement that lost the users.
const DISASTER: &str = "DELETE FROM users;";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(folder)) = (arguments.next(), arguments.next()) else {
        bail!("usage: make-shop PRODUCT FOLDER");
    };
    let product = Product::from_name(&name).with_context(|| {
        format!("no product {name}; known: {}", Product::ALL.map(Product::name).join(", "))
    })?;
    let unharmed = live(product, false)?;
    let lived = live(product, true)?;
    if lived.before.difference(&unharmed.before).is_some() {
        bail!("the two days differ before the disaster");
    }
    let record = Record {
        disaster: lived.disaster.context("no disaster happened")?,
        before: lived.before,
        damaged: lived.after,
        unharmed: unharmed.after,
    };
    record.keep(lived.server, &PathBuf::from(folder))
}

/// A day that has been lived.
struct Lived {
    server: Server,
    before: Dump,
    after: Dump,
    disaster: Option<Disaster>,
}

/// Server arguments that differ from this crate's: GTIDs on MySQL, and a server
/// id. The rest that binary logs depend on is at the products' defaults: MySQL
/// logs no statement texts and column names neither; MariaDB logs statement
/// texts (Annotate_rows) and no optional metadata at all.
fn options(product: Product) -> ServerOptions {
    let args = ["--server-id=15", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"];
    let count = if product.is_mariadb() { 1 } else { args.len() };
    ServerOptions {
        server_uuid: (!product.is_mariadb()).then(|| UUID.to_owned()),
        clock: Some((DAY + hours(5, 59)) as f64),
        ..ServerOptions::with_args(args.into_iter().take(count))
    }
}

fn hours(hours: u64, minutes: u64) -> u64 {
    hours * 3600 + minutes * 60
}

fn live(product: Product, disastrous: bool) -> Result<Lived> {
    let server = Server::start(product, &options(product))?;
    let mut shop = Shop::open(&server, DAY + hours(6, 0))?;
    let until = |shop: &mut Shop<'_>, h, m| shop.trade_until(DAY + hours(h, m));
    shop.found()?;
    until(&mut shop, 9, 30)?;
    shop.office("ALTER TABLE users ADD COLUMN phone VARCHAR(20) DEFAULT NULL AFTER email;")?;
    shop.office("UPDATE users SET phone = CONCAT('+41 44 ', 1000000 + id) WHERE id % 9 = 0;")?;
    until(&mut shop, 10, 0)?;
    shop.rotate()?;
    until(&mut shop, 11, 20)?;
    shop.close_account()?;
    until(&mut shop, 12, 0)?;
    shop.office("DELETE FROM visits WHERE seen_at < '2026-03-10 11:00:00';")?;
    shop.office("UPDATE products SET price = ROUND(price * 0.9, 2), tags = CONCAT_WS(',', NULLIF(tags, ''), 'sale') WHERE category = 'garden';")?;
    until(&mut shop, 13, 5)?;
    shop.office(
        "ALTER TABLE users ADD COLUMN points INT UNSIGNED NOT NULL DEFAULT 0, ADD KEY (city);",
    )?;
    until(&mut shop, 13, 30)?;
    shop.rotate()?;
    until(&mut shop, 15, 15)?;

    let before = server.dump()?;
    let disaster = disastrous.then(|| record::observe(&server, || shop.office(DISASTER).map(drop)));
    shop.wait_until(DAY + hours(15, 16));
    shop.without_users()?;
    until(&mut shop, 15, 40)?;
    shop.rotate()?;
    until(&mut shop, 16, 15)?;
    drop(shop);
    let after = server.dump()?;
    Ok(Lived { disaster: disaster.transpose()?, before, after, server })
}
