//! One server under one setting of its binary log after another: a matrix in which each cell is
//! some variables and a new log, and only what cannot be set at run time costs a restart.
//!
//! A further cell is a line in [`cells`].

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::install::Installation;
use crate::instance::{Server, ServerOptions};
use crate::product::Product;

/// The key of the MariaDB logs, in hexadecimal.
const MARIADB_KEY: &str = "770A8A65DA156D24EE2A093277530142";

/// A setting of the binary log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What is set, in a few words, for messages.
    pub name: &'static str,
    /// Global variables and their values, beside [`CellServer::enter`]'s own.
    pub variables: &'static [(&'static str, &'static str)],
    /// In MariaDB the mode in which the log is encrypted, `cbc` or `ctr`; in MySQL the variable
    /// says whether it is.
    pub encryption: Option<&'static str>,
}

const fn cell(name: &'static str, variables: &'static [(&'static str, &'static str)]) -> Cell {
    Cell { name, variables, encryption: None }
}

/// The cells of a product. Those that need another restart come last.
pub fn cells(product: Product) -> Vec<Cell> {
    if !product.is_mariadb() {
        return vec![
            cell("defaults with full metadata", &[]),
            cell(
                "minimal images and metadata, no checksums",
                &[
                    ("binlog_row_image", "MINIMAL"),
                    ("binlog_row_metadata", "MINIMAL"),
                    ("binlog_checksum", "NONE"),
                ],
            ),
            cell(
                "no blobs, partial JSON",
                &[("binlog_row_image", "NOBLOB"), ("binlog_row_value_options", "PARTIAL_JSON")],
            ),
            cell("compressed transactions", &[("binlog_transaction_compression", "ON")]),
            cell(
                "partial JSON, encrypted",
                &[
                    ("binlog_row_value_options", "PARTIAL_JSON"),
                    ("binlog_encryption", "ON"),
                    ("binlog_rows_query_log_events", "ON"),
                ],
            ),
            cell(
                "minimal images, partial JSON, encrypted, no checksums",
                &[
                    ("binlog_row_image", "MINIMAL"),
                    ("binlog_row_metadata", "MINIMAL"),
                    ("binlog_row_value_options", "PARTIAL_JSON"),
                    ("binlog_checksum", "NONE"),
                    ("binlog_encryption", "ON"),
                ],
            ),
        ];
    }
    let mut cells = vec![
        cell("defaults with full metadata", &[]),
        cell(
            "minimal images, no metadata, no checksums",
            &[
                ("binlog_row_image", "MINIMAL"),
                ("binlog_row_metadata", "NO_LOG"),
                ("binlog_checksum", "NONE"),
            ],
        ),
        cell(
            "no blobs, minimal metadata, no annotations",
            &[
                ("binlog_row_image", "NOBLOB"),
                ("binlog_row_metadata", "MINIMAL"),
                ("binlog_annotate_row_events", "OFF"),
            ],
        ),
    ];
    cells.push(cell(
        "compressed events",
        &[("log_bin_compress", "ON"), ("log_bin_compress_min_len", "10")],
    ));
    if product == Product::Mariadb118 {
        cells.push(cell("images without duplicates", &[("binlog_row_image", "FULL_NODUP")]));
    }
    cells.push(Cell { encryption: Some("cbc"), ..cell("encrypted by CBC", &[]) });
    cells.push(Cell {
        encryption: Some("ctr"),
        ..cell(
            "encrypted by CTR, no checksums",
            &[("binlog_checksum", "NONE"), ("binlog_annotate_row_events", "OFF")],
        )
    });
    cells
}

/// A server that goes from cell to cell, with all the keys that it may need.
#[derive(Debug)]
pub struct CellServer {
    /// The server.
    pub server: Server,
    /// What it is started with in every cell.
    args: Vec<String>,
    encryption: Option<&'static str>,
    folder: TempDir,
}

impl CellServer {
    /// Starts a server with these arguments beside those that cells need.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start(product: Product, args: &[&str]) -> Result<CellServer> {
        let folder = tempfile::tempdir()?;
        let mut options = if product.is_mariadb() {
            let keys = folder.path().join("keys");
            fs::write(&keys, format!("1;{MARIADB_KEY}\n"))?;
            ServerOptions::with_args([
                "--plugin-load-add=file_key_management".to_owned(),
                format!("--file-key-management-filename={}", keys.display()),
            ])
        } else {
            with_keyring_component(product, folder.path())?
        };
        options = options.and_args(args.iter().copied());
        let (server, args) = (Server::start(product, &options)?, options.args);
        Ok(CellServer { server, args, encryption: None, folder })
    }

    /// Sets the variables of `cell`, all others of the log at its defaults but for metadata, which
    /// are full; and begins a log. Sessions that are opened from now on write as it says.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn enter(&mut self, cell: &Cell) -> Result<()> {
        if self.server.product().is_mariadb() && self.encryption != cell.encryption {
            self.encryption = cell.encryption;
            let mut args = self.args.clone();
            if let Some(mode) = cell.encryption {
                args.push("--encrypt-binlog=ON".to_owned());
                args.push(format!("--file-key-management-encryption-algorithm=aes_{mode}"));
            }
            self.server.restart_with(args)?;
        }
        let own: &[(&str, &str)] = if self.server.product().is_mariadb() {
            &[("binlog_annotate_row_events", "ON"), ("log_bin_compress", "OFF")]
        } else {
            &[
                ("binlog_row_value_options", "''"),
                ("binlog_encryption", "OFF"),
                ("binlog_transaction_compression", "OFF"),
                ("binlog_rows_query_log_events", "OFF"),
            ]
        };
        let both = [
            ("binlog_row_image", "FULL"),
            ("binlog_row_metadata", "FULL"),
            ("binlog_checksum", "CRC32"),
        ];
        let mut sql = String::new();
        for (name, value) in both.iter().chain(own).chain(cell.variables) {
            sql += &format!("SET GLOBAL {name} = {value};\n");
        }
        self.server.sql(sql).with_context(|| cell.name)?;
        self.server.flush_logs()
    }

    /// MySQL's keyring.
    pub fn keyring(&self) -> Option<PathBuf> {
        (!self.server.product().is_mariadb()).then(|| self.folder.path().join("keyring"))
    }

    /// MariaDB's key file.
    pub fn key_file(&self) -> Option<PathBuf> {
        self.server.product().is_mariadb().then(|| self.folder.path().join("keys"))
    }
}

/// Options of a MySQL server whose program is believed to stand in `folder`, where its manifest
/// names the keyring's component, which is beside its settings. The keyring is `folder/keyring`.
///
/// # Errors
/// Where the files cannot be written, or the packages have no such component.
pub fn with_keyring_component(product: Product, folder: &Path) -> Result<ServerOptions> {
    let name = "component_keyring_file";
    let manifest = format!(r#"{{"components": "file://{name}"}}"#);
    fs::write(folder.join("mysqld.my"), manifest)?;
    let keyring = folder.join("keyring");
    let settings = format!(r#"{{"path": "{}", "read_only": false}}"#, keyring.display());
    fs::write(folder.join(format!("{name}.cnf")), settings)?;
    let plugins = Installation::of(product)?.plugins();
    fs::copy(plugins.join(format!("{name}.so")), folder.join(format!("{name}.so")))?;
    Ok(ServerOptions {
        program: Some(folder.join("mysqld")),
        ..ServerOptions::with_args([format!("--plugin-dir={}", folder.display())])
    })
}
