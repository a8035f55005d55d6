//! Builds the standard library from source into a private sysroot, once per compiler and target.
//!
//! The recipe is that of the compiler's own build for the distributed libraries: all of `std` with
//! unwinding, `panic_abort` alone without, and bitcode, so that functions may use any LTO. But it
//! omits the code that finds the names of a backtrace's functions in debug information: every
//! program links it, it is a third of a small bootstrap, and a stripped one has no such
//! information. Nothing is linked, so no C toolchain is needed.
//!
//! Runs `cargo`; writes to the cache directory.

use std::{fs, io, path::Path};

use lambda_console_model::{Failure, Step};
use serde::Deserialize;

use super::{Rust, begin, cache, cache::Staging, standard};
use crate::{
    Job,
    compile::{
        child_process::{self, Pipe, RunError},
        progress,
    },
    workspace::text,
};

/// Increased whenever the built files change, so that an older sysroot is not used.
pub(super) const RECIPE: u32 = 2;

/// The settings of the library's release build.
const PROFILE: [&str; 8] = [
    "profile.release.opt-level=3",
    "profile.release.debug=0",
    "profile.release.strip=\"none\"",
    "profile.release.lto=false",
    "profile.release.codegen-units=1",
    "profile.release.incremental=false",
    "profile.release.overflow-checks=false",
    "profile.release.panic=\"unwind\"",
];

/// Object files that rustc names when it links for musl itself. cargo-zigbuild leaves them out
/// again and zig brings its own, but rustc requires them to exist.
const START_FILES: [&str; 9] = [
    "crt1.o",
    "Scrt1.o",
    "rcrt1.o",
    "crti.o",
    "crtn.o",
    "crtbegin.o",
    "crtbeginS.o",
    "crtend.o",
    "crtendS.o",
];

/// Builds the library. `wanted`: the workspace asks for it, though the toolchain might have one.
pub(super) async fn build(
    rust: &Rust,
    target: &str,
    library: &Path,
    wanted: bool,
    job: &Job,
) -> Result<(), Failure> {
    let what = format!("could not build the standard library for {target}");
    let staging = Staging::new()?;
    write_package(staging.path(), library)
        .map_err(|error| cache::failed(&what, staging.path(), &error))?;
    let text = format!("building the standard library for {target}");
    begin(job, &*text);
    let mut errors = Vec::new();
    let status = child_process::stream(
        cargo(rust, target, library, staging.path()),
        &job.cancel,
        |pipe, line| {
            if let Some((done, total)) = progress::parse(line) {
                job.report(Step::Phase { text: text.clone(), done, total });
            } else if pipe == Pipe::Stderr && !line.trim_start().starts_with("Compiling ") {
                errors.push(line.to_owned());
            }
        },
    )
    .await;
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => {
            let from = errors.iter().position(|line| line.starts_with("error")).unwrap_or(0);
            let why =
                errors[from..].iter().take(12).map(String::as_str).collect::<Vec<_>>().join("\n");
            let without =
                if wanted { ", and remove `build-std` from the workspace's manifest" } else { "" };
            let hint = format!("install it instead: `rustup target add {target}`{without}");
            return Err(Failure::environment(what, why, hint));
        }
        Err(RunError::Cancelled) => return Err(Failure::interrupted("could not set up")),
        Err(error) => {
            return Err(Failure::environment(what, format!("could not run cargo: {error}"), ""));
        }
    }
    collect(staging.path(), target)
        .map_err(|error| cache::failed(&what, staging.path(), &error))?;
    staging.place("sysroot", &standard::part(rust, target))?;
    Ok(())
}

/// A package that depends on everything of a sysroot, as the compiler's own workspace does.
fn write_package(directory: &Path, library: &Path) -> io::Result<()> {
    let path = |name: &str| toml::Value::from(library.join(name).display().to_string()).to_string();
    let patches = patches(library)?;
    let manifest = format!(
        r#"cargo-features = ["profile-rustflags"]
[package]
name = "lambda-console-sysroot"
version = "0.0.0"
edition = "2024"
[lib]
path = "lib.rs"
[workspace]
[dependencies]
std = {{ path = {std}, features = ["panic-unwind"] }}
sysroot = {{ path = {sysroot} }}
[profile.release.package.rustc-demangle]
opt-level = "s"
# One object a function, so that none clashes with the linker's own.
[profile.release.package.compiler_builtins]
codegen-units = 10000
[profile.release.package.panic_abort]
rustflags = ["-Cpanic=abort"]
{patches}"#,
        std = path("std"),
        sysroot = path("sysroot"),
    );
    fs::write(directory.join("Cargo.toml"), manifest)?;
    fs::write(directory.join("lib.rs"), "")?;
    let lock = fs::read(library.join("Cargo.lock"))
        .or_else(|_| fs::read(library.join("../Cargo.lock")))?;
    // Written rather than copied, because the source may be read-only.
    fs::write(directory.join("Cargo.lock"), lock)
}

/// The patches of a source that has no workspace of its own, as older ones have none.
fn default_patch() -> toml::Table {
    let names =
        ["rustc-std-workspace-core", "rustc-std-workspace-alloc", "rustc-std-workspace-std"];
    let entry = |name: &str| {
        (name.to_owned(), toml::Table::from_iter([("path".to_owned(), name.into())]).into())
    };
    toml::Table::from_iter([(
        "crates-io".to_owned(),
        toml::Table::from_iter(names.map(entry)).into(),
    )])
}

/// The patches of the library's own workspace, with paths that work from any directory.
fn patches(library: &Path) -> io::Result<String> {
    #[derive(Deserialize)]
    struct Workspace {
        patch: toml::Table,
    }
    let workspace = text::read(&library.join("Cargo.toml"))
        .ok()
        .and_then(|text| toml::from_str::<Workspace>(&text).ok());
    let mut patch = workspace.map_or_else(default_patch, |workspace| workspace.patch);
    for (_, entries) in &mut patch {
        for (_, entry) in entries.as_table_mut().into_iter().flatten() {
            if let Some(toml::Value::String(path)) = entry.get_mut("path") {
                *path = library.join(path.as_str()).display().to_string();
            }
        }
    }
    toml::to_string(&toml::Table::from_iter([("patch".to_owned(), patch.into())]))
        .map_err(io::Error::other)
}

fn cargo(rust: &Rust, target: &str, library: &Path, directory: &Path) -> tokio::process::Command {
    let flags = [
        // Marks the crates as the compiler's own, unstable inside.
        "-Zforce-unstable-if-unmarked".to_owned(),
        "-Aunexpected_cfgs".to_owned(),
        "-Cembed-bitcode=yes".to_owned(),
        "-Cforce-unwind-tables=yes".to_owned(),
        "-Clink-self-contained=no".to_owned(),
        // As in the distributed library: panics name the same path on every machine.
        format!("--remap-path-prefix={}=/rustc/{}/library", library.display(), rust.commit),
    ];
    let mut command = child_process::command(rust.program("cargo"), directory);
    command
        .args(["build", "--release", "--target", target])
        // The user's own configuration takes precedence over a manifest; its profiles are for the
        // user's code.
        .args(PROFILE.iter().flat_map(|setting| ["--config", setting]))
        .env("RUSTC_WRAPPER", "")
        .env("RUSTC_WORKSPACE_WRAPPER", "")
        .env("RUSTC", rust.program("rustc"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CARGO_TARGET_DIR", directory.join("target"))
        .env("CARGO_BUILD_BUILD_DIR", directory.join("target"))
        // Keeps the crates apart from those of a function with the same names.
        .env("__CARGO_DEFAULT_LIB_METADATA", "lambda-console")
        .env_remove("RUSTFLAGS");
    progress::ask_for(&mut command);
    let vendor = library.join("vendor");
    if vendor.is_dir() {
        let directory = toml::Value::from(vendor.display().to_string());
        command
            .arg("--offline")
            .args(["--config", "source.crates-io.replace-with=\"vendored-std\""])
            .args(["--config", &format!("source.vendored-std.directory={directory}")]);
    }
    command
}

/// Moves the libraries to where rustc looks for them.
fn collect(directory: &Path, target: &str) -> io::Result<()> {
    let libraries = standard::libraries(&directory.join("sysroot"), target);
    fs::create_dir_all(libraries.join("self-contained"))?;
    for entry in fs::read_dir(directory.join("target").join(target).join("release/deps"))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "rlib")
            && !name.starts_with("liblambda_console_sysroot")
        {
            fs::rename(&path, libraries.join(name))?;
        }
    }
    for name in START_FILES {
        fs::write(libraries.join("self-contained").join(name), "")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patches_are_those_of_the_library() {
        let library = tempfile::tempdir().unwrap();
        let of =
            || patches(library.path()).unwrap().parse::<toml::Table>().unwrap()["patch"].clone();
        let path = |name: &str| library.path().join(name).display().to_string();
        assert_eq!(
            of()["crates-io"]["rustc-std-workspace-alloc"]["path"].as_str(),
            Some(&*path("rustc-std-workspace-alloc"))
        );
        let manifest = "[workspace]\nmembers = \
            [\"std\"]\n[patch.crates-io]\nrustc-std-workspace-core = { \
            path = 'rustc-std-workspace-core' }\n\
                        windows-sys = { path = 'windows-sys' }\n[patch.\"https://example.org/x\"]\nx = { git = \"https://example.org/y\" }\n";
        fs::write(library.path().join("Cargo.toml"), manifest).unwrap();
        let found = of();
        assert_eq!(found["crates-io"]["windows-sys"]["path"].as_str(), Some(&*path("windows-sys")));
        assert_eq!(
            found["https://example.org/x"]["x"]["git"].as_str(),
            Some("https://example.org/y")
        );
        assert!(found["crates-io"].get("rustc-std-workspace-alloc").is_none(), "{found:?}");
    }
}
