//! The keymap: actions by key and context.
//!
//! The default keys are in `keymap.toml`; the user's come from [`crate::tui::config`]. Depends only
//! on `message` and on value types of `state`; reads no files.

use std::{collections::HashMap, ops::Range};

use serde::Deserialize;
use toml::Spanned;

use crate::tui::{
    message::{Action, Event},
    state::{Context, Hint, Key, KeyCode},
};

const SHIPPED: &str = include_str!("keymap.toml");

/// The entries of a keymap file, by context.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sections {
    global: Vec<Entry>,
    functions: Vec<Entry>,
    payload: Vec<Entry>,
    edit: Vec<Entry>,
    response: Vec<Entry>,
    logs: Vec<Entry>,
    #[serde(alias = "config")]
    settings: Vec<Entry>,
    help: Vec<Entry>,
    choose: Vec<Entry>,
    line: Vec<Entry>,
    delete: Vec<Entry>,
    login: Vec<Entry>,
    plan: Vec<Entry>,
    confirm: Vec<Entry>,
    versions: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    on: Vec<Spanned<String>>,
    /// Keys that work for one more release, and are shown nowhere.
    #[serde(default)]
    old: Vec<Spanned<String>>,
    run: Spanned<String>,
    hint: Option<String>,
    desc: Option<String>,
}

impl Sections {
    fn of(&self, context: Context) -> &[Entry] {
        match context {
            Context::Global => &self.global,
            Context::Functions => &self.functions,
            Context::Payload => &self.payload,
            Context::Edit => &self.edit,
            Context::Response => &self.response,
            Context::Logs => &self.logs,
            Context::Settings => &self.settings,
            Context::Help => &self.help,
            Context::Choose => &self.choose,
            Context::Line => &self.line,
            Context::Delete => &self.delete,
            Context::Login => &self.login,
            Context::Plan => &self.plan,
            Context::Confirm => &self.confirm,
            Context::Versions => &self.versions,
        }
    }
}

/// An error in a keymap, and its position in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Error message.
    pub message: String,
    /// Byte range in the file.
    pub span: Range<usize>,
}

#[derive(Clone, Debug)]
struct Binding {
    context: Context,
    keys: Vec<Key>,
    /// Keys that are not shown.
    old: Vec<Key>,
    action: Action,
    hint: String,
    desc: String,
}

/// The keys of all contexts.
#[derive(Clone, Debug, Default)]
pub struct Keymap {
    bindings: Vec<Binding>,
    index: HashMap<(Context, Key), Action>,
}

impl Keymap {
    /// Returns the default keymap.
    pub fn shipped() -> Self {
        let mut keymap = Self::default();
        let sections: Sections =
            toml::from_str(SHIPPED).expect("keymap.toml is tested to be valid");
        let hint = |entry: &Entry| Some(entry.hint.clone().unwrap_or_default());
        keymap.add(&sections, hint).expect("keymap.toml is tested to have no mistake");
        keymap
    }

    /// Replaces the keys of each action in `sections`, in the context that it is listed under. A
    /// key that was bound to another action of that context is unbound from it. On an error nothing
    /// is changed.
    pub fn merge(&mut self, sections: &Sections) -> Result<(), Mistake> {
        // A user's description is the hint as well.
        self.add(sections, |entry| entry.hint.clone().or_else(|| entry.desc.clone()))
    }

    fn add(
        &mut self,
        sections: &Sections,
        hint: impl Fn(&Entry) -> Option<String>,
    ) -> Result<(), Mistake> {
        let mut merged = self.bindings.clone();
        for context in Context::ALL {
            for entry in sections.of(context) {
                let fault = |at: &Spanned<String>, message| Mistake { message, span: at.span() };
                let action =
                    entry.run.get_ref().parse().map_err(|message| fault(&entry.run, message))?;
                let parsed = |texts: &[Spanned<String>]| {
                    let key = |text: &Spanned<String>| {
                        text.get_ref().parse::<Key>().map_err(|message| fault(text, message))
                    };
                    texts.iter().map(key).collect::<Result<Vec<Key>, Mistake>>()
                };
                let (keys, old) = (parsed(&entry.on)?, parsed(&entry.old)?);
                for other in merged.iter_mut().filter(|other| other.context == context) {
                    other.keys.retain(|key| !keys.contains(key));
                    other.old.retain(|key| !keys.contains(key));
                }
                let hint = hint(entry);
                let known = merged
                    .iter_mut()
                    .find(|other| other.context == context && other.action == action);
                if let Some(known) = known {
                    known.keys = keys;
                    known.old = old;
                    known.hint = hint.unwrap_or_else(|| known.hint.clone());
                    known.desc = entry.desc.clone().unwrap_or_else(|| known.desc.clone());
                } else {
                    let words = || action.name().replace('_', " ");
                    let desc = entry.desc.clone().unwrap_or_else(words);
                    let hint = hint.unwrap_or_else(words);
                    merged.push(Binding { context, keys, old, action, hint, desc });
                }
            }
        }
        merged.sort_by_key(|binding| binding.context);
        self.index = merged
            .iter()
            .flat_map(|binding| {
                let keys = binding.keys.iter().chain(&binding.old);
                keys.map(|&key| ((binding.context, key), binding.action))
            })
            .collect();
        self.bindings = merged;
        Ok(())
    }

    /// Returns the action for `key` in `context`.
    pub fn action(&self, context: Context, key: Key) -> Option<Action> {
        let own = self.index.get(&(context, key));
        let inherited = || self.index.get(&(Context::Global, key)).filter(|_| context.inherits());
        own.or_else(inherited).copied()
    }

    /// Returns the event for `key` in `context`: its action, or the key where text is typed; else
    /// none.
    pub fn event(&self, context: Context, key: Key) -> Option<Event> {
        let action = self.action(context, key).map(Event::Action);
        // An unbound letter may come from another keyboard layout: report it.
        let is_foreign = |letter: char| letter.is_alphabetic() && !letter.is_ascii();
        let is_foreign = matches!(key.code, KeyCode::Char(letter) if is_foreign(letter));
        action.or_else(|| (context.takes_text() || is_foreign).then_some(Event::Key(key)))
    }

    /// Returns the keymap as the help shows it.
    pub fn hints(&self) -> Vec<Hint> {
        let hint = |binding: &Binding| Hint {
            context: binding.context,
            keys: binding.keys.iter().map(Key::to_string).collect(),
            run: binding.action,
            short: binding.hint.clone(),
            desc: binding.desc.clone(),
        };
        self.bindings.iter().map(hint).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_s_entry_replaces_the_keys_of_its_action_only() {
        let mut keymap = Keymap::shipped();
        let text = "[[global]]\non = [\"F5\", \"i\"]\nrun = \"run\"\n";
        keymap.merge(&toml::from_str(text).unwrap()).unwrap();
        let action = |key: &str| keymap.action(Context::Functions, key.parse().unwrap());
        assert_eq!(action("F5"), Some(Action::Run));
        assert_eq!(action("i"), Some(Action::Run), "the key is taken from invoke");
        assert_eq!(action("r"), None);
        assert_eq!(action("l"), None, "an old key goes with the keys of its action");
        assert_eq!(action("b"), Some(Action::Build));
    }

    #[test]
    fn old_names_and_keys_still_work_and_are_not_shown() {
        let mut keymap = Keymap::shipped();
        let action =
            |keymap: &Keymap, context, key: &str| keymap.action(context, key.parse().unwrap());
        assert_eq!(action(&keymap, Context::Functions, "l"), Some(Action::Run));
        assert!(keymap.hints().iter().all(|hint| !hint.keys.contains(&"l".to_owned())));
        let text = "[[global]]\non = [\"F5\"]\nrun = \"loop\"\n\
            [[config]]\non = [\"s\"]\nrun = \"apply_config\"\n";
        keymap.merge(&toml::from_str(text).unwrap()).unwrap();
        assert_eq!(action(&keymap, Context::Functions, "F5"), Some(Action::Run));
        assert_eq!(action(&keymap, Context::Settings, "s"), Some(Action::ApplySettings));
        let hint = keymap.hints().into_iter().find(|hint| hint.run == Action::Run).unwrap();
        assert_eq!((&*hint.short, hint.keys), ("run", vec!["F5".to_owned()]));
    }

    #[test]
    fn a_mistake_changes_nothing_and_has_its_place() {
        let mut keymap = Keymap::shipped();
        let text = "[[global]]\non = [\"F5\"]\nrun = \"lop\"\n";
        let mistake = keymap.merge(&toml::from_str(text).unwrap()).unwrap_err();
        assert_eq!(text.get(mistake.span), Some("\"lop\""));
        assert_eq!(keymap.action(Context::Global, "F5".parse().unwrap()), None);
    }
}
