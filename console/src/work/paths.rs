//! Where things are kept, by the XDG rules: what can be made again (cache), what cannot (state), and
//! what the user writes (config).
//!
//! Computes paths only; creates and reads nothing.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

const NAME: &str = "lambda-console";

/// The state directory of one workspace: history, local Lambda, log. Readable by the user alone; whoever
/// creates it sees to that.
///
/// The name starts with the workspace's own, for people, and ends with a hash of its path, so that two
/// workspaces of one name keep apart.
pub fn state_dir(workspace_root: &Path) -> PathBuf {
    let root = std::path::absolute(workspace_root).unwrap_or_else(|_| workspace_root.to_path_buf());
    let name = root.file_name().map_or_else(|| "root".into(), |name| name.to_string_lossy().into_owned());
    let hash = hex(&Sha256::digest(root.as_os_str().as_encoded_bytes())[..6]);
    base(|base| base.state_dir().unwrap_or_else(|| base.data_dir())).join(format!("{name}-{hash}"))
}

/// The cache directory: the toolchain's provided parts. All of it can be deleted; `setup` makes it again.
pub fn cache_dir() -> PathBuf {
    base(BaseStrategy::cache_dir)
}

/// The user's configuration file. It need not exist.
pub fn config_file() -> PathBuf {
    base(BaseStrategy::config_dir).join("config.toml")
}

fn base(pick: impl Fn(&etcetera::base_strategy::Xdg) -> PathBuf) -> PathBuf {
    etcetera::base_strategy::Xdg::new()
        // Without a home directory there is only the temporary one.
        .map_or_else(|_| std::env::temp_dir(), |base| pick(&base))
        .join(NAME)
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
    fn hexadecimal_is_lower_case_and_two_digits_a_byte() {
        assert_eq!(hex(&[0, 10, 0xff]), "000aff");
    }
}
