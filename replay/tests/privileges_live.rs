//! A stream run by a user who has exactly the privileges that its manifest names.

use anyhow::{Context, Result, ensure};
use binlog_parser::source::log_set::LogSet;
use replay::stream::{self, Manifest, Options, PACKET_BYTES};
use servers::{Product, Server, ServerOptions};

const STORY: &str = "
    CREATE DATABASE p; USE p;
    CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20));
    CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id));
    CREATE VIEW ids AS SELECT id FROM a;
    CREATE FUNCTION twice (n INT) RETURNS INT DETERMINISTIC RETURN 2 * n;
    CREATE PROCEDURE nothing () SELECT 1;
    CREATE TRIGGER before_a BEFORE INSERT ON a FOR EACH ROW SET NEW.v = UPPER(NEW.v);
    CREATE EVENT never ON SCHEDULE AT '2037-01-01 00:00:00' DISABLE DO SELECT 1;
    INSERT INTO a VALUES (1, 'one'), (2, 'two'), (3, 'three');
    INSERT INTO b VALUES (1, 1), (2, 3);
    UPDATE a SET v = 'changed' WHERE id = 2; DELETE FROM b WHERE id = 2;
    ALTER TABLE a ADD w INT NOT NULL DEFAULT 7; CREATE INDEX by_w ON a (w);
    CREATE TABLE gone LIKE a; TRUNCATE gone; RENAME TABLE gone TO away; DROP TABLE away;
    XA START 'x'; INSERT INTO a (id) VALUES (9); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x';";

/// Privileges that the stream itself needs, each of them.
const OWN: [&str; 4] = ["BINLOG_ADMIN", "SESSION_VARIABLES_ADMIN", "BINLOG ADMIN", "BINLOG REPLAY"];

fn options(product: Product) -> ServerOptions {
    let gtids = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"];
    let args = if product.is_mariadb() { &[][..] } else { &gtids };
    ServerOptions::with_args(args.iter().copied())
        .and_args(["--log-bin-trust-function-creators=ON"])
}

/// Runs the stream on a new server by a user with these privileges alone.
fn run_as(product: Product, stream: &[u8], privileges: &[&str]) -> Result<(Server, Result<()>)> {
    let server = Server::start(product, &options(product))?;
    let names = privileges.join(", ");
    server.sql(format!("CREATE USER u@localhost; GRANT {names} ON *.* TO u@localhost;"))?;
    let run = server.pipe(stream, ["--comments", "--user=u"])?.success().map(drop);
    Ok((server, run))
}

fn is_enough(product: Product) -> Result<()> {
    let source = Server::start(product, &options(product))?;
    source.sql(STORY)?;
    let set = LogSet::open(&source.binary_logs()?)?;
    for disable_log_bin in [false, true] {
        let options = Options { disable_log_bin, packet_bytes: PACKET_BYTES, ..Options::default() };
        let mut stream = vec![];
        let Manifest { privileges, .. } = stream::replay(&set, &options, &mut stream, &mut |_| {})?;
        ensure!(privileges.unknown == 0 && privileges.trust_function_creators, "{privileges:?}");
        let names: Vec<&str> = privileges.names.into_iter().collect();
        let (server, run) = run_as(product, &stream, &names)?;
        run.with_context(|| names.join(", "))?;
        if let Some(difference) = server.dump()?.difference(&source.dump()?) {
            anyhow::bail!("{difference}");
        }
        for own in OWN.into_iter().filter(|own| names.contains(own) && !disable_log_bin) {
            let less: Vec<_> = names.iter().copied().filter(|name| *name != own).collect();
            ensure!(run_as(product, &stream, &less)?.1.is_err(), "{own} is not needed");
        }
    }
    Ok(())
}

#[test]
fn the_privileges_that_are_named_are_enough() -> Result<()> {
    servers::live()
        .into_iter()
        .try_for_each(|product| is_enough(product).with_context(|| product.name()))
}
