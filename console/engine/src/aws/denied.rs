//! Explains AWS's error for a denied action: the caller, the action, the resource, and the
//! statement that is missing. Pure.

use lambda_console_model::Failure;
use serde_json::json;

/// The parts of AWS's sentence: `User: ARN is not authorized to perform: ACTION on resource: ARN
/// because …`.
#[derive(Debug, PartialEq, Eq)]
struct Denied<'m> {
    caller: &'m str,
    action: &'m str,
    resource: &'m str,
    /// `because no identity-based policy allows …`, `with an explicit deny in …`; empty if the
    /// service gives no reason.
    reason: &'m str,
}

/// Returns the failure of `what` for a caller who is not authorized. `message` is the service's,
/// `code` its error code.
pub(crate) fn explain(what: String, code: &str, message: &str) -> Failure {
    let Some(denied) = parse(message) else {
        let why = if message.is_empty() { code.to_owned() } else { format!("{message} ({code})") };
        let hint = "`lambda-console iam --policy` prints what is needed; or use a profile with \
            the permission: --profile";
        return Failure::denied(what, why, hint);
    };
    let Denied { caller, action, resource, reason } = denied;
    let reason = if reason.is_empty() { String::new() } else { format!(", {reason}") };
    let why = format!("{caller} may not {action} on {resource}{reason} ({code})");
    Failure::denied(what, why, hint(&denied))
}

fn parse(message: &str) -> Option<Denied<'_>> {
    let (before, rest) = message.split_once(" is not authorized to perform: ")?;
    let caller = before.rsplit("User: ").next().unwrap_or(before).trim();
    let (action, rest) = word(rest);
    let (resource, rest) = match rest.split_once("on resource: ") {
        Some((_, rest)) => word(rest),
        None => ("*", rest),
    };
    let reason = rest.trim().trim_end_matches('.');
    (action.contains(':') && !caller.is_empty()).then_some(Denied {
        caller,
        action,
        resource,
        reason,
    })
}

/// The first word, without surrounding punctuation, and the rest.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word.trim_matches(['"', '\'', ',', '.']), rest)
}

/// The statement that would allow it.
fn statement(action: &str, resource: &str) -> String {
    let mut statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    if action == "iam:PassRole" {
        statement["Condition"] =
            json!({ "StringEquals": { "iam:PassedToService": "lambda.amazonaws.com" } });
    }
    statement.to_string()
}

fn hint(denied: &Denied<'_>) -> String {
    let Denied { action, resource, reason, .. } = denied;
    let kinds = [
        "service control policy",
        "resource control policy",
        "permissions boundary",
        "session policy",
        "VPC endpoint policy",
        "resource-based policy",
    ];
    let kind =
        kinds.into_iter().find(|kind| reason.contains(kind)).unwrap_or("identity-based policy");
    let statement = statement(action, resource);
    if reason.contains("explicit deny") {
        return format!(
            "an explicit deny cannot be overridden: ask the owner of that {kind} to remove it"
        );
    }
    if kind == "identity-based policy" {
        return format!(
            "add to the caller's policy {statement}; `lambda-console iam --policy` prints all that \
            is needed"
        );
    }
    format!("the {kind} must allow it too: {statement}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/x";

    fn explained(message: &str) -> Failure {
        explain("could not deploy hello".to_owned(), "AccessDeniedException", message)
    }

    #[test]
    fn a_missing_statement_is_reported_in_full() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:hello";
        let failure = explained(&format!(
            "User: arn:aws:iam::123456789012:user/me is not authorized to perform: \
            lambda:CreateFunction on resource: {arn} because no identity-based policy allows the \
            lambda:CreateFunction action"
        ));
        assert_eq!(
            failure.why,
            format!(
                "arn:aws:iam::123456789012:user/me may not lambda:CreateFunction on {arn}, because \
                no identity-based policy allows the lambda:CreateFunction action \
                (AccessDeniedException)"
            )
        );
        for part in [
            r#""Effect":"Allow""#.to_owned(),
            r#""Action":"lambda:CreateFunction""#.to_owned(),
            format!(r#""Resource":"{arn}""#),
        ] {
            assert!(failure.hint.contains(&part), "{}", failure.hint);
        }
        assert_eq!(failure.kind.exit_code(), 3);
    }

    #[test]
    fn a_role_is_passed_to_lambda_alone() {
        let failure = explained(&format!(
            "User: arn:me is not authorized to perform: iam:PassRole on resource: {ROLE}"
        ));
        assert!(
            failure.hint.contains(r#""iam:PassedToService":"lambda.amazonaws.com""#),
            "{}",
            failure.hint
        );
    }

    #[test]
    fn the_other_policies_that_apply_are_named() {
        let of = |reason: &str| {
            explained(&format!(
                "User: arn:me is not authorized to perform: iam:CreateRole on resource: {ROLE} \
                {reason}"
            ))
            .hint
        };
        let scp = "with an explicit deny in a service control policy: \
            arn:aws:organizations::1:policy/o-a/p-b";
        assert!(
            of(scp).contains("ask the owner of that service control policy to remove it"),
            "{}",
            of(scp)
        );
        for kind in [
            "permissions boundary",
            "session policy",
            "service control policy",
            "VPC endpoint policy",
        ] {
            let hint = of(&format!("because no {kind} allows the iam:CreateRole action"));
            assert!(hint.starts_with(&format!("the {kind} must allow it too")), "{hint}");
        }
    }

    #[test]
    fn a_sentence_of_another_shape_is_reported_as_it_is() {
        for message in ["", "Access Denied", "User is not authorized to perform: something"] {
            let failure = explained(message);
            assert!(
                failure.why.contains(message) && failure.why.contains("AccessDeniedException"),
                "{failure}"
            );
            assert!(failure.hint.contains("iam --policy"));
        }
        let no_resource = explained("User: arn:me is not authorized to perform: iam:ListRoles");
        assert!(no_resource.hint.contains(r#""Resource":"*""#), "{}", no_resource.hint);
    }
}
