//! What many statements in a row did to a table, in a few numbers.

use binlog_parser::event::rows::RowsKind;
use binlog_parser::transaction::counting::Tally;

/// The sum of statements that only have to be counted, in the order of the log. Where a table has
/// `rows` rows at least before them, it has `max(rows + net, low)` behind them: a write adds, an
/// update of `n` rows shows that there are `n`, a delete takes, and fewer than none there are not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// Rows written, less rows deleted.
    pub(super) net: i64,
    /// Rows that are there at least behind them, whatever there was before.
    pub(super) low: u64,
    /// Rows that must have been there before for the updates and deletes to find theirs, below zero
    /// where more were written; none if nothing was updated or deleted.
    pub(super) need: Option<i64>,
    /// Rows that must have been known before, if their number is to stay exact; none if any will do.
    pub(super) exact_from: Option<i64>,
}

impl Flow {
    /// Adds a statement that wrote, updated or deleted rows.
    pub(super) fn add(&mut self, kind: RowsKind, rows: u64) {
        let signed = i64::try_from(rows).unwrap_or(i64::MAX);
        if kind != RowsKind::Write {
            let missing = signed.saturating_sub(self.net);
            self.need = self.need.max(Some(missing));
            if rows > self.low {
                self.exact_from = self.exact_from.max(Some(missing));
            }
        }
        match kind {
            RowsKind::Write => {
                self.net = self.net.saturating_add(signed);
                self.low = self.low.saturating_add(rows);
            }
            RowsKind::Update => self.low = self.low.max(rows),
            RowsKind::Delete => {
                self.net = self.net.saturating_sub(signed);
                self.low = self.low.saturating_sub(rows);
            }
        }
    }

    /// Adds a statement that did this to the table.
    pub(super) fn add_tally(&mut self, tally: &Tally) {
        for kind in [RowsKind::Delete, RowsKind::Update, RowsKind::Write] {
            if tally.of(kind) > 0 {
                self.add(kind, tally.of(kind));
            }
        }
    }

    /// Adds the sum of the statements that come next.
    pub(super) fn join(&mut self, next: &Flow) {
        let missing = |rows: i64| rows.saturating_sub(self.net);
        let low = i64::try_from(self.low).unwrap_or(i64::MAX);
        let exact_from = next.exact_from.filter(|rows| *rows > low).map(missing);
        self.need = self.need.max(next.need.map(missing));
        self.exact_from = self.exact_from.max(exact_from);
        self.net = self.net.saturating_add(next.net);
        self.low = next.behind(self.low);
    }

    /// Rows that a table has at least behind the statements, if it had `rows` at least before them.
    pub(super) fn behind(&self, rows: u64) -> u64 {
        rows.saturating_add_signed(self.net).max(self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::traffic::Table;
    use RowsKind::{Delete, Update, Write};
    use proptest::prelude::*;

    proptest! {
        /// However statements are summed up, the table is in the state that they leave one by one.
        #[test]
        fn a_sum_does_what_its_statements_do(
            made in any::<bool>(),
            before in proptest::collection::vec((0u8..3, 0u64..9), 0..6),
            sums in proptest::collection::vec(
                proptest::collection::vec((0u8..3, 0u64..9), 1..8), 0..5),
            joined in 0usize..8,
        ) {
            let kind = |kind| [Write, Update, Delete][usize::from(kind)];
            let mut single = Table::default();
            if made {
                single.empty();
            }
            for (of, rows) in before {
                single.count(kind(of), rows);
            }
            let mut summed = single.clone();
            for sum in sums {
                let (mut flow, mut rest) = (Flow::default(), Flow::default());
                for (number, (of, rows)) in sum.into_iter().enumerate() {
                    single.count(kind(of), rows);
                    let half = if number < joined { &mut flow } else { &mut rest };
                    half.add(kind(of), rows);
                }
                flow.join(&rest);
                summed.flow(&flow);
                prop_assert_eq!(format!("{:?}", &summed), format!("{:?}", &single));
                single.behind();
                summed.behind();
            }
        }
    }
}
