//! What lies over the screen: the help, a list to choose from, a line to type.

use lambda_console_model::{CodeAsked, VersionsChange, settings::Setting};

use super::{Deletion, Editor, Picker, Plan};

/// What has all keys while it is open.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The keys, from this line on.
    Help(usize),
    /// A list to choose from.
    Choose(Choose),
    /// A line to type.
    Line(Line),
    /// What a deploy would change.
    Plan(Plan),
    /// How to log in: [`super::State::login`].
    Login,
    /// A function's versions.
    Versions(Picker),
}

impl Overlay {
    /// The line that is typed into, where there is one.
    pub const fn editor_mut(&mut self) -> Option<&mut Editor> {
        match self {
            Self::Choose(choose) => Some(&mut choose.input),
            Self::Line(line) => Some(&mut line.input),
            Self::Plan(plan) => Some(&mut plan.typed),
            Self::Help(_) | Self::Login | Self::Versions(_) => None,
        }
    }

    /// Whether Enter here makes a change that was asked about.
    pub const fn is_question(&self) -> bool {
        match self {
            Self::Plan(_) => true,
            Self::Line(line) => line.purpose.is_question(),
            Self::Choose(choose) => matches!(choose.offer, Offer::Change(_)),
            Self::Help(_) | Self::Login | Self::Versions(_) => false,
        }
    }
}

/// What a list offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The rows of [`super::State::hints`]: all verbs.
    Actions,
    /// The event files of the selected function.
    Events,
    /// The stages.
    Stages,
    /// The stages that the selected function may be promoted from.
    Sources,
    /// Execution roles, to remove one.
    Roles,
    /// What the caller may not do, and the policy that it needs: to copy it.
    Permissions,
    /// Whether to make this change.
    Change(StageChange),
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it says.
    pub label: String,
    /// What it says less loudly: the keys of an action.
    pub detail: String,
    /// What it stands for: an action's name, an event file's name.
    pub value: String,
}

/// A list narrowed by typing.
#[derive(Clone, Debug)]
pub struct Choose {
    /// What it offers.
    pub offer: Offer,
    /// What was typed.
    pub input: Editor,
    /// What is offered.
    pub entries: Vec<Entry>,
    /// Indices of the entries that match, best first.
    pub matches: Vec<usize>,
    /// The chosen one of `matches`.
    pub selected: usize,
    /// The versions that it was opened from, to which it goes back.
    pub under: Option<Box<Picker>>,
}

impl Choose {
    /// The list of `entries`, not yet narrowed.
    pub fn new(offer: Offer, entries: Vec<Entry>) -> Self {
        Self {
            offer,
            input: Editor::line(""),
            matches: (0..entries.len()).collect(),
            entries,
            selected: 0,
            under: None,
        }
    }

    /// The chosen entry.
    pub fn current(&self) -> Option<&Entry> {
        self.entries.get(*self.matches.get(self.selected)?)
    }
}

/// What a typed line is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Narrows the function list, as it is typed.
    FilterFunctions,
    /// Narrows the logs, as it is typed.
    FilterLogs,
    /// The version or alias to invoke; empty: none.
    Qualifier,
    /// The client context to invoke with; empty: none.
    ClientContext,
    /// The tenant to invoke for; empty: none.
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
    /// The name of the function of which these versions shall be deleted, typed to confirm it.
    Prune(String, Vec<String>),
    /// The name of the protected stage, typed to confirm this change of it.
    Change(StageChange),
}

impl Purpose {
    /// Whether a name is typed to confirm a change.
    pub const fn is_question(&self) -> bool {
        matches!(self, Self::Delete(_) | Self::RemoveRole(_) | Self::Prune(..) | Self::Change(_))
    }
}

/// What changes a stage and can be repeated or taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageChange {
    /// These functions are deployed.
    Deploy(Vec<String>),
    /// The loop of this function, which deploys it.
    Loop(String),
    /// New sandboxes for this function, whose configuration is touched for that, and an invocation.
    ColdStart(String),
    /// This is done to the versions of this function.
    Versions(String, VersionsChange),
}

/// A line to type.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it is for.
    pub purpose: Purpose,
    /// What was typed.
    pub input: Editor,
    /// What a filter was before, for Esc.
    pub before: String,
    /// Why what is typed was not taken; none once it was changed.
    pub refused: Option<String>,
}

impl Line {
    /// A line that begins as `text`, with the cursor at its end.
    pub fn new(purpose: Purpose, text: &str) -> Self {
        Self { purpose, input: Editor::line(text), before: text.to_owned(), refused: None }
    }

    /// What was typed.
    pub fn text(&self) -> String {
        self.input.text()
    }
}
