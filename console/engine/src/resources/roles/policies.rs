//! The permissions of a function's role in the workspace, and those that it has on the stage.

use lambda_console_model::FunctionConfig;
use serde_json::{Value, json};

use super::role;
use crate::aws::{
    error::{CallError, present},
    stage::Stage,
};

/// Name of the role's inline policy, with the statements of the workspace.
pub(super) const INLINE: &str = "lambda-console";

/// Placeholders of the partition, the account and the region.
const PLACES: [&str; 3] = ["${AWS::Partition}", "${AWS::AccountId}", "${AWS::Region}"];

/// The permissions of a function's role, from the workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RolePolicies {
    /// The ARNs of managed policies: to write logs, to send traces if they are enabled, and those
    /// in the settings.
    pub(crate) attached: Vec<String>,
    /// `true` if the settings name the policies, so that the role has to have no others.
    pub(crate) is_whole: bool,
    /// The statements of the inline policy; `None` if the settings do not mention them.
    pub(crate) statements: Option<Vec<Value>>,
}

/// Policies of a role.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held {
    /// The ARNs of the managed policies that are attached to it.
    pub(crate) attached: Vec<String>,
    /// The statements of its inline policy, if they are this program's.
    pub(crate) statements: Vec<Value>,
}

impl RolePolicies {
    /// Returns the policies for a function's settings on `stage`.
    pub(crate) fn of(stage: &Stage, config: &FunctionConfig) -> Self {
        let info = stage.info();
        let [partition, account, region] = PLACES;
        let places = [
            (partition, stage.partition()),
            (account, info.account.as_str()),
            (region, info.region.as_str()),
        ];
        Self::at(&places, config)
    }

    /// As [`RolePolicies::of`], with the placeholders as they are.
    pub(crate) fn unplaced(config: &FunctionConfig) -> Self {
        Self::at(&PLACES.map(|place| (place, place)), config)
    }

    /// As [`RolePolicies::of`], with the placeholders and values of the stage's partition, account
    /// and region, in this order.
    fn at(places: &[(&str, &str); 3], config: &FunctionConfig) -> Self {
        let placed = |text: &str| {
            places.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
        };
        let arn = |policy: &str| match policy {
            arn if arn.starts_with("arn:") => placed(arn),
            name => placed(&format!("arn:${{AWS::Partition}}:iam::aws:policy/{name}")),
        };
        let mut attached = vec![arn("service-role/AWSLambdaBasicExecutionRole")];
        if config.tracing.as_deref() == Some("active") {
            attached.push(arn("AWSXRayDaemonWriteAccess"));
        }
        if config.vpc.as_ref().is_some_and(|vpc| !vpc.subnet_ids.is_empty()) {
            attached.push(arn("service-role/AWSLambdaVPCAccessExecutionRole"));
        }
        for policy in config.policies.iter().flatten() {
            let policy = arn(policy);
            if !attached.contains(&policy) {
                attached.push(policy);
            }
        }
        let statement = |statement: &Value| each_text(statement, &placed);
        let statements = config.statements.as_ref().map(|all| all.iter().map(statement).collect());
        Self { attached, is_whole: config.policies.is_some(), statements }
    }

    /// Returns `true` if the settings require more than every function has.
    pub(crate) const fn is_asked(&self) -> bool {
        self.is_whole || self.statements.is_some() || self.attached.len() > 1
    }

    /// The managed policies that a role with `held` lacks.
    pub(crate) fn lacking(&self, held: &Held) -> impl Iterator<Item = &String> {
        self.attached.iter().filter(|policy| !held.attached.contains(policy))
    }

    /// The managed policies to detach from a role.
    pub(crate) fn surplus<'h>(&self, held: &'h Held) -> impl Iterator<Item = &'h String> {
        held.attached.iter().filter(|policy| self.is_whole && !self.attached.contains(policy))
    }

    /// The statements that replace others.
    pub(crate) fn differing(&self, held: &Held) -> Option<&[Value]> {
        self.statements.as_deref().filter(|statements| *statements != held.statements)
    }
}

impl Held {
    /// The statements as a plan shows them; `None` if there are none.
    pub(crate) fn shown(&self) -> Option<String> {
        shown(&self.statements)
    }
}

/// Statements in one line; `None` if there are none.
pub(crate) fn shown(statements: &[Value]) -> Option<String> {
    let lines: Vec<String> = statements.iter().map(Value::to_string).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// The policy of these statements.
pub(super) fn document(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Returns the policies of the role `name`; empty if it does not exist.
pub(crate) async fn held(stage: &Stage, name: &str) -> Result<Held, CallError> {
    let own = async {
        let asked = stage.call(|clients| async move {
            clients.iam().get_role_policy().role_name(name).policy_name(INLINE).send().await
        });
        present(asked.await)
    };
    let (attached, own) = tokio::try_join!(role::attached(stage, name), own)?;
    let statements = own.map(|own| statements(own.policy_document())).unwrap_or_default();
    Ok(Held { attached, statements })
}

/// The statements of a policy document, which IAM returns percent-encoded. If the document is not
/// this program's, unreadable parts are left out.
fn statements(document: &str) -> Vec<Value> {
    let text = percent_encoding::percent_decode_str(document).decode_utf8_lossy();
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    match &document["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// Returns the value with `change` applied to each text in it.
fn each_text(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => change(text).into(),
        Value::Array(items) => items.iter().map(|item| each_text(item, change)).collect(),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(key, value)| (change(key), each_text(value, change))).collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_what_its_settings_ask_for() {
        let places = [
            ("${AWS::Partition}", "aws-cn"),
            ("${AWS::AccountId}", "1"),
            ("${AWS::Region}", "cn-north-1"),
        ];
        let basic = "arn:aws-cn:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
        assert_eq!(RolePolicies::at(&places, &FunctionConfig::default()).attached, [basic]);
        let table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/orders";
        let config = FunctionConfig {
            tracing: Some("active".into()),
            policies: Some(vec![
                "AmazonS3ReadOnlyAccess".into(),
                "arn:aws-cn:iam::${AWS::AccountId}:policy/own".into(),
            ]),
            statements: Some(vec![
                json!({ "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": table }),
            ]),
            ..FunctionConfig::default()
        };
        let policies = RolePolicies::at(&places, &config);
        let name = |name: &str| format!("arn:aws-cn:iam::aws:policy/{name}");
        let own = "arn:aws-cn:iam::1:policy/own".to_owned();
        assert_eq!(
            policies.attached[1..],
            [name("AWSXRayDaemonWriteAccess"), name("AmazonS3ReadOnlyAccess"), own]
        );
        assert_eq!(
            policies.statements.unwrap()[0]["Resource"],
            "arn:aws-cn:dynamodb:cn-north-1:1:table/orders"
        );
    }

    #[test]
    fn a_role_loses_only_what_the_settings_have_the_whole_list_of() {
        let held = Held {
            attached: vec!["arn:basic".into(), "arn:by-hand".into()],
            statements: vec![json!({ "Action": "s3:GetObject" })],
        };
        let silent = RolePolicies {
            attached: vec!["arn:basic".into(), "arn:more".into()],
            ..RolePolicies::default()
        };
        assert_eq!(silent.lacking(&held).collect::<Vec<_>>(), ["arn:more"]);
        assert_eq!((silent.surplus(&held).count(), silent.differing(&held)), (0, None));
        let whole = RolePolicies { is_whole: true, statements: Some(Vec::new()), ..silent };
        assert_eq!(whole.surplus(&held).collect::<Vec<_>>(), ["arn:by-hand"]);
        assert_eq!(whole.differing(&held), Some(&[] as &[Value]));
        let same = RolePolicies { statements: Some(held.statements.clone()), ..whole };
        assert_eq!(same.differing(&held), None);
    }

    #[test]
    fn the_statements_of_a_policy_are_read_from_what_iam_answers() {
        let policy = document(&[json!({ "Action": "s3:GetObject" })]);
        let encoded =
            percent_encoding::utf8_percent_encode(&policy, percent_encoding::NON_ALPHANUMERIC)
                .to_string();
        assert_eq!(statements(&encoded), [json!({ "Action": "s3:GetObject" })]);
        assert_eq!(statements(r#"{"Statement":{"Action":"*"}}"#), [json!({ "Action": "*" })]);
        assert_eq!(statements("no document"), [] as [Value; 0]);
    }
}
