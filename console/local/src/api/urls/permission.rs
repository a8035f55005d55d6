//! Access to a URL that accepts unsigned requests: on AWS nobody may call it until its function's
//! resource policy allows it in two statements. Source: AWS Lambda developer guide, "Control access
//! to Lambda function URLs". Reads policies only.

use serde_json::Value;

use crate::service::Service;

/// Returns `true` if the resource policy of a function, or of its alias, lets anybody call its URL.
pub(super) fn anybody_may(service: &Service, function: &str, alias: Option<&str>) -> bool {
    let record = service.functions.record(function);
    let policy = record.as_ref().and_then(|record| record.policies.get(alias.unwrap_or_default()));
    policy.is_some_and(|policy| open(&policy.statements))
}

/// Returns `true` if the statements let anybody call a URL with `AuthType` `NONE`: one must allow
/// `lambda:InvokeFunctionUrl`, and one `lambda:InvokeFunction` through a URL.
fn open(statements: &[Value]) -> bool {
    ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]
        .iter()
        .all(|action| statements.iter().any(|statement| allows(statement, action)))
}

fn allows(statement: &Value, action: &str) -> bool {
    let principal = &statement["Principal"];
    let acts = matches!(statement["Action"].as_str(), Some(named) if named == action || named == "lambda:*" || named == "*");
    let everybody = principal == "*" || principal["AWS"] == "*";
    statement["Effect"] == "Allow" && acts && everybody && holds(&statement["Condition"])
}

/// Returns `true` if a condition holds for an unsigned request to a URL.
fn holds(condition: &Value) -> bool {
    let Some(operators) = condition.as_object() else { return true };
    let mut all = operators.iter().flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
    all.all(|(key, value)| match key.as_str() {
        "lambda:FunctionUrlAuthType" => value == "NONE",
        "lambda:InvokedViaFunctionUrl" => value == "true",
        // An account, a source, an organization: unknown for a caller that sends no signature.
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn statement(action: &str, principal: &str, condition: &Value) -> Value {
        json!({ "Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition })
    }

    #[test]
    fn both_statements_must_be_there_and_be_for_everybody() {
        let url = || {
            let condition = json!({ "StringEquals": { "lambda:FunctionUrlAuthType": "NONE" } });
            statement("lambda:InvokeFunctionUrl", "*", &condition)
        };
        let function = |through: &str| {
            let condition = json!({ "Bool": { "lambda:InvokedViaFunctionUrl": through } });
            statement("lambda:InvokeFunction", "*", &condition)
        };
        assert!(open(&[url(), function("true")]));
        assert!(open(&[statement("lambda:*", "*", &Value::Null)]));
        assert!(!open(&[]) && !open(&[url()]) && !open(&[function("true")]));
        assert!(!open(&[url(), function("false")]));
        let iam = json!({ "StringEquals": { "lambda:FunctionUrlAuthType": "AWS_IAM" } });
        assert!(!open(&[statement("lambda:InvokeFunctionUrl", "*", &iam), function("true")]));
        let service = statement("lambda:InvokeFunctionUrl", "s3.amazonaws.com", &Value::Null);
        assert!(!open(&[service, function("true")]));
        let account = json!({ "StringEquals": { "AWS:SourceAccount": "000000000000" } });
        assert!(!open(&[statement("lambda:InvokeFunctionUrl", "*", &account), function("true")]));
    }
}
