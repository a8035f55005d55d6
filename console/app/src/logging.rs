//! The console's own log: `console.log` in the workspace's state directory. Never written to the
//! screen.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Mutex,
};

use tracing::Level;
use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt};

/// Size after which the log is truncated.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Writes traces of the console's crates to `directory/console.log`, readable only by the user.
/// Their dependencies are excluded, because they log whole requests. If the file cannot be opened
/// there is no log, and the console works without it.
pub fn start(directory: &Path) {
    let path = directory.join("console.log");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).and_then(|()| {
        let is_full = fs::metadata(&path).is_ok_and(|file| file.len() > MAX_BYTES);
        fs::OpenOptions::new()
            .create(true)
            .write(true)
            .append(!is_full)
            .truncate(is_full)
            .mode(0o600)
            .open(&path)
    });
    let Ok(file) = made else { return };
    let ours = Targets::new()
        .with_target("lambda_console", Level::INFO)
        .with_target("lambda_console_local", Level::INFO);
    let layer = fmt::layer().with_ansi(false).with_writer(Mutex::new(file)).with_filter(ours);
    // Already set: that subscriber stays.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
}
