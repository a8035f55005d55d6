use std::os::unix::fs::PermissionsExt;

use lambda_console_model::{LogLine, Report};
use lambda_console_testing::eventually;

use super::*;

fn invocation(at: i64, init_ms: Option<f64>) -> Invocation {
    Invocation {
        function: "hello".into(),
        stage: "local".into(),
        request_id: format!("request-{at}"),
        status: 200,
        function_error: None,
        payload: r#"{"message":"Hello"}"#.into(),
        report: Some(Report {
            cold: init_ms.is_some(),
            init_ms,
            duration_ms: 1.5,
            billed_ms: 2,
            ..Report::default()
        }),
        logs: vec!["START".into(), "END".into()],
        started_at: at,
        client_ms: 3.0,
        ..Invocation::default()
    }
}

fn request() -> InvokeRequest {
    InvokeRequest { function: "hello".into(), payload: "{}".into(), ..InvokeRequest::default() }
}

fn history() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/history.sqlite");
    (dir, path)
}

async fn count(store: &Store) -> usize {
    store.samples("hello", "local", 0).await.unwrap().len()
}

#[tokio::test]
async fn what_is_recorded_is_there_after_a_restart() {
    let (_dir, path) = history();
    let store = Store::open(&path).unwrap();
    store.record_invocation(&request(), &invocation(10, Some(4.0)));
    store.record_invocation(&request(), &invocation(20, None));
    store.record_build(
        5,
        &BuildOutcome {
            failed: vec![("hello".into(), Failure::work("a", "b", ""))],
            ..Default::default()
        },
    );
    store.record_deploy(6, &DeployOutcome { stage: "local".into(), ..Default::default() });
    store.flush().await.unwrap();
    drop(store);
    let again = Store::open(&path).unwrap();
    assert!(again.notice().is_none());
    let samples = again.samples("hello", "local", 0).await.unwrap();
    assert_eq!(
        samples.iter().map(|sample| (sample.at, sample.init_ms)).collect::<Vec<_>>(),
        [(10, Some(4.0)), (20, None)]
    );
    assert_eq!(again.samples("hello", "local", 15).await.unwrap().len(), 1);
    assert!(again.samples("hello", "prod", 0).await.unwrap().is_empty());
    let stats = again.stats(&["hello".into(), "other".into()], "local", 0).await.unwrap();
    assert_eq!((stats[0].invocations, stats[0].cold, stats[1].invocations), (2, 1, 0));
}

#[tokio::test]
async fn the_files_are_for_the_user_alone() {
    let (_dir, path) = history();
    let store = Store::open(&path).unwrap();
    store.record_invocation(&request(), &invocation(1, None));
    store.flush().await.unwrap();
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.path()
        );
    }
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Simulates `kill -9`: the files as they are on disk, the log cut anywhere.
#[tokio::test]
async fn a_log_cut_in_the_middle_of_a_write_loses_only_what_was_not_done() {
    let (dir, path) = history();
    let store = Store::open(&path).unwrap();
    for at in 0..20 {
        store.record_invocation(&request(), &invocation(at, None));
    }
    store.flush().await.unwrap();
    let wal = fs::read(format!("{}-wal", path.display())).unwrap();
    let mut before = 0;
    for part in [0, 1, 2, 3, 4] {
        let copy = dir.path().join(format!("copy-{part}/history.sqlite"));
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&path, &copy).unwrap();
        fs::write(format!("{}-wal", copy.display()), &wal[..wal.len() * part / 4]).unwrap();
        let after_kill = Store::open(&copy).unwrap();
        let found = count(&after_kill).await;
        assert!(after_kill.notice().is_none() && found >= before, "{part}: {found} after {before}");
        before = found;
        after_kill.record_invocation(&request(), &invocation(100, None));
        after_kill.flush().await.unwrap();
        assert_eq!(count(&after_kill).await, found + 1);
    }
    assert_eq!(before, 20);
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_reported() {
    let (_dir, path) = history();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(
        &path,
        "this is no database, and long enough that nobody could take it for an empty one",
    )
    .unwrap();
    let store = Store::open(&path).unwrap();
    assert!(store.notice().unwrap().hint.contains("damaged-1"), "{:?}", store.notice());
    let aside = path.with_extension("damaged-1.sqlite");
    assert!(fs::read_to_string(aside).unwrap().starts_with("this is no database"));
    store.record_invocation(&request(), &invocation(1, None));
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn damage_found_while_reading_does_not_stop_the_history() {
    let (_dir, path) = history();
    let store = Store::open(&path).unwrap();
    for at in 0..400 {
        store.record_invocation(&request(), &invocation(at, None));
    }
    store.flush().await.unwrap();
    drop(store);
    // The last connection to close checkpoints; wait for its thread to have done so.
    let wal = format!("{}-wal", path.display());
    let is_checkpointed = async || fs::metadata(&wal).map_or(true, |wal| wal.len() == 0);
    eventually("the last connection checkpoints", is_checkpointed).await;
    let mut bytes = fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(3 * 4096) {
        *byte = 0xA5;
    }
    fs::write(&path, bytes).unwrap();
    let store = Store::open(&path).unwrap();
    let _ = store.samples("hello", "local", 0).await.unwrap();
    store.record_invocation(&request(), &invocation(1, None));
    store.flush().await.unwrap();
    assert!(count(&store).await >= 1);
    assert!(path.with_extension("damaged-1.sqlite").exists());
}

#[tokio::test]
async fn two_consoles_write_at_once() {
    let (_dir, path) = history();
    let (one, two) = (Store::open(&path).unwrap(), Store::open(&path).unwrap());
    for at in 0..50 {
        one.record_invocation(&request(), &invocation(at, None));
        two.record_invocation(&request(), &invocation(at, None));
    }
    one.flush().await.unwrap();
    two.flush().await.unwrap();
    assert_eq!((count(&one).await, count(&two).await), (100, 100));
}

#[tokio::test]
async fn a_file_of_a_newer_console_is_left_alone() {
    let (_dir, path) = history();
    drop(Store::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(Store::open(&path).unwrap_err().why.contains("newer"));
}

#[test]
fn old_bodies_go_before_old_figures() {
    let connection = Connection::open_in_memory().unwrap();
    schema::migrate(&connection).unwrap();
    let mut big = invocation(1, None);
    big.payload = "x".repeat(30 * 1024 * 1024);
    let mut connection = connection;
    for at in 0..3 {
        Record::Invocation(Box::new((request(), Invocation { started_at: at, ..big.clone() })))
            .write(&mut connection)
            .unwrap();
    }
    record::prune(&connection).unwrap();
    let count = |table: &str| -> u32 {
        connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!((count("invocations"), count("bodies")), (3, 2));
}

#[tokio::test]
async fn a_report_that_comes_after_its_response_completes_the_record() {
    let (_dir, path) = history();
    let store = Store::open(&path).unwrap();
    let queued = Invocation {
        report: None,
        logs: Vec::new(),
        request_id: "late".into(),
        ..invocation(10, None)
    };
    store.record_invocation(&request(), &queued);
    store.record_invocation(&request(), &invocation(20, None));
    assert_eq!(count(&store).await, 1, "without a report it is no sample");
    let line = |message: &str| LogLine { message: message.into(), ..LogLine::default() };
    let lines = vec![line("START RequestId: late"), line("REPORT RequestId: late")];
    let report = Some(Report { init_ms: Some(4.0), duration_ms: 7.5, ..Report::default() });
    store.record_log("late", &RequestLog { lines, report, is_whole: true });
    store.flush().await.unwrap();
    let samples = store.samples("hello", "local", 0).await.unwrap();
    let late = samples.iter().find(|sample| sample.request_id == "late").unwrap();
    assert_eq!((samples.len(), late.init_ms, late.duration_ms), (2, Some(4.0), 7.5));
    let read = rusqlite::Connection::open(&path).unwrap();
    let (logs, bytes): (String, i64) = read
        .query_row("SELECT logs, bytes FROM bodies ORDER BY invocation LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(logs, "START RequestId: late\nREPORT RequestId: late");
    assert_eq!(bytes as usize, "{}".len() + queued.payload.len() + logs.len());
}

#[tokio::test]
async fn each_file_of_the_history_may_be_damaged_in_any_way() {
    let names = ["history.sqlite", "history.sqlite-wal", "history.sqlite-shm", "history.lock"];
    for (name, kind) in names
        .iter()
        .flat_map(|name| ["truncated", "flipped", "emptied", "directory"].map(|kind| (name, kind)))
    {
        let (_dir, path) = history();
        let store = Store::open(&path).unwrap();
        for at in 0..50 {
            store.record_invocation(&request(), &invocation(at, None));
        }
        store.flush().await.unwrap();
        // The state that a killed process leaves, with its side files.
        let killed = path.with_file_name("killed");
        fs::create_dir(&killed).unwrap();
        for name in names {
            let _ = fs::copy(path.with_file_name(name), killed.join(name));
        }
        drop(store);
        let damaged = killed.join(name);
        let mut bytes = fs::read(&damaged).unwrap_or_default();
        let half = bytes.len() / 2;
        match kind {
            "truncated" => bytes.truncate(half),
            "flipped" => bytes.iter_mut().skip(half).take(64).for_each(|byte| *byte ^= 0xff),
            _ => bytes.clear(),
        }
        if kind == "directory" {
            let _ = fs::remove_file(&damaged);
            fs::create_dir(&damaged).unwrap();
        } else {
            fs::write(&damaged, bytes).unwrap();
        }
        let store = Store::open(&killed.join("history.sqlite"))
            .unwrap_or_else(|failure| panic!("{name} {kind}: {failure}"));
        store.record_invocation(&request(), &invocation(100, None));
        store.flush().await.unwrap_or_else(|failure| panic!("{name} {kind}: {failure}"));
        assert!(count(&store).await >= 1, "{name} {kind}");
        if kind == "directory" && *name != "history.lock" {
            assert!(store.notice().is_some(), "{name} {kind}");
        }
    }
}
