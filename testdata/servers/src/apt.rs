//! Debian's packages, resolved and downloaded without root.
//!
//! apt works in a folder of its own: its own sources, lists, cache and an empty
//! status file, so that the machine's packages neither help nor suffer. The
//! archive's address comes from the machine's own apt; the signatures are
//! checked against Debian's keyring.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, anyhow, bail};

/// What to do where Debian's tools or archive cannot be reached.
const HINT: &str = "hint: live tests need Debian's apt-get, dpkg-deb and archive keyring; \
                    BINLOG_LIVE=off leaves the live tests out";

/// Keyrings that vouch for Debian's archive, the newest layout first.
const KEYRINGS: [&str; 3] = [
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/etc/apt/trusted.gpg.d/debian-archive-keyring.gpg",
];

/// Downloads `packages` of `suite`, with all that they depend on, into `folder`.
///
/// Returns the package files, sorted by name.
///
/// # Errors
/// Where apt is missing, knows no Debian archive, or cannot fetch.
pub(crate) fn download(folder: &Path, suite: &str, packages: &[&str]) -> Result<Vec<PathBuf>> {
    let keyring = KEYRINGS
        .iter()
        .find(|k| Path::new(k).exists())
        .ok_or_else(|| anyhow!("no Debian archive keyring at {}\n{HINT}", KEYRINGS[0]))?;
    let mut last = anyhow!("apt knows no Debian archive\n{HINT}");
    for archive in archives()? {
        match download_from(folder, &archive, keyring, suite, packages) {
            Ok(files) => return Ok(files),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Unpacks one package file under `root`.
///
/// # Errors
/// Where dpkg-deb is missing or does not like the file.
pub(crate) fn unpack(package: &Path, root: &Path) -> Result<()> {
    run(Command::new("dpkg-deb").arg("-x").arg(package).arg(root)).map(drop)
}

fn download_from(
    folder: &Path,
    archive: &str,
    keyring: &str,
    suite: &str,
    packages: &[&str],
) -> Result<Vec<PathBuf>> {
    let config = prepare(folder, archive, keyring, suite)?;
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("LC_ALL", "C").arg("-c").arg(&config);
        command
    };
    run(apt().arg("update"))?;
    run(apt()
        .args(["-y", "--no-install-recommends", "--download-only", "install"])
        .args(packages))?;
    let mut files = Vec::new();
    let cache = folder.join("cache/archives");
    for entry in fs::read_dir(&cache).with_context(|| cache.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "deb") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Lays out apt's own folder and returns its configuration file.
fn prepare(folder: &Path, archive: &str, keyring: &str, suite: &str) -> Result<PathBuf> {
    for sub in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(sub))?;
    }
    fs::write(folder.join("status"), "")?;
    fs::write(
        folder.join("sources.list"),
        format!("deb [signed-by={keyring}] {archive} {suite} main\n"),
    )?;
    let config = folder.join("apt.conf");
    fs::write(&config, configuration(folder))?;
    Ok(config)
}

/// apt's settings: everything in `folder`, and no hooks of the machine's own
/// (container images empty the system's cache in one).
fn configuration(folder: &Path) -> String {
    let at = folder.display();
    format!(
        r##"#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
#clear Acquire::IndexTargets::deb::DEP-11;
APT::Sandbox::User "";
Dir::Etc::sourcelist "{at}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{at}";
Dir::State::lists "{at}/lists";
Dir::State::status "{at}/status";
Dir::Cache "{at}/cache";
Dir::Cache::archives "{at}/cache/archives";
Dir::Log "{at}";
Acquire::Languages "none";
Acquire::Retries "3";
"##
    )
}

/// The addresses of Debian archives that the machine's apt is set up with,
/// those that call themselves Debian first.
///
/// The machine may never have fetched its lists; then nothing tells Debian's
/// archive from another's, and each is tried: the keyring decides.
fn archives() -> Result<Vec<String>> {
    let format = ["--format", "$(ORIGIN)\t$(LABEL)\t$(COMPONENT)\t$(REPO_URI)"];
    let known = run(Command::new("apt-get").arg("indextargets").args(format))?;
    let listed =
        run(Command::new("apt-get").args(["indextargets", "--no-release-info"]).args(format))?;
    let found = choose_archives(
        &String::from_utf8_lossy(&known.stdout),
        &String::from_utf8_lossy(&listed.stdout),
    );
    if found.is_empty() {
        bail!("apt has no source of Debian's main component\n{HINT}");
    }
    Ok(found)
}

fn choose_archives(known: &str, listed: &str) -> Vec<String> {
    let mains = |text: &str, sure: bool| -> BTreeSet<String> {
        text.lines()
            .filter_map(|line| {
                let mut parts = line.split('\t');
                let (origin, label) = (parts.next()?, parts.next()?);
                let (component, address) = (parts.next()?, parts.next()?);
                let debian = origin == "Debian" && label == "Debian";
                (component == "main" && (debian || !sure)).then(|| address.to_owned())
            })
            .collect()
    };
    let sure = mains(known, true);
    let rest = mains(listed, false);
    let mut all: Vec<String> = sure.iter().cloned().collect();
    all.extend(rest.difference(&sure).cloned());
    // A security archive has other suites.
    all.sort_by_key(|a| (!sure.contains(a), a.contains("security")));
    all
}

/// Runs a program of Debian's and turns its failure into what it said.
fn run(command: &mut Command) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            bail!("{name} is not on this machine\n{HINT}")
        }
        Err(e) => return Err(e).with_context(|| format!("{name} cannot be run\n{HINT}")),
    };
    if !output.status.success() {
        bail!(
            "{name} failed ({}): {}\n{HINT}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_comes_before_strangers_and_its_security_archive_last() {
        let known = "Debian\tDebian\tmain\thttp://a/debian/\n\
                     Debian\tDebian-Security\tmain\thttp://a/debian-security/\n\
                     Other\tOther\tmain\thttp://b/\n";
        let listed = "$(ORIGIN)\t$(LABEL)\tmain\thttp://a/debian/\n\
                      $(ORIGIN)\t$(LABEL)\tmain\thttp://a/debian-security/\n\
                      $(ORIGIN)\t$(LABEL)\tmain\thttp://b/\n\
                      $(ORIGIN)\t$(LABEL)\tcontrib\thttp://c/\n";
        assert_eq!(
            choose_archives(known, listed),
            ["http://a/debian/", "http://b/", "http://a/debian-security/"]
        );
    }

    #[test]
    fn a_machine_without_lists_still_names_its_archive() {
        let listed = "$(ORIGIN)\t$(LABEL)\tmain\thttp://a/debian/\n";
        assert_eq!(choose_archives("", listed), ["http://a/debian/"]);
        assert!(choose_archives("", "").is_empty());
    }

    #[test]
    fn a_missing_program_is_named_with_a_way_out() {
        let error = run(&mut Command::new("no-such-program-here")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("no-such-program-here is not on this machine"));
        assert!(text.contains("BINLOG_LIVE=off"));
    }
}
