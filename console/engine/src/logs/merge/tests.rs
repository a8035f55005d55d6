//! Tests the merger against a simulated service: each event is reported once and in order, however
//! the service behaves.

use std::collections::BTreeMap;

use super::*;

/// Numbers that follow no pattern, the same each time (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end as u64) as i64
    }

    fn one_in(&mut self, count: i64) -> bool {
        self.below(count) == 0
    }
}

/// An event as the service has it.
#[derive(Clone, Debug)]
struct Truth {
    group: usize,
    stream: usize,
    number: usize,
    timestamp: i64,
    ingested: i64,
    /// Time from which pages contain it.
    visible: i64,
    text: String,
}

impl Truth {
    fn entry(&self, with_id: bool) -> Entry {
        let line = LogLine {
            timestamp: self.timestamp,
            function: format!("f{}", self.group),
            stream: format!("s{}", self.stream),
            message: self.text.clone(),
            ..LogLine::default()
        };
        let id =
            with_id.then(|| format!("{:020}/{}/{:020}", self.timestamp, self.stream, self.number));
        Entry { group: self.group, line, ingested: self.ingested, id }
    }

    fn place(&self) -> (i64, usize, usize, usize) {
        (self.timestamp, self.group, self.stream, self.number)
    }
}

/// Input of the merger, by its time.
#[derive(Debug)]
enum Step {
    Update(Update),
    Started,
    Ended,
    Scan(usize),
}

const REACH: Window = Window {
    overlap: 300,
    expire: 3_000,
    late: 20_000,
    late_every: 1_000,
    skew: 500,
    most: 40,
    hard: usize::MAX,
};
/// Duration of the simulation, in the service's milliseconds.
const LENGTH: i64 = 12_000;
const GROUPS: usize = 2;

/// Events in bursts, some late, many with equal texts, often in one millisecond.
fn truth(random: &mut Random) -> Vec<Truth> {
    let mut all = Vec::new();
    for group in 0..GROUPS {
        for stream in 0..2 {
            let (mut time, mut visible, mut number) = (random.below(500), 0, 0);
            while time < LENGTH {
                for _ in 0..=random.below(6) {
                    let late =
                        if random.one_in(12) { random.below(2_000) } else { random.below(3) };
                    visible = visible.max(time + random.below(200));
                    let text = ["a", "b", "}", ""][random.below(4) as usize].to_owned();
                    let timestamp = 100_000 + time - late;
                    all.push(Truth {
                        group,
                        stream,
                        number,
                        timestamp,
                        ingested: 100_000 + time,
                        visible,
                        text,
                    });
                    number += 1;
                }
                time += if random.one_in(3) { 1 } else { random.below(300) };
            }
        }
    }
    for event in &mut all {
        event.visible += 100_000;
    }
    all.sort_by_key(Truth::place);
    all
}

/// Events of the live tail: sampled, silent, sent twice, out of order; and the times at which pages
/// are read.
fn steps(random: &mut Random, truth: &[Truth]) -> BTreeMap<(i64, usize), Step> {
    let mut steps = BTreeMap::new();
    let mut put = |time: i64, step: Step| {
        let turn = steps.len();
        steps.insert((time, turn), step);
    };
    let groups: Vec<usize> = (0..GROUPS).collect();
    let mut is_open = false;
    let mut received: Vec<Entry> = Vec::new();
    for second in 0..LENGTH / 100 {
        let from = 100_000 + second * 100;
        if random.one_in(12) {
            is_open = !is_open;
            put(from, if is_open { Step::Started } else { Step::Ended });
        }
        if is_open {
            let loss = [1, 1, 3, 0][random.below(4) as usize];
            let mut entries: Vec<Entry> = Vec::new();
            let mut taken_in: Vec<&Truth> =
                truth.iter().filter(|event| (from..from + 100).contains(&event.ingested)).collect();
            taken_in.sort_by_key(|event| (event.ingested, event.number));
            for event in taken_in {
                if loss == 1 || (loss == 3 && !random.one_in(3)) {
                    entries.push(event.entry(false));
                }
            }
            // Sometimes it does not report that it left events out.
            let sampled = loss != 1 && !random.one_in(4);
            received.extend(entries.iter().cloned());
            let late = if random.one_in(4) { random.below(400) } else { 0 };
            put(
                from + 100 + late,
                Step::Update(Update { groups: groups.clone(), entries, sampled }),
            );
        }
        // Repeated events are sent soon: settled ones are forgotten.
        received.retain(|entry| entry.ingested > from - 2_000);
        if random.one_in(5) && !received.is_empty() {
            // Repeats earlier events: each event once in an update, and streams in order.
            let begin = random.below(received.len() as i64) as usize;
            let again: Vec<Entry> =
                received[begin..].iter().filter(|_| !random.one_in(3)).cloned().collect();
            put(
                from + random.below(300),
                Step::Update(Update { groups: groups.clone(), entries: again, sampled: false }),
            );
            received.drain(..begin);
        }
        for group in 0..GROUPS {
            if random.one_in(6) {
                put(from + random.below(100), Step::Scan(group));
            }
        }
    }
    steps
}

/// Output so far, as its consumer has it.
#[derive(Default)]
struct Held {
    lines: Vec<LogLine>,
    batches: usize,
}

impl Held {
    fn take(&mut self, output: Output, seed: u64) {
        let place = |line: &LogLine| {
            (line.timestamp, line.function.clone(), line.stream.clone(), line.rank)
        };
        assert!(
            output.lines.is_sorted_by(|one, next| place(one) < place(next)),
            "seed {seed}: a batch is in order"
        );
        self.batches += usize::from(!output.lines.is_empty());
        self.lines.extend(output.lines);
        let mut moves = Vec::new();
        for fix in output.fixes {
            let Some(rank) = fix.new_rank else { continue };
            let is_it = |line: &LogLine| {
                (line.timestamp, &line.function, &line.stream, line.rank)
                    == (fix.timestamp, &fix.function, &fix.stream, fix.rank)
            };
            let index = self
                .lines
                .iter()
                .position(is_it)
                .unwrap_or_else(|| panic!("seed {seed}: no line for {fix:?}"));
            moves.push((index, rank));
        }
        for (index, rank) in moves {
            self.lines[index].rank = rank;
        }
    }

    fn sorted(mut self) -> Vec<(i64, String, String, String)> {
        self.lines.sort_by_key(|line| {
            (line.timestamp, line.function.clone(), line.stream.clone(), line.rank)
        });
        self.lines
            .into_iter()
            .map(|line| (line.timestamp, line.function, line.stream, line.message))
            .collect()
    }
}

/// Group and time of a look.
#[derive(Clone, Copy)]
struct At {
    group: usize,
    time: i64,
    skew: i64,
    seed: u64,
    /// `true` if it may fail.
    is_frail: bool,
}

/// Reads the visible events, in pages one after another; returns the time when it ended.
fn scan(random: &mut Random, truth: &[Truth], merger: &mut Merger, held: &mut Held, at: At) -> i64 {
    let At { group, mut time, skew, seed, is_frail } = at;
    let mut scan = merger.scan(group, time + skew);
    let from = scan.from;
    let mut rest = truth.iter().filter(|event| event.group == group && event.timestamp >= from);
    let breaks_off = random.one_in(6) && is_frail;
    loop {
        let count = 1 + random.below(40) as usize;
        let page: Vec<&Truth> =
            rest.by_ref().filter(|event| event.visible <= time).take(count).collect();
        if page.is_empty() {
            break;
        }
        let entries: Vec<Entry> = page.iter().map(|event| event.entry(true)).collect();
        if random.one_in(8) {
            held.take(merger.page(&mut scan, entries.clone(), time + skew), seed);
        }
        held.take(merger.page(&mut scan, entries, time + skew), seed);
        if breaks_off && random.one_in(3) {
            return time;
        }
        time += random.below(8);
    }
    held.take(merger.scanned(&scan, time + skew), seed);
    time
}

fn run(seed: u64) -> usize {
    let mut random = Random(seed);
    let truth = truth(&mut random);
    let steps = steps(&mut random, &truth);
    let skew = random.below(2 * REACH.skew) - REACH.skew;
    let mut merger = Merger::new(GROUPS, 0, REACH);
    let mut held = Held::default();
    let (mut most, mut now) = (0, 0);
    for ((time, _), step) in steps {
        now = now.max(time);
        let time = now;
        match step {
            Step::Update(update) => held.take(merger.live(update, time + skew), seed),
            Step::Started => merger.started(&[0, 1], time + skew),
            Step::Ended => held.take(merger.ended(&[0, 1], "it ended", time + skew), seed),
            Step::Scan(group) => {
                let at = At { group, time, skew, seed, is_frail: true };
                now = scan(&mut random, &truth, &mut merger, &mut held, at);
            }
        }
        most = most.max(merger.held());
    }
    for round in 0..4 {
        for group in 0..GROUPS {
            let time = now.max(100_000 + LENGTH) + 1_000 + round * 2_000;
            // The last one succeeds: before that nothing is guaranteed.
            let at = At { group, time, skew, seed, is_frail: round < 3 };
            scan(&mut random, &truth, &mut merger, &mut held, at);
        }
    }
    let expected: Vec<_> = truth
        .iter()
        .map(|event| {
            let line = event.entry(false).line;
            (line.timestamp, line.function, line.stream, line.message)
        })
        .collect();
    let found = held.sorted();
    if let Some(at) =
        (0..found.len().max(expected.len())).find(|&at| found.get(at) != expected.get(at))
    {
        let near = |all: &[_]| {
            format!(
                "{:?}",
                all.iter()
                    .skip(at.saturating_sub(3))
                    .take(8)
                    .collect::<Vec<&(i64, String, String, String)>>()
            )
        };
        panic!(
            "seed {seed}: {} of {} events, first at {at}\nfound    {}\nexpected {}",
            found.len(),
            expected.len(),
            near(&found),
            near(&expected)
        );
    }
    most
}

#[test]
fn any_interleaving_with_drops_and_doubles_gives_every_event_once_and_in_order() {
    let runs = std::env::var("LAMBDA_CONSOLE_MERGE_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(60);
    let mut least = usize::MAX;
    let first = std::env::var("LAMBDA_CONSOLE_MERGE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0);
    for seed in first..first + runs {
        least = least.min(run(seed));
    }
    assert!(least < 900, "old events are forgotten: {least} were remembered at once");
}

fn entry(timestamp: i64, message: &str, id: Option<&str>) -> Entry {
    let line = LogLine {
        timestamp,
        function: "hello".into(),
        stream: "s".into(),
        message: message.into(),
        ..LogLine::default()
    };
    Entry { group: 0, line, ingested: timestamp + 5, id: id.map(str::to_owned) }
}

fn update(entries: Vec<Entry>, sampled: bool) -> Update {
    Update { groups: vec![0], entries, sampled }
}

fn messages(output: &Output) -> Vec<&str> {
    output.lines.iter().map(|line| line.message.as_str()).collect()
}

#[test]
fn equal_lines_of_one_millisecond_are_shown_as_often_as_they_were_written() {
    let mut merger = Merger::new(1, 0, Window::default());
    let twice =
        merger.live(update(vec![entry(9, "same", None), entry(9, "same", None)], false), 10);
    assert_eq!(messages(&twice), ["same", "same"]);
    let mut scan = merger.scan(0, 20);
    let page =
        vec![entry(9, "same", Some("1")), entry(9, "same", Some("2")), entry(9, "same", Some("3"))];
    assert_eq!(
        messages(&merger.page(&mut scan, page, 20)),
        ["same"],
        "a third that the live tail left out"
    );
}

#[test]
fn a_sampled_update_is_a_gap_until_a_look_has_filled_it_in() {
    let mut merger = Merger::new(1, 0, Window::default());
    let output = merger.live(update(vec![entry(50, "a", None)], true), 100);
    assert_eq!(
        (output.marks.len(), output.marks[0].timestamp, output.marks[0].filled),
        (1, 50, None)
    );
    assert!(merger.wants_look(0));
    let mut scan = merger.scan(0, 101);
    let page =
        vec![entry(50, "a", Some("1")), entry(50, "b", Some("2")), entry(51, "c", Some("3"))];
    assert_eq!(messages(&merger.page(&mut scan, page, 102)), ["b", "c"]);
    let output = merger.scanned(&scan, 103);
    assert_eq!(output.marks[0].filled, Some(2));
    assert!(!merger.wants_look(0));
}

#[test]
fn events_of_the_future_do_not_hide_those_of_the_present() {
    let mut merger = Merger::new(1, 0, Window::default());
    let mut scan = merger.scan(0, 1_000_000);
    let ahead = Entry { ingested: 1_000_000, ..entry(9_000_000, "ahead", Some("1")) };
    merger.page(&mut scan, vec![ahead], 1_000_000);
    merger.scanned(&scan, 1_000_000);
    assert!(merger.scan(0, 1_001_000).from <= 1_000_000 - Window::default().overlap);
}

#[test]
fn a_quiet_group_is_not_read_from_its_last_event_on_for_ever() {
    let mut merger = Merger::new(1, 0, Window::default());
    for minutes in 0..100 {
        let scan = merger.scan(0, minutes * 60_000);
        merger.scanned(&scan, minutes * 60_000);
    }
    let late = merger.scan(0, 6_000_000);
    assert!(late.from > 6_000_000 - 20 * 60_000, "{late:?}");
}

#[test]
fn lines_whose_start_comes_late_are_given_their_request() {
    let mut merger = Merger::new(1, 0, Window::default());
    let id = "8f5a1d0e-0b5c-4f3c-9d7a-2f6c1f1f4b11";
    let output =
        merger.live(update(vec![entry(2, "hello", None), entry(3, "again", None)], true), 10);
    assert!(output.lines.iter().all(|line| line.request_id.is_none()));
    let mut scan = merger.scan(0, 11);
    let start = format!("START RequestId: {id} Version: $LATEST");
    let report = format!("REPORT RequestId: {id}\tDuration: 1 ms");
    let page = [
        (1, start.as_str(), "1"),
        (2, "hello", "2"),
        (2, "new", "3"),
        (3, "again", "4"),
        (4, &report, "5"),
    ];
    let page = page.into_iter().map(|(time, text, id)| entry(time, text, Some(id))).collect();
    let output = merger.page(&mut scan, page, 12);
    assert!(
        output.lines.len() == 3
            && output.lines.iter().all(|line| line.request_id.as_deref() == Some(id))
    );
    let fixed: Vec<i64> = output.fixes.iter().map(|fix| fix.timestamp).collect();
    assert_eq!(fixed, [2, 3]);
    assert!(output.fixes.iter().all(|fix| fix.request_id.as_deref() == Some(id)));
    let output = merger.live(update(vec![entry(5, "after", None)], false), 20);
    assert_eq!(output.lines[0].request_id, None);
}

#[test]
fn services_that_send_no_ids_are_counted_too() {
    let mut merger = Merger::new(1, 0, Window::default());
    merger.live(update(vec![entry(9, "same", None)], false), 10);
    for _ in 0..2 {
        let mut scan = merger.scan(0, 20);
        merger.page(&mut scan, vec![entry(9, "same", None), entry(9, "same", None)], 20);
        merger.scanned(&scan, 20);
    }
    assert_eq!(merger.held(), 2);
}
