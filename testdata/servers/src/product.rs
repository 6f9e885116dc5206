//! The servers that live tests run on.

use std::io::Write;
use std::sync::Once;

/// A server product in the version that Debian carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Product {
    /// MySQL 9.7, from Debian's rolling suite.
    Mysql97,
    /// MariaDB 10.11, from Debian 12.
    Mariadb1011,
    /// MariaDB 11.8, from Debian 13.
    Mariadb118,
}

impl Product {
    /// Every product, in the order that reports use.
    pub const ALL: [Product; 3] = [Product::Mysql97, Product::Mariadb1011, Product::Mariadb118];

    /// The name of its folders, and of it in `BINLOG_LIVE`.
    pub fn name(self) -> &'static str {
        match self {
            Product::Mysql97 => "mysql-9.7",
            Product::Mariadb1011 => "mariadb-10.11",
            Product::Mariadb118 => "mariadb-11.8",
        }
    }

    /// The product called `name`, as [`Product::name`] spells it.
    pub fn from_name(name: &str) -> Option<Product> {
        Product::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Whether it is one of the MariaDB family.
    pub fn is_mariadb(self) -> bool {
        self != Product::Mysql97
    }

    /// The base name of its binary logs, as each family's own default or custom
    /// has it.
    pub fn log_name(self) -> &'static str {
        if self.is_mariadb() { "mariadb-bin" } else { "binlog" }
    }

    /// The Debian suite that carries this version.
    pub(crate) fn suite(self) -> &'static str {
        match self {
            Product::Mysql97 => "sid",
            Product::Mariadb1011 => "bookworm",
            Product::Mariadb118 => "trixie",
        }
    }

    /// The packages that hold the server, its clients and its tools, and the
    /// library that can set a server's clock.
    pub(crate) fn packages(self) -> &'static [&'static str] {
        match self {
            Product::Mysql97 => &["mysql-server-core", "mysql-client-core", "libfaketime"],
            Product::Mariadb1011 | Product::Mariadb118 => &[
                "mariadb-server-core",
                "mariadb-server",
                "mariadb-client-core",
                "mariadb-client",
                "libfaketime",
            ],
        }
    }

    /// The program that is the server.
    pub(crate) fn daemon(self) -> &'static str {
        if self.is_mariadb() { "mariadbd" } else { "mysqld" }
    }

    /// The command-line client.
    pub fn client(self) -> &'static str {
        if self.is_mariadb() { "mariadb" } else { "mysql" }
    }

    /// The rival: the product's own reader of binary logs.
    pub fn binlog_tool(self) -> &'static str {
        if self.is_mariadb() { "mariadb-binlog" } else { "mysqlbinlog" }
    }

    /// The product's own dump program, for `--schema` files.
    pub fn dump_tool(self) -> &'static str {
        if self.is_mariadb() { "mariadb-dump" } else { "mysqldump" }
    }
}

/// The products that live tests shall run on: all of them, or those that
/// `BINLOG_LIVE` names, or none where it is `off` – which is said on stderr
/// once, past the test harness's capture, so that nobody takes a run without
/// servers for a full one.
///
/// # Panics
/// When `BINLOG_LIVE` names a product that there is not.
pub fn live() -> Vec<Product> {
    let wish = std::env::var("BINLOG_LIVE").unwrap_or_default();
    match parse_wish(&wish) {
        Ok(products) => {
            if products.len() < Product::ALL.len() {
                say_once(&products);
            }
            products
        }
        Err(word) => panic!(
            "BINLOG_LIVE: {word:?} is no product; known: off, {}",
            Product::ALL.map(Product::name).join(", ")
        ),
    }
}

fn parse_wish(wish: &str) -> Result<Vec<Product>, String> {
    match wish.trim() {
        "" | "on" | "all" => Ok(Product::ALL.to_vec()),
        "off" => Ok(Vec::new()),
        names => names
            .split(',')
            .map(|n| Product::from_name(n.trim()).ok_or_else(|| n.trim().to_owned()))
            .collect(),
    }
}

fn say_once(products: &[Product]) {
    static SAID: Once = Once::new();
    let left_out: Vec<&str> =
        Product::ALL.into_iter().filter(|p| !products.contains(p)).map(Product::name).collect();
    SAID.call_once(|| {
        // Not eprintln!: the harness would swallow it in a test that passes.
        let _ = writeln!(
            std::io::stderr(),
            "note: BINLOG_LIVE leaves the live tests out on {}",
            left_out.join(", ")
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_product() {
        for product in Product::ALL {
            assert_eq!(Product::from_name(product.name()), Some(product));
        }
        assert_eq!(Product::from_name("mysql"), None);
    }

    #[test]
    fn a_wish_selects_and_a_typing_error_is_not_taken_for_off() {
        assert_eq!(parse_wish(""), Ok(Product::ALL.to_vec()));
        assert_eq!(parse_wish("off"), Ok(Vec::new()));
        assert_eq!(
            parse_wish("mariadb-11.8, mysql-9.7"),
            Ok(vec![Product::Mariadb118, Product::Mysql97])
        );
        assert_eq!(parse_wish("of"), Err("of".to_owned()));
    }
}
