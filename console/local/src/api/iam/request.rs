//! The parameters of an IAM action.

use std::collections::{BTreeMap, BTreeSet};

use crate::http::error::ApiError;

/// Maximum number of tags of a role or a policy.
const TAGS: usize = 50;

/// An action and its parameters.
pub(super) struct Request<'a> {
    form: &'a [(String, String)],
}

impl<'a> Request<'a> {
    pub(super) fn new(form: &'a [(String, String)]) -> Self {
        Self { form }
    }

    /// Returns the action's name.
    pub(super) fn action(&self) -> &'a str {
        self.get("Action").unwrap_or_default()
    }

    /// Returns a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns a required parameter.
    pub(super) fn need(&self, name: &str) -> Result<&'a str, ApiError> {
        let missing =
            || ApiError::new(400, "ValidationError", format!("the parameter {name} is missing"));
        self.get(name).ok_or_else(missing)
    }

    /// Returns a list of strings.
    pub(super) fn members(&self, name: &str) -> Vec<&'a str> {
        (1..).map_while(|n| self.get(&format!("{name}.member.{n}"))).collect()
    }

    /// Adds the tags of the request to `tags`.
    pub(super) fn add_tags(&self, tags: &mut BTreeMap<String, String>) -> Result<(), ApiError> {
        let member = |n: usize, part: &str| self.get(&format!("Tags.member.{n}.{part}"));
        let mut keys = BTreeSet::new();
        for (key, value) in
            (1..).map_while(|n| Some((member(n, "Key")?, member(n, "Value").unwrap_or_default())))
        {
            let lengths = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
            if !lengths || key.to_ascii_lowercase().starts_with("aws:") {
                let message = format!(
                    "The tag {key:?} is not valid: a key has 1 to 128 characters and does not \
                    begin with aws:, a value up to 256."
                );
                return Err(ApiError::new(400, "InvalidInput", message));
            }
            if !keys.insert(key.to_lowercase()) {
                let message =
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
                return Err(ApiError::new(400, "InvalidInput", message));
            }
            remove(tags, key);
            tags.insert(key.to_owned(), value.to_owned());
        }
        if tags.len() > TAGS {
            let message = format!("The number of tags has reached the maximum limit of {TAGS}.");
            return Err(ApiError::new(409, "LimitExceeded", message));
        }
        Ok(())
    }

    /// Removes the tags that the request names.
    pub(super) fn remove_tags(&self, tags: &mut BTreeMap<String, String>) {
        self.members("TagKeys").into_iter().for_each(|key| remove(tags, key));
    }
}

/// Removes a tag, whatever the case of its key.
fn remove(tags: &mut BTreeMap<String, String>, key: &str) {
    let key = key.to_lowercase();
    tags.retain(|known, _| known.to_lowercase() != key);
}
