//! The temporary file that plain bytes of packed, encrypted and compressed logs are written to.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;

/// A new file in the folder for temporary files: without a name, and readable by its owner alone
/// (0600). It is gone with the process, whatever happens.
///
/// # Errors
/// What the system says.
pub fn private_file() -> io::Result<File> {
    let file = tempfile::tempfile()?;
    // It has no name, but still the mode of any file.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}
