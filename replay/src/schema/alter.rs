//! ALTER TABLE on a definition, in the servers' order (`mysql_prepare_alter_table`,
//! sql/sql_table.cc): first what happens to the columns that are there, then what is added or moved,
//! in the statement's order; then the keys.

use super::build::{add_constraint, convert_column, finish};
use super::ddl::{Action, CharsetPair, ColumnSpec, Element, Parsed, Position, StatementContext};
use super::table::{ColumnDef, Key, KeyKind, KeyPart, TableDef, same_name};
use super::types::{IntegerSize, SqlType};

/// A table under an ALTER.
struct Alteration<'a> {
    old: &'a TableDef,
    new: TableDef,
    context: &'a StatementContext<'a>,
    /// Columns that are added or moved, and where to.
    placed: Vec<(ColumnDef, Option<Position>)>,
    constraints: Vec<Element>,
}

/// The table after the actions; an error if one speaks of what is not there.
pub(super) fn altered(
    table: &TableDef,
    actions: &[Action],
    database: &CharsetPair,
    context: &StatementContext<'_>,
) -> Parsed<TableDef> {
    let mut new = table.clone();
    new.columns.clear();
    let mut alteration =
        Alteration { old: table, new, context, placed: Vec::new(), constraints: Vec::new() };
    alteration.table_options(actions, database);
    alteration.check_names(actions)?;
    for column in &table.columns {
        alteration.old_column(column, actions);
    }
    alteration.additions(actions);
    alteration.place()?;
    alteration.drop_keys(actions)?;
    alteration.follow_columns(actions);
    for element in std::mem::take(&mut alteration.constraints) {
        add_constraint(&mut alteration.new, element);
    }
    alteration.new.settle_nullability();
    if alteration.new.columns.is_empty() {
        return Err("no column would be left".into());
    }
    Ok(alteration.new)
}

impl Alteration<'_> {
    /// Default character set, conversion, versioning.
    fn table_options(&mut self, actions: &[Action], database: &CharsetPair) {
        // CHARACTER SET and COLLATE are two actions, the second of which goes on from the first.
        for action in actions {
            let (Action::DefaultCharset(spec) | Action::ConvertCharset(spec)) = action else {
                continue;
            };
            let before =
                CharsetPair { charset: self.new.charset, collation: self.new.collation.clone() };
            let pair = spec.over(if spec.reset { database } else { &before });
            self.new.charset = pair.charset;
            self.new.collation = pair.collation;
        }
        for action in actions {
            if let Action::SystemVersioning(on) = action {
                self.new.system_versioned = *on;
            }
        }
    }

    /// Every action on a column must find it.
    fn check_names(&self, actions: &[Action]) -> Parsed<()> {
        for action in actions {
            let (name, if_exists) = match action {
                Action::Change { old, if_exists, .. } => (old, *if_exists),
                Action::DropColumn { name, if_exists } => (name, *if_exists),
                Action::RenameColumn { old, if_exists, .. } => (old, *if_exists),
                Action::SetDefault { column, if_exists, .. } => (column, *if_exists),
                Action::SetInvisible { column, .. } => (column, false),
                _ => continue,
            };
            if !if_exists && self.old.column(name).is_none() {
                return Err(format!("it has no column {}", super::readable(name)));
            }
        }
        Ok(())
    }

    /// One column that was there before.
    fn old_column(&mut self, column: &ColumnDef, actions: &[Action]) {
        let is = |name: &[u8]| same_name(name, &column.name);
        let mut column = column.clone();
        let mut replaced = None;
        for action in actions {
            match action {
                Action::DropColumn { name, .. } if is(name) => return,
                Action::Change { old, spec, position, .. } if is(old) => {
                    replaced = Some((spec, position));
                }
                _ => {}
            }
        }
        if let Some((spec, position)) = replaced {
            let changed = self.finished(spec);
            // One that moves is placed among those that are added.
            if position.is_none() {
                self.new.columns.push(changed);
            }
            return;
        }
        for action in actions {
            match action {
                Action::ConvertCharset(_) => {
                    let pair = CharsetPair {
                        charset: self.new.charset,
                        collation: self.new.collation.clone(),
                    };
                    convert_column(&mut column, &pair);
                }
                Action::RenameColumn { old, new, .. } if is(old) => column.name = new.clone(),
                Action::SetDefault { column: name, default, .. } if is(name) => {
                    column.default = default.clone();
                }
                Action::SetInvisible { column: name, invisible } if is(name) => {
                    column.invisible = *invisible;
                }
                _ => {}
            }
        }
        self.new.columns.push(column);
    }

    /// The column of a spec; its keys are kept for later.
    fn finished(&mut self, spec: &ColumnSpec) -> ColumnDef {
        self.constraints.extend(spec.attached.iter().cloned());
        finish(spec, &self.new, self.context)
    }

    /// What is added, and what moves, in the order of the statement.
    fn additions(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Add { element: Element::Column(spec), position, if_not_exists } => {
                    if *if_not_exists && self.old.column(&spec.column.name).is_some() {
                        continue;
                    }
                    let column = self.finished(spec);
                    self.placed.push((column, position.clone()));
                }
                Action::Add { element, if_not_exists, .. }
                    if !(*if_not_exists && self.has(element)) =>
                {
                    self.constraints.push(element.clone());
                }
                Action::Change { old, spec, position: Some(position), .. }
                    if self.old.column(old).is_some() =>
                {
                    let column = finish(spec, &self.new, self.context);
                    self.placed.push((column, Some(position.clone())));
                }
                _ => {}
            }
        }
    }

    /// Whether a key or foreign key of this name exists.
    fn has(&self, element: &Element) -> bool {
        match element {
            Element::Key(key) if key.kind == KeyKind::Primary => self.old.primary_key().is_some(),
            Element::Key(key) => {
                !key.name.is_empty() && self.old.keys.iter().any(|k| same_name(&k.name, &key.name))
            }
            Element::ForeignKey(foreign_key) => {
                let same = |name: &[u8]| same_name(name, &foreign_key.name);
                !foreign_key.name.is_empty() && self.old.foreign_keys.iter().any(|k| same(&k.name))
            }
            _ => false,
        }
    }

    /// Puts the added and moved columns where they belong.
    fn place(&mut self) -> Parsed<()> {
        for (column, position) in std::mem::take(&mut self.placed) {
            if self.new.column(&column.name).is_some() {
                return Err(format!("it has a column {} already", super::readable(&column.name)));
            }
            let at = match position {
                None => self.new.columns.len(),
                Some(Position::First) => usize::from(starts_with_generated_key(&self.new)),
                Some(Position::After(name)) => match self.new.column(&name) {
                    Some(at) => at + 1,
                    None => return Err(format!("it has no column {}", super::readable(&name))),
                },
            };
            self.new.columns.insert(at, column);
        }
        Ok(())
    }

    fn drop_keys(&mut self, actions: &[Action]) -> Parsed<()> {
        let Self { old, new, .. } = self;
        let named = |key: &Key, name: &[u8]| same_name(&key.name, name);
        for action in actions {
            match action {
                Action::DropPrimaryKey { if_exists } => {
                    if old.primary_key().is_none() && !if_exists {
                        return Err("it has no primary key".into());
                    }
                    new.keys.retain(|key| key.kind != KeyKind::Primary);
                }
                Action::DropKey { name, if_exists } => {
                    let known = old.keys.iter().any(|key| named(key, name));
                    if !if_exists && !known && may_be_unique(old, name) {
                        return Err(format!("it has no key {}", super::readable(name)));
                    }
                    new.keys.retain(|key| !named(key, name));
                }
                Action::DropForeignKey { name } => {
                    new.foreign_keys.retain(|key| !same_name(&key.name, name));
                }
                Action::DropConstraint { name } => {
                    new.foreign_keys.retain(|key| !same_name(&key.name, name));
                    // An index that is no constraint is not dropped in this way.
                    let constraint = |key: &Key| {
                        matches!(key.kind, KeyKind::Primary | KeyKind::Unique) && named(key, name)
                    };
                    new.keys.retain(|key| !constraint(key));
                }
                Action::RenameKey { old: from, new: to } => {
                    for key in new.keys.iter_mut().filter(|key| named(key, from)) {
                        key.name = to.clone();
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Keys and foreign keys follow columns that are renamed or dropped.
    fn follow_columns(&mut self, actions: &[Action]) {
        let added = |column: &[u8]| {
            actions.iter().any(|action| match action {
                Action::Add { element: Element::Column(spec), .. } => {
                    same_name(&spec.column.name, column)
                }
                _ => false,
            })
        };
        let follow = |column: &[u8]| -> Option<Vec<u8>> {
            for action in actions {
                match action {
                    // A column that is dropped and added in one statement keeps its keys.
                    Action::DropColumn { name, .. }
                        if same_name(name, column) && !added(column) =>
                    {
                        return None;
                    }
                    Action::Change { old, spec, .. } if same_name(old, column) => {
                        return Some(spec.column.name.clone());
                    }
                    Action::RenameColumn { old, new, .. } if same_name(old, column) => {
                        return Some(new.clone());
                    }
                    _ => {}
                }
            }
            Some(column.to_vec())
        };
        for key in &mut self.new.keys {
            key.parts.retain_mut(|part| match part {
                KeyPart::Column { name, .. } => match follow(name) {
                    Some(new) => {
                        *name = new;
                        true
                    }
                    None => false,
                },
                _ => true,
            });
        }
        self.new.keys.retain(|key| !key.parts.is_empty());
        for key in &mut self.new.foreign_keys {
            for column in &mut key.columns {
                if let Some(new) = follow(column) {
                    *column = new;
                }
            }
        }
    }
}

/// Whether the server may mean a unique key by a name that is not known. Most such names are those
/// of indexes that foreign keys brought; but where those took a name, the next key without one got
/// another number.
fn may_be_unique(table: &TableDef, name: &[u8]) -> bool {
    let stem = |name: &[u8]| {
        let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let stem = name.get(..name.len() - digits).unwrap_or(name);
        match stem.strip_suffix(b"_") {
            Some(stem) if digits > 0 => stem.to_ascii_lowercase(),
            _ => name.to_ascii_lowercase(),
        }
    };
    table.unique_keys().any(|key| stem(&key.name) == stem(name))
}

/// Whether the first column is MySQL's generated invisible primary key, which stays the first
/// (sql/sql_gipk.cc).
fn starts_with_generated_key(table: &TableDef) -> bool {
    table.columns.first().is_some_and(|column| {
        let big = SqlType::Integer { size: IntegerSize::Big, unsigned: true };
        same_name(&column.name, b"my_row_id")
            && column.sql_type == big
            && column.invisible
            && column.auto_increment
    })
}
