//! The builds of this process: files that are saved during a build are checked when it has ended,
//! since the build itself writes many of them.

use std::{collections::VecDeque, time::SystemTime};

use tokio::sync::watch;

/// Number of ended builds that are remembered.
const REMEMBERED: usize = 16;

/// Running builds, and the times of the last ones. Clones share the same builds.
#[derive(Clone, Debug, Default)]
pub struct Builds(watch::Sender<Times>);

#[derive(Debug, Default)]
struct Times {
    running: usize,
    ended: VecDeque<(SystemTime, SystemTime)>,
}

/// A build that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    builds: Builds,
    began: SystemTime,
}

impl Builds {
    /// Records that a build begins.
    pub fn begin(&self) -> Running {
        self.0.send_modify(|times| times.running += 1);
        Running { builds: self.clone(), began: SystemTime::now() }
    }

    /// Returns a receiver of their ends.
    pub(super) fn ends(&self) -> Ends {
        Ends(self.0.subscribe())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let window = (self.began, SystemTime::now());
        self.builds.0.send_modify(|times| {
            times.running -= 1;
            times.ended.push_back(window);
            if times.ended.len() > REMEMBERED {
                times.ended.pop_front();
            }
        });
    }
}

/// The ends of builds, as they come.
#[derive(Debug)]
pub(super) struct Ends(watch::Receiver<Times>);

impl Ends {
    /// Waits until a build begins or ends.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // No build can begin any more.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until no build is running.
    pub(super) async fn idle(&mut self) {
        // Without builds there is nothing to wait for.
        drop(self.0.wait_for(|times| times.running == 0).await);
    }

    /// Returns `true` if a build ran at this time.
    pub(super) fn were_running_at(&self, time: SystemTime) -> bool {
        self.0.borrow().ended.iter().any(|(began, ended)| (*began..=*ended).contains(&time))
    }
}
