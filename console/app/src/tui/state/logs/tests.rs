use lambda_console_model::MarkKind;

use super::*;

fn line(timestamp: i64, stream: &str, rank: i64, message: &str) -> LogLine {
    LogLine {
        timestamp,
        function: "hello".into(),
        stream: stream.into(),
        rank,
        request_id: None,
        message: message.into(),
    }
}

fn shown(logs: &Logs) -> Vec<&str> {
    logs.iter().map(|entry| &*entry.message).collect()
}

/// Reproducible pseudo-random numbers (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end
    }
}

#[test]
fn late_lines_stand_at_their_place() {
    let mut logs = Logs::default();
    logs.push(vec![line(1, "a", 0, "one"), line(3, "a", 0, "three"), line(3, "a", 20, "five")]);
    logs.push(vec![line(2, "a", 0, "two"), line(3, "a", 10, "four"), line(4, "a", 0, "six")]);
    assert_eq!(shown(&logs), ["one", "two", "three", "four", "five", "six"]);
}

#[test]
fn a_paused_view_keeps_its_line_when_older_ones_come() {
    let mut logs = Logs::default();
    logs.push((0..10).map(|n| line(n * 10, "a", 0, &n.to_string())).collect());
    logs.scroll(-3, 2);
    let held = |logs: &Logs| logs.get(logs.last_shown().unwrap()).unwrap().message.to_string();
    assert_eq!(held(&logs), "6");
    logs.push((0..8).map(|n| line(n * 10 + 5, "a", 0, "late")).collect());
    assert_eq!(held(&logs), "6");
    assert_eq!(logs.held(), 18);
}

#[test]
fn what_is_known_later_of_a_line_changes_what_is_shown() {
    let mut logs = Logs::default();
    logs.push(vec![line(1, "a", 0, "x"), line(2, "a", 0, "y"), line(2, "a", 5, "z")]);
    logs.set_filter(Filter { request_id: Some("r".into()), ..Filter::default() });
    assert_eq!(logs.len(), 0);
    let fix = |timestamp, rank, new_rank, request: Option<&str>| LogFix {
        function: "hello".into(),
        stream: "a".into(),
        timestamp,
        rank,
        new_rank,
        request_id: request.map(str::to_owned),
    };
    logs.fix(vec![
        fix(1, 0, None, Some("r")),
        fix(2, 5, None, Some("r")),
        fix(9, 9, None, Some("r")),
    ]);
    assert_eq!(shown(&logs), ["x", "z"]);
    logs.set_filter(Filter::default());
    logs.fix(vec![fix(2, 5, Some(-5), None)]);
    assert_eq!(shown(&logs), ["x", "z", "y"]);
}

#[test]
fn a_mark_stands_at_its_time_and_changes_its_words() {
    let mut logs = Logs::default();
    logs.set_filter(Filter { function: Some("hello".into()), ..Filter::default() });
    logs.push(vec![line(1, "a", 0, "before"), line(9, "a", 0, "after")]);
    let mut mark = LogMark { id: 3, timestamp: 5, kind: MarkKind::Sampled, filled: None };
    logs.mark(&mark);
    assert_eq!(shown(&logs)[1], "more lines than a live tail sends; reading missed lines …");
    mark.filled = Some(12);
    logs.mark(&mark);
    assert_eq!(
        shown(&logs),
        ["before", "more lines than a live tail sends; 12 lines filled in", "after"]
    );
}

#[test]
fn whatever_order_lines_come_in_the_ring_and_its_index_are_the_same() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut lines: Vec<LogLine> = (0..300)
            .map(|n| {
                let stream = if random.below(2) == 0 { "a" } else { "b" };
                let message = if random.below(3) == 0 { "error" } else { "fine" };
                line(random.below(40) as i64, stream, n, &format!("{message} {n}"))
            })
            .collect();
        let mut logs = Logs::default();
        let batches = 1 + random.below(12) as usize;
        for batch in lines.clone().chunks(300 / batches) {
            if random.below(4) == 0 {
                let text = if random.below(2) == 0 { "error" } else { "" };
                logs.set_filter(Filter { text: text.into(), ..Filter::default() });
            }
            logs.push(batch.to_vec());
        }
        lines.sort_by_key(|line| (line.timestamp, line.stream.clone(), line.rank));
        for text in ["", "error"] {
            if text == logs.filter().text || random.below(2) == 0 {
                logs.set_filter(Filter { text: text.into(), ..Filter::default() });
                let expected: Vec<&str> = lines
                    .iter()
                    .map(|line| line.message.as_str())
                    .filter(|message| message.contains(text))
                    .collect();
                assert_eq!(shown(&logs), expected, "seed {seed}");
            }
        }
        assert_eq!(logs.bytes, lines.iter().map(|line| line.message.len()).sum::<usize>());
    }
}

#[test]
fn lines_that_arrive_during_a_search_are_matched_once() {
    let mut logs = Logs::default();
    let count = 3 * SLICE_LINES as i64;
    logs.push((0..count).map(|n| line(n * 10, "a", 0, "error")).collect());
    logs.set_filter(Filter { text: "error".into(), ..Filter::default() });
    assert!(logs.is_searching() && logs.len() < count as usize);
    logs.push(
        (0..count)
            .map(|n| line(n * 10 + 5, "a", 0, if n % 2 == 0 { "error" } else { "fine" }))
            .collect(),
    );
    while logs.is_searching() {
        logs.search();
    }
    let expected = (count + count / 2) as usize;
    assert_eq!((logs.len(), logs.iter().count()), (expected, expected));
    assert!(logs.iter().all(|entry| &*entry.message == "error"));
}
