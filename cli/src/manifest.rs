//! The manifest of a stream, for programs: one object.

use replay::relay_log;
use replay::stream::{Cut, Manifest, Partial};
use serde::Serialize;

use crate::notes;
use crate::text::one_line;

/// What a stream holds, and what the client and the server need to take it.
#[derive(Debug, Serialize)]
pub struct ManifestLine {
    first: Option<String>,
    last: Option<String>,
    gtids: String,
    transactions: u64,
    statements: u64,
    /// Transactions that a backup holds.
    contained: u64,
    skipped: Vec<String>,
    cut: Option<CutLine>,
    straddling: Vec<String>,
    unfinished: Option<String>,
    /// XIDs that wait for a decision.
    prepared: Vec<String>,
    /// Where the stream had to end early.
    damage: Option<String>,
    packets: u64,
    largest_packet: u64,
    client_options: Vec<String>,
    /// Folder of the files that the client loads; to be removed when it is done.
    load_folder: Option<String>,
    load_files: usize,
    lenient_loads: Vec<String>,
    undetermined: Vec<String>,
    scheduled: Vec<String>,
    privileges: Vec<&'static str>,
    trust_function_creators: bool,
    /// Statements that need privileges which are not known here.
    other_statements: u64,
    warnings: Vec<String>,
    /// The files, where relay logs were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relay_logs: Vec<RelayLogLine>,
}

#[derive(Debug, Serialize)]
struct RelayLogLine {
    name: String,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct CutLine {
    transaction: String,
    statements: Vec<String>,
    count: u64,
    committed: bool,
}

impl From<&Cut> for CutLine {
    fn from(cut: &Cut) -> Self {
        CutLine {
            transaction: cut.transaction.to_string(),
            statements: cut.statements.iter().map(ToString::to_string).collect(),
            count: cut.count,
            committed: cut.partial == Partial::Commit,
        }
    }
}

impl From<&Manifest> for ManifestLine {
    fn from(manifest: &Manifest) -> Self {
        let texts = |addresses: &[binlog_parser::address::EventAddress]| {
            addresses.iter().map(ToString::to_string).collect()
        };
        let warnings = notes::of_replay(manifest).into_iter().filter(|note| note.warning);
        ManifestLine {
            first: manifest.first.as_ref().map(ToString::to_string),
            last: manifest.last.as_ref().map(ToString::to_string),
            gtids: one_line(&manifest.gtids),
            transactions: manifest.transactions,
            statements: manifest.statements,
            contained: manifest.contained,
            skipped: texts(&manifest.skipped),
            cut: manifest.cut.as_ref().map(CutLine::from),
            straddling: texts(&manifest.straddling),
            unfinished: manifest.unfinished.as_ref().map(ToString::to_string),
            prepared: manifest.prepared.clone(),
            damage: manifest.damage.as_ref().map(|(at, _)| at.to_string()),
            packets: manifest.packets,
            largest_packet: manifest.largest_packet,
            client_options: manifest.client_options(),
            load_folder: manifest.load_folder.as_ref().map(|path| path.display().to_string()),
            load_files: manifest.load_files.len(),
            lenient_loads: texts(&manifest.lenient_loads),
            undetermined: texts(&manifest.undetermined),
            scheduled: texts(&manifest.scheduled),
            privileges: manifest.privileges.names.iter().copied().collect(),
            trust_function_creators: manifest.privileges.trust_function_creators,
            other_statements: manifest.privileges.unknown,
            warnings: warnings.map(|note| note.text).collect(),
            relay_logs: vec![],
        }
    }
}

impl From<&relay_log::Manifest> for ManifestLine {
    fn from(manifest: &relay_log::Manifest) -> Self {
        let file =
            |(name, bytes): &(String, u64)| RelayLogLine { name: name.clone(), bytes: *bytes };
        let warnings = notes::of_relay_logs(manifest).into_iter().filter(|note| note.warning);
        ManifestLine {
            client_options: vec![],
            warnings: warnings.map(|note| note.text).collect(),
            relay_logs: manifest.files.iter().map(file).collect(),
            ..ManifestLine::from(&manifest.stream)
        }
    }
}
