//! Detects a stage on AWS that the shell's variables direct to a local Lambda: `lambda-console
//! local` prints these variables, and a shell that has evaluated them keeps them.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use http::Uri;
use lambda_console_model::Failure;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longest time that an endpoint on this machine may take to identify itself.
const PATIENCE: Duration = Duration::from_millis(500);

/// Variables of a shell that redirect a stage.
#[derive(Debug, Default, PartialEq, Eq)]
struct Directed {
    /// The variables that name endpoints on this machine, each with its address.
    endpoints: BTreeMap<String, String>,
    /// The variables that hold a local Lambda's key, and those that were exported with it.
    keys: Vec<&'static str>,
}

impl Directed {
    /// Reads the variables that the SDK reads.
    fn read(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let set: BTreeMap<String, String> =
            variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let ignored =
            set.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value == "true");
        let is_endpoint =
            |name: &str| name == "AWS_ENDPOINT_URL" || name.starts_with("AWS_ENDPOINT_URL_");
        let endpoints = set
            .iter()
            .filter(|(name, _)| is_endpoint(name) && !ignored)
            .filter_map(|(name, url)| Some((name.clone(), address(url)?)))
            .collect();
        let is_local = set.get("AWS_ACCESS_KEY_ID").is_some_and(|key| is_local_key(key));
        let exported =
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"];
        let keys =
            exported.into_iter().filter(|name| is_local && set.contains_key(*name)).collect();
        Self { endpoints, keys }
    }

    /// Returns the failure if the variables redirect `stage`. Keys count only if no profile
    /// provides others.
    async fn failure(&self, stage: &str, has_profile: bool) -> Option<Failure> {
        let mut found: BTreeMap<&str, There> = BTreeMap::new();
        for address in self.endpoints.values() {
            found.insert(address, ask(address).await);
        }
        let at = |there: There| {
            let is_there =
                |(_, address): &(&String, &String)| found.get(address.as_str()) == Some(&there);
            self.endpoints
                .iter()
                .filter(is_there)
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
        };
        let (local, silent) = (at(There::LocalLambda), at(There::Nobody));
        let (names, why) = if !local.is_empty() {
            (local.clone(), format!("{} points it to a local Lambda", local.join(", ")))
        } else if !silent.is_empty() && silent.len() == self.endpoints.len() {
            let why =
                format!("{} points it to this machine, where nothing answers", silent.join(", "));
            (silent, why)
        } else if !self.keys.is_empty() && self.endpoints.is_empty() && !has_profile {
            (
                Vec::new(),
                "AWS_ACCESS_KEY_ID is the key of a local Lambda, which AWS does not know"
                    .to_owned(),
            )
        } else {
            return None;
        };
        let names: Vec<&str> = names.into_iter().chain(self.keys.iter().copied()).collect();
        let hint = format!("unset {}", names.join(" "));
        Some(Failure::environment(format!("could not connect to the stage {stage}"), why, hint))
    }
}

/// The host and port of a URL on this machine.
fn address(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host()?.to_ascii_lowercase();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_here = ip.map_or_else(
        |_| host == "localhost" || host.ends_with(".localhost"),
        |ip| ip.is_loopback(),
    );
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    is_here.then(|| {
        if host.ends_with("localhost") {
            format!("127.0.0.1:{port}")
        } else {
            format!("{host}:{port}")
        }
    })
}

/// Returns `true` for a key that a local Lambda generated. AWS's begin with `AKIA` or `ASIA`.
fn is_local_key(key: &str) -> bool {
    let rest = key.strip_prefix("LOCAL");
    rest.is_some_and(|rest| {
        rest.len() == 15
            && rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    })
}

/// Kind of server at an address of this machine.
#[derive(Debug, PartialEq, Eq)]
enum There {
    LocalLambda,
    Nobody,
    SomethingElse,
}

/// Checks what is at the address.
async fn ask(address: &str) -> There {
    let asked = async {
        let mut stream = match TcpStream::connect(address).await {
            Ok(stream) => stream,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                return There::Nobody;
            }
            Err(_) => return There::SomethingElse,
        };
        let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        let mut answer = Vec::new();
        if stream.write_all(request.as_bytes()).await.is_err() {
            return There::SomethingElse;
        }
        // The data before the connection broke off counts.
        let _ = stream.take(64 << 10).read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let mark = format!("\r\n{}: {address}\r\n", lambda_console_local::MARK);
        if answer.contains(&mark) { There::LocalLambda } else { There::SomethingElse }
    };
    timeout(PATIENCE, asked).await.unwrap_or(There::SomethingElse)
}

/// Returns the failure if the environment redirects the stage on AWS to a local Lambda, or to an
/// address that had one.
pub(super) async fn failure(stage: &str, has_profile: bool) -> Option<Failure> {
    let variables = std::env::vars_os();
    let variables =
        variables.filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    Directed::read(variables).failure(stage, has_profile).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = ("AWS_ACCESS_KEY_ID", "LOCAL0123456789ABCDE");

    async fn failure(variables: &[(&str, &str)], has_profile: bool) -> Option<(String, String)> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let failure = Directed::read(owned).failure("beta", has_profile).await?;
        assert_eq!(
            (failure.what.as_str(), failure.kind.exit_code()),
            ("could not connect to the stage beta", 3)
        );
        Some((failure.why, failure.hint))
    }

    async fn local(dir: &tempfile::TempDir) -> lambda_console_local::Local {
        let options = lambda_console_local::Options {
            dir: dir.path().to_owned(),
            port: 0,
            region: "us-east-1".to_owned(),
            emulator: std::sync::Arc::new(|| None),
        };
        lambda_console_local::open(options).await.unwrap()
    }

    #[tokio::test]
    async fn each_variable_that_directs_a_stage_to_a_local_lambda_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let local = local(&dir).await;
        let url = local.endpoint().url.clone();
        let other = url.replace("127.0.0.1", "localhost") + "/";
        let key = local.endpoint().access_key.clone();
        for (variables, names) in [
            (vec![("AWS_ENDPOINT_URL", &*url)], "AWS_ENDPOINT_URL"),
            (vec![("AWS_ENDPOINT_URL_LAMBDA", &*other)], "AWS_ENDPOINT_URL_LAMBDA"),
            (vec![("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &*url)], "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"),
            (
                vec![("AWS_ENDPOINT_URL_IAM", &*url), ("AWS_ENDPOINT_URL_STS", &*url)],
                "AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL_STS",
            ),
        ] {
            let (why, hint) = failure(&variables, true).await.unwrap();
            assert_eq!(why, format!("{names} points it to a local Lambda"));
            assert_eq!(hint, format!("unset {}", names.replace(',', "")));
        }
        // As `lambda-console local` exports them.
        let exported = [
            ("AWS_ENDPOINT_URL", &*url),
            ("AWS_ACCESS_KEY_ID", &*key),
            ("AWS_REGION", "us-east-1"),
        ];
        let (_, hint) = failure(&exported, false).await.unwrap();
        assert_eq!(hint, "unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_REGION");
        let ignored = [exported[0], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
        assert_eq!(failure(&ignored, true).await, None, "the SDK does not read it then");
        local.shutdown().await;
        let (why, hint) = failure(&exported, false).await.unwrap();
        assert_eq!(why, "AWS_ENDPOINT_URL points it to this machine, where nothing answers");
        assert!(hint.starts_with("unset AWS_ENDPOINT_URL "), "{hint}");
    }

    #[tokio::test]
    async fn keys_of_a_local_lambda_alone_are_named_where_no_profile_gives_others() {
        let (why, hint) = failure(&[KEY, ("AWS_SECRET_ACCESS_KEY", "s")], false).await.unwrap();
        assert!(why.contains("AWS_ACCESS_KEY_ID is the key of a local Lambda"), "{why}");
        assert_eq!(hint, "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY");
        assert_eq!(failure(&[KEY], true).await, None);
        assert_eq!(failure(&[("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")], false).await, None);
        assert_eq!(failure(&[("AWS_ACCESS_KEY_ID", "LOCALSTACK")], false).await, None);
    }

    #[tokio::test]
    async fn what_else_stands_for_aws_is_left_alone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"HTTP/1.1 403 x\r\ncontent-length: 0\r\n\r\n").await;
            }
        });
        assert_eq!(
            failure(&[("AWS_ENDPOINT_URL", &url), ("AWS_ENDPOINT_URL_S3", "")], false).await,
            None
        );
        for elsewhere in
            ["https://lambda.eu-west-1.amazonaws.com", "http://minio:9000", "not a URL"]
        {
            assert_eq!(
                failure(&[("AWS_ENDPOINT_URL", elsewhere)], false).await,
                None,
                "{elsewhere}"
            );
        }
        // One of several endpoints without a listener may be of a service that is not used.
        assert_eq!(
            failure(
                &[("AWS_ENDPOINT_URL", &url), ("AWS_ENDPOINT_URL_S3", "http://[::1]:9")],
                false
            )
            .await,
            None
        );
        answering.abort();
    }
}
