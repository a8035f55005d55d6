//! The settings of a function's release build: small and quick to start, unless the user wrote something else.
//!
//! `lto = "fat"` with one codegen unit is what makes a bootstrap small, and it costs only the last step of the build.
//! `panic` stays as it is: a handler that panics is reported by catching the panic, which needs unwinding.
//!
//! Reads manifests and cargo's configuration; changes nothing.

use std::path::{Path, PathBuf};

/// Key and TOML value.
const SETTINGS: [(&str, &str); 4] = [("opt-level", "3"), ("lto", "\"fat\""), ("codegen-units", "1"), ("strip", "true")];

/// The arguments of `--config`, for each setting that the user's release profile does not have.
pub(super) fn configuration(root: &Path) -> Vec<String> {
    let written = written(root);
    let is_free = |key: &str| !written.iter().any(|written| written == key);
    SETTINGS
        .into_iter()
        .filter(|(key, _)| is_free(key))
        .map(|(key, value)| format!("profile.release.{key}={value}"))
        .collect()
}

/// The keys of `[profile.release]` that are set in the root manifest, in cargo's configuration files or in the
/// environment: `--config` would win over all of them.
fn written(root: &Path) -> Vec<String> {
    let mut files = vec![root.join("Cargo.toml")];
    let homes = cargo_home().map(|home| home.join("config"));
    let above = root.ancestors().map(|directory| directory.join(".cargo/config"));
    for stem in above.chain(homes) {
        files.extend([stem.with_extension("toml"), stem]);
    }
    let mut keys: Vec<String> =
        files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).flat_map(|text| keys(&text)).collect();
    let environment = std::env::vars_os().filter_map(|(key, _)| {
        Some(key.to_str()?.strip_prefix("CARGO_PROFILE_RELEASE_")?.to_lowercase().replace('_', "-"))
    });
    keys.extend(environment);
    keys
}

fn keys(text: &str) -> Vec<String> {
    // A file that is no TOML is cargo's to complain of.
    let table: toml::Table = text.parse().unwrap_or_default();
    let release = table.get("profile").and_then(|profile| profile.get("release")).and_then(toml::Value::as_table);
    release.map(|release| release.keys().cloned().collect()).unwrap_or_default()
}

fn cargo_home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| Some(etcetera::home_dir().ok()?.join(".cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_the_user_wrote_is_not_passed() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(
            root.path().join("Cargo.toml"),
            "[profile.release]\nlto = false\n[profile.release.package.x]\nstrip = true",
        )
        .unwrap();
        std::fs::create_dir(root.path().join(".cargo")).unwrap();
        std::fs::write(root.path().join(".cargo/config.toml"), "[profile.release]\nopt-level = \"z\"").unwrap();
        assert_eq!(configuration(root.path()), ["profile.release.codegen-units=1", "profile.release.strip=true"]);
    }

    #[test]
    fn panics_unwind_so_that_they_can_be_reported() {
        assert!(SETTINGS.iter().all(|(key, _)| *key != "panic"));
    }
}
