//! Lists the sources of the runtime, which the console carries to build the bootstrap of `exec`
//! functions in any workspace, and copies the lock file with the versions of its dependencies.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let (runtime, lock) = (root.join("runtime"), root.join("Cargo.lock"));
    let mut sources = Vec::new();
    list(&runtime.join("src"), &mut sources)?;
    sources.sort();
    let mut code = String::from("&[\n");
    for source in sources {
        let text = |path: &Path| path.to_str().map(str::to_owned).ok_or("a path is not UTF-8");
        let (name, source) = (text(source.strip_prefix(&runtime)?)?, text(&source)?);
        writeln!(code, "({name:?}, include_str!({source:?})),")?;
    }
    code.push(']');
    fs::write(out.join("runtime.rs"), code)?;
    fs::copy(&lock, out.join("Cargo.lock"))?;
    for path in [runtime.join("src"), lock] {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    Ok(())
}

/// Adds the files below `directory`, without those of tests.
fn list(directory: &Path, sources: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_stem().is_none_or(|stem| stem != "tests")
        {
            sources.push(path);
        }
    }
    Ok(())
}
