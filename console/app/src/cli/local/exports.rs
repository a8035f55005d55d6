//! How the local Lambda is reached by the AWS CLI, boto3, Terraform and any other SDK: texts of its endpoint alone.

use lambda_console_local::Endpoint;
use serde_json::{Value, json};

/// The endpoint for machines.
pub(super) fn document(endpoint: &Endpoint) -> Value {
    let Endpoint { url, access_key, secret_key, region, pid, memory_limit, damage, .. } = endpoint;
    json!({
        "endpoint": url, "region": region, "access_key_id": access_key, "secret_access_key": secret_key, "pid": pid,
        "memory_limit": memory_limit,
        "damage": damage,
    })
}

/// Lines for a shell to evaluate. What the shell has for AWS itself goes: some SDKs prefer a profile to keys, all send a
/// session token along, and one variable makes them overlook the endpoint.
pub(super) fn shell(endpoint: &Endpoint) -> String {
    let Endpoint { url, access_key, secret_key, region, .. } = endpoint;
    format!(
        "export AWS_ENDPOINT_URL={url}\nexport AWS_ACCESS_KEY_ID={access_key}\nexport AWS_SECRET_ACCESS_KEY={secret_key}\n\
         export AWS_REGION={region}\nexport AWS_DEFAULT_REGION={region}\n\
         unset AWS_PROFILE AWS_SESSION_TOKEN AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
    )
}

/// What to do in a shell that has evaluated [`shell`]: titles, each with what can be copied.
pub(super) fn guide(endpoint: &Endpoint) -> [(&'static str, String); 4] {
    let Endpoint { url, region, memory_limit, .. } = endpoint;
    [
        (
            "# Lambda, CloudWatch Logs, IAM's roles and policies, and STS are served. The AWS CLI, 1 or 2, in a shell with \
             these exports:",
            "aws lambda list-functions\n\
             echo '{}' | aws lambda invoke --function-name NAME --payload fileb:///dev/stdin /dev/stdout"
                .to_owned(),
        ),
        (
            "# boto3 (before 1.28, and any SDK that does not read AWS_ENDPOINT_URL, is given the URL):",
            format!("boto3.client(\"lambda\", endpoint_url=\"{url}\")"),
        ),
        (
            "# Terraform; keys come from these exports:",
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

    #[test]
    fn a_shell_that_evaluates_it_is_pointed_at_the_endpoint_alone() {
        let script = format!("{}\nenv | grep ^AWS_ | sort", shell(&endpoint()));
        let output = Command::new("sh")
            .args(["-euc", &script])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("AWS_PROFILE", "acme")
            .env("AWS_SESSION_TOKEN", "old")
            .env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
            .output()
            .unwrap();
        let expected = "AWS_ACCESS_KEY_ID=AKIDLOCAL\nAWS_DEFAULT_REGION=eu-west-1\nAWS_ENDPOINT_URL=http://127.0.0.1:9001\n\
                        AWS_REGION=eu-west-1\nAWS_SECRET_ACCESS_KEY=s3cret/+\n";
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, expected);
    }

    #[test]
    fn the_guide_names_each_service_and_no_secret() {
        let text = guide(&endpoint()).map(|(_, text)| text).join("\n");
        for service in ["lambda", "logs  ", "iam   ", "sts   "] {
            assert!(text.contains(&format!("{service} = \"http://127.0.0.1:9001\"")), "{service}: {text}");
        }
        assert!(text.contains("aws lambda invoke") && text.contains("boto3.client("), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}
