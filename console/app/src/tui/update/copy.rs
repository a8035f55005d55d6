//! The headless command line for an action.

use lambda_console_model::{
    Approval, InvokeMode, InvokeRequest, Keep, Promotion, VersionsChange, settings::Setting,
};

use crate::tui::state::{Draft, State};

/// Returns the command line of `words` on the active stage.
pub(super) fn line(state: &State, words: impl IntoIterator<Item = String>) -> String {
    let mut line = String::from("lambda-console");
    let options = [&state.options.arguments, &state.stage().arguments];
    let options = options.into_iter().filter(|options| !options.is_empty()).cloned();
    for word in options.chain(words) {
        line.push(' ');
        line.push_str(&word);
    }
    line
}

/// Returns `lambda-console build hello`.
pub(super) fn build(state: &State, functions: &[String]) -> String {
    let mut words = vec!["build".to_owned()];
    words.extend(functions.iter().map(|name| quoted(name)));
    words.extend(build_options(state));
    line(state, words)
}

fn build_options(state: &State) -> impl Iterator<Item = String> {
    let arch = state.architecture.map(|architecture| format!("--arch {architecture}"));
    arch.into_iter().chain(state.debug.then(|| "--debug".to_owned()))
}

/// Returns `lambda-console deploy hello`.
pub(super) fn deploy(state: &State, functions: &[String], approval: Approval) -> String {
    let mut words = vec!["deploy".to_owned()];
    words.extend(functions.iter().map(|name| quoted(name)));
    words.extend(yes(approval));
    line(state, words)
}

/// Returns `lambda-console deploy hello --dry-run`.
pub(super) fn plan(state: &State, functions: &[String]) -> String {
    let names = functions.iter().map(|name| quoted(name));
    line(state, std::iter::once("deploy".to_owned()).chain(names).chain(["--dry-run".to_owned()]))
}

/// Returns `lambda-console settings hello memory=512 --dry-run`.
pub(super) fn plan_config(state: &State, function: &str) -> String {
    let words = config_words(state, function);
    line(state, words.into_iter().chain(["--dry-run".to_owned()]))
}

/// Returns `lambda-console settings hello memory=512`.
pub(super) fn configure(state: &State, function: &str, approval: Approval) -> String {
    let words = config_words(state, function);
    line(state, words.into_iter().chain(yes(approval)))
}

/// Returns the edits of a function as arguments. The value of a variable is a secret: it is taken
/// from the shell's variable of that name.
fn config_words(state: &State, function: &str) -> Vec<String> {
    let mut words = vec!["settings".to_owned(), quoted(function)];
    for (setting, value) in &state.stage().function(function).config.edits {
        words.push(match (setting, value) {
            (_, None) => format!("--unset {setting}"),
            (Setting::Env(name), Some(_)) => format!("{setting}=\"${name}\""),
            (_, Some(value)) => quoted(&format!("{setting}={value}")),
        });
    }
    words
}

fn yes(approval: Approval) -> Option<String> {
    (approval == Approval::Given).then(|| "--yes".to_owned())
}

/// Returns `lambda-console delete hello --keep-logs --yes`.
pub(super) fn delete(state: &State, function: &str, keep: Keep) -> String {
    let flags = [(keep.logs, "--keep-logs"), (keep.role, "--keep-role"), (true, "--yes")];
    let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
    line(state, ["delete".to_owned(), quoted(function)].into_iter().chain(flags))
}

/// Returns `lambda-console iam`.
pub(super) fn iam(state: &State) -> String {
    line(state, ["iam".to_owned()])
}

/// Returns `lambda-console iam --check hello`.
pub(super) fn permissions(state: &State, function: &str) -> String {
    line(state, ["iam".to_owned(), "--check".to_owned(), quoted(function)])
}

/// Returns `lambda-console iam --remove lambda-console-hello-eu-west-1 --yes`.
pub(super) fn remove_role(state: &State, role: &str) -> String {
    line(state, ["iam".to_owned(), "--remove".to_owned(), quoted(role), "--yes".to_owned()])
}

/// Returns `lambda-console stages`.
pub(super) fn stages(state: &State) -> String {
    line(state, ["stages".to_owned()])
}

/// Returns `lambda-console versions hello`.
pub(super) fn versions(state: &State, function: &str) -> String {
    line(state, ["versions".to_owned(), quoted(function)])
}

/// Returns `lambda-console rollback hello 7 --dry-run`, or the command for another plan.
pub(super) fn plan_versions(state: &State, function: &str, change: &VersionsChange) -> String {
    format!("{} --dry-run", change_versions(state, function, change, Approval::None))
}

/// Returns `lambda-console rollback hello 7`, or the command for another change of the versions.
pub(super) fn change_versions(
    state: &State,
    function: &str,
    change: &VersionsChange,
    approval: Approval,
) -> String {
    let name = quoted(function);
    let mut words = match change {
        VersionsChange::Publish(_) => vec!["versions".to_owned(), name, "--publish".to_owned()],
        VersionsChange::Prune(keep) => vec!["versions".to_owned(), name, format!("--prune {keep}")],
        VersionsChange::Rollback(to) => {
            let mut words = vec!["rollback".to_owned(), name];
            words.extend(to.as_deref().map(quoted));
            words
        }
    };
    words.extend(yes(approval));
    line(state, words)
}

/// Returns `lambda-console promote beta prod hello --dry-run`.
pub(super) fn plan_promotion(promotion: &Promotion) -> String {
    format!("{} --dry-run", promote(promotion, Approval::None))
}

/// Returns `lambda-console promote beta prod hello`, which contains its stages.
pub(super) fn promote(promotion: &Promotion, approval: Approval) -> String {
    let mut words =
        vec!["lambda-console promote".to_owned(), quoted(&promotion.from), quoted(&promotion.to)];
    words.extend(promotion.functions.iter().map(|function| quoted(&function.name)));
    if let Some(canary) = &promotion.canary {
        let steps: Vec<String> = canary.steps.iter().map(f64::to_string).collect();
        words.push(format!("--canary {}", steps.join(",")));
    }
    words.extend(yes(approval));
    words.join(" ")
}

/// Returns `lambda-console setup`.
pub(super) fn setup(state: &State) -> String {
    line(state, ["setup".to_owned()])
}

/// Returns `lambda-console logs hello --follow`.
pub(super) fn tail(state: &State, functions: &[String]) -> String {
    let names = functions.iter().map(|name| quoted(name));
    line(state, std::iter::once("logs".to_owned()).chain(names).chain(["--follow".to_owned()]))
}

/// Returns `lambda-console local --watch`.
pub(super) fn watch(state: &State) -> String {
    let mut words = vec!["local".to_owned(), "--watch".to_owned()];
    words.extend(build_options(state));
    line(state, words)
}

/// Returns `lambda-console invoke hello --payload '{"name":"Lambda"}'`.
pub(super) fn invoke(state: &State, request: &InvokeRequest, draft: &Draft) -> String {
    let mut words = vec!["invoke".to_owned(), quoted(&request.function)];
    match &draft.source {
        Some(event) if !draft.changed => words.push(format!("--event {}", quoted(event))),
        _ if request.payload == Draft::EMPTY => {}
        _ => words.push(format!("--payload {}", quoted(&request.payload))),
    }
    words.extend(
        request.qualifier.as_ref().map(|qualifier| format!("--qualifier {}", quoted(qualifier))),
    );
    match request.mode {
        InvokeMode::Sync => {}
        InvokeMode::Stream => words.push("--stream".to_owned()),
        InvokeMode::Async => words.push("--async".to_owned()),
        InvokeMode::DryRun => words.push("--dry-run".to_owned()),
    }
    words.extend(
        request
            .client_context
            .as_ref()
            .map(|context| format!("--client-context {}", quoted(context))),
    );
    words.extend(request.tenant.as_ref().map(|tenant| format!("--tenant {}", quoted(tenant))));
    words.extend(request.cold.then(|| "--cold".to_owned()));
    words.extend(yes(request.approval));
    line(state, words)
}

/// Quotes `text` as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Joins lines with a line break after each.
pub(super) fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("hello-2"), "hello-2");
        assert_eq!(quoted(r#"{"it's":1}"#), r#"'{"it'\''s":1}'"#);
        assert_eq!(quoted(""), "''");
    }
}
