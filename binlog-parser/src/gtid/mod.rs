//! Names of transactions, and sets of them.
//!
//! ```text
//! MySQL    Gtid         = Tsid (Uuid, Tag?) + gno        3e11fa47-71ca-11e1-9e33-c80aa9429562:23
//!          GtidSet      = intervals by Tsid              …:1-5:11-18:tag:1-3,⏎…:1
//! MariaDB  MariadbGtid  = MariadbSource (domain, server) + seq_no          0-1-4711
//!          MariadbGtidSet      = intervals by MariadbSource                0-1-100-200:205
//!          MariadbPosition     = last GTID by domain      (@@gtid_slave_pos)
//!          MariadbBinlogState  = last GTID by source      (@@gtid_binlog_state, Gtid_list)
//! either   TransactionGtid, AnyGtid, AnyGtidSet
//! ```
//!
//! Both families number their transactions within a source, so one [`NumberedSet`] does the algebra
//! for both. This room knows no events: it is what they are made of.

mod any;
mod intervals;
mod mariadb;
mod mysql;
mod position;
mod set;
mod set_text;
mod tag;
mod text;
mod uuid;

pub use any::{AnyGtid, AnyGtidSet, TransactionGtid};
pub use intervals::Intervals;
pub use mariadb::{MariadbGtid, MariadbSource};
pub use mysql::{GNO_MAX, Gtid, Tsid};
pub use position::{MariadbBinlogState, MariadbPosition};
pub use set::{GtidSet, MariadbGtidSet, Numbered, NumberedSet};
pub use tag::Tag;
pub(crate) use text::{decimal, shown};
pub use uuid::Uuid;
