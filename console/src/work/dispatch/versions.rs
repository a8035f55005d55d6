//! The effects on a function's versions.

use super::{Shared, Work};
use crate::{
    message::{Effect, Event, Failure, FunctionVersions},
    work::versions,
};
use tokio::sync::mpsc;

impl Work {
    /// Starts an effect on versions; of others, nothing.
    pub(super) fn start_versions(&self, shared: Shared, effect: Effect, events: &mpsc::Sender<Event>) {
        match effect {
            Effect::LoadVersions { job: id, function } => {
                self.run(id, events, async move |_, _| Event::VersionsLoaded(id, shared.versions(&function).await));
            }
            Effect::ChangeVersions { job: id, function, change, consent } => {
                self.run(id, events, async move |job, _| {
                    let changed =
                        async { versions::change(&*shared.stage().await?, &function, &change, consent, &job).await };
                    Event::VersionsChanged(id, changed.await)
                });
            }
            _ => {}
        }
    }
}

impl Shared {
    async fn versions(&self, function: &str) -> Result<FunctionVersions, Failure> {
        let since = jiff::Timestamp::now().as_millisecond() - versions::FIGURES_SINCE;
        versions::of(&*self.stage().await?, function, since).await
    }
}
