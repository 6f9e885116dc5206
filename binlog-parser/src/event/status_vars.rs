//! The status variables of a Query event: the session in which the statement ran.

use crate::error::Fault;
use crate::wire::Reader;

/// Bits of [`StatusVars::flags2`] (`OPTION_…` in the servers' `query_options.h` and `sql_priv.h`).
pub mod flags2 {
    /// `sql_auto_is_null`.
    pub const AUTO_IS_NULL: u32 = 1 << 14;
    /// MariaDB: `check_constraint_checks` is off. Some versions do not log it.
    pub const NO_CHECK_CONSTRAINT_CHECKS: u32 = 1 << 15;
    /// `autocommit` is off.
    pub const NOT_AUTOCOMMIT: u32 = 1 << 19;
    /// MariaDB: `explicit_defaults_for_timestamp`.
    pub const EXPLICIT_DEFAULTS_FOR_TIMESTAMP: u32 = 1 << 24;
    /// `foreign_key_checks` is off.
    pub const NO_FOREIGN_KEY_CHECKS: u32 = 1 << 26;
    /// `unique_checks` is off.
    pub const RELAXED_UNIQUE_CHECKS: u32 = 1 << 27;
    /// MariaDB: `sql_if_exists`.
    pub const IF_EXISTS: u32 = 1 << 28;
    /// MariaDB: `system_versioning_insert_history`.
    pub const INSERT_HISTORY: u32 = 1 << 30;
}

/// Client, connection and server collation of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCharset {
    /// Collation whose charset is `character_set_client`.
    pub client: u16,
    /// `collation_connection`.
    pub connection: u16,
    /// `collation_server`.
    pub server: u16,
}

/// What a Query event says of its session (the manual's "Query_event status variables"). A field is
/// `None` where the event does not carry it, which for some means the default and for others that
/// nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusVars<'a> {
    /// 0: see [`flags2`].
    pub flags2: Option<u32>,
    /// 1: `sql_mode`; its bits differ between the families.
    pub sql_mode: Option<u64>,
    /// 2 and 6: catalog, always "std".
    pub catalog: Option<&'a [u8]>,
    /// 3: `auto_increment_increment` and `auto_increment_offset`; absent means 1 and 1.
    pub auto_increment: Option<(u16, u16)>,
    /// 4: the three collations.
    pub charset: Option<SessionCharset>,
    /// 5: `time_zone`.
    pub time_zone: Option<&'a [u8]>,
    /// 7: number of `lc_time_names`; absent means 0.
    pub lc_time_names: Option<u16>,
    /// 8: `collation_database`; absent means 0.
    pub collation_database: Option<u16>,
    /// 9: tables that a multi-table UPDATE changes, as a bitmap.
    pub table_map_for_update: Option<u64>,
    /// 10: length of the event on the source.
    pub master_data_written: Option<u32>,
    /// 11: user and host that a DEFINER = CURRENT_USER stands for.
    pub invoker: Option<(&'a [u8], &'a [u8])>,
    /// 12: databases that the statement changes.
    pub updated_dbs: Option<UpdatedDbs<'a>>,
    /// 13 (MySQL) and 128 (MariaDB): microseconds of the start of the statement.
    pub microseconds: Option<u32>,
    /// 16: `explicit_defaults_for_timestamp`.
    pub explicit_defaults_for_timestamp: Option<u8>,
    /// 17: XID of a DDL statement.
    pub ddl_xid: Option<u64>,
    /// 18: `default_collation_for_utf8mb4`.
    pub default_collation_for_utf8mb4: Option<u16>,
    /// 19: `sql_require_primary_key`.
    pub sql_require_primary_key: Option<u8>,
    /// 20: `default_table_encryption`.
    pub default_table_encryption: Option<u8>,
    /// 129, MariaDB: XID of a DDL statement.
    pub xid: Option<u64>,
    /// 130, MariaDB: flags of a two-phase ALTER, and the sequence number of its start.
    pub gtid_flags3: Option<(u8, Option<u64>)>,
    /// 131, MariaDB: `character_set_collations` as pairs of little-endian u16: charset, collation.
    pub character_set_collations: Option<&'a [u8]>,
    /// The first code that is not known here; the rest of the block could not be read.
    pub unknown: Option<u8>,
}

/// The databases that a statement changes, by name where they are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdatedDbs<'a> {
    /// Their names, each with a NUL behind it.
    Names(&'a [u8]),
    /// More than the server lists (16).
    TooMany,
}

impl<'a> UpdatedDbs<'a> {
    /// The names; none if there are too many.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let names = match *self {
            UpdatedDbs::Names(names) => names,
            UpdatedDbs::TooMany => &[],
        };
        names.split(|byte| *byte == 0).filter(|name| !name.is_empty())
    }
}

/// Value of code 12 that stands for "more than are listed" (`OVER_MAX_DBS_IN_EVENT_MTS`).
const OVER_MAX_DBS: u8 = 254;

impl<'a> StatusVars<'a> {
    /// Reads the block of status variables.
    ///
    /// As the servers do, it stops at the first code that it does not know: such codes carry no
    /// length.
    ///
    /// # Errors
    /// A [`Fault`] if a known code's value is cut off.
    pub fn parse(block: &'a [u8]) -> Result<Self, Fault> {
        let mut vars = StatusVars::default();
        let mut reader = Reader::new(block);
        while !reader.is_empty() {
            let code = reader.u8("status variable code")?;
            match code {
                0..=20 => vars.read_common(code, &mut reader)?,
                _ => vars.read_mariadb(code, &mut reader)?,
            }
            if vars.unknown.is_some() {
                break;
            }
        }
        Ok(vars)
    }

    fn read_common(&mut self, code: u8, r: &mut Reader<'a>) -> Result<(), Fault> {
        match code {
            0 => self.flags2 = Some(r.u32("flags2")?),
            1 => self.sql_mode = Some(r.u64("sql_mode")?),
            2 => {
                self.catalog = Some(r.string_u8("catalog")?);
                r.u8("catalog's NUL")?;
            }
            3 => self.auto_increment = Some((r.u16("increment")?, r.u16("offset")?)),
            4 => {
                self.charset = Some(SessionCharset {
                    client: r.u16("character_set_client")?,
                    connection: r.u16("collation_connection")?,
                    server: r.u16("collation_server")?,
                });
            }
            5 => self.time_zone = Some(r.string_u8("time_zone")?),
            6 => self.catalog = Some(r.string_u8("catalog")?),
            7 => self.lc_time_names = Some(r.u16("lc_time_names")?),
            8 => self.collation_database = Some(r.u16("collation_database")?),
            9 => self.table_map_for_update = Some(r.u64("table map for update")?),
            10 => self.master_data_written = Some(r.u32("master data written")?),
            11 => {
                self.invoker =
                    Some((r.string_u8("invoker's user")?, r.string_u8("invoker's host")?));
            }
            12 => self.updated_dbs = Some(read_updated_dbs(r)?),
            13 => self.microseconds = Some(r.u24("microseconds")?),
            16 => self.explicit_defaults_for_timestamp = Some(r.u8("explicit defaults")?),
            17 => self.ddl_xid = Some(r.u64("DDL xid")?),
            18 => self.default_collation_for_utf8mb4 = Some(r.u16("utf8mb4 collation")?),
            19 => self.sql_require_primary_key = Some(r.u8("sql_require_primary_key")?),
            20 => self.default_table_encryption = Some(r.u8("default_table_encryption")?),
            other => self.unknown = Some(other),
        }
        Ok(())
    }

    fn read_mariadb(&mut self, code: u8, r: &mut Reader<'a>) -> Result<(), Fault> {
        match code {
            128 => self.microseconds = Some(r.u24("microseconds")?),
            129 => self.xid = Some(r.u64("xid")?),
            130 => {
                let flags = r.u8("gtid flags3")?;
                // FL_COMMIT_ALTER_E1 (4) and FL_ROLLBACK_ALTER_E1 (8) name the ALTER's start.
                let start = if flags & 0xC == 0 { None } else { Some(r.u64("start of ALTER")?) };
                self.gtid_flags3 = Some((flags, start));
            }
            131 => {
                let pairs = usize::from(r.u8("character_set_collations")?);
                self.character_set_collations = Some(r.take(4 * pairs, "charset collations")?);
            }
            255 => {
                r.take_rest();
            }
            other => self.unknown = Some(other),
        }
        Ok(())
    }
}

fn read_updated_dbs<'a>(r: &mut Reader<'a>) -> Result<UpdatedDbs<'a>, Fault> {
    let count = r.u8("number of updated databases")?;
    if count == OVER_MAX_DBS {
        return Ok(UpdatedDbs::TooMany);
    }
    let all = r.rest();
    for _ in 0..count {
        r.string_nul("updated database")?;
    }
    Ok(UpdatedDbs::Names(&all[..all.len() - r.remaining()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_reads_in_the_order_of_its_codes() {
        #[rustfmt::skip]
        let block = [
            0x00, 0x00, 0x00, 0x00, 0x04,                   // flags2: no foreign key checks
            0x01, 0x20, 0, 0, 0x40, 0, 0, 0, 0,             // sql_mode
            0x06, 3, b's', b't', b'd',                      // catalog
            0x03, 2, 0, 1, 0,                               // auto_increment 2, 1
            0x04, 0xFF, 0, 0xFF, 0, 0x08, 0,                // collations
            0x05, 6, b'S', b'Y', b'S', b'T', b'E', b'M',    // time zone
            0x0C, 2, b'a', 0, b'b', b'c', 0,                // updated databases
            0x0D, 0x40, 0xE2, 0x01,                         // 123456 microseconds
            0x80, 0x01, 0x00, 0x00,                         // MariaDB's own, 1 microsecond
        ];
        let vars = StatusVars::parse(&block).unwrap();
        assert_eq!(vars.flags2, Some(flags2::NO_FOREIGN_KEY_CHECKS));
        assert_eq!(vars.sql_mode, Some(0x4000_0020));
        assert_eq!(vars.auto_increment, Some((2, 1)));
        let charset = SessionCharset { client: 255, connection: 255, server: 8 };
        assert_eq!(vars.charset, Some(charset));
        assert_eq!(vars.time_zone, Some(&b"SYSTEM"[..]));
        let names: Vec<_> = vars.updated_dbs.unwrap().names().collect();
        assert_eq!(names, [&b"a"[..], b"bc"]);
        assert_eq!(vars.microseconds, Some(1));
        assert_eq!(vars.unknown, None);
    }

    #[test]
    fn an_unknown_code_ends_the_block_and_is_kept() {
        let vars = StatusVars::parse(&[19, 1, 99, 1, 2, 3]).unwrap();
        assert_eq!((vars.sql_require_primary_key, vars.unknown), (Some(1), Some(99)));
    }

    #[test]
    fn a_cut_value_is_an_error() {
        assert_eq!(
            StatusVars::parse(&[1, 0, 0]).unwrap_err().to_string(),
            "sql_mode: needed 8 bytes, had 2"
        );
        assert!(StatusVars::parse(&[12, 2, b'a', 0]).is_err());
    }
}
