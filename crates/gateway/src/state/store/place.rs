//! Whether a folder could hold a store, without making anything.

use std::{fs, io, path::Path};

use rustix::fs::{Access, access};

/// Checks that files could be made in `folder`, or that it could be made where it is not there.
///
/// # Errors
/// What the system has against it.
pub(super) fn check(folder: &Path) -> io::Result<()> {
    let mut there = folder;
    let kind = loop {
        match fs::metadata(there) {
            Ok(found) => break found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => match there.parent() {
                Some(parent) if parent.as_os_str().is_empty() => there = Path::new("."),
                Some(parent) => there = parent,
                None => return Err(error),
            },
            Err(error) => return Err(error),
        }
    };
    if !kind.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    access(there, Access::WRITE_OK | Access::EXEC_OK)?;
    keeps_files(there)
}

/// Nobody is kept from writing into `/proc` and `/sys` by their rights alone, and no file can be made there.
#[cfg(target_os = "linux")]
fn keeps_files(folder: &Path) -> io::Result<()> {
    use rustix::fs::{FsWord, PROC_SUPER_MAGIC};

    /// As `linux/magic.h` has it.
    const SYSFS_MAGIC: FsWord = 0x6265_6572;

    match rustix::fs::statfs(folder) {
        Ok(found) if [PROC_SUPER_MAGIC, SYSFS_MAGIC].contains(&found.f_type) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn keeps_files(_: &Path) -> io::Result<()> {
    Ok(())
}
