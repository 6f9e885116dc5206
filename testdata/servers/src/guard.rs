//! A server process that cannot outlive the process that started it.
//!
//! Between us and the server stands a shell that reads our pipe. When the pipe
//! closes – because we close it, panic, or are killed – the shell kills the
//! server and removes its folder. It has a process group of its own, so that
//! an interrupt at the terminal, which ends us, leaves it to clean up.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// `$1` is the folder to remove; the rest is the server's command line.
///
/// Lines on the pipe: a signal's name is sent to the server; `KEEP` ends the
/// watch without removing anything.
const SCRIPT: &str = r#"
folder=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
echo $server >"$folder/pid.tmp" && mv "$folder/pid.tmp" "$folder/pid"
(
    while read -r line; do
        case $line in
            KEEP) exit 0 ;;
            *) kill -"$line" $server ;;
        esac
    done
    [ -e "$folder/exit" ] || kill -KILL $server
    exit 1
) <&3 2>/dev/null &
watch=$!
wait $server
echo $? >"$folder/exit.tmp" && mv "$folder/exit.tmp" "$folder/exit"
wait $watch || rm -rf "$folder"
"#;

/// A running server and the shell that watches it.
#[derive(Debug)]
pub(crate) struct Guarded {
    shell: Child,
    folder: PathBuf,
}

impl Guarded {
    /// Runs `command`, whose files are all in `folder`; its output goes to
    /// `folder/error.log`.
    pub(crate) fn spawn(command: &Command, folder: &Path) -> Result<Guarded> {
        let _ = fs::remove_file(folder.join("exit"));
        let log = File::options().create(true).append(true).open(folder.join("error.log"))?;
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(folder)
            .arg(command.get_program())
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("/bin/sh cannot be run")?;
        Ok(Guarded { shell, folder: folder.to_owned() })
    }

    /// The server's process id, once the shell has told it.
    pub(crate) fn pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.folder.join("pid")).ok()?;
        text.trim().parse().ok()
    }

    /// The server's exit status as a shell counts it (128 + a signal), or
    /// `None` while it runs.
    pub(crate) fn exit_status(&self) -> Option<i32> {
        let text = fs::read_to_string(self.folder.join("exit")).ok()?;
        text.trim().parse().ok()
    }

    /// Sends the server a signal, waits for its end, and leaves its folder.
    pub(crate) fn end(mut self, signal: &str, patience: Duration) -> Result<i32> {
        self.tell(signal)?;
        let since = Instant::now();
        loop {
            if let Some(status) = self.exit_status() {
                self.tell("KEEP")?;
                drop(self.shell.stdin.take());
                self.shell.wait()?;
                return Ok(status);
            }
            if since.elapsed() > patience {
                bail!("the server still runs {patience:?} after SIG{signal}");
            }
            sleep(Duration::from_millis(5));
        }
    }

    fn tell(&mut self, line: &str) -> Result<()> {
        let pipe = self.shell.stdin.as_mut().context("the watch has ended")?;
        writeln!(pipe, "{line}").context("the watch has ended")
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // Closing the pipe is the order to kill; waiting makes sure that it is done.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
