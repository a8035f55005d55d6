//! Text files: [`decode`] of their content. Reads the files that it is given.

use std::path::Path;

pub use lambda_console_model::text::decode;

/// Reads the text of a file, as returned by [`decode`].
///
/// # Errors
/// Returns an error if the file cannot be read, or is not UTF-8; the sentence does not name the
/// file.
pub fn read(path: &Path) -> Result<String, String> {
    decode(std::fs::read(path).map_err(|error| error.to_string())?)
}

/// As [`read`], without blocking a thread of the async runtime.
///
/// # Errors
/// As [`read`].
pub async fn read_async(path: &Path) -> Result<String, String> {
    decode(tokio::fs::read(path).await.map_err(|error| error.to_string())?)
}
