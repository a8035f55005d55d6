//! A copy of this workspace: tests depend on nothing that was built in the checkout, and change
//! nothing there.

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::Home;

/// Files and folders that are copied whole, beside the functions.
const COPIED: [&str; 5] = ["Cargo.lock", "Cargo.toml", "console", "runtime", "tests"];
/// The functions that are copied: a user adds functions of their own to the checkout.
const FUNCTIONS: [&str; 6] = ["backend", "concurrent", "exec", "hello", "router", "stream"];

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is inside the repository")
        .to_path_buf()
}

/// The target directory of these tests, which cargo built to `debug/deps` or the like in it.
pub fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        let program = std::env::current_exe().expect("this program");
        program.ancestors().nth(3).expect("it is in a target directory").to_path_buf()
    })
}

/// The copy of this workspace, with its own target directory. All tests and runs share it, so that
/// it is compiled once; no test changes its files.
pub fn workspace() -> &'static Path {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| {
        let fixtures = target().join("fixtures");
        fs::create_dir_all(&fixtures).expect("the target directory is ours");
        let lock = File::create(fixtures.join("workspace.lock")).expect("the directory is ours");
        lock.lock().expect("another run of the tests ends its copying");
        let copy = fixtures.join("workspace");
        let (root, functions) = (repository(), Path::new("functions"));
        for name in COPIED {
            mirror(&root.join(name), &copy.join(name)).expect("the target directory is ours");
        }
        let wanted = FUNCTIONS.map(OsString::from).into();
        mirror_entries(&root.join(functions), &copy.join(functions), &wanted)
            .expect("the target directory is ours");
        let settings = "[build]\ntarget-dir = \"target\"\n";
        write(&copy.join(".cargo/config.toml"), settings.as_bytes()).expect("the copy is ours");
        copy
    })
}

/// A home for the copy of this workspace, where `hello` is built for ARM64.
pub fn hello() -> Home {
    static BUILT: OnceLock<()> = OnceLock::new();
    let home = Home::new(workspace());
    BUILT.get_or_init(|| drop(home.run(["build", "hello", "--json"]).ok()));
    home
}

/// Makes `to` equal to `from`, without target directories. A file that is equal already is not
/// written: for cargo a written file has changed.
fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return write(to, &fs::read(from)?);
    }
    let mut wanted = names(from)?;
    wanted.remove(OsStr::new("target"));
    mirror_entries(from, to, &wanted)
}

/// Makes the directory `to` have these entries of `from`, and no others.
fn mirror_entries(from: &Path, to: &Path, wanted: &HashSet<OsString>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for name in names(to)?.difference(wanted) {
        let path = to.join(name);
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    wanted.iter().try_for_each(|name| mirror(&from.join(name), &to.join(name)))
}

fn names(directory: &Path) -> io::Result<HashSet<OsString>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// Writes a file whose content differs, and creates its directories.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().expect("a file has a directory"))?;
    fs::write(path, content)
}
