//! Locations of the console's files, by the XDG rules: files that can be created again (cache),
//! files that cannot (state), and the user's own (config).
//!
//! Computes paths, creates directories that only the user can access, and checks the owner of
//! files.

use std::{
    io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

const NAME: &str = "lambda-console";

/// The state directory of one workspace: history, local Lambda, log. Readable only by the user; the
/// code that creates it has to ensure that.
///
/// The name starts with the workspace's own, for people, and ends with a hash of its path, so that
/// two workspaces of one name do not collide.
pub fn state_dir(workspace_root: &Path) -> PathBuf {
    let root = std::path::absolute(workspace_root).unwrap_or_else(|_| workspace_root.to_path_buf());
    let name =
        root.file_name().map_or_else(|| "root".into(), |name| name.to_string_lossy().into_owned());
    let hash = hex(&Sha256::digest(root.as_os_str().as_encoded_bytes())[..6]);
    base(|base| base.state_dir().unwrap_or_else(|| base.data_dir())).join(format!("{name}-{hash}"))
}

/// The cache directory: the toolchain's provided parts. All of it can be deleted; `setup` creates
/// it again.
pub fn cache_dir() -> PathBuf {
    base(BaseStrategy::cache_dir)
}

/// The user's configuration file. It need not exist.
pub fn config_file() -> PathBuf {
    base(BaseStrategy::config_dir).join("config.toml")
}

fn base(pick: impl Fn(&etcetera::base_strategy::Xdg) -> PathBuf) -> PathBuf {
    match etcetera::base_strategy::Xdg::new() {
        Ok(base) => pick(&base).join(NAME),
        // Without a home directory there is only the temporary one, which others share: the name
        // contains the user's ID.
        Err(_) => {
            std::env::temp_dir().join(format!("{NAME}-{}", rustix::process::geteuid().as_raw()))
        }
    }
}

/// Creates a directory that only the user can access (mode 0700), with its parents.
///
/// # Errors
/// Returns an error if it cannot be created, or it belongs to another user, who could read or
/// replace its content.
pub fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // Of a link itself: its owner may change its target.
    let metadata = std::fs::symlink_metadata(directory)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    if metadata.is_dir() && metadata.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Returns `true` if only the user and root can have put a file there: `file`, and each directory
/// from `root` down to it, belong to one of the two and others may not write to them.
pub fn is_own(file: &Path, root: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let me = rustix::process::geteuid().as_raw();
    file.ancestors().take_while(|path| path.starts_with(root)).all(|path| {
        let own = |metadata: std::fs::Metadata| matches!(metadata.uid(), 0) || metadata.uid() == me;
        std::fs::symlink_metadata(path).is_ok_and(|metadata| {
            (metadata.is_symlink() || metadata.mode() & 0o002 == 0) && own(metadata)
        })
    })
}

/// `bytes` as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workspaces_of_one_name_have_two_state_directories() {
        let (one, two) = (state_dir(Path::new("/a/orders")), state_dir(Path::new("/b/orders")));
        assert_ne!(one, two);
        assert!(one.file_name().is_some_and(|name| name.to_string_lossy().starts_with("orders-")));
        assert_eq!(one, state_dir(Path::new("/a/orders")));
    }

    #[test]
    fn a_private_directory_is_for_its_owner_alone_and_what_others_may_write_to_is_not_trusted() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        std::fs::create_dir(&cache).unwrap();
        std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).unwrap();
        let file = cache.join("qemu");
        std::fs::write(&file, "x").unwrap();
        assert!(!is_own(&file, &cache), "anybody may have put it there");
        make_private(&cache).unwrap();
        assert_eq!(std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(is_own(&file, &cache));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(!is_own(&file, &cache));
        assert!(!is_own(&cache.join("missing"), &cache));
        std::os::unix::fs::symlink("qemu", cache.join("link")).unwrap();
        assert!(is_own(&cache.join("link"), &cache));
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        // Only root can create one; the rule is the same for all.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (theirs, file) = (dir.path().join("theirs"), dir.path().join("theirs/qemu"));
        std::fs::create_dir(&theirs).unwrap();
        std::fs::write(&file, "x").unwrap();
        std::os::unix::fs::chown(&file, Some(65534), None).unwrap();
        assert!(!is_own(&file, &theirs));
        std::os::unix::fs::chown(&theirs, Some(65534), None).unwrap();
        assert_eq!(make_private(&theirs).unwrap_err().to_string(), "it belongs to another user");
    }

    #[test]
    fn hexadecimal_is_lower_case_and_two_digits_a_byte() {
        assert_eq!(hex(&[0, 10, 0xff]), "000aff");
    }
}
