//! Recognizes environment variables whose value is likely a secret. Pure.

/// Parts of the names of secrets.
const NAMES: [&str; 12] = [
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "TOKEN",
    "CREDENTIAL",
    "APIKEY",
    "PRIVATE",
    "_KEY",
    "_DSN",
    "_PWD",
    "_PASS",
];
/// Beginnings of keys and tokens of widespread services.
const BEGINNINGS: [&str; 9] =
    ["AKIA", "ASIA", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "sk-"];

/// Returns `true` if the variable looks like a secret, by its name or its value.
pub(super) fn is_likely(name: &str, value: &str) -> bool {
    let loud = format!("_{}", name.to_ascii_uppercase());
    if NAMES.iter().any(|part| loud.contains(part)) {
        return true;
    }
    let has_beginning = BEGINNINGS.iter().any(|beginning| value.starts_with(beginning));
    (has_beginning && value.len() >= 16 && !value.contains(' '))
        || value.contains("-----BEGIN ")
        || (value.starts_with("eyJ") && value.matches('.').count() == 2)
        || has_password(value)
}

/// Returns `true` for a URL with a password: `postgres://user:password@host`.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_name_or_value() {
        for (name, value) in [
            ("API_KEY", ""),
            ("KEY", "x"),
            ("dbPassword", "x"),
            ("GITHUB_TOKEN", "x"),
            ("SENTRY_DSN", "x"),
            ("DB", "postgres://user:pass@host/db"),
            ("A", "AKIAIOSFODNN7EXAMPLE"),
            ("B", "-----BEGIN RSA PRIVATE KEY-----\nx"),
            ("C", "eyJhbGciOiJub25lIn0.e30.x"),
        ] {
            assert!(is_likely(name, value), "{name}");
        }
        for (name, value) in [
            ("LEVEL", "info"),
            ("MONKEY", "x"),
            ("URL", "https://user@host/a:b@c"),
            ("URL", "https://host:8080/"),
            ("A", "sk-ip"),
            ("EMPTY", ""),
        ] {
            assert!(!is_likely(name, value), "{name}={value}");
        }
    }
}
