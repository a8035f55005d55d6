//! State of one stage. The state of the shown stage is in [`State`] and its cards; that of every
//! other stage is kept here, so that switching back shows it immediately, and results that arrive
//! meanwhile go to their stage.

use std::collections::BTreeMap;

use lambda_console_model::{Figures, StageInfo};

use super::{
    Card, Connection, Deployment, Login, Logs, Response, Run, State, Tail, Watch,
    settings::ConfigEditor,
};

/// State of a stage that is not shown.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The options that a headless command needs for this stage, quoted for a shell: `--stage
    /// beta`.
    pub arguments: String,
    /// State of the connection, with the caller.
    pub connection: Connection,
    cards: BTreeMap<String, CardSite>,
    logs: Logs,
    tail: Option<Tail>,
    live_ms: i64,
    run: Option<Run>,
    watch: Option<Watch>,
    qualifier: Option<String>,
    login: Option<Login>,
    expiry_seen: Option<i64>,
    tenant: Option<String>,
}

/// State of one function on a stage.
#[derive(Clone, Debug, Default)]
struct CardSite {
    deployment: Deployment,
    response: Option<Response>,
    figures: Figures,
    config: ConfigEditor,
}

impl Site {
    /// Creates the state of a stage with this name, before anything was read.
    pub fn new(stage: &str) -> Self {
        let arguments =
            if stage == StageInfo::LOCAL { String::new() } else { format!("--stage {stage}") };
        Self { arguments, ..Self::default() }
    }

    /// Returns the tail of the stage.
    pub const fn tail_mut(&mut self) -> Option<&mut Tail> {
        self.tail.as_mut()
    }

    /// Returns the functions with settings that are edited but not sent.
    pub fn edited(&self) -> impl Iterator<Item = &str> {
        let edited = self.cards.iter().filter(|(_, card)| !card.config.edits.is_empty());
        edited.map(|(name, _)| name.as_str())
    }

    /// Returns `true` if saved functions wait to be rebuilt for this stage.
    pub fn is_waiting(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| !watch.waiting.is_empty())
    }
}

impl State {
    /// Makes `stage` the shown one. The state of the previous one is kept.
    pub fn turn_to(&mut self, stage: &str) {
        if self.options.stage == stage {
            return;
        }
        let mut site = self.sites.remove(stage).unwrap_or_else(|| Site::new(stage));
        self.exchange(&mut site);
        stage.clone_into(&mut self.jobs.stage);
        let before = std::mem::replace(&mut self.options.stage, stage.to_owned());
        self.sites.insert(before, site);
    }

    /// Exchanges the state that belongs to a stage. All fields are listed here, so that the
    /// compiler asks about a new one.
    fn exchange(&mut self, site: &mut Site) {
        let Self {
            options,
            connection,
            functions,
            logs,
            tail,
            live_ms,
            run,
            watch,
            qualifier,
            login,
            expiry_seen,
            tenant,
            // State of the workspace, the screen or the user, independent of the stage.
            now: _,
            utc_offset: _,
            workspace: _,
            stages: _,
            sites: _,
            codes: _,
            setup: _,
            drafts: _,
            output: _,
            jobs: _,
            notice: _,
            command: _,
            architecture: _,
            debug: _,
            mode: _,
            client_context: _,
            focus: _,
            tab: _,
            overlay: _,
            revealed: _,
            top: _,
            hints: _,
            viewport: _,
            copying: _,
            quit_asked: _,
            ahead: _,
        } = self;
        std::mem::swap(&mut options.stage_arguments, &mut site.arguments);
        std::mem::swap(connection, &mut site.connection);
        std::mem::swap(logs, &mut site.logs);
        std::mem::swap(tail, &mut site.tail);
        std::mem::swap(live_ms, &mut site.live_ms);
        std::mem::swap(run, &mut site.run);
        std::mem::swap(watch, &mut site.watch);
        std::mem::swap(qualifier, &mut site.qualifier);
        std::mem::swap(login, &mut site.login);
        std::mem::swap(expiry_seen, &mut site.expiry_seen);
        std::mem::swap(tenant, &mut site.tenant);
        let mut cards = std::mem::take(&mut site.cards);
        for card in functions.known_mut() {
            let mut of_card = cards.remove(&card.function.name).unwrap_or_default();
            of_card.exchange(card);
            site.cards.insert(card.function.name.clone(), of_card);
        }
    }
}

impl CardSite {
    /// Like [`State::exchange`], for one function.
    fn exchange(&mut self, card: &mut Card) {
        let Card {
            deployment,
            response,
            figures,
            config,
            // The same on all stages.
            function: _,
            build_failure: _,
            draft: _,
            asked_event: _,
        } = card;
        std::mem::swap(deployment, &mut self.deployment);
        std::mem::swap(response, &mut self.response);
        std::mem::swap(figures, &mut self.figures);
        std::mem::swap(config, &mut self.config);
    }
}
