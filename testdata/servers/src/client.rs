//! Statements and streams through the product's own client, as people and
//! restore tools send them.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, bail};

use crate::instance::{Server, ShownEvent};

/// How a run of the client ended.
#[derive(Debug)]
pub struct ClientRun {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: String,
}

impl ClientRun {
    /// What it printed, or an error with what it complained of.
    ///
    /// # Errors
    /// Where the client failed.
    pub fn success(self) -> Result<Vec<u8>> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        bail!("the client failed ({}): {}", self.status, self.stderr.trim())
    }
}

impl Server {
    /// The product's client, connected to this server as root, with
    /// `--binary-mode` and nothing else: no option files, no login paths.
    ///
    /// # Errors
    /// Where the packages hold no client.
    pub fn client(&self) -> Result<Command> {
        let mut command = self.tool(self.product().client())?;
        command.arg("--binary-mode");
        Ok(command)
    }

    /// Another program of the product that connects to servers, such as its
    /// dump program, given this server's address.
    ///
    /// # Errors
    /// Where the packages hold no such program.
    pub fn tool(&self, name: &str) -> Result<Command> {
        let mut command = self.installation().tool(name)?;
        command
            .arg("--no-defaults")
            .arg("--user=root")
            .arg(format!("--socket={}", self.socket().display()))
            .env("HOME", self.data_folder())
            .env("LC_ALL", "C");
        if self.product().is_mariadb() {
            // On a private socket it only costs; its certificate is of today,
            // which a server of another day takes for none.
            command.arg("--skip-ssl");
        }
        Ok(command)
    }

    /// Runs statements, each ended by `;`, over a utf8mb4 connection and
    /// returns their rows: columns divided by tabs, no headers; tab, newline,
    /// NUL and backslash in a value are escaped (see [`unescape`]).
    ///
    /// # Errors
    /// Where a statement fails, with the server's message; earlier ones have
    /// had their effect.
    pub fn sql(&self, statements: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let arguments = ["--default-character-set=utf8mb4", "--batch", "--skip-column-names"];
        self.pipe(statements.as_ref(), arguments)?.success()
    }

    /// [`sql`](Self::sql) for a query of one line, as text.
    ///
    /// # Errors
    /// As [`sql`](Self::sql), and where the answer is not UTF-8.
    pub fn value(&self, query: &str) -> Result<String> {
        let bytes = self.sql(query)?;
        Ok(String::from_utf8(bytes)?.trim_end_matches('\n').to_owned())
    }

    /// Feeds a stream to the client, as `binlog replay | mysql` would, with
    /// `arguments` beside [`client`](Self::client)'s.
    ///
    /// A client that gives up early is no error here: its status tells.
    ///
    /// # Errors
    /// Where the client cannot be run, or `stream` cannot be read.
    pub fn pipe<I: IntoIterator<Item: AsRef<std::ffi::OsStr>>>(
        &self,
        mut stream: impl Read,
        arguments: I,
    ) -> Result<ClientRun> {
        let mut child = self
            .client()?
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let fed = match child.stdin.take() {
            Some(mut stdin) => std::io::copy(&mut stream, &mut stdin),
            None => Ok(0),
        };
        let status = child.wait()?;
        match fed {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => return Err(e.into()),
            _ => {}
        }
        Ok(ClientRun {
            status,
            stdout: joined(stdout)?,
            stderr: String::from_utf8_lossy(&joined(stderr)?).into_owned(),
        })
    }

    /// Runs shell commands in `folder`, as an administrator would on the server's machine: the
    /// product's client, by its plain name, connects to this server. Returns what they print.
    ///
    /// # Errors
    /// Where a command fails, with what it complained of.
    pub fn shell(&self, commands: &str, folder: &Path) -> Result<Vec<u8>> {
        let programs = tempfile::tempdir()?;
        let client = self.tool(self.product().client())?;
        let words = std::iter::once(client.get_program()).chain(client.get_args());
        let words: Vec<_> = words
            .map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''")))
            .collect();
        let program = programs.path().join(self.product().client());
        fs::write(&program, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")))?;
        fs::set_permissions(&program, Permissions::from_mode(0o700))?;
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("/bin/sh")
            .args(["-ec", commands])
            .env("PATH", format!("{}:{path}", programs.path().display()))
            .envs(client.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(folder)
            .output()?;
        if !output.status.success() {
            bail!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(output.stdout)
    }

    /// Opens a session that stays open between statements.
    ///
    /// # Errors
    /// Where the client cannot be run.
    pub fn session(&self) -> Result<Session> {
        Session::open(self.client()?)
    }

    /// What the server counts as executed: `gtid_executed` of MySQL, without
    /// line breaks, or `gtid_binlog_state` of MariaDB, which has the last
    /// number of every domain and server.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub fn gtid_executed(&self) -> Result<String> {
        let variable =
            if self.product().is_mariadb() { "gtid_binlog_state" } else { "gtid_executed" };
        let text = self.value(&format!("SELECT @@GLOBAL.{variable};"))?;
        Ok(text.replace("\\n", ""))
    }

    /// Ends the current binary log and begins the next.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn flush_logs(&self) -> Result<()> {
        self.sql("FLUSH BINARY LOGS;").map(drop)
    }

    /// The server's own list of the events of one of its logs.
    ///
    /// # Errors
    /// Where the server cannot read the log, or its answer cannot be read.
    pub fn show_binlog_events(&self, log: &str) -> Result<Vec<ShownEvent>> {
        let answer = self.sql(format!("SHOW BINLOG EVENTS IN '{log}';"))?;
        answer
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                shown_event(line)
                    .with_context(|| format!("not an event: {}", String::from_utf8_lossy(line)))
            })
            .collect()
    }

    /// The path of one of its logs by name.
    pub fn log_path(&self, log: &str) -> PathBuf {
        self.log_folder().join(log)
    }
}

fn shown_event(line: &[u8]) -> Result<ShownEvent> {
    let mut columns = line.splitn(6, |b| *b == b'\t').skip(1);
    let mut text = || -> Result<&str> {
        Ok(std::str::from_utf8(columns.next().context("a column is missing")?)?)
    };
    let (position, event_type, server_id, end_position) = (text()?, text()?, text()?, text()?);
    Ok(ShownEvent {
        position: position.parse()?,
        event_type: event_type.to_owned(),
        server_id: server_id.parse()?,
        end_position: end_position.parse()?,
        info: unescape(columns.next().context("a column is missing")?),
    })
}

/// Undoes the escapes of the client's batch output: `\t`, `\n`, `\0`, `\\`.
pub fn unescape(value: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b't') => plain.push(b'\t'),
            Some(b'n') => plain.push(b'\n'),
            Some(b'0') => plain.push(0),
            Some(&other) => plain.push(other),
            None => plain.push(b'\\'),
        }
    }
    plain
}

/// A session that stays open between statements, so that tests can interleave
/// several; its temporary tables, variables and open transaction live on.
#[derive(Debug)]
pub struct Session {
    client: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    stderr: Option<JoinHandle<std::io::Result<Vec<u8>>>>,
    acknowledged: u64,
}

impl Session {
    fn open(mut command: Command) -> Result<Session> {
        let mut client = command
            .args(["--default-character-set=utf8mb4", "--batch", "--skip-column-names"])
            .arg("--unbuffered")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Session {
            stdin: client.stdin.take(),
            stdout: BufReader::new(client.stdout.take().context("no stdout")?),
            stderr: Some(collect(client.stderr.take())),
            client,
            acknowledged: 0,
        })
    }

    /// Runs statements, each ended by `;`, and returns their rows when all are
    /// done, in the form of [`Server::sql`].
    ///
    /// # Errors
    /// Where a statement fails; the session is then over.
    pub fn run(&mut self, statements: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        self.acknowledged += 1;
        let mark = format!("-- done {} --", self.acknowledged);
        let sent = self.send(statements.as_ref(), &mark);
        let mut rows = Vec::new();
        let mut line = Vec::new();
        while sent.is_ok() && self.stdout.read_until(b'\n', &mut line)? > 0 {
            if line.strip_suffix(b"\n") == Some(mark.as_bytes()) {
                return Ok(rows);
            }
            rows.append(&mut line);
        }
        Err(self.failure())
    }

    fn send(&mut self, statements: &[u8], mark: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the session is over")?;
        stdin.write_all(statements)?;
        // `DO` would not answer; a SELECT of a literal is not logged.
        writeln!(stdin, "\nSELECT '{mark}';")?;
        Ok(stdin.flush()?)
    }

    fn failure(&mut self) -> anyhow::Error {
        drop(self.stdin.take());
        let _ = self.client.wait();
        let text = self.stderr.take().map(joined);
        match text {
            Some(Ok(text)) => anyhow!("{}", String::from_utf8_lossy(&text).trim()),
            Some(Err(error)) => error,
            None => anyhow!("the session is over"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.client.wait();
    }
}

/// Reads a pipe to its end beside us, so that nobody waits for a full one.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<std::io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    })
}

fn joined(reader: JoinHandle<std::io::Result<Vec<u8>>>) -> Result<Vec<u8>> {
    Ok(reader.join().map_err(|_| anyhow!("a reader panicked"))??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_the_batch_output_are_undone() {
        assert_eq!(unescape(br"a\tb\\n\n\0"), b"a\tb\\n\n\0");
        assert_eq!(unescape(br"end\"), b"end\\");
    }

    #[test]
    fn a_line_of_show_binlog_events_is_read_whole() {
        let line = b"binlog.000001\t4\tFormat_desc\t1\t127\tServer ver: 9.7\\n";
        assert_eq!(
            shown_event(line).unwrap(),
            ShownEvent {
                position: 4,
                event_type: "Format_desc".to_owned(),
                server_id: 1,
                end_position: 127,
                info: b"Server ver: 9.7\n".to_vec(),
            }
        );
        assert!(shown_event(b"binlog.000001\t4\tX\t1").is_err());
    }
}
