//! Instructions and exports to connect the AWS CLI, boto3, Terraform and other SDKs to the local
//! Lambda. Depends only on its endpoint.

use lambda_console_local::Endpoint;
use serde_json::{Value, json};

/// Variables that a shell has to set and to unset, so that AWS's tools reach the endpoint and
/// nothing else.
struct Environment {
    set: Vec<(String, String)>,
    unset: Vec<String>,
}

/// Variables that take precedence over the endpoint or its keys, whatever their value: some SDKs
/// prefer a profile to keys, all send a session token along, and treat keys as expired after their
/// expiration time.
const FOREIGN: [&str; 8] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ACCOUNT_ID",
    "AWS_AUTH_SCHEME_PREFERENCE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
];
/// Hosts of this machine, which no proxy can reach for it.
const NEAR: [&str; 2] = ["127.0.0.1", "localhost"];

impl Environment {
    /// `present`: the variables of the shell.
    fn of(endpoint: &Endpoint, present: &[(String, String)]) -> Self {
        let Endpoint { url, access_key, secret_key, region, .. } = endpoint;
        let mut set: Vec<(String, String)> = [
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_ACCESS_KEY_ID", access_key),
            ("AWS_SECRET_ACCESS_KEY", secret_key),
            ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", region),
            // The configuration file may enable these, and SDKs reject them together with an
            // endpoint.
            ("AWS_USE_FIPS_ENDPOINT", "false"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let named = |name: &str| {
            present.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let is_proxy = |(name, value): &(String, String)| {
            let name = name.to_ascii_lowercase();
            matches!(name.as_str(), "http_proxy" | "https_proxy" | "all_proxy") && !value.is_empty()
        };
        if present.iter().any(is_proxy) {
            let of = |name: &str, other: &str| {
                beside_near(named(name).or_else(|| named(other)).unwrap_or_default())
            };
            set.push(("NO_PROXY".to_owned(), of("NO_PROXY", "no_proxy")));
            set.push(("no_proxy".to_owned(), of("no_proxy", "NO_PROXY")));
        }
        let services = present.iter().map(|(name, _)| name.clone()).filter(|name| {
            let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            is_name && name.starts_with("AWS_ENDPOINT_URL_")
        });
        let mut unset: Vec<String> =
            FOREIGN.map(str::to_owned).into_iter().chain(services).collect();
        unset[FOREIGN.len()..].sort_unstable();
        Self { set, unset }
    }
}

/// Returns a list of hosts that need no proxy, including this machine.
fn beside_near(list: &str) -> String {
    let mut entries: Vec<&str> =
        list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).collect();
    if !entries.contains(&"*") {
        let missing: Vec<&str> = NEAR.into_iter().filter(|near| !entries.contains(near)).collect();
        entries.extend(missing);
    }
    entries.join(",")
}

/// Returns the endpoint as JSON. `present`: the variables of the environment.
pub(super) fn document(endpoint: &Endpoint, present: &[(String, String)]) -> Value {
    let Endpoint { url, access_key, secret_key, region, pid, memory_limit, damage, .. } = endpoint;
    let Environment { set, unset } = Environment::of(endpoint, present);
    json!({
        "endpoint": url, "region": region, "access_key_id": access_key, "secret_access_key": secret_key, "pid": pid,
        "memory_limit": memory_limit,
        "damage": damage,
        "environment": set.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "unset": unset,
    })
}

/// Returns lines for a shell to evaluate. `present`: its variables.
pub(super) fn shell(endpoint: &Endpoint, present: &[(String, String)]) -> String {
    let Environment { set, unset } = Environment::of(endpoint, present);
    let mut lines: Vec<String> =
        set.iter().map(|(name, value)| format!("export {name}={}", quoted(value))).collect();
    lines.push(format!("unset {}", unset.join(" ")));
    lines.join("\n")
}

/// Quotes `value` as one word of a shell.
fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:+=,@%".contains(&byte);
    if value.bytes().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// Returns instructions for a shell that has evaluated [`shell`]: titles, each with text to copy.
pub(super) fn guide(endpoint: &Endpoint) -> [(&'static str, String); 4] {
    let Endpoint { url, region, memory_limit, .. } = endpoint;
    [
        (
            "# Serves Lambda, CloudWatch Logs, IAM (roles and policies) and STS. With the AWS \
                CLI, in a shell with these exports:",
            "aws lambda list-functions\n\
             echo '{}' | aws lambda invoke --function-name NAME --payload fileb:///dev/stdin \
             /dev/stdout"
                .to_owned(),
        ),
        (
            "# With boto3 (pass the URL before 1.28, and to SDKs that ignore AWS_ENDPOINT_URL):",
            format!("boto3.client(\"lambda\", endpoint_url=\"{url}\")"),
        ),
        (
            "# With Terraform; keys come from these exports:",
            format!(
                "provider \"aws\" {{\n  \
                   region                      = \"{region}\"\n  \
                   skip_credentials_validation = true\n  \
                   skip_metadata_api_check     = true\n  \
                   skip_region_validation      = true\n  \
                   endpoints {{\n    \
                     lambda = \"{url}\"\n    \
                     logs   = \"{url}\"\n    \
                     iam    = \"{url}\"\n    \
                     sts    = \"{url}\"\n  \
                   }}\n}}"
            ),
        ),
        ("# The memory of functions is limited", format!("# {memory_limit}")),
    ]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            url: "http://127.0.0.1:9001".into(),
            access_key: "AKIDLOCAL".into(),
            secret_key: "s3cret/+".into(),
            region: "eu-west-1".into(),
            pid: 7,
            id: "a".into(),
            memory_limit: "by control groups".into(),
            damage: Vec::new(),
        }
    }

    /// Returns the variables for AWS and proxies of a shell that had these `variables` and has
    /// evaluated the lines.
    fn evaluated(variables: &[(&str, &str)]) -> String {
        let present: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let script = format!(
            "{}\nenv | grep -i -e ^AWS_ -e ^no_proxy | LC_ALL=C sort",
            shell(&endpoint(), &present)
        );
        let output = Command::new("sh")
            .args(["-euc", &script])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    const EXPECTED: &str = "AWS_ACCESS_KEY_ID=AKIDLOCAL\nAWS_DEFAULT_REGION=eu-west-1\nAWS_ENDPOINT_URL=http://127.0.0.1:9001\n\
                            AWS_REGION=eu-west-1\nAWS_SECRET_ACCESS_KEY=s3cret/+\nAWS_USE_DUALSTACK_ENDPOINT=false\n\
                            AWS_USE_FIPS_ENDPOINT=false\n";

    #[test]
    fn a_shell_that_evaluates_it_is_pointed_at_the_endpoint_alone() {
        let variables = [
            ("AWS_PROFILE", "acme"),
            ("AWS_DEFAULT_PROFILE", "acme"),
            ("AWS_SESSION_TOKEN", "old"),
            ("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_ENDPOINT_URL_LAMBDA", "https://elsewhere"),
            ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "https://elsewhere"),
            ("AWS_ENDPOINT_URL_IAM", "https://elsewhere"),
        ];
        assert_eq!(evaluated(&variables), EXPECTED);
        assert_eq!(evaluated(&[]), EXPECTED);
    }

    #[test]
    fn behind_a_proxy_this_machine_is_reached_without_it() {
        let no_proxy = |variables: &[(&str, &str)]| {
            evaluated(variables)
                .strip_prefix(EXPECTED)
                .map(str::to_owned)
                .unwrap_or_default()
                .replace('\n', " ")
        };
        let proxy = ("HTTP_PROXY", "http://proxy:3128");
        assert_eq!(
            no_proxy(&[proxy]),
            "NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost "
        );
        let intern = ("NO_PROXY", "intern.example, it's; $(false)");
        let listed = "intern.example,it's;,$(false),127.0.0.1,localhost";
        assert_eq!(
            no_proxy(&[("all_proxy", "p:1"), intern]),
            format!("NO_PROXY={listed} no_proxy={listed} ")
        );
        assert_eq!(no_proxy(&[proxy, ("no_proxy", "*")]), "NO_PROXY=* no_proxy=* ");
        assert_eq!(no_proxy(&[("http_proxy", "")]), "", "there is no proxy");
    }

    #[test]
    fn other_shells_find_the_same_in_the_document() {
        let present = [("HTTPS_PROXY", "p:1"), ("AWS_ENDPOINT_URL_STS", "x")];
        let document = document(
            &endpoint(),
            &present.map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        assert_eq!(document["environment"]["AWS_ENDPOINT_URL"], "http://127.0.0.1:9001");
        assert_eq!(document["environment"]["no_proxy"], "127.0.0.1,localhost");
        assert!(
            document["unset"].as_array().unwrap().contains(&"AWS_ENDPOINT_URL_STS".into()),
            "{document}"
        );
    }

    #[test]
    fn the_guide_names_each_service_and_no_secret() {
        let text = guide(&endpoint()).map(|(_, text)| text).join("\n");
        for service in ["lambda", "logs  ", "iam   ", "sts   "] {
            assert!(
                text.contains(&format!("{service} = \"http://127.0.0.1:9001\"")),
                "{service}: {text}"
            );
        }
        assert!(text.contains("aws lambda invoke") && text.contains("boto3.client("), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}
