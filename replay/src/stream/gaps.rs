//! Transactions that are missing between two logs, by what the second says came before it.

use std::sync::Arc;

use binlog_parser::source::chain::Extent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::source::order::Problem;

/// What stands in log number `number` of `set` and came before it, as far as its index tells.
pub(crate) fn known(set: &LogSet, number: usize) -> Extent {
    let Some(indexed) = set.indexed(number) else { return Extent::default() };
    let mut extent = set.logs().get(number).map(Extent::before).unwrap_or_default();
    extent.join(indexed.facts().extent.clone());
    extent
}

/// What is wrong between `before`, which holds `held`, and `log`, which is to follow.
pub(crate) fn between(held: &Extent, before: &Log, log: &Log) -> Vec<Problem> {
    let next = Extent::before(log);
    let names = || (Arc::clone(before.name()), Arc::clone(log.name()));
    let (missing, unknown) = (held.missing(&next), held.unknown_to(&next));
    let mut gaps = vec![];
    if !missing.is_empty() {
        let (after, before) = names();
        gaps.push(Problem::MissingGtids { after, before, gtids: missing });
    }
    if !unknown.is_empty() {
        let (after, log) = names();
        gaps.push(Problem::NotAfter { log, after, gtids: unknown });
    }
    gaps
}
