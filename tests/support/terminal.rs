//! The console in a real pseudo-terminal, whose output is read by a terminal emulator of another
//! project.

use std::{
    io::{Read as _, Write as _},
    num::NonZeroU16,
    path::Path,
    process::Command,
    sync::{Arc, Condvar, Mutex},
    time::Instant,
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::{Home, PATIENCE, binary};

struct Screen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

/// A running console and its screen.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    screen: Arc<(Mutex<Screen>, Condvar)>,
}

impl Terminal {
    /// Starts the console of `home` on a terminal of `columns` by `rows`.
    pub fn start(home: &Home, arguments: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_program(binary(), home, arguments, columns, rows)
    }

    /// Starts it without this machine's AWS files and network settings, with these variables.
    pub fn start_with(home: &Home, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = home.command(arguments);
        for (name, value) in home.apart() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.envs(variables.iter().copied());
        Self::start_as(binary(), &command, arguments, 120, 40)
    }

    /// Starts another build of the console, or another program, in the same way.
    pub fn start_program(
        program: &Path,
        home: &Home,
        arguments: &[&str],
        columns: u16,
        rows: u16,
    ) -> Self {
        Self::start_as(program, &home.command_for(program, arguments), arguments, columns, rows)
    }

    /// Starts it in the directory and with the environment of `reference`.
    fn start_as(
        program: &Path,
        reference: &Command,
        arguments: &[&str],
        columns: u16,
        rows: u16,
    ) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(reference.get_current_dir().expect("a command has a directory"));
        for (name, value) in reference.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            }
        }
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).expect("the console starts");
        drop(pair.slave);
        let screen = Arc::new((
            Mutex::new(Screen {
                parser: vt100::Parser::new(cells(rows), cells(columns), 0),
                raw: Vec::new(),
                ended: false,
            }),
            Condvar::new(),
        ));
        let mut output = pair.master.try_clone_reader().expect("a reader");
        let shared = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            loop {
                let count = output.read(&mut buffer).unwrap_or(0);
                let mut screen = shared.0.lock().expect("no panic while locked");
                screen.parser.process(&buffer[..count]);
                screen.raw.extend_from_slice(&buffer[..count]);
                screen.ended |= count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        let keys = pair.master.take_writer().expect("a writer");
        Self { child, master: pair.master, keys, screen }
    }

    /// Types `keys`, bytes as a terminal sends them.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self.keys.flush().expect("the terminal takes keys");
    }

    /// Changes the terminal's size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.screen
            .0
            .lock()
            .expect("no panic while locked")
            .parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        self.master
            .resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 })
            .expect("the terminal resizes");
    }

    /// The process id of the console.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("the console runs")
    }

    /// Waits until the screen satisfies `condition` and returns its text.
    #[track_caller]
    pub fn until(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut screen = self.screen.0.lock().expect("no panic while locked");
        loop {
            let text = screen.parser.screen().contents();
            if condition(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !screen.ended, "never saw {what}; the screen:\n{text}");
            screen = self.screen.1.wait_timeout(screen, left).expect("no panic while locked").0;
        }
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn until_text(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Looks at the screen with its colours.
    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.screen.0.lock().expect("no panic while locked").parser.screen())
    }

    /// Waits until the console has ended. Returns its exit code, and the state of the terminal.
    pub fn finish(mut self) -> Finished {
        let status = self.child.wait().expect("the console ends");
        drop(self.keys);
        let mut screen = self.screen.0.lock().expect("no panic while locked");
        while !screen.ended {
            screen = self.screen.1.wait(screen).expect("no panic while locked");
        }
        let parsed = screen.parser.screen();
        Finished {
            code: status.exit_code(),
            alternate_screen: parsed.alternate_screen(),
            cursor_hidden: parsed.hide_cursor(),
            bracketed_paste: parsed.bracketed_paste(),
            mouse: parsed.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
            text: parsed.contents(),
        }
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has rows and columns")
}

/// State of the terminal after the console.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mode of the terminal")]
pub struct Finished {
    /// Exit code; 1 and above after a signal.
    pub code: u32,
    /// The alternate screen is still on.
    pub alternate_screen: bool,
    /// The cursor is still hidden.
    pub cursor_hidden: bool,
    /// Bracketed paste is still on.
    pub bracketed_paste: bool,
    /// Mouse reporting is still on.
    pub mouse: bool,
    /// Text of the normal screen.
    pub text: String,
}

impl Finished {
    /// Panics unless the terminal was restored.
    #[track_caller]
    pub fn assert_restored(&self) {
        assert!(
            !self.alternate_screen && !self.cursor_hidden && !self.bracketed_paste && !self.mouse,
            "the terminal was not given back: {self:?}"
        );
    }
}
