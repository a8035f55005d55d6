//! Messages between the modules: [`Action`] (a verb that was requested), [`Event`] (something that
//! happened) and [`Effect`] (work to start).
//!
//! A job's ID and stage are around its [`Task`] and its [`JobEvent`]s. Depends on `state` only.

use lambda_console_model::{CodeAsked, EventFile, Failure};
use serde::{Deserialize, Serialize};

use crate::tui::{
    state::{JobId, Key, Target, Viewport},
    task::{JobEvent, Task},
};

pub use crate::tui::action::Action;

/// Something that happened. Events of a job that is no longer listed are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    // The terminal and the clock.
    /// The console started: `update` returns the effects that fill the screen.
    Started {
        /// Milliseconds since the Unix epoch.
        now: i64,
        /// The local time zone, in seconds east of UTC.
        utc_offset: i32,
    },
    /// The time is `now` (milliseconds since the Unix epoch). Sent before each batch of other
    /// events, ten times a second while something moves, and otherwise every minute.
    Tick(i64),
    /// A verb was requested, by key or from the palette.
    Action(Action),
    /// A key that is not bound, for the text that has the focus.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The left mouse button went down on this.
    Click(Target),
    /// The wheel was turned over this, by this many lines; negative is up.
    Scroll(Target, i16),
    /// The terminal was resized to this many columns and rows.
    Resize(u16, u16),
    /// A frame was drawn with this space for scrollable content.
    Drawn(Viewport),
    /// The process received SIGTERM or SIGHUP: drafts are saved, and the console ends.
    Terminate,
    /// Answer to [`Effect::Continue`]: continue with the next slice.
    Continue,

    // The jobs.
    /// The job with this ID reports something.
    Job(JobId, JobEvent),
    /// Credentials need a code of an MFA device. Answer: [`Effect::GiveCode`].
    CodeAsked(CodeAsked),

    // Text.
    /// `$EDITOR` returned this text for the function's payload; an error leaves the payload
    /// unchanged.
    Edited(String, Result<String, Failure>),
    /// An event file was read: function, the file, its text.
    EventRead(String, EventFile, Result<String, Failure>),
    /// The payload drafts that an earlier run saved, by function.
    Drafts(Vec<(String, String)>),
    /// Text was copied to this clipboard; or, as an error, no program accepted the text.
    Copied(Result<String, String>),
    /// A notice that no job ended with, for example an invalid configuration file.
    Notice(Failure),
}

/// Work to start; it never blocks the caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Start a job.
    Start {
        /// The job.
        job: JobId,
        /// The stage that it works on.
        stage: String,
        /// Its work.
        task: Task,
    },
    /// Answers [`Event::CodeAsked`].
    GiveCode {
        /// ID of the request.
        id: u64,
        /// The code that was typed. `None` if there will be no code.
        code: Option<String>,
    },
    /// Notify a tail whether its lines are shown, so that no live session is paid for while nobody
    /// sees them.
    ShowTail {
        /// The tail's job.
        job: JobId,
        /// `true` if they are shown.
        shown: bool,
    },
    /// Cancel a job. It still answers, with [`Failure::interrupted`].
    Cancel(JobId),
    /// Open the function's payload in `$EDITOR`, in a file. Answer: [`Event::Edited`].
    Edit {
        /// The function's name.
        function: String,
        /// The current payload.
        text: String,
    },
    /// Read an event file. Answer: [`Event::EventRead`].
    ReadEvent {
        /// The function's name.
        function: String,
        /// The file.
        file: EventFile,
    },
    /// Read the payload drafts of earlier runs. Answer: [`Event::Drafts`].
    LoadDrafts,
    /// Save a payload for the next run, as typed, even if it is not JSON; finished before the
    /// console ends if
    /// [`Effect::Quit`] follows. No answer, but a notice if it fails.
    SaveDraft {
        /// The function's name.
        function: String,
        /// The payload.
        text: String,
    },
    /// Copy text to the clipboard with the system's programs. Answer: [`Event::Copied`].
    Copy(String),
    /// Copy text to the terminal's clipboard (OSC 52). No answer: a terminal does not report
    /// whether it accepted it.
    CopyByTerminal(String),
    /// Send [`Event::Continue`] after the next frame and the waiting keys.
    Continue,
    /// Stop the process as Ctrl-Z does, with the terminal restored meanwhile.
    Suspend,
    /// Redraw everything: another program wrote to the terminal.
    Redraw,
    /// Quit.
    Quit,
}
