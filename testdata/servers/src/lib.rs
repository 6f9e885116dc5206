//! Private `mysqld` and `mariadbd` instances for live tests.
//!
//! The first call for a product downloads it from the machine's own Debian
//! archive into `target/servers/NAME`, without root and without installing
//! anything; later calls find it there. Each [`Server`] has a data directory of
//! its own, listens on a Unix socket only, and dies with the process that
//! started it, however that process ends.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! for product in servers::live() {
//!     let server = servers::Server::start(product, &servers::ServerOptions::default())?;
//!     server.sql("CREATE DATABASE shop")?;
//!     println!("{}: {}", product.name(), server.dump()?.difference(&server.dump()?).is_none());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Where things are:
//! - [`product`]: the servers that there are, and which of them tests use;
//! - `apt`: Debian's packages, resolved and downloaded in a folder of their own;
//! - [`install`]: the unpacked programs, run by their own loader, and the
//!   template of a data directory;
//! - `guard`: a server process that cannot outlive us;
//! - [`instance`]: the [`Server`] itself;
//! - [`client`]: statements, streams and interleaved sessions through the real
//!   client;
//! - [`cells`]: one server under many settings of its log;
//! - [`fixtures`]: SQL that tells a story of every type, and [`shop`]: the
//!   committed logs of a day; [`traffic`]: statements at random, by seed;
//! - [`dump`]: everything that users stored, in a form that compares byte by byte.
//!
//! Environment: `BINLOG_LIVE=off` leaves live tests out, `BINLOG_LIVE=mysql-9.7`
//! (names with commas) limits them; `BINLOG_SERVERS=DIR` keeps the servers in DIR
//! instead of `target/servers`.

#![forbid(unsafe_code)]

mod apt;
mod guard;

pub mod cells;
pub mod client;
pub mod dump;
pub mod fixtures;
pub mod install;
pub mod instance;
pub mod product;
pub mod shop;
pub mod traffic;

pub use cells::{Cell, CellServer, cells};
pub use client::{ClientRun, Session};
pub use dump::{Dump, DumpOptions};
pub use install::Installation;
pub use instance::{Server, ServerOptions, ShownEvent};
pub use product::{Product, live};
pub use traffic::Traffic;
