//! The columns of a table: types, and what is known of them beyond that.

use super::column::ColumnType;
use super::layout::RowLayout;
use super::plugin::PluginType;

/// A column, with what is known of it beyond its type. The wire gives some of it if the server was
/// told to (`binlog_row_metadata`); a schema may fill in the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Type and metadata.
    pub column_type: ColumnType,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// Whether a number has no sign; `None` if that is unknown.
    pub unsigned: Option<bool>,
    /// Collation of a text, ENUM or SET; 63 is binary.
    pub collation: Option<u16>,
    /// Name, in UTF-8.
    pub name: Option<Box<[u8]>>,
    /// Members of an ENUM or SET in order, in the column's character set.
    pub labels: Option<Box<[Box<[u8]>]>>,
    /// Subtype of a geometry, as in WKB (0 is any).
    pub geometry_type: Option<u32>,
    /// Most elements of a VECTOR.
    pub dimension: Option<u32>,
    /// Whether SELECT * shows it.
    pub visible: Option<bool>,
    /// The type of a plugin that it is, as only a definition says.
    pub plugin_type: Option<PluginType>,
}

impl Column {
    /// A column of which nothing but the type is known.
    #[must_use]
    pub fn new(column_type: ColumnType) -> Self {
        Column {
            column_type,
            nullable: true,
            unsigned: None,
            collation: None,
            name: None,
            labels: None,
            geometry_type: None,
            dimension: None,
            visible: None,
            plugin_type: None,
        }
    }
}

/// A column of a primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPart {
    /// Which column, counted from 0.
    pub ordinal: usize,
    /// Characters of it that are in the key; 0 for all.
    pub prefix: u32,
}

/// The columns of a table map in order, ready to take rows apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    columns: Vec<Column>,
    layout: RowLayout,
    /// The primary key, if the map names it; empty if it says that there is none.
    pub primary_key: Option<Vec<KeyPart>>,
}

impl Columns {
    /// The columns in the order of the table.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        let layout =
            RowLayout::of(columns.iter().map(|column| (column.column_type, column.nullable)));
        Columns { columns, layout, primary_key: None }
    }

    /// How long the values of a row are.
    #[must_use]
    pub fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// Takes from a definition how many digits of a second each column keeps, where it knows: see
    /// [`ColumnType::with_fraction`].
    pub fn set_fractions(&mut self, mut fraction: impl FnMut(usize) -> Option<u8>) {
        for (ordinal, column) in self.columns.iter_mut().enumerate() {
            if let (true, Some(fsp)) = (column.column_type.is_old_temporal(), fraction(ordinal)) {
                column.column_type = column.column_type.with_fraction(fsp.min(6));
            }
        }
        let types = self.columns.iter().map(|column| (column.column_type, column.nullable));
        self.layout = RowLayout::of(types);
    }

    /// The columns, to fill in what a schema knows of them. Types cannot be changed in this way:
    /// the layout was made from them.
    pub fn describe(&mut self, mut fill: impl FnMut(usize, &mut Column)) {
        for (ordinal, column) in self.columns.iter_mut().enumerate() {
            let column_type = column.column_type;
            fill(ordinal, column);
            column.column_type = column_type;
        }
    }
}

impl std::ops::Deref for Columns {
    type Target = [Column];

    fn deref(&self) -> &[Column] {
        &self.columns
    }
}
