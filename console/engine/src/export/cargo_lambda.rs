//! Metadata for cargo-lambda 1.9: the keys of `[package.metadata.lambda]` that it reads, a file for
//! each package. Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use lambda_console_model::{Architecture, Cors, LogFormat, UrlAuth};

use super::{
    file::{Comment, File},
    function::{Exported, Role},
    hcl::is_invisible,
    node::Node,
};

/// The place that cargo-lambda deploys to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place<'a> {
    pub(super) profile: Option<&'a str>,
    pub(super) region: Option<&'a str>,
}

/// Returns a file for each package. The sections are to be put in its manifest.
pub(super) fn files(functions: &[Exported], place: Place<'_>) -> Vec<File> {
    let mut packages: BTreeMap<&str, Vec<&Exported>> = BTreeMap::new();
    for function in functions {
        packages.entry(&function.package).or_default().push(function);
    }
    packages
        .into_iter()
        .map(|(package, functions)| {
            let mut text = format!(
                "#\n# For the Cargo.toml of {package}: the keys that `cargo lambda` reads. What it \
                 has no key for is a comment.\n"
            );
            let is_only = functions.len() == 1;
            for function in functions {
                let section = if is_only {
                    "package.metadata.lambda".to_owned()
                } else {
                    format!("package.metadata.lambda.bin.{}", key(&function.binary))
                };
                text.push_str(&sections(function, &section, place));
            }
            File { path: format!("{package}.toml").into(), comment: Comment::Hash, text }
        })
        .collect()
}

/// Lines of `key = value`, and comments.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn set(&mut self, name: &str, node: &Node) {
        let _ = writeln!(self.0, "{name} = {}", value(node));
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.set(name, &Node::text(text));
        }
    }

    fn number(&mut self, name: &str, number: Option<u32>) {
        if let Some(number) = number {
            self.set(name, &Node::Number(number.into()));
        }
    }

    fn note(&mut self, text: &str) {
        let _ = writeln!(self.0, "# {text}");
    }
}

fn sections(function: &Exported, section: &str, place: Place<'_>) -> String {
    let config = &function.config;
    let mut out = String::new();
    let x86 = function.architecture == Architecture::X86_64;
    let chip = if x86 { "x86_64" } else { "arm64" };
    let _ = writeln!(out, "\n[{section}.build]\n{chip} = true");
    let mut lines = Lines::default();
    if function.name != function.binary {
        lines.text("name", Some(&function.name));
        lines.text("binary_name", Some(&function.binary));
    }
    lines.text("profile", place.profile);
    lines.text("region", place.region);
    lines.text("alias", function.alias.as_deref());
    lines.text("description", config.description.as_deref());
    lines.number("memory", config.memory);
    lines.number("timeout", config.timeout);
    lines.text("runtime", config.runtime.as_deref());
    if config.handler.is_some() {
        lines.note("handler: cargo-lambda deploys `bootstrap` only");
    }
    if let Some(mode) = function.tracing() {
        lines.set("tracing", &Node::text(if mode == "Active" { "Active" } else { "Passthrough" }));
    }
    match &function.role {
        Role::Given(arn) if arn.starts_with("arn:${") => {
            lines.note("role: cargo-lambda takes an ARN only; the settings have a name");
        }
        Role::Given(arn) => lines.text("role", Some(arn)),
        Role::Own { attached, statements } => {
            if attached.len() > 1 || !statements.is_empty() {
                lines.note("policies, statements: give a role that has them with `role`");
            }
        }
    }
    if let Some(layers) = config.layers.as_ref().filter(|layers| !layers.is_empty()) {
        lines.set("layers", &Node::texts(layers));
    }
    if let Some(url) = function.url() {
        match url.auth {
            UrlAuth::None => lines.set("enable_function_url", &Node::Flag(true)),
            UrlAuth::Iam => lines.note("url: cargo-lambda makes public URLs only"),
        }
        if url.streaming == Some(true) || url.cors.as_ref().is_some_and(|it| *it != Cors::default())
        {
            lines.note("url: cargo-lambda sets neither streaming nor CORS");
        }
    }
    lines.number("log_retention", function.retention());
    lines.text("s3_bucket", function.bucket.as_deref());
    lines.text("s3_key", config.s3_key.as_deref().filter(|_| function.bucket.is_some()));
    left_out(function, &mut lines);
    let _ = write!(out, "\n[{section}.deploy]\n{}", lines.0);
    if let Some(vpc) = function.vpc() {
        let mut lines = Lines::default();
        lines.set("subnet_ids", &Node::texts(&vpc.subnet_ids));
        lines.set("security_group_ids", &Node::texts(&vpc.security_group_ids));
        if vpc.ipv6_allowed_for_dual_stack {
            lines.set("ipv6_allowed_for_dual_stack", &Node::Flag(true));
        }
        let _ = write!(out, "\n[{section}.deploy.vpc]\n{}", lines.0);
    }
    if !function.env.is_empty() {
        let mut lines = Lines::default();
        for (name, value) in &function.env {
            match value {
                Some(value) if value.trim().is_empty() => {
                    lines.note(&format!("{name}: blank, which cargo-lambda refuses"));
                }
                Some(value) => lines.set(&key(name), &Node::text(value)),
                None => lines.note(&format!("{name}: a secret; pass it with --env-file")),
            }
        }
        let _ = write!(out, "\n[{section}.deploy.env]\n{}", lines.0);
    }
    if !config.tags.is_empty() {
        let mut lines = Lines::default();
        for (name, text) in &config.tags {
            lines.set(&key(name), &Node::text(text));
        }
        let _ = write!(out, "\n[{section}.deploy.tags]\n{}", lines.0);
    }
    out
}

/// Notes the settings that cargo-lambda does not have.
fn left_out(function: &Exported, lines: &mut Lines) {
    let (config, log) = (&function.config, &function.config.log);
    let mut missing = Vec::new();
    if let Some(size) = config.ephemeral_storage {
        missing.push(format!("ephemeral_storage = {size}"));
    }
    if let Some(count) = function.reserved() {
        missing.push(format!("reserved_concurrency = {count}"));
    }
    if log.format == Some(LogFormat::Json) {
        missing.push("log_format = \"json\"".to_owned());
    }
    for (name, level) in [
        ("application_log_level", &log.application_level),
        ("system_log_level", &log.system_level),
        ("log_group", &log.group),
    ] {
        if let Some(text) = level.as_ref().filter(|text| !text.is_empty()) {
            missing.push(format!("{name} = {}", value(&Node::text(text))));
        }
    }
    for one in missing {
        lines.note(&format!("{one}: cargo-lambda has no key for it"));
    }
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name.bytes().all(|one| one.is_ascii_alphanumeric() || matches!(one, b'_' | b'-'));
    if is_bare { name.to_owned() } else { value(&Node::text(name)) }
}

/// A value in the syntax of TOML.
fn value(node: &Node) -> String {
    match node {
        Node::Raw(text) => text.clone(),
        Node::Number(number) => number.to_string(),
        Node::Flag(flag) => flag.to_string(),
        Node::List(items) => {
            let items: Vec<String> = items.iter().map(value).collect();
            format!("[{}]", items.join(", "))
        }
        Node::Text(text) => {
            let mut out = "\"".to_owned();
            for character in text.chars() {
                match character {
                    '"' | '\\' => out.extend(['\\', character]),
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    '\t' => out.push_str("\\t"),
                    control if control.is_control() || is_invisible(control) => {
                        let _ = write!(out, "\\u{:04x}", u32::from(control));
                    }
                    other => out.push(other),
                }
            }
            out + "\""
        }
        Node::Call(..) | Node::Map(_) => "{}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back_as_it_was() {
        for text in ["", "a \"b\" \\ \n\r\t ${x}", "\u{7f}\u{85}\u{2028}", "ä 🦀"] {
            let document = format!("{} = {}", key("a b"), value(&Node::text(text)));
            let table: toml::Table = document.parse().unwrap();
            assert_eq!(table.get("a b").and_then(toml::Value::as_str), Some(text));
        }
    }
}
