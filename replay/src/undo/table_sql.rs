//! A table, ready for statements on its rows.

use binlog_parser::row::text::BINARY_COLLATION;
use binlog_parser::row::{ColumnType, Columns, RowImage, Value};

use super::column_sql::{ColumnSql, charset};
use super::row::{Cells, Row};
use crate::schema::{ResolvedColumn, ResolvedTable, readable};
use crate::sql::literal::NoLiteral;
use crate::sql::quote::quote_table;

/// A table, ready for statements on its rows.
#[derive(Debug)]
pub(super) struct TableSql {
    /// What is known of it.
    pub resolved: ResolvedTable,
    /// How its rows are read.
    columns: Columns,
    /// Each column in statements.
    sql: Vec<ColumnSql>,
    /// One that is none.
    nameless: ColumnSql,
    /// Name of the table, quoted.
    name: Vec<u8>,
    /// Whether a client may take something in the names for a command of its own.
    awkward: bool,
    /// Columns whose values may have no literal.
    doubtful: Vec<usize>,
    /// Columns that a statement sets.
    settable: Vec<usize>,
    /// Columns of ENUM.
    enums: Vec<usize>,
    /// Columns by whose values a row is known: those of the key only where the server takes
    /// different values for the same.
    compared: Vec<usize>,
}

impl TableSql {
    /// The table of a map with these columns.
    pub fn new(resolved: ResolvedTable, mut columns: Columns) -> Self {
        columns.describe(|ordinal, column| {
            if let Some(known) = resolved.columns.get(ordinal) {
                column.unsigned = known.unsigned;
                if charset(known) == Some("binary") {
                    // By this a BINARY value gets the zeros back that are not logged.
                    column.collation = Some(BINARY_COLLATION);
                }
            }
        });
        let mut name = vec![];
        quote_table(&mut name, &resolved.name.database, &resolved.name.table);
        let types = (0..).map(|at| columns.get(at).map(|column| column.column_type));
        let sql: Vec<_> = resolved
            .columns
            .iter()
            .zip(types)
            .map(|(column, column_type)| ColumnSql::new(column, column_type))
            .collect();
        let doubtful = (0..columns.len()).filter(|at| {
            let known = resolved.columns.get(*at);
            known.is_none_or(|known| is_doubtful(columns[*at].column_type, known))
        });
        let doubtful = doubtful.collect();
        let known = || resolved.columns.iter().enumerate();
        let settable: Vec<usize> =
            known().filter(|(_, column)| column.is_settable()).map(|(at, _)| at).collect();
        let is_enum = |at: &usize| matches!(columns[*at].column_type, ColumnType::Enum { .. });
        let enums = (0..columns.len()).filter(is_enum).collect();
        let is_exact = |at: &usize| {
            let charset = sql.get(*at).and_then(|column| column.charset);
            let key = resolved.key.as_ref().is_some_and(|key| key.columns.contains(at));
            key && charset.is_none_or(|charset| charset == "binary")
        };
        let compared = settable.iter().copied().filter(|at| !is_exact(at)).collect();
        let mut names = sql.iter().map(|column| &column.name);
        let awkward = is_awkward(&name) || names.any(|name| is_awkward(name));
        TableSql {
            resolved,
            columns,
            sql,
            nameless: ColumnSql::default(),
            name,
            awkward,
            doubtful,
            settable,
            enums,
            compared,
        }
    }

    /// Whether a client may take something in the names for a command of its own.
    pub fn has_awkward_names(&self) -> bool {
        self.awkward
    }

    /// A row of this table, to be filled.
    pub fn row(&self, memory: &mut Cells) -> Row<'_> {
        Row::new(&self.columns, memory)
    }

    /// The columns of an image with their values as a person reads them, text in quotes and what a
    /// terminal could take for a command escaped.
    pub fn shown(&self, image: RowImage<'_>) -> Vec<(String, String)> {
        let cells = image.cells(&self.columns).map_while(Result::ok);
        let shown = cells.map(|cell| {
            let name = self.resolved.columns.get(cell.ordinal);
            let name = name.map_or_else(String::new, |column| readable(&column.name));
            let value = cell.value(&self.columns).map_or_else(
                |fault| format!("<{fault}>"),
                |value| match value {
                    Value::Text(_) => format!("'{}'", readable(value.to_text().as_bytes())),
                    value => readable(value.to_text().as_bytes()),
                },
            );
            (name, value)
        });
        shown.collect()
    }

    /// Whether every value of an image can be written.
    ///
    /// # Errors
    /// Why one cannot, with the ordinal of its column.
    pub fn check(
        &self,
        image: RowImage<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<(), (usize, NoLiteral)> {
        if self.doubtful.is_empty() {
            return Ok(());
        }
        for cell in image.cells(&self.columns) {
            let cell = cell.map_err(|fault| (0, fault.into()))?;
            let ordinal = cell.ordinal;
            let (Some(column), true) =
                (self.columns.get(ordinal), self.doubtful.contains(&ordinal))
            else {
                continue;
            };
            scratch.clear();
            Value::decode(column, cell.bytes)
                .map_err(NoLiteral::from)
                .and_then(|value| self.column(ordinal).push_value(scratch, &value))
                .map_err(|why| (ordinal, why))?;
        }
        Ok(())
    }

    /// Whether more than their bytes is needed to tell if values can be written.
    pub fn is_doubtful(&self) -> bool {
        let told =
            |at: &usize| self.columns.get(*at).is_some_and(|c| is_told_by_bytes(c.column_type));
        !self.doubtful.iter().all(told)
    }

    /// Columns that a statement sets.
    pub fn settable(&self) -> impl Iterator<Item = usize> + '_ {
        self.settable.iter().copied()
    }

    /// Whether an UPDATE of other columns changes this one.
    pub fn changes_by_itself(&self, ordinal: usize) -> bool {
        use ColumnType as T;
        let temporal = self.columns.get(ordinal).is_some_and(|column| {
            matches!(
                column.column_type,
                T::Timestamp2 { .. } | T::Datetime2 { .. } | T::TimestampOld | T::DatetimeOld
            )
        });
        match self.resolved.definition {
            Some(_) => self.resolved.columns.get(ordinal).is_some_and(|c| c.on_update_now),
            // Without a definition any of these may.
            None => temporal,
        }
    }

    /// Appends `INSERT INTO table (columns) VALUES`.
    pub fn push_insert(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"INSERT INTO ");
        out.extend_from_slice(&self.name);
        out.extend_from_slice(b" (");
        for (count, ordinal) in self.settable().enumerate() {
            out.extend_from_slice(if count > 0 { b"," } else { b"" });
            out.extend_from_slice(&self.column(ordinal).name);
        }
        out.extend_from_slice(b") VALUES");
    }

    /// Appends `(values)`.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_values(&self, out: &mut Vec<u8>, row: &Row<'_>) -> Result<(), NoLiteral> {
        out.push(b'(');
        for (count, ordinal) in self.settable().enumerate() {
            out.extend_from_slice(if count > 0 { b"," } else { b"" });
            match row.has(ordinal) {
                true => {
                    row.look_at(ordinal, |value| self.column(ordinal).push_value(out, value))?
                }
                false => out.extend_from_slice(b"DEFAULT"),
            }
        }
        out.push(b')');
        Ok(())
    }

    /// Appends `UPDATE table SET …`, from the values that a row has to those that it had; false if
    /// there is nothing to set.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_update(
        &self,
        out: &mut Vec<u8>,
        now: &Row<'_>,
        then: &Row<'_>,
    ) -> Result<bool, NoLiteral> {
        let start = out.len();
        out.extend_from_slice(b"UPDATE ");
        out.extend_from_slice(&self.name);
        out.extend_from_slice(b" SET ");
        let (mut first, mut any) = (true, false);
        for ordinal in self.settable() {
            let changed = !now.same(then, ordinal)?;
            any |= changed;
            if !changed && !self.changes_by_itself(ordinal) {
                continue;
            }
            then.look_at(ordinal, |value| {
                self.column(ordinal).push_set(out, std::mem::take(&mut first), value)
            })?;
        }
        if !any {
            out.truncate(start);
        }
        Ok(any)
    }

    /// Appends `DELETE FROM table`.
    pub fn push_delete(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"DELETE FROM ");
        out.extend_from_slice(&self.name);
    }

    /// Appends ` WHERE` and the condition that only the row with just these values meets.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_where(&self, out: &mut Vec<u8>, row: &Row<'_>) -> Result<(), NoLiteral> {
        out.extend_from_slice(b" WHERE ");
        self.push_row_condition(out, row)?;
        if self.resolved.key.is_none() {
            out.extend_from_slice(b" LIMIT 1");
        }
        Ok(())
    }

    /// Appends the condition that a row has these values: by its key it is found, by all of them it
    /// is known. What no expression compares is left out where there is a key.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_row_condition(&self, out: &mut Vec<u8>, row: &Row<'_>) -> Result<(), NoLiteral> {
        let mut first = true;
        let key = self.resolved.key.as_ref().map(|key| &key.columns[..]).unwrap_or_default();
        for &ordinal in key {
            row.look_at(ordinal, |value| {
                self.column(ordinal).push_is(out, std::mem::take(&mut first), value)
            })?;
        }
        for &ordinal in &self.compared {
            row.look_at(ordinal, |value| {
                let start = out.len();
                match self.column(ordinal).push_same(out, std::mem::take(&mut first), value) {
                    Err(NoLiteral::Json(_)) if !key.is_empty() => {
                        out.truncate(start);
                        Ok(())
                    }
                    other => other,
                }
            })?;
        }
        Ok(())
    }

    /// Appends the condition that finds rows by their keys, without the values: `` `id` IN ( ``.
    pub fn push_key_in(&self, out: &mut Vec<u8>) {
        let key = self.resolved.key.as_ref().map(|key| &key.columns[..]).unwrap_or_default();
        if key.len() != 1 {
            out.push(b'(');
        }
        for (count, &ordinal) in key.iter().enumerate() {
            out.extend_from_slice(if count > 0 { b"," } else { b"" });
            out.extend_from_slice(&self.column(ordinal).name);
        }
        out.extend_from_slice(if key.len() == 1 { b" IN (" } else { b") IN (" });
    }

    /// Appends the key of a row as such a condition has it.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_key(&self, out: &mut Vec<u8>, row: &Row<'_>) -> Result<(), NoLiteral> {
        let key = self.resolved.key.as_ref().map(|key| &key.columns[..]).unwrap_or_default();
        if key.len() != 1 {
            out.push(b'(');
        }
        for (count, &ordinal) in key.iter().enumerate() {
            out.extend_from_slice(if count > 0 { b"," } else { b"" });
            match row.has(ordinal) {
                true => {
                    row.look_at(ordinal, |value| self.column(ordinal).push_value(out, value))?
                }
                false => out.extend_from_slice(b"NULL"),
            }
        }
        if key.len() != 1 {
            out.push(b')');
        }
        Ok(())
    }

    /// Appends the name of the table.
    pub fn push_table(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name);
    }

    /// Whether a strict server refuses the row although it was stored: an ENUM may hold the number
    /// 0, which stands for a value that was none.
    pub fn needs_lax_mode(&self, row: &Row<'_>) -> bool {
        let none = |at: &usize| row.bytes(*at).is_some_and(|number| number.iter().all(|b| *b == 0));
        self.enums.iter().any(none)
    }

    #[inline]
    fn column(&self, ordinal: usize) -> &ColumnSql {
        self.sql.get(ordinal).unwrap_or(&self.nameless)
    }
}

/// Whether a client may take something in a name for a command of its own.
fn is_awkward(name: &[u8]) -> bool {
    let awkward = |byte: &u8| byte.is_ascii_control() || *byte == b'\\';
    name.iter().any(awkward) || name.windows(2).any(|two| two == b"/*")
}

/// Whether nothing but its bytes tells if a value of this type can be written.
pub(super) fn is_told_by_bytes(column_type: ColumnType) -> bool {
    use ColumnType as T;
    matches!(
        column_type,
        T::NewDecimal { .. }
            | T::Date
            | T::Timestamp2 { .. }
            | T::Datetime2 { .. }
            | T::Time2 { .. }
            | T::Bit { .. }
            | T::Geometry { .. }
    )
}

/// Whether there may be values of the column that cannot be written, or bytes that are no value.
fn is_doubtful(column_type: ColumnType, column: &ResolvedColumn) -> bool {
    use ColumnType as T;
    if !column.is_settable() {
        return false;
    }
    match column_type {
        T::Tiny | T::Short | T::Int24 | T::Long | T::Longlong => column.unsigned.is_none(),
        T::Varchar { .. } | T::Char { .. } | T::Blob { .. } => charset(column).is_none(),
        T::Float | T::Double | T::Year | T::Null | T::Enum { .. } | T::Set { .. } => false,
        _ => true,
    }
}
