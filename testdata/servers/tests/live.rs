//! The servers themselves: they start, keep rows, dump the same twice, and leave
//! no process behind.

use std::path::Path;
use std::process::{Command, Stdio};

use servers::{DumpOptions, Product, Server, ServerOptions, live};

fn start(product: Product) -> Server {
    Server::start(product, &ServerOptions::default()).unwrap()
}

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_server_keeps_rows_over_a_stop_and_a_crash() {
    for product in live() {
        let mut server = start(product);
        server
            .sql("CREATE DATABASE d; CREATE TABLE d.t (a INT AUTO_INCREMENT PRIMARY KEY, f FLOAT, b BLOB); INSERT INTO d.t VALUES (7, 0.1, X'00FF0A');")
            .unwrap();
        let before = server.dump().unwrap();
        assert_eq!(
            before.lines("rows of `d`.`t`"),
            [b"7\t0.10000000149011612\t00FF0A".to_vec()],
            "{}",
            product.name()
        );
        server.stop_cleanly().unwrap();
        assert_eq!(server.pid(), None);
        server.restart().unwrap();
        assert_eq!(before.difference(&server.dump().unwrap()), None);
        server.kill().unwrap();
        server.restart().unwrap();
        assert_eq!(before.difference(&server.dump().unwrap()), None);
        assert_eq!(server.binary_logs().unwrap().len(), 3);
    }
}

#[test]
fn a_dropped_server_leaves_neither_process_nor_folder() {
    for product in live() {
        let server = start(product);
        let (pid, folder) = (server.pid().unwrap(), server.data_folder());
        assert!(runs(pid));
        drop(server);
        assert!(!runs(pid), "{}", product.name());
        assert!(!folder.exists());
    }
}

/// The child half of the test below: it starts a server and waits to be killed.
#[test]
#[ignore = "run by a_killed_process_takes_its_server_along"]
fn hold_a_server_until_killed() {
    let Ok(name) = std::env::var("HOLD") else {
        return;
    };
    let product = Product::from_name(&name).unwrap();
    let server = start(product);
    println!("holding {} {}", server.pid().unwrap(), server.data_folder().display());
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_killed_process_takes_its_server_along() {
    use std::io::{BufRead, BufReader};
    for product in live() {
        let mut holder = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "hold_a_server_until_killed"])
            .env("HOLD", product.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = BufReader::new(holder.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .find(|line| line.contains("holding "))
            .unwrap();
        let mut words = line.split(' ').skip_while(|w| *w != "holding").skip(1);
        let pid: u32 = words.next().unwrap().parse().unwrap();
        let folder = Path::new(words.next().unwrap()).to_owned();
        assert!(runs(pid));
        holder.kill().unwrap();
        holder.wait().unwrap();
        // The watch has its own pace; it is bounded by the harness, not by us.
        while runs(pid) || folder.exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn sessions_interleave_and_say_what_failed() {
    for product in live() {
        let server = start(product);
        server.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY);").unwrap();
        let mut one = server.session().unwrap();
        let mut two = server.session().unwrap();
        one.run("BEGIN; INSERT INTO d.t VALUES (1);").unwrap();
        assert_eq!(two.run("SELECT a FROM d.t;").unwrap(), b"");
        one.run("COMMIT;").unwrap();
        assert_eq!(two.run("SELECT a FROM d.t;").unwrap(), b"1\n");
        let error = two.run("SELECT nothing;").unwrap_err().to_string();
        assert!(error.contains("1054"), "{error}");
    }
}

#[test]
fn a_server_that_cannot_start_says_why() {
    for product in live() {
        let options = ServerOptions::with_args(["--no-such-option=1"]);
        let error = Server::start(product, &options).unwrap_err().to_string();
        assert!(error.contains("no-such-option"), "{error}");
    }
}

#[test]
fn the_servers_list_of_events_and_its_gtids_are_read() {
    for product in live() {
        let args = if product.is_mariadb() {
            vec![]
        } else {
            vec!["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]
        };
        let server = Server::start(product, &ServerOptions::with_args(args)).unwrap();
        server.sql("CREATE DATABASE d;").unwrap();
        server.flush_logs().unwrap();
        let logs = server.binary_logs().unwrap();
        let name = logs[0].file_name().unwrap().to_str().unwrap();
        let events = server.show_binlog_events(name).unwrap();
        assert_eq!(events[0].position, 4);
        assert!(events.windows(2).all(|w| w[0].end_position == w[1].position));
        let size = std::fs::metadata(&logs[0]).unwrap().len();
        assert_eq!(events.last().unwrap().end_position, size);
        let gtids = server.gtid_executed().unwrap();
        assert!(gtids.ends_with(if product.is_mariadb() { "0-1-1" } else { ":1" }), "{gtids}");
    }
}

#[test]
fn a_dump_can_leave_counters_and_a_tables_rows_out() {
    for product in live() {
        let server = start(product);
        server
            .sql("CREATE DATABASE d; CREATE TABLE d.t (a INT AUTO_INCREMENT PRIMARY KEY); CREATE TABLE d.u LIKE d.t; INSERT INTO d.t VALUES (1);")
            .unwrap();
        let options =
            DumpOptions { without_auto_increment: true, without_rows_of: vec!["d.u".to_owned()] };
        let before = server.dump_with(&options).unwrap();
        server
            .sql("INSERT INTO d.u VALUES (5); INSERT INTO d.t VALUES (9); DELETE FROM d.t WHERE a = 9;")
            .unwrap();
        assert_eq!(before.difference(&server.dump_with(&options).unwrap()), None);
        assert!(before.difference(&server.dump().unwrap()).is_some());
    }
}

#[test]
fn a_server_can_live_on_another_day() {
    for product in live() {
        let options = ServerOptions { clock: Some(1_000_000_000.0), ..ServerOptions::default() };
        let server = Server::start(product, &options).unwrap();
        let day = || server.value("SELECT DATE(NOW()), UNIX_TIMESTAMP() DIV 1000;").unwrap();
        assert_eq!(day(), "2001-09-09\t1000000", "{}", product.name());
        server.set_clock(1_100_000_000.0).unwrap();
        assert_eq!(day(), "2004-11-09\t1100000", "{}", product.name());
        // The format description event of a new log has the server's time.
        server.flush_logs().unwrap();
        let log = std::fs::read(server.binary_logs().unwrap().pop().unwrap()).unwrap();
        let time = u32::from_le_bytes(log[4..8].try_into().unwrap());
        assert!((1_100_000_000..1_100_000_600).contains(&time), "{time}");
    }
}
