//! Under which settings of the log the undo is tried. A further one is a line in [`SETTINGS`].

use servers::Product;

/// A setting of a server's log.
pub struct Setting {
    /// What is set, for messages.
    pub name: &'static str,
    /// Arguments of the server.
    pub arguments: &'static [&'static str],
    /// Whether MySQL has it.
    mysql: bool,
    /// Whether MariaDB has it.
    mariadb: bool,
}

const SETTINGS: &[Setting] = &[
    Setting { name: "defaults", arguments: &[], mysql: true, mariadb: true },
    Setting {
        name: "full metadata",
        arguments: &["--binlog-row-metadata=FULL"],
        mysql: true,
        mariadb: true,
    },
    Setting {
        name: "minimal metadata",
        arguments: &["--binlog-row-metadata=MINIMAL"],
        mysql: false,
        mariadb: true,
    },
    Setting {
        name: "compressed transactions, full metadata",
        arguments: &["--binlog-transaction-compression=ON", "--binlog-row-metadata=FULL"],
        mysql: true,
        mariadb: false,
    },
    Setting {
        name: "compressed events",
        arguments: &["--log-bin-compress=1", "--log-bin-compress-min-len=10"],
        mysql: false,
        mariadb: true,
    },
    Setting {
        name: "minimal images, full metadata",
        arguments: &["--binlog-row-image=MINIMAL", "--binlog-row-metadata=FULL"],
        mysql: true,
        mariadb: true,
    },
    Setting {
        name: "images without blobs",
        arguments: &["--binlog-row-image=NOBLOB"],
        mysql: true,
        mariadb: true,
    },
];

/// The settings that a seed runs under: all, or one that goes with the seed.
pub fn chosen(product: Product, seed: u64) -> Vec<&'static Setting> {
    let has = |setting: &&Setting| match product.is_mariadb() {
        true => setting.mariadb,
        false => setting.mysql,
    };
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
