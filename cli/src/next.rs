//! The next step, as a command that can be pasted.

use std::borrow::Cow;
use std::path::Path;

use binlog_parser::header::Family;
use binlog_parser::source::log_set::LogSet;

use crate::args::logs::LogArgs;
use crate::text::shell_word;

/// Whose server the logs are of.
#[must_use]
pub fn family(set: &LogSet) -> Option<Family> {
    set.logs().first().map(|log| log.format().family)
}

/// The family's client, with what it needs.
#[must_use]
pub fn client(family: Option<Family>, options: &[String]) -> String {
    let client = match family {
        Some(Family::Mariadb) => "mariadb",
        _ => "mysql",
    };
    let options: Vec<_> = options.iter().map(|option| shell_word(option)).collect();
    format!("{client} {}", options.join(" "))
}

/// The command that gives a stream to a server.
#[must_use]
pub fn feed(family: Option<Family>, options: &[String], file: Option<&Path>) -> String {
    let client = client(family, options);
    match file {
        Some(file) => format!("{client} < {}", shell_word(&file.to_string_lossy())),
        None => format!("feed it to: {client}"),
    }
}

/// The commands that give a log to a server: through a reader of logs, or to its applier.
#[must_use]
pub fn feed_log(family: Option<Family>, options: &[String], file: Option<&Path>) -> [String; 3] {
    let client = client(family, options);
    let file = file.map_or(Cow::Borrowed("FILE"), |file| file.to_string_lossy());
    let file = shell_word(&file);
    // What has no GTID is refused under gtid_mode=ON, unless the server may give it one.
    let (reader, replay) = match family {
        Some(Family::Mariadb) => ("mariadb-binlog", "binlog replay"),
        _ => ("mysqlbinlog --skip-gtids", "binlog replay --skip-gtids"),
    };
    [
        format!("{reader} {file} | {client}"),
        format!("{replay} {file} | {client}"),
        format!("for the server's own applier: binlog replay --format relay-log -o FOLDER {file}"),
    ]
}

/// The command that removes what a stream needs no longer, once the client is through with it.
#[must_use]
pub fn remove(folder: &Path) -> String {
    format!("when the client is done: rm -r -- {}", shell_word(&folder.to_string_lossy()))
}

/// A command of ours on the same logs.
#[must_use]
pub fn verb(words: &[&str], logs: &LogArgs) -> String {
    let gaps = logs.allow_gaps.then_some(Cow::Borrowed("--allow-gaps"));
    let folder = logs.index_dir.as_ref().map(|folder| format!("--index-dir={}", folder.display()));
    let options = logs.keys.words().chain(folder).map(Cow::Owned);
    let logs = logs.logs.iter().map(|log| log.to_string_lossy());
    let words = words.iter().map(|word| Cow::Borrowed(*word));
    let words = words.chain(gaps).chain(options).chain(logs);
    let words: Vec<_> = words.map(|word| shell_word(&word).into_owned()).collect();
    format!("binlog {}", words.join(" "))
}

/// What a client needs for a stream whose largest statement has so many bytes. Both clients send at
/// most 16 MiB unless told otherwise.
#[must_use]
pub fn client_options(largest_packet: u64) -> Vec<String> {
    let mut options = vec!["--binary-mode".to_owned()];
    if largest_packet > 16 << 20 {
        options.push(format!("--max-allowed-packet={}", largest_packet + 1024));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::keys::KeyArgs;
    use std::path::PathBuf;

    #[test]
    fn a_command_names_the_familys_client() {
        let options = ["--binary-mode".to_owned()];
        assert_eq!(
            feed(Some(Family::Mariadb), &options, Some(Path::new("my day.sql"))),
            "mariadb --binary-mode < 'my day.sql'"
        );
        let logs = ["a.000001", "my logs/"].map(PathBuf::from).into();
        let keys = KeyArgs::default();
        let mut logs = LogArgs { logs, allow_gaps: false, index_dir: None, keys };
        assert_eq!(
            verb(&["show", "a.000001:4"], &logs),
            "binlog show a.000001:4 a.000001 'my logs/'"
        );
        logs.allow_gaps = true;
        assert_eq!(verb(&["find"], &logs), "binlog find --allow-gaps a.000001 'my logs/'");
        logs.keys.keyring = Some("my ring".into());
        assert_eq!(
            verb(&["find"], &logs),
            "binlog find --allow-gaps '--keyring=my ring' a.000001 'my logs/'"
        );
        (logs.allow_gaps, logs.keys.keyring) = (false, None);
        logs.index_dir = Some("indexes".into());
        assert_eq!(verb(&["find"], &logs), "binlog find --index-dir=indexes a.000001 'my logs/'");
        assert_eq!(feed(Some(Family::Mysql), &options, None), "feed it to: mysql --binary-mode");
        assert_eq!(
            feed_log(Some(Family::Mysql), &options, Some(Path::new("undo 1")))[0],
            "mysqlbinlog --skip-gtids 'undo 1' | mysql --binary-mode"
        );
    }
}
