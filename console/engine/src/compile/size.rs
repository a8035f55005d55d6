//! Reads the size of a bootstrap, by section.
//!
//! Reads the bootstrap; changes nothing.

use async_recursion::async_recursion as boxed;
use lambda_console_model::{BootstrapSize, Failure, Function, SectionSize};
use object::{
    Endianness, elf,
    read::elf::{FileHeader, SectionHeader},
};

/// Name of the bytes of a file that are in no section.
const REST: &str = "headers, padding";

/// Reads the size of the function's bootstrap, as it was built last.
///
/// # Errors
/// Returns a usage error if the function is not built, and an error if its bootstrap cannot be read
/// or is not an ELF executable.
#[boxed]
pub async fn size(function: &Function) -> Result<BootstrapSize, Failure> {
    let name = &function.name;
    let what = format!("could not read the size of {name}");
    let Some(bootstrap) = &function.bootstrap else {
        let hint = format!("run `lambda-console build {name}`");
        return Err(Failure::usage(what, "it is not built", hint));
    };
    let rebuild = format!("build it again: `lambda-console build {name}`");
    let place = bootstrap.path.display();
    let data = tokio::fs::read(&bootstrap.path)
        .await
        .map_err(|error| Failure::work(&*what, format!("{place}: {error}"), &*rebuild))?;
    let sections = sections(&data).map_err(|error| {
        Failure::work(&*what, format!("{place} is not a 64-bit ELF executable: {error}"), &*rebuild)
    })?;
    Ok(BootstrapSize {
        name: name.clone(),
        bytes: data.len() as u64,
        zip_bytes: function.zip.as_ref().map(|zip| zip.bytes),
        sections,
    })
}

/// Returns the sections that have bytes in the file, largest first, then the rest.
fn sections(data: &[u8]) -> object::Result<Vec<SectionSize>> {
    let header = elf::FileHeader64::<Endianness>::parse(data)?;
    let endian = header.endian()?;
    let table = header.sections(endian, data)?;
    let mut sections = Vec::new();
    for section in table.iter() {
        let bytes = section.sh_size(endian);
        if bytes > 0 && !matches!(section.sh_type(endian), elf::SHT_NULL | elf::SHT_NOBITS) {
            let name = String::from_utf8_lossy(table.section_name(endian, section)?).into_owned();
            sections.push(SectionSize { name, bytes });
        }
    }
    sections.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    let known: u64 = sections.iter().map(|section| section.bytes).sum();
    let rest = (data.len() as u64).saturating_sub(known);
    sections.push(SectionSize { name: REST.to_owned(), bytes: rest });
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use lambda_console_model::{
        Architecture, Bootstrap, CargoTarget, FunctionConfig, RuntimeCrate,
    };

    use super::*;

    fn hello(bootstrap: Option<PathBuf>) -> Function {
        Function {
            name: "hello".into(),
            binary: "hello".into(),
            package: "hello".into(),
            manifest: PathBuf::new(),
            target: CargoTarget::default(),
            runtime: RuntimeCrate::Bundled,
            architecture: Architecture::Native,
            config: FunctionConfig::default(),
            events: Vec::new(),
            bootstrap: bootstrap.map(|path| Bootstrap { path, bytes: 0, built_at: 0 }),
            zip: None,
            stale: false,
        }
    }

    #[tokio::test]
    async fn the_sections_of_an_executable_add_up_to_its_size() {
        let test = std::env::current_exe().unwrap();
        let size = size(&hello(Some(test.clone()))).await.unwrap();
        assert_eq!(size.bytes, test.metadata().unwrap().len());
        let sum: u64 = size.sections.iter().map(|section| section.bytes).sum();
        assert_eq!(sum, size.bytes);
        assert!(size.sections.iter().any(|section| section.name == ".text"), "{size:?}");
        let (rest, sections) = size.sections.split_last().unwrap();
        assert_eq!(rest.name, REST);
        assert!(sections.is_sorted_by(|a, b| a.bytes >= b.bytes), "{sections:?}");
    }

    #[tokio::test]
    async fn a_function_without_a_bootstrap_or_with_another_file_is_to_be_built() {
        let none = size(&hello(None)).await;
        assert_eq!(none.unwrap_err().hint, "run `lambda-console build hello`");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bootstrap");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        let failure = size(&hello(Some(path))).await.unwrap_err();
        assert!(failure.why.contains("is not a 64-bit ELF executable"), "{failure}");
    }
}
