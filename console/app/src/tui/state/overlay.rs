//! Overlays over the screen: the help, a list to choose from, a line to type.

use lambda_console_model::{CodeAsked, Role, settings::Setting};

use super::{Deletion, Editor, Picker, Plan};
use crate::tui::action::Action;

/// An overlay, which receives all keys while it is open.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The help, scrolled to this line.
    Help(usize),
    /// A list to choose from.
    Choose(Choose),
    /// A line to type.
    Line(Line),
    /// The plan of a change.
    Plan(Plan),
    /// The login: [`super::StageState::login`].
    Login,
    /// A function's versions.
    Versions(Picker),
}

impl Overlay {
    /// Returns the line editor of the overlay, if it has one.
    pub const fn editor_mut(&mut self) -> Option<&mut Editor> {
        match self {
            Self::Choose(choose) => Some(&mut choose.input),
            Self::Line(line) => Some(&mut line.input),
            Self::Plan(plan) => Some(&mut plan.typed),
            Self::Help(_) | Self::Login | Self::Versions(_) => None,
        }
    }

    /// Returns `true` if Enter applies a change that the user was asked about.
    pub const fn is_question(&self) -> bool {
        match self {
            Self::Plan(_) => true,
            Self::Line(line) => line.purpose.is_question(),
            Self::Help(_) | Self::Choose(_) | Self::Login | Self::Versions(_) => false,
        }
    }
}

/// Content of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Offer {
    /// These verbs, in the order of the entries.
    Actions(Vec<Action>),
    /// Event files of the selected function.
    Events,
    /// The stages.
    Stages,
    /// Stages that the selected function may be promoted from.
    Sources,
    /// These execution roles, in the order of the entries, to delete one.
    Roles(Vec<Role>),
    /// Missing permissions of the caller, and the policy that it needs, to copy them.
    Permissions,
    /// The formats of an export.
    Exports,
    /// Facts under this title, to be read.
    Facts(String),
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Text of the entry.
    pub label: String,
    /// Secondary text: the keys of an action.
    pub detail: String,
    /// Value of the entry: an action's name, an event file's name.
    pub value: String,
}

/// A list that can be narrowed by typing.
#[derive(Clone, Debug)]
pub struct Choose {
    /// Content of the list.
    pub offer: Offer,
    /// Text that was typed.
    pub input: Editor,
    /// All entries.
    pub entries: Vec<Entry>,
    /// Indices of the entries that match, best first.
    pub matches: Vec<usize>,
    /// Index of the selected entry in `matches`.
    pub selected: usize,
}

impl Choose {
    /// Creates a list of `entries`, not yet narrowed.
    pub fn new(offer: Offer, entries: Vec<Entry>) -> Self {
        Self {
            offer,
            input: Editor::line(""),
            matches: (0..entries.len()).collect(),
            entries,
            selected: 0,
        }
    }

    /// Returns the index of the selected entry among all entries.
    pub fn index(&self) -> Option<usize> {
        self.matches.get(self.selected).copied()
    }

    /// Returns the selected entry.
    pub fn current(&self) -> Option<&Entry> {
        self.entries.get(self.index()?)
    }
}

/// Purpose of a typed line.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// Filters the function list, as it is typed.
    FilterFunctions,
    /// Filters the logs, as it is typed.
    FilterLogs,
    /// Version or alias to invoke; empty for none.
    Qualifier,
    /// Client context to invoke with; empty for none.
    ClientContext,
    /// Tenant to invoke for; empty for none.
    Tenant,
    /// The new value of this setting of the selected function.
    Setting(Setting),
    /// The name of a new environment variable of the selected function.
    Variable,
    /// The code of an MFA device.
    Code(CodeAsked),
    /// The name of the function to delete from the stage, typed to confirm it.
    Delete(Deletion),
    /// The name of the execution role to remove, typed to confirm it.
    RemoveRole(String),
    /// The name of the protected stage, typed to confirm this change of it.
    Change(StageChange),
}

impl Purpose {
    /// Returns `true` if a name is typed to confirm a change.
    pub const fn is_question(&self) -> bool {
        matches!(self, Self::Delete(_) | Self::RemoveRole(_) | Self::Change(_))
    }
}

/// A change of a stage that can be repeated or undone.
#[derive(Clone, Debug, PartialEq)]
pub enum StageChange {
    /// Deploy these functions.
    Deploy(Vec<String>),
    /// Run this function, which deploys it.
    Run(String),
    /// Start new sandboxes for this function, which changes its configuration, and invoke it.
    ColdStart(String),
}

/// A line to type.
#[derive(Clone, Debug)]
pub struct Line {
    /// Purpose of the line.
    pub purpose: Purpose,
    /// Text that was typed.
    pub input: Editor,
    /// Previous text of a filter, restored by Esc.
    pub before: String,
    /// Reason why the text was not accepted; `None` after it was changed.
    pub refused: Option<String>,
}

impl Line {
    /// Creates a line with this text, with the cursor at its end.
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, input: Editor::line(text), before: text.to_owned(), refused: None }
    }

    /// Returns the text that was typed.
    pub fn text(&self) -> String {
        self.input.text()
    }
}
