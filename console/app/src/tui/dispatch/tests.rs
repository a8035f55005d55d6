//! Work that stopped for lack of credentials is started again unchanged.

use lambda_console_model::Failure;

use super::*;

#[tokio::test]
async fn a_job_that_stopped_is_started_again_on_its_stage_and_one_that_ended_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let work = Work::new(directory.path().join("nowhere"), StageOptions::default());
    let (events, mut said) = mpsc::channel(8);
    let (stopped, beta) = (JobId(7), work.common.stages.of("beta"));
    work.common.begun().insert(stopped, (beta, Effect::Discover(stopped)));
    work.start(Effect::Resume(vec![stopped]), &events);
    let Some(Event::Discovered(job, Err(_))) = said.recv().await else { panic!("it runs again") };
    assert_eq!(job, stopped, "under its own number");
    assert!(work.common.begun().is_empty(), "it has ended for another reason");
    work.start(Effect::Resume(vec![stopped]), &events);
    work.close(&CancellationToken::new(), &|_| {}).await;
    drop(events);
    assert_eq!(said.recv().await, None, "nothing is left to be started");
}

#[tokio::test]
async fn a_stage_that_lacks_credentials_keeps_what_was_asked() {
    let directory = tempfile::tempdir().unwrap();
    let work = Work::new(directory.path().to_owned(), StageOptions::default());
    let (events, mut said) = mpsc::channel(8);
    let job = JobId(1);
    work.common.begun().insert(job, (work.common.stages.current(), Effect::Discover(job)));
    let failure = Failure::login("could not list", "the token has expired", "aws sso login");
    work.run(job, &events, async move |_, _| Event::Deployed(job, Err(failure)));
    assert!(matches!(said.recv().await, Some(Event::Deployed(_, Err(_)))));
    assert!(work.common.begun().contains_key(&job));
    work.close(&CancellationToken::new(), &|_| {}).await;
}

#[tokio::test]
async fn what_needs_a_workspace_that_cannot_be_read_ends_and_the_next_reading_counts() {
    let directory = tempfile::tempdir().unwrap();
    let work = Work::new(directory.path().join("nowhere"), StageOptions::default());
    let (events, mut said) = mpsc::channel(8);
    let connect = |id| Effect::Connect { job: JobId(id), stage: "local".into(), renew: true };
    // In either order.
    work.start(connect(1), &events);
    work.start(Effect::Discover(JobId(2)), &events);
    work.start(Effect::ReadStages(JobId(3)), &events);
    let mut ended = Vec::new();
    while ended.len() < 3 {
        ended.push(match said.recv().await.unwrap() {
            Event::StageConnected(job, Err(failure))
            | Event::Discovered(job, Err(failure))
            | Event::StagesRead(job, Err(failure)) => {
                assert!(failure.to_string().contains("is not a directory"), "{failure}");
                job.0
            }
            other => panic!("{other:?}"),
        });
    }
    ended.sort_unstable();
    assert_eq!(ended, [1, 2, 3]);
    // A failed read is discarded when the next one starts.
    work.start(Effect::Discover(JobId(4)), &events);
    assert!(work.common.workspace.borrow().is_none());
    work.close(&CancellationToken::new(), &|_| {}).await;
}

#[tokio::test]
async fn a_draft_is_saved_before_the_end_or_its_failure_reported() {
    let directory = tempfile::tempdir().unwrap();
    let drafts = directory.path().join("drafts");
    std::fs::write(&drafts, "no directory").unwrap();
    let failed = drafts::save(&drafts, "hello", "{}").await.unwrap_err();
    let work = Work::new(directory.path().to_owned(), StageOptions::default());
    work.common.unsaved.lock().unwrap().insert("hello".into(), failed);
    let told = work.close(&CancellationToken::new(), &|_| {}).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].to_string().contains("could not keep the payload draft"), "{}", told[0]);
}
