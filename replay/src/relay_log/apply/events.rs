//! The status of the event scheduler's events, which an applier has changed.

use std::fmt::{self, Write};

use crate::relay_log::scheduled::{EventName, Schedule};
use crate::sql::quote::quote_identifier;

/// The statements that give each event its status. Names that are not ASCII depend on a charset that
/// the script does not know, and a status from before the cut nobody knows: these events are named in
/// `warnings`.
pub(in crate::relay_log) fn statements(
    schedule: &Schedule,
    warnings: &mut Vec<String>,
) -> Vec<String> {
    let mut statements = vec![];
    for (name, event) in schedule.events() {
        let (Some(enabled), Some((user, host))) = (event.enabled, &event.definer) else {
            warnings.push(unknown(name));
            continue;
        };
        let (database, event) = name;
        if ![database, event, user, host].into_iter().all(|name| is_plain(name)) {
            warnings.push(unknown(name));
            continue;
        }
        let mut text = b"ALTER DEFINER = ".to_vec();
        quote_identifier(&mut text, user);
        text.push(b'@');
        quote_identifier(&mut text, host);
        text.extend(b" EVENT ");
        quote_identifier(&mut text, database);
        text.push(b'.');
        quote_identifier(&mut text, event);
        text.extend(if enabled { &b" ENABLE;"[..] } else { b" DISABLE;" });
        let charset = format!(
            "SET @binlog_replay_sql = (SELECT CONCAT('SET character_set_client = ', \
             CHARACTER_SET_CLIENT,\n  ', collation_connection = ', COLLATION_CONNECTION) FROM \
             information_schema.EVENTS\n  WHERE EVENT_SCHEMA = X'{}' AND EVENT_NAME = X'{}');",
            hex(database),
            hex(event)
        );
        let run = "PREPARE binlog_replay FROM @binlog_replay_sql;\nEXECUTE binlog_replay;";
        statements.push(format!("{charset}\n{run}\n{}", String::from_utf8_lossy(&text)));
    }
    statements
}

/// Whether a name is the same in every charset of a client, and on one line.
fn is_plain(name: &[u8]) -> bool {
    name.iter().all(|b| b.is_ascii_graphic() || *b == b' ')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unknown((database, event): &EventName) -> String {
    let [database, event] = [database, event].map(|name| String::from_utf8_lossy(name));
    format!(
        "event {database}.{event}: an applier disables it, and what it has to be is not known: \
         ALTER EVENT … ENABLE if it was enabled"
    )
}

/// Writes the statements, which go into no binary log: the logs have their effect already.
pub(super) fn write(out: &mut String, statements: &[String]) -> fmt::Result {
    if statements.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n-- An applier disables events that it makes. They get their status back, which no"
    )?;
    writeln!(out, "-- binary log has to hold once more.")?;
    writeln!(out, "SET SESSION sql_log_bin = 0;")?;
    statements.iter().try_for_each(|statement| writeln!(out, "{statement}"))?;
    writeln!(out, "SET NAMES utf8mb4;")?;
    writeln!(out, "SET SESSION sql_log_bin = 1;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay_log::testing::LogBuilder;

    #[test]
    fn a_status_is_given_back_or_named() {
        let log = LogBuilder::mysql()
            .query("CREATE DEFINER=`a``b`@`%` EVENT shop.`n``ight` ON SCHEDULE EVERY 1 DAY DO DO 1")
            .query("ALTER EVENT shop.old COMMENT 'x'")
            .query("CREATE DEFINER=`a`@`%` EVENT shop.`n\u{e4}ght` ON SCHEDULE EVERY 1 DAY DO DO 1")
            .log();
        let mut schedule = Schedule::default();
        log.scan().events().skip(1).for_each(|event| schedule.note(&event, "9.7.4"));
        let mut warnings = vec![];
        let statements = statements(&schedule, &mut warnings);
        assert_eq!(statements.len(), 1);
        let alter = "ALTER DEFINER = `a``b`@`%` EVENT `shop`.`n``ight` ENABLE;";
        assert!(statements[0].ends_with(alter), "{}", statements[0]);
        assert!(warnings.len() == 2 && warnings[1].contains("shop.old"), "{warnings:?}");
    }
}
