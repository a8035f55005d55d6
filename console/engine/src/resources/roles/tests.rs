//! Roles on a local Lambda through the SDK.

use lambda_console_model::{Approval, DeployAction, FailureKind, Function};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    Job,
    deploy::{
        self,
        tests::{Place, deploy_one},
    },
};

#[tokio::test]
async fn a_role_is_made_once_listed_and_removed_when_nobody_has_it() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    assert_eq!(roles(&stage).await.unwrap(), []);
    deploy_one(&stage, &place.function("hello", "1")).await;
    deploy_one(&stage, &place.function("hello", "2")).await;
    let listed = roles(&stage).await.unwrap();
    let [role] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(role.name, "lambda-console-hello-us-east-1");
    assert_eq!(
        role.arn,
        "arn:aws:iam::000000000000:role/lambda-console/us-east-1/lambda-console-hello-us-east-1"
    );
    assert_eq!(role.description, "Made by lambda-console for the function hello");
    assert_eq!(role.policies, ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]);
    assert_eq!(role.functions, ["hello"]);
    assert!(role.created_at > 1_600_000_000_000);

    let used = remove(&stage, &role.name, Approval::Given, &Job::silent()).await.unwrap_err();
    assert!(used.why.contains("the role of hello"), "{used}");
    stage
        .call(|clients| async move {
            clients.lambda().delete_function().function_name("hello").send().await
        })
        .await
        .unwrap();
    remove(&stage, &role.name, Approval::Given, &Job::silent()).await.unwrap();
    assert_eq!(roles(&stage).await.unwrap(), []);
    let again = remove(&stage, &role.name, Approval::Given, &Job::silent()).await.unwrap_err();
    assert_eq!(again.kind, FailureKind::Usage);
    stage.close().await;
}

#[tokio::test]
async fn a_role_of_someone_else_is_neither_used_nor_removed() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let name = &role_name(&stage, "hello");
    stage
        .call(|clients| async move {
            let role = clients.iam().create_role().role_name(name);
            role.assume_role_policy_document(trust().to_string()).send().await
        })
        .await
        .unwrap();
    let refused = provide(&stage, "hello", &RolePolicies::default(), &CancellationToken::new())
        .await
        .unwrap_err();
    assert!(refused.why.contains("did not create"), "{refused}");
    assert_eq!(
        remove(&stage, name, Approval::Given, &Job::silent()).await.unwrap_err().kind,
        FailureKind::Usage
    );
    stage.close().await;
}

#[tokio::test]
async fn a_new_role_has_the_policies_asked_for() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    hello.config.policies = Some(vec!["AmazonS3ReadOnlyAccess".to_owned()]);
    let statement = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::${AWS::AccountId}/*" });
    hello.config.statements = Some(vec![statement]);
    deploy_one(&stage, &hello).await;
    let role = roles(&stage).await.unwrap().remove(0);
    assert_eq!(role.policies[1], "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess");
    assert_eq!(role.inline, ["lambda-console"]);
    let name = &role.name;
    let own = stage
        .call(|clients| async move {
            clients
                .iam()
                .get_role_policy()
                .role_name(name)
                .policy_name("lambda-console")
                .send()
                .await
        })
        .await
        .unwrap();
    assert!(
        own.policy_document().contains("arn%3Aaws%3As3%3A%3A%3A000000000000"),
        "{}",
        own.policy_document()
    );
    remove_all_of(&stage, name, &CancellationToken::new()).await.unwrap();
    assert_eq!(roles(&stage).await.unwrap(), []);
    stage.close().await;
}

#[tokio::test]
async fn the_smallest_policy_names_what_the_settings_need_and_nothing_else() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    let of = |function: &Function, task: Task| -> Value {
        serde_json::from_str(&policy(&stage, std::slice::from_ref(function), &[task])).unwrap()
    };
    let plain = of(&hello, Task::Deploy);
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:hello";
    assert_eq!(plain["Statement"][0]["Resource"], json!([arn, format!("{arn}:*")]));
    let role =
        "arn:aws:iam::000000000000:role/lambda-console/us-east-1/lambda-console-hello-us-east-1";
    let pass = json!({
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": [role],
        "Condition": { "StringEquals": { "iam:PassedToService": ["lambda.amazonaws.com"] } },
    });
    let attach = json!({
        "Effect": "Allow",
        "Action": ["iam:AttachRolePolicy"],
        "Resource": [role],
        "Condition": {
            "ArnEquals": { "iam:PolicyARN": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"] },
        },
    });
    let statements = plain["Statement"].as_array().unwrap();
    assert!(statements.contains(&pass) && statements.contains(&attach), "{plain:#}");
    for needless in [
        "PutFunctionConcurrency",
        "CreateFunctionUrlConfig",
        "PutRolePolicy",
        "s3:",
        "logs:",
        "ec2:",
        "Delete",
    ] {
        assert!(!plain.to_string().contains(needless), "{needless}: {plain:#}");
    }
    hello.config.role = Some("arn:aws:iam::000000000000:role/theirs".to_owned());
    hello.config.s3_bucket = Some("zips".to_owned());
    hello.config.log.retention = Some(7);
    let other = of(&hello, Task::Deploy).to_string();
    for needed in ["arn:aws:s3:::zips/*", "logs:PutRetentionPolicy", "role/theirs"] {
        assert!(other.contains(needed), "{needed}: {other}");
    }
    assert!(!other.contains("iam:CreateRole"), "a role that is named is not made: {other}");
    assert!(of(&hello, Task::Invoke).to_string().contains("lambda:InvokeFunction"));
    stage.close().await;
}

#[tokio::test]
async fn the_caller_of_the_local_lambda_may_do_all_of_it() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let hello = place.function("hello", "1");
    let checked = check(&stage, &[hello], &Task::DEFAULT).await.unwrap();
    assert_eq!(checked.caller, "arn:aws:iam::000000000000:user/local");
    let of = |action: &str| {
        checked
            .verdicts
            .iter()
            .filter(|verdict| verdict.action == action && verdict.allowed)
            .count()
    };
    assert_eq!(
        (of("lambda:CreateFunction"), of("iam:PassRole"), of("logs:StartLiveTail")),
        (2, 1, 2)
    );
    assert!(checked.verdicts.iter().all(|verdict| verdict.allowed));
    stage.close().await;
}

#[tokio::test]
async fn a_role_follows_its_settings_when_they_change() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    let statement = |action: &str| json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
    hello.config.policies = Some(vec!["AmazonS3ReadOnlyAccess".to_owned()]);
    hello.config.statements = Some(vec![statement("s3:GetObject")]);
    deploy_one(&stage, &hello).await;
    let name = role_name(&stage, "hello");
    let first = held(&stage, &name).await.unwrap();
    assert_eq!((first.attached.len(), &first.statements), (2, &vec![statement("s3:GetObject")]));
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Unchanged);

    hello.config.policies = Some(vec!["AmazonSQSFullAccess".to_owned()]);
    hello.config.statements = Some(vec![statement("s3:GetObject"), statement("s3:PutObject")]);
    let plan = deploy::plan(&stage, std::slice::from_ref(&hello), &Job::silent()).await.unwrap();
    let fields: Vec<_> =
        plan.functions[0].changes.iter().map(|change| change.field.to_string()).collect();
    let (more, less) = ("role.policy.AmazonSQSFullAccess", "role.policy.AmazonS3ReadOnlyAccess");
    assert_eq!(fields, [more, less, "role.statements"]);
    assert_eq!(
        plan.functions[0].calls,
        ["iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:DetachRolePolicy"]
    );
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Updated);
    let second = held(&stage, &name).await.unwrap();
    assert_eq!(second.attached[1..], ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"]);
    assert_eq!(second.statements.len(), 2);

    // Settings that are no longer mentioned stay; empty ones are removed.
    hello.config.policies = None;
    hello.config.statements = Some(Vec::new());
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Updated);
    let third = held(&stage, &name).await.unwrap();
    assert_eq!((third.attached, third.statements), (second.attached, Vec::new()));

    // A recreated function gets the role that still exists, with the current settings.
    let gone = stage.call(|clients| async move {
        clients.lambda().delete_function().function_name("hello").send().await
    });
    gone.await.unwrap();
    hello.config.policies = Some(Vec::new());
    deploy_one(&stage, &hello).await;
    assert_eq!(held(&stage, &name).await.unwrap().attached.len(), 1);
    stage.close().await;
}

/// Each call of the engine is allowed by some task's policy: a new call without its permission
/// fails here.
#[tokio::test]
async fn every_call_of_the_sources_is_in_the_policy_of_some_task() {
    let place = Place::new("[workspace.metadata.lambda.stages.local]\nalias = \"live\"");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    hello.config.log.retention = Some(7);
    hello.config.s3_bucket = Some("zips".to_owned());
    hello.config.statements = Some(vec![json!({})]);
    hello.config.policies = Some(Vec::new());
    let all: Vec<Task> = <Task as clap::ValueEnum>::value_variants().to_vec();
    let policy = policy(&stage, &[hello], &all).to_lowercase();
    let mut seen = 0;
    for file in sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text: String =
            std::fs::read_to_string(&file).unwrap().split("#[cfg(test)]").next().unwrap().into();
        let text: String = text.split_whitespace().collect();
        for service in ["lambda", "invoke", "iam", "logs", "s3"] {
            for call in text.split(&format!(".{service}().")).skip(1) {
                let name: String =
                    call.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let name = name.replace('_', "");
                // Permissions whose names differ from their calls.
                let needed = match name.as_str() {
                    "invoke" | "invokewithresponsestream" => "lambda:invokefunction".to_owned(),
                    "headobject" => "s3:getobject".to_owned(),
                    name => {
                        format!("{}:{name}", if service == "invoke" { "lambda" } else { service })
                    }
                };
                assert!(policy.contains(&format!("\"{needed}\"")), "{}: {needed}", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "{seen} calls");
    stage.close().await;
}

fn sources(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        // Both are tests throughout.
        if name.contains("test") || name.starts_with("flow") {
            continue;
        }
        if entry.is_dir() {
            files.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files
}
