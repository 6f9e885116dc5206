//! LOAD (6), CREATE_FILE (8), NEW_LOAD (12): LOAD DATA INFILE as servers before 5.0 logged it.

use crate::error::Fault;
use crate::header::EventType;
use crate::limits;
use crate::wire::Reader;

/// Bits of [`LoadDataEvent::options`] (`load_opt` of the servers' `log_event.h`).
pub mod options {
    /// A dump's own file: it is never logged, but the bit is taken.
    pub const DUMPFILE: u8 = 1;
    /// OPTIONALLY ENCLOSED BY.
    pub const OPTIONALLY_ENCLOSED: u8 = 2;
    /// REPLACE.
    pub const REPLACE: u8 = 4;
    /// IGNORE.
    pub const IGNORE: u8 = 8;
}

/// A LOAD DATA statement taken to pieces, and with CREATE_FILE the first bytes of its file
/// (`Load_log_event` and `Create_file_log_event` of MySQL 4.x and 5.x).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadDataEvent<'a> {
    /// Connection that ran the statement.
    pub thread_id: u32,
    /// Time the statement took, in seconds.
    pub exec_time: u32,
    /// Lines of the file that are left out at its start.
    pub skip_lines: u32,
    /// FIELDS TERMINATED BY.
    pub field_terminator: &'a [u8],
    /// FIELDS ENCLOSED BY.
    pub enclosed: &'a [u8],
    /// LINES TERMINATED BY.
    pub line_terminator: &'a [u8],
    /// LINES STARTING BY.
    pub line_start: &'a [u8],
    /// FIELDS ESCAPED BY.
    pub escaped: &'a [u8],
    /// See [`options`].
    pub options: u8,
    /// Columns that are loaded; none stands for all of the table.
    pub columns: Vec<&'a [u8]>,
    /// Table that is loaded.
    pub table: &'a [u8],
    /// Its database.
    pub database: &'a [u8],
    /// The file as the statement named it.
    pub file: &'a [u8],
    /// CREATE_FILE: the file's id, and its first bytes.
    pub created: Option<(u32, &'a [u8])>,
}

impl<'a> LoadDataEvent<'a> {
    /// Reads the body of a LOAD, NEW_LOAD or CREATE_FILE event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or there are more columns than a table can have.
    pub fn parse(body: &'a [u8], event_type: EventType) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let thread_id = reader.u32("thread id")?;
        let exec_time = reader.u32("execution time")?;
        let skip_lines = reader.u32("lines to skip")?;
        let table_length = reader.u8("length of table name")?;
        let database_length = reader.u8("length of database name")?;
        let columns = u64::from(reader.u32("number of columns")?);
        if columns > limits::COLUMNS {
            return Err(Fault::limit("number of columns", limits::COLUMNS, columns));
        }
        let is_create = event_type == EventType::CREATE_FILE;
        let file_id = if is_create { Some(reader.u32("file id")?) } else { None };
        let format = match event_type {
            EventType::LOAD => FileFormat::of_characters(&mut reader)?,
            _ => FileFormat::of_strings(&mut reader)?,
        };
        let columns = read_columns(&mut reader, columns as usize)?;
        let table = read_name(&mut reader, table_length, "table name")?;
        let database = read_name(&mut reader, database_length, "database name")?;
        let (file, created) = match file_id {
            Some(id) => (reader.string_nul("file name")?, Some((id, reader.take_rest()))),
            None => (reader.take_rest(), None),
        };
        Ok(LoadDataEvent {
            thread_id,
            exec_time,
            skip_lines,
            field_terminator: format.strings[0],
            enclosed: format.strings[1],
            line_terminator: format.strings[2],
            line_start: format.strings[3],
            escaped: format.strings[4],
            options: format.options,
            columns,
            table,
            database,
            file,
            created,
        })
    }
}

/// The clauses that say how the file is cut into fields (`sql_ex_info`), in their wire order.
struct FileFormat<'a> {
    strings: [&'a [u8]; 5],
    options: u8,
}

const CLAUSES: [&str; 5] = [
    "FIELDS TERMINATED BY",
    "ENCLOSED BY",
    "LINES TERMINATED BY",
    "LINES STARTING BY",
    "ESCAPED BY",
];

impl<'a> FileFormat<'a> {
    /// As LOAD has it: a character each, and a bit for each that is empty.
    fn of_characters(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut strings = [&b""[..]; 5];
        for (string, what) in strings.iter_mut().zip(CLAUSES) {
            *string = reader.take(1, what)?;
        }
        let options = reader.u8("options of LOAD DATA")?;
        let empty = reader.u8("empty clauses of LOAD DATA")?;
        for (bit, string) in strings.iter_mut().enumerate() {
            if empty >> bit & 1 == 1 {
                *string = b"";
            }
        }
        Ok(FileFormat { strings, options })
    }

    fn of_strings(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut strings = [&b""[..]; 5];
        for (string, what) in strings.iter_mut().zip(CLAUSES) {
            *string = reader.string_u8(what)?;
        }
        Ok(FileFormat { strings, options: reader.u8("options of LOAD DATA")? })
    }
}

/// Lengths first, then the names, each with a NUL behind it.
fn read_columns<'a>(reader: &mut Reader<'a>, count: usize) -> Result<Vec<&'a [u8]>, Fault> {
    let lengths = reader.take(count, "lengths of column names")?;
    lengths.iter().map(|length| read_name(reader, *length, "column name")).collect()
}

fn read_name<'a>(
    reader: &mut Reader<'a>,
    length: u8,
    what: &'static str,
) -> Result<&'a [u8], Fault> {
    let name = reader.take(usize::from(length), what)?;
    reader.u8(what)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 18] = [
        9, 0, 0, 0, // thread id
        1, 0, 0, 0, // execution time
        2, 0, 0, 0, // lines to skip
        1, // length of table name
        4, // length of database name
        2, 0, 0, 0, // number of columns
    ];

    /// Columns `a` and `bc` of shop.t.
    const NAMES: &[u8] = b"\x01\x02a\0bc\0t\0shop\0";

    fn body(parts: &[&[u8]]) -> Vec<u8> {
        [&HEAD[..]].iter().chain(parts).flat_map(|part| part.iter().copied()).collect()
    }

    #[test]
    fn the_old_form_has_characters_and_says_which_are_none() {
        // , " \n (none) \ ; REPLACE, bit 3: no LINES STARTING BY
        let bytes = body(&[b",\"\n?\\\x04\x08", NAMES, b"/tmp/f"]);
        let load = LoadDataEvent::parse(&bytes, EventType::LOAD).unwrap();
        assert_eq!((load.field_terminator, load.enclosed), (&b","[..], &b"\""[..]));
        assert_eq!((load.line_terminator, load.line_start), (&b"\n"[..], &b""[..]));
        assert_eq!((load.escaped, load.options), (&b"\\"[..], options::REPLACE));
        assert_eq!(load.columns, [&b"a"[..], b"bc"]);
        assert_eq!((load.table, load.database), (&b"t"[..], &b"shop"[..]));
        assert_eq!((load.file, load.created), (&b"/tmp/f"[..], None));
        assert_eq!((load.thread_id, load.exec_time, load.skip_lines), (9, 1, 2));
    }

    #[test]
    fn the_new_form_has_strings() {
        let bytes = body(&[b"\x02||\0\x01\n\0\x01\\\x02", NAMES, b"f"]);
        let load = LoadDataEvent::parse(&bytes, EventType::NEW_LOAD).unwrap();
        assert_eq!((load.field_terminator, load.line_terminator), (&b"||"[..], &b"\n"[..]));
        assert_eq!((load.options, load.file), (options::OPTIONALLY_ENCLOSED, &b"f"[..]));
    }

    #[test]
    fn a_created_file_has_its_first_bytes() {
        let id = [5, 0, 0, 0];
        let bytes = body(&[&id, b"\x01,\0\x01\n\0\0\0", NAMES, b"f\0", b"1,2\n"]);
        let load = LoadDataEvent::parse(&bytes, EventType::CREATE_FILE).unwrap();
        assert_eq!((load.file, load.created), (&b"f"[..], Some((5, &b"1,2\n"[..]))));
        for length in 0..bytes.len() - 4 {
            let cut = LoadDataEvent::parse(&bytes[..length], EventType::CREATE_FILE);
            assert!(cut.is_err(), "{length}");
        }
    }

    #[test]
    fn too_many_columns_are_refused() {
        let mut bytes = body(&[b"\0\0\0\0\0\0"]);
        bytes[14..18].copy_from_slice(&5000u32.to_le_bytes());
        assert_eq!(
            LoadDataEvent::parse(&bytes, EventType::NEW_LOAD).unwrap_err().to_string(),
            "number of columns: needed at most 4096, had 5000"
        );
    }
}
