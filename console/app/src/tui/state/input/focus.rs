//! Focus: the focused pane, the shown tab, and the targets of mouse events.

use serde::{Deserialize, Serialize};

use crate::tui::action::Action;

/// A tab of the right-hand pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tab {
    /// The payload editor.
    #[default]
    Payload,
    /// The last response.
    Response,
    /// The log lines.
    Logs,
    /// Cold starts and durations.
    Metrics,
    /// The build's output.
    Build,
    /// The function's settings.
    Settings,
}

impl Tab {
    /// All tabs, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Payload, Self::Response, Self::Logs, Self::Metrics, Self::Build, Self::Settings];

    /// The tab's title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Payload => "Payload",
            Self::Response => "Response",
            Self::Logs => "Logs",
            Self::Metrics => "Metrics",
            Self::Build => "Build",
            Self::Settings => "Settings",
        }
    }
}

/// The part of the screen that receives keys if no overlay is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Focus {
    /// The function list.
    #[default]
    Functions,
    /// The shown tab.
    Tab,
    /// The payload editor, typing.
    Edit,
}

/// Section of the keymap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// Everywhere but where text is typed.
    Global,
    /// The function list.
    Functions,
    /// The payload, not typing.
    Payload,
    /// The payload editor, typing: keys that are not bound are text.
    Edit,
    /// The response.
    Response,
    /// The logs.
    Logs,
    /// The settings.
    Settings,
    /// The help.
    Help,
    /// A list to choose from (palette, event files): keys that are not bound are text.
    Choose,
    /// A line to type (filter, qualifier, confirmation): keys that are not bound are text.
    Line,
    /// The confirmation of a deletion, with its check boxes: keys that are not bound are text.
    Delete,
    /// The overlay that shows how to log in.
    Login,
    /// The plan of a deploy.
    Plan,
    /// The plan of a deploy to a protected stage, whose name is typed: keys that are not bound are
    /// text.
    Confirm,
    /// The versions of a function.
    Versions,
}

impl Context {
    /// All contexts, in the order in which the help shows them.
    pub const ALL: [Self; 15] = [
        Self::Global,
        Self::Functions,
        Self::Payload,
        Self::Edit,
        Self::Response,
        Self::Logs,
        Self::Settings,
        Self::Help,
        Self::Choose,
        Self::Line,
        Self::Delete,
        Self::Login,
        Self::Plan,
        Self::Confirm,
        Self::Versions,
    ];

    /// Returns its name in the keymap.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Functions => "functions",
            Self::Payload => "payload",
            Self::Edit => "edit",
            Self::Response => "response",
            Self::Logs => "logs",
            Self::Settings => "settings",
            Self::Help => "help",
            Self::Choose => "choose",
            Self::Line => "line",
            Self::Delete => "delete",
            Self::Login => "login",
            Self::Plan => "plan",
            Self::Confirm => "confirm",
            Self::Versions => "versions",
        }
    }

    /// Returns its title in the help.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Global => "Global",
            Self::Functions => "Functions",
            Self::Payload => "Payload",
            Self::Edit => "Payload editor",
            Self::Response => "Response",
            Self::Logs => "Logs",
            Self::Settings => "Settings",
            Self::Help => "Help",
            Self::Choose => "List",
            Self::Line => "Prompt",
            Self::Delete => "Delete",
            Self::Login => "Login",
            Self::Plan => "Plan",
            Self::Confirm => "Plan for a protected stage",
            Self::Versions => "Versions",
        }
    }

    /// Returns `true` if keys that are bound neither here nor in [`Context::Global`] are text.
    pub const fn takes_text(self) -> bool {
        matches!(self, Self::Edit | Self::Choose | Self::Line | Self::Delete | Self::Confirm)
    }

    /// Returns `true` if the keys of [`Context::Global`] apply here too.
    pub const fn inherits(self) -> bool {
        matches!(
            self,
            Self::Functions | Self::Payload | Self::Response | Self::Logs | Self::Settings
        )
    }
}

/// Target of a mouse event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A function, by its index in the shown list.
    Function(usize),
    /// The function list, outside its functions.
    Functions,
    /// A tab's title.
    Tab(Tab),
    /// The shown tab.
    Pane,
    /// A cell of the payload editor: row and column of the screen, from the top left of the text
    /// area with its gutter.
    Editor {
        /// Rows below the top of the editor.
        row: u16,
        /// Columns right of the left of the editor.
        column: u16,
    },
    /// An entry of the list in the overlay, by its index.
    Choice(usize),
    /// Another part of the overlay.
    Overlay,
}

/// Space for scrollable content in the last frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewport {
    /// Rows of the function list.
    pub functions: u16,
    /// Rows of the shown tab.
    pub rows: u16,
    /// Columns of the shown tab.
    pub columns: u16,
    /// Total lines of the shown tab, if it has a count (0 if not).
    pub lines: usize,
    /// `true` if the response is shown below the payload.
    pub response_below: bool,
    /// Rows of the overlay.
    pub overlay: u16,
    /// Total lines of the overlay.
    pub overlay_lines: usize,
}

/// One row of the help and of the palette: an action with its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Context in which the keys apply.
    pub context: Context,
    /// The keys as text; empty for an action that is only in the palette.
    pub keys: Vec<String>,
    /// The action.
    pub run: Action,
    /// Verb and object in two or three words, for the footer; empty if it is not shown there.
    pub short: String,
    /// Description for the help and the palette.
    pub desc: String,
}
