//! Copies text to the clipboard with the programs of the system.
//!
//! May use processes and the environment.

use std::{process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// Timeout of a program.
const PATIENCE: Duration = Duration::from_secs(3);

/// A program that reads text on its standard input, and the clipboard that it writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Program {
    name: &'static str,
    arguments: &'static [&'static str],
    place: &'static str,
}

const fn program(
    name: &'static str,
    arguments: &'static [&'static str],
    place: &'static str,
) -> Program {
    Program { name, arguments, place }
}

/// Copies `text` with one program of each kind that applies: tmux's buffer, and the clipboard of
/// the desktop.
///
/// # Errors
/// Returns the text if no program accepted it.
pub async fn copy(text: String) -> Result<String, String> {
    let mut places = Vec::new();
    for kind in programs(
        |name| std::env::var_os(name).is_some_and(|value| !value.is_empty()),
        cfg!(target_os = "macos"),
    ) {
        for program in kind {
            if takes(&program, &text).await {
                places.push(program.place);
                break;
            }
        }
    }
    if places.is_empty() { Err(text) } else { Ok(places.join(" and ")) }
}

/// Returns the programs that apply, by kind; the first of each kind that works is used.
fn programs(is_set: impl Fn(&str) -> bool, is_mac: bool) -> [Vec<Program>; 2] {
    const TMUX: [Program; 2] = [
        // With `-w`, tmux copies it to the terminal too. tmux before 3.2 has no `-w`.
        program("tmux", &["load-buffer", "-w", "-"], "tmux's buffer"),
        program("tmux", &["load-buffer", "-"], "tmux's buffer"),
    ];
    let mut desktop = Vec::new();
    if is_set("WAYLAND_DISPLAY") {
        desktop.push(program("wl-copy", &[], "the clipboard"));
    }
    if is_set("DISPLAY") {
        desktop.push(program("xclip", &["-selection", "clipboard", "-in"], "the clipboard"));
        desktop.push(program("xsel", &["--clipboard", "--input"], "the clipboard"));
    }
    if is_mac {
        desktop.push(program("pbcopy", &[], "the clipboard"));
    }
    [if is_set("TMUX") { TMUX.to_vec() } else { Vec::new() }, desktop]
}

/// Returns `true` if the program exists and accepted the text.
async fn takes(program: &Program, text: &str) -> bool {
    let mut command = Command::new(program.name);
    // The process that serves the selection stays in the background: it must not hold our pipes,
    // and outlives the console.
    command
        .args(program.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut child) = command.process_group(0).kill_on_drop(true).spawn() else { return false };
    let taken = async {
        let mut stdin = child.stdin.take()?;
        stdin.write_all(text.as_bytes()).await.ok()?;
        drop(stdin);
        child.wait().await.ok()
    };
    matches!(timeout(PATIENCE, taken).await, Ok(Some(status)) if status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(set: &[&str], is_mac: bool) -> [Vec<&'static str>; 2] {
        programs(|name| set.contains(&name), is_mac)
            .map(|kind| kind.iter().map(|program| program.name).collect())
    }

    #[test]
    fn only_programs_of_what_is_there_are_tried() {
        let none: [Vec<&str>; 2] = [vec![], vec![]];
        assert_eq!(names(&[], false), none);
        assert_eq!(names(&["TMUX"], false), [vec!["tmux", "tmux"], vec![]]);
        assert_eq!(
            names(&["DISPLAY", "WAYLAND_DISPLAY"], false),
            [vec![], vec!["wl-copy", "xclip", "xsel"]]
        );
        assert_eq!(names(&["TMUX"], true), [vec!["tmux", "tmux"], vec!["pbcopy"]]);
    }

    #[tokio::test]
    async fn a_program_accepts_the_whole_text_or_fails() {
        let text = "grüße\n".repeat(300_000);
        let shell = |arguments| program("sh", arguments, "");
        assert!(takes(&shell(&["-c", "test $(wc -c) = 2400000"]), &text).await);
        assert!(!takes(&shell(&["-c", "cat > /dev/null; exit 1"]), &text).await);
        assert!(!takes(&shell(&["-c", "exec <&-; exit 0"]), &text).await, "it has not read it");
        assert!(!takes(&program("no-such-program-here", &[], ""), &text).await);
    }
}
