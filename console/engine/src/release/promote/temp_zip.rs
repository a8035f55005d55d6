//! A downloaded zip on disk while its function is deployed.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Removes the zip when it drops.
pub(super) struct TempZip(PathBuf);

impl TempZip {
    /// Writes the zip, and creates the directory for it.
    pub(super) async fn write(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        let zip = Self(path.to_owned());
        if let Some(directory) = path.parent() {
            tokio::fs::create_dir_all(directory).await?;
        }
        tokio::fs::write(path, bytes).await?;
        Ok(zip)
    }
}

impl Drop for TempZip {
    fn drop(&mut self) {
        // If it was never written, there is nothing to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}
