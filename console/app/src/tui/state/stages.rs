//! State of each stage, by name; [`State::active`] is the name of the one on screen.

use std::{collections::BTreeMap, sync::LazyLock};

use lambda_console_model::{Architecture, Deployed, Failure, Figures, StageInfo};

use super::{
    Card, Connection, Login, Logs, Response, Run, State, Tail, Watch, settings::ConfigEditor,
};

/// State of one stage. Switching to it shows it immediately, and results that arrive while another
/// stage is active go to their own.
#[derive(Clone, Debug, Default)]
pub struct StageState {
    /// The options that a headless command needs for this stage, quoted for a shell: `--stage
    /// beta`.
    pub arguments: String,
    /// State of the connection, with the caller.
    pub connection: Connection,
    /// Work that waits for a login.
    pub login: Option<Login>,
    /// Expiration of credentials that was already handled by checking them again, in milliseconds
    /// since the Unix epoch.
    pub expiry_seen: Option<i64>,
    /// State of each function on this stage, by name.
    pub functions: BTreeMap<String, OnStage>,
    /// The log lines.
    pub logs: Logs,
    /// State of the tail; `None` if no logs are followed.
    pub tail: Option<Tail>,
    /// Total time that live sessions of ended tails were open, in milliseconds.
    pub live_ms: i64,
    /// State of watching, which builds and deploys saved changes; `None` if it is off.
    pub watch: Option<Watch>,
    /// The last run.
    pub run: Option<Run>,
    /// The version or alias that is invoked.
    pub qualifier: Option<String>,
    /// The tenant that functions are invoked for.
    pub tenant: Option<String>,
}

/// State of a function on one stage.
#[derive(Clone, Debug, Default)]
pub struct OnStage {
    /// Its deployment.
    pub deployment: Deployment,
    /// Its last response.
    pub response: Option<Response>,
    /// Figures of its invocations.
    pub figures: Figures,
    /// Its settings.
    pub config: ConfigEditor,
}

/// Deployment of a function on a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deployment {
    /// The stage has not answered.
    #[default]
    Unknown,
    /// Not deployed.
    Absent,
    /// Deployed.
    Present(Deployed),
    /// The caller has no permission to read it.
    Refused(Failure),
}

/// State of what was not read yet.
static STAGE: LazyLock<StageState> = LazyLock::new(StageState::default);
static FUNCTION: LazyLock<OnStage> = LazyLock::new(OnStage::default);

impl StageState {
    /// Creates the state of a stage with this name, before anything was read.
    pub fn new(stage: &str) -> Self {
        let arguments =
            if stage == StageInfo::LOCAL { String::new() } else { format!("--stage {stage}") };
        Self { arguments, ..Self::default() }
    }

    /// Returns the state of the function with this name.
    pub fn function(&self, name: &str) -> &OnStage {
        self.functions.get(name).unwrap_or(&FUNCTION)
    }

    /// Returns the state of the function with this name, mutably.
    pub fn function_mut(&mut self, name: &str) -> &mut OnStage {
        self.functions.entry(name.to_owned()).or_default()
    }

    /// Returns `true` if changes on the stage need its name typed.
    pub const fn is_protected(&self) -> bool {
        matches!(&self.connection, Connection::Connected(info) if info.protected)
    }

    /// Returns `true` if saved functions wait to be rebuilt for this stage.
    pub fn is_waiting(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| !watch.waiting.is_empty())
    }

    /// Returns the functions with settings that are edited but not sent.
    pub fn edited(&self) -> impl Iterator<Item = &str> {
        let edited =
            self.functions.iter().filter(|(_, function)| !function.config.edits.is_empty());
        edited.map(|(name, _)| name.as_str())
    }

    /// Returns the known architectures of the functions on the stage.
    pub fn architectures(&self) -> BTreeMap<String, Architecture> {
        let known = self.functions.iter();
        known
            .filter_map(|(name, function)| Some((name.clone(), function.architecture()?)))
            .collect()
    }
}

impl OnStage {
    /// Returns the architecture that is deployed, if it is known.
    pub const fn architecture(&self) -> Option<Architecture> {
        match &self.deployment {
            Deployment::Present(deployed) => deployed.architecture,
            Deployment::Unknown | Deployment::Absent | Deployment::Refused(_) => None,
        }
    }
}

impl State {
    /// Returns the active stage.
    pub fn stage(&self) -> &StageState {
        self.on(&self.active)
    }

    /// Returns the active stage, mutably.
    pub fn stage_mut(&mut self) -> &mut StageState {
        let active = &self.active;
        self.stages.entry(active.clone()).or_insert_with(|| StageState::new(active))
    }

    /// Returns the stage with this name.
    pub fn on(&self, stage: &str) -> &StageState {
        self.stages.get(stage).unwrap_or(&STAGE)
    }

    /// Returns the stage with this name, mutably.
    pub fn on_mut(&mut self, stage: &str) -> &mut StageState {
        self.stages.entry(stage.to_owned()).or_insert_with(|| StageState::new(stage))
    }

    /// Makes `stage` the active one.
    pub fn activate(&mut self, stage: &str) {
        stage.clone_into(&mut self.active);
        self.stage_mut();
    }

    /// Returns the selected function, with its state on the active stage.
    pub fn selected(&self) -> Option<(&Card, &OnStage)> {
        let card = self.functions.current()?;
        Some((card, self.stage().function(&card.function.name)))
    }

    /// Returns the selected function, with its state on the active stage, mutably.
    pub fn selected_mut(&mut self) -> Option<(&Card, &mut OnStage)> {
        let card = self.functions.current()?;
        let stage = self.stages.entry(self.active.clone()).or_default();
        Some((card, stage.function_mut(&card.function.name)))
    }

    /// Returns the architecture to build a function for, unless another one is chosen.
    pub fn architecture_of(&self, card: &Card) -> Architecture {
        let deployed = || self.stage().function(&card.function.name).architecture();
        card.function.config.architecture.or_else(deployed).unwrap_or_default()
    }
}
