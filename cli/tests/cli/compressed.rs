//! Compressed transactions: every verb looks into them, by addresses with `+INNER`.

use serde_json::Value;

use crate::common::{LogBuilder, Logs, binlog};

/// A table, its rows deleted in a payload of which `cut` bytes are missing, and an insert.
fn logs(cut: usize) -> Logs {
    let log = LogBuilder::new()
        .query("CREATE TABLE users (id INT NOT NULL)")
        .payload(LogBuilder::new().delete_by("DELETE FROM users", &[1, 2, 3]), cut)
        .delete(&[4])
        .rotate("binlog.000002");
    Logs::new([("binlog.000001", log)])
}

/// Exit code, standard output, standard error.
fn run(logs: &Logs, args: &[&str]) -> (i32, String, String) {
    let output = binlog().args(args).arg(logs.path("binlog.000001")).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code().unwrap(), out, err)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_verb_looks_into_a_payload() {
    let logs = logs(0);
    let (code, out, _) = run(&logs, &["events", "--format=json"]);
    let events = lines(&out);
    let inside: Vec<_> = events.iter().filter(|e| e["inner_position"].is_u64()).collect();
    let types: Vec<_> = inside.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!((code, types), (0, vec!["Query", "Rows_query", "Table_map", "Delete_rows", "Xid"]));
    assert!(inside.iter().all(|event| event["position"] == inside[0]["position"]));

    let (code, out, _) = run(&logs, &["find", "--format=json"]);
    let id = lines(&out)[0]["id"].as_str().unwrap().to_owned();
    let address =
        format!("binlog.000001:{}+{}", inside[1]["position"], inside[1]["inner_position"]);
    assert_eq!((code, &id), (0, &address));

    let (code, out, _) = run(&logs, &["show", &id]);
    assert_eq!((code, out.matches("    - id=").count()), (0, 3), "{out}");
    let rows = format!("binlog.000001:{}+{}", inside[3]["position"], inside[3]["inner_position"]);
    let (_, out, _) = run(&logs, &["show", "--format=json", &rows]);
    assert_eq!(lines(&out)[0]["inner_position"], inside[3]["inner_position"]);
    let (code, _, err) = run(&logs, &["show", &format!("{rows}1")]);
    assert!(code == 1 && err.contains("no event starts there; the one before starts at"), "{err}");

    let (code, _, err) = run(&logs, &["undo", "--only", &id, "--format=base64"]);
    assert!(code == 0 && err.contains("3 rows"), "{code} {err}");
    let (code, _, err) = run(&logs, &["replay", "--stop-before", &id]);
    assert!(code == 0, "{code} {err}");
    for verb in ["verify", "info"] {
        assert_eq!(run(&logs, &[verb]).0, 0, "{verb}");
    }
}

#[test]
fn damage_in_a_payload_is_told_with_its_address_and_gone_round() {
    let logs = logs(1);
    let torn = "event in a payload: needed 27 bytes, had 26";
    let (code, out, err) = run(&logs, &["events", "--format=json"]);
    let events = lines(&out);
    let inside: Vec<_> = events.iter().filter(|e| e["inner_position"].is_u64()).collect();
    assert_eq!((code, inside.len(), events.len()), (3, 4, 12));
    let last = inside[3];
    let size = last["size"].as_u64().unwrap() + last["inner_position"].as_u64().unwrap();
    let place = format!("binlog.000001:{}+{size}", last["position"]);
    assert!(err.contains(&format!("{place} (Transaction_payload): {torn}")), "{err}");

    for (verb, found) in [("verify", "bad_compression"), ("info", "bad_compression")] {
        let (code, out, _) = run(&logs, &[verb, "--format=json"]);
        assert!(code == 3 && out.contains(&place) && out.contains(found), "{out}");
        let (code, out, _) = run(&logs, &[verb]);
        assert!(code == 3 && out.contains(&place) && out.contains(torn), "{out}");
    }
    let (code, out, err) = run(&logs, &["find", "--format=json"]);
    assert!(code == 3 && err.contains(&format!("{place}: {torn}")), "{err}");
    assert_eq!(lines(&out).len(), 1);
    let payload = format!("binlog.000001:{}", last["position"]);
    let (code, out, err) = run(&logs, &["show", &payload]);
    assert!(code == 3 && out.contains("Delete_rows") && err.contains(torn), "{out} {err}");
    let (code, _, err) = run(&logs, &["replay"]);
    assert!(code == 3 && err.contains(&place), "{err}");
    let (code, _, err) = run(&logs, &["undo", "--back-to", &payload, "--format=base64"]);
    assert!(code == 4 && err.contains(&place) && err.contains(torn), "{err}");
}
