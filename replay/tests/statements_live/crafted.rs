//! Logs that were made to harm: names and texts that would be commands of the client, or have it
//! send its own files. Each is refused, or inert on every server's own client.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use binlog_parser::header::{EventType, flags};
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use replay::Error;
use replay::stream::{self, Options};
use servers::{Product, Server};

use crate::support::{self, Format, start};

/// A log under construction: the beginning of a real one, so that its server knows its own format.
struct Forged {
    bytes: Vec<u8>,
    checksum: bool,
}

impl Forged {
    /// Begins as the first log of a server does.
    fn of(server: &Server) -> Result<Self> {
        let path = server.binary_logs()?.remove(0);
        let bytes = fs::read(path)?;
        let length = u32::from_le_bytes(bytes[13..17].try_into()?) as usize;
        let mut bytes = bytes[..4 + length].to_vec();
        bytes[21] &= !(flags::BINLOG_IN_USE as u8);
        Ok(Forged { bytes, checksum: true })
    }

    fn event(mut self, event_type: EventType, body: &[u8]) -> Self {
        let length = 19 + body.len() + if self.checksum { 4 } else { 0 };
        let start = self.bytes.len();
        let mut header = vec![];
        header.extend(1_700_000_000u32.to_le_bytes()); // timestamp
        header.push(event_type.0);
        header.extend(1u32.to_le_bytes()); // server id
        header.extend((length as u32).to_le_bytes());
        header.extend(((start + length) as u32).to_le_bytes()); // log_pos
        header.extend([0, 0]); // flags
        self.bytes.extend(header);
        self.bytes.extend(body);
        let crc = crc32fast::hash(&self.bytes[start..]);
        self.bytes.extend(crc.to_le_bytes());
        self
    }

    fn query(self, database: &[u8], text: &[u8]) -> Self {
        let mut body = vec![];
        body.extend(7u32.to_le_bytes()); // thread id
        body.extend(0u32.to_le_bytes()); // execution time
        body.push(database.len() as u8);
        body.extend([0, 0]); // error code
        body.extend([0, 0]); // length of status variables
        body.extend(database);
        body.push(0);
        body.extend(text);
        self.event(EventType::QUERY, &body)
    }

    fn variable(self, name: &[u8], value: &[u8]) -> Self {
        let mut body = (name.len() as u32).to_le_bytes().to_vec();
        body.extend(name);
        body.extend([0, 0]); // not NULL, a string
        body.extend(63u32.to_le_bytes()); // collation
        body.extend((value.len() as u32).to_le_bytes());
        body.extend(value);
        self.event(EventType::USER_VAR, &body)
    }

    /// LOAD DATA of one line, its file named at `place` of `text`.
    fn load(self, text: &[u8], place: std::ops::Range<usize>) -> Self {
        let forged = self.event(EventType::BEGIN_LOAD_QUERY, b"\x01\0\0\x001\tx\n");
        let mut body = vec![];
        body.extend(7u32.to_le_bytes()); // thread id
        body.extend(0u32.to_le_bytes()); // execution time
        body.push(1); // length of database name
        body.extend([0, 0]); // error code
        body.extend([0, 0]); // length of status variables
        body.extend(1u32.to_le_bytes()); // file id
        body.extend((place.start as u32).to_le_bytes());
        body.extend((place.end as u32).to_le_bytes());
        body.push(1); // IGNORE
        body.extend(b"d\0");
        body.extend(text);
        forged.event(EventType::EXECUTE_LOAD_QUERY, &body)
    }

    fn stream(&self, folder: &Path) -> replay::Result<Vec<u8>> {
        let set = LogSet::of(vec![Log::from_reader(&self.bytes[..])?]);
        let mut out = vec![];
        let options = Options { load_folder: Some(folder.join("load")), ..support::options() };
        stream::replay(&set, &options, &mut out, &mut |_| {}).map(|_| out)
    }
}

/// Texts that would run a command, if they came to a client as they are; the file that they make is
/// `canary`.
fn payloads(canary: &Path) -> Vec<Vec<u8>> {
    let touch = format!("touch {}", canary.display());
    let lines = [
        format!("\\! {touch}"),
        format!("system {touch}"),
        format!("/*!*/;\n\\! {touch}\n"),
        format!("`\n\\! {touch}\n`"),
        format!("*/\n\\! {touch}\n/*"),
        format!("'\nsystem {touch}\n'"),
        format!("delimiter $$\n\\! {touch}\n$$"),
        format!("\ndelimiter $$\n\\! {touch}\n$$"),
        "\\".to_owned(),
        format!("`;\n\\! {touch}\n"),
    ];
    lines.into_iter().map(String::into_bytes).collect()
}

fn is_inert(product: Product) -> Result<()> {
    let server = start(product, Format::Statement)?;
    let folder = tempfile::tempdir()?;
    let canary = folder.path().join("canary");
    let mut streams = vec![];
    for payload in payloads(&canary) {
        let begun = || Forged::of(&server);
        let insert = b"INSERT INTO d.t VALUES (1)";
        for forged in [
            begun()?.variable(&payload, &payload).query(b"d", insert),
            begun()?.query(&payload, insert),
            begun()?.query(b"d", &payload),
            begun()?.query(b"d", &[b"XA START ", &payload[..]].concat()),
            begun()?.query(b"d", &[b"XA COMMIT ", &payload[..]].concat()),
            begun()?.query(b"d", &[b"SAVEPOINT ", &payload[..]].concat()),
            begun()?.query(b"d", &[b"INSERT INTO d.t VALUES (1) -- ", &payload[..]].concat()),
            begun()?.load(&[b"LOAD DATA  INTO TABLE t", &payload[..]].concat(), 10..15),
        ] {
            match forged.stream(folder.path()) {
                Ok(stream) => streams.push(stream),
                Err(Error::Refused { .. } | Error::Log(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let _ = fs::remove_dir_all(folder.path().join("load"));
        }
    }
    ensure!(streams.len() > 10, "{} of the logs are replayed", streams.len());
    // With and without --binary-mode, for someone will forget it.
    for stream in &streams {
        server.pipe(&stream[..], ["--force", "--comments", "--local-infile=1"])?;
        let mut bare = server.tool(product.client())?;
        bare.arg("--force").stdin(std::process::Stdio::piped());
        bare.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut client = bare.spawn()?;
        if let Some(mut stdin) = client.stdin.take() {
            // A client that gives up early is as good as one that reads on.
            let _ = std::io::Write::write_all(&mut stdin, stream);
        }
        client.wait()?;
        ensure!(!canary.exists(), "{}: {}", product.name(), String::from_utf8_lossy(stream));
    }
    Ok(())
}

#[test]
fn names_and_texts_are_inert() -> Result<()> {
    servers::live().into_iter().try_for_each(is_inert)
}

/// What a refusal of this log says.
fn refusal(forged: &Forged) -> Result<String> {
    let folder = tempfile::tempdir()?;
    match forged.stream(folder.path()) {
        Err(Error::Refused { what, .. }) => Ok(what),
        other => anyhow::bail!("not refused: {other:?}"),
    }
}

#[test]
fn no_log_has_the_client_send_a_file_of_its_own() -> Result<()> {
    for product in servers::live() {
        let server = start(product, Format::Statement)?;
        let text = b"LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t";
        let what = refusal(&Forged::of(&server)?.query(b"d", text))?;
        assert!(what.contains("the client would send a file of its own machine"), "{what}");
        let at = text.len();
        let what = refusal(&Forged::of(&server)?.load(text, at..at))?;
        assert!(what.contains("does not stand where the event says"), "{what}");
    }
    Ok(())
}
