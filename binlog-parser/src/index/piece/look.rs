//! Gathers the transactions that nearly all are, of which nothing is to be known but what a look
//! shows: they end as [`Walk::transaction`] would have it, by less work.

use super::super::content::{KINDS, ROWS_IN_CONTENT, kind_code};
use super::super::notes::{Notes, Short, Whole};
use super::super::record::Record;
use super::Walk;
use crate::transaction::counting::{Tally, count_look};
use crate::transaction::{Ending, Look, Opening, ShortStatement};

/// Numbers of contents that are one change of a table: by its kind, and by its rows, or 0 where the
/// record has them. One more than the number; 0 if it is not known yet.
pub(super) type Singles = [[u32; ROWS_IN_CONTENT as usize + 1]; KINDS.len()];

impl<N: Notes> Walk<'_, N> {
    /// Gathers a transaction; whether it could. If not, nothing was gathered.
    pub(super) fn look(&mut self, look: &Look<'_>, statements: &[ShortStatement<'_>]) -> bool {
        let id_bytes = look.table_id_bytes();
        let mut tallies = std::mem::take(&mut self.tallies);
        let counted = self.counter.count_short(statements, id_bytes, &mut tallies);
        let read = Opening::read(&look.gtid);
        let gathered = match &read {
            Ok(opening) if counted => {
                let whole = Whole { range: look.range(), ending: Ending::Xid };
                self.arrive(whole);
                let types = statements.iter().flat_map(ShortStatement::types);
                count_look(look, types, &mut self.events, &mut self.piece.facts.time);
                self.reach(look.times);
                let name = self.named(&look.gtid, opening, Ending::Xid, || look.timestamp);
                let (content, counts) = self.content_of(&tallies);
                let gtid = look.gtid.header();
                self.blocks.push(&Record {
                    start: whole.range.0,
                    end: whole.range.1,
                    started: gtid.timestamp,
                    time: look.timestamp,
                    ending: Ending::Xid,
                    server_id: gtid.server_id,
                    name,
                    content: Some(content),
                    counts,
                });
                let tables = &self.piece.tables.all;
                self.notes.short(
                    whole,
                    Short { id_bytes, first: look.first, tallies: &mut tallies, tables },
                );
                true
            }
            _ => false,
        };
        self.tallies = tallies;
        gathered
    }

    /// The number of the content of a transaction in which each statement did this, and the rows that
    /// its record is to have.
    fn content_of(&mut self, tallies: &[Tally]) -> (u32, Vec<u64>) {
        let [tally] = tallies else { return self.any_content_of(tallies) };
        let kind = KINDS.into_iter().find(|kind| tally.of(*kind) > 0).map_or(0, kind_code);
        let rows = tally.written + tally.updated + tally.deleted;
        let in_content = if rows <= ROWS_IN_CONTENT { rows as usize } else { 0 };
        let known = self.singles.get(tally.table).map_or(0, |singles| singles[kind][in_content]);
        if known == 0 {
            let (content, counts) = self.any_content_of(tallies);
            if self.singles.len() <= tally.table {
                self.singles.resize(tally.table + 1, Singles::default());
            }
            self.singles[tally.table][kind][in_content] = content + 1;
            return (content, counts);
        }
        if let Some(sums) = self.piece.facts.rows.get_mut(tally.table) {
            sums[kind] += rows;
        }
        (known - 1, if in_content == 0 { vec![rows] } else { vec![] })
    }

    fn any_content_of(&mut self, tallies: &[Tally]) -> (u32, Vec<u64>) {
        self.content.clear();
        self.content.compressed = false;
        tallies.iter().for_each(|tally| self.change(tally));
        let counts = self.counts();
        (self.piece.contents.number(&self.content), counts)
    }
}
