//! Certificates in PEM files, and what is said where there are none.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{Error, Result};

/// The cryptography.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A file that cannot be used.
pub(crate) fn bad(
    path: &Path,
    what: &str,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::usage(path.display().to_string(), what).caused_by(cause)
}

/// All certificates of a file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    let found = found.map_err(|e| bad(path, "does not hold certificates in PEM", e))?;
    if found.is_empty() {
        let what = "it holds no certificate in PEM";
        return Err(Error::usage(path.display().to_string(), what));
    }
    Ok(found)
}
