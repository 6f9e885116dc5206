//! The script that has a server apply the relay logs: `apply.sql`.
//!
//! The logs are put in the place of a replication channel that does not exist yet, and the channel
//! is made around them, so that no other is touched and no list of the server's is replaced while it
//! uses it. The statements then wait, and fail where the applier does.

pub(super) mod events;
mod mariadb;
mod mysql;

use std::fmt::{self, Write};

use binlog_parser::header::Family;

use super::Manifest;

/// The replication channel, or connection in MariaDB's words, that applies the logs.
pub const CHANNEL: &str = "binlog_replay";

/// How many workers apply, unless the script is changed.
const WORKERS: u32 = 4;

/// Nobody's host: the name is reserved for that. It is never looked up, for no thread connects.
const HOST: &str = "nobody.invalid";

/// The script for the logs of `manifest`.
#[must_use]
pub fn script(manifest: &Manifest) -> String {
    let mut out = String::new();
    // Writing to a String never fails.
    let _ = head(&mut out, manifest);
    let _ = match manifest.family {
        Family::Mysql => mysql::statements(&mut out, manifest),
        Family::Mariadb => mariadb::statements(&mut out, manifest),
    };
    let _ = events::write(&mut out, &manifest.events);
    out
}

fn head(out: &mut String, manifest: &Manifest) -> fmt::Result {
    let stream = &manifest.stream;
    writeln!(out, "/*M!999999\\- enable the sandbox mode */")?;
    writeln!(out, "-- Has a server apply the relay logs beside this file with its own parallel")?;
    writeln!(
        out,
        "-- applier, in a replication channel of its own: {CHANNEL}. Others are not touched."
    )?;
    writeln!(out, "--")?;
    writeln!(out, "-- {} transactions", stream.transactions)?;
    if let (Some(first), Some(last)) = (&stream.first, &stream.last) {
        writeln!(out, "-- {} to {}", safe(&first.to_string()), safe(&last.to_string()))?;
    }
    for (log, name) in &manifest.renamed {
        writeln!(out, "-- {name} stands for {}", safe(log))?;
    }
    writeln!(out, "--")?;
    let (commands, client, status) = match manifest.family {
        Family::Mysql => (mysql::COMMANDS, "mysql", "SHOW REPLICA STATUS"),
        Family::Mariadb => (mariadb::COMMANDS, "mariadb", "SHOW SLAVE STATUS"),
    };
    writeln!(
        out,
        "-- 1. On the server's machine, in the folder of this file, as its administrator."
    )?;
    writeln!(out, "--    The server may run: it does not know these names yet.")?;
    writeln!(out, "--")?;
    commands.lines().try_for_each(|command| writeln!(out, "--      {command}"))?;
    writeln!(out, "--")?;
    writeln!(out, "-- 2. {client} < {}", super::SCRIPT)?;
    writeln!(out, "--")?;
    writeln!(
        out,
        "-- It ends when everything is applied. If the applier stops, it ends with an error"
    )?;
    writeln!(out, "-- behind {status}: Last_SQL_Error says why, Exec_*_Log_Pos where. Put")?;
    writeln!(
        out,
        "-- that right and go on from START, or give up with the last two statements: they"
    )?;
    writeln!(out, "-- remove the copies of the files. Until then, do not restart the server.")?;
    writeln!(out)
}

/// Text from a log, as a comment of one line may hold it.
fn safe(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    text.chars().map(plain).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::relay_log::Position;
    use binlog_parser::address::EventAddress;
    use binlog_parser::gtid::{AnyGtid, MariadbPosition, TransactionGtid};

    fn manifest(family: Family) -> Manifest {
        let mut stream = crate::stream::Manifest { transactions: 2, ..Default::default() };
        let gtid = match family {
            Family::Mysql => "3e11fa47-71ca-11e1-9e33-c80aa9429562:23",
            Family::Mariadb => "0-1-23",
        };
        stream.gtids.insert(&TransactionGtid::from(gtid.parse::<AnyGtid>().unwrap()));
        stream.first = Some(EventAddress::new(&"binlog.000001".into(), 157));
        stream.last = Some(EventAddress::new(&"binlog.000002".into(), 4711));
        let mut last_gtids = MariadbPosition::new();
        if let Ok(AnyGtid::Mariadb(gtid)) = gtid.parse() {
            last_gtids.advance(gtid);
        }
        let position = |log: &str| Position { log: log.into(), position: 4 };
        Manifest {
            stream,
            family,
            files: vec![("binlog-replay.000001".into(), 4000)],
            anonymous: false,
            begin: position("binlog.000001"),
            end: position("binlog.000003"),
            renamed: vec![],
            server_ids: vec![u32::MAX],
            written_by: vec![1],
            events: vec!["ALTER EVENT `a`.`e` ENABLE;".into()],
            last_gtids,
        }
    }

    #[test]
    fn the_script_for_mysql() {
        insta::assert_snapshot!(script(&manifest(Family::Mysql)));
    }

    #[test]
    fn the_script_for_mysql_without_gtids() {
        let mut manifest = manifest(Family::Mysql);
        manifest.stream.gtids = Default::default();
        manifest.anonymous = true;
        let script = script(&manifest);
        assert!(script.contains("ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS"), "{script}");
        assert!(!script.contains("GTID_SUBSET"), "{script}");
    }

    #[test]
    fn the_script_for_mariadb() {
        insta::assert_snapshot!(script(&manifest(Family::Mariadb)));
    }

    #[test]
    fn a_name_from_elsewhere_is_no_statement() {
        let mut manifest = manifest(Family::Mysql);
        manifest.renamed = vec![("a\nDROP DATABASE shop;\n--".into(), "source.000001".into())];
        manifest.stream.first = Some(EventAddress::new(&"b\n\\! reboot".into(), 4));
        let script = script(&manifest);
        assert!(script.contains("-- source.000001 stands for a?DROP?DATABASE?shop;?--\n"));
        assert!(script.contains("-- b?\\!?reboot:4 to"), "{script}");
    }
}
