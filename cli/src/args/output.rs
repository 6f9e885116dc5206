//! Where the data goes: standard output, or a file that appears whole or not at all.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::Table;

use crate::exit::{Failure, Outcome};
use crate::whole_file::{WholeFile, folder};

/// Options about the data's destination.
#[derive(Debug, Clone, Default, Args)]
pub struct OutputArgs {
    /// Write to FILE instead of standard output; its owner alone may read it (0600)
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace FILE if it exists
    #[arg(long, requires = "output")]
    pub force: bool,
}

/// Forms of what people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: one object a line, times in UTC
    Json,
}

/// The form of what people read.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct FormatArgs {
    /// Form of the output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

impl OutputArgs {
    /// Opens the destination. `logs` are the evidence, which is never written to.
    ///
    /// # Errors
    /// [`crate::exit::Exit::Refused`] if the file exists without `--force`, is one of `logs`, or is
    /// no regular file; an I/O error if nothing can be written beside it.
    pub fn open<'a>(&self, logs: impl IntoIterator<Item = &'a Path>) -> Outcome<Output> {
        let Some(path) = &self.output else {
            return Ok(Output::Stdout(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())));
        };
        check_target(path, self.force, logs)?;
        let file = WholeFile::new(path)
            .with_context(|| format!("{}: cannot write here", folder(path).display()))?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Output::File { writer, path: path.clone(), force: self.force })
    }

    /// Columns of the terminal that the data goes to, if it goes to one.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.is_terminal().then(|| Table::new().width()).flatten().map(usize::from)
    }

    /// Whether the data goes to a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.output.is_none() && io::stdout().is_terminal()
    }
}

const BUFFER_BYTES: usize = 64 << 10;

fn check_target<'a>(
    path: &Path,
    force: bool,
    logs: impl IntoIterator<Item = &'a Path>,
) -> Outcome<()> {
    let shown = path.display();
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e).with_context(|| shown.to_string()).map_err(Failure::from),
    };
    if !meta.is_file() && !meta.is_symlink() {
        return Err(Failure::refused(format!("{shown}: exists, and is no regular file"))
            .hint("leave --output out and redirect: binlog … > FILE"));
    }
    let real = fs::metadata(path).unwrap_or(meta);
    let same = |log: &Path| {
        fs::metadata(log).is_ok_and(|log| (log.dev(), log.ino()) == (real.dev(), real.ino()))
    };
    if logs.into_iter().any(same) {
        return Err(Failure::refused(format!("{shown}: is one of the logs that are read"))
            .hint("choose another --output: evidence is never written to"));
    }
    if !force {
        return Err(Failure::refused(format!("{shown}: exists already"))
            .hint("choose another --output, or add --force to replace it"));
    }
    Ok(())
}

/// An open destination. A file is invisible until [`Output::finish`]; dropped before, it is gone.
#[derive(Debug)]
pub enum Output {
    /// Standard output.
    Stdout(BufWriter<StdoutLock<'static>>),
    /// A file, written beside its place.
    File {
        /// The file under way.
        writer: BufWriter<WholeFile>,
        /// Where it belongs.
        path: PathBuf,
        /// Whether it may replace what stands there.
        force: bool,
    },
}

impl Output {
    /// Writes out what is left, and gives a file its name.
    ///
    /// # Errors
    /// Where the last bytes cannot be written, or something has taken the name meanwhile.
    pub fn finish(self) -> Outcome<()> {
        match self {
            Output::Stdout(mut writer) => Ok(writer.flush()?),
            Output::File { writer, path, force } => {
                let shown = path.display().to_string();
                let file = writer.into_inner().map_err(io::IntoInnerError::into_error);
                let file = file.with_context(|| shown.clone())?;
                file.as_file().sync_all().with_context(|| shown.clone())?;
                Ok(file.finish(force).with_context(|| shown)?)
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout(writer) => writer.write(bytes),
            Output::File { writer, .. } => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(writer) => writer.flush(),
            Output::File { writer, .. } => writer.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use std::os::unix::fs::PermissionsExt;

    fn to(path: &Path, force: bool) -> OutputArgs {
        OutputArgs { output: Some(path.to_owned()), force }
    }

    fn refusal(args: &OutputArgs, log: &Path) -> String {
        let failure = args.open([log]).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(!failure.hints.is_empty());
        failure.error.to_string()
    }

    #[test]
    fn a_file_appears_whole_and_private_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.sql");
        let mut output = to(&path, false).open([]).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

        let mut output = to(&path, false).open([]).unwrap();
        output.write_all(b"whole").unwrap();
        assert!(!path.exists());
        output.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn nothing_is_replaced_unasked_and_a_log_never() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["kept", "link"].map(|name| folder.path().join(name));
        fs::write(&path, "kept").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(refusal(&to(&path, false), folder.path()).ends_with("exists already"));
        assert!(refusal(&to(&path, true), &path).contains("one of the logs"));
        assert!(refusal(&to(&link, true), &path).contains("one of the logs"));
        assert!(refusal(&to(folder.path(), true), &path).contains("no regular file"));
        to(&path, true).open([]).unwrap().finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_name_that_is_taken_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.sql");
        let output = to(&path, false).open([]).unwrap();
        fs::write(&path, "first").unwrap();
        assert!(output.finish().is_err());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
