//! The certificates that verify a server's own, if the user names them as for the AWS CLI:
//! `AWS_CA_BUNDLE`, `ca_bundle` in the profile, `REQUESTS_CA_BUNDLE`. They replace the system's.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::TrustStore;
use aws_types::os_shim_internal::Env;
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_model::Failure;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::aws::credentials::profiles::{Profiles, variable};

/// Trusted certificates of the user; the system's if no file is named.
pub(super) fn trusted(env: &Env, profiles: &Profiles) -> Result<TrustStore, Failure> {
    let of_env = |name: &str| Some((name.to_owned(), variable(env, name)?));
    let of_profile = || {
        Some((format!("ca_bundle of the profile {}", profiles.name()), profiles.get("ca_bundle")?))
    };
    let named = [of_env("AWS_CA_BUNDLE"), of_profile(), of_env("REQUESTS_CA_BUNDLE")];
    let Some((place, file)) = named.into_iter().flatten().find(|(_, file)| !file.is_empty()) else {
        return Ok(TrustStore::default());
    };
    let file = expanded(env, &file);
    certificates(&file).map_err(|why| {
        Failure::environment(
            format!("could not read the certificates that {place} names"),
            format!("{}: {why}", file.display()),
            format!(
                "name a PEM file of certificates, or remove {place} to use the system's \
                certificates"
            ),
        )
    })
}

fn expanded(env: &Env, file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), variable(env, "HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(file),
    }
}

/// The certificates of `file`. One that cannot be used is skipped if another can be used: the SDK
/// would panic on it.
fn certificates(file: &Path) -> Result<TrustStore, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let (mut store, mut roots, mut why) = (TrustStore::empty(), RootCertStore::empty(), None);
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let usable = certificate.map_err(|error| error.to_string()).and_then(|certificate| {
            let pem = in_pem(&certificate);
            roots.add(certificate).map(|()| pem).map_err(|error| error.to_string())
        });
        match usable {
            Ok(pem) => drop(store.add_pem_certificate(pem)),
            Err(error) => why = Some(error),
        }
    }
    if roots.is_empty() {
        return Err(why.unwrap_or_else(|| "it contains no PEM certificate".to_owned()));
    }
    if let Some(why) = why {
        tracing::warn!(file = %file.display(), why, "a certificate was skipped");
    }
    Ok(store)
}

fn in_pem(certificate: &CertificateDer<'_>) -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(certificate)
    )
}
