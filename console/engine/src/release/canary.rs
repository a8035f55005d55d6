//! Shifts more and more of an alias's traffic to a new version, watches the logs, and rolls back if
//! it does worse than the old one, or if the job is cancelled.
//!
//! The alias stores the whole state of a canary: one that was interrupted is visible there, and is
//! ended by a roll-back.

mod verdict;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lambda_console_model::{Canary, Failure, Share, Step, percent, text::counted};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::figures::{self, Source, Tally};
use crate::{
    Job,
    aws::{
        alias::{self, Pointer},
        error::CallError,
        retry::{ROLL_BACK, pause, retry_after},
        stage::Stage,
    },
};

/// Period of the old version's figures, in milliseconds.
const BASELINE: i64 = 24 * 60 * 60 * 1_000;
/// Maximum wait for enough invocations of a new version, in steps.
const PATIENCE: u32 = 3;

/// A canary of one function.
pub(super) struct Course<'a> {
    pub(super) stage: &'a Stage,
    /// The function's name in the workspace, and on the stage.
    pub(super) name: &'a str,
    pub(super) function: &'a str,
    pub(super) alias: &'a str,
    /// The version that all callers get so far.
    pub(super) old: &'a str,
    /// The version that all callers will get.
    pub(super) new: &'a str,
    /// Source of the versions' figures.
    pub(super) source: Source,
    pub(super) canary: &'a Canary,
}

/// Reason why a canary stops.
enum Halt {
    /// The new version did worse, or could not be watched.
    Breach(String),
    /// The job was cancelled.
    Cancelled,
    /// Someone else moved the alias: their change is kept.
    Foreign(Failure),
}

/// Runs the canary to its end, after which all callers get the new version.
///
/// # Errors
/// Returns an error if it was rolled back, with the reason; or if someone else moved the alias in
/// the meantime.
pub(super) async fn run(course: &Course<'_>, job: &Job) -> Result<(), Failure> {
    let Course { stage, function, alias, old, .. } = course;
    let what = format!("could not promote {} to {}", course.name, stage.name());
    let start = jiff::Timestamp::now().as_millisecond();
    let (tally, since) = (Tally::not_before(course.new, start), start - BASELINE);
    let mut watch = Watch { tally, since, from: since };
    watch.read(course).await?;
    let Some(mut pointer) =
        alias::get(stage, function, alias).await?.filter(|found| found.version == **old)
    else {
        return Err(Failure::work(
            what,
            format!("someone else has moved {alias} in the meantime"),
            "promote it again",
        ));
    };
    let halt = match climb(course, &mut pointer, &mut watch, job).await {
        Ok(()) => return Ok(()),
        Err(halt) => halt,
    };
    let (why, is_cancelled) = match halt {
        Halt::Foreign(failure) => return Err(failure),
        Halt::Breach(why) => (why, false),
        Halt::Cancelled => ("it was cancelled".to_owned(), true),
    };
    job.report(Step::Phase {
        text: format!("{}: rolling back: {why}", course.name),
        done: 0,
        total: 0,
    });
    let (after, hint) = match back(course, &pointer).await {
        Ok(()) => (
            format!("rolled back, {alias} points to version {old} only"),
            format!(
                "`lambda-console --stage {} logs {}` shows what went wrong",
                stage.name(),
                course.name
            ),
        ),
        Err(failure) => (
            format!("and it could not be rolled back ({}): {}", failure.why, pointer.story()),
            format!("`lambda-console --stage {} rollback {}` ends it", stage.name(), course.name),
        ),
    };
    let failure = Failure::work(what.clone(), format!("{why}; {after}"), hint);
    Err(if is_cancelled {
        Failure { kind: Failure::interrupted("").kind, ..failure }
    } else {
        failure
    })
}

/// The lines read so far.
struct Watch {
    tally: Tally,
    /// Start of the metric's period.
    since: i64,
    /// Start of the next read of the logs.
    from: i64,
}

impl Watch {
    async fn read(&mut self, course: &Course<'_>) -> Result<(), Failure> {
        let Course { stage, function, source, .. } = course;
        let newest = figures::read(stage, function, source, self.from, &mut self.tally).await?;
        self.from = self.from.max(newest - figures::OVERLAP);
        figures::measure(stage, function, source, self.since, &mut self.tally).await
    }
}

async fn climb(
    course: &Course<'_>,
    pointer: &mut Pointer,
    watch: &mut Watch,
    job: &Job,
) -> Result<(), Halt> {
    for (index, percent) in course.canary.steps.iter().enumerate() {
        let share = Share { version: course.new.to_owned(), weight: percent / 100.0 };
        give(course, pointer, course.old, Some(&share)).await?;
        hold(course, watch, index, &share, job).await?;
    }
    give(course, pointer, course.new, None).await
}

/// Moves the alias, whose last known state is `pointer`.
async fn give(
    course: &Course<'_>,
    pointer: &mut Pointer,
    version: &str,
    share: Option<&Share>,
) -> Result<(), Halt> {
    let Course { stage, function, alias, name, .. } = course;
    let moved = alias::set(stage, function, alias, pointer, version, share).await;
    *pointer = moved.map_err(|error| {
        let is_foreign = error.code() == "PreconditionFailedException";
        let failure = error.into_failure(format!("could not promote {name} to {}", stage.name()));
        if is_foreign {
            let why =
                format!("someone else has moved {alias} in the meantime; it was left untouched");
            return Halt::Foreign(Failure {
                why,
                hint: "`lambda-console versions` shows it".to_owned(),
                ..failure
            });
        }
        Halt::Breach(format!("{alias} could not be moved: {}", failure.why))
    })?;
    Ok(())
}

/// Watches one step to its end.
async fn hold(
    course: &Course<'_>,
    watch: &mut Watch,
    index: usize,
    share: &Share,
    job: &Job,
) -> Result<(), Halt> {
    let Canary { every_ms, least, steps, .. } = course.canary;
    let every = Duration::from_millis(*every_ms);
    let between = (every / 10).clamp(Duration::from_millis(100), Duration::from_secs(15));
    let began = Instant::now();
    loop {
        let left = every.saturating_sub(began.elapsed());
        let wait = if left.is_zero() { between } else { between.min(left) };
        if !pause(wait, &job.cancel).await {
            return Err(Halt::Cancelled);
        }
        let read = tokio::select! {
            biased;
            () = job.cancel.cancelled() => return Err(Halt::Cancelled),
            read = watch.read(course) => read,
        };
        // A single missing answer is not a reason to stop yet.
        let unread = read.err().map(|failure| failure.why);
        let (of_old, of_new) = (watch.tally.of(course.old), watch.tally.of(course.new));
        if let Some(why) =
            verdict::breach((course.old, &of_old), (course.new, &of_new), course.canary)
        {
            return Err(Halt::Breach(why));
        }
        let text = format!(
            "{}: {} to version {}, {} s left; {}, {} failed",
            course.name,
            percent(share.weight),
            course.new,
            left.as_secs(),
            counted(of_new.invocations as usize, "invocation"),
            of_new.failed
        );
        job.report(Step::Phase { text, done: index as u64, total: steps.len() as u64 });
        if began.elapsed() < every {
            continue;
        }
        if unread.is_none() && of_new.invocations >= *least {
            return Ok(());
        }
        if began.elapsed() >= every * PATIENCE {
            return Err(Halt::Breach(match unread {
                Some(why) => format!("its metrics could not be read: {why}"),
                None => format!(
                    "version {} had {}, at least {least} are needed to evaluate it (--least)",
                    course.new,
                    counted(of_new.invocations as usize, "invocation")
                ),
            }));
        }
    }
}

/// Moves all traffic back to the old version. A change of the alias by someone else is kept.
async fn back(course: &Course<'_>, pointer: &Pointer) -> Result<(), Failure> {
    let Course { stage, function, alias, old, new, .. } = course;
    let what = || format!("could not roll back {}", course.name);
    let is_foreign = |found: &Pointer| {
        found.canary.as_ref().is_some_and(|share| share.version != **new)
            || (found.version != **old && found.version != **new)
    };
    let read = || async { alias::get(stage, function, alias).await.ok().flatten() };
    let set = |known: Pointer| async move {
        alias::set(stage, function, alias, &known, old, None).await.map(drop)
    };
    match moved_back(pointer, is_foreign, read, set).await {
        Ok(None) => Ok(()),
        Ok(Some(found)) => {
            let why = format!("someone else has moved {alias}: {}", found.story());
            Err(Failure::work(what(), why, ""))
        }
        Err(error) => Err(error.into_failure(what())),
    }
}

/// Moves the alias back with `set`, each time from the newest state that `read` returned: `None` if
/// it could not be read. Returns the alias if someone else has moved it.
async fn moved_back<R, S>(
    pointer: &Pointer,
    is_foreign: impl Fn(&Pointer) -> bool,
    read: impl Fn() -> R,
    set: impl Fn(Pointer) -> S,
) -> Result<Option<Pointer>, CallError>
where
    R: Future<Output = Option<Pointer>>,
    S: Future<Output = Result<(), CallError>>,
{
    let known = Mutex::new(pointer.clone());
    let (known, is_foreign, read, set) = (&known, &is_foreign, &read, &set);
    // A cancelled canary is rolled back too.
    let never = CancellationToken::new();
    let move_back = |before: Option<CallError>| async move {
        // A move that got no answer may have been made: then the revision has changed.
        let found = if before.is_some() { read().await } else { None };
        if found.as_ref().is_some_and(is_foreign) {
            return Ok(found);
        }
        let newest = {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = found {
                *known = found;
            }
            known.clone()
        };
        set(newest).await.map(|()| None)
    };
    retry_after(&ROLL_BACK, &never, move_back).await
}

/// A canary of `name` that was not ended: the alias splits its traffic.
pub(super) fn in_progress(
    what: String,
    stage: &str,
    name: &str,
    alias: &str,
    part: &str,
) -> Failure {
    Failure::work(
        what,
        format!(
            "a canary of {name} is in progress on {stage}, or was interrupted: {alias} sends {part}"
        ),
        format!("`lambda-console --stage {stage} rollback {name}` ends it"),
    )
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    fn split(weight: Option<f64>) -> Pointer {
        let canary = weight.map(|weight| Share { version: "2".into(), weight });
        Pointer { version: "1".into(), canary, ..Pointer::default() }
    }

    #[tokio::test]
    async fn a_roll_back_goes_on_from_what_was_read_last() {
        let denied = || CallError::Service {
            code: "AccessDenied".into(),
            message: String::new(),
            status: Some(403),
        };
        let (tried, reads) = (RefCell::new(Vec::new()), Cell::new(0));
        let read = async || {
            reads.set(reads.get() + 1);
            (reads.get() == 1).then(|| split(None))
        };
        let set = async |known: Pointer| {
            tried.borrow_mut().push(known.canary.map(|share| share.weight));
            if tried.borrow().len() < 4 { Err(denied()) } else { Ok(()) }
        };
        let moved = moved_back(&split(Some(0.05)), |_| false, read, set).await.unwrap();
        assert!(moved.is_none() && reads.get() == 3);
        assert_eq!(*tried.borrow(), [Some(0.05), None, None, None]);
        let read = async || Some(split(Some(0.5)));
        let foreign = |found: &Pointer| found.canary.as_ref().is_some_and(|it| it.weight > 0.1);
        let moved = moved_back(&split(None), foreign, read, async |_| Err(denied())).await;
        assert_eq!(
            moved.unwrap().unwrap().story(),
            "it points to version 1, and 50 % to version 2"
        );
    }
}
