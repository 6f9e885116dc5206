//! The statements for MariaDB, from 10.6 on.

use std::fmt::{self, Write};

use super::super::Manifest;
use super::{CHANNEL, HOST, WORKERS};

/// Puts the files where the connection's relay logs will be. Without `relay_log`, the variables are
/// NULL, and the names begin as that of the server's pid file (`MYSQL_LOG::generate_name`).
pub(super) const COMMANDS: &str = "\
base=$(mariadb -NBe \"SELECT COALESCE(@@GLOBAL.relay_log_basename,
  CONCAT(SUBSTRING_INDEX(SUBSTRING_INDEX(@@GLOBAL.pid_file, '/', -1), '.', 1), '-relay-bin'))\")
index=$(mariadb -NBe \"SELECT COALESCE(@@GLOBAL.relay_log_index, '$base.index')\")
data=$(mariadb -NBe 'SELECT @@GLOBAL.datadir')
case $base in /*) ;; *) base=$data$base ;; esac
case $index in /*) ;; *) index=$data$index ;; esac
folder=$(dirname \"$base\")
index=${index%.index}-binlog_replay.index
cp binlog-replay.[0-9]* \"$folder\"
cp binlog-replay.index \"$index\"
chown --reference=\"$folder\" \"$folder\"/binlog-replay.[0-9]* \"$index\"";

pub(super) fn statements(out: &mut String, manifest: &Manifest) -> fmt::Result {
    prepare(out, manifest)?;
    let (begin, end) = (&manifest.begin, &manifest.end);
    let file = manifest.files.first().map_or("", |(name, _)| name.as_str());
    writeln!(
        out,
        "-- The logs are here already: there is no source, and nothing asks for one. Were"
    )?;
    writeln!(out, "-- the position a GTID, the server would throw them away.")?;
    writeln!(out, "CHANGE MASTER '{CHANNEL}' TO")?;
    writeln!(out, "  MASTER_HOST = '{HOST}', MASTER_USE_GTID = no,")?;
    writeln!(out, "  MASTER_LOG_FILE = '{}', MASTER_LOG_POS = {},", begin.log, begin.position)?;
    writeln!(out, "  RELAY_LOG_FILE = '{file}', RELAY_LOG_POS = 4;")?;
    writeln!(out, "SET GLOBAL {CHANNEL}.slave_parallel_mode = 'optimistic';")?;
    writeln!(out, "START SLAVE '{CHANNEL}' SQL_THREAD;\n")?;
    writeln!(out, "-- Waits, and knows when the applier has stopped.")?;
    writeln!(
        out,
        "SET @binlog_replay_done = MASTER_POS_WAIT('{}', {}, 0, '{CHANNEL}') IS NOT NULL;",
        end.log, end.position
    )?;
    writeln!(
        out,
        "EXECUTE IMMEDIATE IF(@binlog_replay_done, 'DO 0', \"SHOW SLAVE '{CHANNEL}' STATUS\");"
    )?;
    writeln!(out, "SET @binlog_replay_problem =")?;
    writeln!(
        out,
        "  IF(@binlog_replay_done, NULL, 'the applier has stopped: see Last_SQL_Error');"
    )?;
    fail(out)?;
    if !manifest.last_gtids.is_empty() {
        writeln!(out, "-- Of the domains applied, this is now {}.", manifest.last_gtids)?;
        writeln!(out, "SELECT @@GLOBAL.gtid_slave_pos;")?;
    }
    writeln!(out, "STOP SLAVE '{CHANNEL}';")?;
    writeln!(out, "RESET SLAVE '{CHANNEL}' ALL;")?;
    writeln!(out, "EXECUTE IMMEDIATE IF(@binlog_replay_workers_before < @binlog_replay_workers,")?;
    writeln!(
        out,
        "  CONCAT('SET GLOBAL slave_parallel_threads = ', @binlog_replay_workers_before),"
    )?;
    writeln!(out, "  'DO 0');")
}

/// What has to be so, and what the applier works with.
fn prepare(out: &mut String, manifest: &Manifest) -> fmt::Result {
    writeln!(
        out,
        "-- Workers that apply at the same time; at most as many as there are processors"
    )?;
    writeln!(out, "-- makes sense, and twice that where commits wait for a disk.")?;
    writeln!(out, "SET @binlog_replay_workers = {WORKERS};\n")?;
    writeln!(
        out,
        "-- The server has to be one that can. It writes what it applies to its own binary"
    )?;
    writeln!(
        out,
        "-- log only with log_slave_updates; gtid_slave_pos has the position in any case."
    )?;
    writeln!(out, "SET @binlog_replay_problem = CASE")?;
    let ids: Vec<_> = manifest.written_by.iter().map(u32::to_string).collect();
    if !ids.is_empty() {
        // An applier passes over events of its own server's id, unless it knows the flag that these
        // events have.
        writeln!(out, "  WHEN @@GLOBAL.server_id IN ({})", ids.join(", "))?;
        writeln!(out, "      AND SUBSTRING_INDEX(VERSION(), '.', 1) * 100")?;
        writeln!(
            out,
            "        + SUBSTRING_INDEX(SUBSTRING_INDEX(VERSION(), '.', 2), '.', -1) < 1006"
        )?;
        writeln!(
            out,
            "    THEN 'server_id is that of the logs, and before MariaDB 10.6 such events are passed over: start the server with another'"
        )?;
    }
    writeln!(out, "  WHEN @@GLOBAL.server_id = {}", u32::MAX)?;
    writeln!(
        out,
        "    THEN 'server_id is the one of the frame of the relay logs: choose another'"
    )?;
    writeln!(out, "END;")?;
    fail(out)?;
    writeln!(out)?;
    writeln!(
        out,
        "-- Where another connection runs, this is refused: set it before, or stop that one."
    )?;
    writeln!(out, "SET @binlog_replay_workers_before = @@GLOBAL.slave_parallel_threads;")?;
    writeln!(out, "EXECUTE IMMEDIATE IF(@binlog_replay_workers_before < @binlog_replay_workers,")?;
    writeln!(
        out,
        "  CONCAT('SET GLOBAL slave_parallel_threads = ', @binlog_replay_workers), 'DO 0');\n"
    )
}

/// Ends the script with the text of `@binlog_replay_problem`, if there is any.
fn fail(out: &mut String) -> fmt::Result {
    writeln!(out, "EXECUTE IMMEDIATE IF(@binlog_replay_problem IS NULL, 'DO 0', CONCAT(")?;
    writeln!(
        out,
        "  'SIGNAL SQLSTATE ''45000'' SET MESSAGE_TEXT = ', QUOTE(@binlog_replay_problem)));"
    )
}
