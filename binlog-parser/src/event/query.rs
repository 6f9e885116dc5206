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
        let thread_id = reader.u32("thread id")?;
        let exec_time = reader.u32("execution time")?;
        let database_length = usize::from(reader.u8("length of database name")?);
        let error_code = reader.u16("error code")?;
        let status_length = usize::from(reader.u16("length of status variables")?);
        let status = reader.take(status_length, "status variables")?;
        let database = reader.take(database_length, "database name")?;
        reader.u8("database name's NUL")?;
        let text = reader.take_rest();
        Ok(QueryEvent { thread_id, exec_time, error_code, status, database, text })
    }

    /// The session's variables.
    ///
    /// # Errors
    /// A [`Fault`] if a value is cut off.
    pub fn status_vars(&self) -> Result<StatusVars<'a>, Fault> {
        StatusVars::parse(self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
