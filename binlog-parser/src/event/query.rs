//! QUERY (2): a statement, and the session it ran in.

use crate::error::Fault;
use crate::event::status_vars::StatusVars;
use crate::wire::Reader;

/// A statement as text (the manual's "QUERY_EVENT"; `statement_events.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryEvent<'a> {
    /// Connection that ran the statement.
    pub thread_id: u32,
    /// Time the statement took, in seconds.
    pub exec_time: u32,
    /// Error that the statement ended with on its server, and must end with again; 0 for none.
    pub error_code: u16,
    /// The block of status variables, not read yet.
    pub status: &'a [u8],
    /// Default database; empty if there was none.
    pub database: &'a [u8],
    /// The statement, in bytes of `character_set_client`.
    pub text: &'a [u8],
}

impl<'a> QueryEvent<'a> {
    /// Reads the body of a QUERY event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        QueryHead::parse(&mut reader)?.finish(&mut reader)
    }

    /// Reads the body of a QUERY event of binlog version 1 or 3, which had no status variables.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse_v3(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        QueryHead::parse_v3(&mut reader)?.finish(&mut reader)
    }

    /// The text in the body of a QUERY event, and nothing else of it; none if bytes are missing.
    #[inline]
    pub(crate) fn text_of(body: &'a [u8]) -> Option<&'a [u8]> {
        const HEAD_BYTES: usize = 13;
        let head = body.first_chunk::<HEAD_BYTES>()?;
        let database = usize::from(head[8]);
        let status = usize::from(u16::from_le_bytes([head[11], head[12]]));
        body.get(HEAD_BYTES + status + database + 1..)
    }

    /// The session's variables.
    ///
    /// # Errors
    /// A [`Fault`] if a value is cut off.
    pub fn status_vars(&self) -> Result<StatusVars<'a>, Fault> {
        StatusVars::parse(self.status)
    }
}

/// The post-header of a QUERY event, which EXECUTE_LOAD_QUERY has as well.
pub(crate) struct QueryHead {
    thread_id: u32,
    exec_time: u32,
    database_length: u8,
    error_code: u16,
    status_length: u16,
}

impl QueryHead {
    fn parse_v3(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(QueryHead {
            thread_id: reader.u32("thread id")?,
            exec_time: reader.u32("execution time")?,
            database_length: reader.u8("length of database name")?,
            error_code: reader.u16("error code")?,
            status_length: 0,
        })
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let head = QueryHead::parse_v3(reader)?;
        Ok(QueryHead { status_length: reader.u16("length of status variables")?, ..head })
    }

    /// Reads the rest of the event, which is what `reader` stands at.
    pub(crate) fn finish<'a>(self, reader: &mut Reader<'a>) -> Result<QueryEvent<'a>, Fault> {
        let QueryHead { thread_id, exec_time, error_code, .. } = self;
        let status = reader.take(usize::from(self.status_length), "status variables")?;
        let database = reader.take(usize::from(self.database_length), "database name")?;
        reader.u8("database name's NUL")?;
        let text = reader.take_rest();
        Ok(QueryEvent { thread_id, exec_time, error_code, status, database, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_alone_is_the_same_text() {
        let body = [&[7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 9, 9][..], b"d\0BEGIN"].concat();
        for end in 0..=body.len() {
            let whole = QueryEvent::parse(&body[..end]).ok();
            assert_eq!(QueryEvent::text_of(&body[..end]), whole.map(|query| query.text), "{end}");
        }
        assert_eq!(QueryEvent::text_of(&body), Some(&b"BEGIN"[..]));
    }

    #[test]
    fn a_query_has_its_session_its_database_and_its_text() {
        #[rustfmt::skip]
        let body = [
            7, 0, 0, 0,                     // thread id
            2, 0, 0, 0,                     // execution time
            4,                              // length of database name
            0x5A, 0x04,                     // error code 1114
            5, 0,                           // length of status variables
            0x00, 0x00, 0x00, 0x08, 0x00,   // flags2: not autocommit
            b's', b'h', b'o', b'p', 0,      // database
            b'B', b'E', b'G', b'I', b'N',   // text
        ];
        let query = QueryEvent::parse(&body).unwrap();
        assert_eq!((query.thread_id, query.exec_time, query.error_code), (7, 2, 1114));
        assert_eq!((query.database, query.text), (&b"shop"[..], &b"BEGIN"[..]));
        assert_eq!(query.status_vars().unwrap().flags2, Some(1 << 19));
        for length in 0..body.len() - query.text.len() {
            assert!(QueryEvent::parse(&body[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn before_5_0_a_query_has_no_status_variables() {
        let body = b"\x07\0\0\0\0\0\0\0\x04\0\0shop\0DROP TABLE t";
        let query = QueryEvent::parse_v3(body).unwrap();
        assert_eq!((query.database, query.text), (&b"shop"[..], &b"DROP TABLE t"[..]));
        assert!(query.status.is_empty());
    }
}
