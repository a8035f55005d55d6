//! STS and IAM.

use serde_json::{Value, json};

use crate::{
    http::query::encode,
    tests::{ECHO, Server, python, request},
};

/// A trust policy, encoded.
fn trust(service: &str) -> String {
    let statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": service } });
    encode(&json!({ "Version": "2012-10-17", "Statement": statement }).to_string())
}

/// A policy that allows an action, encoded.
fn allows(action: &str) -> String {
    let statement = json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
    encode(&json!({ "Version": "2012-10-17", "Statement": statement }).to_string())
}

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
    let action = |action: &str, rest: &str| {
        format!("Action={action}&Version=2010-05-08&RoleName=my-role{rest}")
    };
    let missing = server.client.query(&action("GetRole", ""), "iam").await;
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("<Code>NoSuchEntity</Code>"), "{}", missing.text());
    let create = action(
        "CreateRole",
        &format!("&AssumeRolePolicyDocument={}", trust("lambda.amazonaws.com")),
    );
    let created = server.client.query(&create, "iam").await;
    assert_eq!(created.status, 200, "{}", created.text());
    assert!(
        created.text().contains("<Arn>arn:aws:iam::000000000000:role/my-role</Arn>"),
        "{}",
        created.text()
    );
    let again = server.client.query(&create, "iam").await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("<Code>EntityAlreadyExists</Code>"));
    let policy =
        "&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fservice-role%2FAWSLambdaBasicExecutionRole";
    assert_eq!(server.client.query(&action("AttachRolePolicy", policy), "iam").await.status, 200);
    let found = server.client.query(&action("GetRole", ""), "iam").await;
    assert!(
        found.text().contains("%222012-10-17%22"),
        "the trust policy is returned encoded: {}",
        found.text()
    );
}

/// Sends an IAM action; its parameters are encoded already.
async fn ask(server: &Server, action: &str, rest: &str) -> crate::tests::client::Reply {
    server.client.query(&format!("Action={action}&Version=2010-05-08{rest}"), "iam").await
}

async fn create(server: &Server, name: &str, path: &str) {
    let trust = trust("lambda.amazonaws.com");
    let rest = format!("&RoleName={name}&Path={path}&AssumeRolePolicyDocument={trust}");
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
    let (policy, inline) = (
        "&RoleName=one&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FX",
        "&RoleName=one&PolicyName=in",
    );
    for _ in 0..2 {
        assert_eq!(ask(&server, "AttachRolePolicy", policy).await.status, 200);
    }
    let broken = ask(&server, "PutRolePolicy", &format!("{inline}&PolicyDocument=no")).await;
    assert!(broken.text().contains("MalformedPolicyDocument"), "{}", broken.text());
    let put = format!("{inline}&PolicyDocument={}", allows("s3:GetObject"));
    assert_eq!(ask(&server, "PutRolePolicy", &put).await.status, 200);
    let attached = ask(&server, "ListAttachedRolePolicies", "&RoleName=one").await.text();
    assert_eq!(attached.matches("<member><PolicyName>X</PolicyName>").count(), 1, "{attached}");
    assert!(
        ask(&server, "ListRolePolicies", "&RoleName=one")
            .await
            .text()
            .contains("<member>in</member>")
    );
    assert!(ask(&server, "GetRolePolicy", inline).await.text().contains("s3%3AGetObject"));

    for (refused, remove, rest) in [
        ("must delete policies first", "DeleteRolePolicy", inline),
        ("must detach all policies first", "DetachRolePolicy", policy),
    ] {
        let conflict = ask(&server, "DeleteRole", "&RoleName=one").await;
        assert_eq!(conflict.status, 409);
        assert!(
            conflict.text().contains("<Code>DeleteConflict</Code>")
                && conflict.text().contains(refused)
        );
        assert_eq!(ask(&server, remove, rest).await.status, 200);
        assert!(ask(&server, remove, rest).await.text().contains("NoSuchEntity"), "{remove} twice");
    }
    assert_eq!(ask(&server, "DeleteRole", "&RoleName=one").await.status, 200);
    assert_eq!(ask(&server, "GetRole", "&RoleName=one").await.status, 404);
    assert_eq!(ask(&server, "DeleteRole", "&RoleName=one").await.status, 404);
}

#[tokio::test]
async fn a_roles_settings_are_returned_as_they_were_set() {
    let server = Server::start().await;
    let trusts = trust("lambda.amazonaws.com");
    let rest = "&Description=first&MaxSessionDuration=7200\
                &Tags.member.1.Key=team&Tags.member.1.Value=a%26b&Tags.member.2.Key=old&Tags.member.2.Value=\
                &PermissionsBoundary=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FX";
    let rest = format!("&RoleName=one&AssumeRolePolicyDocument={trusts}{rest}");
    assert_eq!(ask(&server, "CreateRole", &rest).await.status, 200);
    let described = async || ask(&server, "GetRole", "&RoleName=one").await.text();
    let first = described().await;
    for part in [
        "<Description>first</Description><MaxSessionDuration>7200</MaxSessionDuration>",
        "<Tags><member><Key>old</Key><Value></Value></member><member><Key>team</Key><Value>a&amp;b</Value></member></Tags>",
        "<PermissionsBoundaryArn>arn:aws:iam::aws:policy/X</PermissionsBoundaryArn>",
        "<RoleLastUsed/>",
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    for (action, rest) in [
        ("UpdateRole", "&Description=second&MaxSessionDuration=3600"),
        ("UpdateAssumeRolePolicy", &format!("&PolicyDocument={}", trust("ec2.amazonaws.com"))),
        ("TagRole", "&Tags.member.1.Key=team&Tags.member.1.Value=c"),
        ("UntagRole", "&TagKeys.member.1=old&TagKeys.member.2=none"),
        ("DeleteRolePermissionsBoundary", ""),
    ] {
        let reply = ask(&server, action, &format!("&RoleName=one{rest}")).await;
        assert_eq!(reply.status, 200, "{action}: {}", reply.text());
    }
    let second = described().await;
    let part = format!(
        "<AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>\
                <Description>second</Description><MaxSessionDuration>3600</MaxSessionDuration>\
                <Tags><member><Key>team</Key><Value>c</Value></member></Tags>",
        trust("ec2.amazonaws.com")
    );
    assert!(second.contains(&part), "{part} in {second}");
    assert!(!second.contains("PermissionsBoundary"), "{second}");
    assert!(
        ask(&server, "ListRoleTags", "&RoleName=one")
            .await
            .text()
            .contains("<Key>team</Key><Value>c</Value>")
    );
    let profiles = ask(&server, "ListInstanceProfilesForRole", "&RoleName=one").await;
    assert!(
        profiles.status == 200 && profiles.text().contains("<InstanceProfiles></InstanceProfiles>")
    );
    assert_eq!(ask(&server, "ListInstanceProfilesForRole", "&RoleName=none").await.status, 404);
    for (action, rest) in
        [("UpdateRole", "&MaxSessionDuration=60"), ("UpdateAssumeRolePolicy", "&PolicyDocument=no")]
    {
        assert_eq!(
            ask(&server, action, &format!("&RoleName=one{rest}")).await.status,
            400,
            "{action}"
        );
    }
}

#[tokio::test]
async fn a_policy_of_ones_own_has_versions_and_is_attached() {
    let server = Server::start().await;
    create(&server, "one", "%2F").await;
    let arn = "&PolicyArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Apolicy%2Fp%2Fmine";
    let document = allows("a:one");
    let rest = &*format!(
        "&PolicyName=mine&Path=%2Fp%2F&PolicyDocument={document}&Tags.member.1.Key=a&Tags.member.1.Value=b"
    );
    assert_eq!(
        ask(&server, "AttachRolePolicy", &format!("&RoleName=one{arn}")).await.status,
        404,
        "it is not there yet"
    );
    let made = ask(&server, "CreatePolicy", rest).await;
    assert!(
        made.text().contains("<Arn>arn:aws:iam::000000000000:policy/p/mine</Arn>"),
        "{}",
        made.text()
    );
    assert_eq!(ask(&server, "CreatePolicy", rest).await.status, 409);
    assert_eq!(ask(&server, "AttachRolePolicy", &format!("&RoleName=one{arn}")).await.status, 200);
    let second = format!("{arn}&PolicyDocument={}&SetAsDefault=true", allows("a:two"));
    assert!(
        ask(&server, "CreatePolicyVersion", &second)
            .await
            .text()
            .contains("<VersionId>v2</VersionId>")
    );
    let described = ask(&server, "GetPolicy", arn).await.text();
    for part in [
        "<DefaultVersionId>v2<",
        "<AttachmentCount>1<",
        "<Tags><member><Key>a</Key><Value>b</Value></member></Tags>",
    ] {
        assert!(described.contains(part), "{part} in {described}");
    }
    assert!(
        ask(&server, "GetPolicyVersion", &format!("{arn}&VersionId=v1"))
            .await
            .text()
            .contains("a%3Aone")
    );
    assert!(
        ask(&server, "ListEntitiesForPolicy", arn)
            .await
            .text()
            .contains("<RoleName>one</RoleName>")
    );
    assert_eq!(
        ask(&server, "DeletePolicyVersion", &format!("{arn}&VersionId=v2")).await.status,
        409
    );
    assert_eq!(ask(&server, "DeletePolicy", arn).await.status, 409, "it is attached");
    assert_eq!(ask(&server, "DetachRolePolicy", &format!("&RoleName=one{arn}")).await.status, 200);
    assert_eq!(ask(&server, "DeletePolicy", arn).await.status, 409, "it has another version");
    assert_eq!(
        ask(&server, "DeletePolicyVersion", &format!("{arn}&VersionId=v1")).await.status,
        200
    );
    assert_eq!(
        ask(&server, "ListPolicyVersions", arn).await.text().matches("<VersionId>").count(),
        1
    );
    assert_eq!(
        ask(&server, "ListPolicies", "&Scope=Local").await.text().matches("<PolicyName>").count(),
        1
    );
    assert_eq!(ask(&server, "DeletePolicy", arn).await.status, 200);
    assert_eq!(ask(&server, "GetPolicy", arn).await.status, 404);
    let of_aws =
        "&PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2Fservice-role%2FAWSLambdaBasicExecutionRole";
    let known = ask(&server, "GetPolicyVersion", &format!("{of_aws}&VersionId=v1")).await;
    assert!(
        known.status == 200 && known.text().contains("logs%3APutLogEvents"),
        "{}",
        known.text()
    );
    assert_eq!(ask(&server, "TagPolicy", of_aws).await.status, 403);
}

#[tokio::test]
async fn an_action_that_is_not_served_is_refused_with_those_that_are() {
    let server = Server::start().await;
    let refused = ask(&server, "CreateUser", "&UserName=a").await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidAction"));
    let text = refused.text();
    assert!(text.contains("<Code>InvalidAction</Code>") && text.contains("CreateRole, "), "{text}");
    let refused = server.client.query("Action=AssumeRole&Version=2011-06-15", "sts").await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidAction"));
    // Each listed action is known: it reports a missing parameter, or succeeds.
    for action in text.split("It serves: ").nth(1).unwrap().split('.').next().unwrap().split(", ") {
        assert_ne!(ask(&server, action, "").await.code(), "InvalidAction", "{action}");
    }
}

#[tokio::test]
async fn the_caller_may_do_everything() {
    let server = Server::start().await;
    let rest = "&PolicySourceArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Auser%2Flocal&ActionNames.member.1=lambda%3AInvoke\
                Function&ActionNames.member.2=iam%3APassRole&ResourceArns.member.1=arn%3Aone&ResourceArns.member.2=arn%3Atwo";
    let described = ask(&server, "SimulatePrincipalPolicy", rest).await.text();
    assert_eq!(described.matches("<EvalDecision>allowed</EvalDecision>").count(), 4, "{described}");
    assert!(described.contains(
        "<EvalActionName>iam:PassRole</EvalActionName><EvalResourceName>arn:two</EvalResourceName>"
    ));
    assert_eq!(ask(&server, "SimulatePrincipalPolicy", "").await.status, 400);
}

#[tokio::test]
async fn nothing_else_invokes_a_function() {
    let server = Server::start().await;
    let path = "/2015-03-31/event-source-mappings?FunctionName=hello";
    let listed = server.client.lambda("GET", path, &serde_json::Value::Null).await;
    assert_eq!(listed.json(), serde_json::json!({ "EventSourceMappings": [] }));
}

#[tokio::test]
async fn documents_that_iam_does_not_take_are_refused_wherever_they_come() {
    let server = Server::start().await;
    create(&server, "one", "%2F").await;
    let made =
        ask(&server, "CreatePolicy", &format!("&PolicyName=mine&PolicyDocument={}", allows("a:b")))
            .await;
    assert_eq!(made.status, 200, "{}", made.text());
    let arn = "&PolicyArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Apolicy%2Fmine";
    let permissions = [encode("[]"), encode("{}"), allows("s3"), trust("lambda.amazonaws.com")];
    let trusts = [encode("[]"), encode("{}"), allows("sts:AssumeRole"), trust("lambda")];
    for (action, rest, documents) in [
        ("CreateRole", "&RoleName=two&AssumeRolePolicyDocument=", &trusts),
        ("UpdateAssumeRolePolicy", "&RoleName=one&PolicyDocument=", &trusts),
        ("PutRolePolicy", "&RoleName=one&PolicyName=in&PolicyDocument=", &permissions),
        ("CreatePolicy", "&PolicyName=other&PolicyDocument=", &permissions),
        ("CreatePolicyVersion", &format!("{arn}&PolicyDocument="), &permissions),
    ] {
        for document in documents {
            let reply = ask(&server, action, &format!("{rest}{document}")).await;
            assert_eq!(
                (reply.status, reply.code()),
                (400, "MalformedPolicyDocument"),
                "{action}: {}",
                reply.text()
            );
        }
    }
    // All inline policies of a role count together, whichever is replaced.
    let long = |length: usize| allows(&format!("a:{}", "b".repeat(length)));
    for (name, length, status) in
        [("a", 6_000, 200), ("b", 6_000, 409), ("b", 3_000, 200), ("a", 6_000, 200)]
    {
        let put = format!("&RoleName=one&PolicyName={name}&PolicyDocument={}", long(length));
        let reply = ask(&server, "PutRolePolicy", &put).await;
        assert_eq!(reply.status, status, "{name} {length}: {}", reply.text());
        if status == 409 {
            assert!(
                reply.text().contains("Maximum policy size of 10240 bytes exceeded for role one")
            );
        }
    }
    let listed = ask(&server, "ListRolePolicies", "&RoleName=one").await.text();
    assert!(listed.contains("<member>a</member><member>b</member>"), "{listed}");
    let reply =
        ask(&server, "CreatePolicy", &format!("&PolicyName=long&PolicyDocument={}", long(6_200)))
            .await;
    assert_eq!((reply.status, reply.code()), (409, "LimitExceeded"), "{}", reply.text());
}

#[tokio::test]
async fn names_and_tag_keys_differ_by_more_than_their_case() {
    let server = Server::start().await;
    create(&server, "one", "%2F").await;
    let document = trust("lambda.amazonaws.com");
    let role = |name: &str, rest: &str| {
        format!("&RoleName={name}&AssumeRolePolicyDocument={document}{rest}")
    };
    let policy = |name: &str, rest: &str| {
        format!("&PolicyName={name}&PolicyDocument={}{rest}", allows("a:b"))
    };
    assert_eq!(ask(&server, "CreatePolicy", &policy("mine", "")).await.status, 200);
    let tags = "&Tags.member.1.Key=team&Tags.member.1.Value=a&Tags.member.2.Key=Team&Tags.member.2.Value=b";
    let both = format!("&RoleName=one{tags}");
    let refused = [
        ("CreateRole", role("ONE", ""), 409, "EntityAlreadyExists"),
        ("CreatePolicy", policy("Mine", ""), 409, "EntityAlreadyExists"),
        ("CreateRole", role("two", tags), 400, "InvalidInput"),
        ("CreatePolicy", policy("other", tags), 400, "InvalidInput"),
        ("TagRole", both, 400, "InvalidInput"),
        ("CreateRole", role("two", "&Path=bad"), 400, "ValidationError"),
        ("CreateRole", role("two", "&Path=%2Fbad"), 400, "ValidationError"),
        ("CreateRole", role("two", "&Path=%2F%2F"), 400, "ValidationError"),
        ("CreatePolicy", policy("other", "&Path=a%2F"), 400, "ValidationError"),
        ("CreatePolicy", policy("other", "&Path=%2Fa+b%2F"), 400, "ValidationError"),
        ("ListRoles", "&PathPrefix=bad".to_owned(), 400, "ValidationError"),
        ("ListPolicies", "&PathPrefix=bad".to_owned(), 400, "ValidationError"),
    ];
    for (action, rest, status, code) in refused {
        let reply = ask(&server, action, &rest).await;
        assert_eq!(
            (reply.status, reply.code()),
            (status, code),
            "{action} {rest}: {}",
            reply.text()
        );
    }
    for (key, value) in [("team", "a"), ("Team", "b")] {
        let tag = format!("&RoleName=one&Tags.member.1.Key={key}&Tags.member.1.Value={value}");
        assert_eq!(ask(&server, "TagRole", &tag).await.status, 200);
    }
    let listed = ask(&server, "ListRoleTags", "&RoleName=one").await.text();
    assert!(listed.contains("<member><Key>Team</Key><Value>b</Value></member></Tags>"), "{listed}");
    assert_eq!(listed.matches("<Key>").count(), 1, "{listed}");
    ask(&server, "UntagRole", "&RoleName=one&TagKeys.member.1=TEAM").await;
    assert!(!ask(&server, "ListRoleTags", "&RoleName=one").await.text().contains("<Key>"));
}

#[tokio::test]
async fn a_role_that_lambda_may_not_assume_is_refused() {
    let server = Server::start().await;
    let make = async |name: &str, service: &str| {
        let rest =
            format!("&RoleName={name}&Path=%2Fp%2F&AssumeRolePolicyDocument={}", trust(service));
        assert_eq!(ask(&server, "CreateRole", &rest).await.status, 200);
        json!({ "Role": format!("arn:aws:iam::000000000000:role/p/{name}") })
    };
    let (good, bad) =
        (make("good", "lambda.amazonaws.com").await, make("bad", "ec2.amazonaws.com").await);
    let refused = |reply: crate::tests::Reply| {
        let words = "The role defined for the function cannot be assumed by Lambda.";
        assert_eq!(
            (reply.status, reply.code()),
            (400, "InvalidParameterValueException"),
            "{}",
            reply.text()
        );
        assert_eq!(reply.json()["message"], words);
    };
    let create = request("f", &python(ECHO), bad.clone());
    refused(server.client.lambda("POST", "/2015-03-31/functions", &create).await);
    server.create_with("f", ECHO, good).await;
    refused(server.call("PUT", "/f/configuration", bad).await);
    // A role that is not here may be on AWS.
    server.configure("f", json!({ "Role": "arn:aws:iam::000000000000:role/bad" })).await;
    assert_eq!(
        server.call("GET", "/f", Value::Null).await.json()["Configuration"]["State"],
        "Active"
    );
}
