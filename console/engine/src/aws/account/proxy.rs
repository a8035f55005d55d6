//! The proxy for calls to AWS, from the environment variables of curl, the AWS CLI and cargo:
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in lower case before upper case.
//!
//! The SDK's client takes one proxy for one scheme and reads the process's environment for the
//! rest, so the client of a request is chosen here, by its address.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
};
use aws_types::os_shim_internal::Env;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use lambda_console_model::text::one_line;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::no_answer::causes;

/// Characters that are not encoded in the user and password of a URL; `%` begins an encoded
/// character.
const USER: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'%');

/// The proxies of the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    direct: Vec<Rule>,
}

/// A proxy with the variable that names it.
#[derive(Clone, PartialEq, Eq)]
struct Proxy {
    variable: String,
    /// An error means that the URL cannot be used, with the reason.
    url: Result<Uri, String>,
}

/// An entry of `NO_PROXY`: a host, a domain, a network or `*`, for one port or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    host: String,
    port: Option<u16>,
}

impl Proxies {
    /// Returns the proxies that `env` names.
    pub(super) fn of(env: &Env) -> Self {
        let all = || Proxy::named(env, "ALL_PROXY");
        let (_, direct) = variable(env, "NO_PROXY").unwrap_or_default();
        let entries =
            direct.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        Self {
            https: Proxy::named(env, "HTTPS_PROXY").or_else(all),
            http: Proxy::named(env, "HTTP_PROXY").or_else(all),
            direct: entries.map(Rule::of).collect(),
        }
    }

    /// The proxy for a call to `uri`.
    fn to(&self, uri: &Uri) -> Option<&Proxy> {
        let is_secure = uri.scheme_str() == Some("https");
        let proxy = if is_secure { self.https.as_ref() } else { self.http.as_ref() }?;
        let host = uri.host()?;
        if stays_near(host) {
            return None;
        }
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let rules = self.direct.iter().filter(|rule| rule.port.is_none_or(|only| only == port));
        let rules = rules.map(|rule| rule.host.as_str()).collect::<Vec<_>>().join(",");
        // The address of the proxy does not matter here: this only checks the exceptions.
        Matcher::builder().all("http://proxy").no(rules).build().intercept(uri).map(|_| proxy)
    }

    /// Returns a client that uses these proxies; `make` returns a client with one proxy or with
    /// none.
    pub(super) fn client(
        self,
        make: impl Fn(Option<ProxyConfig>) -> SharedHttpClient,
    ) -> SharedHttpClient {
        if self.https.is_none() && self.http.is_none() {
            return make(None);
        }
        let through = |proxy: &Option<Proxy>, config: fn(Uri) -> Option<ProxyConfig>| {
            let uri = proxy.as_ref()?.url.as_ref().ok()?;
            Some(make(Some(config(uri.clone())?)))
        };
        let https = through(&self.https, |uri| ProxyConfig::https(uri).ok());
        let http = through(&self.http, |uri| ProxyConfig::http(uri).ok());
        SharedHttpClient::new(Routed(Arc::new(Routes {
            direct: make(None),
            https,
            http,
            proxies: self,
        })))
    }
}

impl Proxy {
    fn named(env: &Env, name: &str) -> Option<Self> {
        let (variable, value) = variable(env, name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| Self { variable, url: address(value) })
    }

    /// Its address without user and password, so that it may be shown.
    fn shown(&self) -> String {
        match &self.url {
            Ok(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!(
                    "{}://{}{port}",
                    url.scheme_str().unwrap_or("http"),
                    url.host().unwrap_or_default()
                )
            }
            Err(why) => why.clone(),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.shown(), self.variable)
    }
}

/// The variable `name` with its value, in lower case before upper case; an empty value counts as
/// set.
fn variable(env: &Env, name: &str) -> Option<(String, String)> {
    let names = [name.to_ascii_lowercase(), name.to_owned()];
    names.into_iter().find_map(|name| env.get(&name).ok().map(|value| (name, value)))
}

/// The URL of a proxy; `http` if it has no scheme. User and password may contain characters that a
/// URL must encode.
fn address(value: &str) -> Result<Uri, String> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(format!("{scheme} proxies are not supported"));
    }
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (format!("{}@", utf8_percent_encode(user, USER)), host),
        None => (String::new(), rest),
    };
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let uri = format!("{scheme}://{user}{host}/").parse::<Uri>();
    uri.ok()
        .filter(|uri| uri.host().is_some_and(|host| !host.is_empty()))
        .ok_or_else(|| "it is not a URL".to_owned())
}

impl Rule {
    fn of(entry: &str) -> Self {
        let is_host = |host: &str| !host.contains(':') || host.ends_with(']');
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if is_host(host) => (host, port.parse().ok()),
            _ => (entry, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches([']', '.']);
        let host =
            host.strip_prefix("*.").map_or_else(|| host.to_owned(), |domain| format!(".{domain}"));
        Self { host, port }
    }
}

/// Returns `true` for hosts that no proxy can reach for this machine: itself, and services that
/// answer only this machine, such as the metadata service that provides an instance's credentials.
fn stays_near(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => {
            address.is_loopback() || address.is_link_local() || address.is_unspecified()
        }
        Ok(IpAddr::V6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || host == "fd00:ec2::254"
                || host == "fd00:ec2::23"
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Clients for each route that a request can take.
struct Routes {
    direct: SharedHttpClient,
    https: Option<SharedHttpClient>,
    http: Option<SharedHttpClient>,
    proxies: Proxies,
}

#[derive(Clone)]
struct Routed(Arc<Routes>);

impl fmt::Debug for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Routed").field(&self.0.proxies).finish()
    }
}

impl HttpClient for Routed {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let (routes, settings, components) =
            (Arc::clone(&self.0), settings.clone(), components.clone());
        SharedHttpConnector::new(Chooser { routes, settings, components })
    }
}

/// Chooses the route of one request.
struct Chooser {
    routes: Arc<Routes>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl fmt::Debug for Chooser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chooser").field(&self.routes.proxies).finish()
    }
}

impl HttpConnector for Chooser {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector =
            |client: &SharedHttpClient| client.http_connector(&self.settings, &self.components);
        let uri = request.uri().parse::<Uri>().unwrap_or_default();
        let Some(proxy) = self.routes.proxies.to(&uri) else {
            return connector(&self.routes.direct).call(request);
        };
        let way =
            if uri.scheme_str() == Some("https") { &self.routes.https } else { &self.routes.http };
        let (shown, variable, address) =
            (proxy.shown(), proxy.variable.clone(), proxy.url.clone().ok());
        let Some(client) = way else {
            let failed =
                Through { proxy: String::new(), variable, refusal: None, source: shown.into() };
            return HttpConnectorFuture::ready(Err(ConnectorError::user(failed.into())));
        };
        let answer = connector(client).call(request);
        HttpConnectorFuture::new(async move {
            let error = match answer.await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // The client does not report the status.
            let refusal = match (address, uri.authority()) {
                (Some(proxy), Some(host)) if is_refused(&error) => {
                    let host = format!("{}:{}", host.host(), host.port_u16().unwrap_or(443));
                    refusal(&proxy, &host).await
                }
                _ => None,
            };
            let kind: fn(BoxError) -> ConnectorError = match &error {
                error if error.is_timeout() => ConnectorError::timeout,
                error if error.is_user() => ConnectorError::user,
                error if error.is_io() => ConnectorError::io,
                _ => |source| ConnectorError::other(source, None),
            };
            Err(kind(Through { proxy: shown, variable, refusal, source: error.into() }.into()))
        })
    }
}

/// Returns `true` if the proxy refused to connect to the host. The type of this error of
/// `hyper-util` is private: its text is its only sign.
fn is_refused(error: &ConnectorError) -> bool {
    let mut causes = causes(error);
    causes.any(|cause| cause.to_string() == "tunnel error: unsuccessful")
}

/// Asks the proxy again to connect to `host`, and returns its status line. `None` means that it
/// connects now, or sends no answer.
async fn refusal(proxy: &Uri, host: &str) -> Option<String> {
    if proxy.scheme_str() != Some("http") {
        return None;
    }
    let address = (proxy.host()?.trim_matches(['[', ']']), proxy.port_u16().unwrap_or(80));
    let user = proxy
        .authority()
        .and_then(|authority| authority.as_str().rsplit_once('@'))
        .map(|(user, _)| user);
    let user =
        user.map(|user| BASE64_STANDARD.encode(percent_decode_str(user).collect::<Vec<u8>>()));
    let user =
        user.map(|user| format!("Proxy-Authorization: Basic {user}\r\n")).unwrap_or_default();
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{user}\r\n").as_bytes())
            .await?;
        let mut line = String::new();
        BufReader::new(stream.take(LONGEST_STATUS)).read_line(&mut line).await?;
        Ok::<_, std::io::Error>(line)
    };
    let line = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    let status = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    let status = one_line(status.trim());
    (!status.starts_with('2') && !status.is_empty()).then_some(status)
}

/// Maximum length of a status line, in bytes.
const LONGEST_STATUS: u64 = 200;
/// Longest wait for a proxy to repeat its status.
const PATIENCE: Duration = Duration::from_secs(5);

/// Error for a call through a proxy that got no answer.
#[derive(Debug)]
pub(crate) struct Through {
    /// Its address; empty if it cannot be used.
    proxy: String,
    variable: String,
    /// Status line of the proxy, if it refused to connect to the host: `403 Forbidden`.
    refusal: Option<String>,
    source: BoxError,
}

impl Through {
    /// Returns the proxy's status line, if it refused to connect to the host.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Returns a description of the proxy.
    pub(crate) fn place(&self) -> String {
        if self.proxy.is_empty() {
            format!("the proxy in {}", self.variable)
        } else {
            format!("the proxy {} ({})", self.proxy, self.variable)
        }
    }
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl std::error::Error for Through {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests;
