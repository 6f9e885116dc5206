//! DELETE and UPDATE: is there a condition, and does it hold anything back?

use super::classify_kind::FindingKind;
use super::verdict::{Confidence, Reason, Verdict};
use crate::sql::condition::{Truth, fold};
use crate::sql::dml::{self, Dml};
use crate::sql::statement::StatementVerb;
use crate::sql::{Cursor, Dialect};

/// Judges the statement behind its verb.
pub(super) fn classify(
    verb: StatementVerb,
    cursor: &mut Cursor<'_, '_>,
    dialect: &Dialect,
) -> Option<Verdict> {
    let (dml, bare) = if verb == StatementVerb::Delete {
        let dml = dml::read_delete(cursor, dialect);
        (dml, FindingKind::DeleteWithoutWhere)
    } else {
        let dml = dml::read_update(cursor, dialect);
        (dml, FindingKind::UpdateWithoutWhere)
    };
    let truth = dml.condition.map(|condition| fold(condition, dialect));
    let mut verdict = match truth {
        None => Verdict::new(bare, Vec::new(), Reason::NoWhere),
        Some(Truth::AlwaysTrue) => always_true(Reason::AlwaysTrue),
        Some(Truth::TrueUnlessNull) => {
            let mut verdict = always_true(Reason::TrueUnlessNull);
            verdict.confidence = Confidence::Likely;
            verdict
        }
        Some(Truth::NeverTrue | Truth::Depends) => return None,
    };
    soften(&mut verdict, &dml);
    verdict.tables = dml.tables;
    Some(verdict)
}

fn always_true(reason: Reason) -> Verdict {
    Verdict::new(FindingKind::AlwaysTrueWhere, Vec::new(), reason)
}

/// What else in the statement may have spared rows.
fn soften(verdict: &mut Verdict, dml: &Dml<'_, '_>) {
    let limits = [
        (dml.limit, Reason::LimitClause, Confidence::Possible),
        (dml.limited_by_join, Reason::JoinLimits, Confidence::Possible),
        (dml.history, Reason::HistoryOnly, Confidence::Possible),
        (dml.portion, Reason::PortionOnly, Confidence::Possible),
        (dml.partition, Reason::PartitionOnly, Confidence::Likely),
    ];
    for (applies, reason, confidence) in limits {
        if applies {
            verdict.soften(reason, confidence);
        }
    }
}
