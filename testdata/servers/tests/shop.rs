//! The committed logs are what their facts say: of the bytes, and, replayed by
//! the products' own tools, of the rows.

use std::fs;
use std::process::Stdio;

use servers::shop::{self, Moment};
use servers::{Product, Server, ServerOptions, live};

/// 2026-03-10 15:15:00 UTC.
const DISASTER: u32 = 1_773_155_700;

fn position(product: Product, fact: &str) -> (String, usize) {
    let address = shop::fact(product, fact).unwrap();
    let (log, at) = address.rsplit_once(':').unwrap();
    (log.to_owned(), at.parse().unwrap())
}

#[test]
fn the_logs_are_small_and_their_facts_point_at_the_disaster() {
    let mut total = 0;
    for product in Product::ALL {
        let logs = shop::logs(product).unwrap();
        assert_eq!(logs.len(), 4);
        total += logs.iter().map(|log| fs::metadata(log).unwrap().len()).sum::<u64>();
        // Delete_rows: version 2 on MySQL, version 1 on MariaDB; GTID: 33, 162.
        let types = if product.is_mariadb() { [162, 25] } else { [33, 32] };
        for (fact, kind) in ["disaster", "disaster_rows"].into_iter().zip(types) {
            let (log, at) = position(product, fact);
            let bytes = fs::read(shop::folder(product).join(log)).unwrap();
            assert_eq!(bytes[at..at + 4], DISASTER.to_le_bytes(), "{fact}");
            assert_eq!(bytes[at + 4], kind, "{fact}");
        }
    }
    assert!(total < 3 << 20, "{total} bytes");
}

#[test]
fn replayed_by_the_products_own_tools_the_logs_give_the_recorded_rows() {
    for product in live() {
        let args = if product.is_mariadb() {
            &[][..]
        } else {
            &["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]
        };
        let server =
            Server::start(product, &ServerOptions::with_args(args.iter().copied())).unwrap();
        let (log, at) = position(product, "disaster");
        let logs = shop::logs(product).unwrap();
        let until = logs.iter().position(|path| path.ends_with(&log)).unwrap();
        let replay = |arguments: &[String]| {
            let mut tool = server.installation().tool(product.binlog_tool()).unwrap();
            let mut tool = tool.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
            let run = server.pipe(tool.stdout.take().unwrap(), [""; 0]).unwrap();
            run.success().unwrap();
            assert!(tool.wait().unwrap().success());
            shop::rows_of(&server.dump().unwrap())
        };
        let path = |n: usize| logs[n].display().to_string();
        let mut arguments: Vec<String> = (0..=until).map(path).collect();
        arguments.push(format!("--stop-position={at}"));
        assert_eq!(replay(&arguments), shop::recorded(product, Moment::Before).unwrap());
        let mut arguments: Vec<String> = (until..logs.len()).map(path).collect();
        arguments.push(format!("--start-position={at}"));
        assert_eq!(replay(&arguments), shop::recorded(product, Moment::Damaged).unwrap());
    }
}
