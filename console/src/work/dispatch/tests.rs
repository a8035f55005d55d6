//! What stopped for lack of credentials is started again as it was.

use super::*;
use crate::message::Failure;

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
