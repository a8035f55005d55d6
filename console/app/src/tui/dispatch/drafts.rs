//! Payloads on disk: the event files of the functions, and the drafts that are kept between runs. A
//! draft is saved as typed, valid JSON or not.

use std::{io, path::Path};

use lambda_console_engine::workspace::text;
use lambda_console_model::Failure;
use tokio::fs;

/// Reads the text of an event file.
pub(super) async fn read(path: &Path) -> Result<String, Failure> {
    text::read_async(path).await.map_err(|why| {
        Failure::usage(format!("could not read the event file {}", path.display()), why, "")
    })
}

/// Reads all drafts of the directory, by function; none if there is no such directory yet. A draft
/// that cannot be read stays on disk and is passed to `left_out`.
pub(super) async fn load(
    directory: &Path,
    mut left_out: impl FnMut(Failure),
) -> Result<Vec<(String, String)>, Failure> {
    let failed = |error: io::Error| {
        Failure::environment(
            format!("could not read the payload drafts in {}", directory.display()),
            error.to_string(),
            "",
        )
    };
    let mut entries = match fs::read_dir(directory).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut drafts = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        let path = entry.path();
        if let (Some("json"), Some(name)) =
            (path.extension().and_then(|e| e.to_str()), path.file_stem())
        {
            match text::read_async(&path).await {
                Ok(text) => drafts.push((name.to_string_lossy().into_owned(), text)),
                Err(why) => left_out(Failure::environment(
                    format!("could not read the payload draft {}", path.display()),
                    why,
                    "the other drafts are loaded; fix or delete that file",
                )),
            }
        }
    }
    Ok(drafts)
}

/// Saves the draft of `function`, atomically.
pub(super) async fn save(directory: &Path, function: &str, text: &str) -> Result<(), Failure> {
    let path = directory.join(format!("{function}.json"));
    let partial = directory.join(format!("{function}.json.{}", std::process::id()));
    let write = async {
        fs::create_dir_all(directory).await?;
        fs::write(&partial, text).await?;
        fs::rename(&partial, &path).await
    };
    write.await.map_err(|error| {
        Failure::environment(
            format!("could not save the payload draft {}", path.display()),
            error.to_string(),
            "the payload is still in the editor; free some disk space or copy it",
        )
    })
}
