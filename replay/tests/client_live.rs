//! Do the real clients forward what `client_safe` promises? Each statement goes through the
//! product's own client into a server that logs statements, and must be in the log token by token.

use binlog_parser::event::query::QueryEvent;
use binlog_parser::header::EventType;
use binlog_parser::scan::Scanned;
use binlog_parser::source::log::Log;
use replay::sql::client::client_safe;
use replay::sql::{Dialect, lex_code};
use servers::{Product, Server, ServerOptions};

const DELIMITER: &[u8] = b"/*!*/;";
const ANSI_QUOTES: u64 = 1 << 2;
const NO_BACKSLASH_ESCAPES: u64 = 1 << 20;
const GBK: u16 = 28;
const UTF8MB4: u16 = 45;

/// A statement, and the session that it needs.
struct Case {
    text: &'static [u8],
    sql_mode: u64,
    collation: u16,
}

const fn plain(text: &'static [u8]) -> Case {
    Case { text, sql_mode: 0, collation: UTF8MB4 }
}

const CASES: [Case; 13] = [
    plain(b"INSERT INTO t VALUES ('x\ndelimiter $$\nsource /etc/passwd\n\\\\! ls\n')"),
    plain(b"INSERT INTO t VALUES ('a\r\nb\x00c') /* it's */ -- it's"),
    plain(b"CREATE TABLE c1 (a INT,\n\n  Delimiter INT\nNOT NULL)"),
    plain(b"CREATE TABLE c2 (a INT, -- x\ndelimiter INT\nNOT NULL)"),
    plain(b"INSERT INTO t SELECT 'a\ndelimiter'\n'b'"),
    plain(b"INSERT INTO t VALUES ('a\\\0b')"),
    plain(b"INSERT INTO t (`a\\`) VALUES ('a\\\nb\\'c'), (\"it's\")"),
    plain(b"INSERT /*+ SET_VAR(foreign_key_checks=OFF) */ INTO t VALUES ('#')"),
    plain(b"CREATE PROCEDURE p()\nBEGIN\n  DELETE FROM t; -- it's\n  SELECT ';' ;\nEND"),
    plain(b"INSERT INTO t VALUES /*!50000 ('/*'), */ ('a/*b') # it's"),
    Case { text: b"INSERT INTO t VALUES ('\xBF\\'), ('x')", sql_mode: 0, collation: GBK },
    Case {
        text: b"INSERT INTO t VALUES ('a\\'), ('x')",
        sql_mode: NO_BACKSLASH_ESCAPES,
        collation: UTF8MB4,
    },
    Case {
        text: b"INSERT INTO t SELECT \"a\\\" FROM (SELECT 'z' AS \"a\\\") d",
        sql_mode: ANSI_QUOTES,
        collation: UTF8MB4,
    },
];

fn dialect(server: &Server, case: &Case) -> Dialect {
    let version = server.value("SELECT VERSION()").expect("a version");
    Dialect::from_server_version(version.as_bytes())
        .with_sql_mode(case.sql_mode)
        .with_client_collation(case.collation)
}

/// The statement's tokens; strings by their value, for a NUL may be written in two ways.
fn code(text: &[u8], dialect: &Dialect) -> Vec<Vec<u8>> {
    let tokens = lex_code(text, dialect).expect("the text lexes");
    let value =
        |token: &replay::sql::Token<'_>| token.string_value(dialect).map(|v| v.into_owned());
    tokens.iter().map(|token| value(token).unwrap_or_else(|| token.bytes.to_vec())).collect()
}

/// What to pipe: the session that a case needs, and the statement.
fn stream_of(case: &Case, sent: &[u8]) -> Vec<u8> {
    let charset = if case.collation == GBK { "gbk" } else { "utf8mb4" };
    let mut stream = format!(
        "DELIMITER /*!*/;\n/*!\\C {charset} *//*!*/;\nSET NAMES {charset}/*!*/;\n\
         SET sql_mode={}/*!*/;\nUSE s/*!*/;\n",
        case.sql_mode
    )
    .into_bytes();
    stream.extend_from_slice(sent);
    stream.extend_from_slice(b"\n/*!*/;\n");
    stream
}

/// The texts of the Query events of all logs.
fn logged(server: &Server) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for path in server.binary_logs().expect("logs") {
        let log = Log::open(&path).expect("a log");
        for scanned in log.scan() {
            let Scanned::Event(event) = scanned else { panic!("damage in {}", path.display()) };
            if event.event_type() == EventType::QUERY {
                let query = QueryEvent::parse(event.body()).expect("a Query event");
                texts.push(query.text.to_vec());
            }
        }
    }
    texts
}

#[test]
fn clients_forward_what_was_made_safe() {
    for product in servers::live() {
        let options = ServerOptions::with_args(["--binlog-format=STATEMENT"]);
        let server = Server::start(product, &options).expect("a server");
        server
            .sql("CREATE DATABASE s; CREATE TABLE s.t (`a\\` VARBINARY(99))")
            .map(drop)
            .expect("a table");
        for case in &CASES {
            forward(product, &server, case);
        }
    }
}

fn forward(product: Product, server: &Server, case: &Case) {
    let shown = String::from_utf8_lossy(case.text);
    let dialect = dialect(server, case);
    let safe = client_safe(case.text, &dialect, DELIMITER);
    if case.sql_mode == ANSI_QUOTES && !product.is_mariadb() {
        assert!(safe.is_err(), "MySQL's client knows no ANSI_QUOTES: {shown}");
        return;
    }
    let safe = safe.unwrap_or_else(|refusal| panic!("{}: {shown}: {refusal}", product.name()));
    let run = server.pipe(stream_of(case, &safe).as_slice(), ["--comments"]).expect("a client");
    run.success().unwrap_or_else(|error| panic!("{}: {shown}: {error}", product.name()));
    let wanted = code(case.text, &dialect);
    let found = logged(server)
        .iter()
        .any(|text| lex_code(text, &dialect).is_ok() && alike(&code(text, &dialect), &wanted));
    assert!(found, "{}: not in the log: {shown}", product.name());
}

/// Whether a logged statement is the one that was sent. Of a procedure the server adds the definer
/// and quotes the name: these are left out.
fn alike(logged: &[Vec<u8>], sent: &[Vec<u8>]) -> bool {
    match sent {
        [create, procedure, _, body @ ..] if create == b"CREATE" && procedure == b"PROCEDURE" => {
            logged.ends_with(body)
        }
        _ => logged == sent,
    }
}

#[test]
fn without_it_the_traps_are_real() {
    for product in servers::live() {
        let server = Server::start(product, &ServerOptions::default()).expect("a server");
        server.sql("CREATE DATABASE s").expect("a database");
        let case = plain(b"CREATE TABLE c2 (a INT, -- x\ndelimiter INT\nNOT NULL)");
        let run =
            server.pipe(stream_of(&case, case.text).as_slice(), ["--comments"]).expect("a client");
        assert!(run.success().is_err(), "{}: the newline was lost", product.name());
    }
}
