use super::*;
use crate::source::log::Log;
use crate::testing::LogBuilder;
use crate::transaction::{Statement, StatementKind};

/// One word a unit: `[Gtid Begin Rows End]=Xid`, `Rotate`, `damage`.
fn shape(log: LogBuilder) -> String {
    let log = log.open();
    let word = |unit| match unit {
        Unit::Control(event) => event.event_type().name().to_owned(),
        Unit::Damage(_) => "damage".to_owned(),
        Unit::Transaction(transaction) => word_of(&transaction),
    };
    let words: Vec<_> = Units::new(log.scan()).map(word).collect();
    assert_eq!(words, glanced(&mut Units::new(log.scan()), word));
    looked(&log);
    words.join(" ")
}

/// How many units of a log a look shows, each as it is handed out.
fn looked(log: &Log) -> usize {
    let (mut units, given) = (Units::new(log.scan()), Units::new(log.scan()));
    let (mut types, mut statements, mut count) = (vec![], vec![], 0);
    for unit in given {
        if let Unit::Transaction(transaction) = &unit {
            work_is_what_is_left(transaction);
        }
        let at_statements = units.look_at_statements(&mut statements);
        let Some(look) = units.look_at_types(&mut types) else {
            assert!(at_statements.is_none());
            let next = units.next();
            assert_eq!(format!("{unit:?}"), format!("{:?}", next.unwrap()));
            continue;
        };
        let Unit::Transaction(transaction) = unit else { panic!("{unit:?}") };
        same(&look, &types, &transaction);
        let work: Vec<_> = transaction.work(6).collect();
        let is_short = |statement: &Statement<'_, '_>| {
            let whole = statement.kind == StatementKind::Rows { whole: true };
            let shape: Vec<_> = statement.events.iter().map(RawEvent::event_type).collect();
            whole && shape.len() == 2 && shape[0] == EventType::TABLE_MAP
        };
        assert_eq!(at_statements.is_some(), work.iter().all(|(_, statement)| is_short(statement)));
        if let Some(look) = at_statements {
            same(&look, &types, &transaction);
            assert_eq!(statements.len(), work.len());
            for (short, (at, (number, statement))) in statements.iter().zip(work.iter().enumerate())
            {
                assert_eq!(*number, look.first + at);
                let [map, rows] = statement.events else { panic!("{statement:?}") };
                assert_eq!((short.map, short.rows), (map.body(), rows.body()));
                assert_eq!(short.types(), [map.event_type(), rows.event_type()]);
            }
        }
        units.pass(&look);
        count += 1;
    }
    assert!(units.next().is_none());
    count
}

/// Work is what neither names nor begins nor ends a transaction, by its number among all statements.
fn work_is_what_is_left(transaction: &Transaction<'_>) {
    use StatementKind::{Begin, End, Gtid};
    let all = transaction.statements(6).enumerate();
    let left = all.filter(|(_, statement)| !matches!(statement.kind, Gtid | Begin | End));
    let (left, work): (Vec<_>, Vec<_>) = (left.collect(), transaction.work(6).collect());
    assert_eq!(format!("{work:?}"), format!("{left:?}"));
}

/// Whether a look shows what a transaction is.
fn same(look: &Look<'_>, types: &[EventType], transaction: &Transaction<'_>) {
    let Transaction { events, ending } = transaction;
    assert_eq!((*ending, look.range()), (Ending::Xid, (transaction.start(), transaction.end())));
    assert_eq!(look.gtid.place(), events[0].place());
    let times = events.iter().map(|event| event.header().timestamp);
    assert_eq!((Some(look.times.0), Some(look.times.1)), (times.clone().min(), times.max()));
    assert_eq!(look.timestamp, transaction.timestamp());
    let inside: Vec<_> =
        events[look.first..events.len() - 1].iter().map(RawEvent::event_type).collect();
    assert_eq!(types, inside);
}

fn word_of(transaction: &Transaction<'_>) -> String {
    let kinds = transaction.statements(6).map(|statement| match statement.kind {
        StatementKind::Rows { whole: true } => "Rows".to_owned(),
        StatementKind::Rows { whole: false } => "Rows…".to_owned(),
        kind => format!("{kind:?}"),
    });
    let kinds: Vec<_> = kinds.collect();
    format!("[{}]={:?}", kinds.join(" "), transaction.ending)
}

/// The words of units, of which those that can be are looked at where they stand.
fn glanced<'a>(units: &mut Units<'a>, word: impl Fn(Unit<'a>) -> String) -> Vec<String> {
    let mut words = vec![];
    loop {
        words.push(match units.glance() {
            Some((transaction, _)) => word_of(transaction),
            None => match units.next() {
                Some(unit) => word(unit),
                None => return words,
            },
        });
    }
}

#[test]
fn a_glance_shows_what_comes_next_and_leaves_the_rest() {
    let insert = |log: LogBuilder, number: u8| {
        let gtid = [number; 25];
        let log = log.event(EventType::GTID, &gtid).query("BEGIN").table_map(7);
        log.rows(EventType::WRITE_ROWS, 7, 1).event(EventType::XID, &[0; 8])
    };
    let log = (1..100).fold(LogBuilder::new(MYSQL), insert).query("BEGIN").open();
    assert!(looked(&log) > 80);
    let mut units = Units::new(log.scan());
    let (mut glanced, mut given, mut rests) = (0, 0, 0);
    units.rest_at(2_000);
    loop {
        match units.glance() {
            Some((transaction, _)) => {
                assert_eq!(transaction.ending, Ending::Xid);
                assert_eq!(transaction.events[0].body()[0], (glanced + given) as u8 + 1);
                glanced += 1;
            }
            None => match units.next() {
                Some(Unit::Transaction(open)) if open.ending == Ending::Open => break,
                Some(Unit::Transaction(_)) => given += 1,
                Some(_) => {}
                None => {
                    assert!(units.rests() && units.glance().is_none());
                    units.rest_at(u64::MAX);
                    rests += 1;
                }
            },
        }
    }
    assert_eq!((glanced + given, rests), (99, 1));
    assert!(glanced > 80, "{glanced}");
}

const MYSQL: &str = "9.7.1";
const MARIADB: &str = "11.8.6-MariaDB";

#[test]
fn a_row_transaction_of_mysql() {
    let log = LogBuilder::new(MYSQL)
        .event(EventType::PREVIOUS_GTIDS, &[0; 8])
        .event(EventType::GTID, &[0; 25])
        .query("BEGIN")
        .event(EventType::ROWS_QUERY, b"\x01DELETE")
        .table_map(7)
        .rows(EventType::DELETE_ROWS, 7, 0)
        .rows(EventType::DELETE_ROWS, 7, 1)
        .query("SAVEPOINT `a`")
        .table_map(8)
        .table_map(9)
        .rows(EventType::WRITE_ROWS, 8, 0)
        .rows(EventType::WRITE_ROWS, 9, 1)
        .event(EventType::XID, &[0; 8])
        .event(EventType::ROTATE, b"\x04\0\0\0\0\0\0\0binlog.000002");
    assert_eq!(
        shape(log),
        "Format_desc Previous_gtids [Gtid Begin Rows Query Rows End]=Xid Rotate"
    );
}

#[test]
fn ddl_ends_its_transaction_and_a_table_made_by_select_begins_one() {
    let log = LogBuilder::new(MYSQL)
        .event(EventType::ANONYMOUS_GTID, &[0; 25])
        .query("DROP TABLE `t`")
        .event(EventType::ANONYMOUS_GTID, &[0; 25])
        .query("CREATE TABLE `t` (`a` int) START TRANSACTION")
        .table_map(7)
        .rows(EventType::WRITE_ROWS, 7, 1)
        .event(EventType::XID, &[0; 8]);
    assert_eq!(shape(log), "Format_desc [Gtid Query]=Statement [Gtid Query Rows End]=Xid");
}

#[test]
fn mariadb_has_no_begin_and_standalone_groups() {
    let (mut group, mut standalone) = ([0; 19], [0; 19]);
    (group[12], standalone[12]) = (12, 1 | 32); // flags2
    let log = LogBuilder::new(MARIADB)
        .event(EventType::MARIADB_GTID, &group)
        .event(EventType::ANNOTATE_ROWS, b"INSERT")
        .table_map(7)
        .rows(EventType::WRITE_ROWS_V1, 7, 1)
        .query("COMMIT")
        .event(EventType::MARIADB_GTID, &standalone)
        .query("ALTER TABLE t ADD b int")
        .event(EventType::BINLOG_CHECKPOINT, b"\x01\0\0\0a");
    assert_eq!(
        shape(log),
        "Format_desc [Gtid Rows End]=Commit [Gtid Query]=Statement Binlog_checkpoint"
    );
}

#[test]
fn xa_ends_at_its_prepare_and_is_decided_alone() {
    let log = LogBuilder::new(MYSQL)
        .event(EventType::GTID, &[0; 25])
        .query("XA START X'61',X'',1")
        .table_map(7)
        .rows(EventType::WRITE_ROWS, 7, 1)
        .query("XA END X'61',X'',1")
        .event(EventType::XA_PREPARE, &[0; 13])
        .event(EventType::GTID, &[0; 25])
        .query("XA COMMIT X'61',X'',1");
    assert_eq!(
        shape(log),
        "Format_desc [Gtid Begin Rows Query End]=XaPrepare [Gtid Query]=Statement"
    );
}

#[test]
fn context_events_go_with_their_query() {
    let log = LogBuilder::new("5.5.62-log")
        .query("BEGIN")
        .event(EventType::INTVAR, &[0; 9])
        .event(EventType::USER_VAR, &[0; 9])
        .query("INSERT INTO t VALUES (NULL, @a)")
        .event(EventType::INTVAR, &[0; 9])
        .query("COMMIT")
        .event(EventType::RAND, &[0; 16])
        .query("INSERT INTO myisam VALUES (RAND())");
    assert_eq!(shape(log), "Format_desc [Begin Query Other End]=Commit [Query]=Statement");
}

#[test]
fn a_payload_is_a_whole_transaction_unless_more_of_it_follows() {
    let payload = |log: LogBuilder| log.event(EventType::TRANSACTION_PAYLOAD, &[0]);
    let named = |log: LogBuilder| log.event(EventType::GTID, &[0; 25]);
    let log = payload(named(payload(payload(named(LogBuilder::new(MYSQL))))));
    let log = payload(named(log).query("BEGIN")).event(EventType::XID, &[0; 8]);
    let log = payload(named(log)).bytes(&[2; 30]);
    assert_eq!(
        shape(log),
        "Format_desc [Gtid Other Other]=Whole [Gtid Other]=Whole [Gtid Begin Other End]=Xid \
         [Gtid Other]=Whole damage"
    );
    let unnamed = payload(payload(LogBuilder::new(MYSQL)));
    assert_eq!(shape(unnamed), "Format_desc [Other]=Whole [Other]=Whole");
}

#[test]
fn a_compressed_statement_of_mariadb_ends_what_was_not_begun() {
    let (mut group, mut standalone) = ([0; 19], [0; 19]);
    (group[12], standalone[12]) = (12, 1 | 32); // flags2
    let log = LogBuilder::new(MARIADB)
        .event(EventType::MARIADB_GTID, &standalone)
        .event(EventType::QUERY_COMPRESSED, &[0; 13])
        .event(EventType::MARIADB_GTID, &group)
        .event(EventType::QUERY_COMPRESSED, &[0; 13])
        .event(EventType::XID, &[0; 8]);
    assert_eq!(shape(log), "Format_desc [Gtid Other]=Statement [Gtid Other End]=Xid");
}

#[test]
fn a_load_of_a_server_before_5_0_3_is_one_statement() {
    let file = |log: LogBuilder| {
        log.event(EventType::CREATE_FILE, &[0; 40]).event(EventType::APPEND_BLOCK, b"\x01\0\0\0a")
    };
    let log = file(LogBuilder::new("5.5.62-log"))
        .event(EventType::EXEC_LOAD, &[1, 0, 0, 0])
        .query("BEGIN");
    let log = file(log.event(EventType::INTVAR, &[0; 9]))
        .event(EventType::EXEC_LOAD, &[1, 0, 0, 0])
        .query("INSERT INTO t VALUES (1)")
        .query("COMMIT");
    let log =
        file(log).event(EventType::DELETE_FILE, &[1, 0, 0, 0]).event(EventType::NEW_LOAD, &[0; 40]);
    assert_eq!(
        shape(log),
        "Format_desc [Other]=Statement [Begin Other Query End]=Commit [Other]=Statement \
         [Other]=Statement"
    );
}

#[test]
fn what_is_cut_is_open() {
    let begun = |log: LogBuilder| log.event(EventType::GTID, &[0; 25]).query("BEGIN").table_map(7);
    assert_eq!(shape(begun(LogBuilder::new(MYSQL))), "Format_desc [Gtid Begin Rows…]=Open");
    let stopped = begun(LogBuilder::new(MYSQL)).event(EventType::STOP, &[]);
    assert_eq!(shape(stopped), "Format_desc [Gtid Begin Rows…]=Open Stop");
    let next = begun(LogBuilder::new(MYSQL)).event(EventType::GTID, &[0; 25]).query("DO 1");
    assert_eq!(shape(next), "Format_desc [Gtid Begin Rows…]=Open [Gtid Query]=Statement");
    let lost = begun(LogBuilder::new(MYSQL))
        .bytes(&[1; 30])
        .rows(EventType::WRITE_ROWS, 7, 1)
        .query("DO 0")
        .event(EventType::XID, &[0; 8])
        .event(EventType::GTID, &[0; 25])
        .query("DO 1");
    assert_eq!(
        shape(lost),
        "Format_desc [Gtid Begin Rows…]=Open damage [Rows Query End]=Headless \
         [Gtid Query]=Statement"
    );
    let unnamed = LogBuilder::new(MYSQL)
        .bytes(&[1; 30])
        .query("BEGIN")
        .event(EventType::XID, &[0; 8])
        .event(EventType::ANONYMOUS_GTID, &[0; 25])
        .query("DO 1");
    assert_eq!(shape(unnamed), "Format_desc damage [Begin End]=Headless [Gtid Query]=Statement");
    let unnamed = LogBuilder::new("5.5.62-log")
        .bytes(&[1; 30])
        .query("DO 1")
        .query("BEGIN")
        .query("DO 2")
        .query("COMMIT")
        .query("DO 3");
    assert_eq!(
        shape(unnamed),
        "Format_desc damage [Query]=Headless [Begin Query End]=Commit [Query]=Statement"
    );
    let torn = begun(LogBuilder::new(MYSQL)).bytes(&[1; 30]);
    assert_eq!(shape(torn), "Format_desc [Gtid Begin Rows…]=Open damage");
}
