//! The known keys: those that are read, and cargo-lambda's other ones, which are reported as not
//! used. All others are typing errors.
//!
//! Source: cargo-lambda 1.9.2, its documentation of `CargoLambda.toml` and of the flags that have a
//! key.

use lambda_console_model::{Failure, text::nearest};
use toml::de::DeTable;

use super::Reader;

/// The keys of one table.
pub(super) struct Keys {
    /// Keys that are read.
    used: &'static [&'static str],
    /// Keys of cargo-lambda that are not read, with underscores.
    others: &'static [&'static str],
}

pub(super) const LAMBDA: Keys = Keys {
    used: &["env", "include", "build", "deploy", "bin", "exec", "handler", "prebuilt"],
    others: &["watch"],
};
pub(super) const WORKSPACE: Keys = Keys {
    used: &["env", "include", "build", "deploy", "bin", "handler", "stages", "build-std"],
    others: &["watch"],
};
pub(super) const BUILD: Keys = Keys {
    used: &[
        "include",
        "target",
        "arm64",
        "x86_64",
        "x86-64",
        "features",
        "all_features",
        "all-features",
        "no_default_features",
        "no-default-features",
        "default_features",
        "default-features",
        "extension",
    ],
    others: &[
        "output_format",
        "lambda_dir",
        "internal",
        "flatten",
        "skip_target_check",
        "disable_optimizations",
        "compiler",
        "env",
        "env_var",
        "env_vars",
        "env_file",
        "profile",
        "release",
        "package",
        "packages",
        "bin",
        "bins",
        "example",
        "examples",
        "test",
        "tests",
        "bench",
        "benches",
        "lib",
        "all_targets",
        "workspace",
        "exclude",
        "jobs",
        "keep_going",
        "target_dir",
        "artifact_dir",
        "manifest_path",
        "message_format",
        "locked",
        "offline",
        "frozen",
        "config",
        "unstable_flags",
        "timings",
        "quiet",
        "verbose",
        "color",
        "ignore_rust_version",
        "unit_graph",
        "build_plan",
        "cargo_opts",
        "future_incompat_report",
    ],
};
pub(super) const DEPLOY: Keys = Keys {
    used: &[
        "include",
        "name",
        "binary_name",
        "memory",
        "timeout",
        "ephemeral_storage",
        "role",
        "iam_role",
        "policies",
        "statements",
        "description",
        "tracing",
        "runtime",
        "layer",
        "layers",
        "tag",
        "tags",
        "env_file",
        "env",
        "env_var",
        "env_vars",
        "env_replace",
        "log_format",
        "application_log_level",
        "system_log_level",
        "log_group",
        "log_retention",
        "reserved_concurrency",
        "url",
        "enable_function_url",
        "disable_function_url",
        "vpc",
        "subnet_ids",
        "security_group_ids",
        "ipv6_allowed_for_dual_stack",
        "s3_bucket",
        "s3_key",
        "extension",
    ],
    others: &[
        "remote_config",
        "profile",
        "region",
        "alias",
        "endpoint_url",
        "retry_attempts",
        "internal",
        "compatible_runtimes",
        "binary_path",
        "output_format",
        "lambda_dir",
        "dry",
        "manifest_path",
        "merge_env",
        "function_config",
    ],
};
pub(super) const EXEC: Keys = Keys { used: &["command", "resident"], others: &[] };
pub(super) const URL: Keys = Keys { used: &["auth", "streaming", "cors"], others: &[] };
pub(super) const CORS: Keys = Keys {
    used: &[
        "allow_origins",
        "allow_methods",
        "allow_headers",
        "expose_headers",
        "max_age",
        "allow_credentials",
    ],
    others: &[],
};
pub(super) const VPC: Keys = Keys {
    used: &["subnet_ids", "security_group_ids", "ipv6_allowed_for_dual_stack"],
    others: &[],
};

impl Reader<'_> {
    /// Warns of the keys of `table` that are not read.
    pub(super) fn check_keys(&mut self, table: &DeTable<'_>, keys: &Keys) {
        let mut unused: Vec<(&str, String)> = Vec::new();
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            if keys.used.contains(&key) {
                continue;
            }
            if keys.others.contains(&key.replace('-', "_").as_str()) {
                unused.push((key, self.place(value)));
                continue;
            }
            let meant = nearest(key, keys.used.iter().copied());
            let hint = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the settings there are {}", keys.used.join(", ")),
            };
            let what = format!("ignored the setting `{}.{key}`", self.path.join("."));
            self.add(Failure::usage(
                what,
                format!("{}: there is no such setting", self.place(value)),
                hint,
            ));
        }
        if let Some((_, place)) = unused.first() {
            let (are, them) =
                if unused.len() == 1 { ("it is", "it") } else { ("they are", "them") };
            let names: Vec<String> =
                unused.iter().map(|(key, _)| format!("`{}.{key}`", self.path.join("."))).collect();
            let what = format!("did not use {}", names.join(", "));
            let why = format!("{place}: {are} of cargo-lambda, and the console ignores {them}");
            let hint = "profile, region and alias are settings of a stage: \
                `[workspace.metadata.lambda.stages.NAME]`";
            let is_of_stage =
                |(key, _): &(&str, String)| matches!(*key, "profile" | "region" | "alias");
            let hint = if unused.iter().any(is_of_stage) { hint } else { "" };
            self.add(Failure::usage(what, why, hint));
        }
    }
}
