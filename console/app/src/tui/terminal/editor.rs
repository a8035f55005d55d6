//! Edits a text in `$EDITOR`.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use lambda_console_model::{Failure, text::decode};

/// Opens `text` in `$VISUAL`, `$EDITOR` or `vi`, in a file that only the user can read.
pub(super) fn edit(text: &str) -> Result<String, Failure> {
    let path = env::temp_dir().join(format!("lambda-console-{}.json", uuid::Uuid::new_v4()));
    let edited = write(&path, text).and_then(|()| run(&path));
    let text = edited.map(|()| read(&path));
    // A file that could not be read back contains the user's text: it is kept.
    if !matches!(text, Ok(Err(_))) {
        let _ = fs::remove_file(&path);
    }
    text.flatten()
}

const WHAT: &str = "could not edit the payload";

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::environment(WHAT, format!("{}: {error}", path.display()), ""))
}

fn run(path: &PathBuf) -> Result<(), Failure> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    let editor = editor.unwrap_or_else(|| "vi".into());
    // Through a shell, for `EDITOR="code --wait"`.
    let status =
        Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let why = format!("`{editor}` exited with {status}");
            Err(Failure::work(
                WHAT,
                why,
                "the payload is unchanged; set `EDITOR` to an installed editor",
            ))
        }
        Err(error) => Err(Failure::environment(WHAT, format!("sh: {error}"), "")),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let text = fs::read(path).map_err(|error| error.to_string()).and_then(decode);
    text.map_err(|why| {
        let place = path.display();
        Failure::work(
            WHAT,
            format!("{place}: {why}"),
            format!("the edited text is kept in {place}"),
        )
    })
}
