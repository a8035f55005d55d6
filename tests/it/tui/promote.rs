//! Promotion of a function from another stage: selected, compared, applied or cancelled.

use lambda_console::tui::{
    message::Effect,
    state::{Connection, JobId, Overlay},
    task::{JobEvent, Task},
};
use lambda_console_model::{
    Approval, Canary, Change, DeployAction, DeployPlan, Failure, Field, FunctionPlan, NewValue,
    PromoteOutcome, Promoted, Promotion, StageEntry, StageInfo,
};
use tests::{Harness, sample};

/// A console on prod, beside beta and the local stage, with hello selected.
fn on_prod(protected: bool) -> Harness {
    let mut console = Harness::ready(100, 30);
    console.state.activate("prod");
    console.state.stage_mut().connection = Connection::Connected(StageInfo {
        name: "prod".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        protected,
        ..StageInfo::default()
    });
    console.press("jP");
    let effects = console.effects();
    let read = effects.iter().find_map(|effect| match effect {
        Effect::Start { job, task: Task::ReadStages { .. }, .. } => Some(*job),
        _ => None,
    });
    let stages = ["local", "beta", "prod"].map(entry);
    console.report(read.expect("the stages are read"), JobEvent::StagesRead(Ok(stages.into())));
    console.effects();
    console.draw();
    console
}

#[track_caller]
fn compared(console: &mut Harness) -> (JobId, Promotion) {
    let (job, Task::PlanPromotion { promotion }) = console.started() else {
        panic!("a comparison")
    };
    (job, promotion)
}

fn plan() -> DeployPlan {
    let code = Change {
        field: Field::Code,
        from: Some("68656c6c6f68".into()),
        to: NewValue::Set("6f6c6c656868".into()),
    };
    let hello = FunctionPlan {
        name: "hello".into(),
        action: DeployAction::Updated,
        version: "3".into(),
        sha256: sample::sha("hello"),
        changes: vec![code],
        calls: Vec::new(),
        opens: false,
        stale: false,
    };
    DeployPlan { stage: "prod".into(), functions: vec![hello], failed: Vec::new() }
}

fn outcome() -> PromoteOutcome {
    let hello = Promoted {
        name: "hello".into(),
        action: DeployAction::Updated,
        from_version: "7".into(),
        before: Some("3".into()),
        version: Some("4".into()),
        sha256: sample::sha("hello"),
        description: String::new(),
        changes: Vec::new(),
        seconds: 0.4,
    };
    PromoteOutcome {
        from: "beta".into(),
        to: "prod".into(),
        functions: vec![hello],
        failed: Vec::new(),
    }
}

#[test]
fn the_other_stages_are_offered_at_once_and_step_by_step() {
    let mut console = on_prod(false);
    let screen = console.screen();
    for text in ["Promote to prod from …", "local ", "beta ", "beta · canary 5 → 25 → 50 → 100 %"]
    {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    assert!(!screen.contains("prod, canary"), "a stage is not promoted to itself: {screen}");
    console.press("beta<enter>");
    let (_, promotion) = compared(&mut console);
    assert_eq!(
        (promotion.from.as_str(), promotion.to.as_str(), promotion.canary),
        ("beta", "prod", None)
    );
    assert_eq!(
        promotion.functions.iter().map(|function| function.name.as_str()).collect::<Vec<_>>(),
        ["hello"]
    );
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console promote beta prod hello --dry-run")
    );
}

fn entry(name: &str) -> StageEntry {
    StageEntry {
        name: name.into(),
        profile: None,
        region: None,
        credentials: String::new(),
        protected: false,
    }
}

#[test]
fn the_only_stage_has_none_to_promote_from() {
    let mut console = Harness::ready(100, 30);
    for stages in [&["local"][..], &["local", "beta"]] {
        console.press("jP");
        assert!(console.state.overlay.is_none(), "no empty list");
        let job = console.job("ReadStages");
        let stages = stages.iter().map(|name| entry(name)).collect();
        console.report(job, JobEvent::StagesRead(Ok(stages)));
        let screen = console.screen();
        if console.state.listed.len() == 1 {
            assert!(console.state.overlay.is_none(), "no empty list");
            assert!(screen.contains("no other stage to promote from"), "{screen}");
            assert!(screen.contains("[workspace.metadata.lambda.stages.beta]"), "{screen}");
        } else {
            assert!(screen.contains("Promote to local from …"), "{screen}");
        }
    }
}

#[test]
fn what_differs_is_shown_and_enter_promotes_it() {
    let mut console = on_prod(false);
    console.press("beta<enter>");
    let (job, _) = compared(&mut console);
    console.report(job, JobEvent::Planned(Ok(plan())));
    let screen = console.screen();
    for text in [
        "Promote hello from beta to prod",
        "account 123456789012",
        "68656c6c6f68 → 6f6c6c656868",
        "enter promote ",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.press("<enter>");
    let compared = job;
    let (job, Task::Promote { promotion, plan, approval }) = console.started() else {
        panic!("it is promoted")
    };
    assert_eq!(
        (promotion.from.as_str(), plan, approval),
        ("beta", compared, Approval::None),
        "what was shown is what is done"
    );
    assert_eq!(console.state.command.as_deref(), Some("lambda-console promote beta prod hello"));
    console.report(job, JobEvent::Promoted(Ok(outcome())));
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::RefreshDeployed { .. }, .. }),
        "the deployed state is read again"
    );
    assert!(console.screen().contains("✓ hello: prod has version 4"), "{}", console.screen());
}

#[test]
fn a_canary_goes_step_by_step() {
    let mut console = on_prod(false);
    console.press("beta canary<enter>");
    let (job, promotion) = compared(&mut console);
    assert_eq!(promotion.canary, Some(Canary::default()));
    console.report(job, JobEvent::Planned(Ok(plan())));
    assert!(console.screen().contains("from beta to prod, canary"), "{}", console.screen());
    console.press("<enter>");
    let (_, Task::Promote { promotion, .. }) = console.started() else { panic!("it is promoted") };
    assert_eq!(promotion.canary, Some(Canary::default()));
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console promote beta prod hello --canary 5,25,50")
    );
}

#[test]
fn a_protected_stage_wants_its_name_typed() {
    let mut console = on_prod(true);
    console.press("beta<enter>");
    let (job, _) = compared(&mut console);
    console.report(job, JobEvent::Planned(Ok(plan())));
    console.press("beta<enter>");
    assert_eq!(console.effects(), []);
    assert!(matches!(console.state.overlay, Some(Overlay::Plan(_))), "it stays open");
    console.press("<backspace><backspace><backspace><backspace>prod<enter>");
    let (_, Task::Promote { approval, .. }) = console.started() else { panic!("it is promoted") };
    assert_eq!(approval, Approval::Given);
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console promote beta prod hello --yes")
    );
}

#[test]
fn a_plan_that_opens_a_url_wants_the_name_typed() {
    let mut console = on_prod(false);
    console.press("beta<enter>");
    let (job, _) = compared(&mut console);
    let mut opens = plan();
    opens.functions[0].opens = true;
    console.report(job, JobEvent::Planned(Ok(opens)));
    assert!(console.screen().contains("public URL"), "{}", console.screen());
    console.press("<enter>");
    assert_eq!(console.effects(), []);
    console.press("prod<enter>");
    let (_, Task::Promote { approval, .. }) = console.started() else { panic!("it is promoted") };
    assert_eq!(approval, Approval::Given);
}

#[test]
fn failures_are_reported_and_the_plan_can_be_closed() {
    let mut console = on_prod(false);
    console.press("beta<enter>");
    let (job, _) = compared(&mut console);
    let failure = Failure::work(
        "could not promote hello",
        "it is not on the stage beta",
        "deploy it there first",
    );
    console.report(job, JobEvent::Planned(Err(failure)));
    assert!(console.screen().contains("it is not on the stage beta"), "{}", console.screen());
    console.press("Pbeta<enter>");
    let planned = console.effects().into_iter().find_map(|effect| match effect {
        Effect::Start { job, task: Task::PlanPromotion { .. }, .. } => Some(job),
        _ => None,
    });
    console.press("<esc>");
    assert_eq!(console.effects(), [Effect::Cancel(planned.expect("it is compared"))]);
}

#[test]
fn a_read_only_console_promotes_nothing() {
    let mut console = Harness::ready(100, 30);
    console.state.options.read_only = true;
    console.press("jP");
    assert_eq!(console.effects(), []);
    assert!(console.screen().contains("read-only"), "{}", console.screen());
}
