//! Updates of parts of JSON documents (`binlog_row_value_options = PARTIAL_JSON`): replayed, undone,
//! and dumped from a real server.

use anyhow::Result;
use binlog_parser::address::{Address, EventAddress};
use binlog_parser::header::EventType;
use binlog_parser::source::log_set::LogSet;
use replay::select::resolve;
use replay::stream::{self, Options};
use replay::undo::{Format, Request, Scope, plan};
use servers::{Dump, DumpOptions, Product, Server, ServerOptions, live};

const TABLES: &str = "
CREATE DATABASE d;
CREATE TABLE d.docs (id INT PRIMARY KEY, a JSON, n INT, b JSON, t TEXT, c JSON);
CREATE TABLE d.keyless (a JSON, n INT);
INSERT INTO d.docs VALUES
    (1, '{\"name\": \"something long enough to be worth a difference\", \"tags\": [1, 2, 3]}', 1,
     '[{\"x\": 1}, \"a text that is long enough, too\", null]', 'text', NULL),
    (2, '{\"name\": \"another one, as long as it must be to be kept\", \"deep\": {\"er\": {\"est\": [[0]]}}}', 2,
     CAST(CONCAT('[', REPEAT('100000,', 20000), '1]') AS JSON), NULL, '{}'),
    (3, JSON_OBJECT('when', CAST('2024-02-29 12:34:56.789' AS DATETIME(3)), 'much', 1.50,
         'odd \"key\"', 'v', 'é', REPEAT('x', 300)), 3, NULL, '', '[]');
INSERT INTO d.keyless SELECT a, n FROM d.docs;
";

/// Each an UPDATE; most are logged as differences, some cannot be.
const UPDATES: [&str; 16] = [
    "UPDATE d.docs SET a = JSON_SET(a, '$.name', 'short')",
    "UPDATE d.docs SET a = JSON_SET(a, '$.new', CAST('[1, {\"b\": true}]' AS JSON)), n = n + 1",
    "UPDATE d.docs SET a = JSON_SET(a, '$.tags[3]', 4, '$.tags[9]', 5), b = JSON_SET(b, '$[0].x', -7)",
    "UPDATE d.docs SET b = JSON_REMOVE(b, '$[1]') WHERE b IS NOT NULL",
    "UPDATE d.docs SET b = JSON_SET(b, '$[last]', 'last') WHERE id = 2",
    "UPDATE d.docs SET a = JSON_SET(a, '$.deep.er.est[0][0]', JSON_ARRAY(1, 2)) WHERE id = 2",
    "UPDATE d.docs SET a = JSON_REMOVE(a, '$.deep.er') WHERE id = 2",
    "UPDATE d.docs SET b = JSON_REPLACE(b, '$[19000]', REPEAT('y', 70000)) WHERE id = 2",
    "UPDATE d.docs SET a = JSON_REMOVE(a, '$.\"odd \\\\\"key\\\\\"\"', '$.much') WHERE id = 3",
    "UPDATE d.docs SET a = JSON_SET(a, '$.\"\\u00e9\"', CAST('11:22:33' AS TIME)) WHERE id = 3",
    "UPDATE d.docs SET c = JSON_SET(c, '$.k', 1), a = NULL WHERE id = 2",
    "UPDATE d.docs SET c = '{\"whole\": \"document\"}', t = 'other' WHERE id = 1",
    "UPDATE d.docs SET t = 'no document changes'",
    "UPDATE d.keyless SET a = JSON_SET(a, '$.name', REPEAT('long', 100), '$.n', n)",
    "UPDATE d.keyless SET a = JSON_REMOVE(a, '$.name')",
    "UPDATE d.docs, d.keyless SET docs.a = JSON_SET(docs.a, '$.z', 1), keyless.a = \
     JSON_SET(keyless.a, '$.z', 2) WHERE docs.id = keyless.n",
];

fn start(product: Product) -> Result<Server> {
    let mut options = ServerOptions::with_args([
        "--binlog-row-value-options=PARTIAL_JSON",
        "--gtid-mode=ON",
        "--enforce-gtid-consistency=ON",
    ]);
    options.server_uuid = Some("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee".into());
    Server::start(product, &options)
}

fn dump(server: &Server) -> Result<Dump> {
    server.dump_with(&DumpOptions::default())
}

/// How many events of partial updates there are.
fn partial_updates(set: &LogSet) -> usize {
    let events = set.logs().iter().flat_map(|log| log.scan().events());
    events.filter(|event| event.event_type() == EventType::PARTIAL_UPDATE_ROWS).count()
}

#[test]
fn parts_of_documents_are_replayed_and_undone() -> Result<()> {
    for product in live().into_iter().filter(|product| !product.is_mariadb()) {
        let server = start(product)?;
        server.sql(TABLES)?;
        let before = dump(&server)?;
        let log = server.binary_logs()?.pop().unwrap();
        let name = log.file_name().unwrap().to_str().unwrap().into();
        let cut = Address::Event(EventAddress::new(&name, std::fs::metadata(&log)?.len()));
        for update in UPDATES {
            server.sql(format!("{update};"))?;
        }
        let after = dump(&server)?;
        assert!(before.difference(&after).is_some());
        let set = LogSet::open(&server.binary_logs()?)?;
        assert!(partial_updates(&set) >= 12, "{}", partial_updates(&set));

        let mut replayed = vec![];
        stream::replay(&set, &Options::default(), &mut replayed, &mut |_| {})?;
        let other = start(product)?;
        other.pipe(&replayed[..], ["--comments"])?.success()?;
        assert_eq!(dump(&other)?.difference(&after), None);
        assert_eq!(other.gtid_executed()?, server.gtid_executed()?);

        for (format, server) in [(Format::Base64, &server), (Format::Sql, &other)] {
            let request = Request::new(Scope::BackTo(resolve(&set, &cut)?), format);
            let mut script = vec![];
            plan(&set, &request)?.write(&mut script)?;
            server.pipe(&script[..], ["--max-allowed-packet=1G"])?.success()?;
            assert_eq!(dump(server)?.difference(&before), None, "{format:?}");
        }
    }
    Ok(())
}
