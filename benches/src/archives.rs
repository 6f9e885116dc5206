//! The race over packed logs: what the verbs deliver beside what unpacking alone delivers.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use binlog_parser::source::archive::plain_reader;
use flate2::Compression;
use flate2::write::GzEncoder;
use servers::Product;

use crate::contest::{self, Contest};
use crate::entrant::{Entrant, Program, Proof, Role};
use crate::logs::RaceLogs;

/// A kind of archive, and the verbs that read it.
struct Kind {
    suffix: &'static str,
    tool: &'static str,
    contests: [(&'static str, &'static str); 2],
}

/// What unpacks an archive to standard output.
struct Unpacker {
    /// Its name in the table.
    name: &'static str,
    /// Where it is.
    program: PathBuf,
    /// What it is told before the archive's path.
    argument: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { suffix: "gz", tool: "gzip", contests: [("verify gz", "verify"), ("find gz", "find")] },
    Kind {
        suffix: "zst",
        tool: "zstd",
        contests: [("verify zst", "verify"), ("find zst", "find")],
    },
];

/// The contests over the archives of `logs`, which are made if they are not there.
///
/// # Errors
/// Where they cannot be made.
pub fn contests(binlog: &Path, product: Product, logs: &RaceLogs) -> Result<Vec<Contest>> {
    let mut contests = vec![];
    for kind in KINDS {
        let paths = logs.paths.iter().map(|log| provide(log, &kind)).collect::<Result<_>>()?;
        let archives = RaceLogs { paths, ..logs.clone() };
        for (name, verb) in kind.contests {
            let unpacker = unpacker(&kind)?;
            contests.push(packed(name, verb, binlog, unpacker, (product, &archives))?);
        }
    }
    Ok(contests)
}

/// A verb over archives, beside what unpacks them and nothing else.
fn packed(
    name: &'static str,
    verb: &'static str,
    binlog: &Path,
    unpacker: Unpacker,
    (product, archives): (Product, &RaceLogs),
) -> Result<Contest> {
    let mut contest = contest::named(verb, binlog, product, archives)?;
    let Unpacker { name: tool, program, argument } = unpacker;
    let program = (Program::Path(program), vec![argument.to_owned()]);
    let bytes = archives.made.bytes;
    let rival =
        Entrant::new(tool, Role::Rival, program, Proof::Unpacks(bytes), (product, archives));
    let mut packed_bytes = 0;
    for path in &archives.paths {
        packed_bytes += fs::metadata(path)?.len();
    }
    for entrant in &mut contest.entrants {
        match entrant.role {
            Role::Ours => {}
            Role::Rival => *entrant = rival.clone(),
            Role::Read => entrant.proof = Proof::Reads(packed_bytes),
        }
    }
    contest.name = name;
    Ok(contest)
}

/// The archive of `log`, as its tool makes it without options: gzip at level 6, zstd at level 3.
fn provide(log: &Path, kind: &Kind) -> Result<PathBuf> {
    let folder = log.with_file_name("packed");
    let name = log.file_name().context("a log without a name")?.to_string_lossy();
    let path = folder.join(format!("{name}.{}", kind.suffix));
    if path.exists() {
        return Ok(path);
    }
    fs::create_dir_all(&folder)?;
    eprintln!("packing {}", path.display());
    let partial = path.with_extension("partial");
    let (mut plain, out) = (File::open(log)?, File::create(&partial)?);
    match kind.tool {
        "gzip" => {
            let mut encoder = GzEncoder::new(out, Compression::default());
            io::copy(&mut plain, &mut encoder)?;
            encoder.finish()?.sync_all()?;
        }
        _ => {
            let mut encoder = zstd::Encoder::new(out, 3)?;
            encoder.include_checksum(true)?;
            io::copy(&mut plain, &mut encoder)?;
            encoder.finish()?.sync_all()?;
        }
    }
    fs::rename(&partial, &path)?;
    Ok(path)
}

/// The tool, or where it is not there, this program with the same decoder that the verbs have.
fn unpacker(kind: &Kind) -> Result<Unpacker> {
    let version = Command::new(kind.tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    Ok(match version {
        Ok(status) if status.success() => {
            Unpacker { name: kind.tool, program: kind.tool.into(), argument: "-dc" }
        }
        _ => Unpacker { name: "race", program: std::env::current_exe()?, argument: "unpack" },
    })
}

/// Unpacks `archives` and prints what comes out.
///
/// # Errors
/// Where they cannot be read.
pub fn unpack(archives: &[PathBuf], out: &mut impl Write) -> Result<()> {
    for path in archives {
        io::copy(&mut plain_reader(File::open(path)?)?, out)?;
    }
    Ok(())
}
