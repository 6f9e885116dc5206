//! The names by which an applier counts how far it has come: those of the source's logs.

use std::fmt;

use binlog_parser::source::log::FIRST_EVENT;
use binlog_parser::source::log_set::LogSet;

/// A place in the source's logs as an applier knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Name of the log; letters, digits and `._-` only.
    pub log: String,
    /// Position in it, in bytes.
    pub position: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.log, self.position)
    }
}

/// What the logs of a set are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceNames {
    names: Vec<String>,
    end: String,
    /// Names of the set that could not be kept, with what stands for them.
    pub renamed: Vec<(String, String)>,
}

/// What stands for a name that no position can have.
const STANDS_IN: &str = "source";

impl SourceNames {
    pub fn new(set: &LogSet) -> Self {
        SourceNames::of(&set.logs().iter().map(|log| &**log.name()).collect::<Vec<_>>())
    }

    /// Servers compare positions by the number behind the name's dot, and give up waiting if what
    /// stands before it changes (`wait_for_pos`). MariaDB 11.8 dies of a name without a dot
    /// (`compare_log_names`). So the names are kept only if all have one form and ascend.
    fn of(logs: &[&str]) -> Self {
        let numbers: Option<Vec<_>> = logs.iter().map(|log| numbered(log)).collect();
        let kept = numbers.as_deref().and_then(|parts| {
            let one_base = parts.windows(2).all(|pair| pair[0].0 == pair[1].0);
            let ascending = parts.windows(2).all(|pair| pair[0].1 < pair[1].1);
            let &(base, last) = parts.last()?;
            (one_base && ascending).then_some((base, last))
        });
        match kept {
            Some((base, last)) => SourceNames {
                names: logs.iter().map(|&log| log.to_owned()).collect(),
                end: format!("{base}.{:06}", last + 1),
                renamed: vec![],
            },
            None => {
                let name = |number: usize| format!("{STANDS_IN}.{number:06}");
                let names: Vec<_> = (1..=logs.len()).map(name).collect();
                let renamed = logs.iter().map(|&log| log.to_owned()).zip(names.clone()).collect();
                SourceNames { names, end: name(logs.len() + 1), renamed }
            }
        }
    }

    /// What log number `index` is called.
    pub fn name(&self, index: usize) -> &str {
        self.names.get(index).unwrap_or(&self.end)
    }

    /// A place behind all logs. No event has it, so an applier is there only when it is through.
    pub fn end(&self) -> Position {
        Position { log: self.end.clone(), position: FIRST_EVENT }
    }
}

/// A log's name divided at its number, if it is one that needs no quotes anywhere.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let (base, digits) = name.rsplit_once('.')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    // A further dot would be taken for the one before the number (`fn_ext`).
    let fit = !base.is_empty() && !base.contains('.') && name.bytes().all(plain);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|number: &u32| *number < u32::MAX)?;
    (fit && is_number && name.len() < 256).then_some((base, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_positions_can_have_are_kept() {
        let names = SourceNames::of(&["binlog.000008", "binlog.000009"]);
        assert_eq!((names.name(1), names.end().log.as_str()), ("binlog.000009", "binlog.000010"));
        assert!(names.renamed.is_empty());
    }

    #[test]
    fn other_names_are_replaced_and_told() {
        for logs in [
            ["stdin", "b.000002"],
            ["a.000001", "b.000002"],
            ["a.000002", "a.000001"],
            ["a.b.000001", "a.b.000002"],
            ["a'.000001", "a'.000002"],
            ["a.000001", "a.00000x"],
        ] {
            let names = SourceNames::of(&logs);
            assert_eq!(names.name(1), "source.000002", "{logs:?}");
            assert_eq!(names.end().to_string(), "source.000003:4");
            assert_eq!(names.renamed[0], (logs[0].to_owned(), "source.000001".to_owned()));
        }
    }
}
