//! The table of courses: what each verb is asked, and what its rival is asked for the same.

/// What is asked of a verb, beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Every transaction.
    Transactions,
    /// Every row.
    Rows,
}

/// A verb of the race.
pub(crate) struct Course {
    /// Its name in the table.
    pub name: &'static str,
    /// What ours is asked.
    pub ours: &'static [&'static str],
    /// What the rival is asked for the same.
    pub rival: &'static [&'static str],
    /// How ours says how many transactions there are, `#` standing for the number.
    pub counts: Option<&'static str>,
    /// Whether there is nothing to find in small transactions, which is exit code 1.
    pub finds_nothing: bool,
    /// What has to be delivered.
    pub asked: Asked,
}

const fn course(name: &'static str, ours: &'static [&'static str]) -> Course {
    let (rival, asked) = (&["--no-defaults"], Asked::Transactions);
    Course { name, ours, rival, counts: None, finds_nothing: false, asked }
}

/// Stands in arguments for the address of the traffic's first transaction.
pub(crate) const FIRST: &str = "FIRST";

/// What runs on the logs of both products; `undo` has its rival in MariaDB only, elsewhere what
/// people start from when they undo by hand.
pub(crate) const COURSES: [Course; 8] = [
    Course { counts: Some("# transactions"), ..course("replay", &["replay"]) },
    Course {
        counts: Some("# transactions"),
        rival: &["--no-defaults", "--verify-binlog-checksum"],
        ..course("verify", &["verify"])
    },
    Course { counts: Some(" in # transactions"), finds_nothing: true, ..course("find", &["find"]) },
    Course { counts: Some("\"transactions\":#"), ..course("info", &["info", "--format", "json"]) },
    Course {
        rival: &["--no-defaults", "--base64-output=decode-rows"],
        ..course("events", &["events"])
    },
    Course {
        rival: &["--no-defaults", "--base64-output=decode-rows", "-vv"],
        asked: Asked::Rows,
        ..course("events -v", &["events", "-v"])
    },
    course("undo base64", &["undo", "--back-to", FIRST, "--format", "base64"]),
    course("undo sql", &["undo", "--back-to", FIRST, "--format", "sql"]),
];
