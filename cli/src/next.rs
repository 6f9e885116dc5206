//! The next step, as a command that can be pasted.

use std::path::Path;

use binlog_parser::header::Family;

use crate::text::shell_word;

/// The command that gives a stream to a server: the family's client with what it needs.
#[must_use]
pub fn feed(family: Option<Family>, options: &[String], file: Option<&Path>) -> String {
    let client = match family {
        Some(Family::Mariadb) => "mariadb",
        _ => "mysql",
    };
    let options: Vec<_> = options.iter().map(|option| shell_word(option)).collect();
    let command = format!("{client} {}", options.join(" "));
    match file {
        Some(file) => format!("{command} < {}", shell_word(&file.to_string_lossy())),
        None => format!("feed it to: {command}"),
    }
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

    #[test]
    fn a_command_names_the_familys_client() {
        let options = ["--binary-mode".to_owned()];
        assert_eq!(
            feed(Some(Family::Mariadb), &options, Some(Path::new("my day.sql"))),
            "mariadb --binary-mode < 'my day.sql'"
        );
        assert_eq!(feed(Some(Family::Mysql), &options, None), "feed it to: mysql --binary-mode");
    }
}
