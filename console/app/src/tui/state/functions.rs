//! The function list with the state of each function.

use lambda_console_model::{Failure, Function};

use super::{Draft, logs::filter_contains};

/// A function, as it is on all stages.
#[derive(Clone, Debug)]
pub struct Card {
    /// The function as discovered.
    pub function: Function,
    /// Error of its last build; `None` if it succeeded or there was none.
    pub build_failure: Option<Failure>,
    /// Its payload.
    pub draft: Draft,
    /// Event file that was requested and is not read yet.
    pub asked_event: Option<String>,
}

impl Card {
    /// Creates a card for a function, without further state.
    pub fn new(function: Function) -> Self {
        Self { function, build_failure: None, draft: Draft::default(), asked_event: None }
    }
}

/// All functions, with the filter and the selection.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    /// All, sorted by name.
    pub cards: Vec<Card>,
    /// Functions that were listed and have left the workspace, with their drafts, which are
    /// restored if they return.
    pub gone: Vec<Card>,
    /// Filter: only functions whose names contain this are shown.
    pub filter: String,
    /// Name of the function that was selected last. It is selected while it is shown.
    chosen: Option<String>,
}

impl Functions {
    /// Returns the functions that the filter shows.
    pub fn shown(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(|card| self.is_shown(card))
    }

    fn is_shown(&self, card: &Card) -> bool {
        filter_contains(&card.function.name, &self.filter)
    }

    /// Returns the names of the functions that the filter shows.
    pub fn shown_names(&self) -> Vec<String> {
        self.shown().map(|card| card.function.name.clone()).collect()
    }

    /// Returns the index of the selected function among the shown ones.
    pub fn position(&self) -> Option<usize> {
        let chosen = self.chosen.as_deref()?;
        self.shown().position(|card| card.function.name == chosen)
    }

    /// Selects the shown function at `index`, or the last one before it. If none is shown, the last
    /// selection is kept.
    pub fn select(&mut self, index: usize) {
        let index = index.min(self.shown().count().saturating_sub(1));
        let name = self.shown().nth(index).map(|card| card.function.name.clone());
        if name.is_some() {
            self.chosen = name;
        }
    }

    /// Selects the first function, if none was selected before.
    pub fn select_first(&mut self) {
        if self.chosen.is_none() {
            self.select(0);
        }
    }

    /// Returns the selected function, unless the filter hides it.
    pub fn current(&self) -> Option<&Card> {
        self.get(self.chosen.as_deref()?).filter(|card| self.is_shown(card))
    }

    /// Returns the selected function, mutably.
    pub fn current_mut(&mut self) -> Option<&mut Card> {
        let name = self.selected()?.to_owned();
        self.get_mut(&name)
    }

    /// Returns the selected function's name.
    pub fn selected(&self) -> Option<&str> {
        self.current().map(|card| card.function.name.as_str())
    }

    /// Returns the function with this name.
    pub fn get(&self, name: &str) -> Option<&Card> {
        self.cards.iter().find(|card| card.function.name == name)
    }

    /// Returns the function with this name, mutably.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Card> {
        self.cards.iter_mut().find(|card| card.function.name == name)
    }

    /// Returns all functions, including those that have left the workspace.
    pub fn known(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().chain(&self.gone)
    }

    /// Returns all functions mutably, including those that have left the workspace.
    pub fn known_mut(&mut self) -> impl Iterator<Item = &mut Card> {
        self.cards.iter_mut().chain(&mut self.gone)
    }

    /// Returns the names of all functions.
    pub fn names(&self) -> Vec<String> {
        self.cards.iter().map(|card| card.function.name.clone()).collect()
    }
}
