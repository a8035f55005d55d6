//! Work on a workspace that cannot be read, and drafts at the end.

use super::*;
use crate::tui::task::Credentials;

#[tokio::test]
async fn what_needs_a_workspace_that_cannot_be_read_ends_and_the_next_reading_counts() {
    let directory = tempfile::tempdir().unwrap();
    let work = Work::new(directory.path().join("nowhere"), StageOptions::default());
    let (events, mut received) = mpsc::channel(8);
    let start = |id, task| Effect::Start { job: JobId(id), stage: "local".into(), task };
    // In either order.
    work.start(start(1, Task::Connect { with: Credentials::Renewed }), &events);
    work.start(start(2, Task::Discover), &events);
    work.start(start(3, Task::ReadStages { promote: false }), &events);
    let mut ended = Vec::new();
    while ended.len() < 3 {
        ended.push(match received.recv().await.unwrap() {
            Event::Job(
                job,
                JobEvent::StageConnected(Err(failure))
                | JobEvent::Discovered(Err(failure))
                | JobEvent::StagesRead(Err(failure)),
            ) => {
                assert!(failure.to_string().contains("is not a directory"), "{failure}");
                job.0
            }
            other => panic!("{other:?}"),
        });
    }
    ended.sort_unstable();
    assert_eq!(ended, [1, 2, 3]);
    // A failed read is discarded when the next one starts.
    work.start(start(4, Task::Discover), &events);
    assert!(work.inner.workspace.borrow().is_none());
    work.close(&CancellationToken::new(), &|_| {}).await;
}

#[tokio::test]
async fn a_draft_is_saved_before_the_end_or_its_failure_reported() {
    let directory = tempfile::tempdir().unwrap();
    let drafts = directory.path().join("drafts");
    std::fs::write(&drafts, "no directory").unwrap();
    let failed = drafts::save(&drafts, "hello", "{}").await.unwrap_err();
    let work = Work::new(directory.path().to_owned(), StageOptions::default());
    work.inner.unsaved.lock().unwrap().insert("hello".into(), failed);
    let failures = work.close(&CancellationToken::new(), &|_| {}).await;
    assert_eq!(failures.len(), 1);
    assert!(
        failures[0].to_string().contains("could not save the payload draft"),
        "{}",
        failures[0]
    );
}
