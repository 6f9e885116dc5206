//! An undo that does not fit what is there changes nothing, and says why: one that was applied
//! already, one that meets a row that was changed since, one whose table is another now.

use anyhow::{Context, Result, bail, ensure};
use replay::undo::{Conflicts, Format};

use crate::oracle::Expected;
use crate::stage::{Stage, same};
use crate::tables::{Change, DATABASE, REST, State, TABLES};

/// What a check says, behind the address of an event: of a row, and of a key.
const TOLD: [&str; 2] =
    ["the row is not there as the logs left it", "a row with the key of one that comes back"];

/// A number that the traffic does not come to.
const OTHER: u32 = 2_000_000_000;

impl Stage {
    /// Applies the undo of a transaction twice, and takes it back. Returns whether that makes sense.
    pub fn apply_twice(
        &mut self,
        target: usize,
        format: Format,
        expected: &Expected,
    ) -> Result<bool> {
        let net = same(&expected.state, &self.history.end).is_err();
        let only_comes_back_without_key = expected.undone.iter().all(|at| {
            let change = self.oracle().change(*at);
            TABLES[change.table].key.is_empty() && change.after.is_none()
        });
        // What does not change anything may be done twice; and nothing tells whether a row without
        // a key came back already.
        if !net || only_comes_back_without_key {
            return Ok(false);
        }
        let (script, report) = self.write(&[target], Conflicts::Refuse, format)?;
        let end = self.end_of_log()?;
        self.apply(&script)?;
        let told = self.fails(&script, &[], &expected.state)?;
        self.names_a_row(&told, target, format, expected)?;
        self.take_back(end, report.rows())?;
        Ok(true)
    }

    /// Changes a row that the undo of a transaction means, or takes its key, and applies the undo.
    /// Returns how many rows there are.
    pub fn change_a_row(
        &mut self,
        target: usize,
        format: Format,
        expected: &Expected,
    ) -> Result<usize> {
        let (script, _) = self.write(&[target], Conflicts::Refuse, format)?;
        let meant = self.meant(expected);
        let count = meant.len();
        for (change, text) in meant {
            let place =
                |column: &str| TABLES[change.table].columns.iter().position(|name| *name == column);
            let (rid, v) = (place("rid").context("rid")?, place("v").context("v")?);
            let name = TABLES[change.table].name;
            let back = match &change.after {
                Some(row) => {
                    self.run(&format!("UPDATE {name} SET v = -1 WHERE rid = {}", row[rid]))?;
                    format!("UPDATE {name} SET v = {} WHERE rid = {}", row[v], row[rid])
                }
                None => {
                    let before = change.before.as_ref().context("a change without a row")?;
                    let table = &TABLES[change.table];
                    let mut other = before.clone();
                    for (at, value) in other.iter_mut().enumerate() {
                        match at {
                            _ if at == rid || at == v => *value = OTHER.to_string(),
                            _ if [table.unique, table.parent].contains(&Some(at)) => {
                                *value = "NULL".into();
                            }
                            _ => {}
                        }
                    }
                    let columns = table.columns.iter().filter(|column| **column != REST);
                    let columns = columns.copied().collect::<Vec<_>>().join(", ");
                    let values = table.literals(&other);
                    self.run(&format!("INSERT INTO {name} ({columns}) VALUES ({values})"))?;
                    format!("DELETE FROM {name} WHERE rid = {OTHER}")
                }
            };
            let before = self.rows()?;
            for arguments in [&[][..], &["--force"]] {
                let told = self.fails(&script, arguments, &before).context(text.clone())?;
                self.names_a_row(&told, target, format, expected).context(text.clone())?;
            }
            self.run(&back)?;
        }
        same(&self.rows()?, &self.history.end).context("after the changes")?;
        Ok(count)
    }

    /// Alters a table of the transaction, and applies the undo that was written before.
    pub fn alter_the_table(
        &mut self,
        target: usize,
        format: Format,
        expected: &Expected,
    ) -> Result<()> {
        let (script, _) = self.write(&[target], Conflicts::Refuse, format)?;
        let Some(at) = expected.undone.first() else { return Ok(()) };
        let number = self.oracle().change(*at).table;
        let table = &TABLES[number];
        // Where the undo goes through, the rows are put back, and values of every type cannot be.
        if expected.undone.iter().any(|at| TABLES[self.oracle().change(*at).table].wide) {
            return Ok(());
        }
        let (name, renamed) = (table.name, format!("{}_2", table.name));
        // Rows of events know no names; the checks do, but for rows that come back or have no key.
        let named = self.meant(expected).into_iter().any(|(change, _)| {
            change.table == number && !table.key.is_empty() && change.after.is_some()
        });
        let nameless = format == Format::Base64 && !named;
        for (there, back, may_fit) in [
            (
                format!("ALTER TABLE {name} CHANGE v w INT"),
                format!("ALTER TABLE {name} CHANGE w v INT"),
                nameless,
            ),
            (
                format!("ALTER TABLE {name} CHANGE v v VARCHAR(20)"),
                format!("ALTER TABLE {name} CHANGE v v INT"),
                true,
            ),
            (
                format!("RENAME TABLE {name} TO {renamed}"),
                format!("RENAME TABLE {renamed} TO {name}"),
                false,
            ),
        ] {
            self.run(&there)?;
            let ran = self.feed(&script, &[])?;
            self.run(&back)?;
            let rows = self.rows()?;
            if ran.status.success() {
                // What the server takes for the same is not lost: then the undo was done, all of it.
                ensure!(may_fit, "{there}: the undo went through");
                same(&rows, &expected.state).with_context(|| there.clone())?;
                self.restore().with_context(|| there.clone())?;
            } else {
                ensure!(ran.stderr.contains("ERROR"), "{there}: {}", ran.stderr);
                same(&rows, &self.history.end).with_context(|| there.clone())?;
            }
        }
        Ok(())
    }

    /// Rows that the undo has to find as they are, or absent, each with what it was looked up by.
    fn meant(&self, expected: &Expected) -> Vec<(Change, String)> {
        let oracle = self.oracle();
        let mut meant: Vec<Change> = vec![];
        for at in &expected.undone {
            let change = oracle.change(*at);
            let table = &TABLES[change.table];
            // Of a row without a key, no other can stand in the way.
            if table.key.is_empty() && change.after.is_none() {
                continue;
            }
            meant.retain(|earlier| (earlier.table, earlier.rid) != (change.table, change.rid));
            // A row that came and went leaves its key free for the undo.
            let end = &self.history.end[change.table];
            let key = change.after.as_ref().or(change.before.as_ref()).map(|row| table.key_of(row));
            let taken = end.values().any(|row| Some(table.key_of(row)) == key);
            let last = match &change.after {
                Some(row) => end.get(&change.rid) == Some(row),
                None => !taken && expected.state[change.table].contains_key(&change.rid),
            };
            if last {
                meant.push(change.clone());
            }
        }
        meant.into_iter().map(|change| (change.clone(), format!("{change:?}"))).collect()
    }

    /// Applies a script that has to fail and to change nothing; returns what the client said.
    fn fails(&mut self, script: &[u8], arguments: &[&str], before: &State) -> Result<String> {
        let ran = self.feed(script, arguments)?;
        same(&self.rows()?, before).context("the script failed and changed rows")?;
        if ran.status.success() && arguments.is_empty() {
            bail!("the script did not fail");
        }
        Ok(ran.stderr)
    }

    /// Whether a client was told why: by a check of ours with the address of an event of the
    /// transaction; for rows without a key by the server itself.
    fn names_a_row(
        &self,
        told: &str,
        target: usize,
        format: Format,
        expected: &Expected,
    ) -> Result<()> {
        let by_server = format == Format::Base64
            && expected
                .undone
                .iter()
                .any(|at| TABLES[self.oracle().change(*at).table].key.is_empty());
        let place = &self.history.transactions[target].place;
        let ours = told.contains(&format!("{}:", place.log))
            && TOLD.iter().any(|words| told.contains(words));
        ensure!(ours || by_server && told.contains("ERROR"), "the client was told {told:?}");
        Ok(())
    }

    fn run(&self, statement: &str) -> Result<()> {
        self.server().sql(format!("USE {DATABASE};\n{statement};\n")).map(drop)
    }
}
