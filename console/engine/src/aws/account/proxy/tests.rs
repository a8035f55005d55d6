use super::*;

fn proxies(variables: &[(&str, &str)]) -> Proxies {
    Proxies::of(&Env::from_slice(variables))
}

fn way(proxies: &Proxies, uri: &str) -> Option<String> {
    proxies.to(&uri.parse().unwrap()).map(Proxy::shown)
}

#[test]
fn lower_case_goes_before_upper_case_and_nothing_is_no_proxy() {
    let aws = "https://sts.eu-west-1.amazonaws.com";
    let of = |variables: &[(&str, &str)]| way(&proxies(variables), aws);
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("HTTPS_PROXY", "http://one:1")]).as_deref(), Some("http://one:1"));
    assert_eq!(
        of(&[("https_proxy", "two:2"), ("HTTPS_PROXY", "one:1")]).as_deref(),
        Some("http://two:2")
    );
    assert_eq!(of(&[("https_proxy", ""), ("HTTPS_PROXY", "one:1")]), None);
    assert_eq!(
        of(&[("all_proxy", "three:3"), ("HTTP_PROXY", "one:1")]).as_deref(),
        Some("http://three:3")
    );
    assert_eq!(of(&[("HTTP_PROXY", "one:1")]), None, "it is for plain HTTP");
    let plain = proxies(&[("HTTP_PROXY", "one:1"), ("ALL_PROXY", "three:3")]);
    assert_eq!(way(&plain, "http://emulator:4566").as_deref(), Some("http://one:1"));
}

#[test]
fn exceptions_are_hosts_domains_networks_ports_or_all() {
    let aws = "https://sts.eu-west-1.amazonaws.com";
    let is_direct = |no: &str, uri: &str| {
        way(&proxies(&[("ALL_PROXY", "http://proxy:1"), ("no_proxy", no)]), uri).is_none()
    };
    for no in [
        "*",
        "amazonaws.com",
        ".amazonaws.com",
        "*.amazonaws.com",
        "AMAZONAWS.COM",
        "amazonaws.com.",
        "a.example, sts.eu-west-1.amazonaws.com",
        "a.example amazonaws.com",
        "amazonaws.com:443",
        ".amazonaws.com:443",
    ] {
        assert!(is_direct(no, aws), "{no}");
    }
    for no in ["", "zonaws.com", "amazonaws.com:8443", "10.0.0.0/8", "ec2.eu-west-1.amazonaws.com"]
    {
        assert!(!is_direct(no, aws), "{no}");
    }
    for (no, uri) in [
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("10.1.2.3", "https://10.1.2.3:8443"),
        ("10.1.2.3:8443", "https://10.1.2.3:8443"),
        ("2001:db8::/32", "https://[2001:db8::1]"),
        ("2001:db8::1", "https://[2001:db8::1]"),
        ("[2001:db8::1]:443", "https://[2001:db8::1]"),
    ] {
        assert!(is_direct(no, uri), "{no}");
    }
    assert!(!is_direct("10.1.2.3:8443", "https://10.1.2.3"));
    assert!(!is_direct("10.0.0.0/8", "https://11.1.2.3"));
}

#[test]
fn what_is_on_this_machine_never_goes_through_a_proxy() {
    let proxies = proxies(&[("ALL_PROXY", "http://proxy:1"), ("NO_PROXY", "example.com")]);
    for uri in [
        "http://127.0.0.1:4566",
        "http://127.8.0.1",
        "https://localhost:8443",
        "http://LOCALHOST",
        "http://f.lambda-url.localhost:9000",
        "http://[::1]:4566",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0:4566",
        "http://169.254.169.254/latest/meta-data",
        "http://169.254.170.2/v2/credentials",
        "http://[fd00:ec2::254]",
    ] {
        assert_eq!(way(&proxies, uri), None, "{uri}");
    }
    assert!(way(&proxies, "https://localhost.example.org").is_some());
}

#[test]
fn users_and_passwords_are_taken_as_they_are_and_never_shown() {
    let uri = address("http://me:p@ss/w#rd@proxy:3128/path").unwrap();
    assert_eq!(uri.to_string(), "http://me:p%40ss%2Fw%23rd@proxy:3128/");
    assert_eq!(address("me:p%40ss@proxy").unwrap().to_string(), "http://me:p%40ss@proxy/");
    let proxies = proxies(&[("HTTPS_PROXY", "http://me:secret@proxy:3128")]);
    assert!(!format!("{proxies:?}").contains("secret"), "{proxies:?}");
}

#[test]
fn an_address_that_cannot_be_used_is_refused_with_the_reason() {
    assert_eq!(
        address("socks5h://127.0.0.1:1080").unwrap_err(),
        "socks5h proxies are not supported"
    );
    assert_eq!(address("http://").unwrap_err(), "it is not a URL");
    assert_eq!(address("http://a b").unwrap_err(), "it is not a URL");
}

#[tokio::test]
async fn a_proxy_that_refuses_to_connect_is_named_with_its_status() {
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_smithy_http_client::{
        Builder, Connector,
        tls::{Provider, rustls_provider::CryptoMode},
    };
    use aws_smithy_types::retry::RetryConfig;

    use crate::aws::error::CallError;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut asked = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 2048];
            let read = stream.read(&mut request).await.unwrap();
            asked.push(String::from_utf8_lossy(&request[..read]).into_owned());
            stream
                .write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        }
        asked
    });
    let proxies = proxies(&[("HTTPS_PROXY", &format!("http://me:p%40ss@{address}"))]);
    let client = proxies.client(|proxy| {
        Builder::new().build_with_connector_fn(move |_, _| {
            let mut connector =
                Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring));
            connector.set_proxy_config(proxy.clone());
            connector.build()
        })
    });
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "a", "b", None, None, "tests",
        )))
        .http_client(client)
        .retry_config(RetryConfig::disabled())
        .build();
    let call = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
    let failure = CallError::from(call.unwrap_err()).into_failure("could not ask");
    let expected = format!(
        "through the proxy http://{address} (HTTPS_PROXY): it answered CONNECT with 502 Bad \
        Gateway"
    );
    assert_eq!(failure.why, expected);
    assert!(failure.hint.starts_with("the proxy could not reach this host"), "{failure:?}");
    let asked = serving.await.unwrap();
    assert!(
        asked[1].starts_with("CONNECT sts.eu-west-1.amazonaws.com:443 HTTP/1.1\r\n"),
        "{asked:?}"
    );
    assert!(asked[1].contains("Proxy-Authorization: Basic bWU6cEBzcw==\r\n"), "{asked:?}");
}
