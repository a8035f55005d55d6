//! The source of the standard library, of exactly the compiler's version.
//!
//! Runs `rustup` and, through the sibling module, `apt`; writes to the cache directory.

use std::path::PathBuf;

use lambda_console_model::Failure;

use super::{Rust, apt, begin, cache, cache::Staging, standard::rustup};
use crate::Job;

/// Returns the directory that contains `std/Cargo.toml`; `None` if it could not be provided: then
/// `tried` lists the attempts.
pub(super) async fn provide(
    rust: &Rust,
    job: &Job,
    tried: &mut Vec<String>,
) -> Result<Option<PathBuf>, Failure> {
    if let Some(library) = find(rust) {
        return Ok(Some(library));
    }
    match rustup(
        rust,
        &["component", "add", "rust-src"],
        "installing the standard library's source",
        job,
    )
    .await?
    {
        Ok(()) => match find(rust) {
            Some(library) => return Ok(Some(library)),
            None => {
                tried.push(
                    "`rustup component add rust-src` succeeded, but the source is missing".into(),
                );
            }
        },
        Err(why) => tried.push(why),
    }
    if rust.version.contains('-') {
        tried.push(format!(
            "distributions have no source of the unreleased compiler {}",
            rust.version
        ));
        return Ok(None);
    }
    begin(
        job,
        format!("fetching the source of Rust {} from the system's package mirror", rust.version),
    );
    let staging = Staging::new()?;
    match apt::rust_source(&rust.version, staging.path(), job).await? {
        Ok(inner) => {
            staging.place(&inner, &part(rust))?;
            Ok(find(rust))
        }
        Err(why) => {
            tried.push(why);
            Ok(None)
        }
    }
}

fn part(rust: &Rust) -> String {
    format!("rust-src-{}", rust.key())
}

fn find(rust: &Rust) -> Option<PathBuf> {
    let cached = cache::own(cache::directory().join(part(rust)).join("library"));
    [Some(rust.sysroot.join("lib/rustlib/src/rust/library")), cached]
        .into_iter()
        .flatten()
        .find(|library| library.join("std/Cargo.toml").is_file())
}
