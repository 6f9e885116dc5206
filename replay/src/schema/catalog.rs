//! All tables of a server at one moment, as the statements up to then left them.

use std::collections::HashMap;
use std::sync::Arc;

use super::alter::altered;
use super::build;
use super::ddl::{
    self, Action, Body, CharsetPair, CharsetSpec, CreateTable, Statement, StatementContext,
};
use super::readable;
use super::resolved::Source;
use super::table::{TableDef, TableName};

/// What is known of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableState {
    /// Its definition.
    Known {
        /// The definition.
        definition: Arc<TableDef>,
        /// Where it comes from.
        source: Source,
    },
    /// It was dropped, or renamed to another name.
    Dropped,
    /// It exists, but a statement changed it in a way that is not known.
    Unknown(Arc<NotUnderstood>),
}

/// A statement that leaves its tables unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}, in: {statement}")]
pub struct NotUnderstood {
    /// The tables that it concerns, as far as they could be read.
    pub tables: Vec<TableName>,
    /// Why.
    pub reason: String,
    /// The statement's first bytes, with what is not printable escaped.
    pub statement: String,
}

/// What a statement did to definitions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effect {
    /// The tables whose definition it made, changed or dropped.
    pub tables: Vec<TableName>,
}

/// The tables of a server. Names are matched exactly first, then in any case, for whether the server
/// tells cases apart (`lower_case_table_names`) no log says.
#[derive(Debug, Clone)]
pub struct Schema {
    /// Default character sets of databases that a statement defined.
    databases: HashMap<Vec<u8>, CharsetPair>,
    tables: HashMap<TableName, TableState>,
    /// Names in lower case, to the names as they are.
    folded: HashMap<TableName, Vec<TableName>>,
    /// Triggers, and the tables on which they stand.
    triggers: HashMap<TableName, TableName>,
    /// What a CREATE TABLE counts as.
    source: Source,
}

impl Schema {
    /// A schema without tables, to which statements of this source will be applied.
    pub fn new(source: Source) -> Self {
        Self {
            databases: HashMap::new(),
            tables: HashMap::new(),
            folded: HashMap::new(),
            triggers: HashMap::new(),
            source,
        }
    }

    /// The same tables, for statements of another source to go on from.
    pub fn continued_by(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// What is known of a table; `None` if no statement spoke of it. Where the schema is that of a
    /// dump which does not name its database, its tables are found in every one.
    pub fn table(&self, name: &TableName) -> Option<&TableState> {
        self.tables.get(self.find(name)?)
    }

    /// All tables that exist, by name.
    pub fn tables(&self) -> impl Iterator<Item = (&TableName, &TableState)> {
        self.tables.iter().filter(|(_, state)| **state != TableState::Dropped)
    }

    /// The name under which a table is kept.
    pub(super) fn find(&self, name: &TableName) -> Option<&TableName> {
        if let Some((key, _)) = self.tables.get_key_value(name) {
            return Some(key);
        }
        let exists = |name: &&TableName| self.tables.get(*name) != Some(&TableState::Dropped);
        let mut same = self.folded.get(&folded(name)).into_iter().flatten().filter(exists);
        match (same.next(), same.next()) {
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => None,
            _ if name.database.is_empty() => None,
            _ => self.find(&TableName::new("", name.table.clone())),
        }
    }

    /// The name under which a change of a table is kept. What changes is no longer the table of a
    /// dump that stands for those of all databases.
    fn key_for(&self, name: TableName) -> TableName {
        match self.find(&name) {
            Some(key) if key.database.is_empty() == name.database.is_empty() => key.clone(),
            _ => name,
        }
    }

    /// Applies a statement: any statement, for what is no DDL does nothing.
    ///
    /// # Errors
    /// [`NotUnderstood`], if the statement concerns definitions but what it does to them cannot be
    /// told; its tables are unknown from then on.
    pub fn apply(
        &mut self,
        text: &[u8],
        context: &StatementContext<'_>,
    ) -> Result<Effect, NotUnderstood> {
        let Some(targeted) = ddl::read(text, context) else { return Ok(Effect::default()) };
        let mut effect = Effect::default();
        let result = targeted
            .statement
            .and_then(|statement| self.apply_statement(statement, context, &mut effect));
        let Err(reason) = result else { return Ok(effect) };
        let shown = text.get(..400).unwrap_or(text);
        let why = NotUnderstood { tables: targeted.tables, reason, statement: readable(shown) };
        let unknown = TableState::Unknown(Arc::new(why.clone()));
        for name in &why.tables {
            let name = self.key_for(name.clone());
            self.put(name, unknown.clone());
        }
        Err(why)
    }

    fn apply_statement(
        &mut self,
        statement: Statement,
        context: &StatementContext<'_>,
        effect: &mut Effect,
    ) -> Result<(), String> {
        match statement {
            Statement::CreateTable(create) => self.create_table(create, context, effect)?,
            Statement::AlterTable { table, if_exists, actions } => {
                self.alter_table(table, if_exists, &actions, context, effect)?;
            }
            Statement::RenameTables(renames) => {
                for (from, to) in renames {
                    self.rename(from, to, effect);
                }
            }
            Statement::DropTables(names) => {
                for name in names {
                    self.drop_table(name, effect);
                }
            }
            Statement::CreateDatabase { name, or_replace, if_not_exists, charset } => {
                if or_replace {
                    self.drop_database(&name, effect);
                }
                if !(if_not_exists && self.databases.contains_key(&name)) {
                    let pair = self.database_charset(&charset, None, context);
                    self.databases.insert(name, pair);
                }
            }
            Statement::AlterDatabase { name, charset } => {
                let before = self.databases.get(&name).cloned();
                let pair = self.database_charset(&charset, before, context);
                self.databases.insert(name, pair);
            }
            Statement::DropDatabase(name) => self.drop_database(&name, effect),
            Statement::CreateTrigger { name, table } => {
                let table = self.key_for(table);
                self.triggers.insert(name, table.clone());
                self.count_triggers(table, effect);
            }
            Statement::DropTrigger(name) => {
                if let Some(table) = self.triggers.remove(&name) {
                    self.count_triggers(table, effect);
                }
            }
            Statement::Use(_) => {}
        }
        Ok(())
    }

    /// The character set of a database that says this; a server's default if it says nothing.
    fn database_charset(
        &self,
        spec: &CharsetSpec,
        before: Option<CharsetPair>,
        context: &StatementContext<'_>,
    ) -> CharsetPair {
        let server = CharsetPair { charset: context.server_charset, collation: None };
        spec.over(&before.filter(|_| !spec.reset).unwrap_or(server))
    }

    /// The default of a database, as far as it is known.
    fn charset_of(&self, database: &[u8]) -> CharsetPair {
        self.databases.get(database).cloned().unwrap_or_default()
    }

    fn create_table(
        &mut self,
        create: CreateTable,
        context: &StatementContext<'_>,
        effect: &mut Effect,
    ) -> Result<(), String> {
        let CreateTable { table: name, or_replace, if_not_exists, body } = create;
        let exists = self.table(&name).is_some_and(|state| *state != TableState::Dropped);
        if exists && if_not_exists && !or_replace {
            return Ok(());
        }
        let (mut definition, source) = match body {
            Body::Like(other) => {
                let (definition, source) = self.known(&other)?;
                let mut copy = TableDef::clone(&definition);
                copy.name = name.clone();
                copy.foreign_keys.clear();
                (copy, source)
            }
            Body::Elements { elements, options } => {
                let database = self.charset_of(&name.database);
                let table = build::table(name.clone(), elements, options, &database, context);
                (table, self.source)
            }
        };
        // A dump may leave the triggers out; a log does not.
        definition.has_triggers = (self.source != Source::Dump).then_some(false);
        self.triggers.retain(|_, table| *table != name);
        self.put(name.clone(), TableState::Known { definition: Arc::new(definition), source });
        effect.tables.push(name);
        Ok(())
    }

    /// A table's definition, or why there is none.
    fn known(&self, name: &TableName) -> Result<(Arc<TableDef>, Source), String> {
        match self.table(name) {
            Some(TableState::Known { definition, source }) => Ok((definition.clone(), *source)),
            Some(TableState::Unknown(why)) => {
                Err(format!("the definition of {name} is not known: {}", why.reason))
            }
            Some(TableState::Dropped) | None => {
                Err(format!("no statement before it defines {name}"))
            }
        }
    }

    fn alter_table(
        &mut self,
        name: TableName,
        if_exists: bool,
        actions: &[Action],
        context: &StatementContext<'_>,
        effect: &mut Effect,
    ) -> Result<(), String> {
        let name = self.key_for(name);
        let dropped = self.table(&name) == Some(&TableState::Dropped);
        // ENGINE = x, FORCE, DISABLE KEYS: no definition shows it.
        if actions.is_empty() || (if_exists && dropped) {
            return Ok(());
        }
        let (definition, source) = self.known(&name)?;
        let mut table = altered(&definition, actions, &self.charset_of(&name.database), context)?;
        let source = if source == Source::Dump { self.after_dump() } else { source };
        for action in actions {
            match action {
                Action::PartitionToTable(other) => {
                    let mut copy = table.clone();
                    copy.name = other.clone();
                    copy.foreign_keys.clear();
                    copy.has_triggers = Some(false);
                    let definition = Arc::new(copy);
                    self.put(other.clone(), TableState::Known { definition, source });
                    effect.tables.push(other.clone());
                }
                Action::TableToPartition(other) => self.drop_table(other.clone(), effect),
                _ => {}
            }
        }
        table.name = name.clone();
        let definition = Arc::new(table);
        self.put(name.clone(), TableState::Known { definition, source });
        effect.tables.push(name.clone());
        let renamed = actions.iter().rev().find_map(|action| match action {
            Action::RenameTable(to) => Some(to.clone()),
            _ => None,
        });
        if let Some(to) = renamed {
            self.rename(name, to, effect);
        }
        Ok(())
    }

    /// What a dump's table is, once a statement of this source changed it.
    fn after_dump(&self) -> Source {
        if self.source == Source::Dump { Source::Dump } else { Source::DumpAndLogs }
    }

    fn rename(&mut self, from: TableName, to: TableName, effect: &mut Effect) {
        let from = self.key_for(from);
        if from == to {
            return;
        }
        let state = match self.tables.get(&from) {
            Some(TableState::Known { definition, source }) => {
                let mut table = TableDef::clone(definition);
                table.name = to.clone();
                TableState::Known { definition: Arc::new(table), source: *source }
            }
            Some(TableState::Unknown(why)) => TableState::Unknown(why.clone()),
            Some(TableState::Dropped) | None => TableState::Unknown(Arc::new(NotUnderstood {
                tables: vec![from.clone(), to.clone()],
                reason: format!("no statement before it defines {from}"),
                statement: format!("RENAME TABLE {from} TO {to}"),
            })),
        };
        for table in self.triggers.values_mut().filter(|table| **table == from) {
            *table = to.clone();
        }
        self.put(from.clone(), TableState::Dropped);
        self.put(to.clone(), state);
        effect.tables.extend([from, to]);
    }

    fn drop_table(&mut self, name: TableName, effect: &mut Effect) {
        let name = self.key_for(name);
        self.triggers.retain(|_, table| *table != name);
        self.put(name.clone(), TableState::Dropped);
        effect.tables.push(name);
    }

    fn drop_database(&mut self, database: &[u8], effect: &mut Effect) {
        self.databases.remove(database);
        let tables: Vec<TableName> = self
            .tables()
            .map(|(name, _)| name)
            .filter(|name| name.database == database)
            .cloned()
            .collect();
        for name in tables {
            self.drop_table(name, effect);
        }
    }

    /// Sets whether a table has triggers from those that are known.
    fn count_triggers(&mut self, name: TableName, effect: &mut Effect) {
        let any = self.triggers.values().any(|table| *table == name);
        let Some(TableState::Known { definition, .. }) = self.tables.get_mut(&name) else { return };
        let has_triggers = match definition.has_triggers {
            _ if any => Some(true),
            // A trigger that was never seen may stand on a dump's table.
            None => None,
            Some(_) => Some(false),
        };
        if definition.has_triggers != has_triggers {
            Arc::make_mut(definition).has_triggers = has_triggers;
            effect.tables.push(name);
        }
    }

    fn put(&mut self, name: TableName, state: TableState) {
        if self.tables.insert(name.clone(), state).is_none() {
            self.folded.entry(folded(&name)).or_default().push(name);
        }
    }
}

/// A name in lower case, beyond ASCII where it is UTF-8.
fn folded(name: &TableName) -> TableName {
    let lower = |name: &[u8]| match std::str::from_utf8(name) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => name.to_ascii_lowercase(),
    };
    TableName { database: lower(&name.database), table: lower(&name.table) }
}
