//! Tests of a single stream: order, damage, a full disk.

use std::io::Write as _;

use super::*;

fn stream(path: &Path) -> Stream {
    Stream::create("group", "stream", path, Arc::default()).unwrap()
}

fn open(path: &Path) -> Stream {
    Stream::open("group", path, Arc::default()).unwrap().unwrap()
}

fn events(stream: &Stream, direction: Direction, before: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut reader = stream.read(direction, 4096, before).unwrap();
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

fn messages(stream: &Stream, from: i64) -> Vec<String> {
    events(stream, Direction::Forward, |event| event.t < from)
        .into_iter()
        .map(|event| event.m)
        .collect()
}

#[test]
fn a_torn_last_line_is_cut_off_and_the_next_event_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    stream(&path).append(vec![(1, "one".into()), (2, "two".into())]).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(br#"{"n":2,"t":3,"i":3,"m":"to"#).unwrap();
    let again = open(&path);
    again.append(vec![(4, "four".into())]).unwrap();
    assert_eq!(messages(&again, 0), ["one", "two", "four"]);
    let last = open(&path);
    assert_eq!(last.extent().last, Some(4));
    assert_eq!(last.state().next, 3);
}

#[test]
fn damaged_lines_are_left_out_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let written = stream(&path);
    for n in 0..4000 {
        written.append_now(vec![format!("message {n}")]).unwrap();
    }
    let bytes = std::fs::read(&path).unwrap();
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let kept = lines.len();
    for place in [1, 2, 700, 1500, 2000, 2001, 2999, 4000] {
        lines[place] = b"\0\0 garbage \xff";
    }
    std::fs::write(&path, lines.join(&b'\n')).unwrap();
    let again = open(&path);
    assert_eq!(messages(&again, 0).len(), kept - 2 - 8);
    assert_eq!(again.state().next, 3999, "the last whole line counts");
    let backward = events(&again, Direction::Backward, |_| true);
    assert_eq!(backward.len(), kept - 2 - 8);
    assert!(backward.is_sorted_by_key(|event| std::cmp::Reverse(event.n)));
    let from = backward[1000].n;
    assert_eq!(events(&again, Direction::Forward, |event| event.n < from).len(), 1001);
    again.append_now(vec!["after".into()]).unwrap();
    assert_eq!(messages(&again, 0).last().unwrap(), "after");
}

#[test]
fn reading_begins_at_the_point_asked_for_in_either_direction() {
    let dir = tempfile::tempdir().unwrap();
    let stream = stream(&dir.path().join("s"));
    // Long enough to be halved, with runs of equal times, and lines longer than a block.
    let message = |n: i64| if n % 1000 == 0 { "x".repeat(10_000) } else { format!("message {n}") };
    stream.append((0..20_000).map(|n| (n / 10, message(n))).collect()).unwrap();
    for from in [-1, 0, 1, 777, 1999, 2000] {
        let found = messages(&stream, from);
        assert_eq!(found.len() as i64, 20_000 - from.max(0) * 10, "from {from}");
        let found = events(&stream, Direction::Backward, |event| event.t < from);
        assert_eq!(found.len() as i64, from.max(0) * 10, "before {from}");
        assert!(found.is_sorted_by_key(|event| std::cmp::Reverse(event.n)));
    }
}

#[test]
fn an_event_of_the_past_is_put_at_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let stream = stream(&path);
    stream.append(vec![(10, "b".into()), (30, "d".into())]).unwrap();
    stream.append(vec![(5, "a".into()), (20, "c".into()), (30, "e".into())]).unwrap();
    stream.append(vec![(40, "f".into())]).unwrap();
    assert_eq!(messages(&stream, 0).concat(), "abcdef");
    assert_eq!(messages(&open(&path), 0).concat(), "abcdef");
    let mut numbers: Vec<u64> =
        events(&stream, Direction::Forward, |_| false).iter().map(|event| event.n).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_clock_that_jumps_back_changes_neither_order_nor_ids() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let ahead = now() + 3_600_000;
    let stream = stream(&path);
    stream.append(vec![(ahead, "before the jump".into())]).unwrap();
    stream.state().extent.ingested = Some(ahead);
    stream.append_now(vec!["after it".into(), "and more".into()]).unwrap();
    let all = events(&stream, Direction::Forward, |_| false);
    assert!(all.iter().all(|event| event.t == ahead), "{all:?}");
    assert!(all.is_sorted_by_key(|event| event.i) && all[2].i == ahead);
    let ids: Vec<String> = all.iter().map(|event| stream.id(event.t, event.n)).collect();
    assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 56), "{ids:?}");
    let again = open(&path);
    assert_eq!(events(&again, Direction::Forward, |_| false), all);
    assert_eq!(all.iter().map(|event| again.id(event.t, event.n)).collect::<Vec<_>>(), ids);
}

/// Opens `/dev/full`, which fails every write as a full disk does.
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[test]
fn what_a_full_disk_refuses_is_read_from_memory_and_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let stream = stream(&path);
    stream.append_now(vec!["one".into()]).unwrap();
    stream.state().file = Some(full());
    for message in ["two", "three"] {
        let error = stream.append_now(vec![message.into()]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
    assert_eq!(messages(&stream, 0), ["one", "two", "three"]);
    let backward = events(&stream, Direction::Backward, |_| true);
    assert_eq!(
        backward.iter().map(|event| event.m.as_str()).collect::<Vec<_>>(),
        ["three", "two", "one"]
    );
    assert_eq!(messages(&open(&path), 0), ["one"], "only in memory so far");
    stream.state().file = None;
    stream.append_now(vec!["four".into()]).unwrap();
    assert_eq!(messages(&stream, 0), ["one", "two", "three", "four"]);
    assert_eq!(messages(&open(&path), 0), ["one", "two", "three", "four"]);
}

#[test]
fn memory_for_a_full_disk_is_bounded_and_what_it_cannot_hold_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let stream = stream(&dir.path().join("s"));
    stream.state().file = Some(full());
    for n in 0..30 {
        stream.append_now(vec![format!("{n:02}{}", "x".repeat(100_000))]).unwrap_err();
    }
    assert!(stream.state().backlog.len() <= BACKLOG_LIMIT);
    let kept = messages(&stream, 0).len();
    assert_eq!(stream.state().lost, 30 - kept);
    stream.state().file = None;
    stream.append_now(vec!["room again".into()]).unwrap();
    let all = messages(&stream, 0);
    assert_eq!(all.len(), kept + 2);
    assert_eq!(
        all[kept],
        format!("{} log lines before this one were lost: the disk was full\n", 30 - kept)
    );
}

#[test]
fn what_cannot_be_written_for_a_caller_is_not_taken_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let stream = stream(&dir.path().join("s"));
    stream.append(vec![(1, "one".into())]).unwrap();
    stream.state().file = Some(full());
    assert_eq!(
        stream.append(vec![(2, "two".into())]).unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    assert_eq!(messages(&stream, 0), ["one"]);
    stream.state().file = None;
    stream.append(vec![(2, "two again".into())]).unwrap();
    assert_eq!(messages(&stream, 0), ["one", "two again"], "it is the caller who tries again");
}

#[test]
fn old_events_leave_the_disk_and_a_reader_at_work_is_notified() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let stream = stream(&path);
    stream.append((0..10_000).map(|n| (n, format!("message {n}"))).collect()).unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    let mut reader = stream.read(Direction::Forward, 4096, |_| false).unwrap();
    reader.next().unwrap().unwrap();
    assert!(!stream.expire(9_000).unwrap());
    let error = std::iter::from_fn(|| reader.next().transpose()).find_map(Result::err).unwrap();
    assert_eq!(error.kind(), io::ErrorKind::StaleNetworkFileHandle);
    assert_eq!(messages(&stream, 0).len(), 1000);
    assert_eq!(stream.extent().first, Some(9_000));
    assert!(std::fs::metadata(&path).unwrap().len() < size / 5);
    stream.append(vec![(10_001, "on".into())]).unwrap();
    assert_eq!(messages(&open(&path), 0).len(), 1001);
    assert_eq!(open(&path).state().next, 10_001);
    stream.hold();
    assert!(!stream.expire(20_000).unwrap(), "a sandbox writes to it");
    assert_eq!(messages(&stream, 0), Vec::<String>::new());
    stream.append_now(vec!["now".into()]).unwrap();
    assert_eq!(messages(&stream, 0), ["now"]);
    stream.release();
    assert!(stream.expire(i64::MAX).unwrap() && !path.exists());
}
