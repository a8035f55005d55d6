//! Ten concurrent invocations: nine fail and one does not, late answers, and thousands that must
//! not be mixed up.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
};

use aws_sdk_lambda::{operation::RequestId as _, primitives::Blob};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{PATIENCE, eventually};

use super::{
    Outcome,
    fake::{self, ServerStep},
    function::Crate::{self, Official, Ours},
    server,
};
use crate::peers::emulator::Emulator;

/// Number of concurrent invocations.
const TOGETHER: usize = 10;
/// The one of them that does not fail.
const SURVIVOR: usize = 4;
/// A place where ten invocations wait for each other, in one process or in ten.
struct Meeting {
    address: SocketAddr,
    all: Receiver<Vec<TcpStream>>,
}

impl Meeting {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, all) = mpsc::channel();
        thread::spawn(move || {
            let streams = listener.incoming().take(TOGETHER).map(Result::unwrap).collect();
            // The test may have ended already, with its error reported.
            drop(sender.send(streams));
        });
        Self { address, all }
    }

    /// Waits until all have arrived; they continue when the result is dropped.
    fn all(&self) -> Vec<TcpStream> {
        self.all.recv_timeout(PATIENCE).expect("ten invocations at once")
    }
}

/// An event that takes effect after a meeting.
fn meet(at: SocketAddr, then: &Value) -> Value {
    json!({ "do": "meet", "at": at.to_string(), "then": then })
}

/// The event of each of ten after they met: one survives, of the others every second one panics.
fn fate(number: usize) -> Value {
    match number {
        SURVIVOR => json!({ "do": "who", "number": number }),
        number if number.is_multiple_of(2) => json!({ "do": "panic" }),
        _ => json!({ "do": "fail" }),
    }
}

/// Checks that each of ten got its own answer. Returns the process of the survivor.
#[track_caller]
fn check(outcomes: &[Outcome]) -> Value {
    assert_eq!(outcomes.len(), TOGETHER);
    for (number, outcome) in outcomes.iter().enumerate().filter(|(number, _)| *number != SURVIVOR) {
        let Outcome::Error { message, .. } = outcome else { panic!("{number}: {outcome:?}") };
        let answer = if number.is_multiple_of(2) { "oh no" } else { "as asked" };
        assert!(message.contains(answer), "{number}: {outcome:?}");
    }
    let survivor = outcomes[SURVIVOR].json();
    assert_eq!(survivor["number"], SURVIVOR, "{survivor}");
    survivor["process"].clone()
}

/// Calls ten times at once, each with its number; meanwhile this thread runs `meanwhile`.
fn ten_times<T: Send>(call: impl Fn(usize) -> T + Sync, meanwhile: impl FnOnce()) -> Vec<T> {
    thread::scope(|scope| {
        let call = &call;
        let calls: Vec<_> = (0..TOGETHER).map(|number| scope.spawn(move || call(number))).collect();
        meanwhile();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "a test that does not run says why")]
fn managed(of: Crate, seconds: u32) -> Option<Emulator> {
    Emulator::managed(of.bootstrap(), seconds).inspect_err(|why| println!("skipped: {why}")).ok()
}

fn send(emulator: &Emulator, event: &Value) -> Outcome {
    Outcome::read(emulator.send(event.to_string().as_bytes()))
}

/// On the managed emulator: ten at once, of which nine fail; then a thousand more with the same
/// process, always ten at once, so that every worker must have survived.
#[track_caller]
fn on_the_managed_emulator(of: Crate) {
    const ROUNDS: usize = 100;
    let Some(emulator) = managed(of, 20) else { return };
    let meeting = Meeting::open();
    let at = meeting.address;
    let outcomes =
        ten_times(|number| send(&emulator, &meet(at, &fate(number))), || drop(meeting.all()));
    let process = check(&outcomes);
    let number = |caller: usize, round: usize| 1000 * caller + round;
    let answers = ten_times(
        |caller| {
            let ten = |round| json!({ "do": "ten", "number": number(caller, round) });
            (0..ROUNDS).map(|round| send(&emulator, &ten(round)).json()).collect::<Vec<_>>()
        },
        || (),
    );
    let mut ids = BTreeSet::new();
    for (caller, answers) in answers.iter().enumerate() {
        for (round, answer) in answers.iter().enumerate() {
            assert_eq!(answer["number"], number(caller, round), "an answer to another request");
            assert_eq!(answer["process"], process, "another process");
            ids.insert(answer["id"].to_string());
        }
    }
    assert_eq!(ids.len(), TOGETHER * ROUNDS, "every request has an id of its own");
}

#[test]
fn nine_of_ten_fail_and_a_thousand_follow_on_the_managed_emulator_with_our_crate() {
    on_the_managed_emulator(Ours);
}

#[test]
fn nine_of_ten_fail_and_a_thousand_follow_on_the_managed_emulator_with_the_official_crate() {
    on_the_managed_emulator(Official);
}

/// Ten handlers answer after their timeout: the answers are discarded, and all ten workers serve
/// again.
#[track_caller]
fn late_answers(of: Crate) {
    let Some(emulator) = managed(of, 1) else { return };
    let meeting = Meeting::open();
    let process = send(&emulator, &json!({ "do": "who" })).json()["process"].clone();
    let mut waiting = Vec::new();
    let at = meeting.address;
    let late = ten_times(
        |_| send(&emulator, &meet(at, &json!({ "do": "who" }))),
        || waiting = meeting.all(),
    );
    for outcome in late {
        assert!(
            matches!(&outcome, Outcome::Error { kind, .. } if kind == "Sandbox.Timedout"),
            "{outcome:?}"
        );
    }
    drop(waiting);
    // Those that arrive before all workers are back wait for a tenth, until their timeout of one
    // second at most.
    let again = |number: usize| {
        let mut outcome = None;
        eventually("all workers are back", || {
            let sent = send(&emulator, &json!({ "do": "ten", "number": number }));
            let is_late =
                matches!(&sent, Outcome::Error { kind, .. } if kind == "Sandbox.Timedout");
            outcome = (!is_late).then_some(sent);
            outcome.is_some()
        });
        outcome.expect("it came").json()
    };
    for (number, answer) in ten_times(again, || ()).iter().enumerate() {
        assert_eq!((&answer["number"], &answer["process"]), (&json!(number), &process));
    }
    // Our crate logs it, once for each; its output passes through the emulator.
    if of == Ours {
        let too_late = || emulator.log().matches("the response came too late").count();
        eventually("each late answer is logged", || too_late() == TOGETHER);
    }
}

#[test]
fn late_answers_on_the_managed_emulator_with_our_crate() {
    late_answers(Ours);
}

#[test]
fn late_answers_on_the_managed_emulator_with_the_official_crate() {
    late_answers(Official);
}

/// On our local Lambda, which has a process for each of ten: nine fail and one does not; then ten
/// callers, each of which gets its own answer.
#[track_caller]
fn on_the_local_lambda(of: Crate) {
    const ROUNDS: usize = 50;
    let (local, _home) = server::local(of, 20);
    let meeting = Meeting::open();
    let client = local.client();
    let events: Vec<String> =
        (0..TOGETHER).map(|number| meet(meeting.address, &fate(number)).to_string()).collect();
    let calls = events.iter().map(|event| server::invoke(client, event.as_bytes()));
    let release = thread::spawn(move || drop(meeting.all()));
    check(&local.block_on(join_all(calls)));
    release.join().unwrap();
    let caller = async |caller: usize| {
        for round in 0..ROUNDS {
            let number = 1000 * caller + round;
            let event = json!({ "do": "who", "number": number }).to_string();
            let call = client.invoke().function_name("case").payload(Blob::new(event));
            let answer = call.send().await.unwrap();
            let body: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
            assert_eq!(
                (&body["number"], body["id"].as_str()),
                (&json!(number), answer.request_id())
            );
        }
    };
    local.block_on(join_all((0..TOGETHER).map(caller)));
}

#[test]
fn nine_of_ten_fail_and_none_are_mixed_up_on_the_local_lambda_with_our_crate() {
    on_the_local_lambda(Ours);
}

#[test]
fn nine_of_ten_fail_and_none_are_mixed_up_on_the_local_lambda_with_the_official_crate() {
    on_the_local_lambda(Official);
}

/// On the scripted fake: ten at once, of which nine fail, and then ten thousand over the same ten
/// workers. Every ten of them wait for each other in the process, so that all workers are always
/// busy and none may be lost; the answers may have any order.
#[track_caller]
fn ten_thousand(of: Crate) {
    const REQUESTS: usize = TOGETHER + 10_000;
    let meeting = Meeting::open();
    let events: Vec<String> =
        (0..TOGETHER).map(|number| meet(meeting.address, &fate(number)).to_string()).collect();
    let release = thread::spawn(move || drop(meeting.all()));
    let (mut given, mut answered) = (0, 0);
    let (requests, _) = fake::serve(of, Some("10"), move |request| {
        if !request.is_next() {
            answered += 1;
            return ServerStep::Bytes(fake::response("202 Accepted", "{\"status\":\"OK\"}\n"));
        }
        if answered == REQUESTS {
            return ServerStep::End;
        }
        // Polls before the last answer get one more invocation, and wait in vain for a tenth.
        let number = given;
        given += 1;
        let ten = json!({ "do": "ten", "number": number }).to_string();
        let event = events.get(number).unwrap_or(&ten);
        ServerStep::Bytes(fake::invocation(&format!("r-{number}"), event.as_bytes()))
    });
    release.join().unwrap();
    let mut outcomes = BTreeMap::new();
    let (mut underway, mut most) = (0, 0);
    for request in &requests {
        if request.is_next() {
            underway += 1;
            continue;
        }
        most = underway.max(most);
        underway -= 1;
        let (_, target) = request.target.split_once("/invocation/r-").unwrap();
        let (number, verb) = target.split_once('/').unwrap();
        let outcome = Outcome::read(request.body.clone());
        assert_eq!(
            verb == "error",
            matches!(outcome, Outcome::Error { .. }),
            "{number}: {outcome:?}"
        );
        let number: usize = number.parse().unwrap();
        assert!(outcomes.insert(number, outcome).is_none(), "a second answer to {number}");
    }
    assert_eq!((outcomes.len(), most), (REQUESTS, TOGETHER));
    let rest = outcomes.split_off(&TOGETHER);
    let process = check(&outcomes.into_values().collect::<Vec<_>>());
    for (number, outcome) in rest {
        let expected = json!({ "number": number, "id": format!("r-{number}"), "process": process });
        assert_eq!(outcome.json(), expected, "an answer to another request");
    }
    let connections =
        requests.iter().map(|request| request.connection).collect::<BTreeSet<_>>().len();
    // The official crate has a pool, which sometimes opens more connections than it needs.
    assert!(connections == TOGETHER || of == Official, "{connections} connections for ten workers");
}

#[test]
fn nine_of_ten_fail_and_ten_thousand_are_not_mixed_up_by_our_crate() {
    ten_thousand(Ours);
}

#[test]
fn nine_of_ten_fail_and_ten_thousand_are_not_mixed_up_by_the_official_crate() {
    ten_thousand(Official);
}
