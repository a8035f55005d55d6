//! The permissions of the role that is created for a function: `policies` and `statements`.

use lambda_console_model::FunctionConfig;
use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use super::{Reader, Value};

impl Reader<'_> {
    /// Reads both; statements are in IAM's format, and allow unless they specify otherwise.
    pub(super) fn policies(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        self.list(table, "policies", &mut config.policies);
        let Some(value) = table.get("statements") else { return };
        let statements = value
            .get_ref()
            .as_array()
            .map(|array| array.iter().map(statement).collect::<Option<Vec<_>>>());
        match statements.flatten() {
            Some(statements) => config.statements = Some(statements),
            None => self.warn(
                "statements",
                value,
                "a list of IAM statements, each with `Action` and `Resource`",
            ),
        }
    }
}

fn statement(value: &Value<'_>) -> Option<Json> {
    let mut statement = json(value.get_ref())?;
    let fields = statement.as_object_mut()?;
    let has = |names: [&str; 2]| names.iter().any(|name| fields.contains_key(*name));
    if !has(["Action", "NotAction"]) || !has(["Resource", "NotResource"]) {
        return None;
    }
    fields.entry("Effect").or_insert_with(|| "Allow".into());
    Some(statement)
}

/// A value as JSON; `None` for types that JSON does not have.
fn json(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => {
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()?.into()
        }
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Array(items) => {
            items.iter().map(|item| json(item.get_ref())).collect::<Option<Vec<_>>>()?.into()
        }
        DeValue::Table(fields) => {
            let pair = |(key, value): (&toml::Spanned<_>, &Value<'_>)| {
                let key: &std::borrow::Cow<'_, str> = key.get_ref();
                Some((key.to_string(), json(value.get_ref())?))
            };
            Json::Object(fields.iter().map(pair).collect::<Option<_>>()?)
        }
        DeValue::Float(_) | DeValue::Datetime(_) => return None,
    })
}
