//! Under which settings of the log the undo is tried. A further one is a line in [`SETTINGS`].

use servers::Product;

/// A setting of a server's log.
pub struct Setting {
    /// What is set, for messages.
    pub name: &'static str,
    /// Arguments of the server.
    pub arguments: &'static [&'static str],
    /// Who has it.
    products: &'static [Product],
}

const MYSQL: &[Product] = &[Product::Mysql97];
const MARIADB: &[Product] = &[Product::Mariadb1011, Product::Mariadb118];

const SETTINGS: &[Setting] = &[
    Setting {
        name: "defaults: minimal metadata",
        arguments: &["--binlog-row-metadata=MINIMAL"],
        products: MYSQL,
    },
    Setting {
        name: "defaults: no metadata",
        arguments: &["--binlog-row-metadata=NO_LOG"],
        products: MARIADB,
    },
    Setting {
        name: "full metadata",
        arguments: &["--binlog-row-metadata=FULL"],
        products: &Product::ALL,
    },
    Setting {
        name: "minimal metadata",
        arguments: &["--binlog-row-metadata=MINIMAL"],
        products: MARIADB,
    },
    Setting {
        name: "compressed transactions, full metadata",
        arguments: &["--binlog-transaction-compression=ON", "--binlog-row-metadata=FULL"],
        products: MYSQL,
    },
    Setting {
        name: "compressed events",
        arguments: &["--log-bin-compress=1", "--log-bin-compress-min-len=10"],
        products: MARIADB,
    },
    Setting {
        name: "minimal images, full metadata",
        arguments: &["--binlog-row-image=MINIMAL", "--binlog-row-metadata=FULL"],
        products: &Product::ALL,
    },
    Setting {
        name: "minimal images",
        arguments: &["--binlog-row-image=MINIMAL"],
        products: &Product::ALL,
    },
    Setting {
        name: "images without blobs",
        arguments: &["--binlog-row-image=NOBLOB"],
        products: &Product::ALL,
    },
    Setting {
        name: "images without duplicates",
        arguments: &["--binlog-row-image=FULL_NODUP"],
        products: &[Product::Mariadb118],
    },
];

/// The settings that a seed runs under: all, or one that goes with the seed.
pub fn chosen(product: Product, seed: u64) -> Vec<&'static Setting> {
    let has = |setting: &&Setting| setting.products.contains(&product);
    let all: Vec<_> = SETTINGS.iter().filter(has).collect();
    if let Ok(wanted) = std::env::var("ORACLE_SETTING") {
        return all.into_iter().filter(|setting| setting.name.contains(&wanted)).collect();
    }
    if cfg!(feature = "full-oracle") {
        return all;
    }
    let number = usize::try_from(seed).unwrap_or_default() % all.len();
    vec![all[number]]
}
