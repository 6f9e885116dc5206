//! Where a dump of MySQL Shell ends: `@.json` in its folder.
//!
//! The keys are those of `Dumper::write_dump_started_metadata` (`modules/util/dump/dumper.cc`):
//! `gtidExecuted`, `gtidExecutedInconsistent`, `binlogFile`, `binlogPosition`, `consistent`.

use binlog_parser::Fault;
use serde_json::Value;

use super::{Found, Unusable};

/// Reads it.
pub(super) fn read(text: &str) -> Result<Found, Unusable> {
    let wrong = |needed, had: &dyn ToString| Unusable::Form { needed, had: had.to_string() };
    let json: Value = serde_json::from_str(text).map_err(|why| wrong("JSON", &why))?;
    let is = |key: &str, value| json.get(key) == Some(&Value::Bool(value));
    if is("gtidExecutedInconsistent", true) {
        return Err(Unusable::Refused {
            what:
                "gtidExecutedInconsistent: the server was written to while its GTIDs were asked for"
                    .into(),
            hint: "take a dump with consistent: true, by a user with the privilege for it".into(),
        });
    }
    let mut found = Found::default();
    if is("consistent", false) {
        found.warnings.push(
            "the dump is not consistent: its tables are of different moments, and the logs may \
             not fit them"
                .into(),
        );
    }
    let text = |key: &str| json.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(log) = text("binlogFile") {
        let position = json.get("binlogPosition").and_then(Value::as_u64);
        let needed = || Fault::value("binlogPosition", "a number of bytes", "none");
        found.place(log, position.ok_or_else(needed)?);
    }
    if let Some(gtids) = text("gtidExecuted") {
        found.gtids(gtids)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::LogPlace;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn gtids_and_position_are_read() {
        let json = format!(
            r#"{{"dumper": "mysqlsh Ver 8.4.0", "binlogFile": "binlog.000042", "binlogPosition": 157,
                "gtidExecuted": "{UUID}:1-100,\n{UUID}:t:1", "gtidExecutedInconsistent": false,
                "consistent": true}}"#
        );
        let found = read(&json).unwrap();
        assert_eq!(found.places, [LogPlace { log: "binlog.000042".into(), position: 157 }]);
        assert_eq!(found.gtids.unwrap().to_string(), format!("{UUID}:1-100:t:1"));
        assert!(found.warnings.is_empty());
        assert_eq!(read(r#"{"gtidExecuted": "", "binlogFile": ""}"#).unwrap(), Found::default());
    }

    #[test]
    fn what_is_not_consistent_is_refused_or_said() {
        let why = read(r#"{"gtidExecutedInconsistent": true}"#).unwrap_err();
        assert!(matches!(why, Unusable::Refused { .. }));
        assert_eq!(read(r#"{"consistent": false}"#).unwrap().warnings.len(), 1);
        assert!(read("{").unwrap_err().to_string().starts_with("needed JSON, had EOF"));
        let why = read(r#"{"binlogFile": "a.000001"}"#).unwrap_err().to_string();
        assert_eq!(why, "binlogPosition: needed a number of bytes, had none");
    }
}
