//! The undo as a log: what a log needs is in it, and a replica's applier takes it as it is.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use binlog_parser::header::flags;
use binlog_parser::scan::Scanned;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Unit, Units};
use replay::relay_log::{self, FILE_BYTES, SCRIPT};
use replay::select::resolve;
use replay::stream::Options;
use replay::undo::{Format, Request, Scope};
use servers::fixtures::DESTRUCTIBLE;
use servers::{Product, Server, live};

use crate::support::{dump, next_address, start_with, undo};

/// The name that the log gets.
const NAME: &str = "undo.000001";

/// Without a position of the replica's own among what is compared.
fn arguments(product: Product) -> &'static [&'static str] {
    match product.is_mariadb() {
        true => &["--binlog-checksum=NONE"],
        false => &["--gtid-mode=ON", "--enforce-gtid-consistency=ON"],
    }
}

/// Every event is where it says, and all of them are one transaction.
fn assert_sound(log: &Log, product: Product) {
    let mut types = vec![];
    for scanned in log.scan() {
        match scanned {
            Scanned::Event(event) => {
                assert_eq!(u64::from(event.header().log_pos), event.end());
                let is_head = types.is_empty();
                let taken = !is_head && product.is_mariadb();
                assert_eq!(event.header().has(flags::ACCEPT_OWN), taken, "{event:?}");
                types.push(event.event_type().name());
            }
            Scanned::Damage(damage) => panic!("{damage:?}"),
        }
    }
    let head: &[&str] = match product.is_mariadb() {
        true => &["Format_desc", "Gtid_list", "Query", "Table_map"],
        false => &["Format_desc", "Previous_gtids", "Anonymous_Gtid", "Query", "Table_map"],
    };
    assert_eq!(types[..head.len()], *head);
    assert_eq!(types.last(), Some(&"Xid"));
    assert_eq!(log.format().checksum.name(), "CRC32");
    let transactions = Units::new(log.scan()).filter_map(|unit| match unit {
        Unit::Transaction(transaction) => Some(transaction.ending),
        _ => None,
    });
    assert_eq!(transactions.collect::<Vec<_>>(), [Ending::Xid]);
}

/// Has an applier take `log` in the place of a relay log, or what a replay makes of it, by the
/// commands and the script of the replay. A log as it is names no log of a source, so that there is
/// no position to wait for.
fn apply_as_relay_log(server: &Server, log: &Path, wrapped: bool) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = |name: &str| -> std::io::Result<Box<dyn Write>> {
        Ok(Box::new(BufWriter::new(File::create(folder.path().join(name))?)))
    };
    let set = LogSet::open(&[log.to_owned()]).unwrap();
    let manifest =
        relay_log::write(&set, &Options::default(), FILE_BYTES, &mut files, &mut |_| {}).unwrap();
    let script = fs::read_to_string(folder.path().join(SCRIPT)).unwrap();
    if !wrapped {
        fs::copy(log, folder.path().join(&manifest.files[0].0)).unwrap();
    }
    let commands: Vec<_> =
        script.lines().filter_map(|line| line.strip_prefix("--      ")).collect();
    server.shell(&commands.join("\n"), folder.path()).unwrap();
    let run = |script: &str| {
        let ran = server.pipe(script.as_bytes(), [""; 0]).unwrap();
        ran.success().unwrap_or_else(|e| panic!("{e:#}\n{}", server.error_log()));
    };
    if wrapped {
        return run(&script);
    }
    let (start, _) = script.split_once("-- Waits").unwrap();
    run(start);
    // MySQL counts up to the end of the log; MariaDB goes on to the next relay log at once, and ends
    // the transaction before it stops.
    let end = fs::metadata(log).unwrap().len().to_string();
    let (status, reached, stop) = match server.product().is_mariadb() {
        true => (
            "SHOW SLAVE 'binlog_replay' STATUS;",
            "Slave has read all relay log; waiting for more updates",
            "STOP SLAVE 'binlog_replay'; RESET SLAVE 'binlog_replay' ALL;",
        ),
        false => (
            "SHOW REPLICA STATUS FOR CHANNEL 'binlog_replay';",
            &*end,
            "STOP REPLICA FOR CHANNEL 'binlog_replay'; \
             RESET REPLICA ALL FOR CHANNEL 'binlog_replay';",
        ),
    };
    let deadline = Instant::now() + Duration::from_secs(100);
    loop {
        let now = server.value(status).unwrap();
        if now.split('\t').any(|field| field == reached) {
            break;
        }
        assert!(Instant::now() < deadline, "{reached} is not reached: {now}");
        thread::sleep(Duration::from_millis(100));
    }
    run(stop);
}

#[test]
fn an_applier_takes_the_log_in_the_place_of_a_relay_log() {
    for product in live() {
        let server = start_with(product, arguments(product));
        let before = dump(&server, true);
        for wrapped in [false, true] {
            let cut = next_address(&server);
            // MariaDB 11.8 leaves virtual columns out of its images, which no undo takes.
            let is_whole =
                |table: &&str| product != Product::Mariadb118 || *table != "every.computed";
            let tables: Vec<_> = DESTRUCTIBLE.into_iter().filter(is_whole).collect();
            for table in &tables {
                server.sql(format!("DELETE FROM {table};")).unwrap();
            }
            assert!(before.difference(&dump(&server, true)).is_some());
            let (log, report) = undo(&server, |set| {
                Request::new(Scope::BackTo(resolve(set, &cut).unwrap()), Format::Binlog)
            });
            assert_eq!(report.transactions, tables.len() as u64, "{report:?}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(NAME);
            fs::write(&path, &log).unwrap();
            assert_sound(&Log::open(&path).unwrap(), product);
            apply_as_relay_log(&server, &path, wrapped);
            let difference = before.difference(&dump(&server, true));
            assert_eq!(difference, None, "{} {wrapped}", product.name());
        }
    }
}
