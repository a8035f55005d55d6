use super::*;

#[test]
fn a_native_build_needs_no_target() {
    assert_eq!(target(Architecture::Native), None);
    assert_eq!(target(Architecture::Arm64), Some("aarch64-unknown-linux-musl"));
}

#[tokio::test]
async fn the_compiler_of_this_workspace_is_found() {
    let rust = rust::find(Path::new(env!("CARGO_MANIFEST_DIR")), &CancellationToken::new()).await.unwrap();
    assert!(rust.version.starts_with("1."), "{}", rust.version);
    assert!(rust.program("cargo").ends_with("cargo"));
    let host = standard::find(&rust, &rust.host);
    assert!(matches!(host, Some(Standard::Installed(_))), "the host's own library is there: {host:?}");
    assert_eq!(standard::find(&rust, "no-such-target"), None);
}

#[test]
fn rustups_toolchains_are_known_by_their_directory() {
    let rust = |sysroot: &str| Rust {
        version: "1.95.0".into(),
        commit: "59807616e1fa".into(),
        host: "x86_64-unknown-linux-gnu".into(),
        sysroot: sysroot.into(),
    };
    let stable = rust("/home/me/.rustup/toolchains/stable-x86_64-unknown-linux-gnu");
    assert_eq!(stable.rustup_name().as_deref(), Some("stable-x86_64-unknown-linux-gnu"));
    assert_eq!(rust("/usr").rustup_name(), None);
    assert_eq!(stable.key(), "1.95.0-59807616e");
}

#[tokio::test]
async fn a_toolchain_that_is_not_rustups_is_not_given_to_rustup() {
    let rust = Rust { version: "1.95.0".into(), commit: String::new(), host: String::new(), sysroot: "/usr".into() };
    let answer = standard::rustup(&rust, &["target", "add", "t"], "", &Job::silent()).await.unwrap();
    assert_eq!(answer.unwrap_err(), "`rustup target add t`: the toolchain in /usr is not rustup's");
}
