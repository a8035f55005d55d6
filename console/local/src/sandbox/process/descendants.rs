//! The processes of a sandbox: those of its process groups and their descendants. Reads `/proc`
//! only; without it, no process is found.

use std::{collections::HashMap, fs};

use rustix::process::Pid;

/// The processes that belong to one of these groups, or descend from a leader of one: a daemon
/// leaves its group, but keeps its parent.
pub(crate) fn descendants(groups: &[Pid]) -> Vec<Pid> {
    let table = table();
    let belongs = |process: &Pid| {
        // The chain of parents is finite; the limit is for a table that changed while it was read.
        let mut at = *process;
        for _ in 0..64 {
            let Some((parent, group)) = table.get(&at) else { return false };
            if groups.contains(&at) || group.is_some_and(|group| groups.contains(&group)) {
                return true;
            }
            let Some(parent) = parent else { return false };
            at = *parent;
        }
        false
    };
    table.keys().copied().filter(belongs).collect()
}

/// Every process, its parent and its group.
fn table() -> HashMap<Pid, (Option<Pid>, Option<Pid>)> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    entries
        .filter_map(|entry| {
            let process: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // The name may contain any character; the fields after it are: state, parent, group.
            let (_, rest) = stat.rsplit_once(") ")?;
            // A process that is just being reaped has the group -1.
            let id = |field: &str| field.parse().ok().filter(|id| *id > 0).and_then(Pid::from_raw);
            let mut fields = rest.split(' ').skip(1).map(id);
            Some((Pid::from_raw(process)?, (fields.next()?, fields.next()?)))
        })
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::{
        io::{BufRead as _, BufReader},
        os::unix::process::CommandExt as _,
        process::{Command, Stdio},
    };

    #[test]
    fn a_family_is_the_group_and_what_left_it_and_nobody_else() {
        let script = "sleep 600 & setsid sh -c 'echo $$; exec sleep 600' & wait";
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let left = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        let group = Pid::from_child(&shell);
        let descendants = descendants(&[group]);
        assert!(descendants.contains(&group) && descendants.contains(&left), "{descendants:?}");
        assert!(!descendants.contains(&rustix::process::getpid()), "{descendants:?}");
        assert_eq!(descendants.len(), 3, "{descendants:?}");
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        shell.wait().unwrap();
    }
}
