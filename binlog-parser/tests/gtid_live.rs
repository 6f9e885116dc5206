//! GTIDs against the servers themselves: what they write, what they print, and what their set
//! functions answer.

use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::event::gtid_list::GtidListEvent;
use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
use binlog_parser::gtid::{GtidSet, MariadbBinlogState, TransactionGtid};
use binlog_parser::header::EventType;
use binlog_parser::scan::{RawEvent, Scanned};
use binlog_parser::source::log::Log;
use servers::client::unescape;
use servers::{Product, Server, ServerOptions, live};

const UUID: &str = "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb";
const OTHER: &str = "00000000-ffff-eeee-dddd-cccccccccccc";

/// Runs `see` on every event of every log of the server, beside what the server says of it.
fn for_each_event(server: &Server, mut see: impl FnMut(&RawEvent<'_>, &str)) {
    for path in server.binary_logs().unwrap() {
        // The server is asked first, for the log may grow by what it writes when it has time.
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut shown = server.show_binlog_events(name).unwrap().into_iter();
        let log = Log::open(&path).unwrap();
        for scanned in log.scan() {
            let Scanned::Event(event) = scanned else { panic!("{}: {scanned:?}", log.name()) };
            let Some(shown) = shown.next() else {
                assert_eq!(event.event_type(), EventType::BINLOG_CHECKPOINT);
                continue;
            };
            assert_eq!(shown.position, event.offset);
            see(&event, &String::from_utf8_lossy(&shown.info));
        }
        assert_eq!(shown.next(), None);
    }
}

/// A query's one value, newlines and all.
fn value(server: &Server, query: &str) -> String {
    String::from_utf8(unescape(server.value(query).unwrap().as_bytes())).unwrap()
}

/// Transactions with every shape of GTID event: tags of each length and numbers of each width, so
/// that the tagged event's size passes the places where its size field grows.
fn mysql_traffic() -> String {
    let mut sql = String::from(
        "CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1);
         SET gtid_next='AUTOMATIC:night'; INSERT INTO d.t VALUES (2); INSERT INTO d.t VALUES (3);
         SET gtid_next='AUTOMATIC:Zebra_1'; INSERT INTO d.t VALUES (4);",
    );
    let mut next = |gtid: &str, also: &str| {
        sql += &format!("SET gtid_next='{gtid}'; {also} INSERT INTO d.t VALUES (5);\n");
    };
    for length in 1..=32 {
        let gno = 1u64 << (2 * length - 2);
        next(&format!("{UUID}:{}:{gno}", "t".repeat(length)), "");
        next(
            &format!("{UUID}:{}:{}", "t".repeat(length), gno + 1),
            "SET original_commit_timestamp=1700000000123456, original_server_version=80036;",
        );
    }
    for gno in [1_u64, 2, 4, 9_223_372_036_854_775_806] {
        next(&format!("{OTHER}:{gno}"), "SET original_commit_timestamp=1700000000123456;");
        next(&format!("{OTHER}:a_tag:{gno}"), "");
    }
    sql += "SET gtid_next='AUTOMATIC'; FLUSH BINARY LOGS; INSERT INTO d.t VALUES (6);";
    sql
}

#[test]
fn mysql_gtids_are_those_of_the_server() {
    for product in live().into_iter().filter(|product| !product.is_mariadb()) {
        let options = ServerOptions::with_args(["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]);
        let server = Server::start(product, &options).unwrap();
        server.sql(mysql_traffic()).unwrap();
        let (mut executed, mut previous, mut tagged, mut original) = (GtidSet::new(), 0, 0, 0);
        let mut end = None;
        for_each_event(&server, |event, info| {
            let (body, header) = (event.body(), &event.header());
            if end.take_if(|end| *end <= event.offset).is_some_and(|end| end != event.offset) {
                panic!("the transaction before {} has another length", event.offset);
            }
            match header.event_type {
                EventType::PREVIOUS_GTIDS => {
                    let event = PreviousGtidsEvent::parse(body, header).unwrap();
                    assert_eq!(event.gtids.to_string(), info);
                    assert_eq!(event.gtids, executed);
                    previous += 1;
                }
                EventType::GTID | EventType::GTID_TAGGED => {
                    let gtid = GtidEvent::parse(body, header).unwrap();
                    assert_eq!(format!("SET @@SESSION.GTID_NEXT= '{}'", gtid.gtid), info);
                    let TransactionGtid::Mysql(name) = gtid.gtid else { panic!("{gtid:?}") };
                    executed.insert(&name);
                    tagged += u32::from(name.tag.is_some());
                    let immediate = gtid.immediate_server_version.unwrap();
                    assert!((90_000..100_000).contains(&immediate), "{gtid:?}");
                    if gtid.original_commit_timestamp == Some(1_700_000_000_123_456) {
                        original += 1;
                        let came_from = gtid.original_server_version.unwrap();
                        assert_eq!(came_from == 80036, name.tag.is_some(), "{gtid:?}");
                    } else {
                        assert_eq!(gtid.original_commit_timestamp, gtid.immediate_commit_timestamp);
                    }
                    assert!(gtid.sequence_number > gtid.last_committed, "{gtid:?}");
                    end = Some(event.offset + gtid.transaction_length.unwrap());
                }
                _ => {}
            }
        });
        assert_eq!((previous, tagged, original), (2, 3 + 64 + 4, 32 + 4));
        assert_eq!(executed.to_string(), value(&server, "SELECT @@GLOBAL.gtid_executed;"));
        check_set_functions(&server);
        check_text_forms(&server);
    }
}

/// Sets of a few sources with many gaps, different in every round.
fn some_set(seed: &mut u64) -> String {
    let mut random = |below: u64| {
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % below
    };
    let mut items = Vec::new();
    for _ in 0..random(6) {
        let mut item = [UUID, OTHER][random(2) as usize].to_owned();
        item += ["", ":tag", ":Ape"][random(3) as usize];
        for _ in 0..=random(4) {
            let first = 1 + random(20);
            item += &format!(":{first}-{}", first + random(6));
        }
        items.push(item);
    }
    items.join(",")
}

fn check_set_functions(server: &Server) {
    let mut seed = 1;
    let pairs: Vec<_> = (0..300).map(|_| (some_set(&mut seed), some_set(&mut seed))).collect();
    let query: String = pairs
        .iter()
        .map(|(a, b)| format!("SELECT GTID_SUBTRACT('{a}', '{b}'), GTID_SUBSET('{a}', '{b}');\n"))
        .collect();
    let answers = String::from_utf8(server.sql(query).unwrap()).unwrap();
    assert_eq!(answers.lines().count(), pairs.len());
    for ((a, b), answer) in pairs.iter().zip(answers.lines()) {
        let (left, right): (GtidSet, GtidSet) = (a.parse().unwrap(), b.parse().unwrap());
        let (difference, subset) = answer.split_once('\t').unwrap();
        let difference = String::from_utf8(unescape(difference.as_bytes())).unwrap();
        assert_eq!(left.subtract(&right).to_string(), difference, "{a} minus {b}");
        assert_eq!(u8::from(left.is_subset(&right)).to_string(), subset, "{a} in {b}");
    }
}

/// What the server reads we read alike, and what it refuses we refuse.
fn check_text_forms(server: &Server) {
    for text in [
        String::new(),
        " ,, ".to_owned(),
        UUID.to_owned(),
        format!("{UUID}:tag"),
        format!("{UUID}:tag:ape:3"),
        format!("{UUID}:1-0"),
        format!("{UUID}:9-8:5"),
        format!("{UUID}: 1 - 5 : 7 ,\n\t{OTHER} : Tag : 2,"),
        format!("{},{UUID}:1", UUID.to_uppercase()),
        format!("{UUID}:zebra:1:ape:2-3:5,{UUID}:9"),
        format!("{UUID}:9223372036854775806"),
        format!("{UUID}:{}:1", "t".repeat(32)),
        // Refused.
        format!("{UUID}:"),
        format!("{UUID}:0"),
        format!("{UUID}:1-"),
        format!("{UUID}:1-x"),
        format!("{UUID}:1 {OTHER}:2"),
        format!("{UUID}:9223372036854775807"),
        format!("{UUID}:{}:1", "t".repeat(33)),
        format!("{UUID}:a-b:1"),
        format!("{UUID}:-5"),
        "nonsense".to_owned(),
    ] {
        let answer = server.sql(format!("SELECT GTID_SUBTRACT('{text}', '');"));
        let answer = answer.map(|text| unescape(text.trim_ascii_end()));
        let ours = text.parse::<GtidSet>().map(|set| set.to_string().into_bytes());
        assert_eq!(ours.as_ref().ok(), answer.as_ref().ok(), "{text:?}: {ours:?} {answer:?}");
    }
}

#[test]
fn mariadb_gtids_are_those_of_the_server() {
    for product in live().into_iter().filter(|product| product.is_mariadb()) {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server
            .sql(
                "CREATE DATABASE d; CREATE TABLE d.t (a INT) ENGINE=InnoDB;
                 INSERT INTO d.t VALUES (1);
                 SET gtid_domain_id=3, server_id=9, gtid_seq_no=18446744073709551000;
                 INSERT INTO d.t VALUES (2);
                 SET gtid_domain_id=0, server_id=7; INSERT INTO d.t VALUES (3);
                 FLUSH BINARY LOGS; SET server_id=1; INSERT INTO d.t VALUES (4);
                 XA START 'global', X'00FF', 5; INSERT INTO d.t VALUES (5);
                 XA END 'global', X'00FF', 5; XA PREPARE 'global', X'00FF', 5;
                 XA COMMIT 'global', X'00FF', 5;
                 SET binlog_alter_two_phase=ON; ALTER TABLE d.t ADD b INT, ALGORITHM=COPY;
                 SET server_id=7; INSERT INTO d.t VALUES (6, 6); FLUSH BINARY LOGS;",
            )
            .unwrap();
        check_mariadb(product, &server);
    }
}

fn check_mariadb(product: Product, server: &Server) {
    let mut state = MariadbBinlogState::new();
    let (mut lists, mut started, mut xids) = (0, None, Vec::new());
    for_each_event(server, |event, info| {
        let (body, header) = (event.body(), &event.header());
        match header.event_type {
            EventType::GTID_LIST => {
                let list = GtidListEvent::parse(body, header).unwrap();
                // The server sorts what it shows.
                let listed = list.gtids.iter().map(ToString::to_string).collect::<Vec<_>>();
                assert_eq!(sorted(&listed.join(",")), sorted(info.trim_matches(['[', ']'])));
                assert_eq!(list.state(), state, "{}", product.name());
                lists += 1;
            }
            EventType::MARIADB_GTID => {
                let gtid = MariadbGtidEvent::parse(body, header).unwrap();
                state.advance(gtid.gtid);
                assert!(info.contains(&format!("GTID {}", gtid.gtid)), "{info}");
                assert_eq!(
                    !gtid.is_standalone(),
                    info.starts_with("BEGIN") || gtid.is_prepared_xa()
                );
                assert_eq!(gtid.is_ddl(), info.starts_with("GTID") && !gtid.is_completed_xa());
                if let Some(xid) = gtid.xid {
                    xids.push(xid.to_string());
                    assert_eq!(gtid.is_prepared_xa(), info.contains(&xid.to_string()), "{info}");
                }
                if info.contains("START ALTER") {
                    started = Some(gtid.gtid.seq);
                }
                assert_eq!(gtid.start_alter_seq.is_some(), info.contains("COMMIT ALTER"), "{info}");
                if gtid.start_alter_seq.is_some() {
                    assert_eq!(gtid.start_alter_seq, started);
                }
            }
            _ => {}
        }
    });
    assert_eq!((lists, started.is_some()), (3, true), "{}", product.name());
    assert_eq!(xids, ["X'676c6f62616c',X'00ff',5"; 2]);
    let server_state = value(server, "SELECT @@GLOBAL.gtid_binlog_state;");
    assert_eq!(sorted(&server_state), sorted(&state.to_string()));
    let position = value(server, "SELECT @@GLOBAL.gtid_binlog_pos;");
    assert_eq!(position.parse().as_ref(), Ok(state.position()));
    assert_eq!(sorted(&position), sorted(&state.position().to_string()));
}

/// The GTIDs of a list, in an order of their own: the server keeps its domains in a hash.
fn sorted(list: &str) -> Vec<&str> {
    let mut gtids: Vec<&str> = list.split(',').collect();
    gtids.sort_unstable();
    gtids
}
