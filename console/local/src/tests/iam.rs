//! STS and IAM.

use super::Server;

#[tokio::test]
async fn the_caller_has_an_identity() {
    let server = Server::start().await;
    let reply = server.client.query("Action=GetCallerIdentity&Version=2011-06-15", "sts").await;
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("<Account>000000000000</Account>"), "{}", reply.text());
}

#[tokio::test]
async fn a_role_is_created_once_and_found() {
    let server = Server::start().await;
    let action = |action: &str, rest: &str| format!("Action={action}&Version=2010-05-08&RoleName=my-role{rest}");
    let missing = server.client.query(&action("GetRole", ""), "iam").await;
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("<Code>NoSuchEntity</Code>"), "{}", missing.text());
    let create = action("CreateRole", "&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%7D");
    let created = server.client.query(&create, "iam").await;
    assert_eq!(created.status, 200, "{}", created.text());
    assert!(created.text().contains("<Arn>arn:aws:iam::000000000000:role/my-role</Arn>"), "{}", created.text());
    let again = server.client.query(&create, "iam").await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("<Code>EntityAlreadyExists</Code>"));
    let policy = "&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fservice-role%2FAWSLambdaBasicExecutionRole";
    assert_eq!(server.client.query(&action("AttachRolePolicy", policy), "iam").await.status, 200);
    let found = server.client.query(&action("GetRole", ""), "iam").await;
    assert!(found.text().contains("%222012-10-17%22"), "the trust policy is told encoded: {}", found.text());
}
