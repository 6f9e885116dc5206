//! EXECUTE_LOAD_QUERY (18): the LOAD DATA statement to run on the file that came before it.

use crate::error::Fault;
use crate::event::query::{QueryEvent, QueryHead};
use crate::wire::Reader;

/// A LOAD DATA statement since 5.0 (the manual's "EXECUTE_LOAD_QUERY_EVENT";
/// `load_data_events.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecuteLoadQueryEvent<'a> {
    /// The statement and its session; its text still names the file as the client did.
    pub query: QueryEvent<'a>,
    /// The file that the BEGIN_LOAD_QUERY and APPEND_BLOCK events of this id hold.
    pub file_id: u32,
    /// Offset in the text, in bytes, of the words that name the file (LOCAL INFILE and all).
    pub file_name_start: u32,
    /// Offset in the text, in bytes, of what follows them.
    pub file_name_end: u32,
    /// What happens to rows whose key is there already.
    pub duplicates: DuplicateHandling,
}

/// What LOAD DATA does with rows whose key is there already (`enum_load_dup_handling`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuplicateHandling {
    /// 0: it fails.
    Error,
    /// 1: it keeps the old row.
    Ignore,
    /// 2: it takes the new row.
    Replace,
}

impl<'a> ExecuteLoadQueryEvent<'a> {
    /// Reads the body of an EXECUTE_LOAD_QUERY event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing, the file's name lies outside the text, or the handling of
    /// duplicates is one that no server writes.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let head = QueryHead::parse(&mut reader)?;
        let file_id = reader.u32("file id")?;
        let start = reader.u32("start of file name")?;
        let end = reader.u32("end of file name")?;
        let duplicates = match reader.u8("handling of duplicates")? {
            0 => DuplicateHandling::Error,
            1 => DuplicateHandling::Ignore,
            2 => DuplicateHandling::Replace,
            other => {
                let needed = "0 (error), 1 (ignore) or 2 (replace)";
                return Err(Fault::value("handling of duplicates", needed, other));
            }
        };
        let query = head.finish(&mut reader)?;
        if start > end || u64::from(end) > query.text.len() as u64 {
            let needed = format!("a part of the {} bytes of the text", query.text.len());
            return Err(Fault::value("place of file name", needed, format!("{start} to {end}")));
        }
        Ok(ExecuteLoadQueryEvent {
            query,
            file_id,
            file_name_start: start,
            file_name_end: end,
            duplicates,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(start: u8, end: u8, duplicates: u8) -> Vec<u8> {
        #[rustfmt::skip]
        let mut body = vec![
            7, 0, 0, 0,         // thread id
            0, 0, 0, 0,         // execution time
            4,                  // length of database name
            0, 0,               // error code
            0, 0,               // length of status variables
            3, 0, 0, 0,         // file id
            start, 0, 0, 0,     // start of file name
            end, 0, 0, 0,       // end of file name
            duplicates,
        ];
        body.extend(b"shop\0LOAD DATA INFILE 'f' INTO TABLE t");
        body
    }

    #[test]
    fn the_text_says_where_its_file_is_named() {
        let bytes = body(10, 20, 2);
        let load = ExecuteLoadQueryEvent::parse(&bytes).unwrap();
        assert_eq!((load.file_id, load.duplicates), (3, DuplicateHandling::Replace));
        assert_eq!(load.query.database, b"shop");
        assert_eq!(&load.query.text[10..20], b"INFILE 'f'");
    }

    #[test]
    fn a_file_name_outside_the_text_is_refused() {
        assert!(ExecuteLoadQueryEvent::parse(&body(20, 10, 0)).is_err());
        assert_eq!(
            ExecuteLoadQueryEvent::parse(&body(10, 99, 0)).unwrap_err().to_string(),
            "place of file name: needed a part of the 33 bytes of the text, had 10 to 99"
        );
        assert!(ExecuteLoadQueryEvent::parse(&body(10, 20, 3)).is_err());
    }
}
