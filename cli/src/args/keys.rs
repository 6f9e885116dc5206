//! The keys of encrypted logs. They come from files alone: arguments can be seen by everybody.

use std::path::{Path, PathBuf};

use binlog_parser::header::Family;
use binlog_parser::source::decrypt::Keys;
use binlog_parser::{Error, Result};
use clap::Args;

/// With which keys to open logs that are encrypted.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyArgs {
    /// Keyring file of the MySQL server whose logs are encrypted
    ///
    /// The file of component_keyring_file, or of the older plugin keyring_file; its content tells
    /// which. Logs of several keys need the one keyring that holds them.
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,

    /// Key file of the MariaDB server whose logs are encrypted
    ///
    /// The file of file_key_management. If it is itself encrypted, the file that holds its password
    /// follows behind a colon.
    #[arg(long, value_name = "FILE[:SECRET-FILE]")]
    pub encryption_keys: Option<PathBuf>,
}

impl KeyArgs {
    /// Reads the files.
    ///
    /// # Errors
    /// A file that cannot be read, or is no file of keys.
    pub fn open(&self) -> Result<Keys> {
        let mut keys = Keys::none();
        if let Some(keyring) = &self.keyring {
            keys = keys.with_keyring(keyring)?;
        }
        if let Some(files) = &self.encryption_keys {
            let (file, secret) = split(files);
            keys = keys.with_key_file(file, secret)?;
        }
        Ok(keys)
    }

    /// The same options again, for a command that is shown.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let option = |name: &str, file: &Option<PathBuf>| {
            file.as_ref().map(|file| format!("{name}={}", file.to_string_lossy()))
        };
        let keyring = option("--keyring", &self.keyring);
        keyring.into_iter().chain(option("--encryption-keys", &self.encryption_keys))
    }
}

/// Divides `FILE:SECRET-FILE`. A file whose name has a colon is meant as a whole.
fn split(files: &Path) -> (&Path, Option<&Path>) {
    match files.to_str().and_then(|text| text.rsplit_once(':')) {
        Some((file, secret)) if !files.exists() => (Path::new(file), Some(Path::new(secret))),
        _ => (files, None),
    }
}

/// The next step where a key is missing.
#[must_use]
pub fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Encrypted { by, .. } if *by == Family::Mysql.name() => {
            Some("give the server's keyring file: --keyring FILE")
        }
        Error::Encrypted { .. } => Some(
            "give the server's file_key_management_filename: --encryption-keys FILE, \
             or FILE:SECRET-FILE if it is itself encrypted",
        ),
        Error::KeyFile { .. } => Some(
            "--keyring takes the file of component_keyring_file or keyring_file (MySQL), \
             --encryption-keys FILE[:SECRET-FILE] the one of file_key_management (MariaDB)",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_stands_behind_the_last_colon_of_no_file() {
        let (file, secret) = split(Path::new("a:b/keys.enc:b/keys.key"));
        assert_eq!(file, Path::new("a:b/keys.enc"));
        assert_eq!(secret, Some(Path::new("b/keys.key")));
        assert_eq!(split(Path::new("keys.txt")), (Path::new("keys.txt"), None));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys:2");
        std::fs::write(&file, "").unwrap();
        assert_eq!(split(&file), (file.as_path(), None));
    }

    #[test]
    fn a_shown_command_names_the_same_files() {
        let keys = KeyArgs {
            keyring: Some("my ring".into()),
            encryption_keys: Some("keys.enc:keys.key".into()),
        };
        let words: Vec<_> = keys.words().collect();
        assert_eq!(words, ["--keyring=my ring", "--encryption-keys=keys.enc:keys.key"]);
        assert_eq!(KeyArgs::default().words().count(), 0);
    }
}
