//! The unpacked programs of a product, and the template of its data directory.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};

use crate::apt;
use crate::product::Product;

/// A product's programs, unpacked and able to run.
#[derive(Debug)]
pub struct Installation {
    product: Product,
    home: PathBuf,
    loader: PathBuf,
    libraries: String,
}

impl Installation {
    /// The product's programs; downloads and unpacks them when they are not
    /// there yet (about ten seconds).
    ///
    /// Test binaries and threads may ask at once: one works, the others wait.
    ///
    /// # Errors
    /// Where apt or dpkg-deb is missing or fails; the text says what to do.
    pub fn of(product: Product) -> Result<&'static Installation> {
        static FOUND: [OnceLock<Result<Installation, String>>; Product::ALL.len()] =
            [const { OnceLock::new() }; Product::ALL.len()];
        FOUND[product as usize]
            .get_or_init(|| provide(product).map_err(|e| format!("{e:#}")))
            .as_ref()
            .map_err(|text| anyhow!("{}: {text}", product.name()))
    }

    /// The folder that holds `root`, `data` and `packages`.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The names of the package files that it was unpacked from, one a line,
    /// versions included.
    ///
    /// # Errors
    /// Where the list cannot be read.
    pub fn packages(&self) -> Result<String> {
        let path = self.home.join("packages");
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    /// One of its programs, such as `mysqlbinlog`, ready to be given arguments:
    /// it runs by the package's own loader, with the package's own libraries.
    ///
    /// # Errors
    /// Where the packages hold no such program.
    pub fn tool(&self, name: &str) -> Result<Command> {
        self.run(name, &[])
    }

    /// The server, with a clock that runs by the offset that the file `clock`
    /// holds, where there is such a file, and under the name `program`, where
    /// there is one.
    pub(crate) fn server(&self, clock: Option<&Path>, program: Option<&Path>) -> Result<Command> {
        let mut loader_arguments: Vec<&OsStr> = Vec::new();
        if let Some(program) = program {
            loader_arguments.extend(["--argv0".as_ref(), program.as_os_str()]);
        }
        let Some(file) = clock else {
            return self.run(self.product.daemon(), &loader_arguments);
        };
        let library = self.clock_library()?;
        loader_arguments.extend(["--preload".as_ref(), library.as_os_str()]);
        let mut command = self.run(self.product.daemon(), &loader_arguments)?;
        command
            .env("FAKETIME_TIMESTAMP_FILE", file)
            .env("FAKETIME_NO_CACHE", "1")
            // Waits are on the monotonic clock, and shall stay what they are:
            // with the "fix", MySQL's turn into busy loops.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_FORCE_MONOTONIC_FIX", "0");
        Ok(command)
    }

    fn run(&self, name: &str, loader_arguments: &[&OsStr]) -> Result<Command> {
        let path = self.program(name)?;
        let mut command = Command::new(&self.loader);
        command.args(loader_arguments).arg("--library-path").arg(&self.libraries).arg(path);
        for variable in ["MYSQL_PWD", "MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT"] {
            command.env_remove(variable);
        }
        Ok(command)
    }

    /// The folder of character-set files, for `--character-sets-dir`.
    ///
    /// # Errors
    /// Where the packages hold none.
    pub fn charsets(&self) -> Result<PathBuf> {
        Ok(self.share()?.join("charsets"))
    }

    /// The folder of plugins and components, for `--plugin-dir`.
    pub fn plugins(&self) -> PathBuf {
        self.root().join("usr/lib/mysql/plugin")
    }

    /// Arguments that tell the server where its own files are.
    pub(crate) fn server_arguments(&self, data: &Path) -> Result<Vec<String>> {
        let share = self.share()?;
        let usr = self.root().join("usr");
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            format!("--basedir={}", usr.display()),
            format!("--datadir={}", data.display()),
            format!("--lc-messages-dir={}", share.display()),
            format!("--character-sets-dir={}", share.join("charsets").display()),
            format!("--plugin-dir={}", self.plugins().display()),
        ];
        // As root, both families refuse to start unless told that root is meant.
        if fs::metadata(data)?.uid() == 0 {
            arguments.push("--user=root".to_owned());
        }
        if !self.product.is_mariadb() {
            arguments.push("--secure-file-priv=".to_owned());
        }
        Ok(arguments)
    }

    /// The data directory that new instances start as a copy of.
    pub(crate) fn template(&self) -> PathBuf {
        self.home.join("data")
    }

    fn clock_library(&self) -> Result<PathBuf> {
        let folder = self.loader.parent().unwrap_or(Path::new("/"));
        let name = folder.file_name().unwrap_or_default();
        ["usr/lib", "lib"]
            .into_iter()
            .map(|libraries| self.root().join(libraries).join(name))
            .map(|libraries| libraries.join("faketime/libfaketimeMT.so.1"))
            .find(|path| path.exists())
            .ok_or_else(|| anyhow!("no libfaketime in {}", self.home.display()))
    }

    fn root(&self) -> PathBuf {
        self.home.join("root")
    }

    fn program(&self, name: &str) -> Result<PathBuf> {
        ["usr/sbin", "usr/bin"]
            .into_iter()
            .map(|folder| self.root().join(folder).join(name))
            .find(|path| path.exists())
            .ok_or_else(|| anyhow!("{}: no program {name}", self.product.name()))
    }

    fn share(&self) -> Result<PathBuf> {
        ["usr/share/mysql", "usr/share/mariadb"]
            .into_iter()
            .map(|folder| self.root().join(folder))
            .find(|path| path.join("english/errmsg.sys").exists())
            .ok_or_else(|| anyhow!("{}: no message files", self.product.name()))
    }

    /// Looks the loader and library folders up in an unpacked `home`.
    fn open(product: Product, home: PathBuf) -> Result<Installation> {
        // Not lib64: there it may be a link to the machine's own loader.
        for libraries in ["usr/lib", "lib"] {
            let Ok(entries) = fs::read_dir(home.join("root").join(libraries)) else {
                continue;
            };
            for entry in entries {
                let folder = entry?.path();
                if let Some(loader) = loader_in(&folder) {
                    let triplet = folder.file_name().unwrap_or_default();
                    return Ok(Installation {
                        product,
                        libraries: library_path(&home.join("root"), triplet),
                        loader,
                        home,
                    });
                }
            }
        }
        bail!("no program loader in {}", home.join("root").display())
    }
}

fn loader_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    entries.filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("ld-linux") && path.is_file()
    })
}

fn library_path(root: &Path, triplet: &OsStr) -> String {
    ["usr/lib", "lib"]
        .into_iter()
        .map(|folder| root.join(folder).join(triplet))
        .filter(|path| path.is_dir())
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(":")
}

/// The folder of all servers: `BINLOG_SERVERS`, or `servers` in the workspace's
/// target folder.
fn servers_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("BINLOG_SERVERS") {
        return PathBuf::from(folder);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    target.join("servers")
}

/// Finds the product's folder, or makes it under a lock: unpacked beside, then
/// renamed, so that a folder of that name is always whole.
fn provide(product: Product) -> Result<Installation> {
    let servers = servers_folder();
    fs::create_dir_all(&servers).with_context(|| servers.display().to_string())?;
    let servers = servers.canonicalize()?;
    let home = servers.join(product.name());
    if !complete(product, &home) {
        let lock = File::create(servers.join(format!("{}.lock", product.name())))?;
        lock.lock()?;
        if !complete(product, &home) {
            let beside = |what: &str| servers.join(format!("{}.{what}", product.name()));
            let (partial, stale) = (beside("partial"), beside("stale"));
            remove(&partial)?;
            remove(&stale)?;
            unpack(product, &partial)?;
            initialize(product, &partial)?;
            if home.exists() {
                fs::rename(&home, &stale)?;
            }
            fs::rename(&partial, &home)?;
            remove(&stale)?;
        }
    }
    Installation::open(product, home)
}

/// Whether a folder holds all packages that are wanted today.
fn complete(product: Product, home: &Path) -> bool {
    let Ok(names) = fs::read_to_string(home.join("packages")) else {
        return false;
    };
    let held = |package: &str| names.lines().any(|n| n.split('_').next() == Some(package));
    product.packages().iter().all(|package| held(package))
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

/// Downloads the product's packages and unpacks them under `home/root`.
fn unpack(product: Product, home: &Path) -> Result<()> {
    let (root, downloads) = (home.join("root"), home.join("apt"));
    fs::create_dir_all(&root)?;
    let packages = apt::download(&downloads, product.suite(), product.packages())?;
    let mut names = String::new();
    for package in packages {
        let name = package.file_name().unwrap_or_default().to_string_lossy();
        // The servers' helper scripts want perl; nothing here runs them.
        if !name.contains("perl") {
            apt::unpack(&package, &root)?;
        }
        names.push_str(&name);
        names.push('\n');
    }
    fs::write(home.join("packages"), names)?;
    remove(&downloads)
}

/// Makes the template data directory `home/data`: system tables, and a root
/// account without a password.
fn initialize(product: Product, home: &Path) -> Result<()> {
    let installation = Installation::open(product, home.to_owned())?;
    let data = installation.template();
    fs::create_dir(&data)?;
    let mut command = installation.tool(product.daemon())?;
    command
        .args(installation.server_arguments(&data)?)
        .args(crate::instance::storage_arguments(product));
    if product.is_mariadb() {
        let script = home.join("bootstrap.sql");
        fs::write(&script, bootstrap_script(&installation.share()?)?)?;
        command.arg("--bootstrap").stdin(File::open(&script)?);
    } else {
        command.arg("--initialize-insecure").stdin(Stdio::null());
    }
    let output = command.output()?;
    if !output.status.success() {
        bail!(
            "{} does not initialise its data directory ({}): {}",
            product.daemon(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    // Each instance gets a server_uuid of its own.
    let _ = fs::remove_file(data.join("auto.cnf"));
    Ok(())
}

/// What `mariadb-install-db` feeds the server, from the package's own scripts.
fn bootstrap_script(share: &Path) -> Result<Vec<u8>> {
    let mut script = b"create database mysql;\nuse mysql;\n\
        set @auth_root_socket=NULL, @skip_auth_anonymous=1;\n"
        .to_vec();
    for name in ["system_tables", "performance_tables", "system_tables_data"] {
        let path = ["mariadb", "mysql"]
            .map(|family| share.join(format!("{family}_{name}.sql")))
            .into_iter()
            .find(|path| path.exists())
            .ok_or_else(|| anyhow!("no script {name} in {}", share.display()))?;
        script.extend(fs::read(path)?);
    }
    script.extend(fs::read(share.join("maria_add_gis_sp_bootstrap.sql"))?);
    Ok(script)
}
