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

/// Sends an IAM action; its parameters are encoded already.
async fn ask(server: &Server, action: &str, rest: &str) -> super::client::Reply {
    server.client.query(&format!("Action={action}&Version=2010-05-08{rest}"), "iam").await
}

async fn create(server: &Server, name: &str, path: &str) {
    let rest = format!("&RoleName={name}&Path={path}&AssumeRolePolicyDocument=%7B%7D");
    assert_eq!(ask(server, "CreateRole", &rest).await.status, 200);
}

#[tokio::test]
async fn roles_are_listed_below_their_path() {
    let server = Server::start().await;
    create(&server, "one", "%2Fa%2Fb%2F").await;
    create(&server, "two", "%2Fa%2F").await;
    create(&server, "three", "%2F").await;
    let listed = ask(&server, "ListRoles", "&PathPrefix=%2Fa%2F").await.text();
    assert!(listed.contains("<Arn>arn:aws:iam::000000000000:role/a/b/one</Arn>"), "{listed}");
    assert!(listed.contains("two") && !listed.contains("three"), "{listed}");
    assert!(listed.contains("<IsTruncated>false</IsTruncated>"), "{listed}");
    assert!(ask(&server, "ListRoles", "").await.text().contains("three"));
}

#[tokio::test]
async fn a_role_is_deleted_when_it_holds_nothing_any_more() {
    let server = Server::start().await;
    create(&server, "one", "%2F").await;
    let (policy, inline) =
        ("&RoleName=one&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FX", "&RoleName=one&PolicyName=in");
    for _ in 0..2 {
        assert_eq!(ask(&server, "AttachRolePolicy", policy).await.status, 200);
    }
    let broken = ask(&server, "PutRolePolicy", &format!("{inline}&PolicyDocument=no")).await;
    assert!(broken.text().contains("MalformedPolicyDocument"), "{}", broken.text());
    assert_eq!(ask(&server, "PutRolePolicy", &format!("{inline}&PolicyDocument=%7B%22a%22%3A1%7D")).await.status, 200);
    let attached = ask(&server, "ListAttachedRolePolicies", "&RoleName=one").await.text();
    assert_eq!(attached.matches("<member><PolicyName>X</PolicyName>").count(), 1, "{attached}");
    assert!(ask(&server, "ListRolePolicies", "&RoleName=one").await.text().contains("<member>in</member>"));
    assert!(ask(&server, "GetRolePolicy", inline).await.text().contains("%7B%22a%22%3A1%7D"));

    for (refused, remove, rest) in [
        ("must delete policies first", "DeleteRolePolicy", inline),
        ("must detach all policies first", "DetachRolePolicy", policy),
    ] {
        let conflict = ask(&server, "DeleteRole", "&RoleName=one").await;
        assert_eq!(conflict.status, 409);
        assert!(conflict.text().contains("<Code>DeleteConflict</Code>") && conflict.text().contains(refused));
        assert_eq!(ask(&server, remove, rest).await.status, 200);
        assert!(ask(&server, remove, rest).await.text().contains("NoSuchEntity"), "{remove} twice");
    }
    assert_eq!(ask(&server, "DeleteRole", "&RoleName=one").await.status, 200);
    assert_eq!(ask(&server, "GetRole", "&RoleName=one").await.status, 404);
    assert_eq!(ask(&server, "DeleteRole", "&RoleName=one").await.status, 404);
}

#[tokio::test]
async fn the_caller_may_do_everything() {
    let server = Server::start().await;
    let rest = "&PolicySourceArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Auser%2Flocal&ActionNames.member.1=lambda%3AInvoke\
                Function&ActionNames.member.2=iam%3APassRole&ResourceArns.member.1=arn%3Aone&ResourceArns.member.2=arn%3Atwo";
    let told = ask(&server, "SimulatePrincipalPolicy", rest).await.text();
    assert_eq!(told.matches("<EvalDecision>allowed</EvalDecision>").count(), 4, "{told}");
    assert!(told.contains("<EvalActionName>iam:PassRole</EvalActionName><EvalResourceName>arn:two</EvalResourceName>"));
    assert_eq!(ask(&server, "SimulatePrincipalPolicy", "").await.status, 400);
}

#[tokio::test]
async fn nothing_else_invokes_a_function() {
    let server = Server::start().await;
    let path = "/2015-03-31/event-source-mappings?FunctionName=hello";
    let listed = server.client.lambda("GET", path, &serde_json::Value::Null).await;
    assert_eq!(listed.json(), serde_json::json!({ "EventSourceMappings": [] }));
}
