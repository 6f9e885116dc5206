//! The restore race: the same transactions into an empty server, by the rival's stream, by ours, and
//! as relay logs that the server applies itself.
//!
//! - `logs`: the transactions, written by a real server;
//! - `way`: the ways to restore them;
//! - `table`: what each took.
//!
//! Every way begins with an empty server of the same settings and ends with the tables' checksums and
//! the GTIDs compared with those of the server that wrote the logs.

mod logs;
mod table;
mod way;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use servers::{Product, Server, ServerOptions};

use logs::RestoreLogs;
use way::Way;

/// What is raced.
#[derive(Debug, Clone)]
pub struct Race {
    /// How many transactions are restored.
    pub transactions: u64,
    /// Workers of the server that applies relay logs.
    pub workers: u32,
    /// How often each way is gone.
    pub rounds: u16,
    /// Settings of the servers that are restored, `--NAME=VALUE`, behind those of every server.
    pub settings: Vec<String>,
    /// The products.
    pub products: Vec<Product>,
    /// The program.
    pub binlog: PathBuf,
}

/// Settings of the servers that are restored, the same for every way: a restore that fails is begun
/// anew, so nothing waits for a disk. They may be put back by [`Race::settings`].
const SETTINGS: [&str; 4] = [
    "--innodb-flush-log-at-trx-commit=0",
    "--sync-binlog=0",
    "--innodb-doublewrite=OFF",
    "--innodb-buffer-pool-size=512M",
];

/// MySQL's own default, which the servers of tests turn off. It costs something at every statement,
/// so it makes a difference how many there are.
const MYSQL_SETTINGS: [&str; 1] = ["--performance-schema=ON"];

impl Race {
    /// Runs the race and prints its tables.
    ///
    /// # Errors
    /// Where a server or a program fails, or what was restored is not what was there.
    pub fn run(&self) -> Result<()> {
        for product in &self.products {
            let logs = RestoreLogs::provide(*product, self.transactions)?;
            table::print_head(self, *product, &logs, &self.settings_of(*product));
            let mut seconds = Way::ALL.map(|_| vec![]);
            for _ in 0..self.rounds {
                for (way, seconds) in Way::ALL.iter().zip(&mut seconds) {
                    seconds.push(self.restore(*way, *product, &logs)?);
                }
            }
            table::print(self, *product, &seconds);
        }
        Ok(())
    }

    fn settings_of(&self, product: Product) -> Vec<String> {
        let own = if product.is_mariadb() { &[][..] } else { &MYSQL_SETTINGS };
        let settings = SETTINGS.iter().chain(own).map(|setting| (*setting).to_owned());
        settings.chain(self.settings.clone()).collect()
    }

    /// Restores in one way, and returns the seconds that it took.
    fn restore(&self, way: Way, product: Product, logs: &RestoreLogs) -> Result<f64> {
        let mut options = ServerOptions::with_args(self.settings_of(product));
        options.args.extend(logs::arguments(product));
        let server = Server::start(product, &options)?;
        let seconds =
            way.restore(self, &server, logs).with_context(|| way.label(product).to_owned())?;
        let restored = logs::state(&server)?;
        ensure!(
            restored == logs.state,
            "{}: needed {:?}, had {restored:?}",
            way.label(product),
            logs.state
        );
        Ok(seconds)
    }
}
