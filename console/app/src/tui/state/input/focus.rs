//! Where the keys go: the focused pane, the shown tab, and what lies over them.

use serde::{Deserialize, Serialize};

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
    /// What cold starts cost.
    ColdStarts,
    /// The build's output.
    Build,
    /// The function's settings.
    Config,
}

impl Tab {
    /// All tabs, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Payload, Self::Response, Self::Logs, Self::ColdStarts, Self::Build, Self::Config];

    /// The tab's title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Payload => "Payload",
            Self::Response => "Response",
            Self::Logs => "Logs",
            Self::ColdStarts => "Cold starts",
            Self::Build => "Build",
            Self::Config => "Config",
        }
    }
}

/// What has the keys when nothing lies over the screen.
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

/// Which section of the keymap applies.
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
    Config,
    /// The help.
    Help,
    /// A list to choose from (palette, event files): keys that are not bound are text.
    Choose,
    /// A line to type (filter, qualifier, confirmation): keys that are not bound are text.
    Line,
    /// What says how to log in.
    Login,
    /// The plan of a deploy.
    Plan,
    /// The plan of a deploy to a protected stage, whose name is typed: keys that are not bound are text.
    Confirm,
    /// The versions of a function.
    Versions,
}

impl Context {
    /// All contexts, in the order in which the help shows them.
    pub const ALL: [Self; 14] = [
        Self::Global,
        Self::Functions,
        Self::Payload,
        Self::Edit,
        Self::Response,
        Self::Logs,
        Self::Config,
        Self::Help,
        Self::Choose,
        Self::Line,
        Self::Login,
        Self::Plan,
        Self::Confirm,
        Self::Versions,
    ];

    /// Its name in the keymap.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Functions => "functions",
            Self::Payload => "payload",
            Self::Edit => "edit",
            Self::Response => "response",
            Self::Logs => "logs",
            Self::Config => "config",
            Self::Help => "help",
            Self::Choose => "choose",
            Self::Line => "line",
            Self::Login => "login",
            Self::Plan => "plan",
            Self::Confirm => "confirm",
            Self::Versions => "versions",
        }
    }

    /// Whether keys that are bound neither here nor elsewhere are text.
    pub const fn takes_text(self) -> bool {
        matches!(self, Self::Edit | Self::Choose | Self::Line | Self::Confirm)
    }

    /// Whether the keys of [`Context::Global`] apply here too.
    pub const fn inherits(self) -> bool {
        matches!(self, Self::Functions | Self::Payload | Self::Response | Self::Logs | Self::Config)
    }
}

/// What of the screen a mouse event hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A function, by its index in the shown list.
    Function(usize),
    /// The function list beside its functions.
    Functions,
    /// A tab's title.
    Tab(Tab),
    /// The shown tab.
    Pane,
    /// A cell of the payload editor: row and column of the screen, from the top left of the text area with its gutter.
    Editor {
        /// Rows below the top of the editor.
        row: u16,
        /// Columns right of the left of the editor.
        column: u16,
    },
    /// An entry of the list that lies over the screen, by its index.
    Choice(usize),
    /// Something else of what lies over the screen.
    Overlay,
}

/// How much room the last frame gave to what scrolls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewport {
    /// Rows of the function list.
    pub functions: u16,
    /// Rows of the shown tab.
    pub rows: u16,
    /// Columns of the shown tab.
    pub columns: u16,
    /// Lines that the shown tab has in all, where it knows (0: it does not).
    pub lines: usize,
    /// The response is shown below the payload.
    pub response_below: bool,
    /// Rows of what lies over the screen.
    pub overlay: u16,
    /// Lines that what lies over the screen has in all.
    pub overlay_lines: usize,
}

/// One row of the help and of the palette: an action with the keys that ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Where the keys apply.
    pub context: Context,
    /// The keys as text; empty for an action that only the palette has.
    pub keys: Vec<String>,
    /// The action's name.
    pub run: String,
    /// What it does, in a few words.
    pub desc: String,
}
