//! The settings of a function's release build: small and quick to start, unless the user's settings
//! differ.
//!
//! `lto = "fat"` with one codegen unit makes a bootstrap small, and costs only the last step of the
//! build. `panic` stays unchanged: a handler that panics is reported by catching the panic, which
//! needs unwinding.
//!
//! Reads the root manifest; changes nothing.

use std::path::Path;

use crate::compile::cargo_config::Configuration;

/// Key and TOML value.
const SETTINGS: [(&str, &str); 4] =
    [("opt-level", "3"), ("lto", "\"fat\""), ("codegen-units", "1"), ("strip", "true")];

/// The arguments of `--config`, for each setting that the user's release profile does not have:
/// they would take precedence over the root manifest, over cargo's configuration and over the
/// environment.
pub(super) fn configuration(root: &Path, configuration: &Configuration) -> Vec<String> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let written: Vec<String> =
        keys(&manifest).into_iter().chain(configuration.release_keys()).collect();
    let is_free = |key: &str| !written.iter().any(|written| written == key);
    SETTINGS
        .into_iter()
        .filter(|(key, _)| is_free(key))
        .map(|(key, value)| format!("profile.release.{key}={value}"))
        .collect()
}

/// The keys of a manifest's `[profile.release]`.
fn keys(text: &str) -> Vec<String> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let release = table
        .get("profile")
        .and_then(|profile| profile.get("release"))
        .and_then(toml::Value::as_table);
    release.map(|release| release.keys().cloned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_setting_that_the_user_wrote_is_not_passed() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "w/Cargo.toml",
            "[profile.release]\nlto = false\n[profile.release.package.x]\nstrip = true",
        );
        write(".cargo/config.toml", "include = [\"more.toml\"]");
        write(".cargo/more.toml", "[profile.release]\nopt-level = \"z\"");
        let root = root.path().join("w");
        let read =
            Configuration::read(&root, &tokio_util::sync::CancellationToken::new()).await.unwrap();
        assert_eq!(
            configuration(&root, &read),
            ["profile.release.codegen-units=1", "profile.release.strip=true"]
        );
    }

    #[test]
    fn panics_unwind_so_that_they_can_be_reported() {
        assert!(SETTINGS.iter().all(|(key, _)| *key != "panic"));
    }
}
