//! Calls that got no answer: why, and what the user can do about it.

use std::{error::Error, io};

use aws_smithy_types::error::display::DisplayErrorContext;

use super::proxy::Through;

/// Why a call got no answer.
#[derive(Clone, Debug)]
pub(crate) struct NoAnswer {
    /// The innermost causes, for people.
    pub(crate) why: String,
    obstacle: Obstacle,
}

/// Where a call stopped.
#[derive(Clone, Copy, Debug)]
enum Obstacle {
    Network,
    /// The proxy, or a variable that names none that can be used.
    Proxy,
    /// A proxy that requires a user.
    ProxyUser,
    /// A proxy that is not allowed to connect to the host.
    ProxyRule,
    /// A proxy that cannot connect to the host.
    BehindProxy,
    /// A certificate of the server that is not trusted.
    Certificate,
}

impl NoAnswer {
    /// Reads and logs the error of a call that got no answer.
    pub(in crate::aws) fn of(error: &(dyn Error + 'static)) -> Self {
        let reason = reason(error);
        let Some(through) = cause::<Through>(error) else {
            let obstacle =
                if is_untrusted(error) { Obstacle::Certificate } else { Obstacle::Network };
            return Self { why: reason, obstacle };
        };
        let (why, obstacle) = match through.refusal() {
            Some(status) => {
                let is_rule = status.starts_with("403");
                let obstacle = if is_rule { Obstacle::ProxyRule } else { Obstacle::BehindProxy };
                (format!("it answered CONNECT with {status}"), obstacle)
            }
            None if is_untrusted(error) => (reason, Obstacle::Certificate),
            None if requires_user(error) => (reason, Obstacle::ProxyUser),
            None => (reason, Obstacle::Proxy),
        };
        Self { why: format!("through {}: {why}", through.place()), obstacle }
    }

    /// Advice for the user.
    pub(crate) const fn hint(&self) -> &'static str {
        match self.obstacle {
            Obstacle::Network => {
                "check the network and the credentials of the profile (`aws sts \
                get-caller-identity`)"
            }
            Obstacle::Proxy => "check the variable, or name hosts that need no proxy in NO_PROXY",
            Obstacle::ProxyUser => {
                "the proxy requires a user: HTTPS_PROXY=http://user:password@host:port"
            }
            Obstacle::ProxyRule => {
                "the proxy forbids this host: ask its administrator to allow it, or name the host \
                in NO_PROXY"
            }
            Obstacle::BehindProxy => {
                "the proxy could not reach this host: check the region, the network behind the \
                proxy, and NO_PROXY"
            }
            Obstacle::Certificate => {
                "configure the authority that signed it: AWS_CA_BUNDLE, or `ca_bundle` in the \
                profile, with a PEM file of certificates"
            }
        }
    }
}

impl From<String> for NoAnswer {
    fn from(why: String) -> Self {
        Self { why, obstacle: Obstacle::Network }
    }
}

/// An error and its causes, the innermost last.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| (**cause).source())
}

/// The cause of this type, at any depth.
pub(in crate::aws) fn cause<'a, C: Error + 'static>(
    error: &'a (dyn Error + 'static),
) -> Option<&'a C> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// A refused connection is the one transport error that proves that nothing was received.
pub(in crate::aws) fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let refused = |io: &io::Error| io.kind() == io::ErrorKind::ConnectionRefused;
    causes(error).any(|cause| cause.downcast_ref().is_some_and(refused))
}

/// Returns `true` if the server's certificate was rejected. An I/O error has the error within it
/// not as its source.
fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    fn is_rejected(io: &io::Error) -> bool {
        let Some(inner) = io.get_ref() else { return false };
        matches!(inner.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
            || inner.downcast_ref().is_some_and(is_rejected)
    }
    causes(error).any(|cause| cause.downcast_ref().is_some_and(is_rejected))
}

/// Returns `true` if a proxy answered 407. The type of this error of `hyper-util` is private: its
/// text is its only sign.
fn requires_user(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.to_string() == "tunnel error: proxy authorization required")
}

/// The innermost causes describe what happened; the outer ones only repeat that it did.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut texts = Vec::new();
    for cause in causes(error) {
        // A chain of credential providers reports each on a line of its own: the log has them all.
        let text = cause.to_string().lines().next().unwrap_or_default().to_owned();
        // The proxy is named before the whole message.
        if texts.last() != Some(&text) && !cause.is::<Through>() {
            texts.push(text);
        }
    }
    tracing::info!(error = %DisplayErrorContext(error), "a call got no response");
    texts[texts.len().saturating_sub(2)..].join(": ")
}
