//! Description of a published version: the commit that it was built from, marked if there are
//! uncommitted changes.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::compile::child_process;

/// Returns `git 1a2b3c4d5e6f`, with ` dirty` if something is not committed; `None` if there is no
/// commit.
pub(super) async fn describe(directory: &Path, cancel: &CancellationToken) -> Option<String> {
    let mut git = child_process::command("git", directory);
    git.args(["status", "--porcelain=v2", "--branch"]);
    let finished = child_process::output(git, cancel).await.ok()?;
    if finished.status.success() { read(&finished.stdout) } else { None }
}

fn read(status: &str) -> Option<String> {
    let commit = status.lines().find_map(|line| line.strip_prefix("# branch.oid "))?;
    let short =
        commit.get(..12).filter(|short| short.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let is_dirty = status.lines().any(|line| !line.starts_with('#'));
    Some(format!("git {short}{}", if is_dirty { " dirty" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_described_by_its_commit_and_whether_more_went_into_it() {
        let clean = "# branch.oid 1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d\n# branch.head main\n";
        assert_eq!(read(clean).as_deref(), Some("git 1a2b3c4d5e6f"));
        assert_eq!(read(&format!("{clean}? new.rs\n")).as_deref(), Some("git 1a2b3c4d5e6f dirty"));
        assert_eq!(
            read("# branch.oid (initial)\n# branch.head main\n"),
            None,
            "nothing was ever committed"
        );
        assert_eq!(read(""), None);
    }
}
