//! The statements for MySQL, from 8.0.26 on.

use std::fmt::{self, Write};

use super::super::Manifest;
use super::{CHANNEL, HOST, WORKERS};

/// Puts the files where the channel's relay logs will be. With a folder of their own, the variables
/// may be relative to the server's.
pub(super) const COMMANDS: &str = "\
base=$(mysql -NBe \"SELECT CONCAT(IF(@@GLOBAL.relay_log_basename LIKE '/%', '',
  @@GLOBAL.datadir), @@GLOBAL.relay_log_basename)\")
index=$(mysql -NBe \"SELECT CONCAT(IF(@@GLOBAL.relay_log_index LIKE '/%', '',
  @@GLOBAL.datadir), @@GLOBAL.relay_log_index)\")
folder=$(dirname \"$base\")
index=${index%.index}-binlog_replay.index
cp binlog-replay.[0-9]* \"$folder\"
cp binlog-replay.index \"$index\"
chown --reference=\"$folder\" \"$folder\"/binlog-replay.[0-9]* \"$index\"";

pub(super) fn statements(out: &mut String, manifest: &Manifest) -> fmt::Result {
    let gtids = &manifest.stream.gtids.mysql;
    prepare(out, manifest)?;
    change_source(out, manifest)?;
    writeln!(out, "START REPLICA SQL_THREAD FOR CHANNEL '{CHANNEL}';\n")?;
    writeln!(out, "-- Waits, and knows when the applier has stopped.")?;
    let end = &manifest.end;
    writeln!(
        out,
        "SET @binlog_replay_done = SOURCE_POS_WAIT('{}', {}, 0, '{CHANNEL}') IS NOT NULL;",
        end.log, end.position
    )?;
    if !gtids.is_empty() {
        let gtids = gtids.to_string().replace(['\n', ' '], "");
        writeln!(out, "SET @binlog_replay_done = @binlog_replay_done")?;
        writeln!(out, "  AND GTID_SUBSET('{gtids}', @@GLOBAL.gtid_executed);")?;
    }
    writeln!(out, "SET GLOBAL replica_parallel_workers =")?;
    writeln!(out, "  COALESCE(@binlog_replay_workers_before, @@GLOBAL.replica_parallel_workers);")?;
    writeln!(out, "SET @binlog_replay_sql = IF(@binlog_replay_done, 'DO 0',")?;
    writeln!(out, "  \"SHOW REPLICA STATUS FOR CHANNEL '{CHANNEL}'\");")?;
    execute(out)?;
    writeln!(out, "SET @binlog_replay_sql = IF(@binlog_replay_done, 'DO 0',")?;
    writeln!(
        out,
        "  \"SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker"
    )?;
    writeln!(out, "   WHERE CHANNEL_NAME = '{CHANNEL}' AND LAST_ERROR_NUMBER <> 0\");")?;
    execute(out)?;
    writeln!(out, "SET @binlog_replay_problem =")?;
    writeln!(
        out,
        "  IF(@binlog_replay_done, NULL, 'the applier has stopped: see Last_SQL_Error');"
    )?;
    fail(out)?;
    writeln!(out, "STOP REPLICA FOR CHANNEL '{CHANNEL}';")?;
    writeln!(out, "RESET REPLICA ALL FOR CHANNEL '{CHANNEL}';")
}

/// What has to be so, and what the applier works with.
fn prepare(out: &mut String, manifest: &Manifest) -> fmt::Result {
    let named = !manifest.stream.gtids.mysql.is_empty();
    writeln!(
        out,
        "-- Workers that apply at the same time; at most as many as there are processors"
    )?;
    writeln!(out, "-- makes sense, and twice that where commits wait for a disk.")?;
    writeln!(out, "SET @binlog_replay_workers = {WORKERS};\n")?;
    writeln!(out, "-- The server has to be one that can.")?;
    writeln!(out, "SET @binlog_replay_problem = CASE")?;
    let problem = |out: &mut String, when: &str, then: &str| {
        writeln!(out, "  WHEN {when}\n    THEN '{then}'")
    };
    let ids: Vec<_> = manifest.server_ids.iter().map(u32::to_string).collect();
    if !ids.is_empty() {
        // An applier passes over events of its own server's id.
        let when = format!("@@GLOBAL.server_id IN ({})", ids.join(", "));
        problem(out, &when, "server_id is one that the events bear instead of their own")?;
    }
    match (named, manifest.anonymous) {
        (true, true) => problem(
            out,
            "@@GLOBAL.gtid_mode IN ('OFF', 'ON')",
            "gtid_mode must be a PERMISSIVE one: some transactions have a GTID and some have not",
        )?,
        (true, false) => problem(
            out,
            "@@GLOBAL.gtid_mode = 'OFF'",
            "gtid_mode is OFF and the transactions have GTIDs: turn it on or use --skip-gtids",
        )?,
        (false, _) => {}
    }
    problem(out, "@@GLOBAL.server_id = 0", "server_id is 0: replication needs another")?;
    writeln!(out, "END;")?;
    fail(out)?;
    writeln!(out)?;
    writeln!(out, "SET @binlog_replay_workers_before = @@GLOBAL.replica_parallel_workers;")?;
    writeln!(out, "SET GLOBAL replica_parallel_workers = @binlog_replay_workers;")?;
    writeln!(out, "-- With commits in order, an applier that stops leaves no gap behind.")?;
    writeln!(out, "SET @binlog_replay_sql = IF(@@GLOBAL.replica_preserve_commit_order, 'DO 0',")?;
    writeln!(out, "  'SET GLOBAL replica_preserve_commit_order = ON');")?;
    execute(out)?;
    writeln!(out)
}

fn change_source(out: &mut String, manifest: &Manifest) -> fmt::Result {
    let begin = &manifest.begin;
    let file = manifest.files.first().map_or("", |(name, _)| name.as_str());
    writeln!(out, "-- The logs are here already: there is no source, and nothing asks for one.")?;
    if manifest.anonymous {
        writeln!(out, "SET @binlog_replay_sql = CONCAT(\"CHANGE REPLICATION SOURCE TO\",")?;
        writeln!(out, "  IF(@@GLOBAL.gtid_mode = 'ON',")?;
        writeln!(out, "    ' ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS = LOCAL,', ''),")?;
        writeln!(out, "  \" SOURCE_HOST = '{HOST}', SOURCE_AUTO_POSITION = 0,")?;
    } else {
        writeln!(out, "CHANGE REPLICATION SOURCE TO")?;
        writeln!(out, "  SOURCE_HOST = '{HOST}', SOURCE_AUTO_POSITION = 0,")?;
    }
    let (log, position) = (&begin.log, begin.position);
    writeln!(out, "  SOURCE_LOG_FILE = '{log}', SOURCE_LOG_POS = {position},")?;
    writeln!(out, "  RELAY_LOG_FILE = '{file}', RELAY_LOG_POS = 4")?;
    if manifest.anonymous {
        writeln!(out, "  FOR CHANNEL '{CHANNEL}'\");")?;
        return execute(out);
    }
    writeln!(out, "  FOR CHANNEL '{CHANNEL}';")
}

fn execute(out: &mut String) -> fmt::Result {
    writeln!(out, "PREPARE binlog_replay FROM @binlog_replay_sql;")?;
    writeln!(out, "EXECUTE binlog_replay;")
}

/// Ends the script with the text of `@binlog_replay_problem`, if there is any. SIGNAL cannot be
/// prepared, so a value that no variable takes carries the text.
fn fail(out: &mut String) -> fmt::Result {
    writeln!(out, "SET SESSION sql_mode = COALESCE(@binlog_replay_problem, @@SESSION.sql_mode);")
}
