//! The settings that shape a log, and every combination of their values.

use servers::Product;

/// A setting: its name in reports, whether it only takes effect at a server's start, and its values
/// with what they are called.
struct Setting {
    name: &'static str,
    at_start: bool,
    values: &'static [Value],
}

/// What a value is called, and the arguments or assignments that give it.
type Value = (&'static str, &'static str);

/// A combination of values.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its number among all cells of the product, and its seed.
    pub number: usize,
    /// `format=ROW image=FULL …`.
    pub label: String,
    /// Arguments of the servers, each a word.
    pub arguments: Vec<&'static str>,
    /// Statements that set the rest.
    pub assignments: String,
    /// Whether what is logged are statements alone.
    pub statements_only: bool,
    /// Whether the source's logs are encrypted.
    pub encrypted: bool,
}

const FORMAT: Setting = Setting {
    name: "format",
    at_start: false,
    values: &[
        ("ROW", "binlog_format=ROW"),
        ("MIXED", "binlog_format=MIXED"),
        ("STATEMENT", "binlog_format=STATEMENT"),
    ],
};

const CHECKSUM: Setting = Setting {
    name: "checksum",
    at_start: false,
    values: &[("CRC32", "binlog_checksum=CRC32"), ("NONE", "binlog_checksum=NONE")],
};

const IMAGE: Setting = Setting {
    name: "image",
    at_start: false,
    values: &[
        ("FULL", "binlog_row_image=FULL"),
        ("MINIMAL", "binlog_row_image=MINIMAL"),
        ("NOBLOB", "binlog_row_image=NOBLOB"),
    ],
};

const IMAGE_11_8: Setting = Setting {
    name: "image",
    at_start: false,
    values: &[
        ("FULL", "binlog_row_image=FULL"),
        ("MINIMAL", "binlog_row_image=MINIMAL"),
        ("NOBLOB", "binlog_row_image=NOBLOB"),
        ("FULL_NODUP", "binlog_row_image=FULL_NODUP"),
    ],
};

const MYSQL: &[Setting] = &[
    Setting {
        name: "gtid",
        at_start: true,
        values: &[
            ("ON", "--gtid-mode=ON --enforce-gtid-consistency=ON"),
            ("OFF", "--gtid-mode=OFF"),
        ],
    },
    FORMAT,
    IMAGE,
    Setting {
        name: "metadata",
        at_start: false,
        values: &[("MINIMAL", "binlog_row_metadata=MINIMAL"), ("FULL", "binlog_row_metadata=FULL")],
    },
    Setting {
        name: "compression",
        at_start: false,
        values: &[
            ("OFF", "binlog_transaction_compression=OFF"),
            ("ON", "binlog_transaction_compression=ON"),
        ],
    },
    Setting {
        name: "json",
        at_start: false,
        values: &[
            ("WHOLE", "binlog_row_value_options=''"),
            ("PARTIAL", "binlog_row_value_options=PARTIAL_JSON"),
        ],
    },
    CHECKSUM,
];

const COMPRESSION: Setting = Setting {
    name: "compression",
    at_start: false,
    values: &[
        ("OFF", "log_bin_compress=OFF"),
        ("ON", "log_bin_compress=ON, GLOBAL log_bin_compress_min_len=10"),
    ],
};

const ENCRYPTION: Setting = Setting {
    name: "encryption",
    at_start: true,
    values: &[("OFF", "--encrypt-binlog=OFF"), (ENCRYPTED, "--encrypt-binlog=ON")],
};

const ENCRYPTED: &str = "ON";

const ANNOTATE: Setting = Setting {
    name: "annotate",
    at_start: false,
    values: &[("ON", "binlog_annotate_row_events=ON"), ("OFF", "binlog_annotate_row_events=OFF")],
};

const MARIADB_10_11: &[Setting] = &[ENCRYPTION, FORMAT, IMAGE, COMPRESSION, ANNOTATE, CHECKSUM];
const MARIADB_11_8: &[Setting] = &[ENCRYPTION, FORMAT, IMAGE_11_8, COMPRESSION, ANNOTATE, CHECKSUM];

/// Every cell of a product; those of the same arguments stand together.
pub fn all(product: Product) -> Vec<Cell> {
    let settings = match product {
        Product::Mysql97 => MYSQL,
        Product::Mariadb1011 => MARIADB_10_11,
        Product::Mariadb118 => MARIADB_11_8,
    };
    let count = settings.iter().map(|setting| setting.values.len()).product();
    (0..count).map(|number| cell(settings, number)).collect()
}

fn cell(settings: &[Setting], number: usize) -> Cell {
    let mut cell = Cell {
        number,
        label: String::new(),
        arguments: vec![],
        assignments: String::new(),
        statements_only: false,
        encrypted: false,
    };
    let mut rest = number;
    let mut chosen = vec![];
    for setting in settings.iter().rev() {
        chosen.push((setting, setting.values[rest % setting.values.len()]));
        rest /= setting.values.len();
    }
    for (setting, (name, value)) in chosen.into_iter().rev() {
        cell.label.push_str(&format!(
            "{}{}={name}",
            if cell.label.is_empty() { "" } else { " " },
            setting.name
        ));
        if setting.at_start {
            cell.arguments.extend(value.split(' '));
        } else {
            cell.assignments.push_str(&format!("SET GLOBAL {value};\n"));
        }
        cell.statements_only |= setting.name == FORMAT.name && name == "STATEMENT";
        cell.encrypted |= setting.name == ENCRYPTION.name && name == ENCRYPTED;
    }
    cell
}

#[test]
fn cells_are_all_different_and_those_of_one_server_together() {
    let labels = |product| all(product).into_iter().map(|cell| cell.label).collect::<Vec<_>>();
    for (product, count) in
        [(Product::Mysql97, 288), (Product::Mariadb1011, 144), (Product::Mariadb118, 192)]
    {
        let mut labels = labels(product);
        assert_eq!(labels.len(), count);
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), count, "no cell twice");
        let mut servers: Vec<_> = all(product).into_iter().map(|cell| cell.arguments).collect();
        servers.dedup();
        assert_eq!(servers.len(), 2);
    }
}
