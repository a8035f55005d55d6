//! The console's own log: `console.log` in the workspace's state directory. Never the screen.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Mutex,
};

use tracing::Level;
use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt};

/// A log that has grown over this is begun anew.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Sends what the console's crates trace to `directory/console.log`, readable by the user alone. The crates
/// below them are left out, for those log requests with all that is in them. Without a place to write to
/// there is no log, and the console works the same.
pub fn start(directory: &Path) {
    let path = directory.join("console.log");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).and_then(|()| {
        let is_full = fs::metadata(&path).is_ok_and(|file| file.len() > MAX_BYTES);
        fs::OpenOptions::new().create(true).write(true).append(!is_full).truncate(is_full).mode(0o600).open(&path)
    });
    let Ok(file) = made else { return };
    let ours =
        Targets::new().with_target("lambda_console", Level::INFO).with_target("lambda_console_local", Level::INFO);
    let layer = fmt::layer().with_ansi(false).with_writer(Mutex::new(file)).with_filter(ours);
    // Set already: then that log is the one.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
}
