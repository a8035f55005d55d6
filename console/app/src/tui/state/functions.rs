//! The function list with all that is known of each function.

use std::collections::BTreeMap;

use lambda_console_model::{Architecture, Deployed, Failure, Figures, Function};

use super::{Draft, Response, logs::filter_contains, settings::ConfigEditor};

/// What is known of the deployment of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deployment {
    /// The stage has not answered.
    #[default]
    Unknown,
    /// It is not there.
    Absent,
    /// It is.
    Present(Deployed),
    /// This caller may not look.
    Refused(Failure),
}

/// A function with its panes.
#[derive(Clone, Debug)]
pub struct Card {
    /// The function as discovered.
    pub function: Function,
    /// What the stage has of it.
    pub deployment: Deployment,
    /// Why its last build failed; none when it worked or there was none.
    pub build_failure: Option<Failure>,
    /// Its payload.
    pub draft: Draft,
    /// The event file that was asked for and is not read yet.
    pub asked_event: Option<String>,
    /// Its last response.
    pub response: Option<Response>,
    /// What its invocations cost.
    pub figures: Figures,
    /// Its settings on the stage.
    pub config: ConfigEditor,
}

impl Card {
    /// A card of which nothing is known but the function.
    pub fn new(function: Function) -> Self {
        Self {
            function,
            deployment: Deployment::Unknown,
            build_failure: None,
            draft: Draft::default(),
            asked_event: None,
            response: None,
            figures: Figures::default(),
            config: ConfigEditor::default(),
        }
    }

    /// What the function is built for where nothing else is asked for.
    pub fn architecture(&self) -> Architecture {
        let deployed = match &self.deployment {
            Deployment::Present(deployed) => deployed.architecture,
            Deployment::Unknown | Deployment::Absent | Deployment::Refused(_) => None,
        };
        self.function.config.architecture.or(deployed).unwrap_or_default()
    }
}

/// All functions, and which are shown.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    /// All, sorted by name.
    pub cards: Vec<Card>,
    /// Those that were listed and have left the workspace, with what was typed for them: it waits for their return.
    pub gone: Vec<Card>,
    /// Only those are shown whose name contains this.
    pub filter: String,
    /// The name of the one that was selected last. It is selected while it is shown.
    chosen: Option<String>,
}

impl Functions {
    /// The functions that the filter shows.
    pub fn shown(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().filter(|card| self.is_shown(card))
    }

    fn is_shown(&self, card: &Card) -> bool {
        filter_contains(&card.function.name, &self.filter)
    }

    /// The names of the functions that the filter shows.
    pub fn shown_names(&self) -> Vec<String> {
        self.shown().map(|card| card.function.name.clone()).collect()
    }

    /// The place of the selected function among the shown ones.
    pub fn position(&self) -> Option<usize> {
        let chosen = self.chosen.as_deref()?;
        self.shown().position(|card| card.function.name == chosen)
    }

    /// Selects the shown function at `index`, or the last one before it. Where none is shown, the one that was selected
    /// will be again.
    pub fn select(&mut self, index: usize) {
        let index = index.min(self.shown().count().saturating_sub(1));
        let name = self.shown().nth(index).map(|card| card.function.name.clone());
        if name.is_some() {
            self.chosen = name;
        }
    }

    /// Selects the first function, where none was selected before.
    pub fn select_first(&mut self) {
        if self.chosen.is_none() {
            self.select(0);
        }
    }

    /// The selected function: one that the filter hides is not.
    pub fn current(&self) -> Option<&Card> {
        self.get(self.chosen.as_deref()?).filter(|card| self.is_shown(card))
    }

    /// The selected function, to be changed.
    pub fn current_mut(&mut self) -> Option<&mut Card> {
        let name = self.selected()?.to_owned();
        self.get_mut(&name)
    }

    /// The selected function's name.
    pub fn selected(&self) -> Option<&str> {
        self.current().map(|card| card.function.name.as_str())
    }

    /// The function of this name.
    pub fn get(&self, name: &str) -> Option<&Card> {
        self.cards.iter().find(|card| card.function.name == name)
    }

    /// The function of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Card> {
        self.cards.iter_mut().find(|card| card.function.name == name)
    }

    /// What the functions are for on the stage, as far as that is known.
    pub fn deployed_architectures(&self) -> BTreeMap<String, Architecture> {
        let on_stage = |card: &Card| match &card.deployment {
            Deployment::Present(deployed) => Some((card.function.name.clone(), deployed.architecture?)),
            Deployment::Unknown | Deployment::Absent | Deployment::Refused(_) => None,
        };
        self.cards.iter().filter_map(on_stage).collect()
    }

    /// All, and those that are gone.
    pub fn known(&self) -> impl Iterator<Item = &Card> {
        self.cards.iter().chain(&self.gone)
    }

    /// All, and those that are gone, to be changed.
    pub fn known_mut(&mut self) -> impl Iterator<Item = &mut Card> {
        self.cards.iter_mut().chain(&mut self.gone)
    }

    /// The names of all functions.
    pub fn names(&self) -> Vec<String> {
        self.cards.iter().map(|card| card.function.name.clone()).collect()
    }
}
