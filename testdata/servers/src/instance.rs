//! A private server: its own data directory, a Unix socket, no network.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::guard::Guarded;
use crate::install::Installation;
use crate::product::Product;

/// A start that takes longer than this has failed; a busy machine needs a few
/// seconds.
const START_PATIENCE: Duration = Duration::from_secs(120);

/// The longest path that a Unix socket can have on Linux, less its final NUL.
const SOCKET_PATH_MAX: usize = 107;

/// What a test wants of its server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerOptions {
    /// Arguments for the server, after and above this crate's own, such as
    /// `--binlog-row-image=MINIMAL` or `--gtid-mode=ON`.
    pub args: Vec<String>,
    /// MySQL's `server_uuid`, where GTIDs shall be the same in every run.
    pub server_uuid: Option<String>,
    /// The Unix time that the server's clock shall start at, for logs of another
    /// day; [`Server::set_clock`] moves it on. The client's clock is the real one.
    pub clock: Option<f64>,
    /// The path that the server shall take for its own program's, there or not: MySQL
    /// looks beside it for its manifest, which names its keyring component.
    pub program: Option<PathBuf>,
}

impl ServerOptions {
    /// Options with these server arguments.
    pub fn with_args<I: IntoIterator<Item: Into<String>>>(args: I) -> ServerOptions {
        ServerOptions {
            args: args.into_iter().map(Into::into).collect(),
            ..ServerOptions::default()
        }
    }

    /// The same, with more server arguments.
    pub fn and_args<I: IntoIterator<Item: Into<String>>>(mut self, args: I) -> ServerOptions {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }
}

/// One line of `SHOW BINLOG EVENTS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownEvent {
    /// Where the event starts, in bytes.
    pub position: u64,
    /// The server's name of the event's type, such as `Write_rows`.
    pub event_type: String,
    /// `server_id` of the server that wrote it first.
    pub server_id: u32,
    /// Where the event ends, as the server says it.
    pub end_position: u64,
    /// The server's description.
    pub info: Vec<u8>,
}

/// A private server. It is killed, and its folder removed, when this is dropped
/// or when the process that holds it ends in whatever way.
#[derive(Debug)]
pub struct Server {
    // Before the folder: the server must be gone when its folder is removed.
    process: Option<Guarded>,
    product: Product,
    installation: &'static Installation,
    folder: TempDir,
    args: Vec<String>,
    program: Option<PathBuf>,
}

/// Arguments that size the storage engine; those of a data directory's making
/// and of its use have to agree.
pub(crate) fn storage_arguments(product: Product) -> Vec<String> {
    let log = if product.is_mariadb() {
        "--innodb-log-file-size=16M"
    } else {
        "--innodb-redo-log-capacity=64M"
    };
    ["--innodb-buffer-pool-size=48M", "--innodb-use-native-aio=OFF", log]
        .map(str::to_owned)
        .to_vec()
}

/// Arguments that trade crash safety, which a test's server does not need, for
/// speed, and that close the server to all but its socket.
fn base_arguments(product: Product) -> Vec<String> {
    let mut arguments = storage_arguments(product);
    arguments.extend(
        [
            "--skip-networking",
            "--skip-name-resolve",
            "--default-time-zone=+00:00",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=OFF",
            "--sync-binlog=0",
            "--performance-schema=OFF",
            "--max-allowed-packet=1G",
            "--max-connections=50",
            "--server-id=1",
        ]
        .map(str::to_owned),
    );
    if product.is_mariadb() {
        arguments.push("--binlog-format=ROW".to_owned());
    } else {
        arguments.push("--mysqlx=OFF".to_owned());
    }
    arguments
}

impl Server {
    /// Starts a server with an empty data directory and its binary log on
    /// (`binlog.000001` in MySQL, `mariadb-bin.000001` in MariaDB; row format,
    /// server id 1, time zone +00:00; all else at the product's defaults).
    ///
    /// # Errors
    /// Where the product cannot be unpacked, or does not come up; then the end
    /// of its error log is in the text.
    pub fn start(product: Product, options: &ServerOptions) -> Result<Server> {
        let installation = Installation::of(product)?;
        let folder = short_folder()?;
        let data = folder.path().join("data");
        copy_folder(&installation.template(), &data)?;
        fs::create_dir(folder.path().join("log"))?;
        // A server that starts clears the temporary files of others from a folder that they share.
        fs::create_dir(folder.path().join("tmp"))?;
        if let Some(uuid) = &options.server_uuid {
            fs::write(data.join("auto.cnf"), format!("[auto]\nserver-uuid={uuid}\n"))?;
        }
        if let Some(time) = options.clock {
            write_clock(&folder.path().join("clock"), time)?;
        }
        let (args, program) = (options.args.clone(), options.program.clone());
        let mut server = Server { process: None, product, installation, folder, args, program };
        server.restart()?;
        Ok(server)
    }

    /// Starts the server again after [`stop_cleanly`](Self::stop_cleanly) or
    /// [`kill`](Self::kill), on the same data; a running one is stopped first.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart(&mut self) -> Result<()> {
        self.stop_cleanly()?;
        let _ = fs::remove_file(self.socket());
        let clock = self.clock_file();
        let clock = clock.exists().then_some(clock.as_path());
        let mut command = self.installation.server(clock, self.program.as_deref())?;
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        command
            .args(self.installation.server_arguments(&self.data_folder())?)
            .args(base_arguments(self.product))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--pid-file={}", path("server.pid")))
            .arg(format!("--tmpdir={}", path("tmp")))
            .arg(format!("--log-bin={}/{}", path("log"), self.product.log_name()))
            .args(&self.args);
        let process = Guarded::spawn(&command, self.folder.path())?;
        self.wait_until_ready(&process)?;
        self.process = Some(process);
        Ok(())
    }

    /// Starts the server again on the same data, with these arguments in the place of its former
    /// ones.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart_with(&mut self, args: Vec<String>) -> Result<()> {
        self.args = args;
        self.restart()
    }

    /// Shuts the server down as an administrator would; its files stay until
    /// this value is dropped. A stopped server stays stopped.
    ///
    /// # Errors
    /// Where it does not end, or ends with another status than 0.
    pub fn stop_cleanly(&mut self) -> Result<()> {
        let Some(process) = self.process.take() else {
            return Ok(());
        };
        match process.end("TERM", START_PATIENCE)? {
            0 => Ok(()),
            status => bail!("the server ended with status {status}\n{}", self.error_log()),
        }
    }

    /// Kills the server as a crash would; its files stay as they are.
    ///
    /// # Errors
    /// Where it does not end.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.end("KILL", START_PATIENCE).map(drop),
            None => Ok(()),
        }
    }

    /// Sets the clock of a server that was started with one.
    ///
    /// # Errors
    /// Where it was not, or the clock cannot be written.
    pub fn set_clock(&self, unix_time: f64) -> Result<()> {
        let file = self.clock_file();
        if !file.exists() {
            bail!("the server runs by the machine's clock");
        }
        write_clock(&file, unix_time)
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Which product it is.
    pub fn product(&self) -> Product {
        self.product
    }

    /// The product's programs.
    pub fn installation(&self) -> &'static Installation {
        self.installation
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Guarded::pid)
    }

    /// The socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Its data directory.
    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder of its binary logs and their `.index` file.
    pub fn log_folder(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Its binary logs in the order of the index file, also when it is stopped.
    ///
    /// # Errors
    /// Where the index file cannot be read.
    pub fn binary_logs(&self) -> Result<Vec<PathBuf>> {
        let index = self.log_folder().join(format!("{}.index", self.product.log_name()));
        let lines = fs::read(&index).with_context(|| index.display().to_string())?;
        Ok(lines
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| PathBuf::from(std::ffi::OsString::from_vec(line.to_vec())))
            .collect())
    }

    /// The last lines that the server wrote about itself.
    pub fn error_log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("error.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Waits for the greeting that the server sends on a new connection.
    fn wait_until_ready(&self, process: &Guarded) -> Result<()> {
        let since = Instant::now();
        loop {
            if let Some(status) = process.exit_status() {
                bail!("the server did not start (status {status}):\n{}", self.error_log());
            }
            if let Ok(mut stream) = UnixStream::connect(self.socket())
                && stream.read_exact(&mut [0; 5]).is_ok()
            {
                return Ok(());
            }
            if since.elapsed() > START_PATIENCE {
                bail!("no answer in {START_PATIENCE:?}:\n{}", self.error_log());
            }
            sleep(Duration::from_millis(10));
        }
    }
}

/// Writes the offset that makes the machine's time `unix_time`; renamed into
/// place, because the server reads it at any moment.
fn write_clock(file: &Path, unix_time: f64) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let beside = file.with_extension("new");
    fs::write(&beside, format!("{:+.6}", unix_time - now))?;
    Ok(fs::rename(&beside, file)?)
}

/// A folder whose path leaves room for a socket: in the machine's folder for
/// temporary files, or in `/tmp` where that one's name is too long.
fn short_folder() -> Result<TempDir> {
    let make = |parent: &Path| tempfile::Builder::new().prefix("bl-").tempdir_in(parent);
    let folder = make(&std::env::temp_dir())?;
    if folder.path().as_os_str().len() + "/s".len() <= SOCKET_PATH_MAX {
        return Ok(folder);
    }
    Ok(make(Path::new("/tmp"))?)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| target.display().to_string())?;
        }
    }
    Ok(())
}
