//! Selection of a stage, as on the command line.

use super::{Asker, LOCAL};

/// The selected stage and the changes that are allowed on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageOptions {
    /// `local`, a name in `[workspace.metadata.lambda.stages]`, or, with a profile or region, any
    /// name.
    pub stage: String,
    /// The AWS profile; takes precedence over that of the stage's settings.
    pub profile: Option<String>,
    /// The AWS region; takes precedence over those of the stage's settings and of the profile.
    pub region: Option<String>,
    /// `true` refuses every call that changes something.
    pub read_only: bool,
    /// The local Lambda's port; 0 means any free port.
    pub port: u16,
    /// Asks for the codes of MFA devices.
    pub asker: Asker,
}

impl Default for StageOptions {
    fn default() -> Self {
        Self {
            stage: LOCAL.to_owned(),
            profile: None,
            region: None,
            read_only: false,
            port: 0,
            asker: Asker::default(),
        }
    }
}

impl StageOptions {
    /// The same for another stage: a profile and a region apply only to the stage that they were
    /// given with.
    #[must_use]
    pub fn of_stage(&self, stage: &str) -> Self {
        if stage == self.stage {
            return self.clone();
        }
        Self { stage: stage.to_owned(), profile: None, region: None, ..self.clone() }
    }
}
