//! `history` and `schema` on the shop's logs: the whole answer. Read the difference before accepting
//! it (`INSTA_UPDATE=always`).

use std::path::PathBuf;

use crate::common::{LogBuilder, Logs, binlog};

fn shop(product: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop").join(product)
}

/// Exit code, standard output and standard error of a run in the folder of a product's shop.
fn run(product: &str, arguments: &[&str]) -> String {
    let output = binlog().args(arguments).current_dir(shop(product)).output().unwrap();
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    )
}

const USER: [&str; 7] =
    ["history", "--table=shop.users", "--key=7", "--time-zone", "UTC", ".", "--format"];

#[test]
fn a_users_day() {
    for product in ["mysql-9.7", "mariadb-11.8"] {
        insta::assert_snapshot!(run(product, &[&USER[..], &["text"]].concat()));
    }
}

#[test]
fn a_users_day_as_json() {
    insta::assert_snapshot!(run("mariadb-10.11", &[&USER[..], &["json"]].concat()));
}

#[test]
fn what_a_user_was_before_the_disaster() {
    let facts = std::fs::read_to_string(shop("mysql-9.7").join("FACTS.tsv")).unwrap();
    let fact = |name: &str| {
        let line = facts.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split('\t').nth(1)).unwrap().to_owned()
    };
    let address = fact("disaster\t");
    let as_of = ["--as-of", &address];
    let asked = |rest: &[&str]| run("mysql-9.7", &[&USER[..], rest, &as_of].concat());
    insta::assert_snapshot!(asked(&["text"]));
    insta::assert_snapshot!(asked(&["json"]));
    let nobody = ["history", "--table=shop.users", "--key=999999", "."];
    let nobody = run("mysql-9.7", &[&nobody[..], &as_of].concat());
    assert!(nobody.starts_with("exit 1\n--- stdout\nnot known from these logs\n"), "{nobody}");
    // Before the first ALTER, the CREATE TABLE tells that the table was empty.
    let early =
        ["history", "--table=shop.users", "--key=999999", ".", "--as-of=binlog.000001:7350"];
    let early = run("mysql-9.7", &early);
    assert!(early.starts_with("exit 0\n--- stdout\ndid not exist\n"), "{early}");
}

#[test]
fn the_shops_tables() {
    for product in ["mysql-9.7", "mariadb-11.8"] {
        insta::assert_snapshot!(run(product, &["schema", "."]));
    }
    insta::assert_snapshot!(run("mysql-9.7", &["schema", "--format=json", "--table=users", "."]));
}

#[test]
fn wrong_use_is_told() {
    let logs = Logs::new([(
        "binlog.000001",
        LogBuilder::new().query("CREATE TABLE users (id INT NOT NULL)").delete(&[1, 2]),
    )]);
    let run = |arguments: &[&str]| {
        let output = binlog().args(arguments).current_dir(logs.path("")).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (exit, told) = run(&["history", "--table=shop.users", "--key=1", "."]);
    assert!(exit == 4 && told.contains("its columns: id") && told.contains("hint: "), "{told}");
    let (exit, told) = run(&["history", "--table=users", "--key=1", "."]);
    assert!(exit == 2 && told.contains("DATABASE.TABLE"), "{told}");
    let (exit, told) = run(&["history", "--key=1", "."]);
    assert!(exit == 2 && told.contains("one --table is needed"), "{told}");
    let (exit, _) = run(&["history", "--table=shop.nowhere", "--key=1", "."]);
    assert_eq!(exit, 1);
    let (exit, told) = run(&["schema", "--table=shop.nowhere", "."]);
    assert!(exit == 1 && told.contains("no table is known"), "{told}");
    // The definition of a dump that does not fit the rows is shown beside them.
    std::fs::write(logs.path("dump.sql"), "CREATE TABLE `users` (`id` bigint, `b` int);\n")
        .unwrap();
    let log = LogBuilder::new().delete(&[1, 2]);
    std::fs::write(logs.path("rows.000001"), log.build()).unwrap();
    let output = binlog()
        .args(["schema", "--schema=dump.sql", "rows.000001"])
        .current_dir(logs.path(""))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}
