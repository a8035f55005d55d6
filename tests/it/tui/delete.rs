//! Deletion of functions and execution roles on the screen: the preview, the typed approval, the
//! report.

use lambda_console::tui::{
    message::Effect,
    state::{Connection, Deployment, JobId},
    task::{JobEvent, Task},
};
use lambda_console_model::{
    Approval, DeleteOutcome, DeletedFunction, Failure, Permissions, Resource, ResourceKind, Role,
    Verdict,
};
use tests::{Harness, sample};

fn hello() -> Harness {
    let mut console = Harness::ready(80, 24);
    console.press("j");
    console
}

/// Requests a deletion and answers with the function's resources.
fn asked(console: &mut Harness) -> JobId {
    console.press(":delete<enter>");
    let (job, Task::ListResources { functions }) = console.started() else { panic!("a list") };
    assert_eq!(functions, ["hello"]);
    console.report(job, JobEvent::ResourcesListed(Ok(vec![sample::resources("hello")])));
    job
}

fn outcome(left: Vec<Resource>, failure: Option<Failure>) -> DeleteOutcome {
    let all = sample::resources("hello");
    let gone = all.going().filter(|item| !left.contains(item)).cloned().collect();
    let function =
        DeletedFunction { name: "hello".into(), remote: "hello".into(), gone, left, failure };
    DeleteOutcome { stage: "local".into(), functions: vec![function] }
}

#[test]
fn a_function_is_deleted_only_when_its_name_is_typed() {
    let mut console = hello();
    asked(&mut console);
    console.press("helo<enter>");
    assert!(console.effects().is_empty());
    assert!(
        console.screen().contains("✗ name does not match: type `hello`"),
        "{}",
        console.screen()
    );
    console.press("<esc>");
    console.effects();
    asked(&mut console);
    console.press("hello<esc>");
    assert!(console.effects().is_empty());
    asked(&mut console);
    assert!(console.screen().contains("account 000000000000, us-east-1"));
    console.press("hello<enter>");
    let (job, Task::Delete { functions, approval }) = console.started() else { panic!("a delete") };
    assert_eq!(approval, Approval::Given);
    assert_eq!(functions, [sample::resources("hello")], "exactly what was shown");
    assert_eq!(console.state.command.as_deref(), Some("lambda-console delete hello --yes"));
    console.report(job, JobEvent::DeleteFinished(Ok(outcome(Vec::new(), None))));
    assert_eq!(console.state.stage().function("hello").deployment, Deployment::Absent);
    assert!(console.screen().contains("✓ deleted hello and 7 resources"), "{}", console.screen());
}

#[test]
fn the_resources_of_a_function_are_shown_before_it_is_deleted() {
    let mut console = hello();
    console.press(":delete<enter>");
    assert!(console.screen().contains("listing its resources"), "{}", console.screen());
    let job = console.job("ListResources");
    console.press("hello<enter>");
    assert!(console.effects().is_empty(), "nothing goes that was not shown");
    console.report(job, JobEvent::ResourcesListed(Ok(vec![sample::resources("hello")])));
    let screen = console.screen();
    for part in [
        "versions     1 (a1b2c3d), 2 (e4f5a6b)",
        "aliases      live (version 2)",
        "permissions  public (*)",
        "triggers",
        "log group    /aws/lambda/hello (12 MB)",
        "role         shared (kept: lambda-console did not create it)",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    console.press("<enter>");
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::Delete { .. }, .. }),
        "what was typed before is still there"
    );
}

#[test]
fn logs_and_role_can_be_kept() {
    let mut console = hello();
    asked(&mut console);
    assert!(console.screen().contains("[ ] keep logs"), "{}", console.screen());
    console.press("<alt-l>hello");
    assert!(console.screen().contains("[x] keep logs"), "{}", console.screen());
    console.press("<enter>");
    let (_, Task::Delete { functions, .. }) = console.started() else { panic!("a delete") };
    let kept: Vec<ResourceKind> = functions[0]
        .items
        .iter()
        .filter(|item| item.kept.is_some())
        .map(|item| item.kind)
        .collect();
    assert_eq!(kept, [ResourceKind::LogGroup, ResourceKind::Role]);
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console delete hello --keep-logs --yes")
    );
    let mut console = hello();
    asked(&mut console);
    console.press("<F3>hello<F3><enter>");
    let (_, Task::Delete { functions, .. }) = console.started() else { panic!("a delete") };
    assert_eq!(functions, [sample::resources("hello")], "the box was cleared again");
}

#[test]
fn a_list_that_fails_deletes_nothing() {
    let mut console = hello();
    console.press(":delete<enter>");
    let job = console.job("ListResources");
    let failure = Failure::environment(
        "could not list the resources of hello",
        "no answer",
        "check the network",
    );
    console.report(job, JobEvent::ResourcesListed(Err(failure)));
    assert!(console.screen().contains("no answer"), "{}", console.screen());
    console.press("hello<enter>");
    assert!(console.effects().is_empty());
}

#[test]
fn closing_the_confirmation_cancels_the_listing() {
    let mut console = hello();
    console.press(":delete<enter>");
    let job = console.job("ListResources");
    console.press("<esc>");
    assert_eq!(console.effect(), Effect::Cancel(job));
    console.report(job, JobEvent::ResourcesListed(Ok(vec![sample::resources("hello")])));
    assert!(console.state.overlay.is_none());
}

#[test]
fn on_a_protected_stage_its_name_is_typed_too() {
    let mut console = hello();
    let Connection::Connected(info) = &mut console.state.stage_mut().connection else {
        panic!("a stage")
    };
    info.protected = true;
    asked(&mut console);
    assert!(console.screen().contains("Type `local/hello` to confirm"), "{}", console.screen());
    console.press("hello<enter>");
    assert!(console.effects().is_empty());
    console.press("<home>local/<enter>");
    assert!(matches!(console.effect(), Effect::Start { task: Task::Delete { .. }, .. }));
}

#[test]
fn remaining_resources_are_reported() {
    let mut console = hello();
    asked(&mut console);
    console.press("hello<enter>");
    let job = console.job("Delete");
    let left = sample::resources("hello")
        .items
        .into_iter()
        .filter(|item| item.kind == ResourceKind::LogGroup);
    let failure =
        Failure::work("could not delete the log group /aws/lambda/hello", "Rate exceeded", "");
    console.report(job, JobEvent::DeleteFinished(Ok(outcome(left.collect(), Some(failure)))));
    console.resize(200, 50);
    let screen = console.screen();
    assert!(screen.contains("not deleted: log group  delete it again to finish"), "{screen}");
    assert_eq!(
        console.state.stage().function("hello").deployment,
        Deployment::Absent,
        "the function is gone"
    );
}

#[test]
fn roles_are_listed_and_an_unused_one_is_removed_when_its_name_is_typed() {
    let mut console = hello();
    console.press(":execution roles<enter>");
    let job = console.job("ListRoles");
    assert_eq!(console.state.command.as_deref(), Some("lambda-console iam"));
    let roles: Vec<Role> = vec![sample::role("hello", &["hello"]), sample::role("old", &[])];
    console.report(job, JobEvent::RolesListed(Ok(roles.clone())));
    let screen = console.screen();
    assert!(
        screen.contains("lambda-console-old-us-east-1") && screen.contains("unused"),
        "{screen}"
    );
    console.press("<enter>");
    assert!(console.screen().contains("is in use by hello"), "{}", console.screen());
    assert!(console.effects().is_empty());

    console.press(":execution roles<enter>");
    let job = console.job("ListRoles");
    console.report(job, JobEvent::RolesListed(Ok(roles)));
    console.press("<down><enter>");
    assert!(
        console.screen().contains("Type `lambda-console-old-us-east-1` to confirm"),
        "{}",
        console.screen()
    );
    console.press("lambda-console-old-us-east-1<enter>");
    let (job, Task::RemoveRole { role, approval }) = console.started() else { panic!("a removal") };
    assert_eq!(approval, Approval::Given);
    assert_eq!(role, "lambda-console-old-us-east-1");
    let command = "lambda-console iam --remove lambda-console-old-us-east-1 --yes";
    assert_eq!(console.state.command.as_deref(), Some(command));
    console.report(job, JobEvent::RoleRemoved(Ok(())));
    assert!(
        console.screen().contains("✓ deleted the role lambda-console-old-us-east-1"),
        "{}",
        console.screen()
    );
}

#[test]
fn a_read_only_console_removes_nothing() {
    let mut console = hello();
    console.state.options.read_only = true;
    console.press(":delete<enter>");
    assert!(console.effects().is_empty() && console.screen().contains("read-only"));
    console.press(":execution roles<enter>");
    let job = console.job("ListRoles");
    console.report(job, JobEvent::RolesListed(Ok(vec![sample::role("old", &[])])));
    console.press("<enter>");
    assert!(console.effects().is_empty() && console.state.overlay.is_none());
    assert!(console.screen().contains("read-only"));
}

#[test]
fn a_long_list_keeps_the_prompt_on_the_screen() {
    let mut console = hello();
    console.resize(60, 16);
    console.press(":delete<enter>");
    let job = console.job("ListResources");
    let mut resources = sample::resources("hello");
    let version = resources.items[1].clone();
    resources.items.splice(
        1..3,
        (1..=75).map(|number| Resource { name: number.to_string(), ..version.clone() }),
    );
    console.report(job, JobEvent::ResourcesListed(Ok(vec![resources])));
    console.press("hel");
    let screen = console.screen();
    assert!(
        screen.contains("and 69 more")
            && screen.contains("Type `hello` to confirm:")
            && screen.contains("> hel"),
        "{screen}"
    );
}

#[test]
fn missing_permissions_are_listed_and_copied_as_statements() {
    let mut console = hello();
    console.press(":permissions<enter>");
    let (job, Task::CheckPermissions { functions }) = console.started() else { panic!("a check") };
    assert_eq!(functions[0].name, "hello");
    assert_eq!(console.state.command.as_deref(), Some("lambda-console iam --check hello"));
    let verdict = |action: &str, allowed, reason: &str| Verdict {
        action: action.into(),
        resource: "arn:aws:lambda:us-east-1:000000000000:function:hello".into(),
        allowed,
        reason: reason.into(),
    };
    let permissions = Permissions {
        caller: "arn:aws:iam::000000000000:user/me".into(),
        policy: "{\n  \"Version\": \"2012-10-17\"\n}".into(),
        verdicts: vec![
            verdict("lambda:CreateFunction", false, "no policy allows it"),
            verdict("lambda:GetFunction", true, "allowed"),
        ],
    };
    console.report(job, JobEvent::PermissionsChecked(Ok(permissions.clone())));
    let screen = console.screen();
    assert!(screen.contains("lambda:CreateFunction on hello: no policy allows it"), "{screen}");
    assert!(!screen.contains("lambda:GetFunction on"), "{screen}");
    console.press("<enter>");
    let statement = r#"{"Effect":"Allow","Action":"lambda:CreateFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:hello"}"#;
    assert_eq!(console.effect(), Effect::Copy(statement.into()));
    console.press(":permissions<enter>");
    let job = console.job("CheckPermissions");
    console.report(job, JobEvent::PermissionsChecked(Ok(permissions.clone())));
    console.press("<down><enter>");
    assert_eq!(console.effect(), Effect::Copy(permissions.policy));
}
