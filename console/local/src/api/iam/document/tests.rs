use serde_json::json;

use super::*;

fn permission(change: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
    replace(&mut statement, change);
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn trust(change: Value) -> Value {
    let principal = json!({ "Service": "lambda.amazonaws.com" });
    let mut statement =
        json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal });
    replace(&mut statement, change);
    json!({ "Version": "2012-10-17", "Statement": statement })
}

/// Replaces elements; `null` removes one.
fn replace(statement: &mut Value, change: Value) {
    let (Value::Object(statement), Value::Object(change)) = (statement, change) else {
        panic!("both are objects")
    };
    for (element, value) in change {
        match value {
            Value::Null => drop(statement.shift_remove(&element)),
            value => drop(statement.insert(element, value)),
        }
    }
}

#[track_caller]
fn refused(document: &Value, kind: Kind, words: &str) {
    let error = validate(&document.to_string(), kind).expect_err(words);
    assert_eq!((error.code, error.status.as_u16()), ("MalformedPolicyDocument", 400), "{document}");
    assert!(error.message.contains(words), "{words} in {}", error.message);
}

#[test]
fn documents_of_the_grammar_are_accepted() {
    for change in [
        json!({}),
        json!({ "Sid": "One1", "Effect": "Deny", "Action": ["s3:*", "*"], "Resource": ["arn:aws:s3:::b/${aws:username}/*"] }),
        json!({ "Action": null, "NotAction": "iam:*", "Resource": null, "NotResource": "arn:aws-cn:s3:::b" }),
        json!({ "Condition": {
            "ForAllValues:StringLikeIfExists": { "aws:TagKeys": ["a", "b"] },
            "Bool": { "aws:SecureTransport": true }, "NumericLessThan": { "s3:max-keys": 10 }, "Null": {},
        } }),
    ] {
        for kind in [Kind::Managed, Kind::Inline] {
            validate(&permission(change.clone()).to_string(), kind).unwrap();
        }
    }
    for change in [
        json!({}),
        json!({ "Sid": "with spaces", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": "*" }),
        json!({ "Principal": { "AWS": ["*", "000000000000", "arn:aws:iam::000000000000:root"], "Service": ["a.b"] } }),
        json!({ "Principal": { "Federated": "accounts.google.com", "CanonicalUser": "79a5" } }),
        json!({ "Principal": null, "NotPrincipal": { "AWS": "AROAABCDEFGHIJKLMNOPQ" } }),
    ] {
        validate(&trust(change).to_string(), Kind::Trust).unwrap();
    }
    // As Terraform used to write it: all statements with the same empty id.
    let statement = json!({ "Sid": "", "Effect": "Allow", "Action": "a:b", "Resource": "*" });
    let policy = json!({ "Version": "2008-10-17", "Id": "x", "Statement": [statement, statement] });
    validate(&policy.to_string(), Kind::Inline).unwrap();
    validate(&json!({ "Statement": statement }).to_string(), Kind::Inline).unwrap();
    refused(
        &json!({ "Statement": statement }),
        Kind::Managed,
        "must be version 2012-10-17 or greater",
    );
}

#[test]
fn documents_outside_the_grammar_are_refused() {
    let statement = json!({ "Sid": "a", "Effect": "Allow", "Action": "a:b", "Resource": "*" });
    for (document, words) in [
        (json!([]), "Syntax errors in policy."),
        (json!({ "Version": "2012-10-17" }), "there is no Statement"),
        (json!({ "Version": "2013-01-01", "Statement": statement }), "Version must be"),
        (json!({ "Version": 1, "Statement": statement }), "Version must be"),
        (json!({ "Version": "2012-10-17", "Id": [], "Statement": statement }), "Id must be"),
        (json!({ "Version": "2012-10-17", "Statement": [], "More": 1 }), "unknown element More"),
        (json!({ "Version": "2012-10-17", "Statement": [] }), "Statement must be"),
        (json!({ "Version": "2012-10-17", "Statement": ["a"] }), "must be an object"),
        (
            json!({ "Version": "2012-10-17", "Statement": [statement, statement] }),
            "(SID) in a single policy must be unique",
        ),
        (permission(json!({ "Sid": "a b" })), "(SID) must be alpha-numeric"),
        (permission(json!({ "Sid": 1 })), "Sid must be a string"),
        (permission(json!({ "Effect": "Maybe" })), "Effect must be"),
        (permission(json!({ "Effect": "allow" })), "Effect must be"),
        (permission(json!({ "Effect": null })), "no Effect"),
        (permission(json!({ "Action": "s3" })), "must be prefaced by a vendor"),
        (permission(json!({ "Action": "s3:Get:Object" })), "only one colon"),
        (permission(json!({ "Action": "s 3:GetObject" })), "Vendor s 3 is not valid"),
        (permission(json!({ "Action": null })), "must contain actions"),
        (permission(json!({ "Action": [] })), "must contain actions"),
        (permission(json!({ "Action": 1 })), "Action must be"),
        (permission(json!({ "NotAction": "a:b" })), "both Action and NotAction"),
        (permission(json!({ "Resource": null })), "must contain resources"),
        (permission(json!({ "Resource": "bucket" })), "must be in ARN format"),
        (permission(json!({ "Resource": "arn:error:s3:::b" })), "Partition \"error\" is not valid"),
        (permission(json!({ "Principal": "*" })), "should not specify a principal"),
        (permission(json!({ "NotPrincipal": "*" })), "should not specify a principal"),
        (permission(json!({ "Resourse": "*" })), "unknown element Resourse"),
        (permission(json!({ "Condition": [] })), "Condition must be"),
        (
            permission(json!({ "Condition": { "StringIs": {} } })),
            "unknown condition operator StringIs",
        ),
        (permission(json!({ "Condition": { "Bool": "x" } })), "must have an object"),
        (
            permission(json!({ "Condition": { "Bool": { "a": {} } } })),
            "values of the condition key a",
        ),
    ] {
        refused(&document, Kind::Managed, words);
        refused(&document, Kind::Inline, words);
    }
    refused(&json!({}), Kind::Managed, "must be version 2012-10-17");
    refused(&json!({}), Kind::Inline, "there is no Statement");
    for (document, words) in [
        (json!({}), "there is no Statement"),
        (trust(json!({ "Princpal": "*" })), "Unknown field Princpal"),
        (trust(json!({ "Principal": null })), "Missing required field Principal"),
        (trust(json!({ "Principal": "lambda.amazonaws.com" })), "Invalid principal in policy"),
        (trust(json!({ "Principal": {} })), "Invalid principal in policy"),
        (
            trust(json!({ "Principal": { "Service": "lambda" } })),
            "Invalid principal in policy: \"SERVICE\":\"lambda\"",
        ),
        (
            trust(json!({ "Principal": { "AWS": ["me"] } })),
            "Invalid principal in policy: \"AWS\":\"me\"",
        ),
        (trust(json!({ "Principal": { "Services": "a.b" } })), "Invalid principal in policy"),
        (trust(json!({ "Resource": "*" })), "Has prohibited field Resource"),
        (
            trust(json!({ "Action": "lambda:InvokeFunction" })),
            "may only specify STS AssumeRole actions",
        ),
        (trust(json!({ "Action": "*" })), "may only specify STS AssumeRole actions"),
        (trust(json!({ "Action": null })), "Missing required field Action"),
        (trust(json!({ "Effect": null })), "Missing required field Effect"),
    ] {
        refused(&document, Kind::Trust, words);
    }
    assert_eq!(validate("no", Kind::Trust).unwrap_err().code, "MalformedPolicyDocument");
}

#[test]
fn a_document_is_as_long_as_its_kind_may_be_and_white_space_does_not_count() {
    for (kind, limit, policy) in [
        (Kind::Managed, MANAGED_LIMIT, permission(json!({}))),
        (Kind::Trust, TRUST_LIMIT, trust(json!({}))),
    ] {
        let long = |length: usize| {
            let sid = "s".repeat(length - policy.to_string().len() - r#","Id":"""#.len());
            let mut policy = policy.clone();
            policy["Id"] = sid.into();
            policy.to_string()
        };
        assert_eq!(size(&long(limit)), limit);
        validate(&long(limit), kind).unwrap();
        validate(&long(limit).replace(":{", " :\n\t\t\t\t\t{"), kind).unwrap();
        let error = validate(&long(limit + 1), kind).unwrap_err();
        assert_eq!((error.code, error.status.as_u16()), ("LimitExceeded", 409));
        assert!(error.message.ends_with(&limit.to_string()), "{}", error.message);
    }
}

#[test]
fn a_role_is_lambdas_when_its_trust_policy_allows_it() {
    for (change, trusts) in [
        (json!({}), true),
        (
            json!({ "Principal": { "Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"] } }),
            true,
        ),
        (json!({ "Principal": "*" }), true),
        (json!({ "Action": ["sts:TagSession", "sts:AssumeRole"] }), true),
        (json!({ "Action": "sts:*", "Condition": { "Bool": { "a": true } } }), true),
        (json!({ "Principal": { "Service": "ec2.amazonaws.com" } }), false),
        (json!({ "Principal": { "AWS": "arn:aws:iam::000000000000:root" } }), false),
        (json!({ "Action": "sts:TagSession" }), false),
        (json!({ "Effect": "Deny" }), false),
    ] {
        let trust = trust(change).to_string();
        validate(&trust, Kind::Trust).unwrap();
        assert_eq!(trusts_lambda(&trust), trusts, "{trust}");
    }
    let allowed = trust(json!({}))["Statement"].clone();
    let denied = trust(json!({ "Effect": "Deny" }))["Statement"].clone();
    assert!(!trusts_lambda(&json!({ "Statement": [allowed, denied] }).to_string()));
    assert!(!trusts_lambda("{}") && !trusts_lambda("no"));
}
