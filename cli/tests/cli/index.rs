//! `binlog index`: with an index, every verb says what it says without.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::common::{LogBuilder, Logs, binlog, one_log};

/// Exit code, and all that was said.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = binlog().args(arguments).output().unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(!stderr.contains("panicked"), "{stderr}");
    (output.status.code(), stdout + &stderr)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_index_is_built_kept_and_built_again_when_its_log_has_changed() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let (log, index) = (logs.path("binlog.000001"), logs.path("binlog.000001.bidx"));
    let bytes = fs::read(&log).unwrap();
    assert_eq!(
        run(&["index", text(&log)]),
        (
            Some(0),
            format!(
                "binlog.000001: indexed, 3 transactions, {} bytes for {}\n",
                fs::metadata(&index).unwrap().len(),
                bytes.len()
            )
        )
    );
    let built = fs::read(&index).unwrap();
    assert!(run(&["index", text(&logs.path(""))]).1.contains("kept, 3 transactions"));
    let forced = run(&["index", "--force", "--format=json", text(&log)]).1;
    let line: serde_json::Value = serde_json::from_str(&forced).unwrap();
    assert_eq!((&line["action"], &line["transactions"]), (&"built".into(), &3.into()));
    assert_eq!((&line["used"], &line["read_from"]), (&true.into(), &4.into()));
    assert_eq!(fs::read(&index).unwrap(), built);

    fs::write(&log, one_log().query("DROP TABLE users").build()).unwrap();
    assert!(run(&["index", text(&log)]).1.contains("indexed, 4 transactions"));
    assert_ne!(fs::read(&index).unwrap(), built);
    // The log, its index, and nothing that was left beside them.
    assert_eq!(fs::read_dir(logs.path("")).unwrap().count(), 2);
}

#[test]
fn a_folder_of_indexes_leaves_that_of_the_logs_alone() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let indexes = tempfile::tempdir().unwrap();
    let folder = indexes.path().join("new");
    let run = run(&["index", "--index-dir", text(&folder), text(&logs.path("binlog.000001"))]);
    assert_eq!(run.0, Some(0), "{}", run.1);
    assert!(folder.join("binlog.000001.bidx").is_file());
    assert_eq!(fs::read_dir(logs.path("")).unwrap().count(), 1);
}

#[test]
fn who_may_not_read_the_log_may_not_read_its_index() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let log = logs.path("binlog.000001");
    for mode in [0o600, 0o640, 0o444] {
        fs::set_permissions(&log, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(run(&["index", "--force", text(&log)]).0, Some(0));
        let index = fs::metadata(logs.path("binlog.000001.bidx")).unwrap();
        assert_eq!(index.permissions().mode() & 0o777, mode | 0o600);
    }
}

#[test]
fn a_damaged_log_is_indexed_and_read_nevertheless() {
    let mut bytes = one_log().build();
    let at = bytes.windows(5).position(|part| part == b"notes").unwrap();
    bytes[at] = b'N';
    let logs = Logs::of_bytes(&[("binlog.000001", bytes)]);
    let log = logs.path("binlog.000001");
    let (code, said) = run(&["index", text(&log)]);
    assert_eq!(code, Some(3));
    assert!(said.contains("not used from its damage on: the log itself is read"), "{said}");
    let shown = run(&["show", "binlog.000001:4", text(&log)]);
    fs::remove_file(logs.path("binlog.000001.bidx")).unwrap();
    assert_eq!(run(&["show", "binlog.000001:4", text(&log)]), shown);
}

#[test]
fn what_is_no_index_is_not_written_over() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    fs::write(logs.path("binlog.000001.bidx"), "notes of mine").unwrap();
    let (code, said) = run(&["index", "--force", text(&logs.path("binlog.000001"))]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("exists, and is no index"), "{said}");
    assert_eq!(fs::read(logs.path("binlog.000001.bidx")).unwrap(), b"notes of mine");
}

#[test]
fn a_pipe_has_no_folder() {
    let output = binlog().args(["index", "-"]).write_stdin(one_log().build()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--index-dir"));
}

/// The folders of small real logs.
fn shops() -> Vec<PathBuf> {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop");
    ["mysql-9.7", "mariadb-10.11", "mariadb-11.8"].map(|server| shop.join(server)).to_vec()
}

#[test]
fn every_address_leads_where_it_does_without_an_index() {
    for shop in shops() {
        let indexes = tempfile::tempdir().unwrap();
        let folder = text(indexes.path());
        assert_eq!(run(&["index", "--index-dir", folder, text(&shop)]).0, Some(0));
        let found = run(&["find", "--format=json", text(&shop)]).1;
        let found: Vec<serde_json::Value> =
            found.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(!found.is_empty());
        let name = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let mut addresses: Vec<_> = found
            .iter()
            .take(2)
            .flat_map(|line| [name(&line["id"]), name(&line["gtid"])])
            .collect();
        // Inside an event, behind the end of the log, and of no transaction.
        let (log, position) = addresses[0].as_deref().unwrap().split_once(':').unwrap();
        let inside: u64 = position.split('+').next().unwrap().parse::<u64>().unwrap() + 1;
        let wrong = [format!("{log}:{inside}"), format!("{log}:999999999"), format!("{log}:4")];
        addresses.extend(wrong.map(Some));
        addresses.push(Some("99-99-99".into()));
        for address in addresses.into_iter().flatten() {
            for verb in [&["show"][..], &["replay", "--stop-before"], &["undo", "--only"]] {
                let plain = [verb, &[address.as_str(), text(&shop)][..]].concat();
                let with = [&plain[..], &["--index-dir", folder][..]].concat();
                let (code, said) = run(&with);
                // The commands to run next go on with the indexes.
                let said = said.replace(&format!("--index-dir={folder} "), "");
                assert_eq!((code, said), run(&plain), "{with:?}");
            }
        }
    }
}

#[test]
fn an_index_that_is_damaged_or_of_another_log_is_passed_over() {
    let shop = &shops()[0];
    let indexes = tempfile::tempdir().unwrap();
    let folder = text(indexes.path());
    assert_eq!(run(&["index", "--index-dir", folder, text(shop)]).0, Some(0));
    let found = run(&["find", "--format=json", text(shop)]).1;
    let worst: serde_json::Value = serde_json::from_str(found.lines().next().unwrap()).unwrap();
    let address = worst["id"].as_str().unwrap();
    let plain = run(&["show", address, text(shop)]);
    let (log, _) = address.split_once(':').unwrap();
    let path = indexes.path().join(format!("{log}.bidx"));
    let good = fs::read(&path).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    let other = if log == "binlog.000001" { "binlog.000002" } else { "binlog.000001" };
    let foreign = fs::read(indexes.path().join(format!("{other}.bidx"))).unwrap();
    for bytes in [changed, good[..good.len() / 2].to_vec(), foreign, b"no index".to_vec(), vec![]] {
        fs::write(&path, bytes).unwrap();
        let (code, said) = run(&["show", address, text(shop), "--index-dir", folder]);
        assert_eq!((code, said.replace(&format!("--index-dir={folder} "), "")), plain);
    }
}

/// A log behind which the next begins, with a table that only the first defines.
fn two_logs() -> Logs {
    let first = LogBuilder::new().gtid(1).query("CREATE TABLE users (id INT NOT NULL)");
    let first = first.gtid(2).query("CREATE TABLE pets (id INT)").gtid(3).delete(&[1]);
    let second = LogBuilder::new().previous(3).gtid(4).delete(&[2]).gtid(5).delete(&[3]);
    Logs::new([
        ("binlog.000001", first.rotate("binlog.000002")),
        ("binlog.000002", second.rotate("binlog.000003")),
    ])
}

#[test]
fn what_defines_a_table_is_found_by_the_indexes_of_the_logs_before() {
    let logs = two_logs();
    let (all, indexes) = (logs.path(""), tempfile::tempdir().unwrap());
    let (all, folder) = (text(&all), text(indexes.path()));
    assert_eq!(run(&["index", "--index-dir", folder, all]).0, Some(0));
    let gtid = "abababab-abab-abab-abab-abababababab:5";
    for words in [&["show", gtid][..], &["events", "-v", "--start-position=binlog.000002:300"]] {
        let plain = run(&[words, &[all]].concat());
        assert!(plain.1.contains("id") && !plain.1.contains("@1"), "{}", plain.1);
        assert_eq!(run(&[words, &["--index-dir", folder, all]].concat()), plain);
    }
}

#[test]
fn a_gtid_is_found_wherever_it_is_whatever_the_logs_say_of_those_before() {
    // The second log says that 1 to 3 came before it, and begins with 2 once more.
    let first = LogBuilder::new().gtid(1).query("CREATE TABLE users (id INT)");
    let second = LogBuilder::new().previous(3).gtid(2).delete(&[2]).gtid(9).delete(&[3]);
    let logs = Logs::new([
        ("binlog.000001", first.rotate("binlog.000002")),
        ("binlog.000002", second.rotate("binlog.000003")),
    ]);
    for (number, log) in [(1, "binlog.000001"), (2, "binlog.000002"), (9, "binlog.000002")] {
        let gtid = format!("abababab-abab-abab-abab-abababababab:{number}");
        let (code, said) = run(&["show", &gtid, "--allow-gaps", text(&logs.path(""))]);
        assert!(said.contains(&format!("{log}:")), "{number}: {code:?} {said}");
    }
    let nobody = "abababab-abab-abab-abab-abababababab:7";
    assert_eq!(run(&["show", nobody, "--allow-gaps", text(&logs.path(""))]).0, Some(1));
}

/// What verbs are asked, with and without an index: all of it, and parts by time and place.
fn questions(times: &[String], positions: &[(String, String)]) -> Vec<Vec<String>> {
    let mut asked: Vec<Vec<&str>> = vec![
        vec!["info"],
        vec!["info", "--format=json"],
        vec!["verify"],
        vec!["find"],
        vec!["find", "--format=json"],
        vec!["find", "--min-rows=0"],
        vec!["find", "--min-rows=2", "--server-id=1"],
        vec!["replay"],
        vec!["events", "--format=json"],
    ];
    for time in times {
        for verb in ["find", "events", "replay"] {
            asked.push(vec![verb, "--start-datetime", time]);
            asked.push(vec![verb, "--stop-datetime", time]);
        }
    }
    if let [first, .., last] = times {
        asked.push(vec!["replay", "--start-datetime", first, "--stop-datetime", last]);
        asked.push(vec!["find", "--start-datetime", first, "--stop-datetime", last]);
        asked.push(vec!["events", "--start-datetime", first, "--stop-datetime", last]);
    }
    for (start, stop) in positions {
        for verb in ["find", "events", "replay"] {
            asked.push(vec![verb, "--start-position", start]);
            asked.push(vec![verb, "--stop-position", stop]);
        }
    }
    asked.into_iter().map(|words| words.into_iter().map(str::to_owned).collect()).collect()
}

/// Asks everything of `logs` with the indexes in `folder` and without, and compares.
fn compare(logs: &Path, folder: &str, asked: &[Vec<String>]) {
    for question in asked {
        let words: Vec<_> = question.iter().map(String::as_str).collect();
        let plain = [&words[..], &[text(logs)]].concat();
        let with = [&plain[..], &["--index-dir", folder]].concat();
        let (code, said) = run(&with);
        let said = said.replace(&format!("--index-dir={folder} "), "");
        assert_eq!((code, said), run(&plain), "{with:?}");
    }
}

/// Times of events of a log, a few of them, and one of each side.
fn some_times(logs: &Path) -> Vec<String> {
    let events = run(&["events", "--format=json", text(logs)]).1;
    let lines = events.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let mut times: Vec<_> =
        lines.filter_map(|line| line["time"].as_str().map(str::to_owned)).collect();
    assert!(times.len() > 10, "{events}");
    times.sort();
    times.dedup();
    let step = (times.len() / 4).max(1);
    let mut some: Vec<_> = times.iter().step_by(step).cloned().collect();
    some.push("2001-01-01T00:00:00Z".into());
    some.push("2037-01-01T00:00:00Z".into());
    some.sort();
    some
}

#[test]
fn every_verb_says_of_the_small_logs_what_it_says_without_an_index() {
    for shop in shops() {
        let indexes = tempfile::tempdir().unwrap();
        let folder = text(indexes.path());
        assert_eq!(run(&["index", "--index-dir", folder, text(&shop)]).0, Some(0));
        let positions = [("500".to_owned(), "900".to_owned())];
        compare(&shop, folder, &questions(&some_times(&shop), &positions));
    }
}

/// Some four MiB in forty transactions, a minute each, the clock of which goes back in between.
fn long_log(transactions: u32) -> LogBuilder {
    let mut log = LogBuilder::new().query("CREATE TABLE users (id INT)");
    for number in 1..=transactions {
        let text = format!("INSERT INTO notes VALUES ('{}')", "x".repeat(100_000));
        log = log.later(if number == 25 { -600 } else { 60 }).gtid(u64::from(number));
        log = match number % 10 {
            3 => log.query("DROP TABLE orders"),
            7 => log.delete_by("DELETE FROM users", &[number, number + 1, number + 2]),
            9 => log.query("BEGIN").query("UPDATE users SET id = 1").event(16, &[0; 8]),
            _ => log.delete(&[number]),
        };
        log = log.gtid(1000 + u64::from(number)).query("BEGIN").query(&text).event(16, &[0; 8]);
    }
    log
}

#[test]
fn every_verb_says_of_a_log_in_parts_what_it_says_without_an_index() {
    let logs = Logs::new([("binlog.000001", long_log(40).rotate("binlog.000002"))]);
    let log = logs.path("binlog.000001");
    let indexes = tempfile::tempdir().unwrap();
    let folder = text(indexes.path());
    assert_eq!(run(&["index", "--index-dir", folder, text(&log)]).0, Some(0));
    let positions = [1_500_000, 2_700_000].map(|at| (at.to_string(), at.to_string()));
    compare(&log, folder, &questions(&some_times(&log), &positions));
}

#[test]
fn a_log_that_has_grown_or_was_damaged_later_is_known_up_to_there() {
    let logs = Logs::new([("binlog.000001", long_log(30))]);
    let log = logs.path("binlog.000001");
    let indexes = tempfile::tempdir().unwrap();
    let folder = text(indexes.path());
    assert_eq!(run(&["index", "--index-dir", folder, text(&log)]).0, Some(0));
    let whole = long_log(40).rotate("binlog.000002").build();
    fs::write(&log, &whole).unwrap();
    let positions = [("1500000".to_owned(), "3500000".to_owned())];
    let asked = questions(&some_times(&log), &positions);
    compare(&log, folder, &asked);

    let mut damaged = whole;
    let at = damaged.len() - 150_000;
    damaged[at] ^= 1;
    fs::write(&log, &damaged).unwrap();
    assert_eq!(run(&["index", "--index-dir", folder, text(&log)]).0, Some(3));
    compare(&log, folder, &asked);
}
