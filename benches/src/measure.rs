//! One run of a program: its time, and its memory as `/proc` tells it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memchr::memmem;
use serde::Serialize;

/// After how long memory is looked at first, and how seldom it is looked at in the end: to look takes a
/// little of a processor, which who uses all of them would miss, and who uses one would not.
const SAMPLE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));

/// Bytes that a plain read asks for at a time, as `dd bs=1M` does.
const BLOCK: usize = 1 << 20;

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Cost {
    /// Wall clock, in seconds.
    pub seconds: f64,
    /// Processor time in user and system mode of all threads, in seconds, to a hundredth.
    pub cpu_seconds: f64,
    /// Most anonymous memory seen at once, in bytes: what is private to the process, and grows with
    /// what it keeps (`RssAnon`).
    pub private_bytes: u64,
    /// Most resident memory, in bytes, pages of mapped files with it (`VmHWM`).
    pub resident_bytes: u64,
}

/// What a run printed.
#[derive(Debug)]
pub struct Printed {
    /// How it ended.
    pub status: ExitStatus,
    /// Bytes on standard output.
    pub bytes: u64,
    /// Lines of standard output in which the wanted bytes stand.
    pub hits: u64,
    /// The first lines of standard output, and all of standard error.
    pub text: String,
}

/// Bytes of standard output that [`Printed::text`] keeps.
const KEPT: usize = 64 << 10;

/// Runs `command` to its end and keeps what it printed; `needle` is counted.
///
/// # Errors
/// Where it cannot be run.
pub fn listen(mut command: Command, needle: &[u8]) -> Result<Printed> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?}"))?;
    let mut stderr = child.stderr.take().context("no stderr")?;
    let complaints = thread::spawn(move || {
        let mut bytes = vec![];
        stderr.read_to_end(&mut bytes).map(|_| bytes)
    });
    let mut stdout = BufReader::with_capacity(BLOCK, child.stdout.take().context("no stdout")?);
    let finder = memmem::Finder::new(needle);
    let (mut line, mut kept, mut bytes, mut hits) = (vec![], vec![], 0, 0);
    while stdout.read_until(b'\n', &mut line)? > 0 {
        bytes += line.len() as u64;
        hits += u64::from(finder.find(&line).is_some());
        if kept.len() < KEPT {
            kept.extend(&line);
        }
        line.clear();
    }
    let status = child.wait()?;
    let stderr = complaints.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??;
    let text = format!("{}{}", String::from_utf8_lossy(&kept), String::from_utf8_lossy(&stderr));
    Ok(Printed { status, bytes, hits, text })
}

/// Runs `command` with its output thrown away, and measures it.
///
/// # Errors
/// Where it cannot be run.
pub fn time(mut command: Command) -> Result<(ExitStatus, Cost)> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let before = cpu_of_children()?;
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let (status, seconds, memory) = watch(&mut child, start)?;
    let cost = Cost {
        seconds,
        cpu_seconds: cpu_of_children()? - before,
        private_bytes: memory.private,
        resident_bytes: memory.resident,
    };
    Ok((status, cost))
}

/// Reads the file at `path` from start to end in this process, and measures that.
///
/// # Errors
/// Where it cannot be read.
fn time_read(path: &Path) -> Result<(u64, Cost)> {
    let mut block = vec![0; BLOCK];
    let start = Instant::now();
    let mut file = File::open(path)?;
    let mut bytes = 0;
    loop {
        match file.read(&mut block)? {
            0 => break,
            count => bytes += count as u64,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok((bytes, Cost { seconds, cpu_seconds: seconds, ..Cost::default() }))
}

/// Reads one file after another.
///
/// # Errors
/// As [`time_read`].
pub fn time_read_all(paths: &[impl AsRef<Path>]) -> Result<(u64, Cost)> {
    let (mut bytes, mut sum) = (0, Cost::default());
    for path in paths {
        let (read, cost) = time_read(path.as_ref())?;
        bytes += read;
        sum.seconds += cost.seconds;
        sum.cpu_seconds += cost.cpu_seconds;
    }
    Ok((bytes, sum))
}

/// Peaks of memory, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Memory {
    private: u64,
    resident: u64,
}

/// Waits for the child while a thread looks at its memory.
fn watch(child: &mut Child, start: Instant) -> Result<(ExitStatus, f64, Memory)> {
    let status_file = format!("/proc/{}/status", child.id());
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut peak, mut pause) = (Memory::default(), SAMPLE.0);
            while !ended.load(Ordering::Relaxed) {
                let now = memory(&fs::read_to_string(&status_file).unwrap_or_default());
                peak.private = peak.private.max(now.private);
                peak.resident = peak.resident.max(now.resident);
                thread::sleep(pause);
                pause = (pause * 2).min(SAMPLE.1);
            }
            peak
        });
        let status = child.wait();
        let seconds = start.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        let peak = watcher.join().map_err(|_| anyhow::anyhow!("the watcher panicked"))?;
        Ok((status?, seconds, peak))
    })
}

/// Reads `/proc/PID/status`; a process that has just ended has no memory any more.
fn memory(status: &str) -> Memory {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
        kib.map_or(0, |kib: u64| kib * 1024)
    };
    Memory { private: field("RssAnon:"), resident: field("VmHWM:") }
}

/// Processor seconds of all children that have ended so far (`cutime` and `cstime`, proc(5)).
fn cpu_of_children() -> Result<f64> {
    /// `USER_HZ` of Linux on every machine of today.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The fields are counted from behind the program's name, which may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat")?;
    let ticks = fields.split_ascii_whitespace().skip(13).take(2);
    let sum: u64 = ticks.map(|field| field.parse().unwrap_or(0)).sum();
    Ok(sum as f64 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let now = memory("Name:\tx\nVmHWM:\t    8 kB\nRssAnon:\t     3 kB\n");
        assert_eq!((now.private, now.resident), (3 * 1024, 8 * 1024));
        assert_eq!(memory("").private, 0);
    }

    #[test]
    fn a_run_is_measured_and_its_output_counted() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.arg("-c").arg(script);
            command
        };
        let printed = listen(shell("echo one; echo two; echo one >&2"), b"one").unwrap();
        assert_eq!((printed.bytes, printed.hits), (8, 1));
        assert_eq!(printed.text, "one\ntwo\none\n");
        let (status, cost) = time(shell("sleep 0.1; exit 3")).unwrap();
        assert_eq!(status.code(), Some(3));
        assert!(cost.seconds >= 0.1 && cost.resident_bytes > 0);
    }
}
