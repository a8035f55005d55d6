//! Finds problems that Lambda would reject or that prevent a start, before the upload.
//!
//! Pure.

use lambda_console_model::{Architecture, Failure};
use object::{
    Endianness, elf,
    read::elf::{FileHeader, ProgramHeader},
};

/// The executable of a function, in messages.
pub(super) const BOOTSTRAP: &str = "the bootstrap";
/// The GLIBC version of Amazon Linux 2023, on which `provided.al2023` runs.
const NEWEST_GLIBC: (u32, u32) = (2, 34);
/// The loaders of dynamic executables on Amazon Linux 2023.
const LOADERS: [&str; 4] = [
    "/lib/ld-linux-aarch64.so.1",
    "/lib64/ld-linux-aarch64.so.1",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-x86-64.so.2",
];
/// Interpreters of scripts that `provided.al2023` is known not to have.
const NO_INTERPRETERS: [&str; 9] =
    ["python", "node", "ruby", "perl", "php", "java", "deno", "bun", "lua"];
/// Limits of the zip in a request, and of the unpacked files.
/// Source: AWS Lambda developer guide, "Lambda quotas".
const ZIPPED: u64 = 50 * 1024 * 1024;
const UNZIPPED: u64 = 250 * 1024 * 1024;

/// An executable to check.
#[derive(Clone, Copy, Debug)]
pub(super) struct Executable<'a> {
    /// The function's name.
    pub(super) function: &'a str,
    /// The file in messages: [`BOOTSTRAP`], or its name in quotes.
    pub(super) file: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) architecture: Architecture,
    /// `true` if the console has built it.
    pub(super) is_built: bool,
}

impl Executable<'_> {
    /// Checks that Lambda can start it: an ELF file, or a script. Returns warnings.
    pub(super) fn check(self) -> Result<Vec<String>, Failure> {
        let Self { file, bytes, architecture, .. } = self;
        if let Some(script) = bytes.strip_prefix(b"#!").filter(|_| !self.is_built) {
            return self.script(script);
        }
        let is_elf = bytes.starts_with(&elf::ELFMAG);
        let is_foreign = self.is_built || cfg!(target_os = "macos");
        if architecture == Architecture::Native && !is_elf && is_foreign {
            // On macOS a native build has another format; it runs on the local stage alone.
            return Ok(Vec::new());
        }
        if !is_elf && !self.is_built {
            let why = format!("{file} is neither an ELF executable nor a script with `#!`");
            return Err(self.refused(why, "name an executable for Linux, or a script"));
        }
        let malformed = |error: object::Error| {
            self.refused(format!("{file} is not a 64-bit ELF executable: {error}"), "")
        };
        let header = elf::FileHeader64::<Endianness>::parse(bytes).map_err(malformed)?;
        let endian = header.endian().map_err(malformed)?;
        let machine = header.e_machine(endian);
        let wanted = match architecture {
            Architecture::Native if self.is_built => machine,
            Architecture::Native if cfg!(target_arch = "x86_64") => elf::EM_X86_64,
            Architecture::X86_64 => elf::EM_X86_64,
            Architecture::Arm64 | Architecture::Native => elf::EM_AARCH64,
        };
        if machine != wanted {
            let is = machine_name(machine);
            let why = format!("{file} is for {is}, and {architecture} was requested");
            let hint = match machine {
                _ if self.is_built => "build it again".to_owned(),
                elf::EM_AARCH64 | elf::EM_X86_64 => format!(
                    "use one for {architecture}, or set the function's: `{is} = true` in its `build`"
                ),
                _ => "use one for arm64 or x86_64".to_owned(),
            };
            return Err(self.refused(why, &hint));
        }
        if bytes.len() as u64 > UNZIPPED {
            let why = format!(
                "{file} is {}, and Lambda accepts at most {} unzipped",
                size(bytes.len() as u64),
                size(UNZIPPED)
            );
            return Err(self.refused(why, "build the release profile, or remove dependencies"));
        }
        if architecture == Architecture::Native {
            return Ok(Vec::new());
        }
        let segments = header.program_headers(endian, bytes).map_err(malformed)?;
        let is_loader =
            |segment: &&elf::ProgramHeader64<Endianness>| segment.p_type(endian) == elf::PT_INTERP;
        let Some(loader) = segments.iter().find(is_loader) else { return Ok(Vec::new()) };
        if let Ok(Some(loader)) = loader.interpreter(endian, bytes)
            && !self.is_built
            && !LOADERS.iter().any(|known| known.as_bytes() == loader)
        {
            let loader = String::from_utf8_lossy(loader);
            let why = format!("{file} is started by `{loader}`, which Lambda does not have");
            return Err(self.refused(why, "build it statically, or for glibc"));
        }
        match newest_glibc(header, endian, bytes).map_err(malformed)? {
            Some((version, symbol)) if version > NEWEST_GLIBC => {
                let why = format!(
                    "the symbol `{symbol}` needs GLIBC {}.{}, and Lambda has {}.{}",
                    version.0, version.1, NEWEST_GLIBC.0, NEWEST_GLIBC.1
                );
                Err(self.refused(why, "build it statically, for the musl target"))
            }
            _ => Ok(vec![format!(
                "{} is dynamically linked: it needs shared libraries that Lambda may not provide",
                self.subject()
            )]),
        }
    }

    /// Checks the first line of a script, without its `#!`.
    fn script(self, script: &[u8]) -> Result<Vec<String>, Failure> {
        let file = self.file;
        let line = script.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        if line.ends_with('\r') {
            let program = line.trim();
            let why = format!(
                "the first line of {file} ends with CR LF, so its interpreter would be \
                `{program}\\r`"
            );
            return Err(self.refused(why, "save the file with LF at the ends of its lines"));
        }
        let mut words = line.split_whitespace();
        let interpreter = words.next().unwrap_or_default();
        if !interpreter.starts_with('/') {
            let why = format!("the first line of {file} has no absolute path of an interpreter");
            return Err(self.refused(why, "begin it with `#!/bin/sh` or the like"));
        }
        let mut program = interpreter.rsplit('/').next().unwrap_or_default();
        if program == "env" {
            program = words.find(|word| !word.starts_with('-')).unwrap_or_default();
        }
        let plain = program.trim_end_matches(|it: char| it.is_ascii_digit() || it == '.');
        let is_missing =
            self.architecture != Architecture::Native && NO_INTERPRETERS.contains(&plain);
        Ok(is_missing.then(|| {
            format!(
                "{} is run by `{program}`, which provided.al2023 does not have: a layer or the zip \
                has to bring it",
                self.subject()
            )
        })
        .into_iter()
        .collect())
    }

    /// The file in a warning, which has no other words about the function.
    fn subject(self) -> String {
        let Self { function, file, .. } = self;
        if file == BOOTSTRAP { function.to_owned() } else { format!("{file} of {function}") }
    }

    fn refused(self, why: String, hint: &str) -> Failure {
        Failure::work(format!("{} would not run on Lambda", self.function), why, hint)
    }
}

/// Checks the unpacked size of the executable and the files beside it.
pub(super) fn unzipped(name: &str, executable: u64, included: u64) -> Result<(), Failure> {
    let all = executable.saturating_add(included);
    if included == 0 || all <= UNZIPPED {
        return Ok(());
    }
    let why = format!(
        "the bootstrap is {} and the included files are {}, and Lambda accepts at most {} unzipped",
        size(executable),
        size(included),
        size(UNZIPPED)
    );
    Err(Failure::work(format!("{name} is too large"), why, "include less, or store it in a bucket"))
}

/// Returns a warning about a zip of this size. One over the limit of a request is deployed through
/// a bucket.
pub(super) fn zipped(name: &str, bytes: u64) -> Option<String> {
    let (is, limit) = (size(bytes), size(ZIPPED));
    if bytes > ZIPPED {
        return Some(format!(
            "bootstrap.zip of {name} is {is}, and Lambda accepts {limit} in a request: name a \
            bucket for it (`s3_bucket`), or build the release profile, remove dependencies, \
            include less"
        ));
    }
    (bytes > ZIPPED / 10 * 9)
        .then(|| format!("bootstrap.zip of {name} is {is}, close to Lambda's limit of {limit}"))
}

fn size(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / (1024.0 * 1024.0))
}

fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_AARCH64 => "arm64".into(),
        elf::EM_X86_64 => "x86_64".into(),
        other => format!("the ELF machine {other:?}"),
    }
}

/// The highest GLIBC version that a dynamic symbol needs, and such a symbol.
fn newest_glibc(
    header: &elf::FileHeader64<Endianness>,
    endian: Endianness,
    bytes: &[u8],
) -> object::Result<Option<((u32, u32), String)>> {
    let sections = header.sections(endian, bytes)?;
    let Some(versions) = sections.versions(endian, bytes)? else { return Ok(None) };
    let symbols = sections.symbols(endian, bytes, elf::SHT_DYNSYM)?;
    let mut newest: Option<((u32, u32), String)> = None;
    for (index, symbol) in symbols.enumerate() {
        let Some(version) = versions.version(versions.version_index(endian, index).index())? else {
            continue;
        };
        let Some(number) = glibc(version.name()) else { continue };
        if newest.as_ref().is_none_or(|(highest, _)| number > *highest) {
            let name = symbols.symbol_name(endian, symbol)?;
            newest = Some((number, String::from_utf8_lossy(name).into_owned()));
        }
    }
    Ok(newest)
}

fn glibc(version: &[u8]) -> Option<(u32, u32)> {
    let mut numbers = std::str::from_utf8(version).ok()?.strip_prefix("GLIBC_")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_glibc_is_a_number_to_compare() {
        assert_eq!(glibc(b"GLIBC_2.34"), Some((2, 34)));
        assert_eq!(glibc(b"GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(glibc(b"GLIBC_PRIVATE"), None);
        assert!(
            glibc(b"GLIBC_2.36") > Some(NEWEST_GLIBC) && glibc(b"GLIBC_2.9") < Some(NEWEST_GLIBC)
        );
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn the_highest_glibc_that_a_program_needs_is_found_with_a_symbol() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let header = elf::FileHeader64::<Endianness>::parse(bytes.as_slice()).unwrap();
        let (version, symbol) =
            newest_glibc(header, header.endian().unwrap(), &bytes).unwrap().unwrap();
        assert!(version >= (2, 17), "{version:?}");
        assert!(!symbol.is_empty());
    }

    #[test]
    fn a_zip_above_the_limit_or_close_to_it_is_reported() {
        assert_eq!(zipped("f", 1024), None);
        assert!(zipped("f", 49 * 1024 * 1024).unwrap().contains("49.0 MB"));
        assert!(zipped("f", ZIPPED + 1).unwrap().contains("`s3_bucket`"));
    }

    #[test]
    fn what_is_included_counts_with_the_bootstrap() {
        assert_eq!(unzipped("f", UNZIPPED - 10, 10), Ok(()));
        let failure = unzipped("f", UNZIPPED - 10, 11).unwrap_err();
        assert!(
            failure.what == "f is too large" && failure.why.contains("at most 250.0 MB"),
            "{failure:?}"
        );
    }
}
