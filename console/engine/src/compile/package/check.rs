//! Finds problems that Lambda would reject or that prevent a start, before the upload.
//!
//! Pure.

use lambda_console_model::{Architecture, Failure};
use object::{
    Endianness, elf,
    read::elf::{FileHeader, ProgramHeader},
};

/// The GLIBC version of Amazon Linux 2023, on which `provided.al2023` runs.
const NEWEST_GLIBC: (u32, u32) = (2, 34);
/// Limits of the zip in a request, and of the unpacked files.
/// Source: AWS Lambda developer guide, "Lambda quotas".
const ZIPPED: u64 = 50 * 1024 * 1024;
const UNZIPPED: u64 = 250 * 1024 * 1024;

/// Checks that Lambda can start the executable. Returns warnings.
pub(super) fn executable(
    name: &str,
    bytes: &[u8],
    architecture: Architecture,
) -> Result<Vec<String>, Failure> {
    let what = format!("{name} would not run on Lambda");
    let malformed = |error: object::Error| {
        Failure::work(&*what, format!("the bootstrap is not a 64-bit ELF executable: {error}"), "")
    };
    if architecture == Architecture::Native && !bytes.starts_with(&elf::ELFMAG) {
        // On macOS a native build has another format; it runs on the local stage alone.
        return Ok(Vec::new());
    }
    let header = elf::FileHeader64::<Endianness>::parse(bytes).map_err(malformed)?;
    let endian = header.endian().map_err(malformed)?;
    let machine = header.e_machine(endian);
    let wanted = match architecture {
        Architecture::Arm64 => elf::EM_AARCH64,
        Architecture::X86_64 => elf::EM_X86_64,
        Architecture::Native => machine,
    };
    if machine != wanted {
        let why = format!(
            "the bootstrap is for {}, and {architecture} was requested",
            machine_name(machine)
        );
        return Err(Failure::work(what, why, "build it again"));
    }
    if bytes.len() as u64 > UNZIPPED {
        let why = format!(
            "the bootstrap is {}, and Lambda accepts at most {} unzipped",
            size(bytes.len() as u64),
            size(UNZIPPED)
        );
        return Err(Failure::work(what, why, "build the release profile, or remove dependencies"));
    }
    if architecture == Architecture::Native {
        return Ok(Vec::new());
    }
    let segments = header.program_headers(endian, bytes).map_err(malformed)?;
    if segments.iter().all(|segment| segment.p_type(endian) != elf::PT_INTERP) {
        return Ok(Vec::new());
    }
    match newest_glibc(header, endian, bytes).map_err(malformed)? {
        Some((version, symbol)) if version > NEWEST_GLIBC => {
            let why = format!(
                "the symbol `{symbol}` needs GLIBC {}.{}, and Lambda has {}.{}",
                version.0, version.1, NEWEST_GLIBC.0, NEWEST_GLIBC.1
            );
            Err(Failure::work(what, why, "build it statically, for the musl target"))
        }
        _ => Ok(vec![format!(
            "{name} is dynamically linked: it needs shared libraries that Lambda may not provide"
        )]),
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
