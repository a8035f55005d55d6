//! Roles on a local Lambda through the SDK.

use super::*;
use crate::{
    message::{Consent, FailureKind},
    work::flow::{Place, deploy_one},
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
    assert_eq!(role.arn, "arn:aws:iam::000000000000:role/lambda-console/us-east-1/lambda-console-hello-us-east-1");
    assert_eq!(role.description, "Made by lambda-console for the function hello");
    assert_eq!(role.policies, ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]);
    assert_eq!(role.functions, ["hello"]);
    assert!(role.created_at > 1_600_000_000_000);

    let used = remove(&stage, &role.name, Consent::None).await.unwrap_err();
    assert!(used.why.contains("the role of hello"), "{used}");
    stage
        .call(|clients| async move { clients.lambda().delete_function().function_name("hello").send().await })
        .await
        .unwrap();
    remove(&stage, &role.name, Consent::None).await.unwrap();
    assert_eq!(roles(&stage).await.unwrap(), []);
    let again = remove(&stage, &role.name, Consent::None).await.unwrap_err();
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
            clients.iam().create_role().role_name(name).assume_role_policy_document("{}").send().await
        })
        .await
        .unwrap();
    let refused = provide(&stage, "hello", &RolePolicies::default()).await.unwrap_err();
    assert!(refused.why.contains("did not make"), "{refused}");
    assert_eq!(remove(&stage, name, Consent::None).await.unwrap_err().kind, FailureKind::Usage);
    stage.close().await;
}
