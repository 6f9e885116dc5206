//! What a change of a row touches: the row itself, values of unique keys, and rows on the other
//! side of foreign keys.
//!
//! ```text
//! change          undoing it needs that no later one …        a later one stands in the way if it …
//! row, unique     wrote the same row or took the same value   wrote the row, took or freed the value
//! parent came     let a child refer to it                     (as a child) came to refer to it
//! child went      took its parent away                        (as a parent) went or got another key
//! ```
//! So each change has two lists of fingerprints: what its undo has to find untouched, and what it
//! touches for the undo of an earlier one. Where the lists of two changes meet, they conflict.
//!
//! Images that lack columns are made whole as far as this needs it ([`TableKeys::lacking`]). Where a
//! value cannot be found, a change may touch what nobody sees ([`TableKeys::doubt`]).

use binlog_parser::Fault;
use binlog_parser::event::rows::{RowChange, RowsEvent, RowsKind};
use binlog_parser::row::{RowImage, RowLayout};

use super::prints::{Print, Printer};
use crate::schema::{KeyPart, ResolvedTable, Schema, TableDef, TableName, TableState};
use crate::undo::rebuild::{End, Lacking, RowKeys, Unknown};
use crate::undo::table_sql::TableSql;

/// What is told apart in fingerprints.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Role {
    Row,
    Unique,
    ParentCame,
    ChildWent,
}

/// The columns of a table by which its changes are told apart.
#[derive(Debug)]
pub(in crate::undo) struct TableKeys {
    /// Columns of the key; `None` where the whole row counts.
    pub row: Option<Vec<usize>>,
    row_tag: Print,
    /// Further unique keys.
    uniques: Vec<Columns>,
    /// Columns that foreign keys of other tables refer to; the tag is that of [`Role::ParentCame`]
    /// and the one of [`Role::ChildWent`].
    parent_of: Vec<(Columns, Print)>,
    /// Columns that refer to other tables; tags as above.
    child_of: Vec<(Columns, Print)>,
    /// What the columns' collations take for the same.
    folded: Vec<Fold>,
    /// Columns that the server computes from others.
    generated: Vec<usize>,
}

/// Columns whose values are printed together.
#[derive(Debug)]
struct Columns {
    tag: Print,
    ordinals: Vec<usize>,
}

/// The fingerprints of one change.
#[derive(Debug, Default)]
pub(in crate::undo) struct Touch {
    /// What its undo has to find untouched; first of all the row itself.
    pub undone: Vec<Print>,
    /// What it touches for the undo of earlier changes.
    pub later: Vec<Print>,
    /// How many of them stand for the row: before and after, if that is not the same.
    rows: usize,
}

impl Touch {
    /// The fingerprints of the row itself, as it was and as it is.
    pub fn row_prints(&self) -> &[Print] {
        self.undone.get(..self.rows).unwrap_or_default()
    }
}

/// The values of an image by column: present or not, NULL or not.
type Cells<'a> = Vec<Option<Option<&'a [u8]>>>;

impl TableKeys {
    /// Keys of a table whose columns nobody knows: the whole row counts.
    pub fn unknown(printer: &Printer, name: &TableName) -> Self {
        TableKeys {
            row: None,
            row_tag: tag(printer, Role::Row, name, &[]),
            uniques: vec![],
            parent_of: vec![],
            child_of: vec![],
            folded: vec![],
            generated: vec![],
        }
    }

    /// Keys of `table`, foreign keys being those of `schema`.
    pub fn new(printer: &Printer, table: &TableSql, schema: &Schema) -> Self {
        let resolved = &table.resolved;
        let name = &resolved.name;
        let mut keys = TableKeys::unknown(printer, name);
        keys.row = resolved.key.as_ref().map(|key| key.columns.clone());
        let columns = resolved.columns.iter().enumerate();
        let generated = columns.filter(|(_, column)| column.generated.is_some());
        keys.generated = generated.map(|(ordinal, _)| ordinal).collect();
        let Some(definition) = &resolved.definition else { return keys };
        keys.folded = folded(resolved, definition);
        for key in definition.unique_keys() {
            let whole = key.parts.iter().map(|part| match part {
                KeyPart::Column { name, prefix: None } => Some(name.clone()),
                _ => None,
            });
            // What is unique by its beginning or by an expression is left to the server.
            let names: Option<Vec<_>> = whole.collect();
            let ordinals = names.as_ref().and_then(|names| ordinals(resolved, names));
            if let (Some(names), Some(ordinals)) = (names, ordinals)
                && Some(&ordinals) != keys.row.as_ref()
            {
                let tag = tag(printer, Role::Unique, name, &names);
                keys.uniques.push(Columns { tag, ordinals });
            }
        }
        let tags = |parent: &TableName, columns: &[Vec<u8>]| {
            let role = |role| tag(printer, role, parent, columns);
            (role(Role::ParentCame), role(Role::ChildWent))
        };
        for key in &definition.foreign_keys {
            let referenced = referenced_columns(key, schema);
            if let Some(ordinals) = ordinals(resolved, &key.columns) {
                let (came, went) = tags(&key.referenced, &referenced);
                keys.child_of.push((Columns { tag: came, ordinals }, went));
            }
        }
        for (columns, _) in references(schema, name) {
            if let Some(ordinals) = ordinals(resolved, &columns) {
                let (came, went) = tags(name, &columns);
                if !keys.parent_of.iter().any(|(known, _)| known.tag == came) {
                    keys.parent_of.push((Columns { tag: came, ordinals }, went));
                }
            }
        }
        keys
    }

    /// Columns without which it is not known what changes of an event touch, and which its images
    /// lack. `replace` tells that what an after-image lacks may be changed as well.
    pub fn lacking(&self, event: &RowsEvent<'_>, replace: bool) -> Lacking {
        let before = |at: usize| event.before_columns.is_some_and(|columns| columns.get(at));
        let after = |at: usize| event.after_columns.is_some_and(|columns| columns.get(at));
        let mut lacking = Lacking::default();
        let mut needs = |columns: &mut dyn Iterator<Item = usize>| {
            for at in columns {
                if event.kind != RowsKind::Write && !before(at) && !lacking.before.contains(&at) {
                    lacking.before.push(at);
                }
                let sets = event.kind == RowsKind::Write || replace;
                if sets && !after(at) && !lacking.after.contains(&at) {
                    lacking.after.push(at);
                }
            }
        };
        match &self.row {
            Some(key) => needs(&mut key.iter().copied()),
            None => needs(&mut (0..event.width).filter(|at| !self.generated.contains(at))),
        }
        // What the server computes is left to it: it finds values that are there twice by itself.
        let stored = |columns: &&[usize]| columns.iter().all(|at| !self.generated.contains(at));
        for columns in self.further().filter(stored) {
            let moves = replace || columns.iter().any(|at| after(*at));
            if event.kind != RowsKind::Update || moves {
                needs(&mut columns.iter().copied());
            }
        }
        lacking
    }

    /// The columns of each further key.
    fn further(&self) -> impl Iterator<Item = &[usize]> {
        let foreign = self.parent_of.iter().chain(&self.child_of).map(|(columns, _)| columns);
        self.uniques.iter().chain(foreign).map(|columns| &columns.ordinals[..])
    }

    /// A value that is not known, and for which the change may touch more than its fingerprints say:
    /// as one that is undone, or as a later one.
    ///
    /// Of what is undone, values that the rows had before are left out: without them there is no
    /// undo. And nobody takes a unique value that was taken, but after another change of its row.
    pub fn doubt<'k>(
        &self,
        change: &RowChange<'_>,
        keys: &RowKeys<'k>,
        undone: bool,
    ) -> Option<&'k Unknown> {
        keys.unknown().next()?;
        let logged = |at: usize| change.after.is_some_and(|after| after.present().get(at));
        let old = |at: usize| keys.unknown_at(at, End::Before);
        let new = |at: usize| {
            let kept = change.before.is_some() && change.after.is_some() && !logged(at);
            keys.unknown_at(at, End::After).or_else(|| old(at).filter(|_| kept))
        };
        let any = |columns: &[usize], value: &dyn Fn(usize) -> Option<&'k Unknown>| {
            columns.iter().find_map(|at| value(*at))
        };
        let of_row = match &self.row {
            Some(key) => any(key, &old).or_else(|| any(key, &new)),
            None => keys.unknown().next(),
        };
        if of_row.is_some() {
            return of_row;
        }
        let moves = |columns: &Columns| {
            let whole = change.before.is_none() || change.after.is_none();
            let set = |at: &usize| logged(*at) || keys.unknown_at(*at, End::After).is_some();
            whole || columns.ordinals.iter().any(set)
        };
        let mut found = None;
        for columns in self.uniques.iter().filter(|columns| !undone && moves(columns)) {
            let alone = columns.ordinals.len() == 1;
            // A value that a row held all the time is none that was taken or let go.
            let let_go = |at| old(at).filter(|unknown| !(alone && unknown.held));
            found = found
                .or_else(|| any(&columns.ordinals, &new))
                .or_else(|| any(&columns.ordinals, &let_go));
        }
        for (columns, _) in self.parent_of.iter().filter(|(columns, _)| moves(columns)) {
            let value: &dyn Fn(usize) -> _ = if undone { &new } else { &old };
            found = found.or_else(|| any(&columns.ordinals, value));
        }
        for (columns, _) in self.child_of.iter().filter(|(columns, _)| !undone && moves(columns)) {
            found = found.or_else(|| any(&columns.ordinals, &new));
        }
        found
    }

    /// Gathers what a change touches; `keys` is what was found for columns that it lacks.
    ///
    /// # Errors
    /// A [`Fault`] if an image cannot be read.
    pub fn touch(
        &self,
        printer: &Printer,
        change: &RowChange<'_>,
        layout: &RowLayout,
        keys: &RowKeys<'_>,
        touch: &mut Touch,
    ) -> Result<(), Fault> {
        touch.undone.clear();
        touch.later.clear();
        let depth = self.depth();
        let mut before = change.before.map(|image| cells(&image, layout, depth)).transpose()?;
        let mut after = change.after.map(|image| cells(&image, layout, depth)).transpose()?;
        if let (Some(found), Some(first)) = (keys.image, before.as_mut().or(after.as_mut())) {
            fill(first, &cells(&found, layout, depth)?, keys);
        }
        if let (Some(before), Some(after)) = (&before, &mut after) {
            // What an after-image lacks was not changed.
            for (after, before) in after.iter_mut().zip(before) {
                *after = after.or(*before);
            }
            // But for what a REPLACE may have set.
            for unknown in keys.unknown().filter(|unknown| unknown.end == End::After) {
                if let Some(after) = after.get_mut(unknown.ordinal) {
                    *after = None;
                }
            }
        }
        self.touch_row(printer, [&before, &after], touch);
        let print = |tag, ordinals: &[usize], cells: &Option<Cells<'_>>| {
            cells.as_ref().and_then(|cells| self.print(printer, tag, ordinals, cells, true))
        };
        let moved = |tag, ordinals: &[usize]| {
            let ends = [print(tag, ordinals, &before), print(tag, ordinals, &after)];
            if ends[0] == ends[1] { [None, None] } else { ends }
        };
        for Columns { tag, ordinals } in &self.uniques {
            for print in moved(*tag, ordinals).into_iter().flatten() {
                touch.undone.push(print);
                touch.later.push(print);
            }
        }
        for (Columns { tag: came, ordinals }, went) in &self.parent_of {
            let [gone, new] = moved(*came, ordinals);
            touch.undone.extend(new);
            touch.later.extend(gone.and_then(|_| print(*went, ordinals, &before)));
        }
        for (Columns { tag: came, ordinals }, went) in &self.child_of {
            let [gone, new] = moved(*came, ordinals);
            touch.undone.extend(gone.and_then(|_| print(*went, ordinals, &before)));
            touch.later.extend(new);
        }
        Ok(())
    }

    fn touch_row(&self, printer: &Printer, ends: [&Option<Cells<'_>>; 2], touch: &mut Touch) {
        let key = |cells: &Cells<'_>| {
            let row = self.row.as_ref()?;
            self.print(printer, self.row_tag, row, cells, false)
        };
        // Not the bytes of the image: an after-image may lack what was not changed.
        let whole = |cells: &Cells<'_>| {
            let cells = cells.iter().enumerate();
            let stored = cells.filter(|(at, _)| !self.generated.contains(at));
            let parts = stored.flat_map(|(_, cell)| match cell {
                None => [&b"absent"[..], &[]],
                Some(None) => [&b"NULL"[..], &[]],
                Some(Some(bytes)) => [&b"value"[..], bytes],
            });
            printer.print(self.row_tag, parts)
        };
        for cells in ends.into_iter().flatten() {
            let print = key(cells).unwrap_or_else(|| whole(cells));
            if !touch.undone.contains(&print) {
                touch.undone.push(print);
                touch.later.push(print);
            }
        }
        touch.rows = touch.undone.len();
    }

    /// The fingerprint of some columns; none if one of them is absent, or NULL where that matters.
    fn print(
        &self,
        printer: &Printer,
        tag: Print,
        ordinals: &[usize],
        cells: &Cells<'_>,
        not_null: bool,
    ) -> Option<Print> {
        for ordinal in ordinals {
            let cell = (*cells.get(*ordinal)?)?;
            if cell.is_none() && not_null {
                return None;
            }
        }
        let bytes = |at: &usize| cells.get(*at).copied().flatten().flatten().unwrap_or_default();
        let fold = |at: &usize| {
            let fold = self.folded.get(*at).filter(|fold| **fold != Fold::default())?;
            bytes(at).is_ascii().then_some(*fold)
        };
        if ordinals.iter().all(|at| fold(at).is_none()) {
            return Some(printer.print(tag, ordinals.iter().map(bytes)));
        }
        let parts = ordinals.iter().map(|at| as_one(bytes(at), fold(at).unwrap_or_default()));
        let parts: Vec<Vec<u8>> = parts.collect();
        Some(printer.print(tag, parts.iter().map(|part| &part[..])))
    }

    /// How many columns at the start of a row are to be looked at: nothing depends on those behind.
    fn depth(&self) -> usize {
        let row = self.row.as_deref().map_or(usize::MAX, behind_last);
        self.further().map(behind_last).fold(row, usize::max)
    }
}

/// What a collation takes for the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fold {
    /// Letters of both cases.
    cases: bool,
    /// Text with spaces at its end, and without (PAD SPACE).
    spaces: bool,
}

/// ASCII text as a collation compares it. Other text is compared by its bytes: where the server takes
/// two for the same, it says so itself.
fn as_one(bytes: &[u8], fold: Fold) -> Vec<u8> {
    let end = match fold.spaces {
        true => bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1),
        false => bytes.len(),
    };
    let bytes = &bytes[..end];
    if fold.cases { bytes.to_ascii_lowercase() } else { bytes.to_vec() }
}

fn tag(printer: &Printer, role: Role, table: &TableName, columns: &[Vec<u8>]) -> Print {
    let names = [&table.database, &table.table].into_iter().chain(columns);
    let lower: Vec<Vec<u8>> = names.map(|name| name.to_ascii_lowercase()).collect();
    printer.print(role as Print, lower.iter().map(|name| &name[..]))
}

/// The number behind the greatest.
fn behind_last(ordinals: &[usize]) -> usize {
    ordinals.iter().max().map_or(0, |last| last + 1)
}

/// The cells of the first `depth` columns.
fn cells<'a>(image: &RowImage<'a>, layout: &RowLayout, depth: usize) -> Result<Cells<'a>, Fault> {
    let mut cells = vec![None; layout.width().min(depth)];
    for cell in image.cells_by(layout) {
        let cell = cell?;
        match cells.get_mut(cell.ordinal) {
            Some(slot) => *slot = Some(cell.bytes),
            None => break,
        }
    }
    Ok(cells)
}

/// Puts what was found into what an image lacks.
fn fill<'a>(cells: &mut Cells<'a>, found: &Cells<'a>, keys: &RowKeys<'_>) {
    for (at, (cell, found)) in cells.iter_mut().zip(found).enumerate() {
        if cell.is_none() && !keys.unknown().any(|unknown| unknown.ordinal == at) {
            *cell = *found;
        }
    }
}

fn ordinals(table: &ResolvedTable, names: &[Vec<u8>]) -> Option<Vec<usize>> {
    let at = |name: &Vec<u8>| {
        table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    };
    names.iter().map(at).collect()
}

/// Columns of the parent; the primary key where the statement left them out.
fn referenced_columns(key: &crate::schema::ForeignKey, schema: &Schema) -> Vec<Vec<u8>> {
    if !key.referenced_columns.is_empty() {
        return key.referenced_columns.clone();
    }
    let Some(TableState::Known { definition, .. }) = schema.table(&key.referenced) else {
        return vec![];
    };
    let parts = definition.primary_key().map(|key| &key.parts[..]).unwrap_or_default();
    let name = |part: &KeyPart| match part {
        KeyPart::Column { name, .. } => Some(name.clone()),
        _ => None,
    };
    parts.iter().filter_map(name).collect()
}

/// The columns of `parent` that foreign keys refer to, and the tables of those keys.
pub(in crate::undo) fn references<'s>(
    schema: &'s Schema,
    parent: &TableName,
) -> Vec<(Vec<Vec<u8>>, &'s TableName)> {
    let mut found = vec![];
    for (name, state) in schema.tables() {
        let TableState::Known { definition, .. } = state else { continue };
        for key in definition.foreign_keys.iter().filter(|key| key.referenced == *parent) {
            found.push((referenced_columns(key, schema), name));
        }
    }
    found
}

/// What the collations of columns take for the same; where one is not known, more rather than less.
fn folded(table: &ResolvedTable, definition: &TableDef) -> Vec<Fold> {
    /// Numbers of MySQL's collations by UCA 9.0.0, none of which pads.
    const UCA_900: std::ops::RangeInclusive<u16> = 255..=323;
    let folds = |column: &crate::schema::ResolvedColumn| {
        if column.charset.is_none_or(|charset| charset.is_binary()) || !column.labels.is_empty() {
            return Fold::default();
        }
        let ordinal = definition.column(&column.name);
        let defined = ordinal.and_then(|ordinal| definition.columns.get(ordinal));
        let named = defined.and_then(|column| column.collation.as_ref());
        let Some(name) = named.or(definition.collation.as_ref()) else {
            let no_pad = column.collation.is_some_and(|number| UCA_900.contains(&number));
            return Fold { cases: true, spaces: !no_pad };
        };
        let name = name.to_ascii_lowercase();
        let has = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
        Fold {
            cases: !(name.ends_with(b"_bin") || name.ends_with(b"_cs")),
            spaces: !(has(b"_0900_") || has(b"_nopad_")),
        }
    };
    table.columns.iter().map(folds).collect()
}
