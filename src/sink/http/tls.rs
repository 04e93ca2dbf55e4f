//! Which servers are trusted with `--cacert` and `--cert-fingerprint`. Without them it is up to the system's authorities.

use super::certificate::{has_common_name, is_valid_at};
use super::{Fingerprint, HttpOptions};
use crate::error::of_file;
use anyhow::{Context as _, Result, anyhow};
use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// The configuration of TLS for `--cacert` or `--cert-fingerprint`; `None` without them.
///
/// # Errors
/// When a file has no certificate or no key.
pub(super) fn config(options: &HttpOptions) -> Result<Option<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = match (&options.fingerprint, &options.cacert) {
        (Some(pinned), _) => Trust::Pinned(pinned.clone()),
        (None, Some(path)) => named(path, provider.clone())?,
        (None, None) => return Ok(None),
    };
    let verifier = Arc::new(Verifier { trust, provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match &options.cert {
        Some(path) => {
            let (chain, key) = identity(path, options.client_key.as_deref())?;
            builder.with_client_auth_cert(chain, key).map_err(|error| anyhow!("--cert: {}: {error}", path.display()))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(config))
}

pub(super) fn load(flag: &str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(of_file).with_context(|| format!("{flag}: {}", path.display()))
}

/// The certificate of `--cert` with those behind it, and its key.
fn identity(cert: &Path, key: Option<&Path>) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let pem = pem_of_identity(cert, key)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem).ok().filter(|_| !chain.is_empty());
    Ok((chain, key.ok_or_else(|| no_identity(cert))?))
}

/// The certificate of `--cert` and its key, in one text.
pub(super) fn pem_of_identity(cert: &Path, key: Option<&Path>) -> Result<Vec<u8>> {
    let mut pem = load("--cert", cert)?;
    if let Some(key) = key {
        pem.push(b'\n');
        pem.extend(load("--client-key", key)?);
    }
    Ok(pem)
}

pub(super) fn no_identity(cert: &Path) -> anyhow::Error {
    let text = "missing PEM certificate or its key (both in one file, or the key in --client-key)";
    anyhow!("--cert: {}: {text}", cert.display())
}

/// Decides whether a server is trusted.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

/// What is trusted.
#[derive(Debug)]
enum Trust {
    /// `--cacert`: authorities, and servers' own certificates, as in curl.
    Named(Vec<CertificateDer<'static>>, Arc<WebPkiServerVerifier>),
    /// `--cert-fingerprint`: the server's own certificate, or one that the server shows with it, which must have signed it.
    Pinned(Fingerprint),
}

fn named(path: &Path, provider: Arc<CryptoProvider>) -> Result<Trust> {
    let pem = load("--cacert", path)?;
    let all: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    let none = || anyhow!("--cacert: {}: no PEM certificate found", path.display());
    let authorities = authorities(all.iter().cloned(), provider).map_err(|_| none())?;
    Ok(Trust::Named(all, authorities))
}

/// Checks that one of these has signed a server's certificate. Fails without any.
fn authorities(
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    Ok(WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?)
}

/// Whether a server may show a certificate that the user named as its own. Only who signed it does not matter.
fn check_own(shown: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    if !is_valid_at(shown, now.as_secs()) {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    if has_common_name(shown, &name.to_str()) {
        return Ok(());
    }
    verify_server_name(&ParsedCertificate::try_from(shown)?, name)
}

fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Fingerprint(digest(&SHA256, certificate).as_ref().to_vec())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        behind: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_own = match &self.trust {
            Trust::Named(own, authorities) => {
                let signed = authorities.verify_server_cert(shown, behind, name, ocsp, now);
                if signed.is_ok() || !own.contains(shown) {
                    return signed;
                }
                check_own(shown, name, now)
            }
            Trust::Pinned(pinned) if fingerprint(shown) == *pinned => Ok(()),
            Trust::Pinned(pinned) => {
                let Some(authority) = behind.iter().find(|authority| fingerprint(authority) == *pinned) else {
                    let own = fingerprint(shown);
                    let text =
                        format!("its certificate's SHA-256 fingerprint is {own}, not that of --cert-fingerprint");
                    return Err(Error::General(text));
                };
                let authorities = authorities([authority.clone().into_owned()], self.provider.clone());
                let authorities = authorities.map_err(|error| Error::General(error.to_string()))?;
                return authorities.verify_server_cert(shown, behind, name, ocsp, now);
            }
        };
        is_own.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
