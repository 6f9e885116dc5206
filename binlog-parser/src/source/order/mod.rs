//! Puts logs in order and says what is missing, double or foreign.
//!
//! Names give the order as long as their numbers and the logs' own content agree; archives rename
//! files, so content decides where they do not: the transactions that came before (PREVIOUS_GTIDS,
//! GTID_LIST), then the time at which the log was begun.

mod duplicates;
mod gap;
mod place;
mod problem;

use std::collections::HashMap;
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::source::log::Log;
use duplicates::leave_out_duplicates;
use gap::gap;
use place::Place;
pub use problem::Problem;

/// Orders `logs`, leaves duplicates out, and names what is wrong.
pub(super) fn arrange(logs: Vec<Log>) -> (Vec<Log>, Vec<Problem>) {
    let mut places: Vec<Place> = logs.into_par_iter().map(Place::new).collect();
    let mut problems = leave_out_duplicates(&mut places);
    sort(&mut places);
    problems.extend(same_names(&places));
    problems.extend(other_servers(&places));
    problems.extend(places.windows(2).filter_map(|pair| gap(&pair[0], &pair[1])));
    (places.into_iter().map(|place| place.log).collect(), problems)
}

fn sort(places: &mut [Place]) {
    let base = |place: &Place| place.name.as_ref().map(|(base, _)| base.clone());
    let one_base = places.iter().all(|place| base(place).is_some())
        && places.windows(2).all(|pair| base(&pair[0]) == base(&pair[1]));
    if one_base {
        places.sort_by(Place::by_name);
        if places.windows(2).all(|pair| pair[0].before <= pair[1].before) {
            return;
        }
    }
    places.sort_by(Place::by_content);
}

fn same_names(places: &[Place]) -> Vec<Problem> {
    let mut problems = vec![];
    let mut first_of: HashMap<&str, &Place> = HashMap::new();
    for place in places {
        let twin = *first_of.entry(place.log.name()).or_insert(place);
        if !std::ptr::eq(twin, place) {
            let (first, second) = (twin.log.path().to_owned(), place.log.path().to_owned());
            problems.push(Problem::SameName { first, second });
        }
    }
    problems
}

fn other_servers(places: &[Place]) -> Vec<Problem> {
    let Some(needed) = places.first().map(Place::server) else { return vec![] };
    let foreign = places.iter().filter(|place| place.server() != needed);
    foreign
        .map(|place| Problem::OtherServer {
            log: Arc::clone(place.log.name()),
            needed,
            had: place.server(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::header::EventType;
    use crate::source::log_set::LogSet;
    use crate::testing::LogBuilder;
    use std::path::Path;

    /// A log with `before` transactions of one source before it, which ends by naming `next`.
    fn log(before: u64, next: Option<&str>) -> LogBuilder {
        let mut previous = 1u64.to_le_bytes().to_vec(); // sources
        previous.extend([7; 16]); // UUID
        previous.extend(1u64.to_le_bytes()); // intervals
        previous.extend(1u64.to_le_bytes()); // start
        previous.extend((before + 1).to_le_bytes()); // end, exclusive
        let log = LogBuilder::new("9.7.1")
            .event(EventType::PREVIOUS_GTIDS, &previous)
            .event(EventType::GTID, &[0; 25])
            .query(&format!("CREATE TABLE t{before} (a INT)"));
        match next {
            Some(next) => {
                log.event(EventType::ROTATE, &[&[4, 0, 0, 0, 0, 0, 0, 0], next.as_bytes()].concat())
            }
            None => log,
        }
    }

    fn write(folder: &Path, name: &str, log: &LogBuilder) {
        std::fs::write(folder.join(name), log.build()).unwrap();
    }

    fn names(set: &LogSet) -> Vec<&str> {
        set.logs().iter().map(|log| &**log.name()).collect()
    }

    fn problems(set: &LogSet) -> Vec<String> {
        set.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_folder_is_read_in_the_order_of_its_numbers() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "binlog.000010", &log(20, None));
        write(folder.path(), "binlog.000009", &log(10, Some("binlog.000010")));
        std::fs::write(folder.path().join("binlog.index"), "./binlog.000009\n./binlog.000010\n")
            .unwrap();
        std::fs::write(folder.path().join("binlog.000009.idx"), b"\xfe\xfe\x0d\x01").unwrap();
        for input in [folder.path().to_owned(), folder.path().join("binlog.index")] {
            let set = LogSet::open(&[input]).unwrap();
            assert_eq!(names(&set), ["binlog.000009", "binlog.000010"]);
            assert!(problems(&set).is_empty());
        }
    }

    #[test]
    fn renamed_logs_are_read_in_the_order_of_their_content() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.log", &log(20, Some("binlog.000003")));
        write(folder.path(), "b.log", &log(10, Some("binlog.000002")));
        write(folder.path(), "binlog.000001", &log(30, None));
        let set = LogSet::open(&[folder.path()]).unwrap();
        assert_eq!(names(&set), ["b.log", "a.log", "binlog.000001"]);
    }

    #[test]
    fn a_missing_log_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "binlog.000001", &log(0, Some("binlog.000002")));
        write(folder.path(), "binlog.000004", &log(30, None));
        let set = LogSet::open(&[folder.path()]).unwrap();
        assert_eq!(
            problems(&set),
            [
                "a log is missing between binlog.000001 and binlog.000004: binlog.000002 to binlog.000003"
            ]
        );
    }

    #[test]
    fn what_a_missing_log_held_is_named() {
        let gtid = |log: LogBuilder, number: u8| {
            let body = [&[0][..], &[7; 16], &[number, 0, 0, 0, 0, 0, 0, 0]].concat();
            log.event(EventType::GTID, &body).query("DO 1")
        };
        let folder = tempfile::tempdir().unwrap();
        let uuid = "07070707-0707-0707-0707-070707070707";
        write(folder.path(), "binlog.000001", &gtid(log(3, None), 4));
        write(folder.path(), "binlog.000003", &gtid(log(6, None), 7));
        let set = LogSet::open(&[folder.path()]).unwrap();
        let needed = format!(
            "a log is missing between binlog.000001 and binlog.000003: binlog.000002; GTIDs {uuid}:5-6"
        );
        assert_eq!(problems(&set), [needed]);

        // Files whose names tell nothing.
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.log", &gtid(log(3, None), 4));
        write(folder.path(), "b.log", &gtid(log(6, None), 7));
        let set = LogSet::open(&[folder.path()]).unwrap();
        let needed = format!(
            "transactions are missing in a.log or behind it, for b.log knows them: GTIDs {uuid}:5-6"
        );
        assert_eq!(problems(&set), [needed]);
    }

    #[test]
    fn a_crashed_log_has_a_gap_behind_it_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "binlog.000001", &log(0, None));
        write(folder.path(), "binlog.000003", &log(20, None));
        let set = LogSet::open(&[folder.path()]).unwrap();
        assert_eq!(
            problems(&set),
            ["a log is missing between binlog.000001 and binlog.000003: binlog.000002"]
        );
    }

    #[test]
    fn copies_are_left_out_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let whole = log(10, Some("binlog.000002"));
        write(folder.path(), "binlog.000001", &whole);
        write(folder.path(), "copy.000001", &whole);
        let early = whole.build();
        std::fs::write(folder.path().join("early.000001"), &early[..early.len() - 44]).unwrap();
        let set = LogSet::open(&[folder.path()]).unwrap();
        assert_eq!(names(&set), ["binlog.000001"]);
        let all = problems(&set).join("\n");
        assert!(all.contains("copy.000001 is the same log as"), "{all}");
        assert!(all.contains("early.000001 is an earlier copy of"), "{all}");
    }

    #[test]
    fn one_name_for_two_logs_and_a_foreign_server_are_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        write(folder.path(), "binlog.000001", &log(10, None));
        write(folder.path(), "b/binlog.000001", &log(20, None));
        write(folder.path(), "binlog.000002", &LogBuilder::new("11.8.6-MariaDB"));
        let set = LogSet::open(&[folder.path().to_owned(), folder.path().join("b")]).unwrap();
        let all = problems(&set).join("\n");
        assert!(all.contains("two different logs have one name"), "{all}");
        assert!(all.contains("is of another server: needed MariaDB"), "{all}");
    }

    #[test]
    fn a_folder_without_logs_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = LogSet::open(&[folder.path()]).unwrap_err().to_string();
        assert!(error.ends_with("folder: needed a binary log in it, had none"), "{error}");
    }
}
