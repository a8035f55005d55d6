//! The code of functions in the code store: kept, released and unpacked. Touches the code directory
//! only.

use std::{fs, io, path::Path, sync::Arc};

use super::{
    code_store::CodeStore,
    disk,
    function::{Failure, Function},
    zipfile::Refusal,
};

impl CodeStore {
    /// Adds a version's use of its code.
    pub(crate) fn keep(&self, function: &Function) {
        function.codes().for_each(|name| self.keep_zip(&name));
    }

    /// Removes a version's use of its code.
    pub(crate) fn release(&self, function: &Function) {
        function.codes().for_each(|name| self.drop_zip(&name));
    }

    /// Returns `true` if all code of a version was unpacked, or verified, since the start.
    pub(crate) fn is_checked(&self, function: &Function) -> bool {
        let checked = self.checked();
        function.codes().all(|name| checked.contains(&name))
    }

    /// Returns `true` if all code of a version was unpacked at some time.
    pub(crate) fn is_there(&self, function: &Function) -> bool {
        function.codes().all(|name| self.place(&name).is_dir())
    }

    /// Unpacks a version's code that is missing or differs from its zip. Blocks.
    pub(crate) fn unpack(&self, function: &Function) -> Result<(), Failure> {
        let layers: Vec<&str> = function.layers.iter().map(|layer| layer.sha256.as_str()).collect();
        std::iter::once(function.code.as_str())
            .chain(layers.iter().copied())
            .try_for_each(|sha256| self.provide_unpacked(sha256))
            .and_then(|()| match (function.opt(), layers.as_slice()) {
                (Some(opt), [_, _, ..]) => {
                    // Layers that an earlier process merged have no zip to be compared with.
                    if !self.checked().contains(&opt)
                        && fs::symlink_metadata(self.place(&opt)).is_ok()
                    {
                        self.discard(&self.place(&opt));
                    }
                    self.provide(&opt, |fresh| {
                        disk::make_dir(fresh)?;
                        // A later layer overrides an earlier one.
                        layers
                            .iter()
                            .try_for_each(|layer| overlay(&self.place(layer), fresh))
                            .map_err(Refusal::Disk)
                    })
                }
                _ => Ok(()),
            })
            .map_err(|refusal| Failure {
                code: match refusal {
                    Refusal::Disk(_) | Refusal::Damaged => "InternalError".to_owned(),
                    _ => "InvalidZipFileException".to_owned(),
                },
                reason: refusal.to_string(),
            })
    }

    /// As [`unpack`](Self::unpack), in its turn and on a blocking thread.
    pub(crate) async fn unpack_in_turn(
        self: &Arc<Self>,
        function: &Arc<Function>,
    ) -> Result<(), Failure> {
        let internal = |reason: String| Failure { code: "InternalError".to_owned(), reason };
        let _turn = self.turns.acquire().await.map_err(|error| internal(error.to_string()))?;
        let (codes, function) = (Arc::clone(self), Arc::clone(function));
        let unpacking = self.unpacking.spawn_blocking(move || codes.unpack(&function));
        unpacking.await.map_err(|error| internal(format!("stopped unpacking: {error}")))?
    }
}

/// Merges one directory into another: an entry in both is taken from `over`. Files become hard
/// links to the same files.
fn overlay(over: &Path, under: &Path) -> io::Result<()> {
    for entry in fs::read_dir(over)? {
        let entry = entry?;
        let (from, to) = (entry.path(), under.join(entry.file_name()));
        // The metadata of a link itself, not of its target.
        let there = fs::symlink_metadata(&to).ok();
        if entry.file_type()?.is_dir() {
            if there.as_ref().is_some_and(|there| !there.is_dir()) {
                fs::remove_file(&to)?;
            }
            if !to.is_dir() {
                fs::create_dir(&to)?;
            }
            overlay(&from, &to)?;
            continue;
        }
        match there {
            Some(there) if there.is_dir() => fs::remove_dir_all(&to)?,
            Some(_) => fs::remove_file(&to)?,
            None => {}
        }
        if entry.file_type()?.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
        } else {
            fs::hard_link(&from, &to)?;
        }
    }
    Ok(())
}
