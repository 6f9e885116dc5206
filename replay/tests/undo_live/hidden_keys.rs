//! Conflicts by values that rows events lack, and later changes that can neither be undone nor stay.

use binlog_parser::address::Address;
use replay::Error;
use replay::select::{Filter, TableName};
use replay::undo::{Conflicts, Format, Report, Request, Scope};
use servers::{Product, Server, ServerOptions, live};

use crate::settings::definitions;
use crate::support::{apply, resolved, run, undo_from};

const TABLES: &str = "
CREATE DATABASE d; USE d;
CREATE TABLE coded (id INT PRIMARY KEY, code INT, v INT, UNIQUE KEY (code));
CREATE TABLE parent (id INT PRIMARY KEY, code INT NOT NULL, UNIQUE KEY (code));
CREATE TABLE child (id INT PRIMARY KEY, parent INT, v INT, FOREIGN KEY (parent) REFERENCES parent (code));
INSERT INTO coded VALUES (1, 10, 0), (2, 20, 0), (3, 30, 0);
INSERT INTO parent VALUES (1, 100), (2, 200);
INSERT INTO child VALUES (1, 100, 0);
";

/// A server whose events hold no more than they have to.
fn start(product: Product) -> Server {
    let options = ServerOptions::with_args(["--binlog-row-image=MINIMAL"]);
    let server = Server::start(product, &options).unwrap();
    server.sql(TABLES).unwrap();
    server
}

fn only(
    server: &Server,
    undone: &Address,
    conflicts: Conflicts,
    format: Format,
) -> replay::Result<(Vec<u8>, Report)> {
    undo_from(&server.binary_logs().unwrap(), |set| Request {
        conflicts,
        ..Request::new(Scope::Only(resolved(set, std::slice::from_ref(undone))), format)
    })
}

/// What a refusal says.
fn refused<T>(result: replay::Result<T>) -> String {
    match result {
        Err(Error::Refused { what, .. }) => what,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn a_unique_value_that_a_delete_did_not_log_is_taken_all_the_same() {
    for product in live() {
        let server = start(product);
        let [first, second] =
            ["DELETE FROM d.coded WHERE id = 1", "UPDATE d.coded SET code = 21 WHERE id = 2"]
                .map(|statement| run(&server, statement));
        let takes =
            ["INSERT INTO d.coded VALUES (4, 10, 0)", "UPDATE d.coded SET code = 20 WHERE id = 3"]
                .map(|statement| run(&server, statement));
        for (undone, taken) in [(&first, &takes[0]), (&second, &takes[1])] {
            let (Address::Event(undone_at), Address::Event(taken)) = (undone, taken) else {
                panic!()
            };
            let what = refused(only(&server, undone, Conflicts::Refuse, Format::Base64));
            let message = format!("{} {undone_at} {taken}: {what}", product.name());
            assert!(what.contains("1 later change of what is undone"), "{message}");
            let (_, report) =
                only(&server, undone, Conflicts::NonconflictOnly, Format::Base64).unwrap();
            assert_eq!((report.rows(), report.conflict_count), (0, 1), "{message}");
            let later = &report.conflicts[0].later.address;
            assert!(later.position > taken.position, "{message}");
        }
        let (script, report) = only(&server, &first, Conflicts::Cascade, Format::Base64).unwrap();
        assert_eq!(report.rows(), 2);
        apply(&server, &script);
        let ids = server.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM d.coded;").unwrap();
        assert_eq!(ids, "1,2,3", "{}", product.name());
    }
}

#[test]
fn a_parent_that_went_without_a_trace_of_its_key_is_missed() {
    for product in live() {
        let server = start(product);
        let undone = run(&server, "DELETE FROM d.child WHERE id = 1");
        let later = run(&server, "DELETE FROM d.parent WHERE id = 1");
        let what = refused(only(&server, &undone, Conflicts::Refuse, Format::Sql));
        assert!(what.contains("`d`.`parent` id=1"), "{} {later:?}: {what}", product.name());
        let (script, report) = only(&server, &undone, Conflicts::Cascade, Format::Sql).unwrap();
        assert_eq!(report.rows(), 2);
        apply(&server, &script);
        assert_eq!(server.value("SELECT parent FROM d.child;").unwrap(), "100");
    }
}

#[test]
fn what_later_events_hide_for_good_is_refused_only_where_it_matters() {
    for product in live() {
        let server = start(product);
        server.flush_logs().unwrap();
        let full = "SET binlog_row_image = FULL; ";
        let inserted = run(&server, &format!("{full}INSERT INTO d.coded VALUES (4, 40, 0)"));
        let orphaned = run(&server, &format!("{full}DELETE FROM d.child WHERE id = 1"));
        run(&server, "DELETE FROM d.coded WHERE id = 1");
        run(&server, "DELETE FROM d.parent WHERE id = 2");
        let logs = server.binary_logs().unwrap();
        let last = &logs[logs.len() - 1..];
        let schema = definitions(&server);
        let request = |undone: &Address| {
            let undone = undone.clone();
            let schema = schema.clone();
            undo_from(last, move |set| Request {
                schema,
                ..Request::new(Scope::Only(resolved(set, &[undone])), Format::Base64)
            })
        };
        // Whatever code row 1 had, it had it before row 4 came with another.
        let (_, report) = request(&inserted).unwrap();
        assert_eq!(report.rows(), 1, "{}", product.name());
        // But parent 2 may be the one that the child's row needs.
        let what = refused(request(&orphaned));
        let told = "`d`.`parent` id=2: code cannot be rebuilt";
        assert!(what.contains(told), "{}: {what}", product.name());
    }
}

#[test]
fn a_later_change_of_a_table_that_is_left_out_is_refused_by_name() {
    for product in live() {
        let server = start(product);
        let undone = run(&server, "INSERT INTO d.parent VALUES (3, 300)");
        run(&server, "INSERT INTO d.child VALUES (3, 300, 0)");
        for conflicts in [Conflicts::Cascade, Conflicts::Force] {
            let request = |tables: &[&str]| {
                let table =
                    |name: &&str| TableName { database: None, table: name.as_bytes().to_vec() };
                let tables = tables.iter().map(table).collect();
                undo_from(&server.binary_logs().unwrap(), |set| Request {
                    conflicts,
                    filter: Filter { tables, ..Filter::default() },
                    ..Request::new(
                        Scope::Only(resolved(set, std::slice::from_ref(&undone))),
                        Format::Sql,
                    )
                })
            };
            let what = refused(request(&["parent"]));
            assert!(what.contains("`d`.`child` id=3: INSERT"), "{}: {what}", product.name());
            assert_eq!(what.matches("the filters leave this table out").count(), 1, "{what}");
            let (_, report) = request(&["parent", "child"]).unwrap();
            assert_eq!(report.rows(), 2);
        }
    }
}

#[test]
fn a_later_statement_of_text_is_no_row_that_force_could_undo() {
    for product in live() {
        let server = start(product);
        let undone = run(&server, "UPDATE d.coded SET v = 1 WHERE id = 1");
        run(&server, "TRUNCATE d.coded");
        for conflicts in [Conflicts::Refuse, Conflicts::Cascade, Conflicts::Force] {
            let what = refused(only(&server, &undone, conflicts, Format::Base64));
            assert!(what.contains("coded"), "{} {conflicts:?}: {what}", product.name());
        }
    }
}

#[test]
fn what_a_replace_sets_without_logging_it_is_not_guessed() {
    for product in live().into_iter().filter(|product| product.is_mariadb()) {
        let server = start(product);
        let undone = run(&server, "INSERT INTO d.parent VALUES (3, 300)");
        run(&server, "UPDATE d.child SET v = 4 WHERE id = 1");
        let (_, report) = only(&server, &undone, Conflicts::Refuse, Format::Base64).unwrap();
        assert_eq!(report.rows(), 1, "{}", product.name());
        run(&server, "REPLACE INTO d.child (id, v) VALUES (1, 5)");
        let what = refused(only(&server, &undone, Conflicts::Refuse, Format::Base64));
        let told = "`d`.`child` id=1: parent cannot be rebuilt";
        assert!(what.contains(told) && what.contains("REPLACE"), "{}: {what}", product.name());
    }
}
