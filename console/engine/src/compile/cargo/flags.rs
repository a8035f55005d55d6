//! The compiler's flags of a build for Lambda: the console's, then the user's, so that the user's
//! take precedence. Flags that name this machine's processor, or another linker than the one in
//! use, are left out.
//!
//! Runs `rustc` if a flag names a processor; changes nothing.

use std::collections::BTreeSet;

use lambda_console_model::{Architecture, Failure};

use crate::{
    Job,
    compile::{
        cargo_config::{Flag, join},
        toolchain::Toolchain,
    },
};

/// The flags of a build for Lambda.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::compile) struct Flags {
    /// In the format of `CARGO_ENCODED_RUSTFLAGS`.
    pub(in crate::compile) encoded: String,
    /// Flags that were left out, and their sources; `None` if none were.
    pub(in crate::compile) warning: Option<String>,
    /// The user's linker arguments, and their sources; for the error when the linker rejects them.
    pub(in crate::compile) to_linker: Option<String>,
}

impl Flags {
    /// Reads the user's flags and appends them to the console's.
    pub(in crate::compile) async fn of(
        architecture: Architecture,
        target: &str,
        toolchain: &Toolchain,
        job: &Job,
    ) -> Result<Self, Failure> {
        let configuration = &toolchain.configuration;
        let theirs = configuration.rustflags(&toolchain.rust, target, &job.cancel).await?;
        let names = |option: &str| {
            theirs.iter().any(|flag| flag.codegen().is_some_and(|(name, _)| name == option))
        };
        let known = async |option: &str, list: &str| {
            let text = if names(option) {
                toolchain.rust.print(list, target, &job.cancel).await?
            } else {
                String::new()
            };
            Ok::<_, Failure>(listed(&text))
        };
        let known = Known {
            processors: known("target-cpu", "target-cpus").await?,
            features: known("target-feature", "target-features").await?,
        };
        let (kept, mut left_out): (Vec<Flag>, Vec<Flag>) =
            theirs.into_iter().partition(|flag| known.fits(flag));
        let linker = configuration.linker_of_environment(target);
        left_out.extend(linker.map(|(linker, origin)| Flag { words: vec![linker], origin }));
        let ours = ours(architecture, toolchain);
        let has_sysroot = kept.iter().any(Flag::is_sysroot);
        let ours = ours
            .iter()
            .filter(|flag| !(has_sysroot && flag.starts_with("--sysroot=")))
            .map(String::as_str);
        let encoded =
            join(ours.chain(kept.iter().flat_map(|flag| flag.words.iter().map(String::as_str))));
        let warning = described(toolchain, &left_out, job).await;
        let warning = warning.map(|flags| {
            format!(
                "ignored for {architecture}: {flags}; a bootstrap runs on Lambda's processor and \
                is linked by zig"
            )
        });
        let linking: Vec<Flag> = kept.into_iter().filter(is_to_linker).collect();
        Ok(Self { encoded, warning, to_linker: described(toolchain, &linking, job).await })
    }
}

/// Flags for the crates of the target alone: host crates and macros keep the toolchain's own
/// library.
fn ours(architecture: Architecture, toolchain: &Toolchain) -> Vec<String> {
    let processor =
        (architecture == Architecture::Arm64).then(|| "-Ctarget-cpu=neoverse-n1".to_owned());
    let sysroot = toolchain.sysroot.as_ref().map(|sysroot| {
        // The library cannot name the functions of a backtrace, so the runtime need not walk the
        // stack.
        [format!("--sysroot={}", sysroot.display()), "--cfg=lambda_no_backtrace".to_owned()]
    });
    processor.into_iter().chain(sysroot.into_iter().flatten()).collect()
}

/// ``` `-Ctarget-cpu=native` (build.rustflags in /w/.cargo/config.toml) ```, those of one
/// place together.
async fn described(toolchain: &Toolchain, flags: &[Flag], job: &Job) -> Option<String> {
    let mut places: Vec<(String, Vec<String>)> = Vec::new();
    for flag in flags {
        let word = flag.words.last().map(String::as_str).unwrap_or_default();
        let place = toolchain.configuration.describe(&flag.origin, word, &job.cancel).await;
        let shown = format!("`{flag}`");
        match places.iter_mut().find(|(other, _)| *other == place) {
            Some((_, shown_there)) => shown_there.push(shown),
            None => places.push((place, vec![shown])),
        }
    }
    let texts: Vec<String> = places
        .into_iter()
        .map(|(place, flags)| format!("{} ({place})", flags.join(", ")))
        .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// The names in a list of `rustc --print`: the first word of each line that is indented.
fn listed(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| line.starts_with(' '));
    lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

/// Processors and features of the target.
#[derive(Default)]
struct Known {
    processors: BTreeSet<String>,
    features: BTreeSet<String>,
}

impl Known {
    fn fits(&self, flag: &Flag) -> bool {
        let Some((option, value)) = flag.codegen() else {
            return !flag.words.iter().any(|word| word.contains("linker-features"));
        };
        match option.as_str() {
            "target-cpu" => value != "native" && self.processors.contains(value),
            // A dynamic bootstrap finds no musl on Lambda.
            "target-feature" => value.split(',').all(|feature| {
                feature != "-crt-static"
                    && self.features.contains(feature.trim_start_matches(['+', '-']))
            }),
            "linker" | "linker-flavor" | "linker-features" | "link-self-contained" => false,
            "link-arg" | "link-args" | "pre-link-arg" | "pre-link-args" => {
                value.split_whitespace().all(|word| !is_of_another_linker(word))
            }
            _ => true,
        }
    }
}

/// Returns the linker arguments in the user's flags, and linkers that they name, in a build that
/// cargo links itself.
pub(in crate::compile) async fn to_linker(
    target: &str,
    toolchain: &Toolchain,
    job: &Job,
) -> Option<String> {
    let theirs =
        toolchain.configuration.rustflags(&toolchain.rust, target, &job.cancel).await.ok()?;
    described(toolchain, &theirs.into_iter().filter(is_to_linker).collect::<Vec<_>>(), job).await
}

fn is_to_linker(flag: &Flag) -> bool {
    flag.words.iter().any(|word| word.contains("link-arg") || word.contains("linker"))
}

/// Returns `true` if it selects a linker, or is an option that zig does not have.
fn is_of_another_linker(word: &str) -> bool {
    const CHOICES: [&str; 4] = ["-fuse-ld", "--ld-path", "-B", "-march="];
    const OPTIONS: [&str; 8] = [
        "--icf",
        "--threads",
        "--no-threads",
        "--thread-count",
        "--separate-debug-file",
        "--lto-",
        "--thinlto",
        "--fork",
    ];
    CHOICES.iter().any(|choice| word.starts_with(choice))
        || word.strip_prefix("-Wl,").is_some_and(|options| {
            options.split(',').any(|option| OPTIONS.iter().any(|other| option.starts_with(other)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::cargo_config::Origin;

    #[test]
    fn what_is_for_this_machine_does_not_fit() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let known = Known {
            processors: set(&["neoverse-n1", "generic", "native"]),
            features: set(&["lse", "crt-static"]),
        };
        let fits = |text: &str| {
            let words = text.split('|').map(str::to_owned).collect();
            known.fits(&Flag { words, origin: Origin::Variable("RUSTFLAGS".into()) })
        };
        for kept in [
            "-Ctarget-cpu=neoverse-n1",
            "-C|target-cpu=generic",
            "--codegen=target-cpu=generic",
            "-Ctarget-feature=+lse,+crt-static",
            "-Clink-arg=-Wl,-z,now",
            "-Clink-args=-s -Wl,--gc-sections",
            "--cfg|tokio_unstable",
            "-Cdebuginfo=1",
            "-L|/opt/lib",
            "-lfoo",
            "-Cpanic=abort",
            "-Dwarnings",
            "-Cforce-frame-pointers=yes",
        ] {
            assert!(fits(kept), "{kept}");
        }
        for left_out in [
            "-Ctarget-cpu=native",
            "-C|target_cpu=native",
            "--codegen|target-cpu=skylake",
            "-Ctarget-feature=+avx2",
            "-Ctarget-feature=-crt-static",
            "-Clinker=clang",
            "-C|linker-flavor=gcc",
            "-Clink-arg=-fuse-ld=mold",
            "-Clink-args=-s -fuse-ld=lld",
            "-Clink-arg=-Wl,--icf=all",
            "-Clink-arg=-Wl,-O1,--threads=4",
            "-Zlinker-features=-lld",
            "-Clinker-features=-lld",
            "-Clink-arg=--ld-path=/usr/bin/mold",
            "-Clink-self-contained=yes",
            "-Clink-arg=-march=native",
        ] {
            assert!(!fits(left_out), "{left_out}");
        }
    }

    #[test]
    fn the_compiler_s_lists_have_a_name_a_line() {
        let text = "Available CPUs for this target:\n    native                  - Select the CPU \
            of the current host.\n    a64fx\n\nNext\n";
        assert_eq!(listed(text).into_iter().collect::<Vec<_>>(), ["a64fx", "native"]);
    }
}
