//! TLS by rustls, with ring: certificates from files, trust from a file or the system.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::error::{Error, Result};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn bad(path: &Path, what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::usage(path.display().to_string(), what).caused_by(cause)
}

/// What a server shows: the chain in `certificate` and its `key`, both PEM.
///
/// # Errors
/// A file cannot be read, or the key is another certificate's.
pub fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let chain = certificates(certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|e| bad(key, "is not a private key in PEM", e))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::engine("TLS", "cannot be set up").caused_by(e))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|e| bad(certificate, "cannot be used with this key", e))?;
    Ok(Arc::new(config))
}

/// Whom a client trusts: the authorities in the PEM file `ca`, else those of the system.
///
/// # Errors
/// The file cannot be read, or the system trusts nobody.
pub fn client(ca: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|e| bad(path, "is not a certificate of an authority", e))?;
            }
        }
        None => {
            roots.add_parsable_certificates(system_roots());
        }
    }
    if roots.is_empty() {
        return Err(
            Error::usage("TLS", "this system has no trusted authorities")
                .with_remedy("apt-get install ca-certificates, or name a file of them"),
        );
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::engine("TLS", "cannot be set up").caused_by(e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The authorities that this system trusts.
pub fn system_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    let found = found.map_err(|e| bad(path, "does not hold certificates in PEM", e))?;
    if found.is_empty() {
        return Err(Error::usage(
            path.display().to_string(),
            "it holds no certificate in PEM",
        ));
    }
    Ok(found)
}
